"""Exponentials, logarithms, and the functions of angles, in `keras.ops`. Integers are computed in `floatx`."""

from __future__ import annotations

import math

from tenfold.keras.base.promotion import floating, widening
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import elementwise as e
from tenfold.ops import special
from tenfold.primitives import arithmetic as a


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


@operation(dtype=widening)
def deg2rad(x: Array) -> Array:
    """Degrees as radians."""
    return x * (math.pi / 180)


@operation(dtype=widening)
def rad2deg(x: Array) -> Array:
    """Radians as degrees."""
    return x * (180 / math.pi)


@operation(dtype=floating)
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), and 1 at 0."""
    zero = a.equal(x, 0)
    angle = a.select(zero, 1, x * math.pi)
    return a.select(zero, 1, e.sin(angle) / angle)


@operation(dtype=floating)
def logaddexp(x1: Array, x2: Array) -> Array:
    """log(exp(x1) + exp(x2)), without overflow."""
    return _logadd(x1, x2, 1.0)


@operation(dtype=floating)
def logaddexp2(x1: Array, x2: Array) -> Array:
    """log2(2**x1 + 2**x2), without overflow."""
    return _logadd(x1, x2, math.log(2))


def _logadd(x1: Array, x2: Array, unit: float) -> Array:
    """log(b**x1 + b**x2) to the base b = exp(unit)."""
    apart = x1 - x2
    return a.select(e.is_nan(apart), x1 + x2, e.maximum(x1, x2) + e.log1p(e.exp(e.abs(apart) * -unit)) / unit)


@operation(dtype=widening)
def hypot(x1: Array, x2: Array) -> Array:
    """sqrt(x1**2 + x2**2), without overflow."""
    x1, x2 = e.abs(x1), e.abs(x2)
    large, small = e.maximum(x1, x2), e.minimum(x1, x2)
    infinite = a.logical_or(e.is_inf(x1), e.is_inf(x2))
    return a.select(infinite, math.inf, large * e.sqrt(1 + e.square(special.divide_no_nan(small, large))))


@operation(dtype=widening)
def i0(x: Array) -> Array:
    """The modified Bessel function of the first kind, of order 0."""
    return special.bessel_i0(x)
