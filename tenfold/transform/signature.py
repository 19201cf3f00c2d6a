"""What the signature of a call depends on: types and shapes of its tensors, the other values, and how they are nested."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.tensor.spec import TensorSpec
from tenfold.tensor.tensor import CONVERTERS, Tensor, as_tensor
from tenfold.tensor.variable import Variable


def shapes_of(args: tuple[Any, ...]) -> tuple[Any, list[Any]] | None:
    """What the signature of a call with eager tensors alone depends on, and their arrays; None for any other call."""
    parts, arrays = [], []
    for t in args:
        if type(t) is not Tensor or t._array is None:
            return None
        a = t._array
        parts.append((a.dtype, a.shape))
        arrays.append(a)
    return tuple(parts), arrays


def tensor_argument(leaf: Any, spec: TensorSpec | None) -> Tensor | None:
    """The Tensor of an argument that is one; None for a Python value, which becomes part of the signature."""
    if type(leaf) is Tensor:
        return leaf
    if isinstance(leaf, Variable):
        return None
    if spec is not None:
        return as_tensor(leaf, hint=spec.dtype)
    if isinstance(leaf, (np.ndarray, np.generic)) or any(isinstance(leaf, cls) for cls, _ in CONVERTERS):
        return as_tensor(leaf)
    return None


def python_key(leaf: Any) -> Any:
    """What stands for a Python value in a signature: the value, if it can be hashed."""
    if isinstance(leaf, Variable):
        return ("variable", id(leaf))
    try:
        hash(leaf)
    except TypeError:
        return ("object", id(leaf))
    return (type(leaf), leaf)


def form_of(structure: Any) -> Any:
    """The nesting of a structure, hashable."""
    if isinstance(structure, dict):
        return ("dict", tuple((k, form_of(v)) for k, v in structure.items()))
    return (type(structure).__name__, tuple(form_of(v) for v in structure)) if nest.is_nested(structure) else None
