"""Metrics that are means of losses, and their relatives."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.losses import formulas as f
from tenfold.keras.metrics.accuracy import Known
from tenfold.keras.metrics.base import MODULE, Mean
from tenfold.primitives.arithmetic import cast


@register(MODULE)
class MeanSquaredError(Known):
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

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        dtype = as_dtype(self._dtype)
        a, b = f.same_rank(cast(as_tensor(y_true), dtype), cast(as_tensor(y_pred), dtype))
        super().update_state(math.squared_difference(a, b), sample_weight)

    def result(self) -> Any:
        return math.sqrt(super().result())


@register(MODULE)
class MeanAbsoluteError(Known):
    """mean(|y_true - y_pred|)."""

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(f.mean_absolute_error, name, dtype)


@register(MODULE)
class MeanAbsolutePercentageError(Known):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(f.mean_absolute_percentage_error, name, dtype)


@register(MODULE)
class MeanSquaredLogarithmicError(Known):
    """mean((log(y_true + 1) - log(y_pred + 1))²)."""

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(f.mean_squared_logarithmic_error, name, dtype)


@register(MODULE)
class LogCoshError(Known):
    """mean(log(cosh(y_pred - y_true)))."""

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(f.log_cosh, name, dtype)


@register(MODULE)
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """The cosine of the angle between y_true and y_pred (the loss of this name is minus it)."""
    return -f.cosine_similarity(y_true, y_pred, axis)


@register(MODULE)
class CosineSimilarity(Known):
    """The cosine of the angle between y_true and y_pred."""

    _direction = "up"

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


@register(MODULE)
class Hinge(Known):
    """mean(max(1 - y_true * y_pred, 0))."""

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(f.hinge, name, dtype)


@register(MODULE)
class SquaredHinge(Known):
    """mean(max(1 - y_true * y_pred, 0)²)."""

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(f.squared_hinge, name, dtype)


@register(MODULE)
class CategoricalHinge(Known):
    """max(largest wrong score - right score + 1, 0)."""

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(f.categorical_hinge, name, dtype)


@register(MODULE)
class KLDivergence(Known):
    """sum(y_true * log(y_true / y_pred))."""

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(f.kl_divergence, name, dtype)


@register(MODULE)
class Poisson(Known):
    """mean(y_pred - y_true * log(y_pred))."""

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(f.poisson, name, dtype)


@register(MODULE)
class BinaryCrossentropy(Known):
    """Cross-entropy of yes-or-no questions; arguments as in the loss."""

    def __init__(self, name: str = "binary_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0) -> None:
        super().__init__(f.binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


@register(MODULE)
class CategoricalCrossentropy(Known):
    """Cross-entropy with one-hot targets; arguments as in the loss."""

    def __init__(self, name: str = "categorical_crossentropy", dtype: Any = None, from_logits: bool = False, label_smoothing: float = 0,
                 axis: int = -1) -> None:  # fmt: skip
        super().__init__(f.categorical_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


@register(MODULE)
class SparseCategoricalCrossentropy(Known):
    """Cross-entropy with class numbers as targets; arguments as in the loss."""

    def __init__(self, name: str = "sparse_categorical_crossentropy", dtype: Any = None, from_logits: bool = False,
                 ignore_class: int | None = None, axis: int = -1) -> None:  # fmt: skip
        super().__init__(f.sparse_categorical_crossentropy, name, dtype, from_logits=from_logits, axis=axis, ignore_class=ignore_class)
