"""Tensors from a shape or a few numbers, in `keras.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras.defaults import floatx
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.promotion import result_type
from tenfold.ops import creation, shaping
from tenfold.tensor.tensor import as_tensor


def zeros(shape: Any, dtype: Any = None) -> Array:
    """Zeros."""
    return creation.zeros(shape, dtype or floatx())


def ones(shape: Any, dtype: Any = None) -> Array:
    """Ones."""
    return creation.ones(shape, dtype or floatx())


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Array:
    """`fill_value` everywhere."""
    return shaping.broadcast_to(creation.cast(fill_value, dtype or floatx()), shape)


@operation()
def zeros_like(x: Array, dtype: Any = None) -> Array:
    """Zeros in the shape of `x`."""
    return creation.zeros_like(x, dtype=dtype)


@operation()
def ones_like(x: Array, dtype: Any = None) -> Array:
    """Ones in the shape of `x`."""
    return creation.ones_like(x, dtype=dtype)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Array:
    """Numbers in equal steps, from `start` (0 if it is the only number) up to but without `stop`."""
    if dtype is None:
        dtype = result_type(*(getattr(n, "dtype", type(n)) for n in (start, stop, step) if n is not None))
    return creation.range(start, stop, 1 if step is None else step, dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Ones on the k-th diagonal of a matrix of N rows and M columns."""
    return creation.cast(as_tensor(np.eye(N, M, k)), dtype or floatx())
