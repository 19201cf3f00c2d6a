"""Small numerical helpers on Exprs: classes of numbers, rounding, scaling by powers of two, polynomials."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.loops import Expr, binary, bitcast, cast, const, fma, select, unary

Unary = Callable[[Expr], Expr]
Binary = Callable[[Expr, Expr], Expr]
MANTISSA = {4: 23, 8: 52}
BIAS = {4: 127, 8: 1023}
MAGIC = {4: 1.5 * 2.0**23, 8: 1.5 * 2.0**52}  # added to a number, it leaves the nearest integer in the low bits
_MAGIC_BITS = {4: 0x4B400000, 8: 0x4338000000000000}
_SHORT = (dtypes.float16, dtypes.bfloat16)


def lifted(function: Unary) -> Unary:
    """`function` of float32 and float64, for 16-bit floats too."""

    @functools.wraps(function)
    def of_any(x: Expr) -> Expr:
        if x.dtype in _SHORT:
            return cast(function(cast(x, dtypes.float32)), x.dtype)
        return function(x)

    return of_any


def lifted2(function: Binary) -> Binary:
    """`lifted` for two arguments."""

    @functools.wraps(function)
    def of_any(x: Expr, y: Expr) -> Expr:
        if x.dtype in _SHORT:
            return cast(function(cast(x, dtypes.float32), cast(y, dtypes.float32)), x.dtype)
        return function(x, y)

    return of_any


def through_float64(function: Unary) -> Unary:
    """`function` of float64, for every float: the simplest way to be right in float32."""

    @functools.wraps(function)
    def of_any(x: Expr) -> Expr:
        return cast(function(cast(x, dtypes.float64)), x.dtype)

    return of_any


def through_float64_2(function: Binary) -> Binary:
    """`through_float64` for two arguments."""

    @functools.wraps(function)
    def of_any(x: Expr, y: Expr) -> Expr:
        return cast(function(cast(x, dtypes.float64), cast(y, dtypes.float64)), x.dtype)

    return of_any


def equal(x: Expr, y: Expr | float) -> Expr:
    """x == y."""
    return binary("eq", x, y)


def not_equal(x: Expr, y: Expr | float) -> Expr:
    """x != y."""
    return binary("ne", x, y)


def minimum(x: Expr | float, y: Expr | float) -> Expr:
    """The smaller; NaN if one is."""
    return binary("min", x, y)


def maximum(x: Expr | float, y: Expr | float) -> Expr:
    """The larger; NaN if one is."""
    return binary("max", x, y)


def clamp(x: Expr, low: float, high: float) -> Expr:
    """x within [low, high]; NaN stays."""
    return minimum(high, maximum(low, x))


def sqrt(x: Expr) -> Expr:
    """Square root."""
    return unary("sqrt", x)


def floor(x: Expr) -> Expr:
    """The next integer below."""
    return unary("floor", x)


def round_half_even(x: Expr) -> Expr:
    """The nearest integer, ties to even."""
    return unary("round", x)


def isnan(x: Expr) -> Expr:
    """Whether x is NaN."""
    return not_equal(x, x)


def isinf(x: Expr) -> Expr:
    """Whether x is infinite."""
    return equal(abs(x), float("inf"))


def isfinite(x: Expr) -> Expr:
    """Whether x is neither infinite nor NaN."""
    return abs(x) < float("inf")


def int_type(dtype: DType) -> DType:
    """The signed integer as wide as a float."""
    return {2: dtypes.int16, 4: dtypes.int32, 8: dtypes.int64}[dtype.size]


def bits(x: Expr) -> Expr:
    """The bits of a float as a signed integer."""
    return bitcast(x, int_type(x.dtype))


def copy_sign(x: Expr, y: Expr) -> Expr:
    """|x| with the sign of y."""
    top = -(1 << (x.dtype.size * 8 - 1))
    return bitcast((bits(x) & ~top) | (bits(y) & top), x.dtype)


def next_after(x: Expr, y: Expr) -> Expr:
    """The number next to x on the way to y."""
    one, least = const(1, int_type(x.dtype)), bitcast(const(1, int_type(x.dtype)), x.dtype)
    outward = binary("xor", x < y, negative(x))  # from 0: to a larger magnitude
    moved = bitcast(bits(x) + select(outward, one, -one), x.dtype)
    y_or_moved = select(equal(x, y), y, select(equal(x, 0.0), copy_sign(least, y), moved))
    return select(isnan(x) | isnan(y), x + y, y_or_moved)


def negative(x: Expr) -> Expr:
    """Whether the sign bit is set."""
    return bits(x) < 0


def hypot(x: Expr, y: Expr) -> Expr:
    """sqrt(x x + y y) without overflow or underflow of the squares: in float64, or scaled by a power of two."""
    if x.dtype.size < 8:
        wide, other = cast(x, dtypes.float64), cast(y, dtypes.float64)
        root = sqrt(fma(wide, wide, other * other))
    else:
        larger = maximum(abs(x), abs(y))
        factor = select(larger > 2.0**500, const(2.0**-600, x.dtype), select(larger < 2.0**-400, const(2.0**600, x.dtype), const(1.0, x.dtype)))
        wide, other = x * factor, y * factor
        root = sqrt(fma(wide, wide, other * other)) / factor
    return select(isinf(x) | isinf(y), const(float("inf"), x.dtype), cast(root, x.dtype))


def sign(x: Expr) -> Expr:
    """-1, 0 or 1; NaN stays."""
    one = const(1, x.dtype)
    if x.dtype.is_unsigned:
        return select(equal(x, 0), x, one)
    return select(x > 0, one, select(x < 0, const(-1, x.dtype), x))


def polynomial(x: Expr, coefficients: Sequence[float]) -> Expr:
    """c0 + c1 x + c2 x^2 + ..., by Horner's rule."""
    total = const(coefficients[-1], x.dtype)
    for c in coefficients[-2::-1]:
        total = fma(total, x, const(c, x.dtype))
    return total


