"""Primitives that put the elements of the last dimension in order, in NumPy.

Where an element and its position fit into 64 bits together, they are sorted as one integer, whose order is that of the elements and, of equal ones,
of their positions: NumPy sorts integers in vectors, and no order needs to be stable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import REALS, bool_, int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import normalize_axis, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.by_rows import by_rows
from tenfold.primitives.define import check_dtype, each, primitive
from tenfold.primitives.gather import gather, gather_adjoint
from tenfold.primitives.host import same_spec
from tenfold.primitives.movement import transpose
from tenfold.tensor.tensor import Tensor, as_tensor

POSITION = np.int64(0xFFFFFFFF)  # the bits of a key that hold it


def _widened(x: Any) -> Any:
    """16-bit floats as float32, which has the same order."""
    return x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x


def _keys(x: Any, descending: bool) -> Any:
    """Integers in the order of the elements and then of their positions; NaN is larger than any number, and -0 equals 0."""
    if x.dtype.kind == "f":
        plain = x + np.float32(0)
        plain[np.isnan(plain)] = np.nan
        bits = plain.view(np.int32)
        keys = np.bitwise_xor(bits, (bits >> 31) & 0x7FFFFFFF, dtype=np.int64)
    else:
        keys = x.astype(np.int64) - (1 << 31 if x.dtype == np.uint32 else 0)
    if descending:
        np.invert(keys, out=keys)
    keys <<= 32
    keys |= np.arange(x.shape[-1], dtype=np.int64)
    return keys


def _leading(x: Any, count: int) -> tuple[Any, Any] | None:
    """Of rows [n, size] the elements that may be among the `count` largest, and their positions, filled up with what is less; None if they
    are many.

    The maxima of `groups` parts of a row: the count-th largest of them is one that `count` elements reach, and few more do.
    """
    groups = max(4 * count, math.isqrt(x.shape[-1]))
    depth = x.shape[-1] // groups
    if depth < 4:
        return None
    parts = x[:, : depth * groups].reshape(-1, depth, groups).max(1)
    least = np.partition(parts, groups - count, -1)[:, groups - count, None]
    where = np.flatnonzero(~(x < least))  # NaN counts as the largest; of one dimension NumPy finds them ten times as fast
    rows, places = np.divmod(where, x.shape[-1])
    counts = np.bincount(rows, minlength=len(x))
    most = int(counts.max())
    if most > 8 * count + 64:
        return None
    slots = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    values = np.full((len(x), most), -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x.dtype)
    found = np.zeros((len(x), most), np.int64)
    values[rows, slots], found[rows, slots] = x[rows, places], places
    return values, found


def _places(x: Any, descending: bool, count: int | None = None) -> Any:
    """The positions of the elements, or of the first `count`, in order; equal elements keep theirs."""
    wide = _widened(x)
    if wide.dtype.itemsize > 4:
        order = np.flip(np.argsort(np.flip(wide, -1), -1, "stable"), -1) if descending else np.argsort(wide, -1, "stable")
        return (x.shape[-1] - 1 - order if descending else order)[..., :count]
    keys = _keys(wide, descending)
    if count is not None and 0 < count < x.shape[-1]:
        keys = np.partition(keys, count - 1, -1)
    first = keys[..., :count]
    first.sort(-1)
    return first & POSITION


def _largest(x: Any, count: int) -> Any:
    """The positions of the `count` largest in rows [n, size], the largest first; of equal ones the first."""
    leading = _leading(_widened(x), count) if len(x) and count else None
    if leading is None:
        return _places(x, True, count)
    return np.take_along_axis(leading[1], _places(leading[0], True, count), -1)


def _order(x: Any, descending: bool) -> Any:
    return by_rows(lambda rows: _places(rows, descending), x, x.shape[-1:], np.int32)


def _sort_oracle(x: Any, descending: bool) -> Any:
    def ordered(rows: Any) -> Any:
        result = np.sort(_widened(rows), -1)
        return np.flip(result, -1) if descending else result

    return by_rows(ordered, x, x.shape[-1:], x.dtype)


def along_last(x: Tensor, indices: Tensor) -> Tensor:
    """Elements of the last dimension that `indices`, of the same leading sizes, names."""
    return gather(x, indices, axis=-1, batch_dims=x.ndim - 1)


def _moved(operation: Callable[[Tensor], Tensor], name: str, x: Any, axis: int) -> Tensor:
    """`operation` on the last dimension, carried out on `axis`."""
    x = as_tensor(x)
    at = normalize_axis(name, int(axis), x.ndim)
    if at == x.ndim - 1:
        return operation(x)
    swap = [*range(x.ndim)]
    swap[at], swap[-1] = swap[-1], swap[at]
    return transpose(operation(transpose(x, swap)), swap)


def _argsort_spec(x: Spec, descending: bool) -> Spec:
    check_dtype("argsort", x, (bool_, *REALS))
    if not x.shape:
        raise ShapeError("[argsort] expected at least one dimension; received a scalar.")
    return Spec(x.shape, int32)


@primitive(Kind.HOST, spec=_argsort_spec, oracle=_order, dtypes=(bool_, *REALS))
def argsort(apply: Any, x: Any, axis: int = -1, descending: bool = False) -> Tensor:
    """The positions, in order of the elements along `axis`; equal elements keep their order."""
    return _moved(lambda t: apply(t, descending=bool(descending)), "argsort", x, axis)


def _sort_vjp(g: Tensor, y: Tensor, x: Tensor, descending: bool) -> Tensor:
    order = argsort.bare(x, descending=descending)
    return along_last(g, argsort.bare(order, descending=False))


@primitive(Kind.HOST, spec=same_spec("sort", (bool_, *REALS)), oracle=_sort_oracle, dtypes=(bool_, *REALS), vjp=each(_sort_vjp))
def sort(apply: Any, x: Any, axis: int = -1, descending: bool = False) -> Tensor:
    """The elements along `axis` in order; NaN counts as the largest."""
    return _moved(lambda t: apply(t, descending=bool(descending)), "sort", x, axis)


def _top_k_spec(x: Spec, k: int) -> tuple[Spec, Spec]:
    check_dtype("top_k", x, REALS)
    if not x.shape or (isinstance(x.shape[-1], int) and k > x.shape[-1]) or k < 0:
        raise InvalidArgumentError(f"[top_k] k out of range. Expected 0 <= k <= the last size of {show(x.shape)}; received k={k}.")
    return Spec((*x.shape[:-1], k), x.dtype), Spec((*x.shape[:-1], k), int32)


def _top_k_oracle(x: Any, k: int) -> tuple[Any, Any]:
    chosen = by_rows(lambda rows: _largest(rows, k), x, (k,), np.int32)
    return np.take_along_axis(x, chosen, -1), chosen


def _top_k_vjp(wanted: Sequence[bool], gs: Any, ys: Any, x: Tensor, k: int) -> list[Tensor | None]:
    return [gather_adjoint(gs[0], ys[1], x.sizes, x.ndim - 1, x.ndim - 1) if wanted[0] else None]


@primitive(Kind.HOST, spec=_top_k_spec, oracle=_top_k_oracle, dtypes=REALS, vjp=_top_k_vjp)
def top_k(apply: Any, x: Any, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k largest elements of the last dimension, in descending order, and their positions; of equal ones the first."""
    result: tuple[Tensor, Tensor] = apply(as_tensor(x), k=int(k))
    return result
