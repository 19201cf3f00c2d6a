"""Boxes as differences from anchors, which detectors learn."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops
from tenfold.keras.base import defaults
from tenfold.keras.utils.bounding_boxes.formats import convert_format, image_size

CENTRED = ("center_xywh", "center_yxhw")


def _variance(variance: Any) -> Any:
    if variance is None:
        return None
    tensor = ops.convert_to_tensor(variance, "float32")
    if tensor.shape[-1] != 4:
        raise ValueError(f"`variance` must be length 4, got {variance}")
    return tensor


def _checked(name: str, encoding: str) -> None:
    if encoding not in CENTRED:
        raise ValueError(f"`{name}` should be one of 'center_xywh' or 'center_yxhw', got {encoding}")


def encode_box_to_deltas(anchors: Any, boxes: Any, anchor_format: str, box_format: str, encoding_format: str = "center_yxhw", variance: Any = None,
                         image_shape: Any = None) -> Any:  # fmt: skip
    """What must be done to anchors to get boxes: (centre - centre) / size, and log(size / size).

    Args:
        anchors: [boxes, 4].
        boxes: [boxes, 4] or [batch, boxes, 4].
        anchor_format, box_format: their formats.
        encoding_format: "center_xywh" or "center_yxhw".
        variance: four divisors.
        image_shape: (height, width, channels), where a format is relative.
    """
    divisor = _variance(variance)
    _checked("encoding_format", encoding_format)
    height, width = image_size(image_shape)
    there = convert_format(anchors, anchor_format, encoding_format, height, width)
    wanted = convert_format(boxes, box_format, encoding_format, height, width)
    size, wanted_size = (ops.maximum(x[..., 2:], defaults.epsilon()) for x in (there, wanted))
    deltas = ops.concatenate([(wanted[..., :2] - there[..., :2]) / size, ops.log(wanted_size / size)], axis=-1)
    return deltas if divisor is None else deltas / divisor


def decode_deltas_to_boxes(anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str, encoded_format: str = "center_yxhw",
                           variance: Any = None, image_shape: Any = None) -> Any:  # fmt: skip
    """The boxes that `encode_box_to_deltas` was given; dicts of levels are decoded level by level."""
    factor = _variance(variance)
    _checked("encoded_format", encoded_format)
    height, width = image_size(image_shape)

    def decoded(anchor: Any, delta: Any) -> Any:
        there = convert_format(anchor, anchor_format, encoded_format, height, width)
        delta = ops.convert_to_tensor(delta) if factor is None else delta * factor
        size = there[..., 2:]
        box = ops.concatenate([delta[..., :2] * size + there[..., :2], ops.exp(delta[..., 2:]) * size], axis=-1)
        return convert_format(box, encoded_format, box_format, height, width)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decoded(anchor, boxes_delta[level]) for level, anchor in anchors.items()}
    return decoded(anchors, boxes_delta)
