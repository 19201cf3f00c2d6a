"""tf.Module and the scopes: name_scope, device, control_dependencies."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import wraps
from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.resuming import Resuming
from tenfold.ops.config import get_soft_device_placement, list_physical_devices
from tenfold.tensor.bind import state
from tenfold.tensor.variable import Variable


class name_scope:
    """Names what is made inside, for messages.

    Example:
        >>> import tenfold as tf
        >>> with tf.name_scope("encoder") as scope:
        ...     print(scope)
        encoder/
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise ValueError(f"[name_scope] expected a string; received {name!r}.")
        self.name = name

    def __enter__(self) -> str:
        state.scope.append(self.name)
        return "/".join(state.scope) + "/" if self.name else ""

    def __exit__(self, *error: Any) -> None:
        state.scope.pop()


@contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Runs the operations inside on a device.

    Raises:
        ValueError: there is no such device and soft placement is off; while it is on (the default), a warning says so.
    """
    wanted = "" if device_name is None or callable(device_name) else str(device_name)
    kind = re.search(r"(?i)(cpu|gpu|tpu|xla_gpu|xla_cpu)(?::(\d+|\*))?", wanted)
    if kind and not list_physical_devices(kind.group(1).upper().removeprefix("XLA_")):
        text = f"[device] there is no {wanted!r} on this machine: {[d.name for d in list_physical_devices()]} are there."
        if not get_soft_device_placement():
            raise InvalidArgumentError(text)
        warnings.warn(f"{text} The operations run on the CPU.", stacklevel=3)
    yield


def control_dependencies(control_inputs: Any) -> Any:
    """A context that does nothing: effects always run in the order of the program."""
    return nullcontext()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Module(Resuming):
    """An object that knows the variables and modules that its attributes hold, as `tf.Module`.

    Example:
        >>> import tenfold as tf
        >>> class Dense(tf.Module):
        ...     def __init__(self, n, m, name=None):
        ...         super().__init__(name=name)
        ...         self.w = tf.Variable(tf.zeros([n, m]), name="w")
        ...     def __call__(self, x):
        ...         return x @ self.w
        >>> len(Dense(2, 3).trainable_variables)
        1
    """

    _TF_MODULE_IGNORED_PROPERTIES: frozenset[str] = frozenset()

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ValueError(f"{name!r} is not a valid module name. Module names must be valid Python identifiers (e.g. a valid class name).")
        self._name = name or _snake(type(self).__name__)

    @property
    def name(self) -> str:
        """The module's name."""
        return str(self.__dict__.get("_name", _snake(type(self).__name__)))

    @property
    def name_scope(self) -> name_scope:
        """A scope of the module's name."""
        return name_scope(self.name)

    @classmethod
    def with_name_scope(cls, method: Callable[..., Any]) -> Callable[..., Any]:
        """A method that runs in the module's name scope."""

        @wraps(method)
        def scoped(self: Any, *args: Any, **kwargs: Any) -> Any:
            with self.name_scope:
                return method(self, *args, **kwargs)

        return scoped

    @property
    def variables(self) -> tuple[Variable, ...]:
        """All variables, of this module and of those inside it."""
        return tuple(v for v in _walk(self, set()) if isinstance(v, Variable))

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """The variables that are trainable."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """The variables that are not trainable."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Any, ...]:
        """All modules inside this one."""
        return tuple(m for m in _walk(self, set()) if not isinstance(m, Variable))

    def _flatten(self, recursive: bool = True, predicate: Callable[[Any], bool] | None = None, **ignored: Any) -> Iterator[Any]:
        """Variables and modules for which `predicate` is true."""
        found = _walk(self, set()) if recursive else _direct(self)
        return (x for x in found if predicate is None or predicate(x))


def _direct(module: Any) -> Iterator[Any]:
    """Variables and modules among the attributes, in the order of their names."""
    ignored: frozenset[str] = getattr(module, "_TF_MODULE_IGNORED_PROPERTIES", frozenset())
    for name in sorted(vars(module)):
        if name in ignored:
            continue
        for leaf in nest.flatten(vars(module)[name]):
            layer = hasattr(leaf, "trainable_variables") and not isinstance(leaf, type)
            if layer or isinstance(leaf, (Variable, Module)):
                yield leaf


def _walk(module: Any, seen: set[int]) -> Iterator[Any]:
    """Variables and modules of the module and of those inside, each once: its own variables first."""
    seen.add(id(module))
    inner = []
    for found in _direct(module):
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        if not isinstance(found, Variable):
            inner.append(found)
    for sub in inner:
        if isinstance(sub, Module):
            yield from _walk(sub, seen)
        else:
            for variable in sub.variables:
                if id(variable) not in seen:
                    seen.add(id(variable))
                    yield variable
