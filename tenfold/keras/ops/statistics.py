"""Quantiles, histograms and correlations, in `keras.ops`."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.dtypes import float64, int32
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import normalize_axes
from tenfold.keras.base.promotion import floating, result_type, widening
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.reducing import Axes
from tenfold.ops import creation, products, segments, selecting, shaping, sorting
from tenfold.ops import elementwise as e
from tenfold.ops import reducing as r
from tenfold.ops.linalg import diag_part
from tenfold.ops.sparse import from_dense
from tenfold.primitives import arithmetic as a

METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


@operation(dtype=floating, of="x")
def quantile(x: Array, q: Array, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Array:
    """The values that a part q of the elements along axes lies below.

    Args:
        x: the tensor.
        q: one part or several, between 0 and 1; several become the first axis of the result.
        axis: along which axes; all if none is named.
        method: what lies between two elements: "linear", "lower", "higher", "nearest" or "midpoint".
        keepdims: whether the axes stay, with size 1.
    """
    return ranked(x, q, axis, method, keepdims)


@operation()
def percentile(x: Array, q: Array, axis: Axes = None, method: str = "linear", keepdims: bool = False) -> Array:
    """The values that q percent of the elements along axes lie below; see `quantile`."""
    return quantile(x, creation.cast(q, floating(q.dtype)) / 100, axis, method, keepdims)


@operation()
def median(x: Array, axis: Axes = None, keepdims: bool = False) -> Array:
    """The value in the middle of the elements along axes."""
    return quantile(x, 0.5, axis, keepdims=keepdims)


def ranked(x: Array, q: Array, axis: Axes, method: str, keepdims: bool, leave_out: bool = False) -> Array:
    """Quantiles: elements in order (NaN last), at the place q of those that count; NaN where one is, unless they are left out."""
    if method not in METHODS:
        raise InvalidArgumentError(f"Unknown method {method!r}. Expected one of {', '.join(METHODS)}.")
    axes = normalize_axes("quantile", axis, x.ndim)
    others = [i for i in range(x.ndim) if i not in axes]
    flat = shaping.reshape(shaping.transpose(x, [*others, *axes]), [*(x.sizes[i] for i in others), -1])
    ordered, unknown = sorting.sort(flat), e.is_nan(flat)
    count = r.reduce_sum(creation.cast(a.logical_not(unknown), int32), axis=-1, keepdims=True)
    last = (count if leave_out else shaping.size(flat) // e.maximum(shaping.size(count), 1)) - 1
    place = creation.cast(last, float64) * creation.cast(shaping.reshape(q, [-1]), float64)
    below, above = (_element(ordered, f(place), last) for f in (e.floor, e.ceil))
    if method == "linear":
        part = creation.cast(place - e.floor(place), x.dtype)
        found = a.select(a.equal(part, 0), below, below * (1 - part) + above * part)  # an infinite neighbour counts only if it is asked for
    else:
        between = {"lower": below, "higher": above, "midpoint": (below + above) / 2}
        found = between[method] if method in between else _element(ordered, e.round(place), last)
    found = a.select(count < 1 if leave_out else r.reduce_any(unknown, axis=-1, keepdims=True), math.nan, found)
    found = shaping.transpose(found, [found.ndim - 1, *range(found.ndim - 1)])
    kept = [1 if i in axes else n for i, n in enumerate(x.sizes)] if keepdims else [x.sizes[i] for i in others]
    return shaping.reshape(found, [*q.sizes, *kept])


def _element(ordered: Array, place: Array, last: Array) -> Array:
    """Elements of the last axis, at places that are counted for each row or for all."""
    places = e.maximum(e.minimum(creation.cast(place, int32), last), 0)
    places = shaping.broadcast_to(places, [*ordered.sizes[:-1], places.sizes[-1]])
    return selecting.gather(ordered, places, axis=-1, batch_dims=ordered.ndim - 1)


@operation()
def bincount(x: Array, weights: Array | None = None, minlength: int = 0, sparse: bool = False) -> Array:
    """How often each of 0, 1, 2... is among the elements of the last axis, or the sum of their weights.

    Args:
        x: integers that are not negative.
        weights: numbers, one for each.
        minlength: how many there are at least in the result.
        sparse: whether the result is a `tf.SparseTensor`.
    """
    kept = "int32" if weights is None else result_type(x.dtype, weights.dtype)
    counts = segments.bincount(x, weights, minlength, dtype=kept, axis=None if x.ndim < 2 else -1)
    return from_dense(counts) if sparse else counts


@operation()
def histogram(x: Array, bins: int = 10, range: Any = None) -> tuple[Array, Array]:
    """How many elements lie in each of so many equal intervals, and the borders of these.

    Raises:
        ValueError: `bins` is no positive integer, or `range` no pair of ascending numbers.
    """
    if not isinstance(bins, int) or bins < 1:
        raise InvalidArgumentError(f"Argument `bins` should be a non-negative integer. Received: bins={bins}")
    if range and len(range) != 2:
        raise InvalidArgumentError(f"Argument `range` must be a tuple of two elements. Received: range={range}")
    if range and range[1] < range[0]:
        raise InvalidArgumentError(f"The second element of `range` must be greater than the first. Received: range={range}")
    if x.ndim != 1:
        raise InvalidArgumentError(f"Input tensor must be 1-dimensional. Received: input.shape={x.shape}. Try keras.ops.ravel.")
    low, high = (r.reduce_min(x), r.reduce_max(x)) if range is None else (creation.cast(n, x.dtype) for n in range)
    edges = creation.cast(creation.linspace(creation.cast(low, float64), creation.cast(high, float64), bins + 1), x.dtype)
    inside = creation.cast(a.logical_and(x >= low, x <= high), x.dtype)
    places = sorting.searchsorted(edges[1:-1], x, side="right")
    return segments.unsorted_segment_sum(inside, places, bins), edges


@operation(dtype=floating)
def corrcoef(x: Array) -> Array:
    """The correlations of the rows with each other."""
    if x.ndim == 0:
        return creation.cast(math.nan, x.dtype)
    apart = x - r.reduce_mean(x, axis=-1, keepdims=True)
    if x.ndim == 1:
        apart = shaping.expand_dims(apart, 0)
    covariance = products.matmul(apart, apart, adjoint_b=True)
    deviation = e.sqrt(e.real(diag_part(covariance)))
    found = covariance / creation.cast(shaping.expand_dims(deviation, -1) * shaping.expand_dims(deviation, -2), covariance.dtype)
    return shaping.reshape(found, []) if x.ndim == 1 else found


@operation(dtype=widening)
def correlate(x1: Array, x2: Array, mode: str = "valid") -> Array:
    """The products of x2 with the stretches of x1 that it covers when it is moved along it.

    Args:
        x1: a vector.
        x2: another one.
        mode: "valid" (where they cover each other wholly), "same" (as many as the longer one has elements) or "full" (where they touch).
    """
    if mode not in ("valid", "same", "full"):
        raise InvalidArgumentError(f"Invalid mode: '{mode}'. Mode must be one of: 'full', 'same', 'valid'.")
    long, short = int(x1.shape[0]), int(x2.shape[0])
    swapped = short > long
    if swapped:
        x1, x2, long, short = x2, x1, short, long
    wide = shaping.pad(x1, [[short - 1, short - 1]])
    places = creation.range(long + short - 1)[:, None] + creation.range(short)
    full = r.reduce_sum(selecting.gather(wide, places) * x2, axis=-1)
    if swapped:
        full = shaping.reverse(full, [0])
    size = {"full": long + short - 1, "same": long, "valid": long - short + 1}[mode]
    start = {"full": 0, "same": (short - 1) // 2 if not swapped else short // 2, "valid": short - 1}[mode]
    return full[start : start + size]
