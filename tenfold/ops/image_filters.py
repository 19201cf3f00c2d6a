"""Filters of images, comparisons, and patches: parts of `tf.image`; images are [batch, height, width, channels]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.ops import shaping
from tenfold.ops.reducing import reduce_mean
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.contraction import conv_padding, conv_sizes, convolution
from tenfold.primitives.elementwise import exp
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import pad, reshape, slice_, stack, transpose
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor, as_tensor


def gaussian(size: int, sigma: Any, dtype: Any) -> Any:
    """The bell curve at `size` places around 0, with the sum 1."""
    at = cast(iota(size), dtype) - (size - 1) / 2
    scaled = at / cast(as_tensor(sigma), dtype)
    bell = exp(-0.5 * scaled * scaled)
    return bell / sum_(bell)


def separably(x: Any, rows: Any, columns: Any, padding: str) -> Any:
    """Each channel convolved with the outer product of two vectors: one along the height, one along the width."""
    channels = x.sizes[-1]
    for kernel, shape in ((rows, (rows.sizes[0], 1)), (columns, (1, columns.sizes[0]))):
        filters = shaping.tile(reshape(kernel, (*shape, 1, 1)), [1, 1, 1, channels])
        x = convolution(x, filters, (1, 1), conv_padding(padding, x.sizes[1:-1], shape, (1, 1), (1, 1)), (1, 1), channels)
    return x


def sobel_edges(image: Any) -> Tensor:
    """How fast images change downwards and to the right (Sobel's filters), as a new last axis of size 2; borders are mirrored.

    Example:
        >>> import tenfold as tf
        >>> tf.image.sobel_edges(tf.ones([1, 8, 8, 3])).shape
        TensorShape([1, 8, 8, 3, 2])
    """
    x = as_tensor(image)
    n, height, width, channels = x.sizes
    wide: Any = shaping.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "REFLECT")

    def moved(i: int, j: int) -> Any:
        return slice_(wide, (0, i, j, 0), (n, height, width, channels))

    down = sum(w * (moved(2, j) - moved(0, j)) for j, w in enumerate((1, 2, 1)))
    right = sum(w * (moved(i, 2) - moved(i, 0)) for i, w in enumerate((1, 2, 1)))
    return stack([down, right], -1)


def ssim(img1: Any, img2: Any, max_val: float, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03) -> Tensor:
    """The structural similarity of images (Wang et al., 2004): 1 for equal ones.

    Example:
        >>> import tenfold as tf
        >>> tf.image.ssim(tf.ones([1, 16, 16, 3]), tf.ones([1, 16, 16, 3]), max_val=1.0).numpy()
        array([1.], dtype=float32)
    """
    x, y = (_floats(t) for t in (img1, img2))
    window = gaussian(filter_size, np.float32(filter_sigma), x.dtype)

    def mean(t: Any) -> Any:
        return separably(t, window, window, "VALID")

    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    mx, my = mean(x), mean(y)
    xx, yy, xy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    similarity = (2 * mx * my + c1) * (2 * xy + c2) / ((mx * mx + my * my + c1) * (xx + yy + c2))
    return reduce_mean(similarity, (1, 2, 3))


def _floats(image: Any) -> Any:
    x = as_tensor(image)
    if x.ndim < 3:
        raise ShapeError(f"[image] expected images [batch, height, width, channels]; received shape {x.shape}.")
    return x if x.dtype.is_floating else cast(x, "float32")


def patches(x: Any, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int], padding: str) -> Any:
    """Windows of [batch, spatial sizes..., channels] as channels: one dimension after the other becomes [windows, elements of a window]."""
    margins = conv_padding(padding, x.sizes[1:-1], size, strides, dilation)
    counts = conv_sizes(x.sizes[1:-1], size, strides, margins, dilation)
    n, channels, rank = x.sizes[0], x.sizes[-1], len(size)
    shape = (n, *counts, math.prod(size) * channels)
    if 0 in counts:  # the images are smaller than a window
        return reshape(_every(x, 1, 0, 0), shape)
    x = pad(x, (0, *(before for before, _ in margins), 0), (0, *(after for _, after in margins), 0))
    for i, (count, elements, step, gap) in enumerate(zip(counts, size, strides, dilation, strict=True)):
        axis = 1 + 2 * i
        block = math.gcd(elements, step) if gap == 1 else 1  # neighbours that stay together in every window
        parts, apart = elements // block, step // block
        blocks = (count - 1) * apart + (parts - 1) * gap + 1
        before, after = x.sizes[:axis], x.sizes[axis + 1 :]
        x = reshape(_every(x, axis, 0, blocks * block), (*before, blocks, block, *after))
        x = stack([_every(x, axis, k * gap, count, apart) for k in range(parts)], axis + 1)
        x = reshape(x, (*before, count, elements, *after))
    order = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    return reshape(transpose(x, order), shape)


def _every(x: Any, axis: int, start: int, count: Any, step: int = 1) -> Any:
    """So many elements along `axis`, `step` apart."""
    begin, sizes, steps = [0] * x.ndim, list(x.sizes), [1] * x.ndim
    begin[axis], sizes[axis], steps[axis] = start, count, step
    return slice_(x, begin, sizes, steps)


def extract_patches(images: Any, sizes: Sequence[int], strides: Sequence[int], rates: Sequence[int], padding: str,
                    name: str | None = None) -> Tensor:  # fmt: skip
    """Windows of images as the channels of one pixel; `sizes`, `strides` and `rates` are [1, height, width, 1].

    Example:
        >>> import tenfold as tf
        >>> tf.image.extract_patches(tf.ones([1, 8, 8, 3]), [1, 4, 4, 1], [1, 4, 4, 1], [1, 1, 1, 1], "VALID").shape
        TensorShape([1, 2, 2, 48])
    """
    given = [[int(n) for n in values] for values in (sizes, strides, rates)]
    if any(len(values) != 4 or (values[0], values[3]) != (1, 1) or min(values) < 1 for values in given):
        raise InvalidArgumentError(f"[extract_patches] expected sizes, strides and rates of the form [1, height, width, 1], all positive; "
                                   f"received {given}.")  # fmt: skip
    size, step, gaps = (values[1:3] for values in given)
    found: Tensor = patches(as_tensor(images), size, step, gaps, padding)
    return found
