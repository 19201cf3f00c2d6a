"""`keras.tree`: nested lists, tuples, named tuples, deques and dicts, and what to do with their leaves.

Dicts are visited in the order of their sorted keys, OrderedDicts in their own order. None is a leaf.
"""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tenfold.core.shapes import TensorShape

Path = tuple[Any, ...]


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None in the place of a part."""


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a list, tuple, deque or dict, and not a leaf.

    Example:
        >>> is_nested("1234"), is_nested([1])
        (False, True)
    """
    container = isinstance(structure, (list, tuple, deque, Mapping)) and not isinstance(structure, TensorShape)
    return container and not getattr(structure, "_is_leaf", False)


def _keys(x: Any) -> Sequence[Any]:
    """What leads to the children: keys or positions."""
    if isinstance(x, Mapping):
        return list(x) if isinstance(x, OrderedDict) else sorted(x)
    return range(len(x))


def _rebuilt(like: Any, children: Sequence[Any]) -> Any:
    """A structure of the kind of `like` with other children."""
    if isinstance(like, Mapping):
        found = dict(zip(_keys(like), children, strict=True))
        ordered = {k: found[k] for k in like}
        if isinstance(like, defaultdict):
            return defaultdict(like.default_factory, ordered)
        return type(like)(ordered)  # type: ignore[call-arg]
    if hasattr(like, "_fields"):
        return type(like)(*children)
    if isinstance(like, deque):
        return deque(children, like.maxlen)
    return type(like)(children)


