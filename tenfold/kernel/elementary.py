"""Exponentials, logarithms and powers."""

from __future__ import annotations

import math

from tenfold.core import dtypes
from tenfold.kernel.coefficients import EXP32, EXP64, LOG32, LOG64
from tenfold.kernel.loops import Expr, cast, const, fma, select
from tenfold.kernel.numeric import (
    clamp,
    equal,
    floor,
    lifted,
    maximum,
    nearest,
    negative,
    not_equal,
    polynomial,
    scale,
    split,
    sqrt,
    two_to,
)

# log 2 in two parts, the first with so many zeros at its end that n times it is exact
LN2_HI = {4: 0.693359375, 8: 6.93147180369123816490e-01}
LN2_LO = {4: -2.12194440054690583e-4, 8: 1.90821492927058770002e-10}
_EXP_RANGE = {4: (-104.0, 89.0), 8: (-746.0, 710.0)}
INFINITY = math.inf


def _reduce(x: Expr) -> tuple[Expr, Expr]:
    """(r, n) with x = r + n log 2 and |r| <= log(2) / 2."""
    size, dtype = x.dtype.size, x.dtype
    n, whole = nearest(x, 1 / math.log(2))
    return fma(n, const(-LN2_LO[size], dtype), fma(n, const(-LN2_HI[size], dtype), x)), whole


def _expm1_core(r: Expr) -> Expr:
    """exp(r) - 1 for |r| <= log(2) / 2."""
    return fma(r * r, polynomial(r, EXP32 if r.dtype.size == 4 else EXP64), r)


@lifted
def exp(x: Expr) -> Expr:
    """e to the x."""
    r, n = _reduce(clamp(x, *_EXP_RANGE[x.dtype.size]))
    return scale(_expm1_core(r) + 1.0, n)


def exp_negative(x: Expr) -> Expr:
    """e to the x for x <= 0 (or hardly more), in fewer instructions: what would not be a normal number is 0."""
    low = {4: -87.0, 8: -708.0}[x.dtype.size]
    r, n = _reduce(x)
    return select(x < low, const(0.0, x.dtype), (_expm1_core(r) + 1.0) * two_to(n, x.dtype))


def exp_sum(high: Expr, low: Expr) -> Expr:
    """exp(high + low) for a small correction `low`."""
    r, n = _reduce(clamp(high, *_EXP_RANGE[high.dtype.size]))
    return scale(_expm1_core(r + low) + 1.0, n)


@lifted
def exp2(x: Expr) -> Expr:
    """2 to the x."""
    low, high = (-151.0, 129.0) if x.dtype.size == 4 else (-1076.0, 1025.0)
    y = clamp(x, low, high)
    n, whole = nearest(y)
    return scale(_expm1_core((y - n) * math.log(2)) + 1.0, whole)


@lifted
def expm1(x: Expr) -> Expr:
    """exp(x) - 1, accurate near 0."""
    low, high = (-25.0, 89.0) if x.dtype.size == 4 else (-60.0, 710.0)
    r, n = _reduce(clamp(x, low, high))
    core = _expm1_core(r)
    half = two_to(n - 1, x.dtype)  # of 2^n, which itself may overflow
    return select(equal(n, 0), select(equal(x, 0.0), x, core), fma(half, core, half - 0.5) * 2.0)


@lifted
def log(x: Expr) -> Expr:
    """Natural logarithm; -inf at 0, NaN below."""
    e, m = split(x)
    return _log_special(x, _log_sum(e, m - 1.0))


def _log_sum(e: Expr, f: Expr) -> Expr:
    """e log 2 + log(1 + f)."""
    size, dtype = f.dtype.size, f.dtype
    hi, lo = const(LN2_HI[size], dtype), const(LN2_LO[size], dtype)
    if size == 4:
        z = f * f
        y = fma(e, lo, f * z * polynomial(f, LOG32))
        return fma(e, hi, f + fma(z, -0.5, y))
    s = f / (f + 2.0)
    z = s * s
    half = f * f * 0.5
    rest = fma(s, half + z * polynomial(z, LOG64), e * lo)
    return e * hi - ((half - rest) - f)


def _log_special(x: Expr, y: Expr) -> Expr:
    finite = select(x < INFINITY, y, x)
    return select(x <= 0.0, select(equal(x, 0.0), const(-INFINITY, x.dtype), const(math.nan, x.dtype)), finite)


@lifted
def log2(x: Expr) -> Expr:
    """Logarithm to base 2; exact at powers of 2."""
    e, m = split(x)
    zero = const(0.0, x.dtype)
    return _log_special(x, fma(_log_sum(zero, m - 1.0), 1 / math.log(2), e))