def nearest(x: Expr, factor: float = 1.0) -> tuple[Expr, Expr]:
    """The integer nearest to x * factor, as a float and as an integer; for |x * factor| < 2^22 (2^51 in float64)."""
    size = x.dtype.size
    shifted = fma(x, factor, MAGIC[size])
    return shifted - MAGIC[size], bits(shifted) - _MAGIC_BITS[size]


def two_to(n: Expr, dtype: DType) -> Expr:
    """2^n for an integer n within the exponents of normal numbers."""
    return bitcast((n + BIAS[dtype.size]) << MANTISSA[dtype.size], dtype)


def scale(x: Expr, n: Expr) -> Expr:
    """x * 2^n for an integer n, in two steps so that overflow and gradual underflow come out right."""
    half = n >> 1
    return x * two_to(half, x.dtype) * two_to(n - half, x.dtype)


def split(x: Expr) -> tuple[Expr, Expr]:
    """(e, m) with x = m * 2^e and sqrt(1/2) <= m < sqrt(2), for x > 0; e is a float."""
    size, dtype = x.dtype.size, x.dtype
    tiny = x < {4: 2.0**-126, 8: 2.0**-1022}[size]
    i = bits(select(tiny, x * 2.0**54, x))
    root = {4: 0x3F3504F3, 8: 0x3FE6A09E667F3BCD}[size]  # sqrt(1/2)
    e = (i - root) >> MANTISSA[size]
    m = bitcast(i - (e << MANTISSA[size]), dtype)
    return cast(e, dtype) - select(tiny, const(54.0, dtype), const(0.0, dtype)), m


def floor_div(x: Expr, y: Expr) -> Expr:
    """Quotient rounded down, as Python's //; 0 for an integer divided by 0."""
    if x.dtype.is_floating:
        return floor(x / y)
    q = x / y
    if x.dtype.is_unsigned:
        return q
    r = x - q * y
    down = not_equal(r, 0) & ((r ^ y) < 0) & not_equal(y, 0)
    return q - cast(down, x.dtype)


@lifted2
def _float_mod(x: Expr, y: Expr) -> Expr:
    r = x % y
    return select(not_equal(r, 0.0) & binary("xor", r < 0.0, y < 0.0), r + y, r)


def floor_mod(x: Expr, y: Expr) -> Expr:
    """Remainder with the sign of `y`, as Python's %; 0 for an integer modulo 0."""
    if x.dtype.is_floating:
        return _float_mod(x, y)
    r = x % y
    if x.dtype.is_unsigned:
        return r
    return select(not_equal(r, 0) & ((r ^ y) < 0), r + y, r)
