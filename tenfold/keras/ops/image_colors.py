"""Colors of images, in `keras.ops.image`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.image_batches import channels_first, check_rank, on_batches
from tenfold.ops import image
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor, wrap


@operation("image", kind="RGBToGrayscale")
def rgb_to_grayscale(images: Array, data_format: Any = None) -> Array:
    """One channel of brightness from red, green and blue; images of one channel stay.

    Example:
        >>> rgb_to_grayscale(tf.ones([2, 2, 3])).shape
        TensorShape([2, 2, 1])
    """
    check_rank(images)
    channels = images.sizes[-3 if channels_first(data_format) else -1]
    if channels not in (1, 3):
        raise ValueError("Invalid channel size: expected 3 (RGB) or 1 (Grayscale). "
                         f"Received input with shape: images.shape={images.shape}")  # fmt: skip
    if channels == 1:
        return images
    weights = wrap(np.array(image.LUMA, np.float32))

    def gray(x: Any) -> Any:
        inner = x if x.dtype.is_floating and x.dtype.size > 2 else cast(x, "float32")
        return cast(sum_(inner * cast(weights, inner.dtype), -1, True), x.dtype)

    return on_batches(gray, images, data_format)


def _converted(function: Callable[[Any], Any], images: Tensor, data_format: Any) -> Any:
    check_rank(images)
    if not images.dtype.is_floating:
        raise ValueError(f"Invalid images dtype: expected float dtype. Received: images.dtype={images.dtype.name}")
    channels = images.sizes[-3 if channels_first(data_format) else -1]
    if channels != 3:
        raise ValueError(f"Input images must have 3 channels, but received images with {channels} channels. Received: images.shape={images.shape}")
    return on_batches(function, images, data_format)


@operation("image", kind="RGBToHSV")
def rgb_to_hsv(images: Array, data_format: Any = None) -> Array:
    """Hue, saturation and value, each from 0 to 1, of red, green and blue.

    Example:
        >>> rgb_to_hsv([[[1.0, 0.0, 0.0]]]).numpy().tolist()
        [[[0.0, 1.0, 1.0]]]
    """
    return _converted(image.rgb_to_hsv, images, data_format)


@operation("image", kind="HSVToRGB")
def hsv_to_rgb(images: Array, data_format: Any = None) -> Array:
    """Red, green and blue of hue, saturation and value.

    Example:
        >>> hsv_to_rgb([[[0.0, 1.0, 1.0]]]).numpy().tolist()
        [[[1.0, 0.0, 0.0]]]
    """
    return _converted(image.hsv_to_rgb, images, data_format)
