"""Bounding boxes moved, cut and turned along with their image."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras import ops


def clip_to_image_size(bounding_boxes: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy") -> Any:
    """Boxes cut at the image's border; the labels of those with nothing left become -1.

    Args:
        bounding_boxes: a dict with "boxes" [..., boxes, 4] and perhaps "labels" [..., boxes].
        height, width: of the image; not needed for "rel_xyxy".
        bounding_box_format: "xyxy" or "rel_xyxy".
    """
    if bounding_box_format not in ("xyxy", "rel_xyxy"):
        raise NotImplementedError(f"[clip_to_image_size] knows the formats 'xyxy' and 'rel_xyxy'; received {bounding_box_format!r}.")
    if bounding_box_format == "rel_xyxy":
        height = width = 1
    elif height is None or width is None:
        raise ValueError("`height` and `width` must be set if `format='xyxy'`.")
    boxes = clipped(ops.convert_to_tensor(bounding_boxes["boxes"]), height, width)
    result = {**bounding_boxes, "boxes": boxes}
    if bounding_boxes.get("labels") is not None:
        left, top, right, bottom = (boxes[..., i] for i in range(4))
        labels = ops.convert_to_tensor(bounding_boxes["labels"])
        result["labels"] = ops.where((right - left) * (bottom - top) > 0, labels, ops.cast(-1, labels.dtype))
    return result


def clipped(boxes: Any, height: Any, width: Any, top: Any = 0, left: Any = 0) -> Any:
    """Corners held between `left` and `width`, `top` and `height`."""
    low, high = [left, top] * 2, [width, height] * 2
    parts = ops.split(boxes, 4, axis=-1)
    return ops.concatenate([ops.minimum(ops.maximum(x, ops.cast(a, x.dtype)), ops.cast(b, x.dtype))
                            for x, a, b in zip(parts, low, high, strict=True)], axis=-1)  # fmt: skip


def shifted(boxes: Any, top: Any, left: Any) -> Any:
    """Corners moved down by `top` and right by `left`."""
    parts = ops.split(boxes, 4, axis=-1)
    return ops.concatenate([x + d for x, d in zip(parts, (left, top) * 2, strict=True)], axis=-1)


def _only_corners(name: str, bounding_box_format: str) -> None:
    if bounding_box_format != "xyxy":
        raise NotImplementedError(f"[{name}] knows the format 'xyxy'; received {bounding_box_format!r}. Try convert_format first.")


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes in the part of the image that starts at (top, left), cut at its border.

    Example:
        >>> crop([[10.0, 20.0, 50.0, 60.0]], top=10, left=20, height=40, width=30).numpy().tolist()
        [[0.0, 10.0, 30.0, 40.0]]
    """
    _only_corners("crop", bounding_box_format)
    return clipped(shifted(ops.convert_to_tensor(boxes), -top, -left), height, width)


def pad(boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy") -> Any:
    """Boxes in an image that got `top` rows above and `left` columns before it."""
    _only_corners("pad", bounding_box_format)
    return shifted(ops.convert_to_tensor(boxes), top, left)


def affine_transform(boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any, shear_y: Any, height: Any, width: Any,
                     center_x: Any = None, center_y: Any = None, bounding_box_format: str = "xyxy") -> Any:  # fmt: skip
    """Boxes around what the boxes become when the image is turned, scaled, sheared and moved.

    Args:
        boxes: [batch, boxes, 4].
        angle: [batch], in degrees.
        translate_x, translate_y: [batch], in widths and heights.
        scale: [batch].
        shear_x, shear_y: [batch], in degrees.
        height, width: of the image.
        center_x, center_y: what stays in place, in widths and heights; default: the middle.
    """
    _only_corners("affine_transform", bounding_box_format)
    matrix = inverse_matrix(0.5 if center_x is None else center_x, 0.5 if center_y is None else center_y, ops.convert_to_tensor(angle), translate_x,
                            translate_y, scale, shear_x, shear_y, height, width)  # fmt: skip
    a0, a1, a2, b0, b1, b2 = (m[:, None, None] for m in matrix)
    left, top, right, bottom = (x[..., None] for x in ops.unstack(ops.cast(boxes, a0.dtype), axis=-1))
    x, y = ops.concatenate([left, right, right, left], axis=-1), ops.concatenate([top, top, bottom, bottom], axis=-1)
    new_x, new_y = a0 * x + a1 * y + a2, b0 * x + b1 * y + b2
    return ops.stack([ops.min(new_x, -1), ops.min(new_y, -1), ops.max(new_x, -1), ops.max(new_y, -1)], axis=-1)


def inverse_matrix(center_x: Any, center_y: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any, shear_y: Any, height: Any,
                   width: Any) -> list[Any]:  # fmt: skip
    """The six coefficients of the map of points, each [batch]."""
    radians = math.pi / 180
    turn, sx, sy = -angle * radians, -ops.convert_to_tensor(shear_x) * radians, -ops.convert_to_tensor(shear_y) * radians
    cx, cy = center_x * (width - 1), center_y * (height - 1)
    tx, ty = cx - translate_x * (width - 1), cy - translate_y * (height - 1)
    a = ops.cos(turn - sy) / ops.cos(sy)
    b = a * ops.tan(sx) + ops.sin(turn)
    c = -ops.sin(turn - sy) / ops.cos(sy)
    d = ops.cos(turn) - c * ops.tan(sx)
    a0, a1, b0, b1 = d * scale, -b * scale, -c * scale, a * scale
    return [a0, a1, cx - a0 * tx - a1 * ty, b0, b1, cy - b0 * tx - b1 * ty]
