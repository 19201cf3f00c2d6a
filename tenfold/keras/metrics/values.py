"""Metrics that are means of losses, and their relatives."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras import loss_functions as f
from tenfold.keras.metrics.accuracy import _Known
from tenfold.keras.metrics.base import MODULE, Mean, Metric
from tenfold.keras.registry import register
from tenfold.keras.untyped import as_tensor, math
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import expand_dims


@register(MODULE)
class MeanSquaredError(_Known):
    """mean((y_true - y_pred)²).

    Example:
        >>> m = MeanSquaredError(); m.update_state([[0.0, 1.0]], [[1.0, 1.0]]); float(m.result())
        0.5
    """

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(f.mean_squared_error, name, dtype)


@register(MODULE)
class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)²))."""

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        dtype = as_dtype(self._dtype)
        a, b = f.same_rank(cast(as_tensor(y_true), dtype), cast(as_tensor(y_pred), dtype))
        super().update_state(math.squared_difference(a, b), sample_weight)

    def result(self) -> Any:
        return math.sqrt(super().result())


@register(MODULE)
class MeanAbsoluteError(_Known):
    """mean(|y_true - y_pred|)."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(f.mean_absolute_error, name, dtype)


@register(MODULE)
class MeanAbsolutePercentageError(_Known):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(f.mean_absolute_percentage_error, name, dtype)


@register(MODULE)
class MeanSquaredLogarithmicError(_Known):
    """mean((log(y_true + 1) - log(y_pred + 1))²)."""

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(f.mean_squared_logarithmic_error, name, dtype)


@register(MODULE)
class LogCoshError(_Known):
    """mean(log(cosh(y_pred - y_true)))."""

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(f.log_cosh, name, dtype)


@register(MODULE)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between y_true and y_pred (the loss of this name is minus it)."""
    return -f.cosine_similarity(y_true, y_pred, axis)


@register(MODULE)
class CosineSimilarity(_Known):
    """The cosine of the angle between y_true and y_pred."""

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


@register(MODULE)
class Hinge(_Known):
    """mean(max(1 - y_true * y_pred, 0))."""

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(f.hinge, name, dtype)


@register(MODULE)
class SquaredHinge(_Known):
    """mean(max(1 - y_true * y_pred, 0)²)."""

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(f.squared_hinge, name, dtype)


@register(MODULE)
class CategoricalHinge(_Known):
    """max(largest wrong score - right score + 1, 0)."""

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(f.categorical_hinge, name, dtype)


@register(MODULE)
class KLDivergence(_Known):
    """sum(y_true * log(y_true / y_pred))."""

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(f.kl_divergence, name, dtype)


@register(MODULE)
class Poisson(_Known):
    """mean(y_pred - y_true * log(y_pred))."""

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(f.poisson, name, dtype)


@register(MODULE)
class BinaryCrossentropy(_Known):
    """Cross-entropy of yes-or-no questions; arguments as in the loss."""

    def __init__(self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0) -> None:
        super().__init__(f.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


@register(MODULE)
class CategoricalCrossentropy(_Known):
    """Cross-entropy with one-hot targets; arguments as in the loss."""

    def __init__(self, name: str = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0,
                 axis: int = -1) -> None:  # fmt: skip
        super().__init__(f.categorical_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


@register(MODULE)
class SparseCategoricalCrossentropy(_Known):
    """Cross-entropy with class numbers as targets; arguments as in the loss."""

    def __init__(self, name: str = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False, axis: int = -1) -> None:
        super().__init__(f.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, axis=axis)


@register(MODULE)
class R2Score(Metric):
    """1 - squared errors / squared deviations from the mean.

    Args:
        class_aggregation: "uniform_average", "variance_weighted_average", or None for one value per output.
        num_regressors: of a model whose degrees of freedom are to be taken into account.
        name, dtype: as in Metric.
    """

    def __init__(self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0, name: str = "r2_score", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(f"Invalid value for argument `class_aggregation`. Received: class_aggregation={class_aggregation}")
        if num_regressors < 0:
            raise ValueError(f"Invalid value for argument `num_regressors`. Expected a value >= 0. Received: num_regressors={num_regressors}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        dtype = as_dtype(self._dtype)
        y_true, y_pred = f.same_rank(cast(as_tensor(y_true), dtype), cast(as_tensor(y_pred), dtype))
        if y_true.ndim != 2:
            raise ValueError(f"R2Score expects targets of shape (batch, outputs); received {tuple(y_true.shape)}.")
        if not self._built:
            n = y_true.shape[1]
            names = ("squared_sum", "sum", "residual", "count")
            self._squares, self._sums, self._residuals, self._counts = (self.add_variable((n,), "zeros", name=name) for name in names)
            self._built = True
        weight: Any = as_tensor(1.0, hint=dtype) if sample_weight is None else expand_dims(cast(as_tensor(sample_weight), dtype), 1)
        self._sums.assign_add(math.reduce_sum(y_true * weight, axis=0))
        self._squares.assign_add(math.reduce_sum(y_true * y_true * weight, axis=0))
        self._residuals.assign_add(math.reduce_sum(math.square(y_true - y_pred) * weight, axis=0))
        self._counts.assign_add(math.reduce_sum(y_true * 0 + weight, axis=0))
        self.num_samples.assign_add(math.reduce_sum(y_true * 0 + 1, axis=[0, 1]) / y_true.shape[1])

    def result(self) -> Any:
        total = self._squares - math.square(self._sums.value) / self._counts
        raw = 1 - self._residuals / total
        if self.class_aggregation == "uniform_average":
            raw = math.reduce_mean(raw)
        elif self.class_aggregation == "variance_weighted_average":
            raw = math.reduce_sum(raw * total) / math.reduce_sum(total)
        if self.num_regressors:
            n = self.num_samples.value
            raw = 1 - (1 - raw) * (n - 1) / (n - self.num_regressors - 1)
        return raw

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
