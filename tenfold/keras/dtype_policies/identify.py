"""From names and configs to dtype policies, and back; and the choice of the global one."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import DType
from tenfold.keras.base.dtypes import standardize_dtype
from tenfold.keras.base.registry import named
from tenfold.keras.dtype_policies.policy import DTypePolicy, dtype_policy, install
from tenfold.keras.dtype_policies.quantized import MODULE, is_quantized_name, quantized_by_name
from tenfold.keras.saving import serialization


def serialize(dtype_policy: Any) -> Any:
    """The config of a policy, its class named."""
    return serialization.serialize_keras_object(dtype_policy)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The policy of a config, whole or short (`{"class_name": ..., "config": ...}`).

    Raises:
        ValueError: it is none of a policy.
    """
    known = {**named("keras"), **named(MODULE)}
    cls = known.get(str(config.get("class_name"))) if isinstance(config, dict) else None
    if isinstance(cls, type) and issubclass(cls, DTypePolicy):
        return cls.from_config(config.get("config") or {})
    found = serialization.deserialize_keras_object(config, custom_objects=custom_objects)
    if not isinstance(found, DTypePolicy):
        raise ValueError(f"Cannot interpret dtype policy: {config!r}. Expected a name such as 'float32'.")
    return found


def get(identifier: Any) -> Any:
    """A policy from None (the global one), a policy, a config, a type or a name.

    Raises:
        ValueError: it is nothing of these.

    Example:
        >>> get("int8_from_float32"), get("bfloat16")
        (<QuantizedDTypePolicy "int8_from_float32">, <DTypePolicy "bfloat16">)
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier) if "class_name" in identifier else DTypePolicy.from_config(identifier)
    if isinstance(identifier, str):
        return quantized_by_name(identifier) if is_quantized_name(identifier) and "_" in identifier else DTypePolicy(identifier)
    try:
        if isinstance(identifier, int) and not isinstance(identifier, bool):
            raise ValueError  # numbers of types are TensorFlow's, and mean nothing here
        return DTypePolicy(identifier.name if isinstance(identifier, DType) else standardize_dtype(identifier))
    except ValueError:
        raise ValueError("Cannot interpret `dtype` argument. Expected a string or an instance of DTypePolicy. "
                         f"Received: dtype={identifier}") from None  # fmt: skip


def set_dtype_policy(policy: Any) -> None:
    """Sets the policy of layers that are given none.

    Raises:
        ValueError: it is neither a policy nor a policy's name.
    """
    if not isinstance(policy, (DTypePolicy, str)):
        raise ValueError("Invalid `policy` argument. Expected the string name of a policy (such as 'mixed_float16') or a `DTypePolicy` instance. "
                         f"Received: policy={policy} (of type {type(policy)})")  # fmt: skip
    install(get(policy))
