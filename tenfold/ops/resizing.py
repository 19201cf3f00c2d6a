"""Images at another size: each axis is a product with a matrix of weights, most of them 0, or, for the nearest pixel, a gather.

The weights are those of TensorFlow 2's `tf.image.resize` (half-pixel centres): a kernel of finite support around each output pixel's place in
the input, widened by the scale if `antialias` is asked for, and normalized over the pixels that exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.core.dtypes import float32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym
from tenfold.ops import resizing_unknown
from tenfold.ops.shaping import integers
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.contraction import matmul
from tenfold.primitives.ellpack import ellpack_product, stored
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import expand_dims, pad, reshape, slice_
from tenfold.tensor.tensor import Tensor, as_tensor, wrap

FEW = 16  # channels: fewer of them and the pixels of a row go side by side into a vector
MOST = 24  # weights of one pixel that are summed one by one


class ResizeMethod:
    """The names of the methods."""

    AREA = "area"
    BICUBIC = "bicubic"
    BILINEAR = "bilinear"
    GAUSSIAN = "gaussian"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    MITCHELLCUBIC = "mitchellcubic"
    NEAREST_NEIGHBOR = "nearest"


def _triangle(x: Any) -> Any:
    return np.maximum(0, 1 - x)


def _keys(x: Any) -> Any:
    """Keys' cubic kernel with a = -1/2 (Keys, 1981)."""
    return np.where(x < 1, ((1.5 * x - 2.5) * x) * x + 1, np.where(x < 2, ((-0.5 * x + 2.5) * x - 4) * x + 2, 0))


def _mitchell(x: Any) -> Any:
    """The cubic kernel with B = C = 1/3 (Mitchell and Netravali, 1988)."""
    near = ((7 * x - 12) * x) * x + 16 / 3
    far = ((-7 / 3 * x + 12) * x - 20) * x + 32 / 3
    return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6


def _lanczos(radius: float) -> Callable[[Any], Any]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


def _gaussian(x: Any) -> Any:
    return np.where(x < 1.5, np.exp(-x * x / (2 * 0.5 * 0.5)), 0)


KERNELS: dict[str, Callable[[Any], Any]] = {  # of the distance in pixels
    "bilinear": _triangle, "bicubic": _keys, "mitchellcubic": _mitchell, "gaussian": _gaussian, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5),
}  # fmt: skip


@lru_cache(256)
def weights_of(method: str, n: int, size: int, antialias: bool) -> Any:
    """A matrix [size, n] of weights: what each old pixel counts in each new one."""
    scale = n / size
    if method == "area":
        edges = np.arange(size + 1) * scale
        overlap = np.minimum(edges[1:, None], np.arange(1, n + 1)) - np.maximum(edges[:-1, None], np.arange(n))
        return (np.maximum(overlap, 0) / scale).astype(np.float32)
    kernel = KERNELS[method]
    wide = max(scale, 1) if antialias else 1.0
    place = (np.arange(size) + 0.5) * scale
    if method == "bilinear" and not antialias:
        place = np.clip(place, 0.5, n - 0.5)  # beyond the last centre the last pixel counts alone
    weights = kernel(np.abs((np.arange(n) + 0.5)[None] - place[:, None]) / wide)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


