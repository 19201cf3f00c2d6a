"""`keras.preprocessing.image`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras.preprocessing.image_generator import ImageDataGenerator, apply_affine_transform
from tenfold.keras.utils.images import array_to_img, img_to_array, load_img, save_img
from tenfold.ops.resizing import resize
from tenfold.primitives.movement import transpose
from tenfold.tensor.tensor import as_tensor


def smart_resize(x: Any, size: Any, interpolation: str = "bilinear", data_format: str = "channels_last", **kwargs: Any) -> Any:
    """Images at another size without distortion: the largest part in the middle that has the new proportions is resized.

    Args:
        x: [height, width, channels] or a batch of them.
        size: the new height and width.
        interpolation: a method of `tf.image.resize`.
        data_format: "channels_last" or "channels_first".

    Returns:
        An array for an array, a tensor for a tensor.

    Raises:
        ValueError: `size` or the rank is wrong.
    """
    if kwargs:
        raise TypeError(f"smart_resize() got unexpected keyword arguments: {list(kwargs)}")
    if len(size) != 2:
        raise ValueError(f"Expected `size` to be a tuple of 2 integers, but got: {size}.")
    images = as_tensor(x)
    if images.ndim not in (3, 4):
        raise ValueError(
            "Expected an image array with shape `(height, width, channels)`, or `(batch_size, height, width, channels)`, but got input with "
            f"incorrect rank, of shape {images.shape}."
        )
    first = data_format == "channels_first"
    lead = tuple(range(images.ndim - 3))
    a, b, c = range(images.ndim - 3, images.ndim)
    if first:
        images = transpose(images, (*lead, b, c, a))
    height, width = images.shape[-3], images.shape[-2]
    inner = max(min(height, int(width * size[0] / size[1])), 1), max(min(width, int(height * size[1] / size[0])), 1)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    resized = resize(images[..., top : top + inner[0], left : left + inner[1], :], size, interpolation)
    if first:
        resized = transpose(resized, (*lead, c, a, b))
    return resized.numpy() if isinstance(x, np.ndarray) else resized


__all__ = [
    "ImageDataGenerator",
    "apply_affine_transform",
    "array_to_img",
    "img_to_array",
    "load_img",
    "save_img",
    "smart_resize",
]
