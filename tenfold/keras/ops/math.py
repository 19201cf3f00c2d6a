"""Mathematics beyond NumPy's own functions, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.ops.define import Array, operation
from tenfold.ops import elementwise as e
from tenfold.ops import reducing


@operation("math")
def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)."""
    return e.rsqrt(x)


@operation("math")
def erf(x: Array) -> Array:
    """The error function."""
    return e.erf(x)


@operation("math")
def logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """log(sum(exp(x))), without overflow."""
    return reducing.reduce_logsumexp(x, axis=axis, keepdims=keepdims)
