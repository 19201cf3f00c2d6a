"""What the signature of a call depends on: types and shapes of its tensors, the other values, and how they are nested."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.tensor.spec import TensorSpec
from tenfold.tensor.tensor import CONVERTERS, Tensor, as_tensor
from tenfold.tensor.variable import Variable

PLAIN = frozenset({bool, int, str, type(None)})  # not float: no NaN is like another


def shapes_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, list[Any]] | None:
    """What the signature of a call depends on, and the arrays of its tensors in the order of `nest.flatten`, seen in one pass; None for a
    call with something else than eager tensors, arrays and plain values, in anything else than tuples, lists and dicts.
    """
    parts: list[Any] = []
    arrays: list[Any] = []
    if kwargs:
        if not all(type(v) in PLAIN for v in kwargs.values()):  # their place among the tensors would have to be found
            return None
        parts += [(name, type(v), v) for name, v in kwargs.items()]
    return (tuple(parts), arrays) if _see(args, parts, arrays) else None


def _see(values: Iterable[Any], parts: list[Any], arrays: list[Any]) -> bool:
    """Adds what the signature depends on to `parts`, and arrays to `arrays`; False where something is in the way."""
    for x in values:
        kind = type(x)
        if kind is Tensor:
            x = x._array
            if x is None:
                return False
            parts.append((x.dtype, x.shape))
            arrays.append(x)
        elif kind is np.ndarray:
            parts.append((x.dtype, x.shape))
            arrays.append(x)
        elif kind in PLAIN:
            parts.append((kind, x))
        elif kind is tuple or kind is list or kind is dict:
            parts.append((kind, tuple(x) if kind is dict else len(x)))
            if not _see(nest.children(x), parts, arrays):
                return False
        else:
            return False
    return True


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
