"""Elementwise formulas that take care: of zeros, infinities, the borders of a range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tenfold.core.dtypes import DType, as_dtype, bool_, float32, float64
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives.arithmetic import cast, equal, less, logical_and, select
from tenfold.primitives.define import tensors
from tenfold.primitives.indexed_slices import IndexedSlices
from tenfold.tensor.tensor import Tensor, as_tensor


def reciprocal_no_nan(x: Any, name: str | None = None) -> Tensor:
    """1 / x, and 0 where x is 0.

    Example:
        >>> import tenfold as tf
        >>> tf.math.reciprocal_no_nan([2.0, 0.0]).numpy()
        array([0.5, 0. ], dtype=float32)
    """
    return divide_no_nan(1, as_tensor(x))


def squared_difference(x: Any, y: Any, name: str | None = None) -> Tensor:
    """conj(x - y) * (x - y).

    Example:
        >>> import tenfold as tf
        >>> tf.math.squared_difference([1.0, 2.0], 4.0).numpy()
        array([9., 4.], dtype=float32)
    """
    difference = a.sub(x, y)
    return a.conj(difference) * difference


def divide_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, and 0 where y is 0.

    Example:
        >>> import tenfold as tf
        >>> tf.math.divide_no_nan([1.0, 1.0], [2.0, 0.0]).numpy()
        array([0.5, 0. ], dtype=float32)
    """
    x, y = tensors("divide_no_nan", (x, y))
    zero = a.equal(y, 0)
    return a.select(zero, 0, x / a.select(zero, 1, y))


