"""Mathematical functions from the kernel language's instructions alone: no library is called, on any target.

Every function takes and gives Exprs. float32 and float64 are computed as such (float32 in float64 where that is the simplest way to be
right); 16-bit floats are computed in float32. Errors, in units in the last place: at most 2 for float32 exp, log, tanh, sigmoid, sin and cos, at
most 4 for the others; float64 at most 4, and 1e-13 of the value for pow and the special functions away from their zeros.

The methods are those of Cody & Waite (1980), Tang (1989) and the folklore since; the coefficients come from tools/minimax.py.
"""

from __future__ import annotations

from tenfold.kernel.counter_random import box_muller, philox, uniform
from tenfold.kernel.elementary import exp, exp2, expm1, log, log1p, log2, pow, rsqrt, sigmoid, softplus
from tenfold.kernel.hyperbolic import acosh, asinh, atanh, cosh, sinh, tanh
from tenfold.kernel.numeric import (
    copy_sign,
    floor,
    floor_div,
    floor_mod,
    hypot,
    isfinite,
    isinf,
    isnan,
    maximum,
    minimum,
    next_after,
    round_half_even,
    sign,
    sqrt,
)  # fmt: skip
from tenfold.kernel.special import digamma, erf, erfc, erfcinv, erfinv, lgamma, zeta
from tenfold.kernel.trigonometry import acos, asin, atan, atan2, cos, sin, tan

__all__ = [
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "box_muller", "copy_sign", "cos", "cosh", "digamma", "erf", "erfc", "erfcinv",
    "erfinv",
    "exp", "exp2", "expm1", "floor", "floor_div", "floor_mod", "hypot", "isfinite", "isinf", "isnan", "lgamma", "log", "log1p", "log2", "maximum",
    "minimum", "next_after", "philox", "pow", "round_half_even", "rsqrt", "sigmoid", "sign", "sin", "sinh", "softplus", "sqrt", "tan", "tanh",
    "uniform", "zeta",
]  # fmt: skip
