"""DTypePolicyMap: a policy for each layer of a model."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.dtype_policies.identify import get
from tenfold.keras.dtype_policies.policy import DTypePolicy
from tenfold.keras.dtype_policies.quantized import MODULE
from tenfold.keras.saving import serialization


@register(MODULE)
class DTypePolicyMap(DTypePolicy, MutableMapping[str, Any]):
    """Layers' paths, or regular expressions that match whole paths -> policies.

    Args:
        default_policy: of the paths that nothing matches; default: the global policy.
        policy_map: what it starts with.

    Example:
        >>> policies = DTypePolicyMap("float32")
        >>> policies["encoder/.*"] = "mixed_bfloat16"
        >>> policies["encoder/dense"], policies["decoder"]
        (<DTypePolicy "mixed_bfloat16">, <DTypePolicy "float32">)
    """

    def __init__(self, default_policy: Any = None, policy_map: dict[str, Any] | None = None) -> None:
        if isinstance(default_policy, DTypePolicyMap):
            raise ValueError("`default_policy` cannot be a `DTypePolicyMap`.")
        if policy_map is not None and not isinstance(policy_map, dict):
            raise TypeError(f"If specified, `policy_map` must be a dict. Received: policy_map={policy_map} of type {type(policy_map)}")
        self._default_policy_arg = default_policy
        self._default_policy = get(default_policy)
        self._policy_map = policy_map or {}

    @property
    def name(self) -> str:
        """`map_` and the name of the default policy."""
        return f"map_{self.default_policy.name}"

    @property
    def default_policy(self) -> Any:
        """The policy of the paths that nothing matches."""
        return self._default_policy

    @property
    def variable_dtype(self) -> str:
        return str(self.default_policy.variable_dtype)

    @property
    def compute_dtype(self) -> str:
        return str(self.default_policy.compute_dtype)

    @property
    def quantization_mode(self) -> str | None:
        mode = self.default_policy.quantization_mode
        return None if mode is None else str(mode)

    def __getitem__(self, key: str) -> Any:
        if key in self._policy_map:
            return self._policy_map[key]
        found = [pattern for pattern in self._policy_map if re.fullmatch(pattern, key)]
        if len(found) > 1:
            raise ValueError(f"Path '{key}' matches multiple dtype policy specification keys: {found}. Please make sure each path only matches at "
                             "most one dtype policy specification key in the DTypePolicyMap.")  # fmt: skip
        return self._policy_map[found[0]] if found else self.default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if key in self._policy_map:
            raise ValueError(f"{key} already exist in the DTypePolicyMap with value {self._policy_map[key]}. Please make sure to not use duplicated "
                             "keys.")  # fmt: skip
        try:
            self._policy_map[key] = get(policy)
        except (TypeError, ValueError):
            raise ValueError("Cannot interpret the assigned value by `keras.dtype_policies.get`. "
                             f"Received: {policy} of type {type(policy)}") from None  # fmt: skip

    def __delitem__(self, key: str) -> None:
        del self._policy_map[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Takes an entry out; paths are not matched."""
        return self._policy_map.pop(key, *default)

    def __contains__(self, key: object) -> bool:
        return key in self._policy_map

    def __len__(self) -> int:
        return len(self._policy_map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policy_map)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and self._default_policy == other._default_policy and self._policy_map == other._policy_map

    def __hash__(self) -> int:
        return hash(self.name)

    def get_config(self) -> dict[str, Any]:
        """Where no default was given, the policies are those of what is global when the config is read."""
        policies = serialization.serialize_keras_object(self._policy_map)
        if self._default_policy_arg is None:
            for policy in policies.values():
                policy["config"].update({k: None for k in ("name", "source_name") if k in policy["config"]})
        default = self._default_policy_arg
        return {"default_policy": serialization.serialize_keras_object(default), "policy_map": policies}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        policies = serialization.deserialize_keras_object(config["policy_map"], custom_objects=custom_objects)
        default = serialization.deserialize_keras_object(config["default_policy"], custom_objects=custom_objects)
        return cls(default, policies)

    def __repr__(self) -> str:
        mapping = [(k, v.name) for k, v in self._policy_map.items()]
        return f"<DTypePolicyMap at {hex(id(self))} default_policy={self._default_policy.name}, mapping={mapping}>"
