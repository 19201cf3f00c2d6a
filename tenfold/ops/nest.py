"""`tf.nest.*`: nested lists, tuples and dicts."""

from __future__ import annotations

from typing import Any

from tenfold.core.nest import assert_same_structure, flatten, is_nested, map_structure, pack


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """`flat_sequence` in the form of `structure`.

    Example:
        >>> import tenfold as tf
        >>> tf.nest.pack_sequence_as({"a": 0, "b": [0, 0]}, [1, 2, 3])
        {'a': 1, 'b': [2, 3]}
    """
    return pack(structure, list(flat_sequence))


__all__ = ["assert_same_structure", "flatten", "is_nested", "map_structure", "pack_sequence_as"]
