"""Joining tensors and cutting them, in `keras.ops`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tenfold.keras.base.promotion import result_type
from tenfold.keras.ops.define import Array, Arrays, operation
from tenfold.ops import shaping as s


@operation(dtype=result_type)
def concatenate(xs: Arrays, axis: int = 0) -> Array:
    """Tensors one after the other along an axis."""
    return s.concat(xs, axis)


@operation(dtype=result_type)
def stack(x: Arrays, axis: int = 0) -> Array:
    """Tensors one after the other along a new axis."""
    return s.stack(x, axis)


@operation(dtype=result_type)
def append(x1: Array, x2: Array, axis: int | None = None) -> Array:
    """x2 after x1 along an axis; their elements in one row if none is named."""
    return s.concat([s.reshape(x, [-1]) for x in (x1, x2)], 0) if axis is None else s.concat([x1, x2], axis)


@operation(dtype=result_type)
def hstack(xs: Arrays) -> Array:
    """Tensors side by side: along the second axis, or along the only one."""
    return s.concat([_of_rank(x, 1) for x in xs], 0 if xs[0].ndim <= 1 else 1)


@operation(dtype=result_type)
def vstack(xs: Arrays) -> Array:
    """Tensors one below the other: along the first axis; a vector is a row."""
    return s.concat([s.expand_dims(_of_rank(x, 1), 0) if x.ndim < 2 else x for x in xs], 0)


@operation(dtype=result_type)
def dstack(xs: Arrays) -> Array:
    """Tensors behind each other: along the third axis."""
    return s.concat([s.expand_dims(s.expand_dims(_of_rank(x, 1), 0) if x.ndim < 2 else x, 2) if x.ndim < 3 else x for x in xs], 2)


@operation(dtype=result_type)
def column_stack(xs: Arrays) -> Array:
    """Vectors as columns, and matrices, side by side."""
    return s.concat([s.expand_dims(x, -1) if x.ndim == 1 else x for x in xs], 1)


def _of_rank(x: Array, rank: int) -> Array:
    return s.reshape(x, [1] * rank) if x.ndim < rank else x


@operation()
def split(x: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Parts of equal size, or cut at the given places."""
    if isinstance(indices_or_sections, int):
        return list(s.split(x, indices_or_sections, axis))
    places = [0, *(int(n) for n in indices_or_sections), x.sizes[axis]]
    return list(s.split(x, [j - i for i, j in pairwise(places)], axis))


@operation()
def array_split(x: Array, indices_or_sections: int, axis: int = 0) -> list[Array]:
    """Parts of nearly equal size, the larger ones first."""
    size = x.sizes[axis]
    return list(s.split(x, [(size + indices_or_sections - 1 - i) // indices_or_sections for i in range(indices_or_sections)], axis))


@operation()
def hsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """Parts along the second axis, or along the only one."""
    return split(x, indices_or_sections, 0 if x.ndim == 1 else 1)


@operation()
def vsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """Parts along the first axis."""
    return split(x, indices_or_sections, 0)


@operation()
def dsplit(x: Array, indices_or_sections: Any) -> list[Array]:
    """Parts along the third axis."""
    return split(x, indices_or_sections, 2)