def _visit(x: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if not is_nested(x):
        yield path, x
        return
    for k in _keys(x):
        yield from _visit(x[k], (*path, k))


def flatten(structure: Any) -> list[Any]:
    """The leaves, from left to right.

    Example:
        >>> flatten({"b": 2, "a": (1, [None])})
        [1, None, 2]
    """
    return [leaf for _, leaf in _visit(structure)]


def flatten_with_path(structure: Any) -> list[tuple[Path, Any]]:
    """The leaves, each with the keys and positions that lead to it.

    Example:
        >>> flatten_with_path([{"foo": 42}])
        [((0, 'foo'), 42)]
    """
    return list(_visit(structure))


def pack_sequence_as(structure: Any, flat_sequence: Any) -> Any:
    """The elements of `flat_sequence` in the form of `structure`.

    Example:
        >>> pack_sequence_as({"b": 0, "a": (0, 0)}, [1, 2, 3])
        {'b': 3, 'a': (1, 2)}

    Raises:
        TypeError: `flat_sequence` is not iterable.
        ValueError: it has too few or too many elements.
    """
    try:
        flat = list(flat_sequence)
    except TypeError:
        raise TypeError(f"[pack_sequence_as] expected an iterable of leaves; received {type(flat_sequence).__name__}.") from None
    count = len(flatten(structure))
    if len(flat) != count:
        many = "few" if len(flat) < count else "many"
        raise ValueError(f"[pack_sequence_as] Too {many} leaves for the structure. The number of leaves expected: {count}; received {len(flat)}.")
    leaves = iter(flat)

    def build(x: Any) -> Any:
        return _rebuilt(x, [build(x[k]) for k in _keys(x)]) if is_nested(x) else next(leaves)

    return build(structure)


def _family(x: Any) -> Any:
    """What must agree for two structures to be the same: all dicts are alike."""
    return dict if type(x) in (dict, OrderedDict, defaultdict) else type(x)


def _check_alike(name: str, first: Any, other: Any) -> None:
    """Raises ValueError unless two structures are nested alike at their top."""
    if not is_nested(other) or _family(first) is not _family(other):
        raise ValueError(f"[{name}] the structures don't have the same nested structure. Expected an instance of {type(first).__name__} (as "
                         f"{first!r}); received {type(other).__name__}: {other!r}.")  # fmt: skip
    if isinstance(first, Mapping) and set(first) != set(other):
        raise ValueError(f"[{name}] the structures don't have the same nested structure. Dictionary key mismatch: expected {sorted(first, key=str)}; "
                         f"received {sorted(other, key=str)}.")  # fmt: skip
    if len(first) != len(other):
        raise ValueError(f"[{name}] the structures don't have the same nested structure. Node arity mismatch: expected the number of elements "
                         f"to be {len(first)}; received {len(other)}.")  # fmt: skip


def _callable(name: str, function: Any) -> None:
    if not callable(function):
        raise TypeError(f"[{name}] `func` must be callable. Received: func={function!r} of type {type(function).__name__}.")


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` of the leaves of structures that are nested alike, in the same structure.

    Args:
        func: a function of as many arguments as there are structures.
        structures: nested alike.
        none_is_leaf: whether `func` is called for None too; else None stays None.

    Example:
        >>> map_structure(lambda x, y: x + y, {"a": 1, "b": (2,)}, {"a": 10, "b": (20,)})
        {'a': 11, 'b': (22,)}

    Raises:
        TypeError: `func` is not callable.
        ValueError: the structures differ, or there is none.
    """
    _callable("map_structure", func)
    if not structures:
        raise ValueError("[map_structure] expected at least one structure.")
    first, *others = structures
    if not is_nested(first):
        for other in others:
            if is_nested(other) or (not none_is_leaf and (first is None) != (other is None)):
                raise ValueError(f"[map_structure] the structures don't have the same nested structure. Expected a leaf, as {first!r}; "
                                 f"received {type(other).__name__}: {other!r}.")  # fmt: skip
        return None if first is None and not none_is_leaf else func(*structures)
    for other in others:
        _check_alike("map_structure", first, other)
    children = [map_structure(func, *(s[k] for s in structures), none_is_leaf=none_is_leaf) for k in _keys(first)]
    return _rebuilt(first, children)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """`func` of those parts of the structures that are at the places of the leaves of `shallow_structure`.

    Example:
        >>> map_structure_up_to([None, None], len, [[1, 2], (3,)])
        [2, 1]

    Raises:
        TypeError: `func` is not callable.
        ValueError: a structure is nested otherwise, or there is none.
    """
    _callable("map_structure_up_to", func)
    if not structures:
        raise ValueError("[map_structure_up_to] expected at least one structure.")
    if not is_nested(shallow_structure):
        return func(*structures)
    for other in structures:
        _check_alike("map_structure_up_to", shallow_structure, other)
    children = [map_structure_up_to(shallow_structure[k], func, *(s[k] for s in structures)) for k in _keys(shallow_structure)]
    return _rebuilt(shallow_structure, children)


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Raises ValueError unless `a` and `b` are nested alike, in containers of the same types; the kinds of dicts are all one.

    Example:
        >>> assert_same_structure([(0, 1)], [(2, 3)])
    """
    if check_types is not None:
        looser = "" if check_types else " Try keras.tree.assert_same_paths() for a looser check."
        warnings.warn(f"The `check_types` argument is deprecated and has no effect.{looser}", DeprecationWarning, stacklevel=2)
    map_structure(lambda x, y: None, a, b)


def assert_same_paths(a: Any, b: Any) -> None:
    """Raises ValueError unless the same keys and positions lead to the leaves of `a` and of `b`, whatever the types of the containers.

    Example:
        >>> assert_same_paths([0, (1, 2)], (3, [4, 5]))
    """
    first, second = ({path for path, _ in _visit(s)} for s in (a, b))
    if first != second:
        raise ValueError(f"[assert_same_paths] `a` and `b` don't have the same paths.\nPaths in `a` missing in `b`: {first - second}\n"
                         f"Paths in `b` missing in `a`: {second - first}")  # fmt: skip


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """`func` of each part of the structure. What it returns takes the part's place; for None the part stays and its children are visited.

    Args:
        func: a function of a part; returns None, the new part, or MAP_TO_NONE.
        structure: what to walk through.
        top_down: whether a part comes before its children; they are not visited if it is replaced. Else it comes after them.

    Example:
        >>> traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2]], top_down=False)
        (1, (2,))
    """
    _callable("traverse", func)

    def visit_children(x: Any) -> Any:
        return _rebuilt(x, [traverse(func, x[k], top_down) for k in _keys(x)]) if is_nested(x) else x

    part = structure if top_down else visit_children(structure)
    found = func(part)
    if found is None:
        return visit_children(structure) if top_down else part
    return None if found is MAP_TO_NONE else found


def lists_to_tuples(structure: Any) -> Any:
    """The structure with tuples in the place of lists.

    Example:
        >>> lists_to_tuples([1, {"a": [2]}])
        (1, {'a': (2,)})
    """
    return traverse(lambda x: tuple(x) if isinstance(x, list) else None, structure, top_down=False)


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """`func` of the shapes in the structure: lists and tuples of integers and None.

    Example:
        >>> map_shape_structure(len, {"a": (2, 3), "b": [(None,)]})
        {'a': 2, 'b': [1]}
    """
    if isinstance(structure, (list, tuple)) and all(n is None or isinstance(n, int) for n in structure):
        return func(structure)
    if not is_nested(structure):
        return func(structure)
    return _rebuilt(structure, [map_shape_structure(func, structure[k]) for k in _keys(structure)])


__all__ = [
    "MAP_TO_NONE", "assert_same_paths", "assert_same_structure", "flatten", "flatten_with_path", "is_nested", "lists_to_tuples",
    "map_shape_structure", "map_structure", "map_structure_up_to", "pack_sequence_as", "traverse",
]  # fmt: skip
