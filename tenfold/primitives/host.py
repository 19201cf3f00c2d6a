"""Primitives that run in NumPy between kernels: running sums, searching, counting; and what has a shape that depends on data.

The latter (`nonzero`, `unique`, `boolean_mask`) needs known elements: while a function is traced it raises TraceError.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.config import config
from tenfold.core.dtypes import INTEGERS, NUMBERS, REALS, as_dtype, bool_, float32, float64, int32
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, TraceError
from tenfold.core.shapes import Size, differ, normalize_axis, product, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.arithmetic import cast, conj, constant_like, div, equal, logical_and, mul, not_equal, select
from tenfold.primitives.by_rows import WORTH
from tenfold.primitives.define import check_dtype, each, primitive, tensors
from tenfold.primitives.gather import check_indices, gather, scatter_add
from tenfold.primitives.movement import broadcast_to, reshape
from tenfold.tensor.bind import expect_same_dtype
from tenfold.tensor.tensor import Tensor, as_tensor, wrap

COMPILED = frozenset(d.numpy for d in (*INTEGERS, float32, float64))  # the types whose running sums are


def same_spec(name: str, allowed: Any) -> Callable[..., Spec]:
    """A shape rule: the result is like the input."""

    def spec(x: Spec, **attrs: Any) -> Spec:
        check_dtype(name, x, allowed)
        return x

    return spec


# --- running sums and products ---


def _running(combine: np.ufunc, start: int) -> Callable[..., Any]:
    op = "add" if combine is np.add else "mul"

    def oracle(x: Any, axis: int, exclusive: bool, reverse: bool) -> Any:
        wide = x.astype(np.float32) if x.dtype.itemsize == 2 and x.dtype.kind not in "iu" else x
        if x.size >= WORTH and wide.dtype in COMPILED and config.compile:
            running = importlib.import_module("tenfold.compiler.running").running  # small arrays do without
            return running(op, wide, axis, exclusive, reverse).astype(x.dtype, copy=False)
        result = combine.accumulate(np.flip(wide, axis) if reverse else wide, axis, dtype=wide.dtype)
        if exclusive:
            shifted = np.full_like(result, start)
            n = x.shape[axis]
            place: list[Any] = [slice(None)] * x.ndim
            source = list(place)
            place[axis], source[axis] = slice(1, None), slice(0, max(n - 1, 0))
            shifted[tuple(place)] = result[tuple(source)]
            result = shifted
        return np.ascontiguousarray(np.flip(result, axis) if reverse else result).astype(x.dtype)

    return oracle


@primitive(Kind.HOST, spec=same_spec("cumsum", NUMBERS), oracle=_running(np.add, 0), dtypes=NUMBERS, vjp=each(
    lambda g, y, x, axis, exclusive, reverse: cumsum.bare(g, axis=axis, exclusive=exclusive, reverse=not reverse)))  # fmt: skip
def cumsum(apply: Any, x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """The running sum along `axis`; `exclusive`: of the elements before each; `reverse`: from the end."""
    x = as_tensor(x)
    result: Tensor = apply(x, axis=normalize_axis("cumsum", int(axis), x.ndim), exclusive=bool(exclusive), reverse=bool(reverse))
    return result


def _cumprod_vjp(g: Tensor, y: Tensor, x: Tensor, axis: int, exclusive: bool, reverse: bool) -> Tensor:
    """Products divided by x before the first zero; at the first zero, products without it; nothing after it."""
    zero, one = constant_like(0, x), constant_like(1, x)
    is_zero = equal(x, zero)
    zeros = cumsum.bare(cast(is_zero, int32), axis=axis, exclusive=False, reverse=reverse)
    first = logical_and(is_zero, equal(zeros, constant_like(1, zeros)))
    without = cumprod.bare(select(first, one, x), axis=axis, exclusive=exclusive, reverse=reverse)

    def later(products: Tensor) -> Tensor:
        return cumsum.bare(mul(conj(products), g), axis=axis, exclusive=exclusive, reverse=not reverse)

    divided = div(later(y), conj(select(is_zero, one, x)))
    return select(equal(zeros, constant_like(0, zeros)), divided, select(first, later(without), zero))


@primitive(Kind.HOST, spec=same_spec("cumprod", NUMBERS), oracle=_running(np.multiply, 1), dtypes=NUMBERS, vjp=each(_cumprod_vjp))
def cumprod(apply: Any, x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False) -> Tensor:
    """The running product along `axis`, with the options of `cumsum`."""
    x = as_tensor(x)
    result: Tensor = apply(x, axis=normalize_axis("cumprod", int(axis), x.ndim), exclusive=bool(exclusive), reverse=bool(reverse))
    return result


# --- searching and counting ---


def _searchsorted_spec(edges: Spec, values: Spec, side: str, dtype: Any) -> Spec:
    expect_same_dtype("searchsorted", (edges, values), REALS)
    if len(edges.shape) != len(values.shape) or any(differ(a, b) for a, b in zip(edges.shape[:-1], values.shape[:-1], strict=True)):
        raise ShapeError(f"[searchsorted] all sizes but the last must agree. Received {show(edges.shape)} and {show(values.shape)}.")
    return Spec(values.shape, dtype)


def _searchsorted_oracle(edges: Any, values: Any, side: Any, dtype: Any) -> Any:
    result = np.empty(values.shape, dtype.numpy)
    for place in np.ndindex(*values.shape[:-1]):
        result[place] = np.searchsorted(edges[place], values[place], side)
    return result


@primitive(Kind.HOST, spec=_searchsorted_spec, oracle=_searchsorted_oracle, dtypes=REALS)
def searchsorted(apply: Any, edges: Any, values: Any, side: str = "left", dtype: Any = int32) -> Tensor:
    """Where each of `values` belongs in the ascending `edges`, row by row; before ("left") or after ("right") equal ones."""
    if side not in ("left", "right"):
        raise InvalidArgumentError(f"[searchsorted] side must be 'left' or 'right'; received {side!r}.")
    edges, values = tensors("searchsorted", (edges, values))
    result: Tensor = apply(edges, values, side=side, dtype=as_dtype(dtype))
    return result


def bincount(x: Any, length: Size | None = None, weights: Any = None, dtype: Any = int32) -> Tensor:
    """How often each of 0, 1, ..., length - 1 occurs in `x`, or the sum of the weights there. Without `length` it must be known: the largest + 1."""
    x = as_tensor(x)
    check_dtype("bincount", x.spec, INTEGERS)
    if length is None:
        elements = known_elements("bincount", x, "Try giving a length (minlength and maxlength).")
        length = int(elements.max()) + 1 if elements.size else 0
    flat = reshape(x, (product(x.sizes),))
    one = broadcast_to(wrap(np.ones((), as_dtype(dtype).numpy)), flat.sizes) if weights is None else reshape(as_tensor(weights), flat.sizes)
    return scatter_add(flat, one, length)


# --- shapes that depend on data ---


def known_elements(name: str, x: Tensor, remedy: str) -> Any:
    """The elements of `x`.

    Raises:
        TraceError: they are unknown, as the function is being traced.
    """
    if x._array is None:
        raise TraceError(f"[{name}] the result's shape depends on the values of {x!r}, which are unknown while the function is traced. {remedy}")
    return x._array


def nonzero(x: Any) -> Tensor:
    """The indices of the elements that are not zero (or true), one row [rank] each, in row-major order: int64 [count, rank]."""
    elements = known_elements("where", as_tensor(x), "Try tf.where(condition, a, b), or a mask of 0 and 1.")
    return wrap(np.ascontiguousarray(np.argwhere(elements), np.int64))


def boolean_mask(x: Any, mask: Any, axis: int = 0) -> Tensor:
    """The slices of `x` where `mask` is true; the mask covers as many dimensions as it has, from `axis` on."""
    x, mask = as_tensor(x), as_tensor(mask)
    if mask.dtype is not bool_:
        raise DTypeError(f"[boolean_mask] the mask must be bool; received {mask.dtype.name}. Try mask != 0.")
    at = normalize_axis("boolean_mask", int(axis), x.ndim)
    covered = x.sizes[at : at + mask.ndim]
    if mask.ndim == 0 or len(covered) != mask.ndim or any(differ(a, b) for a, b in zip(covered, mask.sizes, strict=True)):
        raise ShapeError(f"[boolean_mask] the mask does not fit. Expected the sizes of {show(x.sizes)} from dimension {at} on; "
                         f"received {show(mask.sizes)}.")  # fmt: skip
    elements = known_elements("boolean_mask", mask, "Try tf.where(mask, x, 0), or weights of 0 and 1.")
    merged = reshape(x, (*x.sizes[:at], product(covered), *x.sizes[at + mask.ndim :]))
    return gather(merged, wrap(np.flatnonzero(elements)), at)


def distinct(x: Any, dtype: Any = int32, remedy: str = "Try tf.sort, or tf.math.bincount with a length.") -> tuple[Tensor, Tensor, Tensor]:
    """Of the different rows of a matrix, in ascending order: where each is first; for each row its number among them; how often each occurs."""
    x = as_tensor(x)
    elements = known_elements("unique", x, remedy)
    _, first, inverse, counts = np.unique(elements, axis=0, return_index=True, return_inverse=True, return_counts=True)
    first_, inverse_, counts_ = (wrap(v.reshape(-1).astype(as_dtype(dtype).numpy)) for v in (first, inverse, counts))
    return first_, inverse_, counts_


def unique(x: Any, dtype: Any = int32) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct elements of a vector in the order in which they first occur; for each element its number among them; and how often each occurs."""
    x = as_tensor(x)
    if x.ndim != 1:
        raise ShapeError(f"[unique] expected one dimension; received shape {show(x.sizes)}. Try tf.reshape(x, [-1]).")
    first, inverse, counts = (v._elements() for v in distinct(x, dtype))
    order = np.argsort(first, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return gather(x, wrap(first[order])), wrap(rank[inverse].astype(inverse.dtype)), wrap(counts[order])


# --- writing at places ---


def _set_spec(x: Spec, indices: Spec, updates: Spec) -> Spec:
    check_dtype("scatter_set", indices, INTEGERS)
    if x.dtype is not updates.dtype:
        raise DTypeError(f"[scatter_set] data types differ. Received {x.dtype.name} and updates of {updates.dtype.name}. Try tf.cast.")
    expected = (*indices.shape, *x.shape[1:])
    if len(indices.shape) != 1 or len(updates.shape) != len(expected) or any(differ(a, b) for a, b in zip(updates.shape, expected, strict=True)):
        raise ShapeError(f"[scatter_set] expected updates {show(expected)} for {show(x.shape)} and indices {show(indices.shape)}; "
                         f"received {show(updates.shape)}.")  # fmt: skip
    return x


def _set_oracle(x: Any, indices: Any, updates: Any) -> Any:
    result, valid = x.copy(), (indices >= 0) & (indices < x.shape[0])
    rows, last = np.unique(indices[valid][::-1], return_index=True)  # the last of equal indices wins
    result[rows] = updates[valid][::-1][last]
    return result


def _set_vjp(wanted: Sequence[bool], g: Tensor, y: Tensor, x: Tensor, indices: Tensor, updates: Tensor) -> list[Tensor | None]:
    count = indices.sizes[0]
    kept = scatter_set.bare(g, indices, broadcast_to(constant_like(0, g), updates.sizes)) if wanted[0] else None
    if not wanted[2]:
        return [kept, None, None]
    # an update has a gradient only where it was the last one at its place
    number = cumsum(broadcast_to(wrap(np.ones((), np.int32)), (count,)), exclusive=True)
    none = broadcast_to(wrap(np.asarray(-1, np.int32)), (x.sizes[0],))
    winner = gather.bare(scatter_set.bare(none, indices, number), indices, axis=0, batch_dims=0)
    lost = reshape(not_equal(winner, number), (count, *(1,) * (x.ndim - 1)))
    return [kept, None, select(lost, constant_like(0, g), gather.bare(g, indices, axis=0, batch_dims=0))]


@primitive(Kind.HOST, spec=_set_spec, oracle=_set_oracle, dtypes=(bool_, *NUMBERS), vjp=_set_vjp)
def scatter_set(apply: Any, x: Any, indices: Any, updates: Any) -> Tensor:
    """`x` with row `indices[i]` replaced by `updates[i]`; of equal indices the last wins; rows out of range are dropped in compiled code."""
    x, indices = as_tensor(x), as_tensor(indices)
    updates = as_tensor(updates, hint=x.dtype)
    check_indices("scatter_set", indices, x.sizes[0] if x.ndim else 0)
    count = product(indices.sizes)
    result: Tensor = apply(x, reshape(indices, (count,)), reshape(updates, (count, *updates.sizes[indices.ndim :])))
    return result
