"""Keras's rules for result types: a lattice on which bool < integers < floats < complex, and Python's numbers give way to tensors."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from tenfold.core.dtypes import DType
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.dtypes import standardize_dtype

_NEXT = {  # each type and the types just above it; "int" and "float" are the weak types of Python's numbers
    "bool": "int",
    "int": "uint8 int8 complex64",
    "uint8": "int16 uint16",
    "uint16": "int32 uint32",
    "uint32": "int64 uint64",
    "uint64": "float",
    "int8": "int16",
    "int16": "int32",
    "int32": "int64",
    "int64": "float",
    "float": "bfloat16 float16",
    "bfloat16": "float32",
    "float16": "float32",
    "float32": "float64 complex64",
    "float64": "complex128",
    "complex64": "complex128",
    "complex128": "",
}
_WEAK = {int: "int", float: "float"}
_NARROWED = {"uint64": "uint32", "complex128": "complex64"}  # as Keras does it with TensorFlow
_FLOAT8 = ("float8_e4m3fn", "float8_e5m2")


def _above(name: str) -> frozenset[str]:
    return frozenset({name}).union(*(_above(n) for n in _NEXT[name].split()))


_ABOVE = {name: _above(name) for name in _NEXT}


def _least(names: frozenset[str]) -> str:
    """The lowest type at or above all of them."""
    common = frozenset.intersection(*(_ABOVE[n] for n in names))
    found = [n for n in common if common <= _ABOVE[n]]
    if not found:
        raise ValueError(f"Input dtypes {tuple(sorted(names))} have no available implicit dtype promotion path. Try casting them to one type.")
    return found[0]


@lru_cache(maxsize=4096)
def _result(names: tuple[Any, ...], precision: str) -> str:
    weak = [n for n in names if n in _WEAK]
    strong = [standardize_dtype(n) for n in names if n not in _WEAK]
    if not strong:
        joined = "float" if float in weak else "int"
    elif len({*strong, *(standardize_dtype(n) for n in weak)}) == 1:
        joined = strong[0]
    else:
        for n in strong:
            if n not in _NEXT:
                raise ValueError(f"dtype='{n}' is not a valid dtype for Keras type promotion.")
        joined = _least(frozenset((*strong, *(_WEAK[n] for n in weak))))
    if joined in ("int", "float"):
        return joined + precision
    return _NARROWED.get(joined, joined)


def result_type(*dtypes: Any) -> str:
    """The type that values of these types have together.

    Args:
        dtypes: dtypes, their names, or the classes `int` and `float`, which stand for Python's numbers; none at all give `floatx`.

    Raises:
        ValueError: they have none, e.g. float8 and float32.

    Example:
        >>> result_type("bfloat16", int), result_type("int32", "float32"), result_type("int32", float)
        ('bfloat16', 'float32', 'float32')
    """
    names = tuple([d.name if type(d) is DType else floatx() if d is None else d for d in dtypes])
    if not names:
        return floatx()
    if any(n in _FLOAT8 for n in names):
        raise ValueError(f"There is no implicit conversions from float8 dtypes to others. You must cast it internally. Received: {dtypes}")
    return _result(names, floatx()[-2:])


# --- rules of operations: the types of its tensors -> the type that they are computed in
Rule = Callable[..., str]


def floating(*dtypes: Any) -> str:
    """Their common type if it is inexact, else `floatx`."""
    return result_type(*dtypes, float)


def widening(*dtypes: Any) -> str:
    """Their common type if it is inexact; float64 for int64, `floatx` for the other integers and bool."""
    name = result_type(*dtypes)
    return "float64" if name == "int64" else floating(name)


def numeric(*dtypes: Any) -> str:
    """Their common type, int32 instead of bool."""
    name = result_type(*dtypes)
    return "int32" if name == "bool" else name


def logical(*dtypes: Any) -> str:
    """Always bool: what is not zero is true."""
    return "bool"


def counting(*dtypes: Any) -> str:
    """As NumPy sums: their common type, small integers and bool as 32 bits."""
    name = result_type(*dtypes)
    return {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}.get(name, name)


__all__ = ["Rule", "counting", "floating", "logical", "numeric", "result_type", "widening"]
