"""`tf.dtypes.*`: the element types, and conversions between them."""

from __future__ import annotations

from tenfold.core.dtypes import (
    DType,
    as_dtype,
    bfloat16,
    bool_,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    string,
    uint8,
    uint16,
    uint32,
    uint64,
)
from tenfold.ops.creation import cast
from tenfold.ops.elementwise import complex
from tenfold.ops.special import saturate_cast

bool = bool_
half, double = float16, float64

__all__ = [
    "DType", "as_dtype", "bfloat16", "bool", "cast", "complex", "complex64", "complex128", "double", "float16", "float32", "float64",
    "half", "int8", "int16", "int32", "int64", "saturate_cast", "string", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip
