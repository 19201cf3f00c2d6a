"""Norms, and gradients limited by them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError
from tenfold.ops.activation import floating
from tenfold.ops.reducing import wide
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import reduction as r
from tenfold.primitives.factorization import svd
from tenfold.primitives.indexed_slices import by_rows, values_of
from tenfold.primitives.movement import reshape, transpose
from tenfold.primitives.operators import absolute
from tenfold.tensor.tensor import Tensor, as_tensor


def norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: str | None = None) -> Tensor:
    """The norm of vectors (one axis, or all elements) or matrices (two axes).

    Args:
        tensor: floating-point or complex elements.
        ord: "euclidean", 1, 2, np.inf or another positive number; "fro" for matrices.
        axis: None: all elements as one vector; a number; or a pair of numbers for matrices.
        keepdims: whether to keep the axes, with size 1.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf
        >>> float(tf.norm([3.0, 4.0]))
        5.0
    """
    x = floating("norm", tensor)
    if ord not in ("euclidean", "fro") and not (isinstance(ord, (int, float)) and ord > 0):
        raise InvalidArgumentError(f"[norm] expected ord 'euclidean', 'fro' or a positive number; received {ord!r}.")
    matrix = isinstance(axis, (list, tuple)) and len(axis) == 2
    if ord == "fro" and not matrix:
        raise InvalidArgumentError(f"[norm] ord='fro' is a norm of matrices. Expected axis to be a pair; received axis={axis}.")
    if ord in ("euclidean", "fro") or (ord == 2 and not matrix):
        squares = a.real(a.conj(x) * x) if x.dtype.is_complex else x * x
        return e.sqrt(r.sum(squares, axis, keepdims))
    size: Any = absolute(x)
    if matrix:
        return _matrix_norm(x, size, ord, axis, keepdims)
    if ord == np.inf:
        return r.max(size, axis, keepdims)
    return r.sum(size, axis, keepdims) if ord == 1 else a.pow(r.sum(a.pow(size, ord), axis, keepdims), 1.0 / ord)


def _matrix_norm(x: Any, size: Any, ord: Any, axis: Any, keepdims: bool) -> Tensor:
    rows, columns = (int(i) % x.ndim for i in axis)
    if ord == 2:
        rest = [i for i in range(x.ndim) if i not in (rows, columns)]
        top = r.max(svd(transpose(x, [*rest, rows, columns]))[0], -1)
    elif ord in (1, np.inf):
        first, second = (rows, columns) if ord == 1 else (columns, rows)
        top = r.max(r.sum(size, first, True), [first, second])
    else:
        raise InvalidArgumentError(f"[norm] expected ord 'euclidean', 'fro', 1, 2 or np.inf for matrices; received {ord}.")
    return reshape(top, [1 if i in (rows, columns) else n for i, n in enumerate(x.sizes)]) if keepdims else top


def normalize(tensor: Any, ord: Any = "euclidean", axis: Any = None, name: str | None = None) -> tuple[Tensor, Tensor]:
    """`tensor` divided by its norm, and the norm.

    Example:
        >>> import tenfold as tf
        >>> tf.linalg.normalize([3.0, 4.0])[0].numpy()
        array([0.6, 0.8], dtype=float32)
    """
    x = floating("normalize", tensor)
    size = norm(x, ord, axis, True)
    return x / a.cast(size, x.dtype), size


def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """The Euclidean norm of all elements of all tensors; entries that are None are left out, and of IndexedSlices the values count.

    Example:
        >>> import tenfold as tf
        >>> float(tf.linalg.global_norm([[3.0], [4.0], None]))
        5.0
    """
    if not isinstance(t_list, (list, tuple)):
        raise TypeError("[global_norm] t_list should be a sequence")
    squares: Any = [r.sum(x * x) for x in (wide(floating("global_norm", values_of(t))) for t in t_list if t is not None)]
    return e.sqrt(sum(squares[1:], squares[0])) if squares else as_tensor(0.0)


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Any:
    """`t` scaled down so that its Euclidean norm along `axes` is at most `clip_norm`; of IndexedSlices, that of their values.

    Example:
        >>> import tenfold as tf
        >>> tf.clip_by_norm([3.0, 4.0], 1.0).numpy()
        array([0.6, 0.8], dtype=float32)
    """
    x: Any = floating("clip_by_norm", values_of(t))
    squares = r.sum(x * x, axes, True)
    positive = squares > 0
    size = a.select(positive, e.sqrt(a.select(positive, squares, 1)), squares)
    return by_rows(lambda x: x * clip_norm / a.maximum(size, clip_norm), t)


def clip_by_global_norm(t_list: Sequence[Any], clip_norm: Any, use_norm: Any = None, name: str | None = None) -> tuple[list[Any], Tensor]:
    """The tensors scaled down together so that their global norm is at most `clip_norm`, and that norm before. An infinite or NaN norm gives
    NaN everywhere. IndexedSlices stay what they are.

    Example:
        >>> import tenfold as tf
        >>> clipped, size = tf.clip_by_global_norm([[3.0], [4.0]], 1.0)
        >>> float(size)
        5.0
    """
    size: Any = global_norm(t_list) if use_norm is None else as_tensor(use_norm)
    limit: Any = as_tensor(clip_norm, hint=size.dtype)
    scale = limit * a.minimum(1 / size, 1 / limit) + (size - size)

    def clipped(x: Any) -> Any:
        x = floating("clip_by_global_norm", x)
        return x * a.cast(scale, x.dtype)

    return [None if t is None else by_rows(clipped, t) for t in t_list], size
