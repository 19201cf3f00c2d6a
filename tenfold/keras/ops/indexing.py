"""Elements by their places, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.ops.define import Array, operation
from tenfold.ops import selecting, shaping


@operation()
def take(x: Array, indices: Array, axis: int | None = None) -> Array:
    """The elements at `indices` along an axis; of the flat tensor if none is named."""
    return selecting.gather(shaping.reshape(x, [-1]), indices) if axis is None else selecting.gather(x, indices, axis=axis)


@operation()
def get_item(x: Array, key: Any) -> Array:
    """x[key]."""
    return x[key]
