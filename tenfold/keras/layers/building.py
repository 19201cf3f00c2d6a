"""What surrounds `build`, and structures of shapes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from tenfold.core import nest
from tenfold.core.resuming import resume
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.base.variables import scope_of
from tenfold.keras.layers.call import signature
from tenfold.tensor.tensor import Tensor
from tenfold.transform.trace import init_scope


def is_tensors(value: Any) -> bool:
    """Whether `value` is a tensor, or a structure of tensors only."""
    leaves = nest.flatten(value)
    return bool(leaves) and all(isinstance(leaf, (Tensor, KerasTensor)) for leaf in leaves)


def tuples(shape: Any) -> Any:
    """A shape as it comes from a file: lists become tuples where they hold sizes."""
    if isinstance(shape, dict):
        return {k: tuples(v) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        return tuple(shape) if is_shape(shape) else [tuples(s) for s in shape]
    return shape


def is_shape(value: Any) -> bool:
    """Whether `value` is one shape: sizes, None where unknown."""
    return isinstance(value, (list, tuple)) and all(n is None or isinstance(n, int) for n in value)


def map_shapes(function: Callable[[Any], Any], structure: Any) -> Any:
    """`function` of each shape in a list or dict of shapes."""
    if isinstance(structure, dict):
        return {k: map_shapes(function, v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)) and not is_shape(structure):
        return [map_shapes(function, v) for v in structure]
    return function(structure)


def first_shape(structure: Any) -> Any:
    """The first shape in a list or dict of shapes."""
    while not is_shape(structure):
        structure = next(iter(structure.values() if isinstance(structure, dict) else structure))
    return structure


def unwrapped(function: Any) -> Any:
    """A build method without what surrounds it."""
    return getattr(function, "__wrapped__", function)


def building(build: Any) -> Any:
    """`build` with what surrounds it: the layer's name scope, the shapes kept for files, `built`."""

    @wraps(build)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.__dict__.get("_in_build"):
            return build(self, *args, **kwargs)
        self.__dict__["_in_build"] = True
        names = signature(build).names[1:]
        self.__dict__["_build_shapes"] = {**dict(zip(names, args, strict=False)), **kwargs} or dict.fromkeys(names[:1])
        self.__dict__["_first_shapes"] = self.__dict__["_build_shapes"]
        try:
            with init_scope(), scope_of(self.name) as path:
                self.__dict__["_path"] = path
                result = build(self, *args, **kwargs)
        finally:
            self.__dict__["_in_build"] = False
        self.built = True
        resume(self)
        return result

    return wrapper
