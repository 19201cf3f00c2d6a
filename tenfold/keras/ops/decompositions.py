"""Decompositions of matrices, and what is made from them, in `keras.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.shapes import Sym
from tenfold.keras.base.promotion import floating, result_type
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import elementwise as e
from tenfold.ops import linalg, reducing
from tenfold.primitives import arithmetic as a
from tenfold.primitives.contraction import matmul
from tenfold.primitives.factorization import adjoint
from tenfold.primitives.lu import lu
from tenfold.primitives.movement import expand_dims, reshape, transpose
from tenfold.primitives.sorting import argsort
from tenfold.tensor.tensor import Tensor

MATRIX_ORDERS = (None, "fro", "nuc", np.inf, -np.inf, 1, -1, 2, -2)


def _matrices(x: Tensor, square: bool = True) -> None:
    if x.ndim < 2:
        raise ValueError(f"Expected input to have rank >= 2. Input should have rank >= 2. Received: input.shape = {x.shape}")
    m, n = x.shape[-2:]
    if square and m != n:
        raise ValueError(f"Expected a square matrix. Received non-square input with shape {x.shape}")


@operation("linalg")
def cholesky(x: Array, upper: bool = False) -> Array:
    """The lower triangles L with L Lᵀ = x, of positive definite matrices; with `upper` Lᵀ.

    Example:
        >>> cholesky([[4.0, 0.0], [0.0, 9.0]]).numpy()
        array([[2., 0.],
               [0., 3.]], dtype=float32)
    """
    _matrices(x)
    factor = linalg.cholesky(x)
    return adjoint(factor) if upper else factor


@operation("linalg")
def cholesky_inverse(x: Array, upper: bool = False) -> Array:
    """The inverses of the matrices whose Cholesky factors are given; with `upper` these are upper triangles."""
    _matrices(x)
    unit = linalg.eye(x.sizes[-1], batch_shape=x.sizes[:-2], dtype=x.dtype)
    inverse = linalg.triangular_solve(x, unit, lower=not upper)
    return matmul(inverse, inverse, transpose_b=True) if upper else matmul(inverse, inverse, transpose_a=True)


@operation("linalg")
def det(x: Array) -> Array:
    """The determinants of square matrices."""
    _matrices(x)
    return linalg.det(x)


@operation("linalg")
def inv(x: Array) -> Array:
    """The inverses of square matrices."""
    _matrices(x)
    return linalg.inv(x)


@operation("linalg")
def eig(x: Array) -> tuple[Array, Array]:
    """Eigenvalues and eigenvectors (columns) of square matrices; complex."""
    _matrices(x)
    return linalg.eig(x)


@operation("linalg")
def eigh(x: Array) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors (columns) of symmetric (Hermitian) matrices.

    Example:
        >>> values, vectors = eigh([[2.0, 0.0], [0.0, 1.0]])
        >>> values.numpy()
        array([1., 2.], dtype=float32)
    """
    _matrices(x)
    return linalg.eigh(x)


@operation("linalg")
def lu_factor(x: Array) -> tuple[Array, Array]:
    """The triangles L (its diagonal of ones left out) and U in one matrix, and the pivots, of square matrices: (L U)[pivots] = x.

    Example:
        >>> factors, pivots = lu_factor([[1.0, 2.0], [2.0, 2.0]])
        >>> factors.numpy().tolist(), pivots.numpy().tolist()
        ([[2.0, 2.0], [0.5, 1.0]], [1, 0])
    """
    _matrices(x, square=False)
    factors, order = lu(x)
    return factors, argsort(order)


