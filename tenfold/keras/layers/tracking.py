"""Finds the variables, layers and metrics that an object holds in its attributes, lists and dicts included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tenfold.keras.metrics.base import Metric
from tenfold.keras.random import SeedGenerator
from tenfold.tensor.variable import Variable

SKIPPED = frozenset({
    "_inbound_nodes", "_auto_config", "_losses", "_build_shapes", "_first_shapes", "_states", "_functional", "optimizer", "_optimizer",
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
        for thing in _things(value, layer_class, 0):
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


def _things(value: Any, layer_class: type, depth: int) -> list[Any]:
    kind = kind_of(type(value), layer_class)
    if kind == "thing":
        return [value]
    if kind is None or not value or depth >= 8:
        return []
    return [thing for item in (value.values() if kind == "map" else value) for thing in _things(item, layer_class, depth + 1)]
