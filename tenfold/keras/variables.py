"""keras.Variable: a tf.Variable that knows its path, its regularizer and its constraint."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.errors import ShapeError
from tenfold.keras.budget import initial_value
from tenfold.keras.dtypes import standardize_dtype
from tenfold.keras.naming import auto_name
from tenfold.primitives.arithmetic import cast
from tenfold.tensor import variable as base
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.trace import init_scope


class _Scope(threading.local):
    def __init__(self) -> None:
        self.names: list[str] = []
        self.autocast: DType | None = None  # the type in which the layer being called computes, if it keeps its weights in another


_scope = _Scope()


@contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Variables made inside carry `name/` in their path."""
    _scope.names.append(name)
    try:
        yield
    finally:
        _scope.names.pop()


@contextmanager
def scope_of(layer_name: str) -> Iterator[str]:
    """The scope of a layer, entered unless it is the innermost already; gives the path."""
    entered = not _scope.names or _scope.names[-1] != layer_name
    if entered:
        _scope.names.append(layer_name)
    try:
        yield "/".join(_scope.names)
    finally:
        if entered:
            _scope.names.pop()


@contextmanager
def autocast_scope(dtype: DType | None) -> Iterator[None]:
    """Inside, float variables are read in `dtype`."""
    outer, _scope.autocast = _scope.autocast, dtype
    try:
        yield
    finally:
        _scope.autocast = outer


def autocast_dtype() -> DType | None:
    """The type in which float variables are read now; None: their own."""
    return _scope.autocast


class Variable(base.Variable):
    """A weight of a layer, or the state of an optimizer or metric.

    Args:
        initializer: a value, or a function `(shape, dtype) -> value`.
        shape: needed with a function.
        dtype: the element type; default: float32 with a function, else the value's.
        trainable: whether gradients are wanted.
        regularizer, constraint: functions of the value.
        name: the last part of its path.

    Example:
        >>> v = Variable([1.0, 2.0], name="scale"); v.path, v.value.shape
        ('scale', TensorShape([2]))
    """

    def __init__(self, initializer: Any, shape: Any = None, dtype: Any = None, trainable: bool = True, autocast: bool = True,
                 aggregation: str = "none", synchronization: str = "auto", name: str | None = None, *, regularizer: Any = None,
                 constraint: Any = None) -> None:  # fmt: skip
        with init_scope():
            value = initializer
            if callable(initializer) and not isinstance(initializer, (Tensor, base.Variable)):
                if shape is None:
                    raise ValueError(f"[Variable] an initializer function needs a shape. Received: initializer={initializer}, shape=None")
                wanted = as_dtype(standardize_dtype(dtype))
                value = initial_value(initializer, tuple(shape), wanted)
                if tuple(as_tensor(value).shape) != tuple(shape):
                    got = as_tensor(value).shape
                    raise ShapeError(f"[Variable] the initializer gave the shape {tuple(got)} for a weight of shape {tuple(shape)}.")
            super().__init__(value, trainable=trainable, dtype=None if dtype is None else standardize_dtype(dtype))
        name = name or auto_name("variable")
        if "/" in name:
            raise ValueError(f"[Variable] a name must not contain '/'. Received: name={name!r}")
        parent = "/".join(_scope.names)
        self.name = name
        self.path = f"{parent}/{name}" if parent else name
        self.regularizer = regularizer
        self.constraint = constraint
        self.autocast = autocast
        self.aggregation = aggregation
        self.synchronization = synchronization
        self.overwrite_with_gradient = False

    @property
    def value(self) -> Any:  # type: ignore[override]
        """The value at this point."""
        return self.read_value()

    def read_value(self) -> Tensor:
        """The value at this point; in the type that the calling layer computes in."""
        tensor = super().read_value()
        wanted = _scope.autocast
        if wanted is None or not self.autocast or tensor.dtype is wanted or not tensor.dtype.is_floating:
            return tensor
        return cast(tensor, wanted)  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        return super().__repr__().replace("<tf.Variable", "<Variable", 1).replace(repr(self.name), f"path={self.path},", 1)


def with_state(variables: Sequence[Any], values: Sequence[Any], function: Callable[[], Any], owner: str) -> tuple[Any, list[Any]]:
    """(the result of `function`, the variables' values after it) if it starts with these values; the variables themselves keep theirs.

    Raises:
        ValueError: there are more or fewer values than variables.
    """
    if len(variables) != len(values):
        raise ValueError(f"Expected a list of tensors corresponding 1:1 to {owner}().variables. Received a list of length {len(values)}, but "
                         f"expected {len(variables)} variables.")  # fmt: skip
    before = [v.read_value() for v in variables]
    given = [value.read_value() if isinstance(value, base.Variable) else as_tensor(value) for value in values]
    try:
        for v, value in zip(variables, given, strict=True):
            v.assign(cast(value, v.dtype))
        result = function()
        return result, [v.read_value() for v in variables]
    finally:
        for v, old in zip(variables, before, strict=True):
            v.assign(old)


def path_of(variable: Any) -> str:
    """The path of a Keras variable; the name of any other."""
    return str(getattr(variable, "path", None) or variable.name)
