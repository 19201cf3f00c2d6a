"""`tf.image.*`: images are [height, width, channels] or [batch, height, width, channels]; floats lie between 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype, float32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ
from tenfold.ops.boxes import non_max_suppression as non_max_suppression
from tenfold.ops.boxes import non_max_suppression_with_scores as non_max_suppression_with_scores
from tenfold.ops.image_filters import extract_patches as extract_patches
from tenfold.ops.image_filters import sobel_edges as sobel_edges
from tenfold.ops.image_filters import ssim as ssim
from tenfold.ops.random import next_seed
from tenfold.ops.reducing import reduce_mean
from tenfold.ops.resizing import ResizeMethod as ResizeMethod
from tenfold.ops.resizing import crop_to_bounding_box as crop_to_bounding_box
from tenfold.ops.resizing import pad_to_bounding_box as pad_to_bounding_box
from tenfold.ops.resizing import resize as resize
from tenfold.ops.resizing import resize_with_crop_or_pad as resize_with_crop_or_pad
from tenfold.ops.resizing import resize_with_pad as resize_with_pad
from tenfold.ops.shaping import integers
from tenfold.ops.special import clip_by_value, saturate_cast
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives.contraction import matmul
from tenfold.primitives.gather import dynamic_slice
from tenfold.primitives.movement import broadcast_to, reshape, reverse, slice_, stack
from tenfold.primitives.movement import transpose as transpose_
from tenfold.primitives.random import as_seed, uniform
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.custom import without_gradient
from tenfold.transform.whole import whole

LUMA = (0.2989, 0.587, 0.114)


def _image(name: str, image: Any) -> Any:
    x = as_tensor(image, name=name)
    if x.ndim < 3:
        raise ShapeError(f"[{name}] expected images [height, width, channels] or a batch of them; received shape {x.shape}.")
    return x


def _coloured(name: str, image: Any) -> Any:
    """The three colours of an image."""
    x = as_tensor(image, name=name)
    if x.ndim == 0 or differ(x.sizes[-1], 3):
        raise ShapeError(f"[{name}] expected three colours in the last dimension; received shape {x.shape}. Try image[..., :3].")
    return (x[..., i] for i in range(3))


def flip_left_right(image: Any) -> Tensor:
    """The image mirrored left to right.

    Example:
        >>> import tenfold as tf
        >>> tf.reshape(tf.image.flip_left_right([[[1], [2]]]), [-1]).numpy()
        array([2, 1], dtype=int32)
    """
    return reverse(_image("flip_left_right", image), [-2])


def flip_up_down(image: Any) -> Tensor:
    """The image mirrored upside down."""
    return reverse(_image("flip_up_down", image), [-3])


def transpose(image: Any, name: str | None = None) -> Tensor:
    """Rows and columns exchanged."""
    x = _image("transpose", image)
    return transpose_(x, [*range(x.ndim - 3), x.ndim - 2, x.ndim - 3, x.ndim - 1])


def rot90(image: Any, k: int = 1, name: str | None = None) -> Tensor:
    """The image turned counter-clockwise by `k` times 90 degrees.

    Example:
        >>> import tenfold as tf
        >>> tf.reshape(tf.image.rot90([[[1], [2]]]), [-1]).numpy()
        array([2, 1], dtype=int32)
    """
    x = _image("rot90", image)
    turn: dict[int, Callable[[], Tensor]] = {
        0: lambda: x,
        1: lambda: reverse(transpose(x), [-3]),
        2: lambda: reverse(x, [-3, -2]),
        3: lambda: reverse(transpose(x), [-2]),
    }
    return turn[int(k) % 4]()


def central_crop(image: Any, central_fraction: float) -> Tensor:
    """The middle of the image, `central_fraction` of its height and width.

    Example:
        >>> import tenfold as tf
        >>> tf.image.central_crop(tf.ones([8, 8, 3]), 0.5).shape
        TensorShape([4, 4, 3])
    """
    x, fraction = _image("central_crop", image), float(central_fraction)
    if not 0 < fraction <= 1:
        raise InvalidArgumentError(f"[central_crop] expected 0 < central_fraction <= 1; received {fraction}.")
    height, width = x.sizes[-3:-1]
    top, left = (int((n - n * fraction) / 2) for n in (height, width))
    return crop_to_bounding_box(x, top, left, height - 2 * top, width - 2 * left)


def convert_image_dtype(image: Any, dtype: Any, saturate: bool = False, name: str | None = None) -> Tensor:
    """The image in another type, its values scaled: floats lie between 0 and 1, integers use the whole range of their type.

    Example:
        >>> import tenfold as tf
        >>> tf.image.convert_image_dtype(tf.constant([0, 255], tf.uint8), tf.float32).numpy()
        array([0., 1.], dtype=float32)
    """
    x: Any = as_tensor(image)
    want = as_dtype(dtype)
    if x.dtype is want:
        return x
    if x.dtype.is_integer and want.is_integer:
        if x.dtype.max > want.max:
            scaled = x // ((x.dtype.max + 1) // (want.max + 1))
            return saturate_cast(scaled, want) if saturate else a.cast(scaled, want)
        return a.cast(x, want) * ((want.max + 1) // (x.dtype.max + 1))
    if x.dtype.is_floating and want.is_floating:
        return a.cast(x, want)
    if x.dtype.is_integer:
        return a.cast(x, want) * (1.0 / x.dtype.max)
    scaled = x * (want.max + 0.5)
    return saturate_cast(scaled, want) if saturate else a.cast(scaled, want)


def _in_float(image: Any, function: Callable[[Any], Any], name: str) -> Tensor:
    """`function` on the image as floats, the result in the image's own type, within its range."""
    x = _image(name, image)
    if x.dtype in ("float32", "float64"):
        return function(x)
    return convert_image_dtype(function(convert_image_dtype(x, float32)), x.dtype, saturate=True)


