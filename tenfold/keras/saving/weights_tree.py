"""Where the variables of a model stand in its files: Keras 3 finds them by attribute names and class names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tenfold.keras.base.naming import to_snake_case
from tenfold.keras.layers.weights import Weights
from tenfold.keras.metrics.base import Metric
from tenfold.keras.random import SeedGenerator

_SKIPPED = frozenset({"_graph_layers", "_graph", "_functional", "_compiled", "_predictor", "_inbound_nodes", "_made_weights", "_losses"})


def walk(root: Any, skipped: Iterable[Any] = (), every: bool = False) -> Iterator[tuple[str, Any]]:
    """(path, object) for everything with variables, without the objects in `skipped`: each once, or for every path that leads to it."""
    left_out = {id(thing) for thing in skipped}
    seen = set(left_out)

    def visit(thing: Any, path: str) -> Iterator[tuple[str, Any]]:
        if id(thing) in seen:
            if every and id(thing) not in left_out:
                yield path, thing
            return
        seen.add(id(thing))
        yield path, thing
        for name, child in _children(thing):
            yield from enter(child, f"{path}/{name}".lstrip("/"), ())

    def enter(child: Any, path: str, around: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
        if is_saveable(child):
            yield from visit(child, path)
        elif isinstance(child, (list, tuple, dict)) and id(child) not in around:
            counts: dict[str, int] = {}
            for item in child.values() if isinstance(child, dict) else child:
                kind = to_snake_case(type(item).__name__) if is_saveable(item) else "container" if isinstance(item, (list, tuple, dict)) else None
                if kind is None:
                    continue
                counts[kind] = counts.get(kind, -1) + 1
                yield from enter(item, f"{path}/{kind}" + (f"_{counts[kind]}" if counts[kind] else ""), (*around, id(child)))

    yield from visit(root, "")


def is_saveable(thing: Any) -> bool:
    """Whether files hold its variables: a layer, a metric, an optimizer, a random generator."""
    optimizer = hasattr(thing, "apply_gradients") and hasattr(thing, "variables")
    return isinstance(thing, (Weights, Metric, SeedGenerator)) or optimizer


def variables_of(thing: Any) -> list[Any]:
    """All variables of such an object."""
    if isinstance(thing, SeedGenerator):
        return [thing.state]
    return list(thing._variables) if isinstance(thing, Metric) else list(thing.variables)


def _children(thing: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(thing, Weights):
        return
    is_graph = getattr(thing, "_graph", None) is not None or hasattr(thing, "_stack")
    if is_graph:
        yield "layers", thing.layers  # type: ignore[attr-defined]
    attributes = {k: v for k, v in vars(thing).items() if k not in _SKIPPED and not (is_graph and k == "_stack")}
    if not is_graph and hasattr(thing, "save_weights"):
        attributes["layers"] = thing.layers  # type: ignore[attr-defined]
    for name in _own_properties(type(thing)):
        try:
            attributes.setdefault(name, getattr(thing, name))
        except Exception:  # whatever the user's code raises: it has nothing to save now
            continue
    for name in sorted(attributes, key=_order):
        yield name, attributes[name]


def _own_properties(cls: type) -> list[str]:
    """The properties that the user's classes have: what they give is saved under their names."""
    return [n for c in cls.__mro__ if c.__module__.partition(".")[0] != "tenfold" for n, v in vars(c).items() if isinstance(v, property)]


def _order(name: str) -> str:
    return f"~{name}" if name.startswith("_") else name  # private attributes come last
