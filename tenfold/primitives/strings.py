"""Primitives on strings, and on rows of different lengths. All of them run in Python: a compiled function calls them between its programs.

Rows of different lengths are two tensors: the `values` of all rows one after the other, and `splits`, where each row begins, and the last one ends.
How many values there are only the data know: the count is an unknown size, which is known as soon as the operation has run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype, int64, string
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.core.shapes import Size, Sym, broadcast, show
from tenfold.core.strings import array_of
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.define import primitive
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor

Row = list[Any]


def unknown(name: str) -> Size:
    """A size that only the data know: while a function is traced, an unknown one; else it does not matter."""
    return Sym.fresh(name) if state.trace is not None else 0


def _array(elements: Sequence[Any], shape: Any, dtype: DType) -> Any:
    return array_of(elements, shape) if dtype is string else np.array(elements, dtype.numpy).reshape(shape)


# --- element by element ---
def _each_oracle(*xs: Any, function: Callable[..., Any], dtype: DType) -> Any:
    if len(xs) == 1:
        elements = xs[0].ravel().tolist()
        many = getattr(function, "many", None)
        return _array([function(e) for e in elements] if many is None else many(elements), xs[0].shape, dtype)
    rows = np.broadcast_arrays(*xs)
    return _array([function(*e) for e in zip(*(a.ravel().tolist() for a in rows), strict=True)], rows[0].shape, dtype)


@primitive(Kind.HOST, spec=lambda *xs, function, dtype: Spec(broadcast("strings", *(x.shape for x in xs)), dtype), oracle=_each_oracle)
def each_string(apply: Any, *xs: Any, function: Callable[..., Any], dtype: Any) -> Tensor:
    """`function` of the elements (bytes, or Python's numbers) at each position, as a tensor of `dtype`. If it has a method `many`, that is given
    the list of all of them."""
    result: Tensor = apply(*(as_tensor(x) for x in xs), function=function, dtype=as_dtype(dtype))
    return result


def _join_oracle(x: Any, axis: int, separator: bytes) -> Any:
    rows = np.moveaxis(x, axis, -1)
    flat = rows.reshape(-1, rows.shape[-1]) if rows.size else np.empty((int(np.prod(rows.shape[:-1])), 0), object)
    return array_of([separator.join(row) for row in flat.tolist()], rows.shape[:-1])


@primitive(Kind.HOST, spec=lambda x, axis, separator: Spec((*x.shape[:axis], *x.shape[axis + 1 :]), string), oracle=_join_oracle)
def join_along(apply: Any, x: Any, axis: int, separator: bytes = b"") -> Tensor:
    """The strings along `axis` as one."""
    result: Tensor = apply(as_strings("reduce_join", x), axis=int(axis), separator=separator)
    return result


# --- rows of different lengths ---
def _rows(values: Any, splits: Any) -> list[Row]:
    flat, edges = values.tolist(), splits.tolist()
    return [flat[a:b] for a, b in itertools.pairwise(edges)]


def _from_rows(rows: Sequence[Row], dtype: DType) -> tuple[Any, Any]:
    splits = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(r) for r in rows], out=splits[1:])
    return _array([e for r in rows for e in r], (int(splits[-1]),), dtype), splits


def _pieces_spec(x: Spec, function: Any, count: Size) -> tuple[Spec, Spec]:
    if len(x.shape) != 1:
        raise ShapeError(f"[strings.split] expected a string or a vector of strings; received shape {show(x.shape)}. Try tf.reshape(x, [-1]).")
    return Spec((count,), string), Spec((x.shape[0] + 1,), int64)


@primitive(Kind.HOST, spec=_pieces_spec, apart=True,
           oracle=lambda x, function, count: _from_rows([function(s) for s in x.tolist()], string))  # fmt: skip
def pieces(apply: Any, x: Any, function: Callable[[bytes], Row]) -> tuple[Tensor, Tensor]:
    """(values, splits) of the strings that `function` makes of each string."""
    result: tuple[Tensor, Tensor] = apply(as_strings("strings.split", x), function=function, count=unknown("pieces"))
    return result


@primitive(Kind.HOST, spec=lambda values, splits, function, count: (Spec((count,), values.dtype), splits), apart=True,
           oracle=lambda values, splits, function, count: _from_rows([function(r) for r in _rows(values, splits)], string))  # fmt: skip
def each_row(apply: Any, values: Any, splits: Any, function: Callable[[Row], Row]) -> tuple[Tensor, Tensor]:
    """(values, splits) of what `function` makes of each row of strings."""
    result: tuple[Tensor, Tensor] = apply(values, splits, function=function, count=unknown("pieces"))
    return result


def _dense_spec(values: Spec, splits: Spec, default: Spec, width: Size) -> Spec:
    if default.dtype is not values.dtype:
        raise DTypeError(f"[to_tensor] the default must be {values.dtype.name} as the values are; received {default.dtype.name}.")
    return Spec((splits.shape[0] - 1, width, *values.shape[1:]), values.dtype)


def _dense_oracle(values: Any, splits: Any, default: Any, width: Size) -> Any:
    lengths = np.diff(splits)
    columns = np.arange(width if isinstance(width, int) else max(lengths, default=0))
    filled = columns < lengths[:, None]
    result = np.full((*filled.shape, *values.shape[1:]), default, values.dtype)
    result[filled] = values[(splits[:-1, None] + columns)[filled]]
    return result


@primitive(Kind.HOST, spec=_dense_spec, oracle=_dense_oracle, apart=True)
def rows_to_dense(apply: Any, values: Any, splits: Any, default: Any, width: int | None = None) -> Tensor:
    """The rows under each other, cut or filled with `default` to one width; without `width`, that of the longest."""
    values, splits = as_tensor(values), as_tensor(splits)
    if width is None:
        lengths = None if splits._array is None else np.diff(splits._array)
        size: Size = unknown("width") if lengths is None else int(max(lengths, default=0))
    else:
        size = int(width)
    result: Tensor = apply(values, splits, as_tensor(default, hint=values.dtype), width=size)
    return result


def as_strings(name: str, x: Any) -> Tensor:
    """`x` as a tensor of strings.

    Raises:
        DTypeError: it holds something else.
    """
    x = as_tensor(x)
    if x.dtype is not string:
        raise DTypeError(f"[{name}] expected strings; received {x.dtype.name}. Try tf.strings.as_string(x).")
    return x


__all__ = ["as_strings", "each_row", "each_string", "join_along", "pieces", "rows_to_dense", "unknown"]