@operation("linalg")
def qr(x: Array, mode: str = "reduced") -> tuple[Array, Array]:
    """(q, r) with q r = x: orthonormal columns and an upper triangle; square q with mode="complete".

    Example:
        >>> q, r = qr(np.ones((3, 2)), mode="complete")
        >>> q.shape, r.shape
        (TensorShape([3, 3]), TensorShape([3, 2]))
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"`mode` argument value not supported. Expected one of {{'reduced', 'complete'}}. Received: mode={mode}")
    _matrices(x, square=False)
    if any(isinstance(n, Sym) for n in x.sizes[-2:]):
        raise ValueError(f"Input should have its last 2 dimensions fully-defined. Received: input.shape = {x.shape}")
    return linalg.qr(x, mode == "complete")


@operation("linalg", kind="SVD")
def svd(x: Array, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """(u, s, vᴴ) with u diag(s) vᴴ = x; s alone if not `compute_uv`.

    Example:
        >>> svd([[2.0, 0.0], [0.0, 3.0]], compute_uv=False).numpy()
        array([3., 2.], dtype=float32)
    """
    _matrices(x, square=False)
    if not compute_uv:
        return linalg.svd(x, compute_uv=False)
    s, u, v = linalg.svd(x, full_matrices)
    return u, s, adjoint(v)


def _equations(a: Tensor, b: Tensor) -> tuple[Tensor, bool]:
    """The right sides as matrices, and whether they were vectors."""
    _matrices(a)
    if b.ndim < 1:
        raise ValueError(f"Expected input to have rank >= 1. Received scalar input {b}.")
    vectors = b.ndim == a.ndim - 1
    if a.shape[-1] != b.shape[-1 if vectors else -2]:
        place = "a.shape[-1] == b.shape[-1]" if vectors else "a.shape[-2] == b.shape[-2]"
        raise ValueError(f"Incompatible shapes between `a` and `b`. Expected `{place}`. Received: a.shape={a.shape}, b.shape={b.shape}")
    return (expand_dims(b, -1) if vectors else b), vectors


def _without_last(x: Tensor) -> Tensor:
    return reshape(x, x.sizes[:-1])  # type: ignore[no-any-return]


@operation("linalg", dtype=result_type)
def solve(a: Array, b: Array) -> Array:
    """The x with a x = b; b may be vectors or matrices.

    Example:
        >>> solve([[2.0, 0.0], [0.0, 4.0]], [2.0, 2.0]).numpy()
        array([1. , 0.5], dtype=float32)
    """
    b, vectors = _equations(a, b)
    x = linalg.solve(a, b)
    return _without_last(x) if vectors else x


@operation("linalg", dtype=result_type)
def solve_triangular(a: Array, b: Array, lower: bool = False) -> Array:
    """The x with a x = b, where only the upper (or lower) triangle of a is read."""
    b, vectors = _equations(a, b)
    x = linalg.triangular_solve(a, b, lower=lower)
    return _without_last(x) if vectors else x


@operation("linalg", dtype=result_type)
def lstsq(a: Array, b: Array, rcond: float | None = None) -> Array:
    """The x with the least |a x - b|, and of these the shortest. Singular values below `rcond` times the largest count as 0.

    Example:
        >>> lstsq([[1.0], [1.0]], [1.0, 3.0]).numpy().round(3)
        array([2.], dtype=float32)
    """
    if a.ndim != 2:
        raise ValueError(f"{a.ndim}-dimensional array given. Expected a to have rank 2. Array must be two-dimensional")
    if b.ndim not in (1, 2):
        raise ValueError(f"{b.ndim}-dimensional array given. Expected b to have rank 1 or 2. Array must be one or two-dimensional")
    if a.shape[0] != b.shape[0]:
        raise ValueError(f"Leading dimensions of input arrays must match. Received: a.shape={a.shape}, b.shape={b.shape}")
    right = expand_dims(b, 1) if b.ndim == 1 else b
    epsilon = float(np.finfo(a.dtype.real_dtype.numpy).eps)
    limit = epsilon * max(a.sizes) if rcond is None else epsilon if rcond < 0 else rcond
    x = matmul(linalg.pinv(a, limit), right)
    return _without_last(x) if b.ndim == 1 else x


@operation("linalg")
def pinv(x: Array, rcond: float | None = None) -> Array:
    """The Moore-Penrose inverses; singular values below `rcond` times the largest count as 0."""
    _matrices(x, square=False)
    return linalg.pinv(x, rcond)


@operation("linalg")
def matrix_rank(x: Array, tol: float | None = None) -> Array:
    """The number of singular values above `tol`.

    Example:
        >>> int(matrix_rank([[1.0, 2.0], [2.0, 4.0]]))
        1
    """
    _matrices(x, square=False)
    return linalg.matrix_rank(x, tol)


def _root_of_squares(x: Any, axes: Any, keepdims: bool) -> Any:
    squares = a.real(a.conj(x) * x) if x.dtype.is_complex else x * x
    return e.sqrt(reducing.reduce_sum(squares, axes, keepdims))


def _vector_norm(x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    if isinstance(ord, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={ord}")
    if ord in (None, 2):
        return _root_of_squares(x, axis, keepdims)
    size: Any = e.abs(x)
    if ord in (np.inf, -np.inf):
        return (reducing.reduce_max if ord > 0 else reducing.reduce_min)(size, axis, keepdims)
    if ord == 0:
        return reducing.reduce_sum(a.cast(size > 0, size.dtype), axis, keepdims)
    return a.pow(reducing.reduce_sum(a.pow(size, float(ord)), axis, keepdims), 1 / ord)


def _matrix_norm(x: Any, ord: Any, axes: tuple[int, int], keepdims: bool) -> Any:
    if ord not in MATRIX_ORDERS:
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={ord}")
    if ord in (None, "fro"):
        return _root_of_squares(x, axes, keepdims)
    rows, columns = axes
    rest = [i for i in range(x.ndim) if i not in axes]
    if ord in ("nuc", 2, -2):
        s = linalg.svd(transpose(x, [*rest, rows, columns]), compute_uv=False)
        found = {"nuc": reducing.reduce_sum, 2: reducing.reduce_max, -2: reducing.reduce_min}[ord](s, -1)
    else:
        along, over = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = reducing.reduce_sum(e.abs(x), along, True)
        found = (reducing.reduce_max if ord > 0 else reducing.reduce_min)(sums, (along, over))
    return reshape(found, [1 if i in axes else n for i, n in enumerate(x.sizes)]) if keepdims else found


@operation("linalg", dtype=floating)
def norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    """The norm of vectors (one axis) or matrices (two axes).

    Args:
        x: the data.
        ord: of vectors: None or 2, 0 (how many are not 0), inf, -inf, or another number; of matrices: None or "fro", "nuc", 1, -1, 2, -2, inf
            or -inf.
        axis: a number, a pair of numbers, or None: all axes of `x`.
        keepdims: whether the axes stay, with size 1.

    Example:
        >>> float(norm([3.0, 4.0])), float(norm([[1.0, 2.0], [3.0, 4.0]], ord=1))
        (5.0, 6.0)
    """
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise ValueError(f"Invalid `ord` argument. Expected one of {{'fro', 'nuc'}} when using string. Received: ord={ord}")
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    if any(not -x.ndim <= i < x.ndim for i in axes):
        raise ValueError(f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={x.ndim}, while axis={axis}")
    axes = tuple(i % x.ndim for i in axes)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    if len(axes) == 2:
        return _matrix_norm(x, ord, axes, keepdims)
    raise ValueError(f"Invalid axis values. Received: axis={axis}")
