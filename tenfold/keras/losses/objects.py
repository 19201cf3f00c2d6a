"""Losses as objects: a formula, its options, and how the values become one number."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import identifiers
from tenfold.keras.base.registry import register
from tenfold.keras.losses.base import Known
from tenfold.keras.losses.formulas import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)

MODULE = "keras.losses"


@register(MODULE)
class MeanSquaredError(Known):
    """mean((y_true - y_pred)²).

    Example:
        >>> float(MeanSquaredError()([[0.0], [1.0]], [[1.0], [1.0]]))
        0.5
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


@register(MODULE)
class MeanAbsoluteError(Known):
    """mean(|y_true - y_pred|)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


@register(MODULE)
class MeanAbsolutePercentageError(Known):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


@register(MODULE)
class MeanSquaredLogarithmicError(Known):
    """mean((log(y_true + 1) - log(y_pred + 1))²)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


@register(MODULE)
class Huber(Known):
    """Half the squared error up to `delta`, linear beyond."""

    def __init__(self, delta: float = 1.0, reduction: Any = "sum_over_batch_size", name: str | None = "huber_loss", dtype: Any = None) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


@register(MODULE)
class LogCosh(Known):
    """mean(log(cosh(y_pred - y_true)))."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


@register(MODULE)
class KLDivergence(Known):
    """sum(y_true * log(y_true / y_pred))."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


@register(MODULE)
class Poisson(Known):
    """mean(y_pred - y_true * log(y_pred))."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, reduction, name, dtype)


@register(MODULE)
class CosineSimilarity(Known):
    """Minus the cosine of the angle between y_true and y_pred."""

    def __init__(self, axis: int = -1, reduction: Any = "sum_over_batch_size", name: str | None = "cosine_similarity", dtype: Any = None) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


@register(MODULE)
class Hinge(Known):
    """mean(max(1 - y_true * y_pred, 0)), y_true being -1 or 1 (0 counts as -1)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


@register(MODULE)
class SquaredHinge(Known):
    """mean(max(1 - y_true * y_pred, 0)²)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


@register(MODULE)
class CategoricalHinge(Known):
    """max(largest wrong score - right score + 1, 0)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)


@register(MODULE)
class BinaryCrossentropy(Known):
    """Cross-entropy of yes-or-no questions.

    Args:
        from_logits: whether the predictions are logits; default: probabilities.
        label_smoothing: from 0 to 1: how far labels are moved toward 1/2.
        axis: averaged over.
        reduction, name, dtype: as in Loss.

    Example:
        >>> round(float(BinaryCrossentropy()([[1.0]], [[0.5]])), 4)
        0.6931
    """

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, reduction: Any = "sum_over_batch_size",
                 name: str | None = "binary_crossentropy", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(binary_crossentropy, reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


@register(MODULE)
class BinaryFocalCrossentropy(Known):
    """Binary cross-entropy that counts easy examples less: times (1 - p)^gamma."""

    def __init__(self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
                 label_smoothing: float = 0.0, axis: int = -1, reduction: Any = "sum_over_batch_size",
                 name: str | None = "binary_focal_crossentropy", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
                         from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)  # fmt: skip


@register(MODULE)
class CategoricalCrossentropy(Known):
    """Cross-entropy with one-hot targets.

    Args:
        from_logits: whether the predictions are logits; default: probabilities.
        label_smoothing: from 0 to 1: how far targets are moved toward equal probabilities.
        axis: where the classes are.
        reduction, name, dtype: as in Loss.

    Example:
        >>> round(float(CategoricalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1, reduction: Any = "sum_over_batch_size",
                 name: str | None = "categorical_crossentropy", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(categorical_crossentropy, reduction, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)


@register(MODULE)
class CategoricalFocalCrossentropy(Known):
    """Categorical cross-entropy that counts easy examples less: times alpha * (1 - p)^gamma."""

    def __init__(self, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: Any = "sum_over_batch_size", name: str | None = "categorical_focal_crossentropy", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)  # fmt: skip


@register(MODULE)
class SparseCategoricalCrossentropy(Known):
    """Cross-entropy with class numbers as targets.

    Args:
        from_logits: whether the predictions are logits; default: probabilities.
        ignore_class: a label whose examples count for nothing.
        reduction: as in Loss.
        axis: where the classes are; only the last one.
        name, dtype: as in Loss.

    Example:
        >>> round(float(SparseCategoricalCrossentropy()([1], [[0.5, 0.5]])), 4)
        0.6931
    """

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None, reduction: Any = "sum_over_batch_size", axis: int = -1,
                 name: str | None = "sparse_categorical_crossentropy", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, from_logits=from_logits, ignore_class=ignore_class, axis=axis)


class Reduction:
    """The names of Keras 2 for `reduction`: strings say the same."""

    AUTO = SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    NONE = "none"
    SUM = "sum"

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """All of them."""
        return (cls.SUM_OVER_BATCH_SIZE, cls.NONE, cls.SUM)

    @classmethod
    def validate(cls, key: Any) -> None:
        """Raises ValueError unless `key` is one of them."""
        if key not in cls.all():
            raise ValueError(f'Invalid Reduction Key: {key}. Expected keys are "{cls.all()}"')


def get(identifier: Any) -> Any:
    """The loss that `identifier` means: None, a name (gives the function), a class name, a config, or a callable.

    Raises:
        ValueError: nothing of this name exists.

    Example:
        >>> get("mse") is mean_squared_error, get("MeanSquaredError").name
        (True, 'mean_squared_error')
    """
    return identifiers.get(MODULE, "loss", identifier)


def serialize(loss: Any) -> Any:
    """The config of a loss."""
    return identifiers.serialize(loss)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The loss of a config or name."""
    return identifiers.deserialize(MODULE, "loss", config, custom_objects)
