"""Losses as objects: a formula, its options, and how the values become one number."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras import defaults, dtype_policies, identifiers, reductions, serialization
from tenfold.keras import loss_functions as f
from tenfold.keras.loss_functions import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    dice,
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
    tversky,
)
from tenfold.keras.naming import auto_name
from tenfold.keras.registry import register
from tenfold.keras.untyped import as_tensor
from tenfold.primitives.arithmetic import cast, logical_and

MODULE = "keras.losses"


@register(MODULE)
class Loss:
    """A loss: subclasses define `call(y_true, y_pred)`, one value per example.

    Args:
        name: for logs.
        reduction: "sum_over_batch_size" (mean), "sum", "mean", "mean_with_sample_weight", or "none".
        dtype: the type it computes in.

    Example:
        >>> class Absolute(Loss):
        ...     def call(self, y_true, y_pred):
        ...         return abs(y_true - y_pred)
        >>> float(Absolute()([1.0, 2.0], [2.0, 4.0]))
        1.5
    """

    def __init__(self, name: str | None = None, reduction: Any = "sum_over_batch_size", dtype: Any = None) -> None:
        reductions.check_reduction(reduction)
        self.name = name or auto_name(type(self).__name__)
        self.reduction = reduction
        self._dtype_policy = dtype_policies.get(dtype or defaults.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    @property
    def dtype(self) -> str:
        """The type it computes in."""
        return str(self._dtype)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss; masked examples (the predictions' mask) do not count."""
        in_mask = getattr(y_pred, "_keras_mask", None)
        y_pred = reductions.each_tensor(self._float, y_pred)
        y_true = reductions.each_tensor(lambda y: as_tensor(y) if _is_integer(y) else self._float(y), y_true)
        values = self.call(y_true, y_pred)
        out_mask = getattr(values, "_keras_mask", None)
        mask = in_mask if out_mask is None else out_mask if in_mask is None else logical_and(in_mask, out_mask)
        return reductions.reduce_weighted_values(values, sample_weight, mask, self.reduction, self._dtype)

    def _float(self, y: Any) -> Any:
        dtype = as_dtype(self._dtype)
        y = as_tensor(y, hint=dtype)
        return y if y.dtype is dtype else cast(y, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """One value per example."""
        raise NotImplementedError(f"{type(self).__name__} does not implement call(y_true, y_pred).")

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A loss from its config."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, reduction={self.reduction}>"


def _is_integer(y: Any) -> bool:
    y = as_tensor(y) if not hasattr(y, "dtype") else y
    kind = getattr(y.dtype, "kind", "")
    return kind in ("i", "u", "int", "uint")


class LossFunctionWrapper(Loss):
    """A function as a loss.

    Args:
        fn: `(y_true, y_pred, **kwargs) -> one value per example`.
        reduction, name, dtype: as in Loss.
        kwargs: more arguments of `fn`.
    """

    def __init__(self, fn: Any, reduction: Any = "sum_over_batch_size", name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn, self._fn_kwargs = fn, kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if hasattr(y_true, "ndim") and hasattr(y_pred, "ndim") and self.fn is not sparse_categorical_crossentropy:
            y_true, y_pred = f.same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": serialization.serialize_keras_object(self.fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if "fn" in config:
            config = {**config, "fn": serialization.deserialize_keras_object(config["fn"])}
        return cls(**config)


class _Known(LossFunctionWrapper):
    """One of the losses below: its options are the config."""

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._fn_kwargs}


@register(MODULE)
class MeanSquaredError(_Known):
    """mean((y_true - y_pred)²).

    Example:
        >>> float(MeanSquaredError()([[0.0], [1.0]], [[1.0], [1.0]]))
        0.5
    """

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


@register(MODULE)
class MeanAbsoluteError(_Known):
    """mean(|y_true - y_pred|)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


@register(MODULE)
class MeanAbsolutePercentageError(_Known):
    """100 * mean(|y_true - y_pred| / |y_true|)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


@register(MODULE)
class MeanSquaredLogarithmicError(_Known):
    """mean((log(y_true + 1) - log(y_pred + 1))²)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


@register(MODULE)
class Huber(_Known):
    """Half the squared error up to `delta`, linear beyond."""

    def __init__(self, delta: float = 1.0, reduction: Any = "sum_over_batch_size", name: str | None = "huber_loss", dtype: Any = None) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


@register(MODULE)
class LogCosh(_Known):
    """mean(log(cosh(y_pred - y_true)))."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "log_cosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


@register(MODULE)
class KLDivergence(_Known):
    """sum(y_true * log(y_true / y_pred))."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


@register(MODULE)
class Poisson(_Known):
    """mean(y_pred - y_true * log(y_pred))."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, reduction, name, dtype)


def _minus_cosine(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    return -cosine_similarity(y_true, y_pred, axis)


@register(MODULE)
class CosineSimilarity(_Known):
    """Minus the cosine of the angle between y_true and y_pred."""

    def __init__(self, axis: int = -1, reduction: Any = "sum_over_batch_size", name: str | None = "cosine_similarity", dtype: Any = None) -> None:
        super().__init__(_minus_cosine, reduction, name, dtype, axis=axis)


@register(MODULE)
class Hinge(_Known):
    """mean(max(1 - y_true * y_pred, 0)), y_true being -1 or 1 (0 counts as -1)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


@register(MODULE)
class SquaredHinge(_Known):
    """mean(max(1 - y_true * y_pred, 0)²)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


@register(MODULE)
class CategoricalHinge(_Known):
    """max(largest wrong score - right score + 1, 0)."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)


@register(MODULE)
class BinaryCrossentropy(_Known):
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
class BinaryFocalCrossentropy(_Known):
    """Binary cross-entropy that counts easy examples less: times (1 - p)^gamma."""

    def __init__(self, apply_class_balancing: bool = False, alpha: float = 0.25, gamma: float = 2.0, from_logits: bool = False,
                 label_smoothing: float = 0.0, axis: int = -1, reduction: Any = "sum_over_batch_size",
                 name: str | None = "binary_focal_crossentropy", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma,
                         from_logits=from_logits, label_smoothing=label_smoothing, axis=axis)  # fmt: skip


@register(MODULE)
class CategoricalCrossentropy(_Known):
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
class CategoricalFocalCrossentropy(_Known):
    """Categorical cross-entropy that counts easy examples less: times alpha * (1 - p)^gamma."""

    def __init__(self, alpha: Any = 0.25, gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: Any = "sum_over_batch_size", name: str | None = "categorical_focal_crossentropy", dtype: Any = None) -> None:  # fmt: skip
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, alpha=alpha, gamma=gamma, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis)  # fmt: skip


@register(MODULE)
class SparseCategoricalCrossentropy(_Known):
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


@register(MODULE)
class Dice(_Known):
    """1 - 2 * overlap / total, for segmentation."""

    def __init__(self, reduction: Any = "sum_over_batch_size", name: str | None = "dice", axis: Any = None, dtype: Any = None) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


@register(MODULE)
class Tversky(_Known):
    """1 - overlap / (overlap + alpha * false positives + beta * false negatives)."""

    def __init__(self, alpha: float = 0.5, beta: float = 0.5, reduction: Any = "sum_over_batch_size", name: str | None = "tversky", axis: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


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


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh


__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy", "CategoricalFocalCrossentropy", "CategoricalHinge",
    "CosineSimilarity", "Dice", "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss", "LossFunctionWrapper", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "SparseCategoricalCrossentropy",
    "SquaredHinge", "Tversky", "bce", "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_hinge", "cosine_similarity", "deserialize", "dice", "get", "hinge", "huber",
    "kl_divergence", "kld", "log_cosh", "logcosh", "mae", "mape", "mean_absolute_error", "mean_absolute_percentage_error",
    "mean_squared_error", "mean_squared_logarithmic_error", "mse", "msle", "poisson", "serialize", "sparse_categorical_crossentropy",
    "squared_hinge", "tversky",
]  # fmt: skip
