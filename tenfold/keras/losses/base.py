"""Loss: a formula, its options, and how the values become one number."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras import dtype_policies
from tenfold.keras.base import defaults
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.losses import formulas as f
from tenfold.keras.losses import reductions
from tenfold.keras.saving import serialization
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

    _takes_labels = False  # whether whole targets stay whole: class numbers lose digits as 16-bit floats

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
        y_true = reductions.each_tensor(lambda y: as_tensor(y) if self._takes_labels and _is_integer(y) else self._float(y), y_true)
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
        self._takes_labels = getattr(fn, "takes_labels", False)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if hasattr(y_true, "ndim") and hasattr(y_pred, "ndim") and not self._takes_labels:
            y_true, y_pred = f.same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fn": serialization.serialize_keras_object(self.fn), **self._fn_kwargs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        if "fn" in config:
            config = {**config, "fn": serialization.deserialize_keras_object(config["fn"])}
        return cls(**config)


class Known(LossFunctionWrapper):
    """One of Keras's own losses: its options are attributes, and the config."""

    def __init__(self, fn: Any, reduction: Any, name: str | None, dtype: Any, **options: Any) -> None:
        super().__init__(fn, reduction, name, dtype, **options)
        for option, value in options.items():
            setattr(self, option, value)

    def get_config(self) -> dict[str, Any]:
        return {**Loss.get_config(self), **self._fn_kwargs}
