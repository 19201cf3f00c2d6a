"""Primitives that read or write at computed places, and sources that need no input.

A `Kind.SCATTER` primitive `(indices, updates, rows)` has indices of shape [n] and updates [n, columns...]; its result [rows, columns...]
starts as zeros, and then for r = 0, 1, ..., n - 1, in this order, `result[indices[r], c] += updates[r, c]` wherever
`0 <= indices[r] < rows`; other rows are dropped. `lower` names the combining instruction ("sum"). One with `(x, indices, updates)` starts
as `x`; with `lower="last"` and without updates r + 1 replaces what was there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import ALL, BY_NUMPY, INTEGERS, NUMBERS, DType, as_dtype, float32, int32, int64
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, TraceError
from tenfold.core.shapes import Shape, Size, Sym, TensorShape, differ, normalize_axis, product, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr
from tenfold.primitives.arithmetic import add, cast, constant_like, less, less_equal, logical_and, mul, select
from tenfold.primitives.define import check_dtype, check_sizes, each, primitive
from tenfold.primitives.movement import broadcast_to, reshape, transpose
from tenfold.tensor.tensor import Tensor, as_tensor, wrap


def _iota_spec(size: Size, dtype: DType) -> Spec:
    check_sizes("range", (size,))
    return Spec((size,), dtype)


@primitive(Kind.INDEXED, spec=_iota_spec, oracle=lambda size, dtype: np.arange(size).astype(dtype.numpy),
           lower=lambda k, index, size, dtype: loops.cast(index[0], dtype), dtypes=(*NUMBERS,))  # fmt: skip
def iota(apply: Any, size: Size, dtype: Any = int32) -> Tensor:
    """0, 1, 2, ..., size - 1."""
    result: Tensor = apply(size=size, dtype=as_dtype(dtype))
    return result


def _sizes_lower(k: Any, index: list[Expr], sizes: Shape, dtype: DType) -> Expr:
    result = k.int(sizes[0]) if sizes else loops.const(0, int64)
    for i, n in enumerate(sizes[1:], 1):
        result = loops.select(loops.binary("eq", index[0], i), k.int(n), result)
    return loops.cast(result, dtype)


@primitive(Kind.INDEXED, spec=lambda sizes, dtype: Spec((len(sizes),), dtype), oracle=lambda sizes, dtype: np.array(sizes, dtype.numpy),
           lower=_sizes_lower, dtypes=(int32, int64))  # fmt: skip
def sizes(apply: Any, sizes: Sequence[Size], dtype: Any = int32) -> Tensor:
    """The given sizes as a tensor of one dimension; while tracing they may be unknown, and shapes can be computed with them."""
    want, values = as_dtype(dtype), tuple(sizes)
    if not any(isinstance(n, Sym) for n in values):
        return wrap(np.array(values, want.numpy))
    result: Tensor = apply(sizes=values, dtype=want)
    result._known = np.array(values, object)
    return result


def scalar_size(n: Size, like: DType) -> Tensor:
    """One size as a scalar tensor."""
    return reshape(sizes((n,), like), ()) if isinstance(n, Sym) else wrap(np.asarray(n, like.numpy))


def known_size(value: Any) -> Size | None:
    """The size that an integer or a scalar tensor stands for; None for a traced tensor that stands for data."""
    if isinstance(value, (Sym, int, np.integer)):
        return value if isinstance(value, Sym) else int(value)
    tensor = as_tensor(value)
    found = tensor._known if tensor._array is None else tensor._array
    if found is None:
        return None
    if found.size != 1 or not tensor.dtype.is_integer:
        raise InvalidArgumentError(f"[shape] expected an integer or an integer scalar tensor; received {value!r}.")
    n = found.reshape(-1)[0]
    return n if isinstance(n, Sym) else int(n)


def as_sizes(shape: Any) -> Shape:
    """The sizes that `shape` names: an integer, a TensorShape, a list of integers and scalar tensors, or a tensor.

    Raises:
        ValueError: a size is None. TraceError: a size is computed from data, so that the shape cannot be known while tracing.
    """
    if isinstance(shape, (int, np.integer, Sym)):
        return (shape if isinstance(shape, Sym) else int(shape),)
    if isinstance(shape, TensorShape) and not shape.is_fully_defined():
        raise ShapeError(f"[shape] some sizes are unknown: {shape}. Try tf.shape(x), whose elements can be used as sizes.")
    parts = shape if isinstance(shape, (list, tuple)) else _elements_of(shape)
    result = []
    for part in parts:
        if part is None:
            raise ShapeError(f"[shape] a size is None in {tuple(parts)}. Try tf.shape(x)[i] for sizes that are unknown.")
        n = known_size(part)
        if n is None:
            raise TraceError(f"[shape] a size depends on the values of {part!r}, which are unknown while the function is traced. "
                             "Try sizes from tf.shape(x) or x.shape.")  # fmt: skip
        result.append(n)
    return tuple(result)


def _elements_of(shape: Any) -> Sequence[Any]:
    tensor = as_tensor(shape)
    if not tensor.dtype.is_integer and tensor.sizes != (0,):
        raise DTypeError(f"[shape] sizes must be integers; received {tensor.spec}.")
    if tensor.ndim > 1:
        raise ShapeError(f"[shape] expected a tensor of one dimension; received {tensor.spec}.")
    found = tensor._known if tensor._array is None else tensor._array
    if found is None:
        raise TraceError(f"[shape] the shape {tensor!r} is computed from data, which is unknown while the function is traced. "
                         "Try sizes from tf.shape(x) or x.shape.")  # fmt: skip
    return list(found.reshape(-1))


# --- gather and its adjoint ---


def _gather_spec(x: Spec, indices: Spec, axis: int, batch_dims: int, sparse: bool = False) -> Spec:
    check_dtype("gather", indices, INTEGERS)
    batch = zip(x.shape[:batch_dims], indices.shape[:batch_dims], strict=False)
    if len(indices.shape) < batch_dims or any(differ(a, b) for a, b in batch):
        raise ShapeError(f"[gather] the first {batch_dims} sizes of the indices must be those of the values. "
                         f"Received values {show(x.shape)} and indices {show(indices.shape)}.")  # fmt: skip
    return Spec((*x.shape[:axis], *indices.shape[batch_dims:], *x.shape[axis + 1 :]), x.dtype)


def _gather_oracle(x: Any, indices: Any, axis: int, batch_dims: int, sparse: bool = False) -> Any:
    n = x.shape[axis]
    valid = (indices >= 0) & (indices < n)
    everywhere = bool(valid.all())
    safe = indices if everywhere else np.where(valid, indices, 0).astype(indices.dtype)
    if n == 0:
        return np.full((*x.shape[:axis], *indices.shape[batch_dims:], *x.shape[axis + 1 :]), BY_NUMPY[x.dtype].zero, x.dtype)
    if batch_dims == 0:
        result = np.take(x, safe, axis)
    else:
        grid = np.ogrid[tuple(slice(n) for n in x.shape[:axis])]
        rest = indices.ndim - batch_dims
        lead = [g.reshape(g.shape + (1,) * rest) for g in grid]
        at = safe.reshape(safe.shape[:batch_dims] + (1,) * (axis - batch_dims) + safe.shape[batch_dims:])
        result = x[(*lead, at)]
    if everywhere:
        return result
    mask = valid.reshape(valid.shape[:batch_dims] + (1,) * (axis - batch_dims) + valid.shape[batch_dims:] + (1,) * (x.ndim - axis - 1))
    return np.where(mask, result, np.full((), BY_NUMPY[x.dtype].zero, x.dtype))


def _gather_lower(k: Any, index: list[Expr], axis: int, batch_dims: int, sparse: bool = False) -> Expr:
    inner = len(k.sizes(1)) - batch_dims
    lead, middle, tail = index[:axis], index[axis : axis + inner], index[axis + inner :]
    position = loops.cast(k.read(1, [*lead[:batch_dims], *middle]), int64)
    inside = (position >= 0) & (position < k.shape(0)[axis])
    return k.read(0, [*lead, position, *tail], inside)


def _gather_vjp(g: Tensor, y: Tensor, x: Tensor, indices: Tensor, axis: int, batch_dims: int, sparse: bool = False) -> Tensor:
    return gather_adjoint(g, indices, x.sizes, axis, batch_dims)


@primitive(Kind.INDEXED, spec=_gather_spec, oracle=_gather_oracle, lower=_gather_lower, dtypes=ALL, vjp=each(_gather_vjp, None))
def gather(apply: Any, x: Any, indices: Any, axis: int = 0, batch_dims: int = 0, sparse: bool = False) -> Tensor:
    """The slices of `x` along `axis` that `indices` names. In compiled code an index out of range reads zeros.

    `sparse` says that the gradient by `x` may be IndexedSlices, where rows are gathered.

    Raises:
        ValueError: an index is out of range (where the indices are known).
    """
    x, indices = as_tensor(x), as_tensor(indices)
    if x.ndim == 0:
        raise ShapeError("[gather] expected at least one dimension to gather from; received a scalar.")
    at = normalize_axis("gather", int(axis), x.ndim)
    batch = int(batch_dims) + (indices.ndim if batch_dims < 0 else 0)
    if not 0 <= batch <= min(at, indices.ndim):
        raise InvalidArgumentError(f"[gather] batch_dims out of range. Expected 0 <= batch_dims <= {min(at, indices.ndim)} for axis={at} and "
                                   f"indices of rank {indices.ndim}; received batch_dims={batch_dims}.")  # fmt: skip
    check_indices("gather", indices, x.sizes[at])
    mark = {"sparse": True} if sparse and at == batch == 0 else {}
    result: Tensor = apply(x, indices, axis=at, batch_dims=batch, **mark)
    return result


def check_indices(name: str, indices: Tensor, limit: Size) -> None:
    """Raises InvalidArgumentError if an index is known and not in 0 <= index < limit."""
    known = indices._array
    if known is None or known.size == 0 or known.dtype.kind not in "iu" or not isinstance(limit, int):
        return
    low, high = int(known.min()), int(known.max())
    if low < 0 or high >= limit:
        raise InvalidArgumentError(f"[{name}] an index is out of range. Expected 0 <= index < {limit}; received {low if low < 0 else high}.")


def gather_adjoint(g: Tensor, indices: Tensor, shape: Shape, axis: int = 0, batch_dims: int = 0) -> Tensor:
    """A tensor of `shape` into which the slices `g` are added at the places that gather read them from."""
    inner, rank, b = indices.ndim - batch_dims, len(shape), batch_dims
    # to [batch, gathered, lead, tail], so that batch and gathered dimensions become rows
    order = [*range(b), *range(axis, axis + inner), *range(b, axis), *range(axis + inner, g.ndim)]
    columns = (*shape[b:axis], *shape[axis + 1 :])
    rows = product(shape[:b]) * shape[axis]
    flat = _batched_rows(indices, shape[axis], b)
    count = product(indices.sizes)
    updates = reshape(transpose(g, order), (count, *columns))
    summed = reshape(scatter_add(reshape(flat, (count,)), updates, rows), (*shape[:b], shape[axis], *columns))
    back = [*range(b), *range(b + 1, axis + 1), b, *range(axis + 1, rank)]
    return transpose(summed, back)


def _batched_rows(indices: Tensor, n: Size, batch_dims: int) -> Tensor:
    """Row numbers for indices that count from the start of their own batch; -1 where they are out of range."""
    if batch_dims == 0:
        return indices
    wide = cast(indices, int64)
    batch = product(indices.sizes[:batch_dims])
    number = reshape(iota(batch, int64), (*indices.sizes[:batch_dims], *(1,) * (indices.ndim - batch_dims)))
    limit, zero = scalar_size(n, int64), constant_like(0, wide)
    valid = logical_and(less_equal(zero, wide), less(wide, limit))
    return select(valid, add(wide, mul(number, limit)), constant_like(-1, wide))


def _scatter_spec(indices: Spec, updates: Spec, rows: Size) -> Spec:
    check_dtype("scatter_add", indices, INTEGERS)
    if len(indices.shape) != 1 or not updates.shape or differ(indices.shape[0], updates.shape[0]):
        raise ShapeError(f"[scatter_add] expected one row of updates per index; "
                         f"received indices {show(indices.shape)} and updates {show(updates.shape)}.")  # fmt: skip
    check_dtype("scatter_add", updates, NUMBERS)
    check_sizes("scatter_add", (rows,))
    return Spec((rows, *updates.shape[1:]), updates.dtype)


def _scatter_oracle(indices: Any, updates: Any, rows: int) -> Any:
    result = np.zeros((rows, *updates.shape[1:]), updates.dtype)
    valid = (indices >= 0) & (indices < rows)
    if not valid.all():
        indices, updates = indices[valid], updates[valid]
    np.add.at(result, indices, updates)
    return result


@primitive(Kind.SCATTER, spec=_scatter_spec, oracle=_scatter_oracle, lower="sum", dtypes=NUMBERS,
           vjp=each(None, lambda g, y, indices, updates, rows: gather.bare(g, indices, axis=0, batch_dims=0)))  # fmt: skip
def scatter_add(apply: Any, indices: Any, updates: Any, rows: Size) -> Tensor:
    """A tensor of `rows` rows to which `updates[i]` is added at row `indices[i]`; rows out of range are dropped.

    Half precision is accumulated in float32.
    """
    indices, updates = as_tensor(indices), as_tensor(updates)
    flat = reshape(updates, (product(indices.sizes), *updates.sizes[indices.ndim :]))
    rows_at = reshape(indices, (product(indices.sizes),))
    if updates.dtype.is_floating and updates.dtype.size == 2:
        return cast(apply(rows_at, cast(flat, float32), rows=rows), updates.dtype)
    result: Tensor = apply(rows_at, flat, rows=rows)
    return result


def _owners_spec(indices: Spec, rows: Size) -> Spec:
    check_dtype("row_owners", indices, INTEGERS)
    return Spec((rows,), int32)


def _owners_oracle(indices: Any, rows: int) -> Any:
    result = np.zeros(rows, np.int32)
    at = np.flatnonzero((indices >= 0) & (indices < rows))
    result[indices[at]] = at + 1
    return result


@primitive(Kind.SCATTER, spec=_owners_spec, oracle=_owners_oracle, lower="last")
def row_owners(apply: Any, indices: Any, rows: Size) -> Tensor:
    """For each of `rows` rows 1 + the last position in `indices` that names it; 0 where none does."""
    result: Tensor = apply(as_tensor(indices), rows=rows)
    return result


def zeros(shape: Shape, dtype: DType) -> Tensor:
    """Zeros."""
    return broadcast_to(wrap(np.zeros((), dtype.numpy)), shape)


# --- slices at computed places ---


def _starts(name: str, starts: Any, rank: int) -> list[Any]:
    if not isinstance(starts, (list, tuple)):
        tensor = as_tensor(starts)
        starts = [reshape(_element(tensor, i), ()) for i in range(rank)] if tensor.sizes == (rank,) else [tensor]
    if len(starts) != rank:
        raise ShapeError(f"[{name}] expected one start per dimension, {rank} in all; received {len(starts)}.")
    return list(starts)


def _element(vector: Tensor, i: int) -> Tensor:
    return gather(vector, wrap(np.array([i], np.int32)))


def _dynamic_axes(starts: Sequence[Any], full: Sequence[bool]) -> tuple[tuple[int, ...], list[Tensor]]:
    """The dimensions whose start must be read (elsewhere it is 0), and these starts."""
    axes = [i for i, (s, whole) in enumerate(zip(starts, full, strict=True)) if not whole and not (isinstance(s, int) and s == 0)]
    return tuple(axes), [as_tensor(starts[i]) for i in axes]


def _check_starts(name: str, starts: tuple[Spec, ...]) -> None:
    for s in starts:
        check_dtype(name, s, INTEGERS)
        if s.shape != ():
            raise ShapeError(f"[{name}] a start must be a scalar; received {s}.")


def _clamped(k: Any, number: int, n: Expr, size: Expr) -> Expr:
    start = loops.cast(k.read(number, []), int64)
    return loops.binary("max", loops.binary("min", start, n - size), 0)


def _clamp(start: Any, n: int, size: int) -> int:
    return max(min(int(start), n - size), 0)


def _dynamic_slice_spec(x: Spec, *starts: Spec, axes: tuple[int, ...], sizes: Shape) -> Spec:
    _check_starts("dynamic_slice", starts)
    for n, s in zip(x.shape, sizes, strict=True):
        if isinstance(n, int) and isinstance(s, int) and not 0 <= s <= n:
            raise ShapeError(f"[dynamic_slice] sizes exceed the tensor. Expected at most {show(x.shape)}; received {show(sizes)}.")
    return Spec(sizes, x.dtype)


def _places(shape: Any, sizes: Any, starts: Any, axes: Any) -> tuple[slice, ...]:
    begin = [0] * len(shape)
    for axis, start in zip(axes, starts, strict=True):
        begin[axis] = _clamp(start, shape[axis], sizes[axis])
    return tuple(slice(b, b + s) for b, s in zip(begin, sizes, strict=True))


def _dynamic_slice_lower(k: Any, index: list[Expr], axes: tuple[int, ...], sizes: Shape) -> Expr:
    place = list(index)
    for number, axis in enumerate(axes, 1):
        place[axis] = index[axis] + _clamped(k, number, k.shape(0)[axis], k.int(sizes[axis]))
    return k.read(0, place)


def _dynamic_slice_vjp(wanted: Sequence[bool], g: Tensor, y: Tensor, x: Tensor, *starts: Tensor, axes: tuple[int, ...], sizes: Shape) -> list[Any]:
    back = dynamic_update_slice.bare(zeros(x.sizes, x.dtype), g, *starts, axes=axes) if wanted[0] else None
    return [back, *[None] * len(starts)]


@primitive(Kind.INDEXED, spec=_dynamic_slice_spec, oracle=lambda x, *starts, axes, sizes: x[_places(x.shape, sizes, starts, axes)],
           lower=_dynamic_slice_lower, dtypes=ALL, vjp=_dynamic_slice_vjp)  # fmt: skip
def dynamic_slice(apply: Any, x: Any, starts: Any, sizes: Sequence[Size]) -> Tensor:
    """`sizes` elements of each dimension from computed `starts` on; a start that leaves too few elements is moved."""
    x = as_tensor(x)
    wanted = as_sizes(sizes)
    axes, given = _dynamic_axes(_starts("dynamic_slice", starts, x.ndim), [a == b for a, b in zip(wanted, x.sizes, strict=True)])
    result: Tensor = apply(x, *given, axes=axes, sizes=wanted)
    return result


def _update_spec(x: Spec, update: Spec, *starts: Spec, axes: tuple[int, ...]) -> Spec:
    _check_starts("dynamic_update_slice", starts)
    if x.dtype is not update.dtype:
        raise DTypeError(f"[dynamic_update_slice] data types differ. Received {x.dtype.name} and {update.dtype.name}. Try tf.cast.")
    pairs = list(zip(x.shape, update.shape, strict=False))
    if len(x.shape) != len(update.shape) or any(isinstance(n, int) and isinstance(s, int) and s > n for n, s in pairs):
        raise ShapeError(f"[dynamic_update_slice] the update does not fit. Expected at most {show(x.shape)}; received {show(update.shape)}.")
    return x


def _update_oracle(x: Any, update: Any, *starts: Any, axes: tuple[int, ...]) -> Any:
    result = x.copy()
    result[_places(x.shape, update.shape, starts, axes)] = update
    return result


def _update_lower(k: Any, index: list[Expr], axes: tuple[int, ...]) -> Expr:
    place, inside = list(index), None
    for axis, (n, s) in enumerate(zip(k.sizes(0), k.sizes(1), strict=True)):
        if axis in axes:
            place[axis] = index[axis] - _clamped(k, 2 + axes.index(axis), k.shape(0)[axis], k.shape(1)[axis])
        if axis in axes or n != s:
            test = place[axis] < k.shape(1)[axis]
            test = test & (place[axis] >= 0) if axis in axes else test
            inside = test if inside is None else inside & test
        if n != s and axis not in axes:
            place[axis] = index[axis] - 0
    if inside is None:
        return k.read(1, index)
    return loops.select(inside, k.read(1, place, inside), k.read(0, index))


def _update_vjp(wanted: Sequence[bool], g: Tensor, y: Tensor, x: Tensor, update: Tensor, *starts: Tensor, axes: tuple[int, ...]) -> list[Any]:
    back = dynamic_update_slice.bare(g, zeros(update.sizes, g.dtype), *starts, axes=axes) if wanted[0] else None
    new = dynamic_slice.bare(g, *starts, axes=axes, sizes=update.sizes) if wanted[1] else None
    return [back, new, *[None] * len(starts)]


@primitive(Kind.INDEXED, spec=_update_spec, oracle=_update_oracle, lower=_update_lower, dtypes=ALL, vjp=_update_vjp)
def dynamic_update_slice(apply: Any, x: Any, update: Any, starts: Any) -> Tensor:
    """`x` with `update` in place of the elements from computed `starts` on; a start that leaves too little room is moved."""
    x, update = as_tensor(x), as_tensor(update)
    same = [a == b for a, b in zip(x.sizes, update.sizes, strict=False)]
    axes, given = _dynamic_axes(_starts("dynamic_update_slice", starts, x.ndim), same if x.ndim == update.ndim else [False] * x.ndim)
    result: Tensor = apply(x, update, *given, axes=axes)
    return result
