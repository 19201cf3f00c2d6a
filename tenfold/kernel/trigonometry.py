"""Sine, cosine, tangent and their inverses."""

from __future__ import annotations

import math

from tenfold.core import dtypes
from tenfold.kernel.coefficients import ASIN64, ATAN64, COS32, COS64, SIN32, SIN64
from tenfold.kernel.loops import Expr, angle_parts, cast, const, fma, select
from tenfold.kernel.numeric import (
    MAGIC,
    bits,
    copy_sign,
    equal,
    lifted,
    maximum,
    minimum,
    negative,
    not_equal,
    polynomial,
    sqrt,
    through_float64,
    through_float64_2,
)

# pi / 2 in three parts of 53 bits
HALF_PI = (1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33)
HALF_PI_LOW = HALF_PI[1]


def _reduce(x: Expr) -> tuple[Expr, Expr, Expr]:
    """(r, rest, n): x = r + rest + n pi / 2 with |r| <= pi / 4 or a little more; r in float64, and the last two bits of n.

    With a fused multiply-add x - n HALF_PI[0] is exact (Cody & Waite). Huge numbers have an instruction of their own.
    """
    wide = cast(x, dtypes.float64)
    shifted = fma(wide, 2 / math.pi, MAGIC[8])
    n = shifted - MAGIC[8]
    a = fma(n, -HALF_PI[0], wide)
    p = n * HALF_PI[1]
    p_low = fma(n, HALF_PI[1], -p)
    r = a - p
    rest = ((a - r) - p) - fma(n, HALF_PI[2], p_low)
    return angle_parts(x, r, rest, bits(shifted))


def _sine(r: Expr, rest: Expr | None) -> Expr:
    z = r * r
    y = r * z * polynomial(z, SIN32 if r.dtype.size == 4 else SIN64)
    y = r + (y if rest is None else y + fma(z, rest * -0.5, rest))
    return select(equal(r, 0.0), r, y)  # -0.0 stays


def _cosine(r: Expr, rest: Expr | None) -> Expr:
    z = r * r
    y = z * z * polynomial(z, COS32 if r.dtype.size == 4 else COS64)
    half = z * 0.5
    one = 1.0 - half
    y = y + ((1.0 - one) - half)  # what rounding took from 1 - half
    return one + (y if rest is None else y - r * rest)


def _both(x: Expr) -> tuple[Expr, Expr, Expr]:
    """sin(r), cos(r) and the quadrant n."""
    r, rest, n = _reduce(x)
    if x.dtype.size == 4:
        single = cast(r, dtypes.float32)
        return _sine(single, None), _cosine(single, None), cast(n, dtypes.int32)
    return _sine(r, rest), _cosine(r, rest), n


@lifted
def sin(x: Expr) -> Expr:
    """Sine of x radians."""
    s, c, n = _both(x)
    y = select(equal(n & 1, 0), s, c)
    return select(equal(n & 2, 0), y, -y)


@lifted
def cos(x: Expr) -> Expr:
    """Cosine of x radians."""
    s, c, n = _both(x)
    y = select(equal(n & 1, 0), c, s)
    return select(equal((n + 1) & 2, 0), y, -y)


@through_float64
def tan(x: Expr) -> Expr:
    """Tangent of x radians."""
    s, c, n = _both(x)
    even = equal(n & 1, 0)
    return select(even, s, -c) / select(even, c, s)


def _atan_fraction(top: Expr, bottom: Expr) -> Expr:
    """atan(top / bottom) for 0 <= top <= bottom, by one division."""
    large = top > bottom * (math.sqrt(2) - 1)
    t = select(large, top - bottom, top) / select(large, top + bottom, bottom)
    z = t * t
    y = t * z * polynomial(z, ATAN64)
    zero = const(0.0, top.dtype)
    return select(large, const(math.pi / 4, top.dtype), zero) + (t + (y + select(large, const(HALF_PI_LOW / 2, top.dtype), zero)))


@through_float64_2
def atan2(y: Expr, x: Expr) -> Expr:
    """The angle of the point (x, y), with C's special cases."""
    a, b = abs(y), abs(x)
    both = equal(a, math.inf) & equal(b, math.inf)
    one = const(1.0, x.dtype)
    a, b = select(both, one, a), select(both, one, b)
    steep = a > b
    scale = select(maximum(a, b) > 2.0**1000, const(2.0**-10, x.dtype), one)  # so that their sum is finite
    a, b = a * scale, b * scale
    bottom = maximum(a, b)
    angle = _atan_fraction(minimum(a, b), select(equal(bottom, 0.0), one, bottom))
    angle = select(equal(bottom, math.inf), const(0.0, x.dtype), angle)
    angle = select(steep, HALF_PI[0] - (angle - HALF_PI_LOW), angle)
    angle = select(negative(x), math.pi - (angle - 2 * HALF_PI_LOW), angle)
    return select(not_equal(x, x) | not_equal(y, y), x + y, copy_sign(angle, y))


@through_float64
def atan(x: Expr) -> Expr:
    """Inverse tangent."""
    a = abs(x)
    steep = a > 1.0
    one = const(1.0, x.dtype)
    angle = _atan_fraction(select(steep, one, a), select(steep, a, one))
    return copy_sign(select(steep, HALF_PI[0] - (angle - HALF_PI_LOW), angle), x)


def _asin_parts(x: Expr) -> tuple[Expr, Expr, Expr]:
    """(small, s, y): |x| <= 1/2, and asin of |x| or of sqrt((1 - |x|) / 2) as s + y."""
    a = abs(x)
    small = a <= 0.5
    z = select(small, a * a, (1.0 - a) * 0.5)
    s = select(small, a, sqrt(z))
    return small, s, s * z * polynomial(z, ASIN64)


@through_float64
def asin(x: Expr) -> Expr:
    """Inverse sine; NaN outside of [-1, 1]."""
    small, s, y = _asin_parts(x)
    return copy_sign(select(small, s + y, HALF_PI[0] - ((s + y) * 2.0 - HALF_PI_LOW)), x)


@through_float64
def acos(x: Expr) -> Expr:
    """Inverse cosine; NaN outside of [-1, 1]."""
    small, s, y = _asin_parts(x)
    near = HALF_PI[0] - (copy_sign(s + y, x) - HALF_PI_LOW)
    far = (s + y) * 2.0
    return select(small, near, select(x < 0.0, math.pi - (far - 2 * HALF_PI_LOW), far))