def adjust_brightness(image: Any, delta: Any) -> Tensor:
    """`delta` added to the values, taken as floats between 0 and 1.

    Example:
        >>> import tenfold as tf
        >>> tf.reshape(tf.image.adjust_brightness([[[0.25, 0.5]]], 0.25), [-1]).numpy()
        array([0.5 , 0.75], dtype=float32)
    """
    return _in_float(image, lambda x: x + a.cast(as_tensor(delta), x.dtype), "adjust_brightness")


def adjust_contrast(images: Any, contrast_factor: Any) -> Tensor:
    """The distance from each channel's mean multiplied by a factor. As in TensorFlow, it has no gradient."""

    def adjust(x: Any, factor: Any) -> Any:
        mean = reduce_mean(x, [-3, -2], True)
        return (x - mean) * a.cast(factor, x.dtype) + mean

    adjusted = without_gradient(adjust, "AdjustContrastv2")
    return _in_float(images, lambda x: adjusted(x, contrast_factor), "adjust_contrast")


def rgb_to_grayscale(images: Any, name: str | None = None) -> Tensor:
    """One channel of brightness from red, green and blue.

    Example:
        >>> import tenfold as tf
        >>> tf.image.rgb_to_grayscale(tf.ones([2, 2, 3])).shape
        TensorShape([2, 2, 1])
    """
    x = _image("rgb_to_grayscale", images)
    floats = convert_image_dtype(x, x.dtype if x.dtype.is_floating else float32)
    gray = sum_(floats * wrap(np.array(LUMA, floats.dtype.numpy)), -1, True)
    return convert_image_dtype(gray, x.dtype)


def grayscale_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """Three equal channels from one.

    Example:
        >>> import tenfold as tf
        >>> tf.image.grayscale_to_rgb(tf.ones([2, 2, 1])).shape
        TensorShape([2, 2, 3])
    """
    x = _image("grayscale_to_rgb", images)
    return broadcast_to(x, (*x.sizes[:-1], 3))


@whole
def rgb_to_hsv(images: Any, name: str | None = None) -> Tensor:
    """Hue, saturation and value, each between 0 and 1."""
    red, green, blue = _coloured("rgb_to_hsv", images)
    value, low = a.maximum(a.maximum(red, green), blue), a.minimum(a.minimum(red, green), blue)
    span = value - low
    saturation = a.select(value > 0, span / a.select(value > 0, value, 1), 0)
    step = 1 / (6 * a.select(span > 0, span, 1))
    hue = a.select(a.equal(value, red), (green - blue) * step,
                   a.select(a.equal(value, green), (blue - red) * step + 2 / 6, (red - green) * step + 4 / 6))  # fmt: skip
    hue = a.select(span > 0, a.select(hue < 0, hue + 1, hue), 0)
    return stack([hue, saturation, value], -1)


