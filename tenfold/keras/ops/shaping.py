"""Shapes, and the order of axes and elements, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.ops.define import Array, operation
from tenfold.keras.symbolic import KerasTensor
from tenfold.ops import shaping as s
from tenfold.tensor.tensor import as_tensor


def sizes(shape: Any) -> list[Any]:
    """A shape argument as a list: one number is a shape too, and None an unknown size."""
    return [-1 if n is None else n for n in (shape if hasattr(shape, "__iter__") else [shape])]


@operation()
def reshape(x: Array, newshape: Any) -> Array:
    """The same elements in another shape; one size may be -1, to be found out."""
    return s.reshape(x, sizes(newshape))


@operation()
def broadcast_to(x: Array, shape: Any) -> Array:
    """`x` repeated along axes of size 1 and new leading axes."""
    return s.broadcast_to(x, shape)


@operation()
def transpose(x: Array, axes: Any = None) -> Array:
    """The axes in another order; reversed if none is given."""
    return s.transpose(x, axes)


@operation()
def expand_dims(x: Array, axis: Any) -> Array:
    """With new axes of size 1."""
    return s.expand_dims(x, axis)


@operation()
def squeeze(x: Array, axis: Any = None) -> Array:
    """Without axes of size 1."""
    return s.squeeze(x, axis)


@operation()
def flip(x: Array, axis: Any = None) -> Array:
    """Backwards along axes; all of them if none is named."""
    axes = range(x.ndim) if axis is None else axis if hasattr(axis, "__iter__") else [axis]
    return s.reverse(x, list(axes))


@operation()
def tile(x: Array, repeats: Any) -> Array:
    """`x` side by side with itself."""
    counts = sizes(repeats)
    x = s.reshape(x, [1] * (len(counts) - x.ndim) + list(s.shape(x))) if len(counts) > x.ndim else x
    return s.tile(x, [1] * (x.ndim - len(counts)) + counts)


@operation()
def repeat(x: Array, repeats: Any, axis: int | None = None) -> Array:
    """Each element several times, one after the other."""
    return s.repeat(x, repeats, axis)


def size(x: Array) -> Array:
    """The number of elements."""
    return s.size(as_tensor(x))


def ndim(x: Array) -> int:
    """The number of dimensions."""
    return x.ndim if isinstance(x, KerasTensor) else int(as_tensor(x).ndim)
