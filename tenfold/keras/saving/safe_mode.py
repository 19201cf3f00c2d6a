"""Whether a config is being read that may not have other files read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Mode(threading.local):
    def __init__(self) -> None:
        self.safe: bool | None = None  # None: no config is being read


_mode = _Mode()


@contextmanager
def reading_config(safe: bool) -> Iterator[None]:
    """Inside, a config is read; inside of another one, that one's mode holds."""
    outer = _mode.safe
    _mode.safe = safe if outer is None else outer
    try:
        yield
    finally:
        _mode.safe = outer


def in_safe_mode() -> bool:
    """Whether what is made here comes from a config that nobody vouches for."""
    return bool(_mode.safe)
