"""Metrics from counts of true and false positives and negatives."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras import activations, initializers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.losses import formulas as f
from tenfold.keras.metrics.base import MODULE, Metric
from tenfold.primitives.arithmetic import cast, less, logical_and, maximum, minimum, select
from tenfold.primitives.elementwise import log
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import broadcast_to, expand_dims, reshape, slice_

EPSILON = 1e-7


def confusion(y_true: Any, y_pred: Any, thresholds: Any, sample_weight: Any = None, top_k: int | None = None, class_id: int | None = None,
              multi_label: bool = False, label_weights: Any = None, dtype: Any = "float32") -> tuple[Any, Any, Any, Any]:  # fmt: skip
    """Weighted counts (tp, fp, tn, fn), one for each threshold: an example counts as positive if its prediction exceeds the threshold."""
    dtype = as_dtype(dtype)
    y_true, y_pred = f.same_rank(cast(as_tensor(y_true), dtype), cast(as_tensor(y_pred), dtype))
    if y_true.ndim != y_pred.ndim:
        raise ValueError(f"Shapes {tuple(y_true.shape)} and {tuple(y_pred.shape)} are incompatible: expected targets shaped as the predictions.")
    weight = None if sample_weight is None else cast(as_tensor(sample_weight, hint=dtype), dtype)
    if weight is not None and weight.ndim:
        while weight.ndim < y_true.ndim:
            weight = expand_dims(weight, -1)
    if top_k is not None:
        rank = _larger(y_pred)
        y_pred = select(rank < float(top_k), y_pred, -1e10)
    if class_id is not None:
        if y_pred.ndim == 1:
            raise ValueError("When class_id is provided, y_pred must be a 2D array with shape (num_samples, num_classes), found shape: "
                             f"{tuple(y_pred.shape)}")  # fmt: skip
        y_true, y_pred = (_column(y, class_id) for y in (y_true, y_pred))
    total = as_tensor(1.0, hint=dtype) if weight is None else weight
    if label_weights is not None:
        total = total * label_weights
    total = broadcast_to(total, y_pred.sizes)
    positive = cast(y_true != 0, dtype)
    if not multi_label:
        positive, y_pred, total = (reshape(v, (_size(v),)) for v in (positive, y_pred, total))
    limits = as_tensor(np.asarray(thresholds, dtype.numpy).reshape(-1, *(1,) * y_pred.ndim))
    called = cast(expand_dims(y_pred, 0) > limits, dtype)
    true, false = positive * total, (1 - positive) * total
    tp = math.reduce_sum(called * expand_dims(true, 0), axis=1)
    fp = math.reduce_sum(called * expand_dims(false, 0), axis=1)
    return tp, fp, math.reduce_sum(false, axis=0) - fp, math.reduce_sum(true, axis=0) - tp


def _size(x: Any) -> Any:
    total: Any = 1
    for n in x.sizes:
        total = total * n
    return total


def _column(y: Any, i: int) -> Any:
    return slice_(y, [0] * (y.ndim - 1) + [i], [*y.sizes[:-1], 1])


def _larger(y_pred: Any) -> Any:
    """For each prediction, how many of its row come before it in descending order."""
    mine, other = expand_dims(y_pred, -1), expand_dims(y_pred, -2)
    n = iota(y_pred.sizes[-1])
    earlier = cast(less(expand_dims(n, 0), expand_dims(n, 1)), y_pred.dtype)
    return math.reduce_sum(cast(less(mine, other), y_pred.dtype) + cast(math.equal(other, mine), y_pred.dtype) * earlier, axis=-1)


def _thresholds(thresholds: Any, default: float) -> list[float]:
    values = [default] if thresholds is None else list(thresholds) if isinstance(thresholds, (list, tuple, np.ndarray)) else [thresholds]
    if thresholds is not None and any(t is None or not 0 <= t <= 1 for t in values):
        raise ValueError(f"Threshold values must be in [0, 1]. Received: {[t for t in values if t is None or not 0 <= t <= 1]}")
    return [float(t) for t in values]


class Counted(Metric):
    """A metric that keeps some of the four counts, one value for each threshold."""

    counts: tuple[str, ...]
    order = ("true_positives", "false_positives", "true_negatives", "false_negatives")

    def __init__(self, thresholds: Any = None, top_k: int | None = None, class_id: int | None = None, name: str | None = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = _thresholds(thresholds, 0.5 if top_k is None else -1e10)
        for count in self.counts:
            setattr(self, count, self.add_variable((len(self.thresholds),), "zeros", name=count))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        counts = confusion(y_true, y_pred, self.thresholds, sample_weight, self.top_k, self.class_id, dtype=self._dtype)
        found = dict(zip(self.order, counts, strict=True))
        for count in self.counts:
            getattr(self, count).assign_add(found[count])

    def _one(self, value: Any) -> Any:
        return reshape(value, ()) if len(self.thresholds) == 1 else value

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}


class _OneCount(Counted):
    """One of the counts itself."""

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name=name, dtype=dtype)

    def result(self) -> Any:
        return self._one(getattr(self, self.counts[0]).value)

    def get_config(self) -> dict[str, Any]:
        return {**Metric.get_config(self), "thresholds": self.init_thresholds}


@register(MODULE)
class TruePositives(_OneCount):
    """How many positive examples were called positive."""

    counts = ("true_positives",)


@register(MODULE)
class FalsePositives(_OneCount):
    """How many negative examples were called positive."""

    counts = ("false_positives",)


@register(MODULE)
class TrueNegatives(_OneCount):
    """How many negative examples were called negative."""

    counts = ("true_negatives",)


@register(MODULE)
class FalseNegatives(_OneCount):
    """How many positive examples were called negative."""

    counts = ("false_negatives",)


@register(MODULE)
class Precision(Counted):
    """What share of those called positive are positive.

    Args:
        thresholds: a prediction above it is positive; default 0.5; a list gives a list of results.
        top_k: only the k largest predictions of an example count as positive.
        class_id: only this class counts.
        name, dtype: as in Metric.

    Example:
        >>> m = Precision(); m.update_state([0, 1, 1, 1], [1.0, 0.0, 1.0, 1.0]); round(float(m.result()), 2)
        0.67
    """

    counts = ("true_positives", "false_positives")
    _direction = "up"

    def result(self) -> Any:
        tp, fp = self.true_positives, self.false_positives  # type: ignore[attr-defined]
        return self._one(math.divide_no_nan(tp.value, tp + fp))


@register(MODULE)
class Recall(Counted):
    """What share of the positive examples was called positive; arguments as in Precision."""

    counts = ("true_positives", "false_negatives")
    _direction = "up"

    def result(self) -> Any:
        tp, fn = self.true_positives, self.false_negatives  # type: ignore[attr-defined]
        return self._one(math.divide_no_nan(tp.value, tp + fn))


class Curve(StrEnum):
    """What AUC is the area under."""

    ROC = "ROC"
    PR = "PR"
    PRGAIN = "PRGAIN"


class Summation(StrEnum):
    """How tall AUC takes its curve to be between two thresholds."""

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"


def text_of(option: Any) -> str:
    """The string that an option is, or that an enumeration's member stands for."""
    return str(option.value if isinstance(option, Enum) else option)


