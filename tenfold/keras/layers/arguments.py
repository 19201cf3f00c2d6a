"""Arguments that may be one number or one per axis."""

from __future__ import annotations

from typing import Any


def tuple_of(value: Any, n: int, name: str, allow_zero: bool = False) -> tuple[int, ...]:
    """`n` integers, from one or from `n` of them.

    Raises:
        ValueError: there are more or fewer, or some are not positive.
    """
    wanted = f"The `{name}` argument must be a tuple of {n} integers. Received {name}={value}"
    values = (value,) * n if isinstance(value, int) else tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(values) != n or any(not isinstance(v, int) or isinstance(v, bool) for v in values):
        raise ValueError(f"{wanted}. Try one integer, for all {n} axes." if n > 1 else f"{wanted}.")
    bad = {v for v in values if v < (0 if allow_zero else 1)}
    if bad:
        raise ValueError(f"{wanted}, including values {bad} that do not satisfy `value {'>= 0' if allow_zero else '> 0'}`")
    return values


def pairs(value: Any, n: int, name: str) -> tuple[tuple[int, int], ...]:
    """`n` pairs (before, after), from a number, `n` numbers or `n` pairs.

    Raises:
        ValueError: it is nothing of these.
    """
    values = (value,) * n if isinstance(value, int) else tuple(value) if isinstance(value, (tuple, list)) else ()
    made = tuple((v, v) if isinstance(v, int) else tuple(v) if isinstance(v, (tuple, list)) else () for v in values)
    if len(made) != n or any(len(p) != 2 or any(not isinstance(v, int) or v < 0 for v in p) for p in made):
        raise ValueError(f"`{name}` should be an int, {n} ints, or {n} pairs of non-negative ints. Received: {name}={value}")
    return made


def padding(value: Any, allowed: tuple[str, ...] = ("valid", "same")) -> str:
    """A checked padding name in lower case.

    Raises:
        ValueError: it is not among `allowed`.
    """
    text = value.lower() if isinstance(value, str) else value
    if text not in allowed:
        raise ValueError(f"The `padding` argument must be one of {allowed}. Received: padding={value!r}")
    return str(text)
