"""How much boxes overlap."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras import ops
from tenfold.keras.base import defaults
from tenfold.keras.utils.bounding_boxes.formats import convert_format, image_size


def _corners(boxes: Any, bounding_box_format: str, image_shape: Any) -> Any:
    height, width = image_size(image_shape)
    return convert_format(boxes, bounding_box_format, "xyxy", height, width)


def _relative_needs_size(bounding_box_format: str, image_shape: Any) -> None:
    if "rel" in bounding_box_format and image_shape is None:
        raise ValueError(
            "When using relative bounding box formats (e.g. `rel_yxyx`) the `image_shape` argument must be provided. "
            f"Received `image_shape`: {image_shape}"
        )


def _shared(one: Any, other: Any) -> Any:
    """The area that boxes have in common, where `one` and `other` are (left, top, right, bottom)."""
    width = ops.minimum(one[2], other[2]) - ops.maximum(one[0], other[0])
    height = ops.minimum(one[3], other[3]) - ops.maximum(one[1], other[1])
    return ops.maximum(width, 0) * ops.maximum(height, 0)


def compute_iou(boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False, mask_val: Any = -1, image_shape: Any = None) -> Any:
    """The shared area divided by the joint area, of each of `boxes1` with each of `boxes2`.

    Args:
        boxes1: [M, 4] or [batch, M, 4].
        boxes2: [N, 4] or [batch, N, 4].
        bounding_box_format: as in `convert_format`.
        use_masking: whether boxes of negative numbers stand for nothing.
        mask_val: the result for these.
        image_shape: (height, width, channels), where the format is relative.

    Returns:
        [M, N] or [batch, M, N].

    Example:
        >>> compute_iou([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]], "xyxy").numpy().round(3)
        array([[0.333]], dtype=float32)
    """
    ranks = len(ops.shape(boxes1)), len(ops.shape(boxes2))
    for name, rank in zip(("boxes1", "boxes2"), ranks, strict=True):
        if rank not in (2, 3):
            raise ValueError(
                f"compute_iou() expects {name} to be batched, or to be unbatched. Received len(boxes1.shape)={ranks[0]}, "
                f"len(boxes2.shape)={ranks[1]}. Expected either len({name}.shape)=2 AND or len({name}.shape)=3."
            )
    _relative_needs_size(bounding_box_format, image_shape)
    boxes1, boxes2 = (_corners(b, bounding_box_format, image_shape) for b in (boxes1, boxes2))
    one, other = [boxes1[..., :, None, i] for i in range(4)], [boxes2[..., None, :, i] for i in range(4)]
    shared = _shared(one, other)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    result = shared / (areas[0] + areas[1] - shared + defaults.epsilon())
    if not use_masking:
        return result
    nothing = ops.logical_or(ops.max(boxes1, axis=-1)[..., :, None] < 0, ops.max(boxes2, axis=-1)[..., None, :] < 0)
    return ops.where(nothing, ops.cast(mask_val, result.dtype), result)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Any:
    """The complete IoU of pairs of boxes (Zheng et al., 2020): less where centres are apart or proportions differ.

    Args:
        boxes1, boxes2: [..., 4].
        bounding_box_format: as in `convert_format`.
        image_shape: (height, width, channels), where the format is relative.
    """
    _relative_needs_size(bounding_box_format, image_shape)
    epsilon = defaults.epsilon()
    one, other = ([b[..., i] for i in range(4)] for b in (_corners(b, bounding_box_format, image_shape) for b in (boxes1, boxes2)))
    (width1, height1), (width2, height2) = ((b[2] - b[0], b[3] - b[1] + epsilon) for b in (one, other))
    shared = _shared(one, other)
    iou = shared / (width1 * height1 + width2 * height2 - shared + 2 * epsilon)
    hull = [ops.maximum(one[i + 2], other[i + 2]) - ops.minimum(one[i], other[i]) for i in (0, 1)]
    apart = [((one[i] + one[i + 2]) - (other[i] + other[i + 2])) / 2 for i in (0, 1)]
    distance = (apart[0] ** 2 + apart[1] ** 2) / (hull[0] ** 2 + hull[1] ** 2 + epsilon)
    v = (4 / math.pi**2) * (ops.arctan(width2 / height2) - ops.arctan(width1 / height1)) ** 2
    return iou - (distance + v * v / (v - iou + (1 + epsilon)))
