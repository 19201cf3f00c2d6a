"""Finds the variables, layers and metrics that an object holds in its attributes, lists and dicts included.

Steps ask for them again and again, so what was found is remembered. It holds as long as no layer got or lost an attribute that may hold
something (each time a number is raised), and the lists and dicts that were looked into hold what they held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from operator import is_
from typing import Any

from tenfold.keras.metrics.base import Metric
from tenfold.keras.random import SeedGenerator
from tenfold.tensor.variable import Variable

SKIPPED = frozenset({
    "_inbound_nodes", "_auto_config", "_remembered", "_losses", "_build_shapes", "_first_shapes", "_states", "_functional", "optimizer", "_optimizer",
})  # fmt: skip


@dataclass(slots=True)
class Held:
    """What an object holds itself, each thing once, in the order of its attributes."""

    variables: list[Any] = field(default_factory=list)
    layers: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    seeds: list[Any] = field(default_factory=list)


def held(owner: Any, layer_class: type) -> Held:
    """What the attributes of `owner` hold."""
    found = Held()
    seen = {id(owner)}
    for name, value in [(n, v) for n, v in vars(owner).items() if _kinds.get(type(v), "unknown") is not None]:
        if name in SKIPPED:
            continue
        for thing in _things(value, layer_class, None if name == "_made_weights" else _walk.containers, 0):
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if isinstance(thing, Variable):
                found.variables.append(thing)
            elif isinstance(thing, layer_class):
                found.layers.append(thing)
            elif isinstance(thing, Metric):
                found.metrics.append(thing)
            else:
                found.seeds.append(thing)
    return found


def kind_of(cls: type, layer_class: type) -> str | None:
    """Whether an attribute of this class may hold something: "thing", "map", "list", or None. (Asked for every attribute at every step.)"""
    if cls not in _kinds:
        holders: dict[str, Any] = {"thing": (Variable, layer_class, Metric, SeedGenerator), "map": Mapping, "list": (list, tuple, set)}
        _kinds[cls] = next((kind for kind, classes in holders.items() if issubclass(cls, classes)), None)
    return _kinds[cls]


_kinds: dict[type, str | None] = {}


def _things(value: Any, layer_class: type, containers: Containers | None, depth: int) -> list[Any]:
    kind = kind_of(type(value), layer_class)
    if kind == "thing":
        return [value]
    if kind is None or depth >= 8:
        return []
    items = list(value.values() if kind == "map" else value)
    if containers is not None and type(value) is not tuple:
        containers[id(value)] = value, kind == "map", items
    return [thing for item in items for thing in _things(item, layer_class, containers, depth + 1)]


# --- what was found ---
Containers = dict[int, tuple[Any, bool, list[Any]]]  # by id: a list, set or map; whether it is a map; what it held


class _Walk(threading.local):
    containers: Containers | None = None  # what the walk that is going on looked into


_walk = _Walk()
_changes = count(1)
_latest = [0]


def restructured() -> None:
    """Tells that a layer holds something else. To be called after that."""
    _latest[0] = next(_changes)


class Remembered:
    """Lists about a layer and what is in it."""

    __slots__ = ("containers", "lists", "number", "owner")

    def __init__(self, owner: int = 0) -> None:
        self.owner = owner  # its id: a copied layer has another
        self.number = _latest[0]
        self.containers: Containers = {}
        self.lists: dict[str, list[Any]] = {}

    def holds(self, owner: int) -> bool:
        """Whether it is about this owner, and nothing has changed since."""
        if self.owner != owner or self.number != _latest[0]:
            return False
        for container, is_map, items in self.containers.values():
            if len(container) != len(items) or not all(map(is_, container.values() if is_map else container, items)):
                return False
        return True

    def __reduce__(self) -> Any:
        return Remembered, ()  # a copy knows nothing yet


def remembered(owner: Any, name: str, find: Callable[[], list[Any]]) -> list[Any]:
    """What `find` gives, a list of what `owner` and the layers in it hold."""
    known: Remembered | None = owner.__dict__.get("_remembered")
    if known is None or not known.holds(id(owner)):
        known = owner.__dict__["_remembered"] = Remembered(id(owner))
    outer = _walk.containers
    if name not in known.lists:
        _walk.containers = known.containers
        try:
            known.lists[name] = find()
        finally:
            _walk.containers = outer
    if outer is not None:
        outer.update(known.containers)
    return list(known.lists[name])
