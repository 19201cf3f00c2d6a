"""Groups that are built alike are lowered once: of twelve equal layers, one.

Two groups are alike if they hold the same primitives with the same attributes, wired in the same way over values of the same types and
shapes. What was lowered for the first serves the second, with its values in their places and scratch memory of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tenfold.compiler.items import rename, things
from tenfold.compiler.lower import Call, Scratch
from tenfold.compiler.program import Group, Uses
from tenfold.ir.graph import Value

Lower = Callable[[Group, Uses], Sequence[Any]]  # of calls, or for other kinds than LOOPS of what contains calls
LOOPS = frozenset(("map", "reduce", "contraction", "attention", "scatter"))  # the kinds whose calls hold nothing but kernels and values


class Alike:
    """Lowers the groups of one graph."""

    def __init__(self, uses: Uses) -> None:
        self._uses = uses
        self._known: dict[Hashable, tuple[Sequence[Call], list[Value], list[Value | Scratch]]] = {}  # calls, the group's values, other memory

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
            calls = lower(group, self._uses)
            self._known[key] = calls, values, _own(calls, values)
            return calls
        calls, theirs, own = known
        return rename(calls, {**dict(zip(theirs, values, strict=True)), **{thing: _fresh(thing) for thing in own}})


def _structure(group: Group, uses: Uses) -> tuple[Hashable, list[Value]]:
    """What makes groups alike; and the group's values in an order that is the same for all of them."""
    numbers: dict[Value, int] = {}
    parts: list[Any] = [group.kind, group.space, group.reduced]
    number = partial(_number, uses, numbers, parts)
    for node in group.nodes:
        attrs = [(k, a, repr(a)) for k, a in node.attrs.items()]  # as text too, for 1 == True and 0.0 == -0.0
        parts.append((node.primitive, *map(number, node.inputs), *map(number, node.outputs), *attrs))
    parts.append(tuple(map(number, group.stored)))
    return tuple(parts), list(numbers)


def _number(uses: Uses, numbers: dict[Value, int], parts: list[Any], v: Value) -> int:
    """The number of a value; of a new one it adds to `parts` what makes values the same."""
    found = numbers.get(v)
    if found is None:
        found = numbers[v] = len(numbers)
        wire = _number(uses, numbers, parts, uses.roots[v]) if v in uses.roots else None
        contents = None if v.constant is None else _contents(v.constant)
        parts.append((v.spec.shape, v.spec.dtype.name, v.derived, contents or v in uses.settled, v in uses.batches, wire))
    return found


def _contents(constant: np.ndarray[Any, Any]) -> tuple[Hashable]:
    """What of a constant may have become part of a kernel."""
    return (constant.tobytes() if constant.size == 1 else id(constant),)


def _own(calls: Sequence[Call], values: Sequence[Value]) -> list[Value | Scratch]:
    """The memory that the calls use besides that of `values`; constants are everybody's."""
    used = dict.fromkeys(thing for call in calls for thing in things(call) if isinstance(thing, (Value, Scratch)))
    constants = [v for v in used if isinstance(v, Value) and v.constant is not None]
    return [thing for thing in used if thing not in {*values, *constants}]


def _fresh(thing: Value | Scratch) -> Value | Scratch:
    """Memory like `thing`."""
    return Scratch(thing.nbytes) if isinstance(thing, Scratch) else Value(thing.spec)
