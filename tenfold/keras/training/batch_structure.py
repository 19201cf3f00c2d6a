"""The structure of a batch, in which None stands for an optional input that is not given."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest


def leaves(structure: Any) -> list[Any]:
    """The arrays in a structure, without those that are None."""
    return [leaf for leaf in nest.flatten(structure) if leaf is not None]


def packed(structure: Any, arrays: list[Any]) -> Any:
    """The arrays in the structure; None stays where it is."""
    flat = nest.flatten(structure)
    if len(flat) == len(arrays):
        return nest.pack(structure, arrays)
    rest = iter(arrays)
    return nest.pack(structure, [None if leaf is None else next(rest) for leaf in flat])
