"""Strings as elements: arrays of Python's bytes (NumPy dtype object), which is what tensors of `tf.string` hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.errors import DTypeError

Strings = np.ndarray[Any, Any]


def encoded(value: Any, name: str) -> Strings:
    """The strings of an array or nested list as an array of bytes: text becomes UTF-8.

    Raises:
        DTypeError: an element is no string.
    """
    given = value if isinstance(value, np.ndarray) else np.array(value, object)
    return array_of([_bytes(s, name) for s in given.ravel().tolist()], given.shape)


def array_of(elements: Sequence[Any], shape: Any) -> Strings:
    """An array of objects; NumPy, which takes some objects apart, is not asked what they are."""
    result = np.empty(len(elements), object)
    result[:] = elements
    return result.reshape(shape)


def as_bytes(text: str | bytes) -> bytes:
    """Text in UTF-8; bytes as they are."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def is_text(array: np.ndarray[Any, Any]) -> bool:
    """Whether an array holds strings: of a NumPy string type, or objects of which the first is one."""
    if array.dtype.kind in "US":
        return True
    return array.dtype == object and (array.size == 0 or isinstance(array.flat[0], (str, bytes)))


def _bytes(element: Any, name: str) -> bytes:
    if isinstance(element, (str, bytes)):
        return as_bytes(element)
    raise DTypeError(f"[{name}] strings and other values are mixed. Expected strings alone; received {element!r} among them. "
                     "Try str(...) of each, or a tensor for each type.")  # fmt: skip
