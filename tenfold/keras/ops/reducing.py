"""Sums, means, extremes and other reductions along axes, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import int32
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import differ, normalize_axes
from tenfold.keras.base.dtypes import standardize_dtype
from tenfold.keras.base.promotion import counting, floating, logical, result_type
from tenfold.keras.ops.define import Array, converted, operation
from tenfold.ops import creation, elementwise, running, shaping
from tenfold.ops import reducing as r

Axes = int | tuple[int, ...] | list[int] | None


@operation(dtype=counting)
def sum(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum along axes; all of them if none is named."""
    return r.reduce_sum(x, axis=axis, keepdims=keepdims)


@operation()
def prod(x: Array, axis: Axes = None, keepdims: bool = False, dtype: Any = None) -> Array:
    """The product along axes; all of them if none is named."""
    return r.reduce_prod(creation.cast(x, dtype or counting(x.dtype)), axis=axis, keepdims=keepdims)


@operation()
def mean(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The mean along axes; all of them if none is named."""
    return _precisely(r.reduce_mean, x, axis, keepdims)


@operation()
def var(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The variance along axes; all of them if none is named."""
    return _precisely(r.reduce_variance, x, axis, keepdims)


@operation(dtype=floating)
def std(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The standard deviation along axes; all of them if none is named."""
    return elementwise.sqrt(_precisely(r.reduce_variance, x, axis, keepdims))


def _precisely(reduce: Any, x: Array, axis: Axes, keepdims: bool) -> Array:
    """A reduction computed in at least 32 bits."""
    kept = floating(x.dtype)
    return creation.cast(reduce(creation.cast(x, result_type(kept, "float32")), axis=axis, keepdims=keepdims), kept)


@operation()
def max(x: Array, axis: Axes = None, keepdims: bool = False, initial: Any = None) -> Array:
    """The largest element along axes, and no less than `initial`."""
    if x.dtype.is_bool:
        return elementwise.logical_or(r.reduce_any(x, axis, keepdims), bool(initial))
    found = r.reduce_max(x, axis=axis, keepdims=keepdims)
    return found if initial is None else elementwise.maximum(found, creation.cast(initial, found.dtype))


@operation()
def min(x: Array, axis: Axes = None, keepdims: bool = False, initial: Any = None) -> Array:
    """The smallest element along axes, and no more than `initial`."""
    if x.dtype.is_bool:
        return elementwise.logical_and(r.reduce_all(x, axis, keepdims), True if initial is None else bool(initial))
    found = r.reduce_min(x, axis=axis, keepdims=keepdims)
    return found if initial is None else elementwise.minimum(found, creation.cast(initial, found.dtype))


@operation(dtype=logical)
def any(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether one element is true (not zero) along axes."""
    return r.reduce_any(x, axis=axis, keepdims=keepdims)


@operation(dtype=logical)
def all(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """Whether all elements are true (not zero) along axes."""
    return r.reduce_all(x, axis=axis, keepdims=keepdims)


@operation()
def amax(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The largest element along axes."""
    return max(x, axis, keepdims)


@operation()
def amin(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The smallest element along axes."""
    return min(x, axis, keepdims)


@operation()
def ptp(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The largest element less the smallest one, along axes."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


@operation(dtype=logical)
def count_nonzero(x: Array, axis: Axes = None) -> Array:
    """How many elements are not zero, along axes."""
    return r.reduce_sum(creation.cast(x, int32), axis=axis)


@operation()
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the largest element along an axis; in the flat tensor if none is named."""
    return _place(r.argmax, x, axis, keepdims)


@operation()
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the smallest element along an axis; in the flat tensor if none is named."""
    return _place(r.argmin, x, axis, keepdims)


def _place(find: Any, x: Array, axis: int | None, keepdims: bool) -> Array:
    if axis is None:
        found = find(shaping.reshape(x, [-1]), axis=0, output_type="int32")
        return shaping.reshape(found, [1] * x.ndim) if keepdims else found
    found = find(x, axis=axis, output_type="int32")
    return shaping.expand_dims(found, axis) if keepdims else found


@operation()
def cumsum(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """The sums of the first 1, 2, 3... elements along an axis."""
    return _running(running.cumsum, x, axis, dtype)


def _running(scan: Any, x: Array, axis: int | None, dtype: Any) -> Array:
    x = creation.cast(x, standardize_dtype(dtype) if dtype else "int32" if x.dtype.is_bool else x.dtype)
    return scan(shaping.reshape(x, [-1]), 0) if axis is None else scan(x, axis)


@operation()
def cumprod(x: Array, axis: int | None = None, dtype: Any = None) -> Array:
    """The products of the first 1, 2, 3... elements along an axis."""
    return _running(running.cumprod, x, axis, dtype)


@operation()
def average(x: Array, axis: Axes = None, weights: Array | None = None) -> Array:
    """The mean along axes, in which each element counts as much as its weight says.

    Raises:
        ValueError: the weights have neither the shape of `x` nor that of one of its axes.
    """
    if weights is None:
        return mean(x, axis)
    x, weights = converted([x, weights], floating)
    if weights.shape != x.shape:
        weights = _along(weights, x, axis)
    return r.reduce_sum(x * weights, axis=axis) / r.reduce_sum(weights * creation.ones_like(x), axis=axis)


def _along(weights: Array, x: Array, axis: Axes) -> Array:
    """The weights of one axis, brought into the rank of `x`."""
    axes = normalize_axes("average", axis, x.ndim)
    if axis is None or len(axes) != 1:
        raise InvalidArgumentError("Axis must be specified when shapes of a and weights differ.")
    if weights.ndim != 1 or differ(weights.sizes[0], x.sizes[axes[0]]):
        raise InvalidArgumentError("Shape of weights must be consistent with shape of a along specified axis.")
    return shaping.reshape(weights, [-1 if i == axes[0] else 1 for i in range(x.ndim)])
