"""Elementwise functions of one argument."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenfold.core.dtypes import FLOATS, INEXACT, REALS, SIGNED, bool_, float64
from tenfold.kernel import loops, mathlib
from tenfold.kernel.loops import Expr
from tenfold.primitives import error_functions
from tenfold.primitives.arithmetic import conj, constant_like, equal, imag, less, log, neg, not_equal, real, select, trunc, zeros_like
from tenfold.primitives.define import elementwise
from tenfold.primitives.movement import broadcast_to
from tenfold.tensor.tensor import Tensor

ANY = ((-3, 3),)
UNIT = ((-0.9, 0.9),)
POSITIVE = ((0.1, 5),)


def vectorized(function: Any) -> Any:
    """A NumPy function from one of Python's `math`, computed in double precision."""

    def run(x: Any) -> Any:
        return np.array([function(float(v)) for v in x.reshape(-1)], np.float64).reshape(x.shape)

    return run


@elementwise(vjp=lambda g, y, x: g * sign(x), oracle=np.abs, dtypes=(*SIGNED, *FLOATS), samples=ANY)
def abs(x: Expr) -> Expr:
    """The absolute value."""
    return loops.unary("abs", x)


@elementwise(oracle=np.sign, vjp=lambda g, y, x: broadcast_to(constant_like(0, g), g.sizes), dtypes=(*SIGNED, *FLOATS), samples=ANY)
def sign(x: Expr) -> Expr:
    """-1, 0 or 1; NaN stays NaN. Its gradient is 0."""
    return mathlib.sign(x)


@elementwise(vjp=lambda g, y, x: None, oracle=np.floor, dtypes=FLOATS, samples=ANY)
def floor(x: Expr) -> Expr:
    """Rounded down."""
    return loops.unary("floor", x)


@elementwise(vjp=lambda g, y, x: None, oracle=np.ceil, dtypes=FLOATS, samples=ANY)
def ceil(x: Expr) -> Expr:
    """Rounded up."""
    return loops.unary("ceil", x)


@elementwise(vjp=lambda g, y, x: None, oracle=np.rint, dtypes=FLOATS, samples=ANY)
def round(x: Expr) -> Expr:
    """Rounded to the nearest integer, halves to even."""
    return loops.unary("round", x)


@elementwise(vjp=lambda g, y, x: g * conj(y), oracle=np.exp, dtypes=INEXACT, samples=ANY)
def exp(x: Expr) -> Expr:
    """e to the power x."""
    return mathlib.exp(x)


@elementwise(vjp=lambda g, y, x: g * conj(y + constant_like(1, y)), oracle=np.expm1, dtypes=INEXACT, samples=ANY)
def expm1(x: Expr) -> Expr:
    """exp(x) - 1, accurate near 0."""
    return mathlib.expm1(x)


@elementwise(vjp=lambda g, y, x: g / conj(x + constant_like(1, x)), oracle=np.log1p, dtypes=INEXACT, samples=((-0.5, 5),))
def log1p(x: Expr) -> Expr:
    """log(1 + x), accurate near 0."""
    return mathlib.log1p(x)


@elementwise(vjp=lambda g, y, x: g * constant_like(0.5, y) / conj(y), oracle=np.sqrt, dtypes=INEXACT, samples=POSITIVE)
def sqrt(x: Expr) -> Expr:
    """The square root."""
    return loops.unary("sqrt", x)


@elementwise(vjp=lambda g, y, x: g * constant_like(-0.5, y) * conj(y * y * y), oracle=lambda x: 1 / np.sqrt(x), dtypes=INEXACT, samples=POSITIVE)
def rsqrt(x: Expr) -> Expr:
    """1 / sqrt(x)."""
    return mathlib.rsqrt(x)


@elementwise(vjp=lambda g, y, x: g * conj(cos(x)), oracle=np.sin, dtypes=INEXACT, samples=ANY)
def sin(x: Expr) -> Expr:
    """The sine of x, in radians."""
    return mathlib.sin(x)


