"""Segmentation masks, drawn over images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras import ops
from tenfold.keras.visualization.pixels import brightness, image_batch, ink


def draw_segmentation_masks(images: Any, segmentation_masks: Any, num_classes: int | None = None,
                            color_mapping: Mapping[int, Sequence[float]] | None = None, alpha: float = 0.8, blend: bool = True,
                            ignore_index: int = -1, data_format: str | None = None) -> NDArray[np.uint8]:  # fmt: skip
    """Draws the classes of pixels over a batch of images, each in its colour.

    Args:
        images: [batch, height, width, channels]: values from 0 to 255, or floats from 0 to 1.
        segmentation_masks: the class of each pixel: integers [batch, height, width] or [batch, height, width, 1].
        num_classes: how many classes, from 0 on, have colours; all of the masks by default. Other pixels stay as they are.
        color_mapping: class -> red, green and blue from 0 to 255, instead of colours of our choice (in which class 0 is black). Classes that
            aren't in it stay as they are.
        alpha: how opaque the colours are, from 0 to 1.
        blend: False draws opaque colours.
        ignore_index: a class that is not drawn: 0 keeps the background.
        data_format: "channels_last" or "channels_first", of images and masks.

    Returns:
        The pictures, a uint8 array [batch, height, width, channels].

    Raises:
        TypeError: the masks are no integers.
        ValueError: the images are no batch, the masks have another size, or `alpha` is not from 0 to 1.

    Example:
        >>> masks = np.array([[[0, 1], [1, 0]]])
        >>> draw_segmentation_masks(np.full((1, 2, 2, 1), 100), masks, color_mapping={1: [200]}, alpha=0.5)[..., 0].tolist()
        [[[100, 150], [150, 100]]]
    """
    pictures = brightness(image_batch(images, data_format))
    classes = ops.convert_to_numpy(segmentation_masks)
    if classes.dtype.kind not in "iu":
        raise TypeError(f"`segmentation_masks` must be in integer dtype. Received: segmentation_masks.dtype={classes.dtype}")
    if not 0 <= alpha <= 1:
        raise ValueError(f"`alpha` must be from 0 to 1. Received: alpha={alpha}")
    size = pictures.shape[:3]
    if classes.shape not in (size, (*size, 1), (size[0], 1, *size[1:])):
        raise ValueError(f"The masks of images of the shape {pictures.shape} must have the shape {size}. Received: {classes.shape}")
    classes = classes.reshape(size)
    opacity = alpha if blend else 1.0
    for number, color in (palette(classes, num_classes) if color_mapping is None else color_mapping).items():
        drawn = (classes == number) & (number != ignore_index)
        pictures[drawn] = pictures[drawn] * np.float32(1 - opacity) + ink(color, pictures.shape[3]) * np.float32(opacity)
    return pictures.astype(np.uint8)


def palette(classes: NDArray[Any], num_classes: int | None) -> dict[int, list[int]]:
    """Colours for the classes that occur; those of neighbours are far from each other."""
    return {int(c): [int(c) * step % 255 for step in (1, 127, 31)] for c in np.unique(classes) if c >= 0 and (num_classes is None or c < num_classes)}
