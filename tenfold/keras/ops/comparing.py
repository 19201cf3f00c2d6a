"""Comparisons, logic, and choosing by condition, in `keras.ops`."""

from __future__ import annotations

import math

from tenfold.core.dtypes import bool_
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.promotion import logical, result_type
from tenfold.keras.ops.define import Array, Arrays, operation
from tenfold.keras.ops.indexing import nonzero
from tenfold.ops import creation
from tenfold.ops import elementwise as e
from tenfold.ops.reducing import reduce_all, reduce_any
from tenfold.ops.shaping import expand_dims, reshape
from tenfold.primitives import arithmetic as a


@operation(dtype=result_type)
def equal(x1: Array, x2: Array) -> Array:
    """x1 == x2, element by element."""
    return e.equal(x1, x2)


@operation(dtype=result_type)
def not_equal(x1: Array, x2: Array) -> Array:
    """x1 != x2, element by element."""
    return e.not_equal(x1, x2)


@operation(dtype=result_type)
def less(x1: Array, x2: Array) -> Array:
    """x1 < x2, element by element."""
    return e.less(x1, x2)


@operation(dtype=result_type)
def less_equal(x1: Array, x2: Array) -> Array:
    """x1 <= x2, element by element."""
    return e.less_equal(x1, x2)


@operation(dtype=result_type)
def greater(x1: Array, x2: Array) -> Array:
    """x1 > x2, element by element."""
    return e.greater(x1, x2)


@operation(dtype=result_type)
def greater_equal(x1: Array, x2: Array) -> Array:
    """x1 >= x2, element by element."""
    return e.greater_equal(x1, x2)


@operation(dtype=logical)
def logical_and(x1: Array, x2: Array) -> Array:
    """Whether both are true (not zero)."""
    return e.logical_and(x1, x2)


@operation(dtype=logical)
def logical_or(x1: Array, x2: Array) -> Array:
    """Whether one of both is true (not zero)."""
    return e.logical_or(x1, x2)


@operation(dtype=logical)
def logical_xor(x1: Array, x2: Array) -> Array:
    """Whether exactly one is true (not zero)."""
    return e.logical_xor(x1, x2)


@operation(dtype=logical)
def logical_not(x: Array) -> Array:
    """Whether x is false (zero)."""
    return e.logical_not(x)


def _inexact(x: Array) -> bool:
    return bool(x.dtype.is_floating or x.dtype.is_complex)


@operation()
def isfinite(x: Array) -> Array:
    """Whether x is neither infinite nor NaN."""
    return e.is_finite(x) if _inexact(x) else creation.ones_like(x, dtype=bool_)


@operation()
def isinf(x: Array) -> Array:
    """Whether x is infinite."""
    return e.is_inf(x) if _inexact(x) else creation.zeros_like(x, dtype=bool_)


@operation()
def isnan(x: Array) -> Array:
    """Whether x is NaN."""
    return e.is_nan(x) if _inexact(x) else creation.zeros_like(x, dtype=bool_)


@operation()
def isneginf(x: Array) -> Array:
    """Whether x is minus infinity."""
    return a.equal(x, -math.inf) if x.dtype.is_floating else creation.zeros_like(x, dtype=bool_)


@operation()
def isposinf(x: Array) -> Array:
    """Whether x is plus infinity."""
    return a.equal(x, math.inf) if x.dtype.is_floating else creation.zeros_like(x, dtype=bool_)


@operation(dtype=result_type)
def isclose(x1: Array, x2: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether |x1 - x2| <= atol + rtol * |x2|, element by element."""
    same = a.equal(x1, x2)
    if not _inexact(x1):
        return same
    finite = a.logical_and(e.is_finite(x1), e.is_finite(x2))
    close = a.logical_or(same, a.logical_and(finite, e.abs(x1 - x2) <= atol + rtol * e.abs(x2)))
    return a.logical_or(close, a.logical_and(e.is_nan(x1), e.is_nan(x2))) if equal_nan else close


@operation(kind="AllClose")
def allclose(x1: Array, x2: Array, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Array:
    """Whether |x1 - x2| <= atol + rtol * |x2| for all elements."""
    return reduce_all(isclose(x1, x2, rtol, atol, equal_nan))


@operation(kind="IsIn", dtype=result_type)
def isin(x1: Array, x2: Array, assume_unique: bool = False, invert: bool = False) -> Array:
    """Whether each element of x1 is among those of x2; `invert`: whether it is not. (`assume_unique` is a hint, and changes nothing.)"""
    found = reduce_any(a.equal(expand_dims(x1, -1), reshape(x2, [-1])), -1)
    return a.logical_not(found) if invert else found


@operation(dtype=result_type, of="x1 x2")
def where(condition: Array, x1: Array | None = None, x2: Array | None = None) -> Array:
    """x1 where the condition holds, else x2; if neither is given, the places where it holds, axis by axis."""
    if (x1 is None) != (x2 is None):
        raise InvalidArgumentError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    holds = creation.cast(condition, bool_)
    return nonzero(holds) if x1 is None else a.select(holds, x1, x2)


@operation(dtype=result_type, of="choicelist default")
def select(condlist: Arrays, choicelist: Arrays, default: Array = 0) -> Array:
    """Of the choices, element by element, the first one whose condition holds, else `default`.

    Raises:
        ValueError: there is not one condition for each choice.
    """
    if len(condlist) != len(choicelist):
        raise InvalidArgumentError(f"select expects one condition for each choice. Received {len(condlist)} and {len(choicelist)}.")
    chosen = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        chosen = a.select(condition, choice, chosen)
    return chosen
