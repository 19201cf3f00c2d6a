"""`whole`: operations that are made of others, run as one program outside of functions too, where arrays are large."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any, TypeVar

from numpy import ndarray

from tenfold.core.config import config
from tenfold.core.dtypes import FLOATS
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor

MANY = 1 << 17  # elements: half a megabyte, which every operation reads and writes
MOST = 32  # programs that are kept for one operation
Operation = TypeVar("Operation", bound=Callable[..., Any])
_FLOATS = frozenset(d.numpy for d in FLOATS)


def whole(operation: Operation) -> Operation:
    """Lets eager calls of `operation` run as one compiled program if one of its arguments has MANY floats or more.

    Types, shapes and the other arguments alone decide, so equal calls give equal bits. The operation may depend on nothing else than its arguments.

    Example:
        >>> from tenfold.tensor.tensor import as_tensor
        >>> double = whole(lambda x, times=2: x * times)
        >>> double(as_tensor([1.0, 2.0])).numpy().tolist()
        [2.0, 4.0]
    """
    program: Any = None

    @functools.wraps(operation)
    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal program
        if state.trace is not None or not config.compile or not any([_is_large(x) for x in (*args, *kwargs.values())]):
            return operation(*args, **kwargs)
        if program is None or program.experimental_get_tracing_count() > MOST:
            program = importlib.import_module("tenfold.transform.function").Function(operation)  # small arrays do without the compiler
        return program(*args, **kwargs)

    return call  # type: ignore[return-value]


def _is_large(x: Any) -> bool:
    array = x._array if type(x) is Tensor else x
    return type(array) is ndarray and array.size >= MANY and array.dtype in _FLOATS
