"""Hyperbolic functions and their inverses."""

from __future__ import annotations

import math

from tenfold.kernel.coefficients import TANH32
from tenfold.kernel.elementary import exp, expm1, log, log1p
from tenfold.kernel.loops import Expr, const, select
from tenfold.kernel.numeric import clamp, copy_sign, equal, lifted, polynomial, sqrt, through_float64

LN2 = math.log(2)


@lifted
def tanh(x: Expr) -> Expr:
    """Hyperbolic tangent."""
    if x.dtype.size == 8:
        t = expm1(clamp(x, -22.0, 22.0) * 2.0)
        return select(equal(x, 0.0), x, t / (t + 2.0))
    z = x * x
    small = x + x * z * polynomial(z, TANH32)
    large = 1.0 - 2.0 / (exp(abs(x) * 2.0) + 1.0)
    return copy_sign(select(abs(x) < 0.625, small, large), x)


@through_float64
def sinh(x: Expr) -> Expr:
    """Hyperbolic sine."""
    t = expm1(abs(x))
    root = exp(abs(x) * 0.5)
    large = root * 0.5 * root
    return copy_sign(select(abs(x) < 40.0, (t + t / (t + 1.0)) * 0.5, large), x)


@through_float64
def cosh(x: Expr) -> Expr:
    """Hyperbolic cosine."""
    root = exp(abs(x) * 0.5)
    return root * 0.5 * root + 0.5 / root / root


@through_float64
def asinh(x: Expr) -> Expr:
    """Inverse hyperbolic sine."""
    a = abs(x)
    square = a * a
    small = log1p(a + square / (sqrt(square + 1.0) + 1.0))
    return copy_sign(select(a < 2.0**28, small, log(a) + LN2), x)


@through_float64
def acosh(x: Expr) -> Expr:
    """Inverse hyperbolic cosine; NaN below 1."""
    t = x - 1.0
    y = select(x < 2.0**28, log1p(t + sqrt(t * 2.0 + t * t)), log(x) + LN2)
    return select(x < 1.0, const(math.nan, x.dtype), y)


@through_float64
def atanh(x: Expr) -> Expr:
    """Inverse hyperbolic tangent; NaN outside of [-1, 1]."""
    a = abs(x)
    y = log1p(a * 2.0 / (1.0 - a)) * 0.5
    return copy_sign(select(a > 1.0, const(math.nan, x.dtype), y), x)
