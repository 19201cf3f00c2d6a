"""`tf.linalg.*`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tenfold.core.dtypes import int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import product
from tenfold.ops.clipping import global_norm, norm, normalize
from tenfold.ops.creation import eye
from tenfold.ops.normalization import l2_normalize
from tenfold.ops.products import einsum, matmul, matvec, tensordot
from tenfold.primitives import arithmetic as a
from tenfold.primitives import factorization as f
from tenfold.primitives import reduction as r
from tenfold.primitives.contraction import matmul as matmul_
from tenfold.primitives.define import tensors
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import concat, expand_dims, pad, reshape, slice_, transpose
from tenfold.tensor.tensor import Tensor, as_tensor


class Qr(NamedTuple):
    """What `qr` returns."""

    q: Tensor
    r: Tensor


class SlogDet(NamedTuple):
    """What `slogdet` returns."""

    sign: Tensor
    log_abs_determinant: Tensor


def _matrix(name: str, x: Any) -> Any:
    tensor = as_tensor(x, name=name)
    if tensor.ndim < 2:
        raise ShapeError(f"[{name}] expected matrices in the last two dimensions; received shape {tensor.shape}.")
    return tensor


def matrix_transpose(a: Any, name: str | None = None, conjugate: bool = False) -> Tensor:
    """The last two dimensions exchanged.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.matrix_transpose([[1, 2], [3, 4]]).numpy().tolist()
        [[1, 3], [2, 4]]
    """
    x = _matrix("matrix_transpose", a)
    if conjugate:
        return f.adjoint(x)
    return transpose(x, [*range(x.ndim - 2), x.ndim - 1, x.ndim - 2])


def adjoint(matrix: Any, name: str | None = None) -> Tensor:
    """The conjugate transpose."""
    return f.adjoint(_matrix("adjoint", matrix))


def band_part(input: Any, num_lower: Any, num_upper: Any, name: str | None = None) -> Tensor:
    """The matrices with zeros outside a band around the diagonal; negative numbers keep the whole triangle.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.band_part([[1, 2], [3, 4]], -1, 0).numpy().tolist()
        [[1, 0], [3, 4]]
    """
    x = _matrix("band_part", input)
    below = expand_dims(iota(x.sizes[-2]), 1) - iota(x.sizes[-1])
    lower, upper = as_tensor(num_lower, hint=int32), as_tensor(num_upper, hint=int32)
    inside = a.logical_and(
        a.logical_or(a.less(lower, 0), a.less_equal(below, a.cast(lower, int32))),
        a.logical_or(a.less(upper, 0), a.less_equal(-below, a.cast(upper, int32))),
    )
    return a.select(inside, x, _zero(x))


def _zero(x: Tensor) -> Any:
    return False if x.dtype.is_bool else 0


def diag(diagonal: Any, name: str | None = "diag", k: int = 0, num_rows: int = -1, num_cols: int = -1, padding_value: Any = 0,
         align: str = "RIGHT_LEFT") -> Tensor:  # fmt: skip
    """Matrices with the given diagonal, moved up by `k`; the smallest square ones, unless their size is given.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.diag([1, 2]).numpy().tolist()
        [[1, 0], [0, 2]]
    """
    x = as_tensor(diagonal)
    if not isinstance(k, (int, np.integer)):
        raise InvalidArgumentError("[diag] expected one diagonal. Try adding matrices of one diagonal each.")
    n = x.sizes[-1]
    square = num_rows == -1 and num_cols == -1
    rows = n + (abs(k) if square else max(-k, 0)) if num_rows == -1 else num_rows
    columns = n + (abs(k) if square else max(k, 0)) if num_cols == -1 else num_cols
    lead = [0] * (x.ndim - 1)
    wide = pad(x, [*lead, max(k, 0)], [*lead, columns - n - max(k, 0)])
    on = a.equal(iota(columns) - k, expand_dims(iota(rows), 1))
    return a.select(on, expand_dims(wide, -2), padding_value if padding_value else _zero(x))


def diag_part(input: Any, name: str | None = "diag_part", k: int = 0, padding_value: Any = 0, align: str = "RIGHT_LEFT") -> Tensor:
    """The diagonals of matrices, `k` above the main one.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.diag_part([[1, 2], [3, 4]]).numpy()
        array([1, 4], dtype=int32)
    """
    x = _matrix("diag_part", input)
    if not isinstance(k, (int, np.integer)):
        raise InvalidArgumentError("[diag_part] expected one diagonal.")
    rows, columns = x.sizes[-2] - max(-k, 0), x.sizes[-1] - max(k, 0)
    if isinstance(rows, int) and isinstance(columns, int):
        if min(rows, columns) < 1 and k != 0:
            raise InvalidArgumentError(f"[diag_part] matrices of shape {x.shape} have no diagonal k={k}.")
        rows = columns = min(rows, columns)
    lead = [0] * (x.ndim - 2)
    square = slice_(x, [*lead, max(-k, 0), max(k, 0)], [*x.sizes[:-2], rows, columns])
    on = a.equal(iota(columns), expand_dims(iota(rows), 1))
    if square.dtype.is_bool:
        return r.any(a.logical_and(on, square), -1)
    return r.sum(a.select(on, square, 0), -1)


def set_diag(input: Any, diagonal: Any, name: str | None = "set_diag", k: int = 0, align: str = "RIGHT_LEFT") -> Tensor:
    """The matrices with another diagonal.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.set_diag([[1, 2], [3, 4]], [9, 9]).numpy().tolist()
        [[9, 2], [3, 9]]
    """
    x = _matrix("set_diag", input)
    new = diag(as_tensor(diagonal, hint=x.dtype), k=k, num_rows=x.sizes[-2], num_cols=x.sizes[-1])
    on = a.equal(iota(x.sizes[-1]) - k, expand_dims(iota(x.sizes[-2]), 1))
    return a.select(on, new, x)


def tensor_diag(diagonal: Any, name: str | None = None) -> Tensor:
    """A tensor of twice the rank, with `diagonal` where the two halves of the indices agree."""
    x = as_tensor(diagonal)
    n = product(x.sizes)
    return reshape(diag(reshape(x, (n,))), (*x.sizes, *x.sizes))


def tensor_diag_part(input: Any, name: str | None = None) -> Tensor:
    """The elements where the two halves of the indices agree."""
    x = as_tensor(input)
    half = x.sizes[: x.ndim // 2]
    if x.ndim % 2 or half != x.sizes[x.ndim // 2 :]:
        raise ShapeError(f"[tensor_diag_part] expected a shape of two equal halves; received {x.shape}.")
    return reshape(diag_part(reshape(x, (product(half), product(half)))), half)


def trace(x: Any, name: str | None = None) -> Tensor:
    """The sum of the diagonal.

    Example:
        >>> import tenfold as tf
        >>> int(tf.linalg.trace([[1, 2], [3, 4]]))
        5
    """
    return r.sum(diag_part(x), -1)


def det(input: Any, name: str | None = None) -> Tensor:
    """The determinants of square matrices."""
    result: Tensor = f.det(_matrix("det", input))
    return result


def slogdet(input: Any, name: str | None = None) -> SlogDet:
    """Sign and log |determinant| of square matrices."""
    return SlogDet(*f.slogdet(_matrix("slogdet", input)))


def logdet(matrix: Any, name: str | None = None) -> Tensor:
    """log(determinant) of positive definite matrices, from their Cholesky factors."""
    factor = diag_part(cholesky(matrix))
    return 2 * r.sum(a.log(a.real(factor) if factor.dtype.is_complex else factor), -1)


def inv(input: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """The inverses of square matrices.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.inv([[2.0, 0.0], [0.0, 4.0]]).numpy().tolist()
        [[0.5, 0.0], [0.0, 0.25]]
    """
    result: Tensor = f.inv(f.adjoint(_matrix("inv", input)) if adjoint else _matrix("inv", input))
    return result


def cholesky(input: Any, name: str | None = None) -> Tensor:
    """The lower triangles l with l lᴴ = x, for positive definite x."""
    result: Tensor = f.cholesky(_matrix("cholesky", input))
    return result


def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Tensor:
    """x with a x = rhs, given the Cholesky factor of a."""
    lower, b = tensors("cholesky_solve", (chol, rhs))
    return f.triangular_solve(lower, f.triangular_solve(lower, b), adjoint=True)


def solve(matrix: Any, rhs: Any, adjoint: bool = False, name: str | None = None) -> Tensor:
    """x with matrix x = rhs.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.solve([[2.0, 0.0], [0.0, 4.0]], [[2.0], [2.0]]).numpy().tolist()
        [[1.0], [0.5]]
    """
    result: Tensor = f.solve(*tensors("solve", (matrix, rhs)), adjoint=adjoint)
    return result


def triangular_solve(matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None) -> Tensor:
    """x with matrix x = rhs, where only one triangle of the matrix is read."""
    result: Tensor = f.triangular_solve(*tensors("triangular_solve", (matrix, rhs)), lower=lower, adjoint=adjoint)
    return result


def lstsq(matrix: Any, rhs: Any, l2_regularizer: float = 0.0, fast: bool = True, name: str | None = None) -> Tensor:
    """The x with the least squares of matrix x - rhs (and the least norm, if there are several), with `l2_regularizer` times that of x."""
    m, b = tensors("lstsq", (matrix, rhs))
    rows, columns = m.sizes[-2:]
    if isinstance(rows, int) and isinstance(columns, int) and rows >= columns:
        gram = matmul_(f.adjoint(m), m) + a.mul(l2_regularizer, eye(columns, dtype=m.dtype))
        return f.solve(gram, matmul_(f.adjoint(m), b))
    gram = matmul_(m, f.adjoint(m)) + a.mul(l2_regularizer, eye(rows, dtype=m.dtype))
    return matmul_(f.adjoint(m), f.solve(gram, b))


def qr(input: Any, full_matrices: bool = False, name: str | None = None) -> Qr:
    """(q, r) with q r = x, the columns of q orthonormal, r an upper triangle."""
    return Qr(*f.qr(_matrix("qr", input), full_matrices))


def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """(s, u, v) with u diag(s) vᴴ = x; s alone if not `compute_uv`.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.svd([[2.0, 0.0], [0.0, 3.0]], compute_uv=False).numpy()
        array([3., 2.], dtype=float32)
    """
    s, u, v = f.svd(_matrix("svd", tensor), full_matrices)
    return (s, u, v) if compute_uv else s


def eigh(tensor: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues (ascending) and eigenvectors of symmetric (Hermitian) matrices."""
    result: tuple[Tensor, Tensor] = f.eigh(_matrix("eigh", tensor))
    return result


