"""Boxes on images: which of many that overlap are kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import float32
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.primitives.host import known_elements
from tenfold.tensor.tensor import Tensor, as_tensor, wrap

Array = np.ndarray[Any, Any]


def non_max_suppression(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5, score_threshold: Any = float("-inf"), name: str | None = None
) -> Tensor:
    """The numbers of the boxes that are kept, best score first: each keeps away those that overlap it by more than the threshold.

    Args:
        boxes: [n, 4], two opposite corners of each: y1, x1, y2, x2.
        scores: [n].
        max_output_size: how many are kept at most.
        iou_threshold: intersection over union, from 0 to 1, above which a box of a lower score is left out.
        score_threshold: boxes that score no more are left out.

    Example:
        >>> import tenfold as tf
        >>> boxes = [[0.0, 0.0, 1.0, 1.0], [0.0, 0.1, 1.0, 1.1], [0.0, 2.0, 1.0, 3.0]]
        >>> tf.image.non_max_suppression(boxes, [0.7, 0.9, 0.5], 10).numpy()
        array([1, 2], dtype=int32)

    Raises:
        ValueError: the shapes do not fit, or a threshold is out of range.
    """
    return non_max_suppression_with_scores(boxes, scores, max_output_size, iou_threshold, score_threshold)[0]


def non_max_suppression_with_scores(
    boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any = 0.5, score_threshold: Any = float("-inf"), soft_nms_sigma: Any = 0.0,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The numbers of the boxes that are kept and their scores; see `non_max_suppression`.

    Args:
        soft_nms_sigma: above 0, a kept box lowers the scores of those that overlap it, by exp(-iou² / (2 sigma)), instead of leaving them out
            (Bodla et al., 2017, https://arxiv.org/abs/1704.04503).
    """
    what, remedy = "non_max_suppression", "Try calling it outside of tf.function: how many boxes are kept depends on the scores."
    given = [as_tensor(x, hint=float32, name=what) for x in (boxes, scores)]
    if not all(x.dtype.is_floating for x in given):
        raise DTypeError(f"[{what}] expected floats; received boxes of {given[0].dtype.name} and scores of {given[1].dtype.name}. Try tf.cast.")
    corners, marks = (known_elements(what, x, remedy) for x in given)
    limit, overlap, least, sigma = (np.asarray(x).item() for x in (max_output_size, iou_threshold, score_threshold, soft_nms_sigma))
    if corners.ndim != 2 or corners.shape[1] != 4 or marks.shape != corners.shape[:1]:
        raise ShapeError(f"[{what}] expected boxes [n, 4] and scores [n]; received {corners.shape} and {marks.shape}.")
    if not 0 <= overlap <= 1 or sigma < 0 or limit < 0:
        raise InvalidArgumentError(f"[{what}] expected iou_threshold from 0 to 1, and no negative max_output_size and soft_nms_sigma; "
                                   f"received {overlap}, {limit} and {sigma}.")  # fmt: skip
    low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
    left = marks.copy()
    waiting = left > least
    kept: list[int] = []
    while len(kept) < limit and waiting.any():
        best = int(np.argmax(np.where(waiting, left, -np.inf)))
        kept.append(best)
        waiting[best] = False
        shared = _overlap(low, high, best)
        if sigma:
            left[waiting] *= np.exp(-(shared[waiting] ** 2) / (2 * sigma)).astype(left.dtype)
        waiting &= left > least if sigma else shared <= overlap
    return wrap(np.asarray(kept, np.int32)), wrap(left[kept])


def _overlap(low: Array, high: Array, one: int) -> Array:
    """Intersection over union of one box with each; 0 where a box is empty."""
    shared = np.prod(np.maximum(0, np.minimum(high, high[one]) - np.maximum(low, low[one])), axis=1)
    areas = np.prod(high - low, axis=1)
    union = areas + areas[one] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=(areas > 0) & (areas[one] > 0))
