"""What a namespace says of a name that it does not have yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


def missing(namespace: str, hint: str = "") -> Callable[[str], NoReturn]:
    """A module's `__getattr__` that names the namespace as users write it, and what to try instead.

    >>> missing("tf.data", "Try arrays.")("Dataset")
    Traceback (most recent call last):
    AttributeError: Tenfold has no tf.data.Dataset (yet). Try arrays.
    """

    def absent(name: str) -> NoReturn:
        raise AttributeError(f"Tenfold has no {namespace}.{name} (yet). {hint}".rstrip())

    return absent