def multiply_no_nan(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x * y, and 0 where y is 0 even if x is infinite or NaN.

    Example:
        >>> import tenfold as tf
        >>> tf.math.multiply_no_nan([2.0, float("inf")], [3.0, 0.0]).numpy()
        array([6., 0.], dtype=float32)
    """
    x, y = tensors("multiply_no_nan", (x, y))
    harmless = a.logical_or(e.is_finite(x), a.not_equal(y, 0))
    return a.select(harmless, x, 0) * y


def xlogy(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x * log(y), and 0 where x is 0.

    Example:
        >>> import tenfold as tf
        >>> tf.math.xlogy([0.0, 2.0], [0.0, 1.0]).numpy()
        array([0., 0.], dtype=float32)
    """
    x, y = tensors("xlogy", (x, y))
    zero = a.equal(x, 0)
    return a.select(zero, 0, x * a.log(a.select(zero, 1, y)))


def xlog1py(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x * log(1 + y), and 0 where x is 0.

    Example:
        >>> import tenfold as tf
        >>> tf.math.xlog1py([0.0, 2.0], [-1.0, 0.0]).numpy()
        array([0., 0.], dtype=float32)
    """
    x, y = tensors("xlog1py", (x, y))
    zero = a.equal(x, 0)
    return a.select(zero, 0, x * e.log1p(a.select(zero, 0, y)))


def xdivy(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, and 0 where x is 0.

    Example:
        >>> import tenfold as tf
        >>> tf.math.xdivy([0.0, 2.0], [0.0, 4.0]).numpy()
        array([0. , 0.5], dtype=float32)
    """
    x, y = tensors("xdivy", (x, y))
    zero = a.equal(x, 0)
    return a.select(zero, 0, x / a.select(zero, 1, y))


def log_sigmoid(x: Any, name: str | None = None) -> Tensor:
    """log(sigmoid(x)), accurate where sigmoid(x) underflows.

    Example:
        >>> import tenfold as tf
        >>> float(tf.math.log_sigmoid(-200.0))
        -200.0
    """
    return -e.softplus(-as_tensor(x))


def erfcinv(x: Any, name: str | None = None) -> Tensor:
    """The inverse of erfc."""
    return e.erfcinv(as_tensor(x))


def ndtri(x: Any, name: str | None = None) -> Tensor:
    """The quantile function of the standard normal distribution.

    Example:
        >>> import tenfold as tf
        >>> float(tf.math.ndtri(0.5))
        0.0
    """
    return 0 - math.sqrt(2) * e.erfcinv(2 * as_tensor(x))


def polygamma(a: Any, x: Any, name: str | None = None) -> Tensor:
    """The derivative of order `a`, a whole number, of digamma.

    Example:
        >>> import tenfold as tf
        >>> tf.math.polygamma([0.0, 1.0], [1.0, 1.0]).numpy().round(4)
        array([-0.5772,  1.6449], dtype=float32)
    """
    orders, x = tensors("polygamma", (a, x))
    n, wide = e.stop_gradient(cast(orders, float64)), cast(x, float64)
    zeroth, whole = equal(n, 0), logical_and(equal(n, e.floor(n)), less(-1, n))
    higher = (2 * (n % 2) - 1) * e.exp(e.lgamma(n + 1)) * e.zeta(select(zeroth, 2, n + 1), wide)
    return cast(select(whole, select(zeroth, e.digamma(wide), higher), math.nan), x.dtype)


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Any:
    """`t` limited to the range from `clip_value_min` to `clip_value_max`; at the limits the gradient still flows. Of IndexedSlices the values are
    limited, one by one.

    Example:
        >>> import tenfold as tf
        >>> tf.clip_by_value([-2.0, 0.5, 9.0], 0.0, 1.0).numpy()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    if isinstance(t, IndexedSlices):
        return t.map(lambda values: clip_by_value(values, clip_value_min, clip_value_max))
    t = as_tensor(t)
    result = a.maximum(a.minimum(t, clip_value_max), clip_value_min)
    if len(result.sizes) != t.ndim or any(differ(x, y) for x, y in zip(result.sizes, t.sizes, strict=True)):
        raise ShapeError(f"[clip_by_value] the limits must broadcast to the shape of t. Expected {t.shape}; received limits giving {result.shape}.")
    return result


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of tensors of one shape.

    Example:
        >>> import tenfold as tf
        >>> tf.add_n([[1, 2], [3, 4], [5, 6]]).numpy()
        array([ 9, 12], dtype=int32)

    Raises:
        ValueError: there are none, or their shapes differ.
    """
    values = tensors("add_n", list(inputs) if isinstance(inputs, (list, tuple)) else [inputs])
    if not values:
        raise InvalidArgumentError("[add_n] expected at least one tensor; received none.")
    total = values[0]
    for x in values[1:]:
        if len(x.sizes) != len(total.sizes) or any(differ(m, n) for m, n in zip(x.sizes, total.sizes, strict=True)):
            raise ShapeError(f"[add_n] expected tensors of one shape; received {' and '.join(str(v.shape) for v in values)}.")
        total = total + x
    return total


def scalar_mul(scalar: Any, x: Any, name: str | None = None) -> Tensor:
    """`scalar * x`."""
    result: Tensor = a.mul(scalar, x)
    return result


def polyval(coeffs: Sequence[Any], x: Any, name: str | None = None) -> Tensor:
    """The polynomial with `coeffs`, the highest power first, at `x` (Horner's rule).

    Example:
        >>> import tenfold as tf
        >>> float(tf.math.polyval([2.0, 0.0, 1.0], 3.0))
        19.0
    """
    x = as_tensor(x)
    total: Any = a.zeros_like(x)
    for c in coeffs:
        total = total * x + c
    return total


def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Tensor:
    """`value` limited to the range of `dtype`, then converted.

    Example:
        >>> import tenfold as tf
        >>> tf.saturate_cast([300.0, -5.0, 12.7], tf.uint8).numpy()
        array([255,   0,  12], dtype=uint8)
    """
    x, want = as_tensor(value), as_dtype(dtype)
    if x.dtype is bool_ or want.is_complex or want is bool_ or (x.dtype.is_integer and want.is_floating):
        return a.cast(x, want)
    low, high = max(_least(x.dtype), _least(want)), min(_most(x.dtype), _most(want))
    if low > _least(x.dtype) or high < _most(x.dtype):
        kind = int if x.dtype.is_integer else float
        x = clip_by_value(x, kind(low), kind(high))
    return a.cast(x, want)


def _least(dtype: DType) -> Any:
    return dtype.min if dtype.is_integer else float(dtype.min)


def _most(dtype: DType) -> Any:
    return dtype.max if dtype.is_integer else float(dtype.max)


_I0_SERIES = [1 / math.factorial(k) ** 2 for k in range(36, -1, -1)]  # in (x/2)**2, for |x| <= 15
_I0_TAIL = [math.prod((2 * j - 1) ** 2 for j in range(1, k + 1)) / (math.factorial(k) * 8.0**k) for k in range(22, -1, -1)]  # in 1/x, beyond


def bessel_i0(x: Any, name: str | None = None) -> Tensor:
    """The modified Bessel function of the first kind, of order 0: its power series near 0, its asymptotic one far away.

    Example:
        >>> import tenfold as tf
        >>> tf.math.bessel_i0([0.0, 1.0]).numpy()
        array([1.       , 1.2660658], dtype=float32)
    """
    x = as_tensor(x)
    size = e.abs(a.cast(x, float32) if x.dtype.size == 2 else x)
    near = a.less(size, 15)
    half, far = a.select(near, size, 0) / 2, a.select(near, 15, size)
    root = e.exp(far / 2)  # half of the exponential at a time: the result may be finite where it is not
    tail = root / (math.sqrt(2 * math.pi) * e.sqrt(a.minimum(far, 1e30))) * polyval(_I0_TAIL, 1 / far) * root
    return a.cast(a.select(near, polyval(_I0_SERIES, half * half), tail), x.dtype)
