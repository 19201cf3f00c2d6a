"""Elements by their places, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import bool_, int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, broadcast, normalize_axis
from tenfold.ir.primitive import Spec
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import creation, selecting, shaping
from tenfold.ops.ragged import RaggedTensor
from tenfold.primitives import arithmetic as a
from tenfold.primitives.gather import scalar_size


def _counted(indices: Array, size: Any) -> Array:
    """Places counted from the start, where negative ones are counted from the end."""
    if not indices.dtype.is_integer:
        indices = creation.cast(indices, int32)
    return indices if indices.dtype.is_unsigned else a.select(indices < 0, indices + scalar_size(size, indices.dtype), indices)


@operation()
def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """The elements at `indices` along an axis; of the flat tensor if none is named."""
    if axis is None:
        x, axis = shaping.reshape(x, [-1]), 0
    axis = normalize_axis("take", axis, x.ndim)
    if isinstance(indices, RaggedTensor):
        return _take_rows(x, indices, axis)
    return selecting.gather(x, _counted(indices, x.sizes[axis]), axis=axis)


def _take_rows(x: Array, indices: RaggedTensor, axis: int) -> Any:
    """The elements at indices in rows of different lengths: rows again if they come first, else filled up with zeros."""
    if not axis:
        return RaggedTensor(take(x, indices.values, 0), indices.row_splits)
    dense = creation.cast(indices.to_tensor(), int32)
    there = creation.cast(RaggedTensor(creation.ones_like(indices.values), indices.row_splits).to_tensor(), x.dtype)
    return take(x, dense, axis) * shaping.reshape(there, [*there.sizes, *[1] * (x.ndim - axis - 1)])


@operation()
def take_along_axis(x: Array, indices: Array, axis: int | None = None) -> Array:
    """The elements at `indices` along an axis, each from its own row.

    Raises:
        ValueError: the shapes do not fit, apart from the axis.
    """
    if axis is None:
        if indices.ndim != 1:
            raise ShapeError(f"`indices` must be 1D if axis=None. Received: indices.shape={indices.shape}")
        x, axis = shaping.reshape(x, [-1]), 0
    if x.ndim != indices.ndim:
        raise ShapeError(f"`x` and `indices` must have the same number of dimensions, but receive shape {x.shape} and {indices.shape}.")
    axis = normalize_axis("take_along_axis", axis, x.ndim)
    order = [*(i for i in range(x.ndim) if i != axis), axis]
    back = [order.index(i) for i in range(x.ndim)]
    x, indices = shaping.transpose(x, order), shaping.transpose(_counted(indices, x.sizes[axis]), order)
    lead = broadcast("take_along_axis", x.sizes[:-1], indices.sizes[:-1])
    x, indices = (shaping.broadcast_to(t, (*lead, t.sizes[-1])) for t in (x, indices))
    return shaping.transpose(selecting.gather(x, indices, axis=-1, batch_dims=x.ndim - 1), back)


@operation()
def get_item(x: Array, key: Any) -> Array:
    """x[key]."""
    return x[key]


def _places(x: KerasTensor) -> tuple[Spec, ...]:
    """What `nonzero` makes of a symbolic tensor: how many there are is not known."""
    return (Spec((Sym.fresh("nonzero"),), int32),) * x.ndim


@operation(spec=_places)
def nonzero(x: Array) -> tuple[Array, ...]:
    """The places of the elements that are not zero, axis by axis."""
    places = creation.cast(selecting.where(creation.cast(x, bool_)), int32)
    return tuple(places[:, i] for i in range(x.ndim))


@operation()
def unravel_index(indices: Array, shape: Any) -> tuple[Array, ...]:
    """Places in the flat tensor as places in one of this shape.

    Raises:
        ValueError: a size is not known.
    """
    if None in shape:
        raise InvalidArgumentError(f"`shape` argument cannot contain `None`. Received: shape={shape}")
    places = []
    for size in reversed(shape):
        places.append(indices % size)
        indices = indices // size
    return tuple(reversed(places))
