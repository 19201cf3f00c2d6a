"""Error functions and the logarithm of the gamma function with its derivative."""

from __future__ import annotations

import math

from tenfold.core import dtypes
from tenfold.kernel.coefficients import ERF32, ERF64, ERFC64, ERFTAIL32
from tenfold.kernel.elementary import exp, exp_sum, log, log1p
from tenfold.kernel.loops import Expr, cast, const, fma, select
from tenfold.kernel.numeric import copy_sign, equal, floor, lifted, minimum, polynomial, round_half_even, sqrt, through_float64
from tenfold.kernel.trigonometry import cos, sin

# B(2k) / (2k (2k - 1)) and B(2k) / 2k, of Stirling's series
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)
_SHIFT = 8


@lifted
def erf(x: Expr) -> Expr:
    """The error function."""
    z, a = x * x, abs(x)
    if x.dtype.size == 8:
        return select(a < 1.0, x * polynomial(z, ERF64), copy_sign(1.0 - _erfc_positive(a), x))
    large = 1.0 - exp(polynomial(minimum(a, 4.0), ERFTAIL32))
    return select(a < 1.0, x * polynomial(z, ERF32), copy_sign(large, x))


def _erfc_positive(a: Expr) -> Expr:
    """erfc of float64 a >= 0 (Shepherd & Laframboise 1981)."""
    b = minimum(a, 28.0)
    t = (b - 3.75) / (b + 3.75)
    square = b * b
    power = exp_sum(-square, -fma(b, b, -square))
    return power * polynomial(t, ERFC64) / (b * 2.0 + 1.0)


@through_float64
def erfc(x: Expr) -> Expr:
    """1 - erf(x), accurate where that is small."""
    y = _erfc_positive(abs(x))
    return select(x < 0.0, 2.0 - y, y)


@lifted
def erfinv(x: Expr) -> Expr:
    """Inverse of erf: a closed formula (Winitzki 2008) with a constant for which it is good to 0.1 % up to the last float32 before 1, and
    Halley's steps in float64; one of them leaves a fifth of float32's last place."""
    wide = cast(x, dtypes.float64)
    a, c = abs(wide), 0.1525
    t = log1p(-(a * a)) / -c
    b = 2 / (math.pi * c) - t * (c / 2)
    y = sqrt(t / (sqrt(b * b + t) + b))
    for _ in range(3 if x.dtype.size == 8 else 1):
        # on erfc where a is near 1, so that nothing cancels
        error = select(a < 0.5, y * polynomial(y * y, ERF64) - a, (1.0 - a) - _erfc_positive(y))
        step = error / (exp(-(y * y)) * (2 / math.sqrt(math.pi)))
        y = y - step / fma(y, step, 1.0)
    special = select(equal(a, 1.0), const(math.inf, dtypes.float64), const(math.nan, dtypes.float64))
    return cast(copy_sign(select(a < 1.0, y, special), wide), x.dtype)


def _sin_pi(x: Expr) -> Expr:
    """sin(pi x), which is 0 exactly at the integers."""
    r = x - round_half_even(x * 0.5) * 2.0
    return sin(r * math.pi)


def _is_pole(x: Expr) -> Expr:
    return (x <= 0.0) & equal(floor(x), x)


@through_float64
def lgamma(x: Expr) -> Expr:
    """log |gamma(x)|: Stirling's series from 8 upward, reached by the recurrence, and the reflection for x < 0.5."""
    reflect = x < 0.5
    z = select(reflect, 1.0 - x, x)
    short = z < float(_SHIFT)
    product = z
    for k in range(1, _SHIFT):
        product = product * (z + float(k))
    big = select(short, z + float(_SHIFT), z)
    inverse = 1.0 / big
    series = inverse * polynomial(inverse * inverse, _STIRLING)
    y = (big - 0.5) * (log(big) - 1.0) + ((0.5 * math.log(2 * math.pi) - 0.5) + series)
    y = select(short, y - log(product), y)
    fraction = abs(x - round_half_even(x))
    y = select(reflect, math.log(math.pi) - log(abs(_sin_pi(fraction))) - y, y)
    y = select(_is_pole(x) | equal(abs(x), math.inf), const(math.inf, x.dtype), y)
    return select(equal(z, math.inf), z, y)


@through_float64
def digamma(x: Expr) -> Expr:
    """Derivative of log gamma; NaN at the poles but 0, where it is infinite."""
    reflect = x < 0.5
    z = select(reflect, 1.0 - x, x)
    short = z < float(_SHIFT)
    total = 1.0 / z
    for k in range(1, _SHIFT):
        total = total + 1.0 / (z + float(k))
    big = select(short, z + float(_SHIFT), z)
    inverse = 1.0 / big
    square = inverse * inverse
    y = log(big) - (inverse * 0.5 + square * polynomial(square, _DIGAMMA))
    y = select(short, y - total, y)
    r = x - round_half_even(x)
    y = select(reflect, y - cos(r * math.pi) / sin(r * math.pi) * math.pi, y)
    y = select(_is_pole(x), select(equal(x, 0.0), copy_sign(const(math.inf, x.dtype), -x), const(math.nan, x.dtype)), y)
    return select(equal(x, math.inf), x, y)
