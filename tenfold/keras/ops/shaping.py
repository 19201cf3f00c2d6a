"""Shapes, and the order of axes and elements, in `keras.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import normalize_axes, normalize_axis
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import shaping as s
from tenfold.tensor.tensor import as_tensor

Axes = int | tuple[int, ...] | list[int] | None


def sizes(shape: Any) -> list[Any]:
    """A shape argument as a list: one number is a shape too, and None an unknown size."""
    return [-1 if n is None else n for n in (shape if hasattr(shape, "__iter__") else [shape])]


def axes_of(axis: Axes) -> list[int]:
    """An axis argument as a list."""
    return [] if axis is None else [int(n) for n in np.ravel(axis)]


@operation()
def reshape(x: Array, newshape: Any) -> Array:
    """The same elements in another shape; one size may be -1, to be found out."""
    wanted = sizes(newshape)
    known = [n for n in wanted if isinstance(n, (int, np.integer))]
    if any(n < -1 for n in known):
        raise InvalidArgumentError(f"Each size must be a non-negative integer, or -1 for one to be found out. Received: newshape={newshape}")
    if known.count(-1) > 1:
        raise InvalidArgumentError(f"There can be at most one unknown dimension (-1). Received: newshape={newshape}")
    return s.reshape(x, wanted)


@operation()
def broadcast_to(x: Array, shape: Any) -> Array:
    """`x` repeated along axes of size 1 and new leading axes."""
    return s.broadcast_to(x, shape)


@operation()
def transpose(x: Array, axes: Any = None) -> Array:
    """The axes in another order; reversed if none is given."""
    if axes and len(axes) != x.ndim:
        raise InvalidArgumentError(f"`axes` must be a list of the same length as the input shape {x.shape}. Received: axes={list(axes)}.")
    if axes and not all(-x.ndim <= n < x.ndim for n in axes):
        raise InvalidArgumentError(f"Each axis in `axes` must be an integer in [-{x.ndim}, {x.ndim}). Received: axes={list(axes)}.")
    if axes and len({n % x.ndim for n in axes}) != len(axes):
        raise InvalidArgumentError(f"`axes` must be a valid permutation of the input dimensions (no duplicates). Received: axes={list(axes)}.")
    return s.transpose(x, axes or None)


@operation()
def expand_dims(x: Array, axis: Axes) -> Array:
    """With new axes of size 1, at these places of the result."""
    places = axes_of(axis)
    for place in normalize_axes("expand_dims", places, x.ndim + len(places)):
        x = s.expand_dims(x, place)
    return x


@operation()
def squeeze(x: Array, axis: Axes = None) -> Array:
    """Without axes of size 1: all of them, or these.

    Raises:
        ValueError: one of them is larger.
    """
    places = normalize_axes("squeeze", axes_of(axis), x.ndim)
    for place in places:
        if x.shape[place] != 1:
            raise ShapeError(f"Cannot squeeze axis={place}, because the dimension is not 1. Received a tensor of shape {x.shape}.")
    return s.squeeze(x, axis if axis is None else list(places)) if axis is None or places else x


@operation()
def ravel(x: Array) -> Array:
    """The elements in one row."""
    return s.reshape(x, [-1])


@operation()
def swapaxes(x: Array, axis1: int, axis2: int) -> Array:
    """Two axes in each other's place."""
    order = list(range(x.ndim))
    first, second = (normalize_axis("swapaxes", n, x.ndim) for n in (axis1, axis2))
    order[first], order[second] = second, first
    return s.transpose(x, order)


@operation()
def moveaxis(x: Array, source: Axes, destination: Axes) -> Array:
    """Axes at other places; the others keep their order.

    Raises:
        ValueError: there are not as many places as axes.
    """
    sources, places = ([normalize_axis("moveaxis", n, x.ndim) for n in axes_of(v)] for v in (source, destination))
    if len(sources) != len(places):
        raise InvalidArgumentError(f"Inconsistent number of `source` and `destination`. Received: source={source}, destination={destination}")
    order = [i for i in range(x.ndim) if i not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return s.transpose(x, order)


@operation()
def flip(x: Array, axis: Axes = None) -> Array:
    """Backwards along axes; all of them if none is named."""
    return s.reverse(x, list(range(x.ndim)) if axis is None else axes_of(axis))


@operation()
def fliplr(x: Array) -> Array:
    """Backwards along the second axis."""
    return s.reverse(x, [1])


@operation()
def flipud(x: Array) -> Array:
    """Backwards along the first axis."""
    return s.reverse(x, [0])


@operation()
def rot90(array: Array, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Array:
    """Turned by k quarters in the plane of two axes, from the first one to the second.

    Raises:
        ValueError: there are no two different axes.
    """
    if array.ndim < 2:
        raise ShapeError(f"Input array must have at least 2 dimensions. Received: array.ndim={array.ndim}")
    if len(axes) != 2 or axes[0] == axes[1]:
        raise InvalidArgumentError(f"Invalid axes: {axes}. Axes must be a tuple of two different dimensions.")
    first, second = (normalize_axis("rot90", n, array.ndim) for n in axes)
    turned = {0: [], 1: [second], 2: [first, second], 3: [first]}[k % 4]
    array = s.reverse(array, turned) if turned else array
    return swapaxes(array, first, second) if k % 2 else array


@operation()
def roll(x: Array, shift: Axes, axis: Axes = None) -> Array:
    """Moved along axes (in the flat tensor, if none is named); what leaves at one end comes in at the other."""
    if axis is None:
        return s.reshape(s.roll(s.reshape(x, [-1]), sum(axes_of(shift)), 0), x.sizes)
    axes = axes_of(axis)
    shifts = axes_of(shift)
    return s.roll(x, shifts * len(axes) if len(shifts) == 1 else shifts, axes * len(shifts) if len(axes) == 1 else axes)


@operation()
def pad(x: Array, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Array:
    """With elements added at the ends of its axes.

    Args:
        x: the tensor.
        pad_width: a pair (before, after) for each axis, or for all; or one number.
        mode: "constant", "reflect" (mirrored at the border element) or "symmetric" (with it).
        constant_values: with "constant", the value; default: 0.
    """
    if constant_values is not None and mode != "constant":
        raise InvalidArgumentError(f"Argument `constant_values` can only be provided when `mode == 'constant'`. Received: mode={mode}")
    pairs = np.broadcast_to(np.asarray(pad_width), (x.ndim, 2)).tolist()
    return s.pad(x, pairs, mode, 0 if constant_values is None else constant_values)


@operation()
def tile(x: Array, repeats: Any) -> Array:
    """`x` side by side with itself."""
    counts = sizes(repeats)
    x = s.reshape(x, (*[1] * (len(counts) - x.ndim), *x.sizes))
    return s.tile(x, [1] * (x.ndim - len(counts)) + counts)


@operation()
def repeat(x: Array, repeats: Any, axis: int | None = None) -> Array:
    """Each element several times, one after the other."""
    return s.repeat(x, repeats, axis)


@operation()
def size(x: Array) -> Array:
    """The number of elements."""
    return s.size(x)


def ndim(x: Array) -> int:
    """The number of dimensions."""
    return len(x.shape) if hasattr(x, "shape") else int(as_tensor(x).ndim)
