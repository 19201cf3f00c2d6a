"""Sizes of images: resizing, padding and cropping, in `keras.ops.image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.shapes import Sym
from tenfold.ir.primitive import Spec
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.image_batches import channels_first, check_rank, on_batches, one_of
from tenfold.ops import reducing, resizing, resizing_unknown, shaping, special
from tenfold.primitives.arithmetic import cast, logical_and, maximum, minimum, select
from tenfold.primitives.contraction import matmul
from tenfold.primitives.elementwise import abs as abs_
from tenfold.primitives.elementwise import round as round_
from tenfold.primitives.gather import iota, scalar_size
from tenfold.primitives.movement import expand_dims, pad, slice_, transpose
from tenfold.tensor.tensor import Tensor

INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic", "area")


def _checked_size(images: Any, size: Any) -> tuple[int, int]:
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers. Argument `size` must be a tuple of two elements (height, width). "
                         f"Received: size={size}")  # fmt: skip
    height, width = (int(n) for n in size)
    if height <= 0 or width <= 0:
        raise ValueError(f"`size` must have positive height and width. Received: size={size}")
    check_rank(images)
    return height, width


def _resize_spec(images: Any, size: Any, data_format: Any = None, **options: Any) -> Spec:
    wanted = _checked_size(images, size)
    sizes = images.sizes
    return Spec((*sizes[:-2], *wanted) if channels_first(data_format) else (*sizes[:-3], *wanted, sizes[-1]), images.dtype)


def _in_proportion(n: int, other: int, wanted: int, other_wanted: int) -> int:
    """How large n would be, had it the proportion of the wanted sizes; in float32, as Keras has it."""
    return int(np.float32(other * wanted) / np.float32(other_wanted))


def _cropped(x: Any, height: int, width: int) -> Any:
    """The largest middle part of the proportions height : width."""
    n, h, w, channels = x.sizes
    high, wide = max(min(h, _in_proportion(h, w, height, width)), 1), max(min(w, _in_proportion(w, h, width, height)), 1)
    return slice_(x, (0, (h - high) // 2, (w - wide) // 2, 0), (n, high, wide, channels))


def _padded(x: Any, height: int, width: int, value: float) -> Any:
    """The smallest image of the proportions height : width with this one in the middle."""
    _, h, w, _ = x.sizes
    high, wide = max(h, _in_proportion(h, w, height, width)), max(w, _in_proportion(w, h, width, height))
    margins = (0, (high - h) // 2, (wide - w) // 2, 0)
    return pad(x, margins, margins, value=value)


@operation("image", spec=_resize_spec)
def resize(images: Array, size: Any, interpolation: str = "bilinear", antialias: bool = False, crop_to_aspect_ratio: bool = False,
           pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0, data_format: Any = None) -> Array:  # fmt: skip
    """Images at another size, in their own type.

    Args:
        images: [height, width, channels] or a batch of them; or the channels first.
        size: the new height and width.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5" or "area".
        antialias: whether kernels grow with the scale, so that fine patterns do not alias in smaller images.
        crop_to_aspect_ratio: cut the middle out rather than distort.
        pad_to_aspect_ratio: add borders rather than distort.
        fill_mode: must be "constant".
        fill_value: of the borders.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> resize(tf.ones([4, 4, 3]), (2, 8)).shape
        TensorShape([2, 8, 3])
    """
    height, width = _checked_size(images, size)
    one_of("interpolation", interpolation, INTERPOLATIONS)
    one_of("fill_mode", fill_mode, ("constant",))
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`.")

    def apply(x: Any) -> Any:
        if (crop_to_aspect_ratio or pad_to_aspect_ratio) and any(isinstance(n, Sym) for n in x.sizes[1:3]):
            raise ValueError(f"[resize] to keep the aspect ratio, height and width must be known while a function is traced. "
                             f"Received: images.shape={images.shape}")  # fmt: skip
        if crop_to_aspect_ratio:
            x = _cropped(x, height, width)
        elif pad_to_aspect_ratio:
            x = _padded(x, height, width, fill_value)
        y: Any = resizing.resize(x, (height, width), interpolation, antialias=antialias)
        if y.dtype is x.dtype:
            return y
        return special.saturate_cast(round_(y) if x.dtype.is_integer else y, x.dtype)

    return on_batches(apply, images, data_format)


# --- scaling and moving ---


KERNELS = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), resizing_unknown.KERNELS["bilinear"]),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), resizing_unknown.KERNELS["bicubic"]),
    "lanczos3": resizing_unknown.KERNELS["lanczos3"], "lanczos5": resizing_unknown.KERNELS["lanczos5"],
}  # fmt: skip


def _weights(n: Any, size: int, scale: Any, translation: Any, kernel: Callable[[Any], Any], antialias: bool) -> Any:
    """A matrix [size, n] that makes `size` elements of `n`: element i is taken at (i + 1/2 - translation) / scale."""
    wide = maximum(1 / scale, 1) if antialias else 1
    places = (cast(iota(size), scale.dtype) + 0.5 - translation) / scale - 0.5
    distance = abs_(expand_dims(places, 1) - cast(iota(n), scale.dtype)) / wide
    weights = kernel(distance)
    total = reducing.reduce_sum(weights, 1, True)
    sane = abs_(total) > 1000 * float(np.finfo(np.float32).eps)
    inside = logical_and(places >= -0.5, places <= cast(scalar_size(n, iota(1).dtype), scale.dtype) - 0.5)
    return select(logical_and(sane, expand_dims(inside, 1)), weights / select(sane, total, 1), 0)


@operation("image")
def scale_and_translate(images: Array, output_shape: Any, scale: Array, translation: Array, spatial_dims: Any, method: str,
                        antialias: bool = True) -> Array:  # fmt: skip
    """Images enlarged by `scale` and then moved by `translation` along some axes.

    Args:
        images: any tensor.
        output_shape: the result's shape.
        scale, translation: one number for each of `spatial_dims`.
        spatial_dims: the axes.
        method: "linear", "cubic", "lanczos3" or "lanczos5".
        antialias: whether kernels grow where images get smaller.

    Example:
        >>> scale_and_translate(tf.ones([4, 4, 3]), (8, 8, 3), [2.0, 2.0], [0.0, 0.0], (0, 1), "linear").shape
        TensorShape([8, 8, 3])
    """
    one_of("method", method, tuple(KERNELS))
    inner = images.dtype if images.dtype.is_floating and images.dtype.size > 2 else "float32"
    y = cast(images, inner)
    scales, moves = (shaping.unstack(cast(t, y.dtype), len(spatial_dims)) for t in (scale, translation))
    for k, d in enumerate(spatial_dims):
        at = int(d) % images.ndim
        weights = _weights(y.sizes[at], int(output_shape[at]), scales[k], moves[k], KERNELS[method], antialias)
        swap = [y.ndim - 1 if i == at else at if i == y.ndim - 1 else i for i in range(y.ndim)]
        y = transpose(matmul(transpose(y, swap), weights, transpose_b=True), swap)
    if images.dtype.is_integer:
        y = minimum(maximum(round_(y), cast(reducing.reduce_min(images), y.dtype)), cast(reducing.reduce_max(images), y.dtype))
    return cast(y, images.dtype)


# --- margins ---


def _check_margins(what: str, before: Any, after: Any, target: Any, axis: str) -> None:
    """Raises ValueError unless two of the three are given, none of them negative."""
    sides = ("top", "bottom") if axis == "height" else ("left", "right")
    names = (f"{sides[0]}_{what}", f"{sides[1]}_{what}", f"target_{axis}")
    given = dict(zip(names, (before, after, target), strict=True))
    if list(given.values()).count(None) != 1:
        raise ValueError(f"Must specify exactly two of {', '.join(names)}. Received: {', '.join(f'{k}={v}' for k, v in given.items())}")
    for name, value in given.items():
        _check_sign(name, value)


def _check_sign(name: str, value: Any) -> None:
    if isinstance(value, int) and value < 0:
        raise ValueError(f"{name} must be >= 0. Received: {name}={value}")


def _axes(images: Tensor, data_format: Any) -> tuple[int, int]:
    check_rank(images)
    return (images.ndim - 2, images.ndim - 1) if channels_first(data_format) else (images.ndim - 3, images.ndim - 2)


@operation("image")
def pad_images(images: Array, top_padding: int | None = None, left_padding: int | None = None, bottom_padding: int | None = None,
               right_padding: int | None = None, target_height: int | None = None, target_width: int | None = None,
               data_format: Any = None) -> Array:  # fmt: skip
    """Images with zeros around them; for each axis two of: the zeros before, the zeros after, the new size.

    Example:
        >>> pad_images(tf.ones([2, 2, 1]), 1, 0, target_height=4, target_width=2).shape
        TensorShape([4, 2, 1])
    """
    _check_margins("padding", top_padding, bottom_padding, target_height, "height")
    _check_margins("padding", left_padding, right_padding, target_width, "width")
    low, high = [0] * images.ndim, [0] * images.ndim
    given: Any = ((top_padding, bottom_padding, target_height, "top", "bottom"), (left_padding, right_padding, target_width, "left", "right"))
    for at, (before, after, target, first, last) in zip(_axes(images, data_format), given, strict=True):
        n = images.sizes[at]
        low[at] = target - after - n if before is None else before
        high[at] = target - before - n if after is None else after
        _check_sign(f"{first}_padding", low[at])
        _check_sign(f"{last}_padding", high[at])
    return pad(images, low, high)


@operation("image")
def crop_images(images: Array, top_cropping: int | None = None, left_cropping: int | None = None, bottom_cropping: int | None = None,
                right_cropping: int | None = None, target_height: int | None = None, target_width: int | None = None,
                data_format: Any = None) -> Array:  # fmt: skip
    """Parts of images; for each axis two of: what is cut off before, what is cut off after, the new size.

    Example:
        >>> crop_images(tf.ones([4, 4, 1]), 1, 1, target_height=2, target_width=3).shape
        TensorShape([2, 3, 1])
    """
    axes = _axes(images, data_format)
    _check_margins("cropping", top_cropping, bottom_cropping, target_height, "height")
    _check_margins("cropping", left_cropping, right_cropping, target_width, "width")
    begin, sizes = [0] * images.ndim, list(images.sizes)
    given: Any = ((top_cropping, bottom_cropping, target_height, "top", "bottom", "height"),
             (left_cropping, right_cropping, target_width, "left", "right", "width"))  # fmt: skip
    for at, (before, after, target, first, last, name) in zip(axes, given, strict=True):
        n = images.sizes[at]
        if isinstance(n, Sym) and target is None:
            raise ValueError(f"When the {name} of the images is unknown, `target_{name}` must be specified. "
                             f"Received images.shape={images.shape} and target_{name}={target}")  # fmt: skip
        begin[at] = n - target - after if before is None else before
        sizes[at] = n - begin[at] - after if target is None else target
        _check_sign(f"{first}_cropping", begin[at])
        _check_sign(f"target_{name}", sizes[at])
        _check_sign(f"{last}_cropping", n - begin[at] - sizes[at])
    return slice_(images, begin, sizes)
