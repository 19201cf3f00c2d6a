"""`x[key]`: TensorFlow's strided slices, and index arrays and masks as in NumPy."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tenfold.core.dtypes import bool_, int64
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, TraceError, UnimplementedError
from tenfold.core.shapes import Shape, Size, Sym, broadcast, divide, function, product
from tenfold.primitives.arithmetic import add, cast, constant_like, less, less_equal, logical_and, mul, select
from tenfold.primitives.gather import (
    as_sizes,
    check_indices,
    dynamic_slice,
    dynamic_update_slice,
    gather,
    gather_adjoint,
    iota,
    known_size,
    scalar_size,
    scatter_add,
    sizes,
)
from tenfold.primitives.movement import broadcast_to, reshape, slice_
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap


class Term(NamedTuple):
    """One entry of a key. kind: "new" (a dimension of size 1), "rest" (Ellipsis), "slice", "at" (an integer), "dynamic" (a traced
    integer) or "array" (of integers)."""

    kind: str
    value: Any = None
    axes: int = 1  # how many dimensions of x it takes


Selection = tuple[int, int, Tensor]  # a dimension of x, how many dimensions from there on, and indices into them
_PLAIN = (int, slice, type(None), type(Ellipsis))
_MASK_REMEDY = "Try tf.where(mask, x, 0) or a product with tf.cast(mask, x.dtype), or call the function outside tf.function."


def getitem(x: Tensor, key: Any) -> Tensor:
    """The part of `x` that `key` names: integers, slices, Ellipsis, None, scalar tensors, masks, and integer arrays.

    Raises:
        ValueError: an integer is out of range, or there are more entries than dimensions.
    """
    entries = list(key) if isinstance(key, (tuple, list)) else [key]
    if state.trace is None and not state.tapes and all(type(e) in _PLAIN for e in entries):
        try:
            return wrap(x._array[tuple(entries)])  # type: ignore[index]
        except (IndexError, TypeError, ValueError):
            pass  # what follows finds the message
    terms = _expand([t for e in entries for t in _terms(x, e)], x.ndim)
    return _apply(x, terms)


def _terms(x: Tensor, entry: Any) -> list[Term]:
    if entry is None:
        return [Term("new", axes=0)]
    if entry is Ellipsis:
        return [Term("rest", axes=0)]
    if isinstance(entry, slice):
        return [Term("slice", entry)]
    if isinstance(entry, bool):
        raise InvalidArgumentError(f"[getitem] {entry} is no index. Expected integers, slices, None, Ellipsis, tensors or arrays.")
    if isinstance(entry, (int, np.integer, Sym)):
        return [Term("at", entry if isinstance(entry, Sym) else int(entry))]
    tensor = _index_tensor(entry)
    if tensor.dtype is bool_:
        return _mask(tensor)
    if not tensor.dtype.is_integer:
        raise DTypeError(f"[getitem] an index must be an integer or bool tensor; received {tensor.spec}. Try tf.cast(index, tf.int32).")
    if tensor.ndim:
        return [Term("array", tensor)]
    size = known_size(tensor)
    return [Term("dynamic", tensor) if size is None else Term("at", size)]


def _index_tensor(entry: Any) -> Tensor:
    if isinstance(entry, (str, bytes, float, complex, dict)):
        raise InvalidArgumentError(f"[getitem] cannot index with {entry!r}. Expected integers, slices, None, Ellipsis, tensors or arrays.")
    return as_tensor(entry, name="getitem")


def _mask(mask: Tensor) -> list[Term]:
    if mask._array is None:
        raise TraceError(f"[getitem] a mask gives a tensor whose size depends on data, which is unknown while the function is traced. {_MASK_REMEDY}")
    if mask.ndim == 0:
        raise InvalidArgumentError("[getitem] a mask must have at least one dimension; received a scalar.")
    return [Term("mask", mask._array, mask.ndim)]


def _expand(terms: list[Term], rank: int) -> list[Term]:
    """The terms with Ellipsis spelled out, so that every dimension of x has one."""
    rests = [i for i, t in enumerate(terms) if t.kind == "rest"]
    if len(rests) > 1:
        raise InvalidArgumentError("[getitem] an index can have only one Ellipsis ('...').")
    missing = rank - sum(t.axes for t in terms)
    if missing < 0:
        raise InvalidArgumentError(f"[getitem] too many indices. Expected at most {rank} for a tensor of rank {rank}; received {rank - missing}.")
    at = rests[0] if rests else len(terms)
    return [*terms[:at], *[Term("slice", slice(None))] * missing, *terms[at + 1 :]]


def _apply(x: Tensor, terms: Sequence[Term]) -> Tensor:
    begin: list[Size] = []
    size: list[Size] = []
    strides: list[int] = []
    shape: list[Size] = []  # of the result
    dynamic: dict[int, Tensor] = {}
    arrays: list[Selection] = []
    place = 0  # where in the result their dimensions go
    for term in terms:
        axis = len(begin)
        n = x.sizes[axis : axis + term.axes]
        first, count, step = _span(term.value, n[0]) if term.kind == "slice" else (0, n[0] if n else 1, 1)
        if term.kind == "new":
            shape.append(1)
            continue
        if term.kind == "at":
            first, count = _at(term.value, n[0], axis), 1
        elif term.kind == "slice":
            shape.append(count)
        elif term.kind == "dynamic":
            dynamic[axis] = _from_start(term.value, n[0])
        else:
            indices = _flat_mask(term.value, n, axis) if term.kind == "mask" else _from_start(term.value, n[0])
            place = len(shape) if not arrays else place
            arrays.append((axis, term.axes, indices))
        begin += [first, *[0] * (term.axes - 1)]
        size += [count, *n[1:]]
        strides += [step] * term.axes
    if not (all(s == 1 for s in strides) and tuple(size) == tuple(x.sizes)):
        x = slice_(x, begin, size, strides)
    if dynamic:
        x = dynamic_slice(x, [dynamic.get(i, 0) for i in range(x.ndim)], [1 if i in dynamic else n for i, n in enumerate(x.sizes)])
    if arrays:
        axis, count, indices = _joined(x.sizes, arrays)
        shape[place:place] = indices.sizes
        merged = reshape(x, (*x.sizes[:axis], product(x.sizes[axis : axis + count]), *x.sizes[axis + count :]))
        x = gather(merged, indices, axis)
    return reshape(x, shape)


def _at(i: Size, n: Size, axis: int) -> Size:
    if isinstance(i, int) and isinstance(n, int) and not -n <= i < n:
        raise InvalidArgumentError(f"[getitem] index {i} is out of range in dimension {axis}. Expected {-n} <= index < {n}.")
    return i + n if isinstance(i, int) and i < 0 else i


def _from_start(indices: Tensor, n: Size) -> Tensor:
    """The indices with negative ones counted from the end."""
    if indices.dtype.is_unsigned or (indices._array is not None and not (indices._array < 0).any()):
        return indices
    return select(less(indices, constant_like(0, indices)), add(indices, scalar_size(n, indices.dtype)), indices)


def _flat_mask(mask: Any, n: Shape, axis: int) -> Tensor:
    """Where the mask is true, counted through the dimensions that it covers in row-major order."""
    for i, (have, want) in enumerate(zip(mask.shape, n, strict=True)):
        if not isinstance(want, int) or have != want:
            raise ShapeError(f"[getitem] the mask does not fit dimension {axis + i}. "
                             f"Expected size {want if isinstance(want, int) else None}; received {have}.")  # fmt: skip
    return wrap(np.flatnonzero(mask))


def _joined(sizes: Shape, arrays: list[Selection]) -> Selection:
    """Index arrays of neighbouring dimensions as one, into these dimensions merged."""
    if len(arrays) == 1:
        return arrays[0]
    if any(axis + count != after for (axis, count, _), (after, _, _) in itertools.pairwise(arrays)):
        raise UnimplementedError("[getitem] index arrays in dimensions that are apart are not supported. Expected them side by side. "
                                 "Try tf.transpose first, or tf.gather_nd.")  # fmt: skip
    common = broadcast("getitem", *(indices.sizes for _, _, indices in arrays))
    flat, valid = None, None
    for axis, count, indices in arrays:
        limit = product(sizes[axis : axis + count])
        check_indices("getitem", indices, limit)
        wide = cast(indices, int64)
        bound, zero = scalar_size(limit, int64), constant_like(0, wide)
        inside = logical_and(less_equal(zero, wide), less(wide, bound))
        flat = wide if flat is None else add(mul(flat, bound), wide)
        valid = inside if valid is None else logical_and(valid, inside)
    joined = broadcast_to(select(valid, flat, wrap(np.asarray(-1, np.int64))), common)
    return arrays[0][0], sum(count for _, count, _ in arrays), joined


# --- slices of sizes that may be unknown ---


def _bound(value: Any) -> Size | None:
    if value is None:
        return None
    if isinstance(value, float):
        raise InvalidArgumentError(f"[getitem] slice bounds must be integers; received {value!r}.")
    size = known_size(value)
    if size is None:
        raise TraceError("[getitem] a slice bound is computed from data, so that the result's size is unknown while the function is traced. "
                         "Try tf.slice(x, begin, size) with a size that is known.")  # fmt: skip
    return size


def _nonnegative(n: Size) -> bool:
    """Whether n certainly is; unknown sizes are."""
    if isinstance(n, int):
        return n >= 0
    return all(c > 0 and all(_nonnegative_atom(atom) for atom in monomial) for monomial, c in n.terms)


def _nonnegative_atom(atom: Any) -> bool:
    if isinstance(atom, str):
        return True
    name, a, b = atom
    return (any if name == "max" else all)(_nonnegative(v) for v in (a, b))


def _larger(a: Size, b: Size) -> Size:
    gap = a - b
    if isinstance(gap, int) or _nonnegative(gap):
        return b if isinstance(gap, int) and gap < 0 else a
    return b if _nonnegative(b - a) else function("max", a, b)


def _smaller(a: Size, b: Size) -> Size:
    larger = _larger(a, b)
    return b if larger == a else a if larger == b else function("min", a, b)


def _span(key: slice, n: Size) -> tuple[Size, Size, int]:
    """(begin, size, step) of a slice of a dimension of size n."""
    start, stop = _bound(key.start), _bound(key.stop)
    step = _bound(key.step) if key.step is not None else 1
    if not isinstance(step, int) or step == 0:
        raise InvalidArgumentError(f"[getitem] a slice's step must be an integer that is not 0; received {key.step!r}.")
    if all(v is None or isinstance(v, int) for v in (start, stop)) and isinstance(n, int):
        chosen = range(n)[slice(start, stop, step)]
        return chosen.start, len(chosen), step
    first, length = _forward(start, stop, n) if step > 0 else _backward(start, stop, n)
    return first, divide(length + (abs(step) - 1), abs(step)), step


def _forward(start: Size | None, stop: Size | None, n: Size) -> tuple[Size, Size]:
    """Where a slice that goes forward begins, and over how many elements it runs."""
    if isinstance(start, int) and start < 0 and stop is None:
        return _larger(n + start, 0), _smaller(-start, n)
    first = 0 if start is None else _larger(n + start, 0) if isinstance(start, int) and start < 0 else start
    last = n if stop is None else n + stop if isinstance(stop, int) and stop < 0 else _smaller(stop, n)
    return _smaller(first, n), _larger(last - first, 0)


def _backward(start: Size | None, stop: Size | None, n: Size) -> tuple[Size, Size]:
    """The same for one that goes backward."""
    first = n - 1 if start is None else _larger(n + start, -1) if isinstance(start, int) and start < 0 else _smaller(start, n - 1)
    last = -1 if stop is None else _larger(n + stop, -1) if isinstance(stop, int) and stop < 0 else stop
    return first, _larger(first - last, 0)


__all__ = ["as_sizes", "dynamic_slice", "dynamic_update_slice", "gather", "gather_adjoint", "getitem", "iota", "scatter_add", "sizes"]
