"""Scores of whole outputs: F-beta and R²."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.losses import formulas as f
from tenfold.keras.metrics.base import MODULE, Metric
from tenfold.primitives.arithmetic import cast, maximum, select
from tenfold.primitives.movement import expand_dims


def check_outputs(name: str, y_true_shape: Any, y_pred_shape: Any) -> None:
    """Raises ValueError unless both are (batch, outputs), the number of outputs known."""
    received = f"Received input shapes: y_pred.shape={y_pred_shape} and y_true.shape={y_true_shape}."
    if len(y_pred_shape) != 2 or len(y_true_shape) != 2:
        raise ValueError(f"{name} expects 2D inputs with shape (batch_size, output_dim). {received}")
    if y_pred_shape[-1] is None or y_true_shape[-1] is None:
        raise ValueError(f"{name} expects 2D inputs with shape (batch_size, output_dim), with output_dim fully defined (not None). {received}")


def column_weight(sample_weight: Any, dtype: Any) -> Any:
    """Weights that fit (batch, outputs): one for all, one per example, or one per output of each."""
    weight = as_tensor(1.0, hint=dtype) if sample_weight is None else cast(as_tensor(sample_weight, hint=dtype), dtype)
    return expand_dims(weight, 1) if weight.ndim == 1 else weight


@register(MODULE)
class FBetaScore(Metric):
    """(1 + beta²) * precision * recall / (beta² * precision + recall), for each class or averaged.

    Args:
        average: None (one value per class), "micro", "macro" or "weighted".
        beta: how much more recall counts than precision.
        threshold: predictions above it are positive; None: the largest of each row.
        name, dtype: as in Metric.
    """

    _direction = "up"

    def __init__(self, average: str | None = None, beta: float = 1.0, threshold: float | None = None, name: str = "fbeta_score",
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError("Invalid `average` argument value. Expected one of: {None, 'micro', 'macro', 'weighted'}. "
                             f"Received: average={average}")  # fmt: skip
        if not isinstance(beta, float):
            raise ValueError(f"Invalid `beta` argument value. It should be a Python float. Received: beta={beta} of type '{type(beta)}'")
        if beta <= 0:
            raise ValueError(f"Invalid `beta` argument value. It should be > 0. Received: beta={beta}")
        if threshold is not None and not isinstance(threshold, float):
            raise ValueError(f"Invalid `threshold` argument value. It should be a Python float. Received: threshold={threshold} "
                             f"of type '{type(threshold)}'")  # fmt: skip
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"Invalid `threshold` argument value. It should verify 0 < threshold <= 1. Received: threshold={threshold}")
        self.average, self.beta, self.threshold = average, beta, threshold
        self._built = False

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        check_outputs("FBetaScore", y_true_shape, y_pred_shape)
        shape = () if self.average == "micro" else (y_pred_shape[1],)
        self.true_positives, self.false_positives, self.false_negatives, self.intermediate_weights = (
            self.add_variable(shape, "zeros", name=n) for n in ("true_positives", "false_positives", "false_negatives", "intermediate_weights")
        )
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        dtype = as_dtype(self._dtype)
        y_true, y_pred = cast(as_tensor(y_true), dtype), cast(as_tensor(y_pred), dtype)
        if not self._built:
            self._build(tuple(y_true.shape), tuple(y_pred.shape))
        if self.threshold is None:
            called = cast(math.logical_and(math.equal(y_pred, math.reduce_max(y_pred, axis=-1, keepdims=True)), math.abs(y_pred) > 1e-9), dtype)
        else:
            called = cast(y_pred > self.threshold, dtype)
        weight = column_weight(sample_weight, dtype)
        axis = None if self.average == "micro" else 0
        for variable, value in (
            (self.true_positives, called * y_true),
            (self.false_positives, called * (1 - y_true)),
            (self.false_negatives, (1 - called) * y_true),
            (self.intermediate_weights, y_true),
        ):
            variable.assign_add(math.reduce_sum(value * weight, axis=axis))

    def result(self) -> Any:
        tp = self.true_positives.value
        precision, recall = math.divide_no_nan(tp, tp + self.false_positives), math.divide_no_nan(tp, tp + self.false_negatives)
        square = self.beta**2
        score = math.divide_no_nan((1 + square) * precision * recall, square * precision + recall)
        if self.average == "weighted":
            return math.reduce_sum(math.divide_no_nan(self.intermediate_weights.value, math.reduce_sum(self.intermediate_weights.value)) * score)
        return math.reduce_mean(score) if self.average is not None else score

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "average": self.average, "beta": self.beta, "threshold": self.threshold}


@register(MODULE)
class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall); arguments as in FBetaScore."""

    def __init__(self, average: str | None = None, threshold: float | None = None, name: str = "f1_score", dtype: Any = None) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "beta"}


@register(MODULE)
class R2Score(Metric):
    """1 - squared errors / squared deviations from the mean.

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average", or None for one value per output.
        num_regressors: of a model whose degrees of freedom are to be taken into account.
        name, dtype: as in Metric.
    """

    _direction = "up"

    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str = "r2_score", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(f"Invalid value for argument `class_aggregation`. Received: class_aggregation={class_aggregation}")
        if num_regressors < 0:
            raise ValueError(f"Invalid value for argument `num_regressors`. Expected a value >= 0. Received: num_regressors={num_regressors}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, y_true_shape: Any, y_pred_shape: Any) -> None:
        check_outputs("R2Score", y_true_shape, y_pred_shape)
        names = ("squared_sum", "sum", "residual", "count")
        self._squares, self._sums, self._residuals, self._counts = (self.add_variable((y_pred_shape[1],), "zeros", name=name) for name in names)
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        dtype = as_dtype(self._dtype)
        y_true, y_pred = f.same_rank(cast(as_tensor(y_true), dtype), cast(as_tensor(y_pred), dtype))
        if not self._built:
            self._build(tuple(y_true.shape), tuple(y_pred.shape))
        weight = column_weight(sample_weight, dtype)
        self._sums.assign_add(math.reduce_sum(y_true * weight, axis=0))
        self._squares.assign_add(math.reduce_sum(y_true * y_true * weight, axis=0))
        self._residuals.assign_add(math.reduce_sum(math.square(y_true - y_pred) * weight, axis=0))
        self._counts.assign_add(math.reduce_sum(y_true * 0 + weight, axis=0))
        self.num_samples.assign_add(math.reduce_sum(y_true * 0 + 1, axis=[0, 1]) / y_true.shape[1])

    def result(self) -> Any:
        total = self._squares - math.square(self._sums.value) / self._counts
        raw = 1 - self._residuals / total
        raw = select(math.is_inf(raw), 0.0, raw)
        if self.class_aggregation == "uniform_average":
            raw = math.reduce_mean(raw)
        elif self.class_aggregation == "variance_weighted_average":
            raw = math.reduce_sum(raw * total) / math.reduce_sum(total)
        if self.num_regressors:
            n = self.num_samples.value
            left = n - self.num_regressors - 1  # degrees of freedom; without any the score stays as it is
            raw = select(left > 0, 1 - (1 - raw) * (n - 1) / maximum(left, 1), raw)
        return raw

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