@lifted
def log1p(x: Expr) -> Expr:
    """log(1 + x), accurate near 0."""
    u = x + 1.0
    lost = select(x < 1.0, x - (u - 1.0), 1.0 - (u - x))  # what rounding took from 1 + x
    y = log(u)
    y = select((u > 0.0) & (x < INFINITY), y + lost / u, y)
    return select(abs(x) < (1e-8 if x.dtype.size == 4 else 1e-17), x, y)


@lifted
def sigmoid(x: Expr) -> Expr:
    """1 / (1 + exp(-x))."""
    e = exp(-abs(x))
    return select(x < 0.0, e, const(1.0, x.dtype)) / (e + 1.0)


@lifted
def softplus(x: Expr) -> Expr:
    """log(1 + exp(x))."""
    return log1p(exp(-abs(x))) + maximum(x, 0.0)


@lifted
def rsqrt(x: Expr) -> Expr:
    """1 / sqrt(x)."""
    return 1.0 / sqrt(x)


def pow(x: Expr, y: Expr) -> Expr:
    """x to the y, with C's special cases; integers wrap, and an integer to a negative power is rounded toward 0."""
    simple = None if y.op != "const" else _constant_power(x, y.attr)
    if simple is not None:
        return simple
    if x.dtype.is_integer:
        return _integer_power(x, y)
    if x.dtype.size < 8:
        return cast(_power(cast(x, dtypes.float64), cast(y, dtypes.float64)), x.dtype)
    return _power(x, y)


def _constant_power(x: Expr, exponent: float) -> Expr | None:
    """The powers that one or two instructions give, no less accurately."""
    one = const(1, x.dtype)
    if exponent in (0, 1, 2):
        return (one, x, x * x)[int(exponent)]
    if x.dtype.is_integer:
        return x * x * x if exponent == 3 else None
    match exponent:
        case 3:
            return x * x * x
        case -1:
            return one / x
        case -2:
            return _reciprocal_square(x)
        case 0.5:
            return select(equal(x, -INFINITY), const(INFINITY, x.dtype), sqrt(x + 0.0))
        case -0.5:
            return select(equal(x, -INFINITY), const(0.0, x.dtype), one / sqrt(x + 0.0))
    return None


def _reciprocal_square(x: Expr) -> Expr:
    r = 1.0 / x
    return r * r


def _integer_power(x: Expr, y: Expr) -> Expr:
    one, square, total = const(1, x.dtype), x, const(1, x.dtype)
    for k in range(x.dtype.size * 8 - (not x.dtype.is_unsigned)):
        total = total * select(not_equal(y & (1 << k), 0), square, one)
        square = square * square
    if x.dtype.is_unsigned:
        return total
    odd = not_equal(y & 1, 0)
    below = select(equal(x, 1) | (equal(x, -1) & ~odd), one, select(equal(x, -1), x, const(0, x.dtype)))
    return select(y < 0, below, total)


def _log_pair(x: Expr) -> tuple[Expr, Expr]:
    """log(x) as an unevaluated sum of two float64, about 2^-60 of it wrong, for finite x > 0."""
    e, m = split(x)
    f = m - 1.0
    d = f + 2.0
    d_low = f - (d - 2.0)
    s = f / d
    s_low = (fma(-s, d, f) - s * d_low) / d
    z = s * s
    tail = fma(s, z * polynomial(z, LOG64), s_low * 2.0)
    big = fma(e, LN2_HI[8], s * 2.0)
    a = e * LN2_HI[8]
    b = s * 2.0
    lost = select(equal(e, 0.0), const(0.0, x.dtype), b - (big - a))
    rest = fma(e, LN2_LO[8], tail) + lost
    total = big + rest
    return total, rest - (total - big)


def _power(x: Expr, y: Expr) -> Expr:
    """pow of float64: exp(y log |x|), the product in two parts, then the special cases."""
    dtype, magnitude = x.dtype, abs(x)
    zero, one = const(0.0, dtype), const(1.0, dtype)
    high, low = _log_pair(magnitude)
    high = select(equal(magnitude, 0.0), const(-INFINITY, dtype), select(magnitude < INFINITY, high, magnitude))
    p = y * high
    p_low = fma(y, low, fma(y, high, -p))
    result = exp_sum(p, select(abs(p) < 750.0, p_low, zero))
    whole = equal(floor(y), y)
    odd = whole & not_equal(floor(y * 0.5) * 2.0, y)
    result = select(odd & negative(x), -result, result)
    undefined = (x < 0.0) & ~whole & not_equal(magnitude, INFINITY)
    result = select(undefined, const(math.nan, dtype), result)
    certain = equal(y, 0.0) | equal(x, 1.0) | (equal(x, -1.0) & equal(abs(y), INFINITY))
    return select(certain, one, result)
