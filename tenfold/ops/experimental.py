"""`tf.experimental.*`: what has a plain equivalent here."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any


def async_scope() -> Any:
    """A context that does nothing: operations run in the order of the program."""
    return nullcontext()


def async_clear_error() -> None:
    """Does nothing: errors are raised where they happen."""


__all__ = [
    "async_clear_error", "async_scope",
]  # fmt: skip