@whole
def hsv_to_rgb(images: Any, name: str | None = None) -> Tensor:
    """Red, green and blue from hue, saturation and value."""
    hue, saturation, value = _coloured("hsv_to_rgb", images)
    sixth = hue * 6

    def clipped(y: Any) -> Any:
        return clip_by_value(y, 0.0, 1.0)

    colours = (clipped(e.abs(sixth - 3) - 1), clipped(2 - e.abs(sixth - 2)), clipped(2 - e.abs(sixth - 4)))
    return stack([((c - 1) * saturation + 1) * value for c in colours], -1)


def adjust_saturation(image: Any, saturation_factor: Any, name: str | None = None) -> Tensor:
    """The saturation multiplied by a factor."""
    return _in_float(image, lambda x: _saturated(x, a.cast(as_tensor(saturation_factor), x.dtype)), "adjust_saturation")


@whole
def _saturated(x: Any, factor: Tensor) -> Tensor:
    hsv: Any = rgb_to_hsv(x)
    return hsv_to_rgb(stack([hsv[..., 0], clip_by_value(hsv[..., 1] * factor, 0.0, 1.0), hsv[..., 2]], -1))


def adjust_hue(image: Any, delta: Any, name: str | None = None) -> Tensor:
    """`delta` added to the hue, which wraps around at 1."""
    return _in_float(image, lambda x: _turned(x, a.cast(as_tensor(delta), x.dtype)), "adjust_hue")


@whole
def _turned(x: Any, delta: Tensor) -> Tensor:
    hsv: Any = rgb_to_hsv(x)
    return hsv_to_rgb(stack([a.floormod(hsv[..., 0] + delta, 1), hsv[..., 1], hsv[..., 2]], -1))


def adjust_gamma(image: Any, gamma: Any = 1, gain: Any = 1) -> Tensor:
    """gain * image ** gamma."""
    return _in_float(image, lambda x: gain * a.pow(x, float(gamma)), "adjust_gamma")


@whole
def per_image_standardization(image: Any) -> Tensor:
    """Each image with mean 0 and standard deviation 1 (the divisor is at least 1 / sqrt(number of elements)).

    Example:
        >>> import tenfold as tf
        >>> float(tf.reduce_sum(tf.image.per_image_standardization(tf.ones([2, 2, 1]))))
        0.0
    """
    x: Any = a.cast(_image("per_image_standardization", image), float32)
    mean: Any = reduce_mean(x, [-3, -2, -1], True)
    variance = reduce_mean((x - mean) * (x - mean), [-3, -2, -1], True)
    count = float(np.prod(x.sizes[-3:]))
    return (x - mean) / a.maximum(e.sqrt(variance), 1 / count**0.5)


def _decided(name: str, seed: Tensor, image: Any, flip: Callable[[Any], Tensor]) -> Tensor:
    """Each image flipped or not, with equal chances."""
    x = _image(name, image)
    chance = uniform(seed, (x.sizes[0], 1, 1, 1) if x.ndim == 4 else ())
    return a.select(a.less(chance, 0.5), flip(x), x)


def random_flip_left_right(image: Any, seed: Any = None) -> Tensor:
    """The image, mirrored left to right with probability 1/2 (each image of a batch by itself)."""
    return _decided("random_flip_left_right", next_seed(seed), image, flip_left_right)


def random_flip_up_down(image: Any, seed: Any = None) -> Tensor:
    """The image, mirrored upside down with probability 1/2 (each image of a batch by itself)."""
    return _decided("random_flip_up_down", next_seed(seed), image, flip_up_down)


def stateless_random_flip_left_right(image: Any, seed: Any) -> Tensor:
    """As `random_flip_left_right`, with decisions that follow from `seed`, two integers."""
    return _decided("stateless_random_flip_left_right", as_seed(seed), image, flip_left_right)


def _range(name: str, low: Any, high: Any) -> None:
    if not 0 <= low < high:
        raise InvalidArgumentError(f"[{name}] expected 0 <= lower < upper; received {low} and {high}.")


def random_brightness(image: Any, max_delta: float, seed: Any = None) -> Tensor:
    """`adjust_brightness` by a random amount between -max_delta and max_delta."""
    if max_delta < 0:
        raise InvalidArgumentError(f"[random_brightness] expected max_delta >= 0; received {max_delta}.")
    return adjust_brightness(image, uniform(next_seed(seed), (), -float(max_delta), float(max_delta)))


