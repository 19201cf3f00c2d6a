"""Random numbers that are a function of a key and a counter (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011)."""

from __future__ import annotations

import math

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.elementary import log
from tenfold.kernel.loops import Expr, binary, bitcast, cast, const
from tenfold.kernel.numeric import sqrt
from tenfold.kernel.trigonometry import cos, sin

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)


def philox(key: tuple[Expr, Expr], counter: tuple[Expr, Expr, Expr, Expr]) -> tuple[Expr, Expr, Expr, Expr]:
    """Four random uint32 from a key of two and a counter of four: Philox-4x32-10."""
    k0, k1 = key
    c0, c1, c2, c3 = counter
    a, b = (const(m, dtypes.uint32) for m in _MULTIPLIERS)
    for turn in range(10):
        high0, low0 = binary("mulhi", c0, a), c0 * a
        high1, low1 = binary("mulhi", c2, b), c2 * b
        w0, w1 = (turn * w & 0xFFFFFFFF for w in _WEYL)
        c0, c1, c2, c3 = high1 ^ c1 ^ (k0 + w0), low1, high0 ^ c3 ^ (k1 + w1), low0
    return c0, c1, c2, c3


def uniform(bits: Expr, dtype: DType, low_bits: Expr | None = None) -> Expr:
    """A number in [0, 1) from uint32 `bits`, with as many random bits as the type's significand has.

    float64 takes the lower half of its bits from `low_bits`.
    """
    if dtype is dtypes.float64:
        assert low_bits is not None, "float64 needs 64 random bits"
        wide = (cast(bits, dtypes.uint64) << 32) | cast(low_bits, dtypes.uint64)
        return bitcast((wide >> 12) | 0x3FF0000000000000, dtypes.float64) - 1.0
    if dtype is dtypes.float32:
        return bitcast((bits >> 9) | 0x3F800000, dtypes.float32) - 1.0
    keep = 10 if dtype is dtypes.float16 else 7
    return cast(cast(bits >> (32 - keep), dtypes.float32) * 2.0**-keep, dtype)


def box_muller(a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Two independent normal numbers from two uniform ones in [0, 1) of float32 or float64."""
    radius = sqrt(log(1.0 - a) * -2.0)
    angle = b * (2 * math.pi)
    return radius * cos(angle), radius * sin(angle)
