"""Blocks of space as channels, and back."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import ShapeError
from tenfold.ops.spatial import channels_first, in_format
from tenfold.primitives.movement import reshape, transpose
from tenfold.tensor.tensor import Tensor, as_tensor


def space_to_depth(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """Each block of `block_size` x `block_size` pixels as the channels of one pixel.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.space_to_depth(tf.zeros([1, 4, 4, 3]), 2).shape
        TensorShape([1, 2, 2, 12])
    """
    x, b = as_tensor(input), int(block_size)

    def apply(t: Tensor) -> Tensor:
        n, h, w, c = t.sizes
        if any(isinstance(s, int) and s % b for s in (h, w)):
            raise ShapeError(f"[space_to_depth] height and width must be multiples of {b}; received shape {x.shape}.")
        blocks = transpose(reshape(t, (n, h // b, b, w // b, b, c)), (0, 1, 3, 2, 4, 5))
        return reshape(blocks, (n, h // b, w // b, b * b * c))

    return in_format(apply, x, channels_first("space_to_depth", data_format, 2))


def depth_to_space(input: Any, block_size: int, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """The channels of one pixel as a block of `block_size` x `block_size` pixels.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.depth_to_space(tf.zeros([1, 2, 2, 12]), 2).shape
        TensorShape([1, 4, 4, 3])
    """
    x, b = as_tensor(input), int(block_size)

    def apply(t: Tensor) -> Tensor:
        n, h, w, c = t.sizes
        if c % (b * b):
            raise ShapeError(f"[depth_to_space] the number of channels must be a multiple of {b * b}; received shape {x.shape}.")
        blocks = transpose(reshape(t, (n, h, w, b, b, c // (b * b))), (0, 1, 3, 2, 4, 5))
        return reshape(blocks, (n, h * b, w * b, c // (b * b)))

    return in_format(apply, x, channels_first("depth_to_space", data_format, 2))
