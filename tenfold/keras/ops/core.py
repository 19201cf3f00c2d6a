"""Conversion, shapes and control flow in `keras.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras.dtypes import standardize_dtype
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.symbolic import KerasTensor
from tenfold.ops import creation, program, shaping
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.control import cond, while_loop


@operation("core")
def cast(x: Array, dtype: Any) -> Array:
    """`x` converted to `dtype`: floats to integers toward zero."""
    return creation.cast(x, standardize_dtype(dtype))


@operation("core")
def stop_gradient(variable: Array) -> Array:
    """The same values; no gradient flows back through them."""
    return program.stop_gradient(variable)


def shape(x: Any) -> tuple[Any, ...]:
    """The sizes: integers where known, else (in a function being traced) scalar tensors; None for a symbolic tensor's."""
    if isinstance(x, KerasTensor):
        return tuple(x.shape)
    x = as_tensor(x)
    return tuple(n if n is not None else shaping.shape(x)[i] for i, n in enumerate(x.shape))


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as a tensor; of `dtype` if given."""
    if isinstance(x, KerasTensor):
        return x if dtype is None else cast(x, dtype)
    x = as_tensor(x)
    return x if dtype is None else creation.cast(x, standardize_dtype(dtype))


def convert_to_numpy(x: Any) -> np.ndarray[Any, Any]:
    """`x` as a NumPy array."""
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor."""
    return isinstance(x, Tensor)


__all__ = ["cast", "cond", "convert_to_numpy", "convert_to_tensor", "is_tensor", "shape", "stop_gradient", "while_loop"]
