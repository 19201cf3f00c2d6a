"""Blocks of images as channels, and back, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.ops.convolutions import first, spatial
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import rearranging
from tenfold.primitives.contraction import reach
from tenfold.primitives.movement import pad, reshape, slice_, stack


@operation("nn")
def unfold(x: Array, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """The windows of images [batch, channels, height, width] as columns: [batch, channels * window, number of windows].

    Example:
        >>> unfold(tf.ones([1, 2, 4, 4]), 2, stride=2).shape
        TensorShape([1, 8, 4])
    """
    if x.ndim != 4:
        raise ValueError(f"Input must be a 4D tensor. Received: input.shape={x.shape}")
    kernel, gaps, margin, step = (spatial("kernel_size", v, 2) for v in (kernel_size, dilation, padding, stride))
    x = pad(x, (0, 0, *margin), (0, 0, *margin))
    n, channels, *space = x.sizes
    counts = [(s - r) // t + 1 for s, r, t in zip(space, reach(kernel, gaps), step, strict=True)]
    parts = [slice_(x, (0, 0, i * gaps[0], j * gaps[1]), (n, channels, *counts), (1, 1, *step)) for i in range(kernel[0]) for j in range(kernel[1])]
    return reshape(stack(parts, 2), (n, channels * len(parts), counts[0] * counts[1]))


@operation("nn")
def fold(x: Array, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Array:
    """The sum of windows, each at its place in the images [batch, channels, height, width]: the transpose of `unfold`.

    Example:
        >>> fold(tf.ones([1, 8, 4]), (4, 4), 2, stride=2).shape
        TensorShape([1, 2, 4, 4])
    """
    if x.ndim != 3:
        raise ValueError(f"Input must be a 3D tensor. Received: input.shape={x.shape}")
    size, kernel, gaps, margin, step = (spatial("output_size", v, 2) for v in (output_size, kernel_size, dilation, padding, stride))
    n, rows, _ = x.sizes
    if rows % (kernel[0] * kernel[1]):
        raise ValueError(f"[fold] the second size must be a multiple of {kernel[0] * kernel[1]}, the window's. Received: x.shape={x.shape}")
    channels = rows // (kernel[0] * kernel[1])
    wide = [s + 2 * m for s, m in zip(size, margin, strict=True)]
    counts = [(s - r) // t + 1 for s, r, t in zip(wide, reach(kernel, gaps), step, strict=True)]
    x = reshape(x, (n, channels, *kernel, *counts))
    total: Any = 0
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            part = reshape(slice_(x, (0, 0, i, j, 0, 0), (n, channels, 1, 1, *counts)), (n, channels, *counts))
            low = (i * gaps[0], j * gaps[1])
            high = [w - b - (c - 1) * s - 1 for w, b, c, s in zip(wide, low, counts, step, strict=True)]
            total = pad(part, (0, 0, *low), (0, 0, *high), (0, 0, step[0] - 1, step[1] - 1)) + total
    return slice_(total, (0, 0, *margin), (n, channels, *size))


def _checked(name: str, x: Any, block_size: int) -> None:
    if not isinstance(block_size, int) or block_size < 2:
        raise ValueError(f"[{name}] `block_size` must be at least 2. Received: block_size={block_size}")
    if x.ndim != 4:
        raise ValueError(f"`{name}` requires a 4D input tensor. Received: x.shape={x.shape}")


@operation("nn")
def depth_to_space(x: Array, block_size: int, data_format: Any = "channels_last") -> Array:
    """The channels of one pixel as a block of `block_size` x `block_size` pixels.

    Example:
        >>> depth_to_space(tf.ones([1, 2, 2, 12]), 2).shape
        TensorShape([1, 4, 4, 3])
    """
    _checked("depth_to_space", x, block_size)
    return rearranging.depth_to_space(x, block_size, "NCHW" if first(data_format) else "NHWC")


@operation("nn")
def space_to_depth(x: Array, block_size: int, data_format: Any = "channels_last") -> Array:
    """Each block of `block_size` x `block_size` pixels as the channels of one pixel.

    Example:
        >>> space_to_depth(tf.ones([1, 4, 4, 3]), 2).shape
        TensorShape([1, 2, 2, 12])
    """
    _checked("space_to_depth", x, block_size)
    return rearranging.space_to_depth(x, block_size, "NCHW" if first(data_format) else "NHWC")