@lru_cache(256)
def few_of(method: str, n: int, size: int, antialias: bool, channels: int) -> tuple[Any, ...] | None:
    """The matrix and its transpose as `ellpack_product` takes them, for rows of pixels with so many channels; None if a dense product is as good."""
    matrix = weights_of(method, n, size, antialias)
    columns, weights = stored(matrix)
    back, back_weights = stored(matrix.T)
    if max(len(columns), len(back)) > min(MOST, n // 3):
        return None
    channel = np.arange(channels, dtype=np.int32)

    def spread(places: Any) -> Any:
        return (places[..., None] * np.int32(channels) + channel).reshape(len(places), -1)

    return spread(columns), weights.repeat(channels, 1), spread(back), back_weights.repeat(channels, 1)


@lru_cache(256)
def nearest_of(n: int, size: int) -> Any:
    """The old pixel that is nearest to each of the `size` new ones."""
    return np.minimum(np.floor((np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(n / size)), n - 1).astype(np.int32)


def _along(x: Tensor, axis: int, method: str, size: int, antialias: bool) -> Tensor:
    n = x.sizes[axis]
    if method == "nearest":
        return gather(x, resizing_unknown.nearest_of(n, size) if isinstance(n, Sym) else wrap(nearest_of(n, size)), axis)
    if n == size and not (method == "gaussian" or method == "mitchellcubic"):
        return x
    batch, height, width, channels = x.sizes
    if isinstance(n, Sym):
        weights = resizing_unknown.weights_of(method, n, size, antialias)
    else:
        side_by_side = channels if axis == 2 and isinstance(channels, int) and 0 < channels < FEW else 1
        few = few_of(method, n, size, antialias, side_by_side)
        if few is not None:
            rows = reshape(x, (batch, height, width * channels)) if axis == 1 or side_by_side > 1 else x
            shape = (batch, size, width, channels) if axis == 1 else (batch, height, size, channels)
            return reshape(ellpack_product(rows, *map(wrap, few), axis), shape)
        weights = wrap(weights_of(method, n, size, antialias))
    if axis == 1:
        return reshape(matmul(weights, reshape(x, (batch, height, width * channels))), (batch, size, width, channels))
    return matmul(weights, x)


def _images(name: str, images: Any, unknown: bool = False) -> tuple[Tensor, bool]:
    """The images as a batch, and whether there was only one."""
    x = as_tensor(images, name=name)
    if x.ndim not in (3, 4):
        raise ShapeError(f"[{name}] expected images [height, width, channels] or a batch of them; received shape {x.shape}.")
    single = x.ndim == 3
    x = expand_dims(x, 0) if single else x
    if not unknown and any(isinstance(n, Sym) for n in x.sizes[1:3]):
        raise InvalidArgumentError(f"[{name}] height and width must be known while the function is traced; received shape {x.shape}.")
    return x, single


def resize(images: Any, size: Any, method: str = ResizeMethod.BILINEAR, preserve_aspect_ratio: bool = False, antialias: bool = False,
           name: str | None = None) -> Tensor:  # fmt: skip
    """Images at another size.

    Args:
        images: [batch, height, width, channels], or one image without the batch.
        size: the new height and width.
        method: "bilinear", "nearest", "bicubic", "area", "gaussian", "lanczos3", "lanczos5" or "mitchellcubic".
        preserve_aspect_ratio: whether the result may be smaller than `size` in one dimension.
        antialias: whether kernels grow with the scale, so that fine patterns do not alias in smaller images.
        name: accepted and not used.

    Returns:
        float32; the type of `images` for "nearest".

    Example:
        >>> import tenfold as tf
        >>> tf.image.resize(tf.ones([4, 4, 3]), [2, 8]).shape
        TensorShape([2, 8, 3])
    """
    x, single = _images("resize", images, unknown=not preserve_aspect_ratio)
    how = str(method).lower()
    if how not in (*KERNELS, "nearest", "area"):
        raise InvalidArgumentError(f"[resize] unknown method. Expected one of {sorted((*KERNELS, 'nearest', 'area'))}; received {method!r}.")
    wanted = integers("resize", size)
    if len(wanted) != 2 or any(n < 1 for n in wanted):
        raise InvalidArgumentError(f"[resize] expected size to be a positive height and width; received {size}.")
    height, width = wanted
    if preserve_aspect_ratio:
        scale = min(height / x.sizes[1], width / x.sizes[2])
        height, width = (max(1, round(n * scale)) for n in x.sizes[1:3])
    y = x if how == "nearest" else cast(x, float32)
    grows = isinstance(x.sizes[1], int) and height > x.sizes[1]
    for axis in (2, 1) if grows else (1, 2):  # columns, which are dearer, while there are fewer rows
        y = _along(y, axis, how, (height, width)[axis - 1], antialias)
    return reshape(y, y.sizes[1:]) if single else y


def pad_to_bounding_box(image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int) -> Tensor:
    """The image at a place in a larger one of zeros.

    Example:
        >>> import tenfold as tf
        >>> tf.image.pad_to_bounding_box(tf.ones([2, 2, 1]), 1, 1, 4, 4).shape
        TensorShape([4, 4, 1])
    """
    x, single = _images("pad_to_bounding_box", image)
    low = (int(offset_height), int(offset_width))
    high = (int(target_height) - low[0] - x.sizes[1], int(target_width) - low[1] - x.sizes[2])
    if min(*low, *high) < 0:
        raise InvalidArgumentError(f"[pad_to_bounding_box] the image exceeds {target_height} x {target_width} at {low}; received shape {x.shape}.")
    y = pad(x, [0, *low, 0], [0, *high, 0])
    return reshape(y, y.sizes[1:]) if single else y


def crop_to_bounding_box(image: Any, offset_height: int, offset_width: int, target_height: int, target_width: int) -> Tensor:
    """A part of the image.

    Example:
        >>> import tenfold as tf
        >>> tf.image.crop_to_bounding_box(tf.ones([4, 4, 1]), 1, 1, 2, 2).shape
        TensorShape([2, 2, 1])
    """
    x, single = _images("crop_to_bounding_box", image)
    begin, size = (int(offset_height), int(offset_width)), (int(target_height), int(target_width))
    if any(b < 0 or s < 1 or b + s > n for b, s, n in zip(begin, size, x.sizes[1:3], strict=True)):
        raise InvalidArgumentError(f"[crop_to_bounding_box] {size[0]} x {size[1]} at {begin} is not inside images of shape {x.shape}.")
    y = slice_(x, [0, *begin, 0], [x.sizes[0], *size, x.sizes[3]])
    return reshape(y, y.sizes[1:]) if single else y


def resize_with_crop_or_pad(image: Any, target_height: int, target_width: int) -> Tensor:
    """The image's centre, cropped or padded with zeros to another size.

    Example:
        >>> import tenfold as tf
        >>> tf.image.resize_with_crop_or_pad(tf.ones([4, 4, 1]), 2, 8).shape
        TensorShape([2, 8, 1])
    """
    x, single = _images("resize_with_crop_or_pad", image)
    target = (int(target_height), int(target_width))
    missing = [t - n for t, n in zip(target, x.sizes[1:3], strict=True)]
    kept = [min(t, n) for t, n in zip(target, x.sizes[1:3], strict=True)]
    top, left = (max(-d, 0) // 2 for d in missing)
    above, before = (max(d, 0) // 2 for d in missing)
    x = pad_to_bounding_box(crop_to_bounding_box(x, top, left, *kept), above, before, *target)
    return reshape(x, x.sizes[1:]) if single else x


def resize_with_pad(image: Any, target_height: int, target_width: int, method: str = ResizeMethod.BILINEAR, antialias: bool = False) -> Tensor:
    """The image resized to fit, its aspect ratio kept, and padded with zeros.

    Example:
        >>> import tenfold as tf
        >>> tf.image.resize_with_pad(tf.ones([4, 8, 1]), 4, 4).shape
        TensorShape([4, 4, 1])
    """
    x, single = _images("resize_with_pad", image)
    ratio = max(x.sizes[1] / target_height, x.sizes[2] / target_width)
    size = [max(1, math.floor(n / ratio)) for n in x.sizes[1:3]]
    y = resize(x, size, method, antialias=antialias)
    low = [(t - n) // 2 for t, n in zip((target_height, target_width), size, strict=True)]
    y = pad_to_bounding_box(y, low[0], low[1], target_height, target_width)
    return reshape(y, y.sizes[1:]) if single else y
