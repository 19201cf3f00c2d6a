"""Error functions and the logarithm of the gamma function with its derivative."""

from __future__ import annotations

import math

from tenfold.core import dtypes
from tenfold.kernel.coefficients import ERF32, ERF64, ERFC64, ERFTAIL32
from tenfold.kernel.elementary import exp, exp_sum, log, log1p
from tenfold.kernel.loops import Expr, cast, const, fma, select, unary
from tenfold.kernel.numeric import copy_sign, equal, floor, lifted, minimum, polynomial, round_half_even, sqrt, through_float64, through_float64_2
from tenfold.kernel.trigonometry import cos, sin

# B(2k) / (2k (2k - 1)) and B(2k) / 2k, of Stirling's series
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400)
_DIGAMMA = (1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12, -3617 / 8160)
_SHIFT = 8
# B(2k) / (2k)!, of Euler & Maclaurin's sum
MACLAURIN = (1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160, -691 / 1307674368000, 1 / 74724249600, -3617 / 10670622842880000)


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


def _inverse(a: Expr, rest: Expr, log_product: Expr, steps: int) -> Expr:
    """The y >= 0 where erf is a = 1 - rest, given log(1 - a^2): a closed formula (Winitzki 2008), 0.1 % wrong up to the last float32 before 1
    and three times that beyond, and Halley's steps."""
    c = 0.1525
    t = log_product / -c
    b = 2 / (math.pi * c) - t * (c / 2)
    y = sqrt(t / (sqrt(b * b + t) + b))
    for _ in range(steps):
        # on erfc where a is near 1, so that nothing cancels
        error = select(a < 0.5, y * polynomial(y * y, ERF64) - a, rest - _erfc_positive(y))
        step = error / (exp(-(y * y)) * (2 / math.sqrt(math.pi)))
        y = y - step / fma(y, step, 1.0)
    special = select(equal(rest, 0.0), const(math.inf, a.dtype), const(math.nan, a.dtype))
    return select(rest > 0.0, y, special)


@lifted
def erfinv(x: Expr) -> Expr:
    """Inverse of erf, in float64; one step leaves a fifth of float32's last place."""
    wide = cast(x, dtypes.float64)
    a = abs(wide)
    y = _inverse(a, 1.0 - a, log1p(-(a * a)), 3 if x.dtype.size == 8 else 1)
    return cast(copy_sign(y, wide), x.dtype)


@lifted
def erfcinv(x: Expr) -> Expr:
    """Inverse of erfc, accurate down to the smallest normal numbers, in float64."""
    wide = cast(x, dtypes.float64)
    rest = minimum(wide, 2.0 - wide)
    y = _inverse(1.0 - rest, rest, log(rest) + log(2.0 - rest), 4 if x.dtype.size == 8 else 2)
    return cast(copy_sign(y, 1.0 - wide), x.dtype)


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
    y = select(equal(z, 1.0) | equal(z, 2.0), const(0.0, x.dtype), y)
    fraction = abs(x - round_half_even(x))
    sine = select(fraction < 2.0**-30, fraction, _sin_pi(fraction) * (1 / math.pi))
    y = select(reflect, -log(sine) - y, y)
    y = select(_is_pole(x) | equal(abs(x), math.inf), const(math.inf, x.dtype), y)
    return select(equal(z, math.inf), z, y)


@through_float64
def digamma(x: Expr) -> Expr:
    """Derivative of log gamma; NaN at the poles."""
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
    y = select(_is_pole(x), const(math.nan, x.dtype), y)
    return select(equal(x, math.inf), x, y)


def _zeta_positive(s: Expr, q: Expr) -> Expr:
    """The sum of (q + k)^-s over all k >= 0, for s > 1 and q > 0: ten terms one by one, the others as an integral and its corrections."""

    def power(x: Expr) -> Expr:
        return select(equal(x, 1.0), const(1.0, x.dtype), exp(-s * log(x)))

    total = power(q)
    for k in range(1, 10):
        total = total + power(q + float(k))
    far = q + 10.0
    term = power(far)
    total = total + term * (far / (s - 1.0) + 0.5)
    step, square = s * term / far, 1.0 / (far * far)
    for j, factor in enumerate(MACLAURIN):
        total = total + step * factor
        step = step * (s + (2.0 * j + 1.0)) * (s + (2.0 * j + 2.0)) * square
    return select(term > 0.0, total, power(q))


@through_float64_2
def zeta(s: Expr, q: Expr) -> Expr:
    """Hurwitz's zeta function. Below q = 0, where s must be an integer, the terms are those of two sums that start above it."""
    left = q <= 0.0
    pole = left & equal(floor(q), q)
    whole, even = equal(floor(s), s), equal(floor(s * 0.5) * 2.0, s)
    one = const(1.0, s.dtype)
    start = q - floor(q)
    usual = _zeta_positive(s, select(left, start, q))
    below = select(left & ~pole, unary("ceil", q) - q, one)
    mirrored = _zeta_positive(s, below) - _zeta_positive(s, select(left, 1.0 - q, one))
    y = select(left, usual + select(even, mirrored, -mirrored), usual)
    infinity, nothing = const(math.inf, s.dtype), const(math.nan, s.dtype)
    y = select(left, select(pole, select(even, infinity, nothing), select(whole, y, nothing)), y)
    return select(s > 1.0, y, select(equal(s, 1.0), infinity, nothing))
