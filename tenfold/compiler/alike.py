"""Groups that are built alike are lowered once: of twelve equal layers, one.

Two groups are alike if they hold the same primitives with the same attributes, wired in the same way over values of the same types and
shapes. What was lowered for the first serves the second, with its values in their places and scratch memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
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
        return _instance(known[1], dict(zip(known[0], values, strict=True)))


def _structure(group: Group, uses: Uses) -> tuple[Hashable, list[Value]]:
    """What makes groups alike; and the group's values in an order that is the same for all of them."""
    numbers: dict[Value, int] = {}
    parts: list[Any] = [group.kind, group.space, group.reduced]

    def number(v: Value) -> int:
        found = numbers.get(v)
        if found is None:
            found = numbers[v] = len(numbers)
            source = root(v, uses)
            wire = None if source is v else number(source)
            parts.append((v.spec.shape, v.spec.dtype.name, v.derived, uses.settles(v), _contents(v), wire))
        return found

    for node in group.nodes:
        attrs = [(k, a, repr(a)) for k, a in node.attrs.items()]  # as text too, for 1 == True and 0.0 == -0.0
        parts.append((node.primitive, *map(number, node.inputs), *map(number, node.outputs), *attrs))
    parts.append(tuple(map(number, group.stored)))
    return tuple(parts), list(numbers)


def _contents(v: Value) -> Hashable:
    """What of a constant may have become part of a kernel."""
    if v.constant is None:
        return None
    return v.constant.tobytes() if v.constant.size == 1 else id(v.constant)


def _instance(calls: Sequence[Call], place: dict[Value | Scratch, Value | Scratch]) -> list[Call]:
    """The calls with the values of `place` for their own, and new memory for what is neither there nor constant."""

    def one(thing: Any) -> Any:
        if type(thing) is tuple:
            return one(thing[0]), thing[1]
        if not isinstance(thing, (Value, Scratch)):
            return thing
        found = place.get(thing)
        if found is None:
            found = place[thing] = _fresh(thing)
        return found

    def all_of(things: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(map(one, things))

    return [Call(c.code, c.tasks, all_of(c.args), all_of(c.reads), all_of(c.writes), c.name, c.nodes) for c in calls]


def _fresh(thing: Value | Scratch) -> Value | Scratch:
    """Memory like `thing`; a constant stays itself."""
    if isinstance(thing, Scratch):
        return Scratch(thing.nbytes)
    return Value(thing.spec) if thing.constant is None else thing
