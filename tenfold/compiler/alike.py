"""Groups that are built alike are lowered once: of twelve equal layers, one.

Two groups are alike if they hold the same primitives with the same attributes, wired in the same way over values of the same types and
shapes. What was lowered for the first serves the second, with its values in their places and scratch memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any

from tenfold.compiler.lower import Call, Scratch
from tenfold.compiler.program import Group, Uses, root
from tenfold.ir.graph import Value

Lower = Callable[[Group, Uses], Sequence[Any]]  # of calls, or for other kinds than LOOPS of what contains calls
LOOPS = frozenset(("map", "reduce", "contraction", "attention", "scatter"))  # the kinds whose calls hold nothing but kernels and values


class Alike:
    """Lowers the groups of one graph."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self._known: dict[Hashable, tuple[list[Value], Sequence[Call]]] = {}

    def lower(self, group: Group, lower: Lower) -> Sequence[Any]:
        """The calls of `group`: `lower(group, uses)`, or those of a group like it."""
        if group.kind not in LOOPS:
            return lower(group, self._uses)
        key, values = _structure(group, self._uses)
        try:
            known = self._known.get(key)
        except TypeError:  # an attribute that is no plain value
            return lower(group, self._uses)
        if known is None:
            self._known[key] = values, lower(group, self._uses)
            return self._known[key][1]
        return _instance(known[1], dict(zip(map(id, known[0]), values, strict=True)))


def _structure(group: Group, uses: Uses) -> tuple[Hashable, list[Value]]:
    """What makes groups alike; and the group's values in an order that is the same for all of them."""
    numbers: dict[int, int] = {}
    values: list[Value] = []
    parts: list[Any] = [group.kind, group.space, group.reduced]

    def number(v: Value) -> int:
        if id(v) not in numbers:
            numbers[id(v)] = len(values)
            values.append(v)
            source = root(v, uses)
            parts.append((v.spec, v.derived, uses.settles(v), _contents(v), None if source is v else number(source)))
        return numbers[id(v)]

    for node in group.nodes:
        wires = [number(v) for v in (*node.inputs, *node.outputs)]
        parts.append((node.primitive, *wires, *((k, a, repr(a)) for k, a in node.attrs.items())))  # as text too, for 1 == True and 0.0 == -0.0
    parts.append(tuple(number(v) for v in group.stored))
    return tuple(parts), values


def _contents(v: Value) -> Hashable:
    """What of a constant may have become part of a kernel."""
    if v.constant is None:
        return None
    return v.constant.tobytes() if v.constant.size == 1 else id(v.constant)


def _instance(calls: Sequence[Call], place: dict[int, Value | Scratch]) -> list[Call]:
    """The calls with the values of `place` for their own, and new memory for what is neither there nor constant."""

    def one(thing: Any) -> Any:
        if isinstance(thing, tuple):
            return one(thing[0]), thing[1]
        if isinstance(thing, Scratch):
            return place.setdefault(id(thing), Scratch(thing.nbytes))
        if isinstance(thing, Value) and thing.constant is None:
            return place.setdefault(id(thing), Value(thing.spec))
        return place.get(id(thing), thing) if isinstance(thing, Value) else thing

    def all_of(things: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(map(one, things))

    return [replace(c, args=all_of(c.args), reads=all_of(c.reads), writes=all_of(c.writes)) for c in calls]
