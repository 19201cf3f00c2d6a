"""`keras.dtype_policies`: in which types layers compute, and in which they keep their weights."""

from tenfold.keras.dtype_policies.identify import deserialize, get, serialize
from tenfold.keras.dtype_policies.policy import DTypePolicy, FloatDTypePolicy
from tenfold.keras.dtype_policies.policy_map import DTypePolicyMap
from tenfold.keras.dtype_policies.quantized import (
    AWQDTypePolicy,
    GPTQDTypePolicy,
    Int4DTypePolicy,
    QuantizedDTypePolicy,
    QuantizedFloat8DTypePolicy,
)

__all__ = [
    "AWQDTypePolicy",
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "GPTQDTypePolicy",
    "Int4DTypePolicy",
    "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
    "deserialize",
    "get",
    "serialize",
]
