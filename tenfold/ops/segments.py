"""Reductions over rows that share a segment number, counts, and the confusion matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.dtypes import int32, int64
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ, product
from tenfold.ops.shaping import integers
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import host as h
from tenfold.primitives import reduction as r
from tenfold.primitives.effects import check
from tenfold.primitives.gather import as_sizes, iota, scatter_add
from tenfold.primitives.movement import broadcast_to, expand_dims, reshape
from tenfold.tensor.tensor import Tensor, as_tensor


def _rows(name: str, data: Any, segment_ids: Any) -> tuple[Tensor, Tensor]:
    """The data with one row per segment number, and the numbers as a vector."""
    x, ids = as_tensor(data, name=name), as_tensor(segment_ids, name=name)
    if not ids.dtype.is_integer:
        raise InvalidArgumentError(f"[{name}] expected integer segment numbers; received {ids.dtype.name}.")
    if ids.ndim > x.ndim or any(differ(m, n) for m, n in zip(ids.sizes, x.sizes, strict=False)):
        raise ShapeError(f"[{name}] the shape of the segment numbers must begin that of the data. Received {ids.shape} and data {x.shape}.")
    count = product(ids.sizes)
    return reshape(x, (count, *x.sizes[ids.ndim :])), reshape(ids, (count,))


def _spread(counts: Tensor, like: Tensor) -> Tensor:
    return reshape(counts, (*counts.sizes, *(1,) * (like.ndim - 1)))


def unsorted_segment_sum(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment; rows with a negative number are left out.

    Example:
        >>> import tenfold as tf
        >>> tf.math.unsorted_segment_sum([1, 2, 4], [0, 1, 0], 2).numpy()
        array([5, 2], dtype=int32)
    """
    x, ids = _rows("unsorted_segment_sum", data, segment_ids)
    return scatter_add(ids, x, as_sizes(num_segments)[0])


def _counts(ids: Tensor, segments: Any, like: Tensor) -> Tensor:
    ones = broadcast_to(as_tensor(1, like.dtype), ids.sizes)
    return _spread(scatter_add(ids, ones, segments), like)


