"""Arithmetic, element by element, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.promotion import floating, numeric, result_type, widening
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import elementwise as e
from tenfold.ops import special


@operation()
def absolute(x: Array) -> Array:
    """The absolute value."""
    return e.abs(x) if x.dtype.is_numeric and not x.dtype.is_unsigned else x


abs = absolute


@operation(dtype=result_type)
def add(x1: Array, x2: Array) -> Array:
    """x1 + x2, element by element."""
    return e.add(x1, x2)


@operation(dtype=result_type)
def subtract(x1: Array, x2: Array) -> Array:
    """x1 - x2, element by element."""
    return e.subtract(x1, x2)


@operation(dtype=result_type)
def multiply(x1: Array, x2: Array) -> Array:
    """x1 * x2, element by element."""
    return e.multiply(x1, x2)


@operation(dtype=floating)
def divide(x1: Array, x2: Array) -> Array:
    """x1 / x2, element by element."""
    return e.divide(x1, x2)


@operation(dtype=floating)
def true_divide(x1: Array, x2: Array) -> Array:
    """x1 / x2, element by element."""
    return e.divide(x1, x2)


@operation(dtype=result_type)
def floor_divide(x1: Array, x2: Array) -> Array:
    """x1 / x2 rounded down, element by element."""
    return e.floordiv(x1, x2)


@operation(dtype=numeric)
def mod(x1: Array, x2: Array) -> Array:
    """The remainder of x1 / x2, with the sign of x2."""
    return e.floormod(x1, x2)


@operation(dtype=result_type)
def power(x1: Array, x2: Array) -> Array:
    """x1 to the power x2, element by element."""
    return e.pow(x1, x2)


@operation(dtype=result_type)
def maximum(x1: Array, x2: Array) -> Array:
    """The larger one of x1 and x2; NaN if one is."""
    return e.maximum(x1, x2)


@operation(dtype=result_type)
def minimum(x1: Array, x2: Array) -> Array:
    """The smaller one of x1 and x2; NaN if one is."""
    return e.minimum(x1, x2)


@operation()
def negative(x: Array) -> Array:
    """-x."""
    return e.negative(x)


@operation(dtype=numeric)
def square(x: Array) -> Array:
    """x * x."""
    return e.square(x)


@operation(dtype=floating)
def sqrt(x: Array) -> Array:
    """The square root."""
    return e.sqrt(x)


@operation()
def reciprocal(x: Array) -> Array:
    """1 / x."""
    return e.reciprocal(x)


@operation(dtype=floating)
def fabs(x: Array) -> Array:
    """The absolute value, as a floating-point number."""
    return e.abs(x)


@operation(dtype=floating)
def divide_no_nan(x1: Array, x2: Array) -> Array:
    """x1 / x2, and 0 where x2 is 0."""
    return special.divide_no_nan(x1, x2)


@operation(dtype=numeric)
def fmod(x1: Array, x2: Array) -> Array:
    """The remainder of x1 / x2, with the sign of x1."""
    return e.truncatemod(x1, x2)


@operation(dtype=widening)
def cbrt(x: Array) -> Array:
    """The cube root."""
    return e.sign(x) * e.pow(e.abs(x), 1 / 3)


def _clipped(x: Any, *bounds: Any) -> str:
    """A floating-point tensor keeps its type, whatever the bounds are."""
    return result_type(x) if "float" in result_type(x) else numeric(x, *bounds)


@operation(dtype=_clipped)
def clip(x: Array, x_min: Array, x_max: Array) -> Array:
    """x, no less than x_min and no more than x_max."""
    return special.clip_by_value(x, x_min, x_max)