@register(MODULE)
class AUC(Metric):
    """The area under the ROC curve (or the precision-recall curve), from counts at `num_thresholds` thresholds.

    Args:
        num_thresholds: how many points of the curve.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation", "minoring" or "majoring".
        name, dtype: as in Metric.
        thresholds: instead of evenly spaced ones.
        multi_label: whether each column is a question of its own; the result is the mean of their areas.
        num_labels: number of columns, if known.
        label_weights: of the columns.
        from_logits: whether predictions are logits.

    Example:
        >>> m = AUC(num_thresholds=3); m.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9]); float(m.result())
        0.75
    """

    _direction = "up"

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC", summation_method: str = "interpolation", name: str | None = None,
                 dtype: Any = None, thresholds: Any = None, multi_label: bool = False, num_labels: int | None = None, label_weights: Any = None,
                 from_logits: bool = False) -> None:  # fmt: skip
        if text_of(curve).upper() not in ("ROC", "PR", "PRGAIN"):
            raise ValueError(f'Invalid AUC curve value: "{curve}". Expected values are ["PR", "ROC", "PRGAIN"]')
        if text_of(summation_method).lower() not in ("interpolation", "majoring", "minoring"):
            raise ValueError(f'Invalid AUC summation method value: "{summation_method}". Expected one of "interpolation", "majoring", "minoring".')
        if thresholds is None and (not isinstance(num_thresholds, int) or num_thresholds <= 1):
            raise ValueError(f"Argument `num_thresholds` must be an integer > 1. Received: num_thresholds={num_thresholds}")
        if num_labels and not multi_label:
            raise ValueError("`num_labels` is needed only when `multi_label` is True.")
        super().__init__(name=name or None, dtype=dtype)
        inner = sorted(thresholds) if thresholds is not None else [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        self._given = thresholds
        self.thresholds = [-EPSILON, *inner, 1 + EPSILON]
        self.num_thresholds = len(self.thresholds)
        self.curve, self.summation_method = Curve(text_of(curve).upper()), Summation(text_of(summation_method).lower())
        self.multi_label, self.num_labels, self.label_weights, self._from_logits = multi_label, num_labels, label_weights, from_logits
        self._built = False
        if not multi_label or num_labels:
            self._build(num_labels)

    def _build(self, labels: int | None) -> None:
        shape = (self.num_thresholds, labels) if self.multi_label else (self.num_thresholds,)
        self.true_positives, self.false_positives, self.true_negatives, self.false_negatives = (
            self.add_variable(shape, initializers.Zeros(), name=n) for n in Counted.order
        )
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = as_tensor(y_pred)
        if not self._built:
            self._build(y_pred.shape[-1])
        if self._from_logits:
            y_pred = activations.sigmoid(y_pred)
        weights = None if self.label_weights is None or self.multi_label else as_tensor(np.asarray(self.label_weights, "float32"))
        counts = confusion(y_true, y_pred, self.thresholds, sample_weight, multi_label=self.multi_label, label_weights=weights, dtype=self._dtype)
        for variable, count in zip((self.true_positives, self.false_positives, self.true_negatives, self.false_negatives), counts, strict=True):
            variable.assign_add(count)

    def _neighbours(self, x: Any) -> tuple[Any, Any]:
        """The values at each threshold but the last, and at each but the first."""
        rest = list(x.sizes[1:])
        n = self.num_thresholds - 1
        return slice_(x, [0] * x.ndim, [n, *rest]), slice_(x, [1] + [0] * (x.ndim - 1), [n, *rest])

    def _curve(self) -> tuple[Any, Any]:
        """The curve's points: what is on the horizontal and the vertical axis, at each threshold."""
        tp, fp, tn, fn = (v.value for v in (self.true_positives, self.false_positives, self.true_negatives, self.false_negatives))
        recall = math.divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            return math.divide_no_nan(fp, fp + tn), recall
        if self.curve == "PR":
            return recall, math.divide_no_nan(tp, tp + fp)
        factor = math.divide_no_nan(tp + fn, tn + fp)
        none = math.equal(tp, 0.0)
        recall_gain = maximum(select(none, 0.0, 1.0 - factor * math.divide_no_nan(fn, tp)), 0.0)
        return recall_gain, select(none, 1.0, 1.0 - factor * math.divide_no_nan(fp, tp))

    def result(self) -> Any:
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._mean_of_labels(self._interpolated())
        x, y = self._curve()
        (x0, x1), (y0, y1) = self._neighbours(x), self._neighbours(y)
        height = {"interpolation": lambda: (y0 + y1) / 2, "minoring": lambda: minimum(y0, y1), "majoring": lambda: maximum(y0, y1)}
        return self._mean_of_labels((x0 - x1) * height[self.summation_method]())

    def _interpolated(self) -> Any:
        """The precision-recall curve's areas, counts taken as linear between thresholds (Davis and Goadrich, 2006)."""
        tp0, tp1 = self._neighbours(self.true_positives.value)
        p0, p1 = self._neighbours(self.true_positives.value + self.false_positives.value)
        _, fn1 = self._neighbours(self.false_negatives.value)
        slope = math.divide_no_nan(tp0 - tp1, maximum(p0 - p1, 0.0))
        intercept = tp1 - slope * p1
        ratio = select(logical_and(p0 > 0.0, p1 > 0.0), math.divide_no_nan(p0, maximum(p1, 0.0)), 1.0)
        return math.divide_no_nan(slope * (tp0 - tp1 + intercept * log(ratio)), maximum(tp1 + fn1, 0.0))

    def _mean_of_labels(self, areas: Any) -> Any:
        if not self.multi_label:
            return math.reduce_sum(areas)
        each = math.reduce_sum(areas, axis=0)
        if self.label_weights is None:
            return math.reduce_mean(each)
        weights = as_tensor(np.asarray(self.label_weights, self.dtype))
        return math.divide_no_nan(math.reduce_sum(each * weights), math.reduce_sum(weights))

    def get_config(self) -> dict[str, Any]:
        config = {
            **super().get_config(), "num_thresholds": self.num_thresholds, "curve": self.curve.value, "summation_method": self.summation_method.value,
            "multi_label": self.multi_label, "num_labels": self.num_labels, "label_weights": self.label_weights, "from_logits": self._from_logits,
        }  # fmt: skip
        return config if self._given is None else {**config, "thresholds": list(self.thresholds[1:-1])}
