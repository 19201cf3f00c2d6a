"""What holds where nothing is said: the float type, the data format, epsilon, and the dtype policy."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras.registry import register

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


@register("keras", "Policy", "FloatDTypePolicy")
class DTypePolicy:
    """In which type a layer computes, and in which it keeps its weights.

    Args:
        name: a type's name (for both), or "mixed_float16" or "mixed_bfloat16" (compute in 16 bits, keep float32).

    Example:
        >>> DTypePolicy("mixed_bfloat16").compute_dtype, DTypePolicy("float64").variable_dtype
        ('bfloat16', 'float64')
    """

    quantization_mode = None

    def __init__(self, name: str | None = None) -> None:
        name = floatx() if name is None else name
        if not isinstance(name, str):
            raise TypeError(f"'name' must be a string, such as 'mixed_float16'. Received: name={name} (of type {type(name)})")
        self.name = name
        self.compute_dtype = _MIXED.get(name) or as_dtype(name).name
        self.variable_dtype = "float32" if name in _MIXED else self.compute_dtype

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicy:
        """A policy from its config."""
        return cls(config["name"])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


class _Defaults:
    floatx = "float32"
    epsilon = 1e-7
    image_data_format = "channels_last"
    policy: DTypePolicy | None = None


def floatx() -> str:
    """The default float type, e.g. "float32"."""
    return _Defaults.floatx


def set_floatx(value: str) -> None:
    """Sets the default float type.

    Raises:
        ValueError: it is no float type.
    """
    if value not in ("bfloat16", "float16", "float32", "float64"):
        raise ValueError(f"Unknown `floatx` value: {value}. Expected one of ['bfloat16', 'float16', 'float32', 'float64']")
    _Defaults.floatx = value


def epsilon() -> float:
    """The fuzz factor that keeps logarithms and divisions finite."""
    return _Defaults.epsilon


def set_epsilon(value: float) -> None:
    """Sets the fuzz factor."""
    _Defaults.epsilon = float(value)


def image_data_format() -> str:
    """The default of `data_format` arguments: "channels_last" or "channels_first"."""
    return _Defaults.image_data_format


def set_image_data_format(value: str) -> None:
    """Sets the default of `data_format` arguments."""
    _Defaults.image_data_format = data_format(value)


def data_format(value: Any) -> str:
    """A checked data format; None means the default.

    Raises:
        ValueError: it is neither "channels_last" nor "channels_first".
    """
    if value is None:
        return _Defaults.image_data_format
    text = str(value).lower()
    if text not in ("channels_first", "channels_last"):
        raise ValueError(f"The `data_format` argument must be one of 'channels_first', 'channels_last'. Received: {value}")
    return text


def dtype_policy() -> DTypePolicy:
    """The policy of layers that are given none."""
    return _Defaults.policy or DTypePolicy(_Defaults.floatx)


def set_dtype_policy(policy: Any) -> None:
    """Sets the policy of layers that are given none; None goes back to `floatx`."""
    _Defaults.policy = None if policy is None else as_policy(policy)


def as_policy(value: Any) -> DTypePolicy:
    """A policy from None (the default), a policy, a config, a dtype or a name."""
    if value is None:
        return dtype_policy()
    if isinstance(value, DTypePolicy):
        return value
    if isinstance(value, dict):
        inner = value.get("config", value)
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            raise ValueError(f"Cannot interpret dtype policy: {value!r}. Expected a name such as 'float32'.")
        return DTypePolicy(inner["name"])
    return DTypePolicy(value if isinstance(value, str) and value in _MIXED else as_dtype(value).name)
