"""The formats of bounding boxes: each is turned into corners (left, top, right, bottom) and back."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops

LAYOUTS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw")
FORMATS = (*LAYOUTS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def convert_format(boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32") -> Any:
    """Bounding boxes in another format.

    Args:
        boxes: [..., 4], or a dict whose entry "boxes" they are.
        source, target: "xyxy" (left, top, right, bottom), "yxyx", "xywh", "center_xywh", "center_yxhw", or with "rel_" in front (not
            "center_yxhw"), which measures in widths and heights of the image.
        height, width: of the image, where one format is relative and the other not.
        dtype: of the result.

    Raises:
        ValueError: a format is unknown, the boxes have another shape, or the image's size is missing.

    Example:
        >>> convert_format([[10, 20, 30, 40]], source="xyxy", target="center_xywh").numpy().tolist()
        [[20.0, 30.0, 20.0, 20.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    if ops.shape(boxes)[-1] != 4:
        raise ValueError(f"`boxes` must be a tensor with the last dimension of 4. Received: boxes.shape={ops.shape(boxes)}")
    source, target = source.lower(), target.lower()
    if source not in FORMATS or target not in FORMATS:
        raise ValueError(f"Invalid source or target format. Supported formats: {FORMATS}. Received: source={source!r}, target={target!r}")
    relative = source.startswith("rel_"), target.startswith("rel_")
    if any(relative) and (width is None or height is None):
        raise ValueError(
            "convert_format() must receive `height` and `width` transforming between relative and absolute formats. "
            f"convert_format() received source={source!r}, target={target!r}, but height={height} and width={width}."
        )
    boxes = ops.cast(boxes, dtype)
    if source == target:
        return boxes
    corners = to_corners(boxes, source.removeprefix("rel_"))
    if relative[0] != relative[1]:
        width, height = ops.cast(width, dtype), ops.cast(height, dtype)
        corners = [x * n if relative[0] else x / n for x, n in zip(corners, (width, height) * 2, strict=True)]
    return ops.concatenate(from_corners(corners, target.removeprefix("rel_")), axis=-1)


def to_corners(boxes: Any, layout: str) -> list[Any]:
    """Left, top, right and bottom, each [..., 1]."""
    first, second, third, fourth = ops.split(boxes, 4, axis=-1)
    if layout in ("yxyx", "center_yxhw"):
        first, second, third, fourth = second, first, fourth, third
    if layout in ("xyxy", "yxyx"):
        return [first, second, third, fourth]
    if layout == "xywh":
        return [first, second, first + third, second + fourth]
    return [first - third / 2, second - fourth / 2, first + third / 2, second + fourth / 2]


def from_corners(corners: list[Any], layout: str) -> list[Any]:
    """The four numbers of the layout, each [..., 1]."""
    left, top, right, bottom = corners
    if layout in ("xyxy", "yxyx"):
        four = [left, top, right, bottom]
    elif layout == "xywh":
        four = [left, top, right - left, bottom - top]
    else:
        four = [left + (right - left) / 2, top + (bottom - top) / 2, right - left, bottom - top]
    return [four[i] for i in (1, 0, 3, 2)] if layout in ("yxyx", "center_yxhw") else four


def image_size(image_shape: Any) -> tuple[Any, Any]:
    """Height and width of an image's shape, or None twice."""
    return (None, None) if image_shape is None else tuple(image_shape[:2])
