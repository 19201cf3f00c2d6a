"""Arguments that are a number or a range."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops


def bounds(factor: Any, name: str = "factor", low: float = -1.0, high: float = 1.0, floor: float | None = None, lax: bool = False,
           opening: str = "The `{name}` argument") -> tuple[float, float]:  # fmt: skip
    """(lower, upper) of a number f, which stands for (-f, f), or of a list of two numbers.

    Args:
        factor: the argument.
        name: for messages.
        low, high: what numbers may be.
        floor: what -f is raised to; default: nothing.
        lax: whether a list needs only to overlap with the range.
        opening: of the message.
    """
    number = isinstance(factor, (int, float)) and not isinstance(factor, bool)
    values = [factor] if number else list(factor) if isinstance(factor, (tuple, list)) and len(factor) == 2 else []
    fits = len(values) == 2 and factor[0] <= high and factor[1] >= low if lax and not number else all(low <= v <= high for v in values)
    if not values or not fits:
        raise ValueError(f"{opening.format(name=name)} should be a number (or a list of two numbers) in the range [{low}, {high}]. "
                         f"Received: {name}={factor}")  # fmt: skip
    if number:
        return (-abs(factor) if floor is None else max(-abs(factor), floor)), abs(factor)
    lower, upper = sorted(values)
    return lower, upper


def plain(given: Any) -> Any:
    """An argument as configs keep it: lists as tuples."""
    return tuple(given) if isinstance(given, list) else given


def value_range(given: Any) -> list[float]:
    """The least and largest value of a channel, checked."""
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise ValueError(f"The `value_range` argument should be a list of two numbers. Received: value_range={given}")
    return sorted(given)


def rescaled(images: Any, source: Any, target: Any, dtype: Any) -> Any:
    """Values of the range `source` mapped to the range `target`."""
    if tuple(source) == tuple(target):
        return images
    scale = (target[1] - target[0]) / (source[1] - source[0])
    return (ops.cast(images, dtype) - source[0]) * scale + target[0]


def one_of(name: str, value: Any, known: tuple[str, ...]) -> str:
    """The value of an argument, checked."""
    if value not in known:
        raise NotImplementedError(f"Unknown `{name}` {value}. Expected of one {known}.")
    return str(value)
