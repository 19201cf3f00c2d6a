"""Exponentials, logarithms, and the functions of angles, in `keras.ops`. Integers are computed in `floatx`."""

from __future__ import annotations

import math

from tenfold.keras.ops.define import Array, operation
from tenfold.keras.promotion import floating
from tenfold.ops import elementwise as e


@operation(dtype=floating)
def exp(x: Array) -> Array:
    """e to the power x."""
    return e.exp(x)


@operation(dtype=floating)
def exp2(x: Array) -> Array:
    """2 to the power x."""
    return e.exp(x * math.log(2))


@operation(dtype=floating)
def expm1(x: Array) -> Array:
    """exp(x) - 1, exact for small x too."""
    return e.expm1(x)


@operation(dtype=floating)
def log(x: Array) -> Array:
    """The natural logarithm."""
    return e.log(x)


@operation(dtype=floating)
def log1p(x: Array) -> Array:
    """log(1 + x), exact for small x too."""
    return e.log1p(x)


@operation(dtype=floating)
def log2(x: Array) -> Array:
    """The logarithm to base 2."""
    return e.log(x) / math.log(2)


@operation(dtype=floating)
def log10(x: Array) -> Array:
    """The logarithm to base 10."""
    return e.log(x) / math.log(10)


@operation(dtype=floating)
def sin(x: Array) -> Array:
    """The sine."""
    return e.sin(x)


@operation(dtype=floating)
def cos(x: Array) -> Array:
    """The cosine."""
    return e.cos(x)


@operation(dtype=floating)
def tan(x: Array) -> Array:
    """The tangent."""
    return e.tan(x)


@operation(dtype=floating)
def sinh(x: Array) -> Array:
    """The hyperbolic sine."""
    return e.sinh(x)


@operation(dtype=floating)
def cosh(x: Array) -> Array:
    """The hyperbolic cosine."""
    return e.cosh(x)


@operation(dtype=floating)
def tanh(x: Array) -> Array:
    """The hyperbolic tangent."""
    return e.tanh(x)


@operation(dtype=floating)
def arcsin(x: Array) -> Array:
    """The angle whose sine is x."""
    return e.asin(x)


@operation(dtype=floating)
def arccos(x: Array) -> Array:
    """The angle whose cosine is x."""
    return e.acos(x)


@operation(dtype=floating)
def arctan(x: Array) -> Array:
    """The angle whose tangent is x."""
    return e.atan(x)


@operation(dtype=floating)
def arcsinh(x: Array) -> Array:
    """The inverse of sinh."""
    return e.asinh(x)


@operation(dtype=floating)
def arccosh(x: Array) -> Array:
    """The inverse of cosh."""
    return e.acosh(x)


@operation(dtype=floating)
def arctanh(x: Array) -> Array:
    """The inverse of tanh."""
    return e.atanh(x)


@operation(dtype=floating)
def arctan2(x1: Array, x2: Array) -> Array:
    """The angle of the point (x2, x1), in all four quadrants."""
    return e.atan2(x1, x2)
