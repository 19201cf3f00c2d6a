"""Reductions that leave out NaN, in `keras.ops`."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras.base.promotion import counting, floating
from tenfold.keras.ops import reducing, statistics
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.reducing import Axes
from tenfold.ops import creation
from tenfold.ops import elementwise as e
from tenfold.ops import reducing as r
from tenfold.primitives import arithmetic as a


def _without(x: Array, value: float) -> Array:
    """`x` with `value` in the place of NaN."""
    return a.select(e.is_nan(x), value, x) if x.dtype.is_floating else x


def _empty(x: Array, axis: Axes, keepdims: bool) -> Array:
    """Whether there is nothing but NaN along axes."""
    return r.reduce_all(e.is_nan(x), axis=axis, keepdims=keepdims)


@operation(dtype=counting)
def nansum(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The sum along axes of what is not NaN."""
    return reducing.sum(_without(x, 0), axis, keepdims)


@operation(dtype=counting)
def nanprod(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The product along axes of what is not NaN."""
    return reducing.prod(_without(x, 1), axis, keepdims)


@operation()
def nanmax(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The largest element along axes that is not NaN; NaN if there is none."""
    found = reducing.max(_without(x, -math.inf), axis, keepdims)
    return a.select(_empty(x, axis, keepdims), math.nan, found) if x.dtype.is_floating else found


@operation()
def nanmin(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The smallest element along axes that is not NaN; NaN if there is none."""
    found = reducing.min(_without(x, math.inf), axis, keepdims)
    return a.select(_empty(x, axis, keepdims), math.nan, found) if x.dtype.is_floating else found


@operation()
def nanargmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the largest element that is not NaN; -1 if there is none."""
    found = reducing.argmax(_without(x, -math.inf), axis, keepdims)
    return a.select(_empty(x, axis, keepdims), -1, found) if x.dtype.is_floating else found


@operation()
def nanargmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """The place of the smallest element that is not NaN; -1 if there is none."""
    found = reducing.argmin(_without(x, math.inf), axis, keepdims)
    return a.select(_empty(x, axis, keepdims), -1, found) if x.dtype.is_floating else found


@operation()
def nancumsum(x: Array, axis: Axes = None, dtype: Any = None) -> Array:
    """Running sums of what is not NaN."""
    return _along(reducing.cumsum, _without(x, 0), axis, dtype)


@operation()
def nancumprod(x: Array, axis: Axes = None, dtype: Any = None) -> Array:
    """Running products of what is not NaN."""
    return _along(reducing.cumprod, _without(x, 1), axis, dtype)


def _along(scan: Any, x: Array, axis: Axes, dtype: Any) -> Array:
    """Running results along several axes, one after the other."""
    for place in axis if isinstance(axis, (tuple, list)) else [axis]:
        x = scan(x, place, dtype)
    return x


def _count(x: Array, axis: Axes, keepdims: bool) -> Array:
    return r.reduce_sum(creation.cast(a.logical_not(e.is_nan(x)), x.dtype), axis=axis, keepdims=keepdims)


@operation(dtype=floating)
def nanmean(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The mean along axes of what is not NaN."""
    return r.reduce_sum(_without(x, 0), axis=axis, keepdims=keepdims) / _count(x, axis, keepdims)


@operation(dtype=floating)
def nanvar(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The variance along axes of what is not NaN."""
    apart = _without(x - nanmean(x, axis, True), 0)
    return r.reduce_sum(e.square(e.abs(apart)), axis=axis, keepdims=keepdims) / _count(x, axis, keepdims)


@operation(dtype=floating)
def nanstd(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The standard deviation along axes of what is not NaN."""
    return e.sqrt(nanvar(x, axis, keepdims))


@operation()
def nanmedian(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The median along axes of what is not NaN."""
    return nanquantile(x, 0.5, axis, keepdims=keepdims)


@operation()
def nanpercentile(x: Array, q: Array, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Array:
    """The values that q percent of what is not NaN lie below."""
    return nanquantile(x, creation.cast(q, floating(q.dtype)) / 100, axis, method, keepdims)


@operation(dtype=floating, of="x")
def nanquantile(x: Array, q: Array, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Array:
    """The values that a part q of what is not NaN lies below; NaN if there is nothing else."""
    return statistics.ranked(x, q, axis, method, keepdims, leave_out=True)
