"""Functions that read, write or choose elements at given places: gather, scatter, where, boolean_mask."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from tenfold.core.dtypes import bool_, int32
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, TraceError
from tenfold.core.shapes import differ, normalize_axis, product, show
from tenfold.ops.shaping import integers
from tenfold.primitives import arithmetic as a
from tenfold.primitives import reduction as r
from tenfold.primitives.gather import as_sizes, check_indices, iota, scalar_size, scatter_add
from tenfold.primitives.gather import gather as gather_
from tenfold.primitives.host import boolean_mask as boolean_mask_
from tenfold.primitives.host import nonzero, scatter_set
from tenfold.primitives.host import unique as unique_
from tenfold.primitives.indexing import getitem
from tenfold.primitives.movement import broadcast_to, concat, expand_dims, reshape, transpose
from tenfold.tensor.tensor import Tensor, as_tensor


def gather(params: Any, indices: Any, validate_indices: Any = None, axis: Any = None, batch_dims: int = 0, name: str | None = None) -> Tensor:
    """The slices of `params` along `axis` that `indices` names.

    Args:
        params: what to read from.
        indices: integers of any shape; their dimensions take the place of `axis`.
        validate_indices: accepted and not used.
        axis: default: the first after the batch dimensions.
        batch_dims: how many leading dimensions `params` and `indices` share.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf
        >>> tf.gather([10, 20, 30], [2, 0]).numpy()
        array([30, 10], dtype=int32)

    Raises:
        ValueError: an index is out of range (outside compiled functions; inside, it reads zeros).
    """
    x, places = as_tensor(params, name="gather"), as_tensor(indices, name="gather")
    batch = batch_dims + places.ndim if batch_dims < 0 else batch_dims
    at = batch if axis is None else integers("gather", axis)[0]
    result: Tensor = gather_(x, places, at, batch, sparse=True)
    return result


def embedding_lookup(params: Any, ids: Any, max_norm: float | None = None, name: str | None = None) -> Tensor:
    """The rows of the table `params` that `ids` names, scaled to a norm of at most `max_norm`.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.embedding_lookup([[1.0, 2.0], [3.0, 4.0]], [1]).numpy()
        array([[3., 4.]], dtype=float32)
    """
    if isinstance(params, (list, tuple)) and len(params) == 1 and getattr(params[0], "ndim", 0) > 1:
        params = params[0]
    rows = gather(params, ids)
    if max_norm is None:
        return rows
    axes = list(builtins.range(as_tensor(ids).ndim, rows.ndim))
    squared = r.sum(rows * rows, axes, True)
    limit = max_norm * max_norm
    return rows * a.pow(limit / a.maximum(squared, limit), 0.5)


def _flat_places(name: str, indices: Tensor, shape: tuple[Any, ...]) -> Tensor:
    """Index tuples in the last dimension as positions in the row-major order of `shape`; -1 where one is out of range."""
    depth = len(shape)
    parts = [getitem(indices, (..., i)) for i in builtins.range(depth)]
    total: Any = r.sum(indices, -1) if depth == 0 else None  # the sum of no indices: zeros
    inside: Any = None
    for part, n in zip(parts, shape, strict=True):
        check_indices(name, part, n)
        limit = scalar_size(n, indices.dtype)
        total = part if total is None else total * limit + part
        valid = a.logical_and(a.less_equal(0, part), a.less(part, limit))
        inside = valid if inside is None else a.logical_and(inside, valid)
    if inside is None or indices._array is not None:
        return total
    return a.select(inside, total, -1)


def _places(name: str, indices: Any) -> Tensor:
    found = as_tensor(indices, name=name)
    if not found.dtype.is_integer:
        raise DTypeError(f"[{name}] expected integer indices; received {found.dtype.name}.")
    if found.ndim == 0:
        raise ShapeError(f"[{name}] expected indices of rank 1 or more, whose last dimension holds one index; received a scalar.")
    if found.dtype.is_unsigned or found.dtype.size < 4:
        found = a.cast(found, int32)
    return found


def _depth(name: str, indices: Tensor, rank: int) -> int:
    depth = indices.sizes[-1]
    if not isinstance(depth, int) or depth > rank:
        raise ShapeError(f"[{name}] the last dimension of the indices holds one index per dimension. Expected at most {rank}; received {depth}.")
    return depth


def gather_nd(params: Any, indices: Any, batch_dims: int = 0, name: str | None = None, bad_indices_policy: str = "") -> Tensor:
    """Elements or slices of `params` at index tuples, which stand in the last dimension of `indices`.

    Example:
        >>> import tenfold as tf
        >>> tf.gather_nd([[1, 2], [3, 4]], [[0, 0], [1, 1]]).numpy()
        array([1, 4], dtype=int32)
    """
    x, places = as_tensor(params), _places("gather_nd", indices)
    b = int(batch_dims)
    if b:
        x, places = _with_batch_index(x, places, b)
        return gather_nd(x, places)
    depth = _depth("gather_nd", places, x.ndim)
    rows = reshape(x, (product(x.sizes[:depth]), *x.sizes[depth:]))
    return gather_(rows, _flat_places("gather_nd", places, x.sizes[:depth]))


def _with_batch_index(x: Tensor, indices: Tensor, batch_dims: int) -> tuple[Tensor, Tensor]:
    """The same lookup with the batch as one dimension, and its number as the first index."""
    n = product(x.sizes[:batch_dims])
    flat = reshape(indices, (n, *indices.sizes[batch_dims:]))
    number = reshape(iota(n, flat.dtype), (n, *(1,) * (flat.ndim - 1)))
    number = broadcast_to(number, (*flat.sizes[:-1], 1))
    joined = concat([number, flat], -1)
    return reshape(x, (n, *x.sizes[batch_dims:])), reshape(joined, (*indices.sizes[:-1], joined.sizes[-1]))


def scatter_nd(indices: Any, updates: Any, shape: Any, name: str | None = None) -> Tensor:
    """Zeros of `shape` to which `updates` are added at index tuples, which stand in the last dimension of `indices`.

    Example:
        >>> import tenfold as tf
        >>> tf.scatter_nd([[1], [3], [1]], [5, 6, 7], [4]).numpy()
        array([ 0, 12,  0,  6], dtype=int32)
    """
    places, values = _places("scatter_nd", indices), as_tensor(updates)
    wanted = as_sizes(shape)
    depth = _depth("scatter_nd", places, len(wanted))
    expected = (*places.sizes[:-1], *wanted[depth:])
    if values.ndim != len(expected) or builtins.any(differ(m, n) for m, n in zip(values.sizes, expected, strict=True)):
        raise ShapeError(f"[scatter_nd] expected updates of shape {show(expected)} for shape {show(wanted)}; received {values.shape}.")
    flat = _flat_places("scatter_nd", places, wanted[:depth])
    return reshape(scatter_add(flat, values, product(wanted[:depth])), wanted)


def tensor_scatter_nd_add(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """`tensor` with `updates` added at index tuples.

    Example:
        >>> import tenfold as tf
        >>> tf.tensor_scatter_nd_add([1, 1, 1], [[0], [0]], [5, 6]).numpy()
        array([12,  1,  1], dtype=int32)
    """
    x = as_tensor(tensor)
    return x + scatter_nd(indices, as_tensor(updates, hint=x.dtype), x.sizes)


def tensor_scatter_nd_sub(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """`tensor` with `updates` subtracted at index tuples.

    Example:
        >>> import tenfold as tf
        >>> tf.tensor_scatter_nd_sub([1, 1, 1], [[0]], [5]).numpy()
        array([-4,  1,  1], dtype=int32)
    """
    x = as_tensor(tensor)
    return x - scatter_nd(indices, as_tensor(updates, hint=x.dtype), x.sizes)


def tensor_scatter_nd_update(tensor: Any, indices: Any, updates: Any, name: str | None = None) -> Tensor:
    """`tensor` with `updates` in place of what was at the index tuples; of several at one place, the last stays.

    Example:
        >>> import tenfold as tf
        >>> tf.tensor_scatter_nd_update([1, 1, 1], [[2]], [5]).numpy()
        array([1, 1, 5], dtype=int32)
    """
    x, places = as_tensor(tensor), _places("tensor_scatter_nd_update", indices)
    values = as_tensor(updates, hint=x.dtype)
    depth = _depth("tensor_scatter_nd_update", places, x.ndim)
    expected = (*places.sizes[:-1], *x.sizes[depth:])
    values = broadcast_to(values, expected)
    rows = reshape(x, (product(x.sizes[:depth]), *x.sizes[depth:]))
    return reshape(scatter_set(rows, _flat_places("tensor_scatter_nd_update", places, x.sizes[:depth]), values), x.sizes)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """`x` where `condition`, else `y`; with the condition alone, the index tuples of its true elements.

    Example:
        >>> import tenfold as tf
        >>> tf.where([True, False], [1, 2], [3, 4]).numpy()
        array([1, 4], dtype=int32)
        >>> tf.where([True, False, True]).numpy().tolist()
        [[0], [2]]
    """
    condition = as_tensor(condition, name="where")
    if (x is None) != (y is None):
        raise InvalidArgumentError("[where] x and y must both be given, or neither.")
    if x is not None:
        return a.select(condition, x, y)
    return nonzero(condition)


def boolean_mask(tensor: Any, mask: Any, axis: Any = None, name: str | None = "boolean_mask") -> Tensor:
    """The elements or slices of `tensor` where `mask` is true.

    Example:
        >>> import tenfold as tf
        >>> tf.boolean_mask([1, 2, 3], [True, False, True]).numpy()
        array([1, 3], dtype=int32)
    """
    at = 0 if axis is None else integers("boolean_mask", axis)[0]
    return boolean_mask_(tensor, mask, at)


def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = bool_, name: str | None = None) -> Tensor:
    """A row of `maxlen` values for each length: true for the first ones, then false.

    Example:
        >>> import tenfold as tf
        >>> tf.sequence_mask([1, 3], 3).numpy().tolist()
        [[True, False, False], [True, True, True]]
    """
    counts = as_tensor(lengths, name="sequence_mask")
    if maxlen is None:
        if counts._array is None:
            raise TraceError("[sequence_mask] maxlen must be given while the function is traced, because it decides the result's shape.")
        maxlen = int(counts._array.max(initial=0))
    (n,) = as_sizes([maxlen])
    return a.cast(a.less(iota(n, counts.dtype), expand_dims(counts, -1)), dtype)


def reverse_sequence(input: Any, seq_lengths: Any, seq_axis: int | None = None, batch_axis: int | None = None, name: str | None = None) -> Tensor:
    """The first `seq_lengths[i]` elements along `seq_axis` of each batch element i backwards, the rest as it is.

    Example:
        >>> import tenfold as tf
        >>> tf.reverse_sequence([[1, 2, 3], [4, 5, 6]], [2, 3], seq_axis=1).numpy().tolist()
        [[2, 1, 3], [6, 5, 4]]
    """
    x, lengths = as_tensor(input), as_tensor(seq_lengths)
    batch = normalize_axis("reverse_sequence", batch_axis or 0, x.ndim)
    axis = normalize_axis("reverse_sequence", 0 if seq_axis is None else seq_axis, x.ndim)
    order = [batch, axis, *(i for i in builtins.range(x.ndim) if i not in (batch, axis))]
    y = transpose(x, order)
    position = iota(y.sizes[1], lengths.dtype)
    counts: Any = expand_dims(lengths, 1)
    places = a.select(a.less(position, counts), counts - 1 - position, position)
    return transpose(gather_(y, places, 1, 1), [int(i) for i in np.argsort(order)])


def invert_permutation(x: Any, name: str | None = None) -> Tensor:
    """The permutation that undoes `x`.

    Example:
        >>> import tenfold as tf
        >>> tf.math.invert_permutation([2, 0, 1]).numpy()
        array([1, 2, 0], dtype=int32)
    """
    places = as_tensor(x)
    return scatter_add(places, iota(places.sizes[0], places.dtype), places.sizes[0])


def unique_with_counts(x: Any, out_idx: Any = int32, name: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct elements in order of first appearance, where each element is among them, and how often each occurs.

    Example:
        >>> import tenfold as tf
        >>> [t.numpy().tolist() for t in tf.unique_with_counts([3, 1, 3])]
        [[3, 1], [0, 1, 0], [2, 1]]
    """
    return unique_(x, out_idx)


def unique(x: Any, out_idx: Any = int32, name: str | None = None) -> tuple[Tensor, Tensor]:
    """The distinct elements in order of first appearance, and where each element is among them.

    Example:
        >>> import tenfold as tf
        >>> values, places = tf.unique([3, 1, 3])
        >>> values.numpy().tolist(), places.numpy().tolist()
        ([3, 1], [0, 1, 0])
    """
    values, places, _ = unique_with_counts(x, out_idx)
    return values, places
