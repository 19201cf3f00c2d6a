"""Lifetimes -> offsets: every temporary gets a place in one arena, shared with others that are dead while it lives."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence, Set
from dataclasses import dataclass

from tenfold.compiler.items import things
from tenfold.compiler.lower import Call, Scratch
from tenfold.compiler.program import elements
from tenfold.ir.graph import Value
from tenfold.runtime.executor import Address

ALIGN = 64


@dataclass(frozen=True, slots=True)
class Layout:
    """Where temporaries are (bytes from the arena's start), and how large the arena is."""

    offsets: dict[Value | Scratch, int]
    nbytes: int

    @property
    def places(self) -> dict[Value | Scratch, Address]:
        """The same as addresses in the arena."""
        return {key: Address(0, offset) for key, offset in self.offsets.items()}


def nbytes(thing: Value | Scratch) -> int:
    """The bytes that scratch memory, or the elements of a value, take."""
    return thing.nbytes if isinstance(thing, Scratch) else elements(thing) * thing.spec.dtype.size


def plan_memory(calls: Sequence[Call], temporary: Set[Value | Scratch], repeated: Sequence[tuple[int, int]] = ()) -> Layout:
    """Offsets of the values and scratch memory in `temporary`, by first fit in the order of size, largest first.

    `repeated` are the ranges of calls that run again and again: what comes into such a range from before must last to its end, and
    what outlives it must have its place from its beginning.
    """
    blocks: dict[Value | Scratch, list[int]] = {}  # [first call, last call, bytes]
    for at, call in enumerate(calls):
        for arg in call.args:
            thing = arg[0] if type(arg) is tuple else arg
            if thing in temporary:
                if thing in blocks:
                    blocks[thing][1] = at
                else:
                    blocks[thing] = [at, at, max(nbytes(thing), 1)]
    for low, high in repeated:
        for block in blocks.values():
            if block[0] < low <= block[1]:
                block[1] = max(block[1], high)
            elif low <= block[0] < high <= block[1]:
                block[0] = low
    placed: list[tuple[int, int, int, int]] = []  # offset, end, first, last; in order
    offsets: dict[Value | Scratch, int] = {}
    for key, (first, last, size) in sorted(blocks.items(), key=lambda item: (-item[1][2], item[1][0])):
        start = 0
        for low, high, since, until in placed:
            if since <= last and first <= until:
                if start + size <= low:
                    break
                if high > start:
                    start = high
        end = -(-(start + size) // ALIGN) * ALIGN
        insort(placed, (start, end, first, last))
        offsets[key] = start
    return Layout(offsets, max((p[1] for p in placed), default=0))


def plan_kept(once: Sequence[Call], again: Sequence[Call], temporary: Set[Value | Scratch]) -> Layout:
    """Places, in memory of its own, for what the calls `once` make and those run `again` and again use."""
    used = {thing for call in again for thing in things(call)} & temporary
    offsets: dict[Value | Scratch, int] = {}
    end = 0
    for thing in (w for call in once for w in call.writes):
        if thing in used and thing not in offsets:
            offsets[thing] = end
            end += -(-nbytes(thing) // ALIGN) * ALIGN
    return Layout(offsets, end)
