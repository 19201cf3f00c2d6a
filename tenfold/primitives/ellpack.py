"""Products with matrices of few elements in each row: sums of a few weighted elements along one axis, as images are resized by.

Such a matrix is known before the program runs and stored as in ELLPACK (Kincaid, Oppe and Young, 1989): for each row the same number k of columns and
weights, where a row that needs fewer repeats a column with weight 0; both as [k, rows], so that vectors read neighbours. A gradient needs the
transposed matrix, so both are given.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from tenfold.core.dtypes import FLOATS, int32, int64
from tenfold.core.errors import ShapeError
from tenfold.core.shapes import normalize_axis, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr
from tenfold.primitives.define import check_dtype, each, primitive
from tenfold.tensor.tensor import Tensor, as_tensor


def _spec(x: Spec, columns: Spec, weights: Spec, back: Spec, back_weights: Spec, axis: int) -> Spec:
    check_dtype("ellpack_product", x, FLOATS)
    for places, values in ((columns, weights), (back, back_weights)):
        if len(places.shape) != 2 or places.shape != values.shape or places.dtype is not int32 or values.dtype is not x.dtype:
            raise ShapeError(f"[ellpack_product] expected columns int32[k, rows] and weights {x.dtype.name} of their shape; "
                             f"received {places} and {values}.")  # fmt: skip
    if back.shape[1] != x.shape[axis]:
        raise ShapeError(f"[ellpack_product] expected {back.shape[1]} elements along dimension {axis}; received shape {show(x.shape)}.")
    return Spec((*x.shape[:axis], columns.shape[1], *x.shape[axis + 1 :]), x.dtype)


def _oracle(x: Any, columns: Any, weights: Any, back: Any, back_weights: Any, axis: int) -> Any:
    wide = x.astype(np.float32) if x.dtype.itemsize == 2 else x
    along = (-1,) + (1,) * (x.ndim - axis - 1)
    result = sum(weights[k].reshape(along).astype(wide.dtype) * np.take(wide, columns[k], axis) for k in range(len(columns)))
    return np.asarray(result).astype(x.dtype)


def _lower(k: Any, index: list[Expr], axis: int) -> Expr:
    row = index[axis]

    def term(i: Expr) -> Expr:
        column = loops.cast(k.read(1, [i, row]), int64)
        inside = (column >= 0) & (column < k.shape(0)[axis])
        product: Expr = k.read(2, [i, row]) * k.read(0, [*index[:axis], column, *index[axis + 1 :]], inside)
        return product

    return reduce(add, [term(loops.const(i, int64)) for i in range(k.sizes(1)[0])])


def _vjp(g: Tensor, y: Tensor, x: Tensor, columns: Tensor, weights: Tensor, back: Tensor, back_weights: Tensor, axis: int) -> Tensor:
    return ellpack_product.bare(g, back, back_weights, columns, weights, axis=axis)


@primitive(Kind.INDEXED, spec=_spec, oracle=_oracle, lower=_lower, dtypes=FLOATS, vjp=each(_vjp, None, None, None, None))
def ellpack_product(apply: Any, x: Any, columns: Any, weights: Any, back: Any, back_weights: Any, axis: int = 0) -> Tensor:
    """The sums over k of `weights[k, i] * x[..., columns[k, i], ...]` along `axis`; `back` and `back_weights` are the transposed matrix."""
    x = as_tensor(x)
    result: Tensor = apply(x, columns, weights, back, back_weights, axis=normalize_axis("ellpack_product", axis, x.ndim))
    return result


def stored(matrix: Any) -> tuple[Any, Any]:
    """Columns [k, rows] and weights [k, rows] of a matrix; k is the largest number of elements in a row, at least 1."""
    most = max(int((matrix != 0).sum(1).max(initial=1)), 1)
    columns = np.argsort(matrix == 0, axis=1, kind="stable")[:, :most].astype(np.int32)
    weights = np.take_along_axis(matrix, columns, 1)
    return np.where(weights == 0, columns[:, :1], columns).T.copy(), weights.T.copy()
