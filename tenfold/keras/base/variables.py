"""keras.Variable: a tf.Variable that knows its path, its regularizer and its constraint."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.errors import ShapeError
from tenfold.keras.base.dtypes import standardize_dtype
from tenfold.keras.base.lazy import initializer_named
from tenfold.keras.base.naming import auto_name
from tenfold.keras.base.symbolic import install_operators
from tenfold.keras.saving.budget import initial_value
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.indexed_slices import IndexedSlices
from tenfold.tensor import variable as base
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.trace import init_scope


class _Scope(threading.local):
    def __init__(self) -> None:
        self.names: list[tuple[str, Any]] = []  # with whom opened them
        self.stateless: Any = None  # the StatelessScope that is open
        self.autocast: DType | None = None  # the type in which the layer being called computes, if it keeps its weights in another


_scope = _Scope()


class name_scope:
    """Variables made inside carry `name/` in their path.

    Args:
        name: a part of the path.
        caller: the object that opens it; a scope that it opens again inside, with the same name, adds nothing.
        deduplicate: whether that is so.
        override_parent: a path that takes the place of the outer scopes.

    Example:
        >>> with name_scope("encoder"), name_scope("first"):
        ...     Variable(0.0, name="bias").path
        'encoder/first/bias'
    """

    def __init__(self, name: str, caller: Any = None, deduplicate: bool = True, override_parent: str | None = None) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}")
        self.name, self.caller, self.deduplicate, self.override_parent = name, caller, deduplicate, override_parent
        self._outer: list[tuple[str, Any]] = []

    def __enter__(self) -> name_scope:
        self._outer = _scope.names
        own = (self.name, self.caller)
        if self.override_parent is not None:
            _scope.names = [(part, None) for part in self.override_parent.split("/") if part] + [own]
        elif not (self.deduplicate and self.caller is not None and self._outer[-1:] == [own]):
            _scope.names = [*self._outer, own]
        return self

    def __exit__(self, *error: Any) -> None:
        _scope.names = self._outer


def open_scope(name: str) -> Any:
    """Opens `name_scope(name)` for a layer's call; gives what `close_scope` needs."""
    outer = _scope.names
    _scope.names = [*outer, (name, None)]
    return outer


def close_scope(outer: Any) -> None:
    """The scopes that were open before."""
    _scope.names = outer


def current_path() -> str:
    """The path of the scopes that are open."""
    return "/".join(name for name, _ in _scope.names)


@contextmanager
def scope_of(layer_name: str, path: str | None = None) -> Iterator[str]:
    """The scope of a layer, entered unless it is the innermost already; gives the path. `path` is that of a layer that has one."""
    inside = bool(_scope.names) and _scope.names[-1][0] == layer_name
    parent = path.rpartition("/")[0] if path and not _scope.names else None
    with nullcontext() if inside else name_scope(layer_name, override_parent=parent):
        yield current_path()


@contextmanager
def autocast_scope(dtype: DType | None) -> Iterator[None]:
    """Inside, float variables are read in `dtype`."""
    outer, _scope.autocast = _scope.autocast, dtype
    try:
        yield
    finally:
        _scope.autocast = outer


def set_stateless(scope: Any) -> Any:
    """Opens a StatelessScope, or none; gives the one that was open."""
    outer, _scope.stateless = _scope.stateless, scope
    return outer


def autocast_dtype() -> DType | None:
    """The type in which float variables are read now; None: their own."""
    return _scope.autocast


def is_stateless() -> bool:
    """Whether a StatelessScope is open."""
    return _scope.stateless is not None


def reads_as_kept() -> bool:
    """Whether variables are read and written as they are: no StatelessScope is open, and no layer reads them in another type."""
    return _scope.stateless is None and _scope.autocast is None


