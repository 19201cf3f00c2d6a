"""Joining tensors and cutting them, in `keras.ops`."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from tenfold.keras.ops.define import Array, Arrays, operation
from tenfold.keras.promotion import result_type
from tenfold.ops import shaping as s


@operation(dtype=result_type)
def concatenate(xs: Arrays, axis: int = 0) -> Array:
    """Tensors one after the other along an axis."""
    return s.concat(xs, axis)


@operation(dtype=result_type)
def stack(x: Arrays, axis: int = 0) -> Array:
    """Tensors one after the other along a new axis."""
    return s.stack(x, axis)


@operation()
def split(x: Array, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Parts of equal size, or cut at the given places."""
    if isinstance(indices_or_sections, int):
        return list(s.split(x, indices_or_sections, axis))
    places = [0, *indices_or_sections, x.shape[axis]]
    return list(s.split(x, [j - i for i, j in pairwise(places)], axis))