@elementwise(vjp=lambda g, y, x: neg(g * conj(sin(x))), oracle=np.cos, dtypes=INEXACT, samples=ANY)
def cos(x: Expr) -> Expr:
    """The cosine of x, in radians."""
    return mathlib.cos(x)


@elementwise(vjp=lambda g, y, x: g * conj(constant_like(1, y) + y * y), oracle=np.tan, dtypes=INEXACT, samples=((-1.2, 1.2),))
def tan(x: Expr) -> Expr:
    """The tangent of x, in radians."""
    return mathlib.tan(x)


@elementwise(vjp=lambda g, y, x: g * conj(rsqrt(constant_like(1, x) - x * x)), oracle=np.arcsin, dtypes=INEXACT, samples=UNIT)
def asin(x: Expr) -> Expr:
    """The angle, in radians, whose sine is x."""
    return mathlib.asin(x)


@elementwise(vjp=lambda g, y, x: neg(g * conj(rsqrt(constant_like(1, x) - x * x))), oracle=np.arccos, dtypes=INEXACT, samples=UNIT)
def acos(x: Expr) -> Expr:
    """The angle, in radians, whose cosine is x."""
    return mathlib.acos(x)


@elementwise(vjp=lambda g, y, x: g / conj(constant_like(1, x) + x * x), oracle=np.arctan, dtypes=INEXACT, samples=ANY)
def atan(x: Expr) -> Expr:
    """The angle, in radians, whose tangent is x."""
    return mathlib.atan(x)


@elementwise(vjp=lambda g, y, x: g * conj(cosh(x)), oracle=np.sinh, dtypes=INEXACT, samples=ANY)
def sinh(x: Expr) -> Expr:
    """The hyperbolic sine."""
    return mathlib.sinh(x)


@elementwise(vjp=lambda g, y, x: g * conj(sinh(x)), oracle=np.cosh, dtypes=INEXACT, samples=ANY)
def cosh(x: Expr) -> Expr:
    """The hyperbolic cosine."""
    return mathlib.cosh(x)


@elementwise(vjp=lambda g, y, x: g * conj(constant_like(1, y) - y * y), oracle=np.tanh, dtypes=INEXACT, samples=ANY)
def tanh(x: Expr) -> Expr:
    """The hyperbolic tangent."""
    return mathlib.tanh(x)


@elementwise(vjp=lambda g, y, x: g * conj(rsqrt(x * x + constant_like(1, x))), oracle=np.arcsinh, dtypes=INEXACT, samples=ANY)
def asinh(x: Expr) -> Expr:
    """The inverse of sinh."""
    return mathlib.asinh(x)


@elementwise(vjp=lambda g, y, x: g * conj(rsqrt(x * x - constant_like(1, x))), oracle=np.arccosh, dtypes=INEXACT, samples=((1.1, 5),))
def acosh(x: Expr) -> Expr:
    """The inverse of cosh."""
    return mathlib.acosh(x)


@elementwise(vjp=lambda g, y, x: g / conj(constant_like(1, x) - x * x), oracle=np.arctanh, dtypes=INEXACT, samples=UNIT)
def atanh(x: Expr) -> Expr:
    """The inverse of tanh."""
    return mathlib.atanh(x)


def _sigmoid(x: Any) -> Any:
    one = x.dtype.type(1)
    if x.dtype.kind == "f" and x.dtype.itemsize > 2:  # exp(-x) overflows where the result is 0
        return one / (one + np.exp(-x))
    return np.where(x.real >= 0, one / (one + np.exp(-x)), np.exp(x) / (one + np.exp(x)))


@elementwise(vjp=lambda g, y, x: g * conj(y * (constant_like(1, y) - y)), oracle=_sigmoid, dtypes=INEXACT, samples=ANY)
def sigmoid(x: Expr) -> Expr:
    """1 / (1 + exp(-x))."""
    return mathlib.sigmoid(x)


