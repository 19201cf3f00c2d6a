"""`tf.summary.experimental`: the default step, and scopes of tags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tenfold.summary.state import _state


def set_step(step: Any) -> None:
    """Sets the default step of all summaries: a number, or a variable that is read each time."""
    _state.step = step


def get_step() -> Any:
    """The default step; None if there is none."""
    return _state.step


def step_or_default(step: Any, name: str) -> int:
    """The step of a summary.

    Raises:
        ValueError: there is none.
    """
    chosen = _state.step if step is None else step
    if chosen is None:
        raise ValueError(f"[summary] no step was given for {name!r}. Try step=..., writer.as_default(step), or tf.summary.experimental.set_step.")
    return int(np.asarray(chosen))


def tag_of(name: str) -> str:
    """The name with the scopes around it."""
    return "/".join([*_state.scopes, name])


@contextmanager
def summary_scope(name: str, default_name: str = "summary", values: Any = None) -> Iterator[tuple[str, str]]:
    """Inside, tags carry the name before them; gives (tag, scope)."""
    tag = tag_of(name or default_name)
    _state.scopes.append(name or default_name)
    try:
        yield tag, f"{tag}/"
    finally:
        _state.scopes.pop()


__all__ = ["get_step", "set_step", "summary_scope"]
