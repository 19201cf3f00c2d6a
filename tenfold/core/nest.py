"""Nested structures of lists, tuples, named tuples, dicts and dataclass instances marked with `__tf_flatten__`: flatten, map, pack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any


def is_nested(x: Any) -> bool:
    """Whether `x` is a structure and not a leaf."""
    return _is_nest(type(x))  # type: ignore[arg-type]


@lru_cache(1024)
def _is_nest(cls: type) -> bool:
    return issubclass(cls, (list, tuple, Mapping)) and not getattr(cls, "_is_leaf", False) and cls.__name__ != "TensorShape"


def children(x: Any) -> Sequence[Any]:
    """What stands in a structure, in the order of `flatten`."""
    return x if isinstance(x, (list, tuple)) else [x[k] for k in _keys(x)] if x else ()


def _keys(x: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(x)
    except TypeError:
        return list(x)


def _rebuild(like: Any, children: list[Any]) -> Any:
    if type(like) is list:
        return children
    if type(like) is tuple:
        return tuple(children)
    if isinstance(like, Mapping):
        made = dict(zip(_keys(like), children, strict=True))
        ordered = {k: made[k] for k in like}
        return ordered if type(like) is dict else type(like)(ordered)  # type: ignore[call-arg]
    if hasattr(like, "_fields"):
        return type(like)(*children)
    return children if isinstance(like, list) else type(like)(children)


def flatten(structure: Any) -> list[Any]:
    """The leaves, left to right; dicts in the order of their sorted keys.

    Example:
        >>> flatten({"b": 2, "a": (1, [3])})
        [1, 3, 2]
    """
    if not _is_nest(type(structure)):  # type: ignore[arg-type]
        return [structure]
    found: list[Any] = []
    _collect(structure, found)
    return found


def _collect(x: Any, found: list[Any]) -> None:
    for child in children(x):
        if _is_nest(type(child)):  # type: ignore[arg-type]
            _collect(child, found)
        else:
            found.append(child)


def pack(structure: Any, flat: list[Any]) -> Any:
    """`flat` in the form of `structure`.

    Raises:
        ValueError: the number of leaves differs.
    """
    if len(flat) == 1 and not _is_nest(type(structure)):  # type: ignore[arg-type]
        return flat[0]
    expected = len(flatten(structure))
    if expected != len(flat):
        raise ValueError(f"[nest] the structure has {expected} leaves, but {len(flat)} were given.")
    return _filled(structure, iter(flat))


def _filled(structure: Any, leaves: Iterator[Any]) -> Any:
    """The structure with the next ones of `leaves` for its own."""
    return _rebuild(structure, [_filled(c, leaves) for c in children(structure)]) if is_nested(structure) else next(leaves)


def filler(structure: Any, hole: Any) -> Callable[[Iterator[Any]], Any]:
    """A function that makes `structure` anew, with the next of its argument's items for each `hole`.

    Example:
        >>> filler({"b": 0, "a": [0, "kept"]}, 0)(iter([1, 2]))
        {'b': 2, 'a': [1, 'kept']}
    """
    if structure is hole:
        return next
    if not is_nested(structure):
        return lambda items: structure
    parts = [filler(c, hole) for c in children(structure)]
    if type(structure) is dict:
        keys = _keys(structure)
        if keys == list(structure):
            return lambda items: dict(zip(keys, [make(items) for make in parts], strict=True))
    return lambda items: _rebuild(structure, [make(items) for make in parts])


def map_structure(function: Callable[..., Any], *structures: Any) -> Any:
    """`function` applied leaf by leaf to structures of one form.

    Raises:
        ValueError: the structures differ.
    """
    first, *rest = structures
    if not _is_nest(type(first)):  # type: ignore[arg-type]
        return function(*structures)
    if not rest:
        return _rebuild(first, [map_structure(function, c) for c in children(first)])
    for other in rest:
        same = is_nested(other) and isinstance(other, Mapping) == isinstance(first, Mapping) and len(other) == len(first)
        if not same or (isinstance(first, Mapping) and set(first) != set(other)):
            raise ValueError(f"[map_structure] structures differ. Expected the form of {first!r}; received {other!r}.")
    columns = zip(*([s[k] for k in _keys(first)] if isinstance(s, Mapping) else list(s) for s in structures), strict=True)
    return _rebuild(first, [map_structure(function, *column) for column in columns])


def assert_same_structure(a: Any, b: Any) -> None:
    """Raises ValueError unless `a` and `b` have the same form."""
    map_structure(lambda x, y: None, a, b)