@elementwise(vjp=lambda g, y, x: g * sigmoid(x), oracle=lambda x: np.logaddexp(x, np.zeros_like(x)), dtypes=FLOATS, samples=ANY)
def softplus(x: Expr) -> Expr:
    """log(1 + exp(x))."""
    return mathlib.softplus(x)


@elementwise(vjp=lambda g, y, x: select(less(constant_like(0, y), y), g, constant_like(0, g)),
             oracle=lambda x: np.maximum(x, x.dtype.type(0)), dtypes=REALS, samples=ANY)  # fmt: skip
def relu(x: Expr) -> Expr:
    """max(x, 0). The gradient at 0 is 0."""
    return loops.binary("max", x, 0)


TWO_OVER_SQRT_PI = 2 / math.sqrt(math.pi)


@elementwise(vjp=lambda g, y, x: g * constant_like(TWO_OVER_SQRT_PI, x) * exp(neg(x * x)), oracle=error_functions.erf, dtypes=FLOATS, samples=ANY)
def erf(x: Expr) -> Expr:
    """The error function."""
    return mathlib.erf(x)


@elementwise(vjp=lambda g, y, x: g * constant_like(-TWO_OVER_SQRT_PI, x) * exp(neg(x * x)), oracle=error_functions.erfc, dtypes=FLOATS, samples=ANY)
def erfc(x: Expr) -> Expr:
    """1 - erf(x), accurate for large x."""
    return mathlib.erfc(x)


@elementwise(vjp=lambda g, y, x: g * constant_like(1 / TWO_OVER_SQRT_PI, y) * exp(y * y), oracle=error_functions.erfinv, dtypes=FLOATS, samples=UNIT)
def erfinv(x: Expr) -> Expr:
    """The inverse of erf."""
    return mathlib.erfinv(x)


@elementwise(vjp=lambda g, y, x: g * constant_like(-1 / TWO_OVER_SQRT_PI, y) * exp(y * y),
             oracle=error_functions.erfcinv, dtypes=FLOATS, samples=((0.1, 1.9),))  # fmt: skip
def erfcinv(x: Expr) -> Expr:
    """The inverse of erfc."""
    return mathlib.erfcinv(x)


def _lgamma(x: float) -> float:
    if x > 1e305 or math.isinf(x) or (x <= 0 and x == math.floor(x)):
        return math.inf
    return x if math.isnan(x) else math.lgamma(x)


@elementwise(vjp=lambda g, y, x: g * digamma(x), oracle=vectorized(_lgamma), dtypes=FLOATS, samples=((0.2, 5),))
def lgamma(x: Expr) -> Expr:
    """log |gamma(x)|."""
    return mathlib.lgamma(x)


def _digamma(x: float) -> float:
    if math.isnan(x) or math.isinf(x):
        return x if x > 0 else math.nan
    if x <= 0:
        return math.nan if x == math.floor(x) else _digamma(1 - x) - math.pi / math.tan(math.pi * x)
    shift = 0.0
    while x < 10:
        shift -= 1 / x
        x += 1
    z = 1 / (x * x)
    series = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z * (1 / 132 - z * 691 / 32760)))))
    return shift + math.log(x) - 0.5 / x - series


@elementwise(vjp=lambda g, y, x: g * trigamma(x), oracle=vectorized(_digamma), dtypes=FLOATS, samples=((0.2, 5),))
def digamma(x: Expr) -> Expr:
    """The derivative of lgamma."""
    return mathlib.digamma(x)


def _trigamma(x: Any) -> Any:
    wide = x.astype(np.float64)
    y = np.where(wide < 0.5, 1 - wide, wide)
    value = _trigamma_tail(y + 8, 1.0) + np.sum([1 / (y + k) ** 2 for k in range(8)], axis=0)
    sine = np.sin(math.pi * (wide - 2 * np.rint(wide / 2)))
    with np.errstate(all="ignore"):
        return np.where(wide < 0.5, np.where(wide == np.floor(wide), np.inf, (math.pi / sine) ** 2 - value), value)


