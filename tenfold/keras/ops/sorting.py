"""Order, and sets of elements, in `keras.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import int32, int64
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, normalize_axis
from tenfold.ir.primitive import Spec
from tenfold.keras.base.promotion import result_type
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.ops import shaping
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import creation, selecting
from tenfold.ops import shaping as t
from tenfold.ops import sorting as s
from tenfold.primitives.host import distinct


@operation()
def sort(x: Array, axis: int | None = -1) -> Array:
    """The elements along an axis in ascending order; of the flat tensor if there is none."""
    return s.sort(shaping.reshape(x, [-1]) if axis is None else x, -1 if axis is None else axis)


@operation()
def argsort(x: Array, axis: int | None = -1) -> Array:
    """The places that bring the elements along an axis into ascending order."""
    if axis is None or x.ndim == 0:
        x, axis = shaping.reshape(x, [-1]), -1
    return s.argsort(x, axis, stable=True)


@operation()
def argpartition(x: Array, kth: int, axis: int | None = -1) -> Array:
    """Places in an order in which the k-th element is where it belongs, no smaller one behind it, and no larger one before it.

    Raises:
        ValueError: `kth` is no integer.
    """
    if not isinstance(kth, (int, np.integer)):
        raise InvalidArgumentError(f"kth must be an integer. Received: kth={kth}")
    return argsort(x, axis)


@operation(kind="SearchSorted", dtype=result_type)
def searchsorted(sorted_sequence: Array, values: Array, side: str = "left") -> Array:
    """Where each value belongs in an ascending vector: before ("left") or behind ("right") its equals.

    Raises:
        ValueError: the sequence is no vector.
    """
    if sorted_sequence.ndim != 1:
        raise ShapeError(
            "`searchsorted` only supports 1-D sorted sequences. You can use `keras.ops.vectorized_map` to extend it to N-D sequences. "
            f"Received: sorted_sequence.shape={sorted_sequence.shape}"
        )
    kind = int32 if isinstance(sorted_sequence.sizes[0], int) and sorted_sequence.sizes[0] <= int32.max else int64
    return shaping.reshape(s.searchsorted(sorted_sequence, shaping.reshape(values, [-1]), side, kind), values.sizes)


@operation()
def digitize(x: Array, bins: Array) -> Array:
    """The number of the bin that each element is in: how many of the ascending borders it has reached."""
    common = result_type(x.dtype, bins.dtype)
    x, edges = (creation.cast(v, int32 if common == "bool" else common) for v in (x, bins))
    return shaping.reshape(s.searchsorted(edges, shaping.reshape(x, [-1]), "right"), x.sizes)


def _distinct(x: KerasTensor, sorted: bool = True, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
              axis: int | None = None, size: int | None = None, fill_value: Any = None) -> Any:  # fmt: skip
    """What `unique` makes of a symbolic tensor: how many there are is not known."""
    count = Sym.fresh("distinct") if size is None else size
    at = None if axis is None else normalize_axis("unique", axis, x.ndim)
    inverse = x.sizes if at is None else (x.sizes[at],)
    parts = [Spec((count,) if at is None else tuple(count if i == at else n for i, n in enumerate(x.sizes)), x.dtype)]
    parts += [Spec((count,), int32)] * return_index + [Spec(inverse, int32)] * return_inverse + [Spec((count,), int32)] * return_counts
    return tuple(parts) if len(parts) > 1 else parts[0]


@operation(spec=_distinct)
def unique(x: Array, sorted: bool = True, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
           axis: int | None = None, size: int | None = None, fill_value: Any = None) -> Any:  # fmt: skip
    """The different elements in ascending order, or the different slices along an axis.

    Args:
        x: the tensor.
        sorted: accepted: they always are.
        return_index: whether to return where each is first.
        return_inverse: whether to return which of them each element is.
        return_counts: whether to return how often each occurs.
        axis: along which axis slices are compared; None: elements are.
        size: how many there are in the result: the first ones, or more, filled up.
        fill_value: what to fill up with; default: 0.
    """
    at = 0 if axis is None else normalize_axis("unique", axis, x.ndim)
    rows = shaping.reshape(x, [-1]) if axis is None else shaping.swapaxes(x, 0, at)
    first, inverse, counts = distinct(shaping.reshape(rows, [rows.shape[0], -1]))
    values = selecting.gather(rows, first)
    results = [_resized(values if axis is None else shaping.swapaxes(values, 0, at), at, size, 0 if fill_value is None else fill_value)]
    if return_index:
        results.append(_resized(first, 0, size, 1))
    if return_inverse:
        results.append(shaping.reshape(inverse, x.sizes) if axis is None else inverse)
    if return_counts:
        results.append(_resized(counts, 0, size, 0))
    return tuple(results) if len(results) > 1 else results[0]


def _resized(x: Array, axis: int, size: int | None, fill: Any) -> Array:
    """With so many elements along an axis: the first ones, or filled up."""
    if size is None:
        return x
    x = x[(*[slice(None)] * axis, slice(0, size))]
    return t.pad(x, [(0, size - n if i == axis else 0) for i, n in enumerate(x.sizes)], constant_values=fill)