def _checked(name: str, fits: Callable[[Any], bool], error: type[Exception], expected: str) -> Any:
    """An attribute that only takes values that fit."""

    def get(self: Any) -> Any:
        return self.__dict__[name]

    def put(self: Any, value: Any) -> None:
        if not fits(value):
            raise error(f"Invalid value for attribute `{name}`. Expected: {expected}. Received: {value}")
        self.__dict__[name] = value

    return property(get, put)


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
        name = auto_name("variable") if name is None else name
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}")
        _expect("aggregation", aggregation, (None, "none", "mean", "sum", "only_first_replica"))
        _expect("synchronization", synchronization, (None, "none", "on_read", "on_write", "auto"))
        if isinstance(initializer, str):
            initializer = initializer_named(initializer)
        made = callable(initializer) and not isinstance(initializer, (Tensor, base.Variable))
        if made and shape is None:
            raise ValueError(f"When creating a Variable from an initializer, the `shape` argument should be specified. "
                             f"Received: initializer={initializer} and shape={shape}")  # fmt: skip
        if _scope.stateless is not None and not made:
            raise ValueError("You are attempting to create a variable while in a stateless scope. This is disallowed. Make sure that all variables "
                             "are created before you start using your layer/model objects, e.g. in a `build` method.")  # fmt: skip
        with init_scope():
            super().__init__(_made(initializer, shape, dtype) if made else _given(initializer, dtype), trainable=trainable)
        self.name = name
        self.path = f"{current_path()}/{name}".removeprefix("/")
        self.regularizer, self.constraint, self.autocast = regularizer, constraint, autocast
        self.aggregation, self.synchronization = aggregation or "none", synchronization or "none"
        self.overwrite_with_gradient = False

    @property
    def dtype(self) -> DType:
        """The element type of what is read at this point: in a layer's `call` the type it computes in."""
        kept, wanted = self._tensor.dtype, _scope.autocast
        return kept if wanted is None or not self.autocast or not kept.is_floating else wanted

    @property
    def value(self) -> Any:  # type: ignore[override]
        """The value at this point."""
        return self.read_value()

    regularizer = _checked("regularizer", lambda value: value is None or callable(value), ValueError, "None or a callable")
    constraint = _checked("constraint", lambda value: value is None or callable(value), ValueError, "None or a callable")
    overwrite_with_gradient = _checked("overwrite_with_gradient", lambda value: isinstance(value, bool), TypeError, "It must be a boolean.")

    def __bool__(self) -> bool:
        raise TypeError("A Keras Variable cannot be used as a boolean. Try bool(variable.value), or keras.ops.any.")

    def __int__(self) -> int:
        return int(self._scalar())

    def __float__(self) -> float:
        return float(self._scalar())

    def _scalar(self) -> Tensor:
        if self.ndim:
            raise TypeError(f"Only scalar arrays can be converted to Python scalars. Received a variable of shape {tuple(self.shape)}.")
        return self.read_value()

    @property
    def _value(self) -> Variable:
        """What Keras wraps: here it is the variable itself."""
        return self

    def read_value(self) -> Tensor:
        """The value at this point; in the type that the calling layer computes in."""
        wanted = _scope.autocast
        if wanted is None and _scope.stateless is None:
            return base.Variable.read_value(self)
        tensor = self._as_kept()
        if wanted is None or not self.autocast or tensor.dtype is wanted or not tensor.dtype.is_floating:
            return tensor
        return cast(tensor, wanted)  # type: ignore[no-any-return]

    def _as_kept(self) -> Tensor:
        scope = _scope.stateless
        return base.Variable.read_value(self) if scope is None else scope.get_current_value(self, super().read_value)

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Replaces the value; `value` takes the variable's type.

        Raises:
            ValueError: another shape.
        """
        value = self._same_type(value)
        if value.sizes != self._spec_shape and not self.shape.is_compatible_with(value.shape):
            raise ShapeError("The shape of the target variable and the shape of the target value in `variable.assign(value)` must match. "
                             f"variable.shape={self.shape}, Received: value.shape={value.shape}. Target variable: {self}")  # fmt: skip
        if _scope.stateless is None:
            return super().assign(value)
        _scope.stateless.add_update((self, value))
        return value

    def assign_add(self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Adds `delta` to the value; of IndexedSlices only their rows are touched."""
        delta = self._same_type(delta)
        return super().assign_add(delta) if _scope.stateless is None else self.assign(self.read_value() + delta)

    def assign_sub(self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Subtracts `delta` from the value; of IndexedSlices only their rows are touched."""
        delta = self._same_type(delta)
        return super().assign_sub(delta) if _scope.stateless is None else self.assign(self.read_value() - delta)

    def _same_type(self, value: Any) -> Any:
        if not isinstance(value, (Tensor, IndexedSlices)):
            value = as_tensor(value, hint=self._tensor.dtype)
        return value if value.dtype is self._tensor.dtype else cast(value, self._tensor.dtype)

    def __repr__(self) -> str:
        head = f"<Variable path={self.path}, shape={tuple(self.shape)}, dtype={self.dtype.name}"
        array = self._tensor._array if state.trace is None else None
        return f"{head}>" if array is None or _scope.stateless is not None else f"{head}, value={array}>"


def _made(initializer: Any, shape: Any, dtype: Any) -> Any:
    """What an initializer gives for a shape."""
    value = as_tensor(initial_value(initializer, tuple(shape), as_dtype(standardize_dtype(dtype))))
    if tuple(value.shape) != tuple(shape):
        raise ShapeError(f"[Variable] the initializer gave the shape {tuple(value.shape)} for a weight of shape {tuple(shape)}.")
    return value if dtype is None else cast(value, as_dtype(standardize_dtype(dtype)))


def _given(value: Any, dtype: Any) -> Any:
    """A value as a tensor of `dtype`, or of its own type."""
    wanted = None if dtype is None else as_dtype(standardize_dtype(dtype))
    return as_tensor(value) if wanted is None else cast(as_tensor(value, hint=wanted), wanted)


def _expect(argument: str, value: Any, allowed: tuple[Any, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"Invalid value for argument `{argument}`. Expected one of {allowed}. Received: {argument}={value}")


install_operators(Variable)


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