def _trigamma_tail(z: Any, one: Any) -> Any:
    """The asymptotic series, for z >= 8."""
    w = one / (z * z)
    series: Any = 7 / 6
    for bernoulli in (-691 / 2730, 5 / 66, -1 / 30, 1 / 42, -1 / 30, 1 / 6):
        series = w * series + bernoulli
    return (one + one / (z * 2.0) + w * series) / z


@elementwise(oracle=_trigamma, dtypes=FLOATS, samples=((0.2, 5),))
def trigamma(x: Expr) -> Expr:
    """The derivative of digamma. (Its own gradient is not provided.)"""
    wide = loops.cast(x, float64)
    left = wide < 0.5
    y = loops.select(left, 1.0 - wide, wide)
    one = loops.const(1.0, float64)
    value = _trigamma_tail(y + 8.0, one)
    for k in range(8):
        value = value + one / ((y + float(k)) * (y + float(k)))
    part = math.pi / mathlib.sin((wide - loops.unary("round", wide * 0.5) * 2.0) * math.pi)
    pole = loops.binary("eq", wide, loops.unary("floor", wide))
    return loops.cast(loops.select(left, loops.select(pole, math.inf, part * part - value), value), x.dtype)


@elementwise(oracle=np.isnan, dtypes=FLOATS, samples=ANY, out=bool_)
def is_nan(x: Expr) -> Expr:
    """Whether x is not a number."""
    return loops.binary("ne", x, x)


@elementwise(oracle=np.isinf, dtypes=FLOATS, samples=ANY, out=bool_)
def is_inf(x: Expr) -> Expr:
    """Whether x is plus or minus infinity."""
    return mathlib.isinf(x)


@elementwise(oracle=np.isfinite, dtypes=FLOATS, samples=ANY, out=bool_)
def is_finite(x: Expr) -> Expr:
    """Whether x is neither infinite nor NaN."""
    return mathlib.isfinite(x)


@elementwise(vjp=lambda g, y, x: None, oracle=lambda x: x.copy(), dtypes=(*REALS, bool_, *INEXACT[4:]), samples=ANY)
def stop_gradient(x: Expr) -> Expr:
    """x itself, through which no gradient flows."""
    return x


@elementwise(vjp=(None, lambda g, y, s, q: neg(g * s * zeta(s + constant_like(1, s), q))),
             oracle=error_functions.zeta, dtypes=FLOATS, samples=((1.5, 5), (0.5, 5)))  # fmt: skip
def zeta(s: Expr, q: Expr) -> Expr:
    """Hurwitz's zeta function: the sum of (q + k)^-s over all k >= 0. (A gradient is provided by q alone.)"""
    return mathlib.zeta(s, q)


@elementwise(vjp=(lambda g, y, a, b: g, lambda g, y, a, b: zeros_like(g)), oracle=np.nextafter, dtypes=FLOATS[2:], samples=(ANY[0], ANY[0]))
def nextafter(a: Expr, b: Expr) -> Expr:
    """The number next to a on the way to b."""
    return mathlib.next_after(a, b)


def _share(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
    zero = equal(y, constant_like(0, y))
    return g * x / select(zero, constant_like(1, y), y)


@elementwise(vjp=(lambda g, y, a, b: _share(g, y, a), lambda g, y, a, b: _share(g, y, b)), oracle=np.hypot, dtypes=FLOATS, samples=((-3, 3), (-3, 3)))
def hypot(a: Expr, b: Expr) -> Expr:
    """sqrt(a * a + b * b), where the squares may be too large or too small. Its gradient at (0, 0) is 0."""
    return mathlib.hypot(a, b)


def complex_abs(x: Tensor) -> Tensor:
    """The modulus of a complex tensor."""
    return hypot(real(x), imag(x))


__all__ = ["log", "not_equal", "trunc"]
