"""A program run for one batch after another, with nothing of Python between them.

Chosen rows of a larger array, as shuffling gives them, are copied before each run; but where the program reads them through tables of their
places alone, as matrix products do, each run is given tables of the places in that array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.codegen.cpu import compile_kernel
from tenfold.codegen.row_copy import RowCopy, RowPlaces
from tenfold.runtime.executor import Address, Argument, Executable, Launch, Loop, Run, Table
from tenfold.runtime.memory import address_of
from tenfold.runtime.threads import native

GRAIN = 1 << 16  # bytes of a task that copies rows, about
LEFT, MORE, SELF, OTHER, FIRST = range(1, 6)  # slots: runs left, whether there are any, this table, the plan's, the gathers'


@dataclass(frozen=True, slots=True)
class Gather:
    """Rows of `source` [n, ...], `numbers` (int64) tells which, that are an argument of each run, `count` of them. `target` [count, ...] is
    the argument where they have to be copied."""

    argument: int
    source: npt.NDArray[Any]
    numbers: npt.NDArray[np.int64]
    target: npt.NDArray[Any]

    @property
    def layout(self) -> tuple[int, int, int]:
        """The argument, rows of a run, and bytes of a row."""
        return self.argument, len(self.target), self.target.strides[0]


@dataclass(frozen=True, slots=True)
class Places:
    """A table of a program's, in `slot` of its pointers: each entry, of `words`, begins with how far a row of an argument is from its first
    one, in bytes. `contents` say so of rows one after the other."""

    slot: int
    words: int
    contents: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Repeat:
    """What changes while a program runs `times` times: `gathers` come before each run, and (argument, bytes) of `moving` go on after it.

    `keep`: whether the outputs of all runs are wanted, one after the other, and not only those of the last.
    """

    times: int
    moving: tuple[tuple[int, int], ...]
    gathers: tuple[Gather, ...] = ()
    keep: bool = False

    @property
    def layout(self) -> Any:
        """What the loop around a program depends on."""
        return self.moving, tuple([g.layout for g in self.gathers])


class Loops:
    """A loop around a plan and its table.

    Args:
        moving: (slot of the plan's table, bytes that it goes on after each run).
        gathers: their layouts.
        places: the tables through which the plan reads rows of an argument, for those that it reads in no other way.
    """

    def __init__(
        self, plan: Executable, table: Table, moving: Sequence[tuple[int, int]], gathers: Sequence[tuple[int, int, int]],
        places: Mapping[int, Sequence[Places]],
    ) -> None:  # fmt: skip
        self._table, self._other = np.zeros(FIRST + 3 * len(gathers), np.int64), table
        self._table[SELF], self._table[OTHER] = address_of(self._table), address_of(table)
        self._read = {argument: [(p, p.contents.copy()) for p in places[argument]] for argument, _, _ in gathers if argument in places}
        moves: list[Argument] = []
        launches = []
        for slot, distance in moving:
            moves += [Address(OTHER, 8 * slot), distance]
        for k, (argument, count, nbytes) in enumerate(gathers):
            first = FIRST + 3 * k
            if argument in self._read:
                launches += [places_of_rows(first + 1, count, nbytes, p.words, address_of(own)) for p, own in self._read[argument]]
            else:
                launches.append(copy_of_rows(first, count, nbytes))
            moves += [Address(SELF, 8 * (first + 1)), 8 * count]
        advance = Launch(native()["tenfold_advance"], 1, (Address(SELF, 8 * LEFT), len(moves) // 2, *moves), "advance")
        self._plan = Executable([Loop((), Address(SELF, 8 * MORE), (*launches, Run(plan, table), advance))])

    def run(self, repeat: Repeat) -> None:
        """Runs it; what moved stays where it ended."""
        table, other = self._table, self._other
        table[LEFT], table[MORE] = repeat.times, 1
        for k, g in enumerate(repeat.gathers):
            table[FIRST + 3 * k : FIRST + 3 * k + 3] = address_of(g.source), address_of(g.numbers), address_of(g.target)
            if g.argument in self._read:
                other[1 + g.argument] = address_of(g.source)
        swapped = [(p.slot, own) for tables in self._read.values() for p, own in tables]
        before = [int(other[slot]) for slot, _ in swapped]
        try:
            for slot, own in swapped:
                other[slot] = address_of(own)
            self._plan.run(table)
        finally:
            for (slot, _), address in zip(swapped, before, strict=True):
                other[slot] = address


def copy_of_rows(slot: int, count: int, nbytes: int) -> Launch:
    """Copies `count` rows of `nbytes`; the three slots from `slot` on are the source, the rows' numbers, and the target."""
    grain = max(GRAIN // nbytes, 1)
    args = (Address(slot), Address(slot + 1), Address(slot + 2), count, nbytes, grain)
    return Launch(compile_kernel(RowCopy()), -(-count // grain), args, "rows")


def places_of_rows(slot: int, count: int, nbytes: int, words: int, table: int) -> Launch:
    """Writes where `count` rows of `nbytes` are into the entries, of `words`, of the table at that address; in `slot` are their numbers."""
    return Launch(compile_kernel(RowPlaces()), 1, (Address(slot), table, count, nbytes, 8 * words), "places")
