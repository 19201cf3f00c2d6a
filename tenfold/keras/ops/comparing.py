"""Comparisons, logic, and choosing by condition, in `keras.ops`."""

from __future__ import annotations

from tenfold.core.dtypes import bool_
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.ops.define import Array, converted, operation
from tenfold.keras.promotion import logical, result_type
from tenfold.ops import creation, selecting
from tenfold.ops import elementwise as e
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
def where(condition: Array, x1: Array | None = None, x2: Array | None = None) -> Array:
    """x1 where the condition holds, else x2; the places where it holds, if neither is given."""
    if (x1 is None) != (x2 is None):
        raise InvalidArgumentError("`x1` and `x2` either both should be `None` or both should have non-None value.")
    if x1 is None:
        return selecting.where(condition)
    x1, x2 = converted([x1, x2], result_type)
    return a.select(creation.cast(condition, bool_), x1, x2)
