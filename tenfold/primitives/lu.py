"""The LU decomposition of matrices, in NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import show
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.arithmetic import add, cast, equal
from tenfold.primitives.contraction import matmul
from tenfold.primitives.define import check_dtype, primitive
from tenfold.primitives.factorization import FIELDS, adjoint, lower_part, triangular_solve, upper_part
from tenfold.primitives.gather import gather, iota
from tenfold.primitives.movement import expand_dims
from tenfold.primitives.sorting import argsort
from tenfold.tensor.tensor import Tensor, as_tensor


def _spec(x: Spec) -> tuple[Spec, Spec]:
    check_dtype("lu", x, FIELDS)
    if len(x.shape) < 2:
        raise ShapeError(f"[lu] expected matrices in the last two dimensions; received shape {show(x.shape)}.")
    rows, columns = x.shape[-2:]
    short = min(rows, columns) if isinstance(rows, int) and isinstance(columns, int) else rows
    return x, Spec((*x.shape[:-2], short), int32)


def _factor(a: Any) -> tuple[Any, Any]:
    """Gauss's elimination of one matrix, the row of the largest pivot first."""
    order = np.arange(len(a))
    for k in range(len(a)):
        best = k + int(np.argmax(np.abs(a[k:, k])))
        if a[best, k] == 0:
            raise InvalidArgumentError("[lu] singular matrix. Expected invertible matrices. Try adding a small multiple of the identity.")
        a[[k, best]], order[[k, best]] = a[[best, k]], order[[best, k]]
        a[k + 1 :, k] /= a[k, k]
        a[k + 1 :, k + 1 :] -= np.outer(a[k + 1 :, k], a[k, k + 1 :])
    return a, order


def _oracle(x: Any) -> tuple[Any, Any]:
    if x.shape[-1] != x.shape[-2]:
        raise ShapeError(f"[lu] expected square matrices in the last two dimensions; received shape {x.shape}.")
    packed, order = x.copy(), np.empty(x.shape[:-1], np.int32)
    for place in np.ndindex(*x.shape[:-2]):
        packed[place], order[place] = _factor(packed[place])
    return packed, order


def _vjp(wanted: Sequence[bool], gs: Any, ys: Any, x: Tensor) -> list[Tensor | None]:
    """P x = L U: x is P^T L^-H (the lower part of L^H gL and the upper part of gU U^H) U^-H."""
    g, packed, order = gs[0], ys[0], ys[1]
    n = iota(x.sizes[-1])
    unit = cast(equal(expand_dims(n, 1), n), x.dtype)
    lower, upper = add(lower_part(packed, -1), unit), upper_part(packed)
    inner = add(lower_part(matmul(adjoint(lower), lower_part(g, -1)), -1), upper_part(matmul(upper_part(g), adjoint(upper))))
    left = triangular_solve(lower, inner, lower=True, adjoint=True)
    permuted = adjoint(triangular_solve(upper, adjoint(left), lower=False))
    return [gather(permuted, argsort(order), x.ndim - 2, x.ndim - 2)]


@primitive(Kind.HOST, spec=_spec, oracle=_oracle, dtypes=FIELDS, vjp=_vjp)
def lu(apply: Any, x: Any) -> tuple[Tensor, Tensor]:
    """The triangles L (its diagonal of ones left out) and U in one matrix, and the order in which L U has the rows of x, of square matrices."""
    result: tuple[Tensor, Tensor] = apply(as_tensor(x))
    return result


__all__ = ["lu"]
