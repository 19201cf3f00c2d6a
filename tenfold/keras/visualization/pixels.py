"""What all drawings share: batches of images as brightness from 0 to 255, and colours of as many channels as the image has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras import ops
from tenfold.keras.base.defaults import data_format as standardized


def image_batch(images: Any, data_format: str | None) -> NDArray[Any]:
    """The images as an array [batch, height, width, channels].

    Raises:
        ValueError: they are no batch.
    """
    shape = tuple(ops.shape(images))
    if len(shape) != 4:
        raise ValueError(f"`images` must be batched 4D tensor. Received: images.shape={shape}")
    array: NDArray[Any] = ops.convert_to_numpy(images)
    return array.transpose(0, 2, 3, 1) if standardized(data_format) == "channels_first" else array


def brightness(images: NDArray[Any], value_range: Sequence[float] | None = None) -> NDArray[np.float32]:
    """Values of `value_range` as brightness from 0 to 255. Unsaid, it is 0 to 1 for floats of which none is above 1, else 0 to 255.

    Raises:
        ValueError: the range is empty.
    """
    if value_range is None:
        fractions = images.dtype.kind not in "iub" and images.size and np.nanmax(images) <= 1
        value_range = (0, 1) if fractions else (0, 255)
    low, high = value_range
    if not low < high:
        raise ValueError(f"`value_range` must be (low, high) with low < high. Received: value_range={value_range}")
    values = images.astype(np.float32)
    if (low, high) != (0, 255):
        values = (values - low) * (255 / (high - low))
    return np.clip(np.nan_to_num(values), 0, 255)


def ink(color: Sequence[float], channels: int) -> NDArray[np.float32]:
    """A colour for an image of so many channels: grey images take the first value, and a channel of opacity is opaque."""
    return np.clip(np.array([*color, *[255] * channels][:channels], np.float32), 0, 255)
