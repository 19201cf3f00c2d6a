"""Which calls need not run again: those that only read what stays the same, weights above all.

    pack w -> panels; scale = gamma * rsqrt(variance); out = x @ panels * scale    ->    pack, scale: once    out: every time

A program does this with the variables that it does not write, a loop with what is the same at all steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set

from tenfold.compiler.items import Item, Pointer, flags, flat, things
from tenfold.compiler.lower import Call, Scratch
from tenfold.ir.graph import Value


def apart(items: Sequence[Item], steady: Set[Value], placed: Set[Value | Scratch]) -> tuple[list[Call], list[Item]]:
    """(calls to be made once, the other items): the first read constants, values in `steady` and what each other make.

    They make nothing that a call among the others writes too, or reads before it is complete (images that are transformed some at a time,
    in the same place), and no value in `placed`, which is wanted anew each time.
    """
    placed = placed | flags(items)
    writers: dict[Value | Scratch, set[Call]] = defaultdict(set)
    early: dict[Value | Scratch, set[Call]] = defaultdict(set)  # who reads between two writers
    readers: dict[Value | Scratch, set[Call]] = defaultdict(set)
    for call in flat(items):
        for thing in call.writes:
            early[thing] |= readers[thing]
            writers[thing].add(call)
        for thing in call.reads:
            readers[thing].add(call)
    once = {item: item for item in items if isinstance(item, Call) and _repeatable(item)}

    def known(thing: Value | Scratch) -> bool:
        constant = isinstance(thing, Value) and thing.constant is not None
        return constant or thing in steady or (thing in writers and writers[thing] <= once.keys())

    def stays(call: Call) -> bool:
        return all(map(known, call.reads)) and all(w not in placed and writers[w] | early[w] <= once.keys() for w in call.writes)

    before = -1
    while len(once) != before:  # twice as a rule: calls stand behind those whose results they read
        before = len(once)
        for key, call in list(once.items()):
            if not stays(call):
                del once[key]
    return list(once.values()), [item for item in items if item not in once]


def _repeatable(call: Call) -> bool:
    """Whether a call is a kernel over memory that `reads` and `writes` name."""
    return bool(call.tasks) and not callable(call.code) and Pointer not in map(type, things(call))