def eigvalsh(tensor: Any, name: str | None = None) -> Tensor:
    """The eigenvalues of symmetric (Hermitian) matrices, ascending."""
    return eigh(tensor)[0]


def eig(tensor: Any, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of square matrices, complex."""
    result: tuple[Tensor, Tensor] = f.eig(_matrix("eig", tensor))
    return result


def eigvals(tensor: Any, name: str | None = None) -> Tensor:
    """The eigenvalues of square matrices, complex."""
    return eig(tensor)[0]


def pinv(a: Any, rcond: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The Moore-Penrose inverse; singular values below `rcond` times the largest count as 0."""
    x = _matrix("pinv", a)
    s, u, v = f.svd(x)
    limit = 10 * max(n for n in x.sizes[-2:]) * float(np.finfo(x.dtype.real_dtype.numpy).eps) if rcond is None else rcond
    kept = s > limit * r.max(s, -1, True)
    inverse = _select(kept, 1 / _select(kept, s, 1), 0)
    return matmul_(v * expand_dims(_cast(inverse, x.dtype), -2), f.adjoint(u))


_select, _cast = a.select, a.cast


def matrix_rank(a: Any, tol: Any = None, validate_args: bool = False, name: str | None = None) -> Tensor:
    """The number of singular values that are not 0."""
    x = _matrix("matrix_rank", a)
    s = f.svd(x)[0]
    limit = r.max(s, -1, True) * max(n for n in x.sizes[-2:]) * float(np.finfo(x.dtype.real_dtype.numpy).eps) if tol is None else tol
    return r.sum(_cast(s > limit, int32), -1)


def cross(a: Any, b: Any, name: str | None = None) -> Tensor:
    """The cross product of vectors of three elements.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.cross([1, 0, 0], [0, 1, 0]).numpy()
        array([0, 0, 1], dtype=int32)
    """
    x, y = tensors("cross", (a, b))
    if x.sizes[-1] != 3 or x.sizes != y.sizes:
        raise ShapeError(f"[cross] expected two tensors of one shape whose last size is 3; received {x.shape} and {y.shape}.")

    def turned(t: Tensor, by: int) -> Tensor:
        lead = [0] * (t.ndim - 1)
        parts = [slice_(t, [*lead, by], [*t.sizes[:-1], 3 - by]), slice_(t, [*lead, 0], [*t.sizes[:-1], by])]
        return concat(parts, -1)

    return turned(x, 1) * turned(y, 2) - turned(x, 2) * turned(y, 1)


__all__ = [
    "adjoint", "band_part", "cholesky", "cholesky_solve", "cross", "det", "diag", "diag_part", "eig", "eigh", "eigvals", "eigvalsh", "einsum",
    "eye", "global_norm", "inv", "l2_normalize", "logdet", "lstsq", "matmul", "matrix_rank", "matrix_transpose", "matvec", "norm", "normalize",
    "pinv", "qr", "set_diag", "slogdet", "solve", "svd", "tensor_diag", "tensor_diag_part", "tensordot", "trace", "triangular_solve",
]  # fmt: skip
