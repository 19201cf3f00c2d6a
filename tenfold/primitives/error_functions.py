"""Error functions and zeta in NumPy, in double precision: oracles that are quick enough for whole initial weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.kernel.coefficients import ERF64, ERFC64
from tenfold.kernel.special import MACLAURIN

TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


def _polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    return np.polynomial.polynomial.polyval(x, coefficients)


def _erfc_positive(a: Any) -> Any:
    b = np.minimum(a, 28.0)
    return np.exp(-b * b) * _polynomial((b - 3.75) / (b + 3.75), ERFC64) / (2 * b + 1)


def _erf_small(x: Any) -> Any:
    small = np.minimum(np.maximum(x, -1), 1)
    return small * _polynomial(small * small, ERF64)


def erf(x: Any) -> Any:
    """The error function."""
    wide = x.astype(np.float64)
    a = np.abs(wide)
    return np.where(a < 1, _erf_small(wide), np.copysign(1 - _erfc_positive(a), wide))


def erfc(x: Any) -> Any:
    """1 - erf(x), accurate where that is small."""
    wide = x.astype(np.float64)
    tail = _erfc_positive(np.abs(wide))
    return np.where(wide < 0, 2 - tail, tail)


def _inverse(a: Any, rest: Any, w: Any, steps: int) -> Any:
    """The y >= 0 where erf is a = 1 - rest, w being log(1 - a^2): Winitzki's approximation, improved by Halley's steps."""
    b = 2 / (math.pi * 0.147) + w / 2
    y = np.sqrt(np.maximum(np.sqrt(b * b - w / 0.147) - b, 0))
    for _ in range(steps):
        wrong = np.where(a < 0.5, _erf_small(y) - a, rest - _erfc_positive(y))  # where a is near 1 nothing may cancel
        step = wrong / (TWO_OVER_SQRT_PI * np.exp(-y * y))
        y = y - step / (1 + y * step)
    return np.where(rest > 0, y, np.where(rest == 0, np.inf, np.nan))


def erfinv(x: Any) -> Any:
    """The inverse of erf."""
    wide = x.astype(np.float64)
    a = np.abs(wide)
    with np.errstate(all="ignore"):
        return np.copysign(_inverse(a, 1 - a, np.log1p(-a * a), 3), wide)


def erfcinv(x: Any) -> Any:
    """The inverse of erfc."""
    wide = x.astype(np.float64)
    rest = np.minimum(wide, 2 - wide)
    with np.errstate(all="ignore"):
        return np.copysign(_inverse(1 - rest, rest, np.log(rest) + np.log(2 - rest), 4), 1 - wide)


def _zeta_positive(s: Any, q: Any) -> Any:
    far = q + 10
    total = sum((q + k) ** -s for k in range(10)) + far**-s * (far / (s - 1) + 0.5)
    step = s * far ** (-s - 1)
    for j, factor in enumerate(MACLAURIN):
        total = total + step * factor
        step = step * (s + 2 * j + 1) * (s + 2 * j + 2) / (far * far)
    return np.where(far**-s > 0, total, q**-s)


def zeta(s: Any, q: Any) -> Any:
    """Hurwitz's zeta function; below q = 0, where s must be an integer, from values above it."""
    s, q = np.broadcast_arrays(s.astype(np.float64), q.astype(np.float64))
    left, even = q <= 0, np.floor(s / 2) * 2 == s
    with np.errstate(all="ignore"):
        usual = _zeta_positive(s, np.where(left, q - np.floor(q), q))
        mirrored = _zeta_positive(s, np.where(left, np.ceil(q) - q, 1)) - _zeta_positive(s, np.where(left, 1 - q, 1))
        below = np.where(np.floor(s) == s, usual + np.where(even, mirrored, -mirrored), np.nan)
        pole = np.where(even, np.inf, np.nan)
        y = np.where(left, np.where(np.floor(q) == q, pole, below), usual)
        return np.where(s > 1, y, np.where(s == 1, np.inf, np.nan))
