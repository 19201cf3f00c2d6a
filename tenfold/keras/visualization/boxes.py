"""Bounding boxes and their labels, drawn on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tenfold.keras import ops
from tenfold.keras.base.defaults import data_format as standardized
from tenfold.keras.utils.bounding_boxes.formats import convert_format
from tenfold.keras.visualization.pixels import brightness, image_batch, ink

CAPITAL = 22  # the height in pixels of a capital letter of font_scale 1
EM = CAPITAL / 0.7  # the size of the font that gives it
FAR = 2**20  # no image reaches that far: boxes beyond are drawn as if they ended there


@dataclass(frozen=True)
class Pen:
    """How boxes and letters are drawn."""

    color: NDArray[np.float32]
    line: int
    stroke: int
    font_scale: float


def draw_bounding_boxes(images: Any, bounding_boxes: Any, bounding_box_format: str, class_mapping: Mapping[int, str] | None = None,
                        color: Sequence[float] = (128, 128, 128), line_thickness: int = 2, text_thickness: int | None = 1,
                        font_scale: float = 1.0, data_format: str | None = None) -> NDArray[np.uint8]:  # fmt: skip
    """Draws bounding boxes on a batch of images, with the names of their classes.

    Args:
        images: [batch, height, width, channels]: values from 0 to 255, or floats from 0 to 1.
        bounding_boxes: a dict of "boxes" [batch, boxes, 4], "labels" [batch, boxes] and, if wanted, "confidences" [batch, boxes], which are
            written behind the names. Boxes of label -1 are padding, and are not drawn.
        bounding_box_format: one of those of `keras.utils.bounding_boxes.convert_format`.
        class_mapping: label -> name. Boxes of other labels have no text.
        color: red, green and blue, from 0 to 255.
        line_thickness: of the boxes, in pixels.
        text_thickness: of the letters; None means `line_thickness`.
        font_scale: the letters' size: 1.0 means capitals of 22 pixels.
        data_format: "channels_last" or "channels_first".

    Returns:
        The pictures, a uint8 array of the shape of `images`.

    Raises:
        TypeError: `bounding_boxes` is no dict.
        ValueError: the images are no batch, boxes or labels are missing or have other shapes, or the thickness is below 1.

    Example:
        >>> boxes = {"boxes": [[[1, 1, 4, 3]]], "labels": [[0]]}
        >>> pictures = draw_bounding_boxes(np.zeros((1, 5, 6, 3)), boxes, "xyxy", color=(9, 0, 0), line_thickness=1)
        >>> print(pictures[0, :, :, 0])
        [[0 0 0 0 0 0]
         [0 9 9 9 9 0]
         [0 9 0 0 9 0]
         [0 9 9 9 9 0]
         [0 0 0 0 0 0]]
    """
    pictures = brightness(image_batch(images, data_format)).astype(np.uint8)
    batch, height, width, channels = pictures.shape
    boxes, labels, confidences = checked(bounding_boxes, batch)
    if line_thickness < 1:
        raise ValueError(f"`line_thickness` must be at least 1. Received: line_thickness={line_thickness}")
    corners = ops.convert_to_numpy(convert_format(boxes, bounding_box_format, "xyxy", height, width))
    pen = Pen(ink(color, channels), line_thickness, text_thickness or line_thickness, font_scale)
    for i, j in np.argwhere((labels != -1) & np.isfinite(corners).all(axis=-1)):
        left, top, right, bottom = (int(x) for x in np.clip(corners[i, j], -FAR, FAR))
        outline(pictures[i], (left, top, right, bottom), pen)
        name = (class_mapping or {}).get(int(labels[i, j]))
        if name is not None:
            text = str(name) if confidences is None else f"{name} | {float(confidences[i, j]):.2f}"
            write(pictures[i], text, baseline(left, top, pen), pen)
    return pictures.transpose(0, 3, 1, 2) if standardized(data_format) == "channels_first" else pictures


def checked(bounding_boxes: Any, batch: int) -> tuple[Any, NDArray[Any], NDArray[Any] | None]:
    """Boxes, labels and confidences of the dict.

    Raises:
        TypeError: it is no dict.
        ValueError: boxes or labels are missing, or their shapes don't fit.
    """
    if not isinstance(bounding_boxes, dict):
        raise TypeError(f"`bounding_boxes` should be a dict. Received: bounding_boxes={bounding_boxes} of type {type(bounding_boxes)}")
    if not {"boxes", "labels"} <= bounding_boxes.keys():
        raise ValueError(f"`bounding_boxes` should be a dict containing 'boxes' and 'labels' keys. Received: bounding_boxes={bounding_boxes}")
    boxes = ops.convert_to_numpy(bounding_boxes["boxes"])
    if boxes.ndim != 3 or boxes.shape[::2] != (batch, 4):
        raise ValueError(f"The boxes of {batch} images must have the shape ({batch}, boxes, 4). Received: boxes.shape={boxes.shape}")
    found = {key: ops.convert_to_numpy(bounding_boxes[key]) for key in ("labels", "confidences") if key in bounding_boxes}
    for key, values in found.items():
        if values.shape != boxes.shape[:2]:
            raise ValueError(f"There must be one of {key!r} for each box, {boxes.shape[:2]}. Received: {key}.shape={values.shape}")
    return boxes, found["labels"], found.get("confidences")


def outline(picture: NDArray[np.uint8], corners: tuple[int, int, int, int], pen: Pen) -> None:
    """Draws a box whose corners lie in the middle of the line."""
    (left, right), (top, bottom) = sorted(corners[::2]), sorted(corners[1::2])
    before = pen.line // 2
    left, top, right, bottom = left - before, top - before, right + before + 1, bottom + before + 1
    for y1, y2, x1, x2 in (
        (top, top + pen.line, left, right),
        (bottom - pen.line, bottom, left, right),
        (top, bottom, left, left + pen.line),
        (top, bottom, right - pen.line, right),
    ):
        picture[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)] = pen.color


def baseline(left: int, top: int, pen: Pen) -> tuple[int, int]:
    """Where a box's text begins: above the box, or inside its upper edge if there is no room above."""
    gap = 8
    if top - gap >= CAPITAL * pen.font_scale:
        return left, top - gap
    return left + gap // 2, top + pen.line + gap // 2 + round(CAPITAL * pen.font_scale)


def write(picture: NDArray[np.uint8], text: str, where: tuple[int, int], pen: Pen) -> None:
    """Writes text from the left end of its baseline on."""
    mask = Image.new("L", (picture.shape[1], picture.shape[0]))
    font = ImageFont.load_default(max(1, round(EM * pen.font_scale)))
    ImageDraw.Draw(mask).text(where, text, fill=255, font=font, anchor="ls", stroke_width=pen.stroke // 2)
    cover = np.asarray(mask, np.float32)[..., None] / 255
    picture[...] = np.rint(picture * (1 - cover) + pen.color * cover)
