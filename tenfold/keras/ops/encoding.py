"""Class numbers as vectors, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.defaults import floatx
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import creation


@operation("nn")
def one_hot(x: Array, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Array:
    """Vectors with a one in the place of each class number, along a new axis."""
    return creation.one_hot(x, num_classes, axis=axis, dtype=dtype or floatx())
