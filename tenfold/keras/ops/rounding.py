"""Rounding, signs, and the neighbours of floating-point numbers, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import DTypeError
from tenfold.keras.base.promotion import floating, numeric, result_type, widening
from tenfold.keras.ops.define import Array, operation, promoted
from tenfold.ops import creation
from tenfold.ops import elementwise as e
from tenfold.primitives import arithmetic as a

_BITS = {1: "int8", 2: "int16", 4: "int32", 8: "int64"}


@operation(dtype=floating)
def ceil(x: Array) -> Array:
    """x rounded up."""
    return e.ceil(x)


@operation(dtype=floating)
def floor(x: Array) -> Array:
    """x rounded down."""
    return e.floor(x)


@operation()
def trunc(x: Array) -> Array:
    """x rounded toward zero."""
    return a.select(x < 0, e.ceil(x), e.floor(x)) if x.dtype.is_floating else x


@operation(dtype=numeric)
def round(x: Array, decimals: int = 0) -> Array:
    """x rounded to so many decimals, ties to the even neighbour."""
    if decimals == 0 or (decimals > 0 and x.dtype.is_integer):
        return e.round(x)
    wide = creation.cast(x, floating(x.dtype))
    factor = 10.0 ** abs(decimals)
    return creation.cast(e.round(wide * factor) / factor if decimals > 0 else e.round(wide / factor) * factor, x.dtype)


@operation()
def sign(x: Array) -> Array:
    """-1, 0 or 1, as x is negative, zero or positive."""
    return e.sign(x)


@operation()
def signbit(x: Array) -> Array:
    """Whether the sign is minus, of zeros too."""
    if x.dtype.is_bool:
        return creation.zeros_like(x)
    return (_bits(x) if x.dtype.is_floating else x) < 0


def _bits(x: Array) -> Array:
    """Floating-point numbers as integers of the same size, in the same order among numbers of one sign."""
    return creation.bitcast(x, _BITS[x.dtype.size])


@operation(dtype=widening)
def heaviside(x1: Array, x2: Array) -> Array:
    """0 where x1 is negative, 1 where it is positive, x2 where it is 0."""
    return a.select(x1 < 0, 0, a.select(x1 > 0, 1, x2))


@operation(dtype=floating)
def nextafter(x1: Array, x2: Array) -> Array:
    """The next number after x1 in the direction of x2."""
    bits = _bits(x1)
    outward = a.equal(x2 > x1, x1 > 0)
    beside = creation.bitcast(a.select(outward, bits + 1, bits - 1), x1.dtype)
    smallest = creation.bitcast(e.abs(creation.ones_like(bits)), x1.dtype)
    moved = a.select(a.equal(x1, 0), a.select(x2 > 0, smallest, -smallest), beside)
    return a.select(e.is_nan(x1 + x2), x1 + x2, a.select(a.equal(x1, x2), x2, moved))


@operation(spec=promoted(floating))
def ldexp(x1: Array, x2: Array) -> Array:
    """x1 * 2**x2, for an integer x2.

    Raises:
        TypeError: x2 is no integer.
    """
    if not x2.dtype.is_integer:
        raise DTypeError(f"ldexp exponent must be an integer type. Received: x2 dtype={x2.dtype.name}. Try keras.ops.exp2 for others.")
    kept = floating(x1.dtype, x2.dtype)
    x = creation.cast(x1, kept)
    scaled = x * e.pow(creation.cast(2, kept), creation.cast(x2, kept))
    return a.select(a.logical_or(e.is_inf(x), a.equal(x, 0)), x, scaled)


@operation()
def nan_to_num(x: Array, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Array:
    """x with numbers in the place of NaN and of the infinities; by default the largest and the smallest finite ones for these."""
    if not x.dtype.is_floating:
        return x
    limits: Any = x.dtype
    high, low = (creation.cast(n, x.dtype) for n in (limits.max if posinf is None else posinf, limits.min if neginf is None else neginf))
    return a.select(e.is_nan(x), float(nan), a.select(e.is_inf(x), a.select(x > 0, high, low), x))


@operation(dtype=result_type)
def fmax(x1: Array, x2: Array) -> Array:
    """The larger one of x1 and x2; if one is NaN, the other."""
    return _unless_nan(e.maximum, x1, x2)


@operation(dtype=result_type)
def fmin(x1: Array, x2: Array) -> Array:
    """The smaller one of x1 and x2; if one is NaN, the other."""
    return _unless_nan(e.minimum, x1, x2)


def _unless_nan(choose: Any, x1: Array, x2: Array) -> Array:
    if not x1.dtype.is_floating:
        return choose(x1, x2)
    return a.select(e.is_nan(x1), x2, a.select(e.is_nan(x2), x1, choose(x1, x2)))
