"""Lifetimes -> offsets: every temporary gets a place in one arena, shared with others that are dead while it lives."""

from __future__ import annotations

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

    offsets: dict[int, int]
    nbytes: int

    @property
    def places(self) -> dict[int, Address]:
        """The same as addresses in the arena."""
        return {key: Address(0, offset) for key, offset in self.offsets.items()}


def nbytes(thing: Value | Scratch) -> int:
    """The bytes that scratch memory, or the elements of a value, take."""
    return thing.nbytes if isinstance(thing, Scratch) else elements(thing) * thing.spec.dtype.size


def plan_memory(calls: Sequence[Call], temporary: Set[int], repeated: Sequence[tuple[int, int]] = ()) -> Layout:
    """Offsets of the values and scratch memory in `temporary` (ids), by first fit in the order of size, largest first.

    `repeated` are the ranges of calls that run again and again: what comes into such a range from before must last to its end, and
    what outlives it must have its place from its beginning.
    """
    blocks: dict[int, list[int]] = {}  # id -> [first call, last call, bytes]
    for at, call in enumerate(calls):
        for arg in call.args:
            thing = arg[0] if isinstance(arg, tuple) else arg
            if isinstance(thing, (Value, Scratch)) and id(thing) in temporary:
                block = blocks.setdefault(id(thing), [at, at, max(nbytes(thing), 1)])
                block[1] = at
    for low, high in repeated:
        for block in blocks.values():
            if block[0] < low <= block[1]:
                block[1] = max(block[1], high)
            elif low <= block[0] < high <= block[1]:
                block[0] = low
    placed: list[tuple[int, int, int, int]] = []  # first, last, offset, end
    offsets: dict[int, int] = {}
    for key, (first, last, size) in sorted(blocks.items(), key=lambda item: (-item[1][2], item[1][0])):
        start = 0
        for _, _, low, high in sorted((p for p in placed if p[0] <= last and first <= p[1]), key=lambda p: p[2]):
            if start + size <= low:
                break
            start = max(start, high)
        end = -(-(start + size) // ALIGN) * ALIGN
        placed.append((first, last, start, end))
        offsets[key] = start
    return Layout(offsets, max((p[3] for p in placed), default=0))


def plan_kept(once: Sequence[Call], again: Sequence[Call], temporary: Set[int]) -> Layout:
    """Places, in memory of its own, for what the calls `once` make and those run `again` and again use."""
    used = {id(thing) for call in again for thing in things(call)} & temporary
    offsets: dict[int, int] = {}
    end = 0
    for thing in (w for call in once for w in call.writes):
        if id(thing) in used and id(thing) not in offsets:
            offsets[id(thing)] = end
            end += -(-nbytes(thing) // ALIGN) * ALIGN
    return Layout(offsets, end)
