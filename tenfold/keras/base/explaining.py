"""What the error of a call says: which layer or operation was called, with what."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.keras.base import switches
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.tensor.tensor import Tensor
from tenfold.tensor.variable import Variable

MARK = "_keras_call_info_injected"  # set on an error that says it already: only the innermost call is named


def show(value: Any) -> str:
    """An argument in a message: shape and type of a tensor, anything else as it is."""
    if nest.is_nested(value):
        items = [f"{k!r}: {show(v)}" for k, v in value.items()] if isinstance(value, dict) else [show(v) for v in value]
        left, right = ("{", "}") if isinstance(value, dict) else ("[", "]") if isinstance(value, list) else ("(", ")")
        return left + ", ".join(items) + right
    if isinstance(value, (Tensor, Variable, KerasTensor)):
        kind = "KerasTensor" if isinstance(value, KerasTensor) else "tf.Tensor"
        return f"{kind}(shape={tuple(value.shape)}, dtype={value.dtype.name})"
    if isinstance(value, np.ndarray):
        return f"np.ndarray(shape={value.shape}, dtype={value.dtype})"
    text = repr(value)
    return text if len(text) < 100 else text[:97] + "..."


def explained(error: Exception, called: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Exception:
    """The same kind of error, with the layer or operation and its arguments in the message; a RuntimeError if a message does not make
    that kind. It is the error itself if it says so already, if it takes no mark, or if `disable_traceback_filtering()` asked for plain errors.
    """
    if getattr(error, MARK, False) or not switches.is_traceback_filtering_enabled():
        return error
    where = f"{type(called).__name__}.call()"
    lines = "\n".join(f"  • {name}={show(value)}" for name, value in _named(called.call, args, kwargs).items())
    text = f'Exception encountered when calling {where} (layer "{called.name}").\n\n{error}\n\nArguments received by {where}:\n{lines}'
    try:
        made = type(error)(text)
        if str(made) != text:
            made = RuntimeError(text)
    except Exception:
        made = RuntimeError(text)
    try:
        setattr(made, MARK, True)
    except Exception:  # else each outer call would explain it again
        return error
    return made.with_traceback(error.__traceback__)


def _named(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name; as they were given where they do not fit the function."""
    try:
        return inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return {"args": args, "kwargs": kwargs}