def unsorted_segment_mean(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The mean of the rows of each segment; 0 for an empty one.

    Example:
        >>> import tenfold as tf
        >>> tf.math.unsorted_segment_mean([1.0, 2.0, 4.0], [0, 1, 0], 3).numpy()
        array([2.5, 2. , 0. ], dtype=float32)
    """
    x, ids = _rows("unsorted_segment_mean", data, segment_ids)
    (n,) = as_sizes(num_segments)
    return scatter_add(ids, x, n) / a.maximum(_counts(ids, n, x), 1)


def unsorted_segment_sqrt_n(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment divided by the square root of their number."""
    x, ids = _rows("unsorted_segment_sqrt_n", data, segment_ids)
    (n,) = as_sizes(num_segments)
    return scatter_add(ids, x, n) / e.sqrt(a.maximum(_counts(ids, n, x), 1))


def _by_mask(name: str, reduce: Callable[..., Tensor], empty: Any, data: Any, segment_ids: Any, num_segments: Any) -> Tensor:
    """Each segment reduced over all rows, those of others replaced by what changes nothing."""
    x, ids = _rows(name, data, segment_ids)
    (n,) = as_sizes(num_segments)
    mine = a.equal(expand_dims(iota(n, ids.dtype), 1), expand_dims(ids, 0))
    mask = reshape(mine, (*mine.sizes, *(1,) * (x.ndim - 1)))
    return reduce(a.select(mask, expand_dims(x, 0), empty(x)), 1)


def _lowest(x: Tensor) -> Any:
    return x.dtype.min if x.dtype.is_integer else float(x.dtype.min)


def _highest(x: Tensor) -> Any:
    return x.dtype.max if x.dtype.is_integer else float(x.dtype.max)


def unsorted_segment_max(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The largest element of each segment's rows; the smallest number of the type for an empty one.

    Example:
        >>> import tenfold as tf
        >>> tf.math.unsorted_segment_max([1, 2, 4], [0, 1, 0], 2).numpy()
        array([4, 2], dtype=int32)
    """
    return _by_mask("unsorted_segment_max", r.max, _lowest, data, segment_ids, num_segments)


def unsorted_segment_min(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The smallest element of each segment's rows; the largest number of the type for an empty one."""
    return _by_mask("unsorted_segment_min", r.min, _highest, data, segment_ids, num_segments)


def unsorted_segment_prod(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Tensor:
    """The product of each segment's rows; 1 for an empty one."""
    return _by_mask("unsorted_segment_prod", r.prod, lambda x: 1, data, segment_ids, num_segments)


def _segments(name: str, segment_ids: Any) -> int:
    """How many segments ascending numbers name.

    Raises:
        ValueError: they do not ascend, or are negative.
    """
    ids = as_tensor(segment_ids)
    known = h.known_elements(name, ids, f"Try tf.math.unsorted_{name}, which is given the number of segments.")
    if known.ndim != 1 or (known.size and (known[0] < 0 or (np.diff(known) < 0).any())):
        raise InvalidArgumentError(f"[{name}] expected a vector of segment numbers that ascend from 0 on. Try tf.math.unsorted_{name}.")
    return int(known[-1]) + 1 if known.size else 0


def segment_sum(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The sum of the rows of each segment; the numbers ascend.

    Example:
        >>> import tenfold as tf
        >>> tf.math.segment_sum([1, 2, 4], [0, 0, 1]).numpy()
        array([3, 4], dtype=int32)
    """
    return unsorted_segment_sum(data, segment_ids, _segments("segment_sum", segment_ids))


def segment_mean(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The mean of the rows of each segment; the numbers ascend."""
    return unsorted_segment_mean(data, segment_ids, _segments("segment_mean", segment_ids))


def segment_prod(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The product of the rows of each segment; the numbers ascend."""
    return unsorted_segment_prod(data, segment_ids, _segments("segment_prod", segment_ids))


def _zero_if_empty(function: Callable[..., Tensor], name: str, data: Any, segment_ids: Any) -> Tensor:
    x, ids = _rows(name, data, segment_ids)
    n = _segments(name, ids)
    filled = broadcast_to(a.less(0, _counts(ids, n, x)), (n, *x.sizes[1:]))
    return a.select(filled, function(x, ids, n), 0)


def segment_max(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The largest element of each segment's rows, 0 for a number that is left out; the numbers ascend.

    Example:
        >>> import tenfold as tf
        >>> tf.math.segment_max([1, 2, 4], [0, 0, 1]).numpy()
        array([2, 4], dtype=int32)
    """
    return _zero_if_empty(unsorted_segment_max, "segment_max", data, segment_ids)


def segment_min(data: Any, segment_ids: Any, name: str | None = None) -> Tensor:
    """The smallest element of each segment's rows, 0 for a number that is left out; the numbers ascend."""
    return _zero_if_empty(unsorted_segment_min, "segment_min", data, segment_ids)


def bincount(arr: Any, weights: Any = None, minlength: Any = None, maxlength: Any = None, dtype: Any = int32, name: str | None = None,
             axis: Any = None, binary_output: bool = False) -> Tensor:  # fmt: skip
    """How often each of 0, 1, 2, ... occurs, or the sum of the weights there.

    Example:
        >>> import tenfold as tf
        >>> tf.math.bincount([1, 1, 3]).numpy()
        array([0, 2, 0, 1], dtype=int32)
    """
    x = as_tensor(arr)
    low = None if minlength is None else integers("bincount", minlength)[0]
    high = None if maxlength is None else integers("bincount", maxlength)[0]
    if x._array is None:
        if low is None or low != high:
            raise InvalidArgumentError("[bincount] while the function is traced, minlength and maxlength must both be given, and be equal.")
        length = low
    else:
        length = max(int(x._array.max()) + 1 if x._array.size else 0, low or 0)
        length = length if high is None else min(length, high)
    if axis is not None:
        return _bincount_rows(x, weights, length, dtype, binary_output)
    counts = h.bincount(x, length, None if weights is None else as_tensor(weights), dtype)
    return a.cast(a.less(0, counts), counts.dtype) if binary_output else counts


def _bincount_rows(x: Tensor, weights: Any, length: Any, dtype: Any, binary_output: bool) -> Tensor:
    hit = a.equal(expand_dims(x, -1), iota(length, x.dtype))
    if binary_output:
        return a.cast(r.any(hit, -2), dtype)
    counted = a.cast(hit, dtype) if weights is None else a.select(hit, expand_dims(as_tensor(weights), -1), 0)
    return r.sum(counted, -2)


def confusion_matrix(labels: Any, predictions: Any, num_classes: Any = None, weights: Any = None, dtype: Any = int32,
                     name: str | None = None) -> Tensor:  # fmt: skip
    """A matrix that counts, for each label (row), how often each class was predicted (column).

    Example:
        >>> import tenfold as tf
        >>> tf.math.confusion_matrix([0, 1, 1], [0, 0, 1]).numpy().tolist()
        [[1, 0], [1, 1]]
    """
    rows, columns = reshape(a.cast(labels, int64), (-1,)), reshape(a.cast(predictions, int64), (-1,))
    if differ(rows.sizes[0], columns.sizes[0]):
        raise ShapeError(f"[confusion_matrix] expected as many labels as predictions; received {rows.sizes[0]} and {columns.sizes[0]}.")
    if num_classes is None:
        known = [h.known_elements("confusion_matrix", t, "Try giving num_classes.") for t in (rows, columns)]
        num_classes = max((int(k.max()) + 1 for k in known if k.size), default=0)
    (n,) = as_sizes(num_classes)
    for what, t in (("label", rows), ("prediction", columns)):
        valid = r.all(a.logical_and(a.less_equal(0, t), a.less(t, n)))
        check(valid, f"[confusion_matrix] a {what} is out of range. Expected 0 <= {what} < {n}.")
    ones = broadcast_to(as_tensor(1, dtype), rows.sizes) if weights is None else a.cast(reshape(as_tensor(weights), (-1,)), dtype)
    return reshape(scatter_add(rows * n + columns, ones, n * n), (n, n))
