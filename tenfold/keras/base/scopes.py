"""keras.device and keras.SymbolicScope; keras.version."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from typing import Any

from tenfold.ops import module

VERSION = "3.15.1"  # of the Keras whose public names these are


class _Open(threading.local):
    def __init__(self) -> None:
        self.symbolic: list[SymbolicScope] = []


_open = _Open()


class SymbolicScope:
    """Inside, functions are told that only shapes are being found out.

    Example:
        >>> with SymbolicScope():
        ...     in_symbolic_scope()
        True
    """

    def __enter__(self) -> SymbolicScope:
        _open.symbolic.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        _open.symbolic.pop()


def in_symbolic_scope() -> bool:
    """Whether a SymbolicScope is open."""
    return bool(_open.symbolic)


def device(device_name: str | None) -> AbstractContextManager[None]:
    """Runs the operations inside on a device, such as "cpu:0".

    Example:
        >>> with device("cpu:0"):
        ...     tf.zeros([2]).shape
        TensorShape([2])

    Raises:
        ValueError: the name is no string.
    """
    if device_name is not None and not isinstance(device_name, str):
        raise ValueError(
            f"Invalid value for argument `device_name`. Expected a string like 'gpu:0' or 'cpu:0'. Received: device_name='{device_name}'"
        )
    return module.device(device_name)


def version() -> str:
    """The version of Keras whose public names these are.

    Example:
        >>> version()
        '3.15.1'
    """
    return VERSION