def random_contrast(image: Any, lower: float, upper: float, seed: Any = None) -> Tensor:
    """`adjust_contrast` by a random factor between `lower` and `upper`."""
    _range("random_contrast", lower, upper)
    return adjust_contrast(image, uniform(next_seed(seed), (), float(lower), float(upper)))


def random_saturation(image: Any, lower: float, upper: float, seed: Any = None) -> Tensor:
    """`adjust_saturation` by a random factor between `lower` and `upper`."""
    _range("random_saturation", lower, upper)
    return adjust_saturation(image, uniform(next_seed(seed), (), float(lower), float(upper)))


def random_hue(image: Any, max_delta: float, seed: Any = None) -> Tensor:
    """`adjust_hue` by a random amount between -max_delta and max_delta, which is at most 0.5."""
    if not 0 <= max_delta <= 0.5:
        raise InvalidArgumentError(f"[random_hue] expected 0 <= max_delta <= 0.5; received {max_delta}.")
    return adjust_hue(image, uniform(next_seed(seed), (), -float(max_delta), float(max_delta)))


def _cropped(name: str, seed: Tensor, value: Any, size: Any) -> Tensor:
    x, wanted = as_tensor(value), integers(name, size)
    if len(wanted) != x.ndim or any(isinstance(n, int) and s > n for s, n in zip(wanted, x.sizes, strict=False)):
        raise ShapeError(f"[{name}] expected a size of at most {x.shape}; received {wanted}.")
    chances = uniform(seed, (x.ndim,), 0, np.iinfo(np.int32).max, "int32")
    starts = [reshape(slice_(chances, [i], [1]), ()) % (n - s + 1) for i, (n, s) in enumerate(zip(x.sizes, wanted, strict=True))]
    return dynamic_slice(x, starts, wanted)


def random_crop(value: Any, size: Any, seed: Any = None, name: str | None = None) -> Tensor:
    """A part of shape `size` from a random place.

    Example:
        >>> import tenfold as tf
        >>> tf.image.random_crop(tf.ones([8, 8, 3]), [4, 4, 3]).shape
        TensorShape([4, 4, 3])
    """
    return _cropped("random_crop", next_seed(seed), value, size)


def stateless_random_crop(value: Any, size: Any, seed: Any, name: str | None = None) -> Tensor:
    """A part of shape `size` from a place that follows from `seed`, two integers."""
    return _cropped("stateless_random_crop", as_seed(seed), value, size)


def total_variation(images: Any, name: str | None = None) -> Tensor:
    """The sum of the absolute differences between neighbouring pixels, for each image."""
    x = _image("total_variation", images)
    down, across = x[..., 1:, :, :] - x[..., :-1, :, :], x[..., :, 1:, :] - x[..., :, :-1, :]
    return sum_(e.abs(down), [-3, -2, -1]) + sum_(e.abs(across), [-3, -2, -1])


def psnr(a: Any, b: Any, max_val: Any, name: str | None = None) -> Tensor:
    """The peak signal-to-noise ratio, in decibels."""
    x, y = (convert_image_dtype(t, float32) for t in (a, b))
    top = convert_image_dtype(as_tensor(max_val, hint=as_tensor(a).dtype), float32)
    error = reduce_mean((x - y) * (x - y), [-3, -2, -1])
    return (20 * _log(top) - 10 * _log(error)) / np.log(10.0)


_log: Any = a.log
YUV = np.array([[0.299, -0.14714119, 0.61497538], [0.587, -0.28886916, -0.51496512], [0.114, 0.43601035, -0.10001026]])


def rgb_to_yuv(images: Any) -> Tensor:
    """Brightness and two differences of colour."""
    x = _image("rgb_to_yuv", images)
    return matmul(x, wrap(YUV.astype(x.dtype.numpy)))


__all__ = [
    "ResizeMethod", "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "central_crop",
    "convert_image_dtype", "crop_to_bounding_box", "extract_patches", "flip_left_right", "flip_up_down", "grayscale_to_rgb", "hsv_to_rgb",
    "pad_to_bounding_box", "per_image_standardization", "psnr", "random_brightness", "random_contrast", "random_crop",
    "random_flip_left_right", "random_flip_up_down", "random_hue", "random_saturation", "resize", "resize_with_crop_or_pad",
    "resize_with_pad", "rgb_to_grayscale", "rgb_to_hsv", "rgb_to_yuv", "rot90", "sobel_edges", "ssim", "stateless_random_crop",
    "stateless_random_flip_left_right", "total_variation", "transpose",
]  # fmt: skip
