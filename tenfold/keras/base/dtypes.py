"""Names of element types, as Keras writes them."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.errors import DTypeError
from tenfold.keras.base.defaults import floatx

FLOATS = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "int4", "uint4")
NAMES = frozenset((*FLOATS, *INTEGERS, "bool", "string", "complex64", "complex128"))
_PYTHON: dict[Any, str] = {bool: "bool", int: "int64", float: "float32", str: "string", "int": "int64"}


def standardize_dtype(dtype: Any) -> str:
    """The name of an element type, from a name, a NumPy or Python type, or None (the default float type).

    Raises:
        ValueError: it is none.

    Example:
        >>> import numpy as np
        >>> standardize_dtype(np.float32), standardize_dtype(int), standardize_dtype(None)
        ('float32', 'int64', 'float32')
    """
    if dtype is None:
        return floatx()
    if isinstance(dtype, DType):
        return dtype.name
    try:
        name = _PYTHON.get(dtype) or (dtype if dtype in NAMES else None)
        name = name or as_dtype(dtype).name
    except (TypeError, DTypeError):
        name = None
    if name not in NAMES:
        raise ValueError(f"Invalid dtype: {dtype}. Expected one of {', '.join(sorted(NAMES))}.")
    return str(name)


def is_float_dtype(dtype: Any) -> bool:
    """Whether it is a type of floating-point numbers."""
    return standardize_dtype(dtype).startswith(("float", "bfloat"))


def is_int_dtype(dtype: Any) -> bool:
    """Whether it is a type of integers."""
    return standardize_dtype(dtype).startswith(("int", "uint"))
