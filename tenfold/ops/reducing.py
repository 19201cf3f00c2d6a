"""Functions that combine elements along axes: sums, means, extremes, and where they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype, bool_, float32, int32, int64
from tenfold.core.errors import DTypeError, InvalidArgumentError
from tenfold.core.shapes import normalize_axes, normalize_axis, product
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import reduction as r
from tenfold.primitives.gather import iota, scalar_size
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.whole import whole


def count(x: Tensor, axis: Any, dtype: DType) -> Tensor:
    """How many elements of `x` a reduction along `axis` combines, as a scalar of `dtype`."""
    n = product(x.sizes[i] for i in normalize_axes("reduce", axis, x.ndim))
    if isinstance(n, int):
        return as_tensor(np.asarray(n, dtype.numpy))
    return a.cast(scalar_size(n, int64), dtype)


def wide(x: Tensor) -> Tensor:
    """Half precision as float32: for sums of many elements."""
    return a.cast(x, float32) if x.dtype.is_floating and x.dtype.size == 2 else x


def reduce_sum(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The sum of the elements along `axis` (None: all axes).

    Example:
        >>> import tenfold as tf
        >>> tf.reduce_sum([[1, 2], [3, 4]], axis=0).numpy()
        array([4, 6], dtype=int32)
    """
    result: Tensor = r.sum(input_tensor, axis, keepdims)
    return result


