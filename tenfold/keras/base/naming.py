"""Automatic names: `dense`, `dense_1`, … per session, as Keras gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_counts: dict[str, int] = {}


def to_snake_case(name: str) -> str:
    """The class name as Keras writes it in automatic names: `MaxPooling2D` -> `max_pooling2d`.

    Example:
        >>> to_snake_case("LayerNormalization"), to_snake_case("Conv2D")
        ('layer_normalization', 'conv2d')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix: str) -> str:
    """`prefix` the first time, then `prefix_1`, `prefix_2`, …; a class name is written in snake case."""
    prefix = to_snake_case(prefix)
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Starts the counting anew (`keras.backend.clear_session`)."""
    _counts.clear()


def unique(name: str, taken: Iterable[str]) -> str:
    """`name`, with a number appended if it is taken."""
    used = set(taken)
    if name not in used:
        return name
    count = 1
    while f"{name}_{count}" in used:
        count += 1
    return f"{name}_{count}"
