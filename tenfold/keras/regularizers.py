"""Weight penalties added to the loss."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import identifiers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.primitives.contraction import matmul
from tenfold.primitives.elementwise import abs as abs_
from tenfold.primitives.movement import transpose

MODULE = "keras.regularizers"


class Regularizer:
    """A function of a weight (or output) that gives a penalty: `__call__(x)`."""

    def __call__(self, x: Any) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        raise NotImplementedError(f"{type(self).__name__} does not implement get_config().")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A regularizer from its config."""
        return cls(**config)


def _checked(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or value != value or value in (float("inf"), float("-inf")):
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={value}")
    if value < 0:
        raise ValueError(f"Invalid value for argument {name}: expected a non-negative float. Received: {name}={value}")
    return float(value)


@register(MODULE, "l1_l2", "l1l2")
class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x²).

    Example:
        >>> float(L1L2(l1=0.5, l2=1.0)([1.0, -2.0]))
        6.5
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _checked("l1", 0.0 if l1 is None else l1)
        self.l2 = _checked("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        x = as_tensor(x)
        penalty = as_tensor(0.0, hint=x.dtype)
        if self.l1:
            penalty = penalty + self.l1 * math.reduce_sum(abs_(x))
        if self.l2:
            penalty = penalty + self.l2 * math.reduce_sum(x * x)
        return penalty

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1, "l2": self.l2}


@register(MODULE, "l1")
class L1(Regularizer):
    """l1 * sum(|x|)."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _checked("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        return self.l1 * math.reduce_sum(abs_(as_tensor(x)))

    def get_config(self) -> dict[str, Any]:
        return {"l1": self.l1}


@register(MODULE, "l2")
class L2(Regularizer):
    """l2 * sum(x²)."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _checked("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        x = as_tensor(x)
        return self.l2 * math.reduce_sum(x * x)

    def get_config(self) -> dict[str, Any]:
        return {"l2": self.l2}


@register(MODULE, "orthogonal_regularizer")
class OrthogonalRegularizer(Regularizer):
    """Penalizes how far the rows (or columns) of a matrix are from being orthogonal.

    Args:
        factor: the strength.
        mode: "rows" or "columns".
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(f'Invalid value for argument `mode`. Expected one of {{"rows", "columns"}}. Received: mode={mode}')
        self.factor, self.mode = _checked("factor", factor), mode

    def __call__(self, x: Any) -> Any:
        x = as_tensor(x)
        if x.ndim != 2:
            raise ValueError(f"Inputs to OrthogonalRegularizer must have rank 2. Received: inputs.shape={x.shape}")
        axis = 1 if self.mode == "rows" else 0
        x = x / math.sqrt(math.maximum(math.reduce_sum(x * x, axis=axis, keepdims=True), 1e-12))
        size = x.sizes[1 - axis]
        product = matmul(x, transpose(x)) if axis == 1 else matmul(transpose(x), x)
        total = math.reduce_sum(abs_(product)) - math.reduce_sum(abs_(math.reduce_sum(x * x, axis=axis)))
        return self.factor * 0.5 * total / max(1, size * (size - 1) // 2)

    def get_config(self) -> dict[str, Any]:
        return {"factor": self.factor, "mode": self.mode}


def l1(l1: float = 0.01) -> L1:
    """L1(l1)."""
    return L1(l1)


def l2(l2: float = 0.01) -> L2:
    """L2(l2)."""
    return L2(l2)


def l1_l2(l1: float = 0.0, l2: float = 0.0) -> L1L2:
    """L1L2(l1, l2)."""
    return L1L2(l1, l2)


orthogonal_regularizer = OrthogonalRegularizer


def get(identifier: Any) -> Any:
    """The regularizer that `identifier` means: None, a name, a config, a class or a callable.

    Raises:
        ValueError: nothing of this name exists.
    """
    return identifiers.get(MODULE, "regularizer", identifier)


def serialize(regularizer: Any) -> Any:
    """The config of a regularizer."""
    return identifiers.serialize(regularizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The regularizer of a config or name."""
    return identifiers.deserialize(MODULE, "regularizer", config, custom_objects)


__all__ = ["L1", "L1L2", "L2", "OrthogonalRegularizer", "Regularizer", "deserialize", "get", "l1", "l1_l2", "l2",
           "orthogonal_regularizer", "serialize"]  # fmt: skip