def reduce_prod(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The product of the elements along `axis` (None: all axes).

    Example:
        >>> import tenfold as tf
        >>> int(tf.reduce_prod([[1, 2], [3, 4]]))
        24
    """
    result: Tensor = r.prod(input_tensor, axis, keepdims)
    return result


def reduce_max(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The largest element along `axis` (None: all axes); NaN if there is one.

    Example:
        >>> import tenfold as tf
        >>> tf.reduce_max([[1, 5], [3, 4]], axis=1).numpy()
        array([5, 4], dtype=int32)
    """
    result: Tensor = r.max(input_tensor, axis, keepdims)
    return result


def reduce_min(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The smallest element along `axis` (None: all axes); NaN if there is one.

    Example:
        >>> import tenfold as tf
        >>> tf.reduce_min([[1, 5], [3, 4]], axis=1).numpy()
        array([1, 3], dtype=int32)
    """
    result: Tensor = r.min(input_tensor, axis, keepdims)
    return result


def reduce_all(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Whether all elements along `axis` (None: all axes) are true.

    Example:
        >>> import tenfold as tf
        >>> tf.reduce_all([[True, False], [True, True]], axis=1).numpy()
        array([False,  True])
    """
    result: Tensor = r.all(input_tensor, axis, keepdims)
    return result


def reduce_any(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """Whether any element along `axis` (None: all axes) is true.

    Example:
        >>> import tenfold as tf
        >>> tf.reduce_any([[True, False], [False, False]], axis=1).numpy()
        array([ True, False])
    """
    result: Tensor = r.any(input_tensor, axis, keepdims)
    return result


def reduce_mean(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The mean along `axis` (None: all axes). Integers give an integer, rounded toward zero; half precision is summed in float32.

    Example:
        >>> import tenfold as tf
        >>> tf.reduce_mean([[1.0, 2.0], [3.0, 6.0]], axis=0).numpy()
        array([2., 4.], dtype=float32)
    """
    x = as_tensor(input_tensor)
    if x.dtype.is_integer:
        return a.truncatediv(r.sum(x, axis, keepdims), count(x, axis, x.dtype))
    exact = wide(x)
    return a.cast(r.sum(exact, axis, keepdims) / count(x, axis, exact.dtype), x.dtype)


@whole
def reduce_variance(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The variance along `axis` (None: all axes): the mean squared distance from the mean.

    Example:
        >>> import tenfold as tf
        >>> float(tf.math.reduce_variance([1.0, 3.0]))
        1.0
    """
    x = as_tensor(input_tensor)
    if not x.dtype.is_differentiable:
        raise DTypeError(f"[reduce_variance] expected floating-point or complex elements; received {x.dtype.name}. Try tf.cast(x, tf.float32).")
    exact = wide(x)
    distance = exact - reduce_mean(exact, axis, True)
    squared = distance * distance if not x.dtype.is_complex else a.real(a.conj(distance) * distance)
    return a.cast(reduce_mean(squared, axis, keepdims), x.dtype.real_dtype)


def reduce_std(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The standard deviation along `axis` (None: all axes).

    Example:
        >>> import tenfold as tf
        >>> float(tf.math.reduce_std([1.0, 3.0]))
        1.0
    """
    return e.sqrt(reduce_variance(input_tensor, axis, keepdims))


@whole
def reduce_logsumexp(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """log(sum(exp(x))) along `axis` (None: all axes), without overflow: the largest element is taken out first.

    Example:
        >>> import tenfold as tf
        >>> round(float(tf.reduce_logsumexp([1000.0, 1000.0])), 3)
        1000.693
    """
    x = as_tensor(input_tensor)
    top = e.stop_gradient(r.max(x, axis, True))
    top = a.select(e.is_finite(top), top, 0)
    y = a.log(r.sum(e.exp(x - top), axis, True)) + top
    axes = normalize_axes("reduce_logsumexp", axis, x.ndim)
    return y if keepdims else reshape(y, [n for i, n in enumerate(x.sizes) if i not in axes])


def reduce_euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """sqrt(sum(x * x)) along `axis` (None: all axes).

    Example:
        >>> import tenfold as tf
        >>> float(tf.math.reduce_euclidean_norm([3.0, 4.0]))
        5.0
    """
    x = as_tensor(input_tensor)
    return e.sqrt(r.sum(a.conj(x) * x, axis, keepdims))


def count_nonzero(input: Any, axis: Any = None, keepdims: bool = False, dtype: Any = int64, name: str | None = None) -> Tensor:
    """How many elements along `axis` (None: all axes) are not 0.

    Example:
        >>> import tenfold as tf
        >>> int(tf.math.count_nonzero([0, 3, 0, 1]))
        2
    """
    x = as_tensor(input)
    nonzero = x if x.dtype is bool_ else a.not_equal(x, 0)
    return r.sum(a.cast(nonzero, dtype), axis, keepdims)


def zero_fraction(value: Any, name: str | None = None) -> Tensor:
    """The share of elements that are 0."""
    return reduce_mean(a.cast(a.equal(as_tensor(value), 0), float32))


def argmax(input: Any, axis: Any = None, output_type: Any = int64, name: str | None = None) -> Tensor:
    """Where along `axis` (default 0) the largest element is; the first one at a tie. NaN never counts as the largest.

    Example:
        >>> import tenfold as tf
        >>> tf.argmax([[1, 5, 2], [7, 0, 7]], axis=1).numpy()
        array([1, 0])
    """
    return _position("argmax", r.max, input, axis, output_type)


def argmin(input: Any, axis: Any = None, output_type: Any = int64, name: str | None = None) -> Tensor:
    """Where along `axis` (default 0) the smallest element is; the first one at a tie. NaN never counts as the smallest.

    Example:
        >>> import tenfold as tf
        >>> tf.argmin([[1, 5, 2], [7, 0, 7]], axis=1).numpy()
        array([0, 1])
    """
    return _position("argmin", r.min, input, axis, output_type)


def _position(name: str, extreme: Any, x: Any, axis: Any, output_type: Any) -> Tensor:
    """The smallest index at which x equals its extreme: two reductions, which the compiler fuses."""
    x, want = as_tensor(x), as_dtype(output_type)
    if want.name not in ("int32", "int64", "int16", "uint16"):
        raise DTypeError(f"[{name}] output_type must be tf.int32 or tf.int64; received {want.name}.")
    if x.dtype is bool_:
        x = a.cast(x, int32)
    at = normalize_axis(name, 0 if axis is None else int(axis), x.ndim)
    n = x.sizes[at]
    if n == 0:
        raise InvalidArgumentError(f"[{name}] there is nothing to choose from: axis {at} of shape {x.shape} is empty.")
    if x.dtype.is_floating:
        x = a.select(e.is_nan(x), float("-inf") if name == "argmax" else float("inf"), x)
    index = reshape(iota(n, want), [n if i == at else 1 for i in range(x.ndim)])
    return r.min(a.select(a.equal(x, extreme(x, at, True)), index, scalar_size(n, want)), at)
