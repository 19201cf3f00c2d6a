"""Functions applied to a weight after each update."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import identifiers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.primitives.arithmetic import cast, maximum, minimum

MODULE = "keras.constraints"
EPSILON = 1e-7


class Constraint:
    """A function of a weight that gives the weight to use instead: `__call__(w)`; this one leaves it."""

    def __call__(self, w: Any) -> Any:
        return w

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A constraint from its config."""
        return cls(**config)


def _norm(w: Any, axis: Any) -> Any:
    return math.sqrt(math.reduce_sum(w * w, axis=axis, keepdims=True))


@register(MODULE, "max_norm")
class MaxNorm(Constraint):
    """Shrinks weights whose norm along `axis` exceeds `max_value`.

    Example:
        >>> MaxNorm(1.0)([[3.0], [4.0]]).numpy().ravel().round(3)
        array([0.6, 0.8], dtype=float32)
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        w = as_tensor(w)
        norm = _norm(w, self.axis)
        return w * (minimum(maximum(norm, 0), self.max_value) / (EPSILON + norm))

    def get_config(self) -> dict[str, Any]:
        return {"max_value": self.max_value, "axis": self.axis}


@register(MODULE, "non_neg")
class NonNeg(Constraint):
    """Sets negative weights to 0."""

    def __call__(self, w: Any) -> Any:
        w = as_tensor(w)
        return w * cast(w >= 0, w.dtype)


@register(MODULE, "unit_norm")
class UnitNorm(Constraint):
    """Scales weights to norm 1 along `axis`."""

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w = as_tensor(w)
        return w / (EPSILON + _norm(w, self.axis))

    def get_config(self) -> dict[str, Any]:
        return {"axis": self.axis}


@register(MODULE, "min_max_norm")
class MinMaxNorm(Constraint):
    """Moves the norm along `axis` into [min_value, max_value], by the share `rate` of the way."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        w = as_tensor(w)
        norm = _norm(w, self.axis)
        desired = self.rate * minimum(maximum(norm, self.min_value), self.max_value) + (1 - self.rate) * norm
        return w * (desired / (EPSILON + norm))

    def get_config(self) -> dict[str, Any]:
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate, "axis": self.axis}


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm


def get(identifier: Any) -> Any:
    """The constraint that `identifier` means: None, a name, a config, a class or a callable.

    Raises:
        ValueError: nothing of this name exists.
    """
    return identifiers.get(MODULE, "constraint", identifier)


def serialize(constraint: Any) -> Any:
    """The config of a constraint."""
    return identifiers.serialize(constraint)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The constraint of a config or name."""
    return identifiers.deserialize(MODULE, "constraint", config, custom_objects)


__all__ = [
    "Constraint", "MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "deserialize", "get", "max_norm", "min_max_norm", "non_neg", "serialize",
    "unit_norm",
]  # fmt: skip
