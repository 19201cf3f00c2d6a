"""What `tf.summary` keeps between calls: the default writer, step and condition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _State:
    writer: Any = None
    step: Any = None
    record: Callable[[], Any] = staticmethod(lambda: True)
    scopes: list[str] = []  # noqa: RUF012


_state = _State()
