"""Names at the top of `tf` that concern how programs run: Python functions inside them, enums, the clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, TensorShape
from tenfold.primitives import elementwise as e
from tenfold.primitives.effects import py_function as call
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap


class UnconnectedGradients(Enum):
    """What `gradient` returns for sources that the target does not depend on."""

    NONE = "none"
    ZERO = "zero"


class VariableSynchronization(Enum):
    """Accepted by `tf.Variable`."""

    AUTO, NONE, ON_WRITE, ON_READ = range(4)


class VariableAggregation(Enum):
    """Accepted by `tf.Variable`."""

    NONE, SUM, MEAN, ONLY_FIRST_REPLICA = range(4)


def executing_eagerly() -> bool:
    """Whether operations run at once; False while a function is traced."""
    return state.trace is None


def stop_gradient(input: Any, name: str | None = None) -> Tensor:
    """`input`, through which no gradient flows.

    Example:
        >>> import tenfold as tf
        >>> float(tf.stop_gradient(2.0))
        2.0
    """
    x = as_tensor(input)
    return e.stop_gradient(x) if x.dtype.is_differentiable else x


def ensure_shape(x: Any, shape: Any, name: str | None = None) -> Tensor:
    """`x`, after a check that its shape fits `shape`, where None fits any size.

    Raises:
        ValueError: it does not.
    """
    tensor = as_tensor(x)
    if not TensorShape(shape).is_compatible_with(tensor.shape):
        raise ShapeError(f"[ensure_shape] expected shape {TensorShape(shape)}; received {tensor.shape}.")
    return tensor


def timestamp(name: str | None = None) -> Tensor:
    """Seconds since 1970, as float64."""
    return wrap(np.float64(time.time()))


def get_logger() -> logging.Logger:
    """Tenfold's logger."""
    return logging.getLogger("tenfold")


def no_op(name: str | None = None) -> None:
    """Nothing."""


def group(*inputs: Any, **kwargs: Any) -> None:
    """Nothing: effects always run in the order of the program."""


def numpy_function(func: Callable[..., Any] | None = None, inp: Sequence[Any] | None = None, Tout: Any = None, stateful: bool = True,
                   name: str | None = None, shapes: Any = None) -> Any:  # fmt: skip
    """Calls a Python function on NumPy arrays, in compiled functions too.

    Args:
        func: the function.
        inp: its arguments, as tensors.
        Tout: the result's element type, or a list of them.
        stateful: accepted and not used.
        name: accepted and not used.
        shapes: the result's shape, or a list of them; needed only while a function is traced (TensorFlow has no such argument).

    Example:
        >>> import tenfold as tf, numpy as np
        >>> tf.numpy_function(np.sin, [tf.constant([0.0])], tf.float32).numpy()
        array([0.], dtype=float32)
    """
    assert func is not None
    return _called(func, [as_tensor(x) for x in inp or []], Tout, shapes, lambda a: a)


def py_function(func: Callable[..., Any] | None = None, inp: Sequence[Any] | None = None, Tout: Any = None, use_tape_cache: bool = True,
                name: str | None = None, shapes: Any = None) -> Any:  # fmt: skip
    """Calls a Python function on eager tensors, in compiled functions too; no gradient flows through it there. Arguments as `numpy_function`."""
    assert func is not None
    tensors = [as_tensor(x) for x in inp or []]
    if state.trace is None:
        result = func(*tensors)
        if isinstance(Tout, (list, tuple)):
            return [as_tensor(r, t) for r, t in zip(result, Tout, strict=True)]
        return None if Tout is None else as_tensor(result, Tout)
    return _called(func, tensors, Tout, shapes, wrap)


def _called(func: Callable[..., Any], tensors: list[Tensor], types: Any, shapes: Any, given: Callable[[Any], Any]) -> Any:
    single = not isinstance(types, (list, tuple))
    wanted = [] if types is None else [as_dtype(t) for t in ([types] if single else types)]

    def run(*arrays: Any) -> list[Any]:
        outside, state.trace = state.trace, None
        try:
            result = func(*(given(a) for a in arrays))
        finally:
            state.trace = outside
        parts = [] if not wanted else [result] if single else list(result)
        return [np.asarray(p.numpy() if hasattr(p, "numpy") else p) for p in parts]

    if all(t._array is not None for t in tensors) and state.trace is None:
        made = [as_tensor(r, d) for r, d in zip(run(*(t._array for t in tensors)), wanted, strict=True)]
    else:
        listed = [shapes] if single else shapes
        if wanted and (shapes is None or any(isinstance(n, Sym) or n is None for s in listed for n in s)):
            raise InvalidArgumentError("[py_function] the result's shape must be known while the function is traced. Try giving shapes=.")
        made = list(call(run, tensors, listed if wanted else [], wanted))
    return None if types is None else made[0] if single else made
