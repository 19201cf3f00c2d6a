"""Diagonals and triangles of matrices, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import ShapeError
from tenfold.core.shapes import normalize_axis
from tenfold.keras.base.promotion import counting
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import creation, linalg, shaping
from tenfold.ops.reducing import reduce_sum
from tenfold.primitives import arithmetic as a
from tenfold.primitives.gather import iota


@operation()
def diag(x: Array, k: int = 0) -> Array:
    """The k-th diagonal of a matrix, or a matrix with this one.

    Raises:
        ValueError: `x` is neither a vector nor a matrix.
    """
    if x.ndim not in (1, 2):
        raise ShapeError(f"`x` must be 1d or 2d. Received: x.shape={x.shape}")
    return linalg.diag(x, k=k) if x.ndim == 1 else diagonal(x, k)


@operation()
def diagflat(x: Array, k: int = 0) -> Array:
    """A matrix with all elements on its k-th diagonal."""
    return linalg.diag(shaping.reshape(x, [-1]), k=k)


@operation()
def diagonal(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """A diagonal of the matrices in two axes, as a new last axis.

    Raises:
        ValueError: there are no two axes.
    """
    x = _matrices("diagonal", x, axis1, axis2)
    rows, columns = x.sizes[-2:]
    if (isinstance(rows, int) and offset <= -rows) or (isinstance(columns, int) and offset >= columns):
        return creation.zeros([*x.sizes[:-2], 0], x.dtype)
    return linalg.diag_part(x, k=offset)


@operation(dtype=counting)
def trace(x: Array, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """The sum of a diagonal of the matrices in two axes."""
    return reduce_sum(diagonal(x, offset, axis1, axis2), axis=-1)


def _matrices(name: str, x: Array, axis1: int, axis2: int) -> Array:
    """With two axes moved to the end."""
    if x.ndim < 2:
        raise ShapeError(f"`{name}` requires an array of at least two dimensions, but `x` is of shape {x.shape}.")
    first, second = (normalize_axis(name, n, x.ndim) for n in (axis1, axis2))
    return shaping.transpose(x, [*(i for i in range(x.ndim) if i not in (first, second)), first, second])


def _below(x: Array, k: Any) -> Array:
    """Where the places on and below the k-th diagonal are."""
    return shaping.expand_dims(iota(x.sizes[-2]), 1) + k >= iota(x.sizes[-1])


@operation()
def tril(x: Array, k: Any = 0) -> Array:
    """Zero above the k-th diagonal."""
    return a.select(_below(x, k), x, creation.zeros_like(x))


@operation()
def triu(x: Array, k: Any = 0) -> Array:
    """Zero below the k-th diagonal."""
    return a.select(_below(x, k - 1), creation.zeros_like(x), x)
