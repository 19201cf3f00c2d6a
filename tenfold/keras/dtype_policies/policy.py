"""DTypePolicy, and the one that holds where none is given."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.dtypes import is_float_dtype, standardize_dtype
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor, operation_named
from tenfold.primitives.arithmetic import cast
from tenfold.tensor.tensor import Tensor, as_tensor

MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


def types_of(name: Any) -> tuple[str, str]:
    """The types in which a policy of this name computes and keeps weights.

    Raises:
        TypeError: it is no string.
        ValueError: no policy has this name.
    """
    if not isinstance(name, str):
        raise TypeError(f"'name' must be a string, such as 'mixed_float16'. Received: name={name} (of type {type(name)})")
    if name in MIXED:
        return MIXED[name], "float32"
    try:
        return (standardize_dtype(name),) * 2
    except ValueError:
        raise ValueError(f"Cannot convert '{name}' to a mixed precision DTypePolicy. Valid policies include 'mixed_float16', 'mixed_bfloat16', and "
                         "the name of any float dtype such as 'float32'.") from None  # fmt: skip


@register("keras", "Policy")
class DTypePolicy:
    """In which type a layer computes, and in which it keeps its weights.

    Args:
        name: a type's name (for both), or "mixed_float16" or "mixed_bfloat16" (compute in 16 bits, keep float32); default: the global policy's.

    Example:
        >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("float64").variable_dtype
        ('bfloat16', 'float64')
    """

    _name: str
    _quantization_mode: str | None = None
    _compute_dtype: str
    _variable_dtype: str

    def __init__(self, name: str | None = None) -> None:
        self._name = dtype_policy().name if name is None else name
        self._compute_dtype, self._variable_dtype = types_of(self._name)

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """The type in which layers compute."""
        return self._compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type in which layers keep their weights."""
        return self._variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How weights are quantized, e.g. "int8"; None: not at all."""
        return self._quantization_mode

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """An input of a layer: arrays become tensors, and floats have the type `dtype` if `autocast` holds."""
        if not isinstance(x, (Tensor, KerasTensor)):
            if not hasattr(x, "__array__"):
                return x
            x = as_tensor(np.asarray(x))
        wanted = standardize_dtype(dtype)
        changes = autocast and is_float_dtype(x.dtype) and x.dtype.name != wanted
        if not changes:
            return x
        return operation_named("Cast")(x, wanted) if isinstance(x, KerasTensor) else cast(x, as_dtype(wanted))

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A policy from its config."""
        return cls(**config)

    def _kind(self) -> type:
        return DTypePolicy if type(self) is FloatDTypePolicy else type(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other._kind() is self._kind() and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash((self._kind(), self.name))

    def __repr__(self) -> str:
        return f'<{self._kind().__name__} "{self.name}">'


@register("keras")
class FloatDTypePolicy(DTypePolicy):
    """Another name of DTypePolicy."""


_global: dict[str, DTypePolicy] = {}


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none."""
    if "policy" not in _global:
        return DTypePolicy(floatx())
    return _global["policy"]


def install(policy: DTypePolicy | None) -> None:
    """Makes `policy` the global one; None: that of `floatx`."""
    if policy is None:
        _global.clear()
    else:
        _global["policy"] = policy
