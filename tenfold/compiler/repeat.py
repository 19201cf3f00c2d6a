"""A program run for one batch after another, with nothing of Python between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.codegen.cpu import compile_kernel
from tenfold.codegen.row_copy import RowCopy
from tenfold.runtime.executor import Address, Argument, Executable, Launch, Loop, Run, Table
from tenfold.runtime.memory import address_of
from tenfold.runtime.threads import native

GRAIN = 1 << 16  # bytes of a task that copies rows, about
LEFT, MORE, SELF, OTHER, FIRST = range(1, 6)  # slots: runs left, whether there are any, this table, the plan's, the gathers'


@dataclass(frozen=True, slots=True)
class Gather:
    """Rows of `source` [n, ...], `numbers` (int64) tells which, that come into `target` [count, ...]: `count` of them before each run."""

    source: npt.NDArray[Any]
    numbers: npt.NDArray[np.int64]
    target: npt.NDArray[Any]

    @property
    def layout(self) -> tuple[int, int]:
        """Rows of a run, and bytes of a row."""
        return len(self.target), self.target.strides[0]


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
    """

    def __init__(self, plan: Executable, table: Table, moving: Sequence[tuple[int, int]], gathers: Sequence[tuple[int, int]]) -> None:
        self._table = np.zeros(FIRST + 3 * len(gathers), np.int64)
        self._table[SELF], self._table[OTHER] = address_of(self._table), address_of(table)
        moves: list[Argument] = []
        launches = []
        for slot, distance in moving:
            moves += [Address(OTHER, 8 * slot), distance]
        for k, (count, nbytes) in enumerate(gathers):
            launches.append(copy_of_rows(FIRST + 3 * k, count, nbytes))
            moves += [Address(SELF, 8 * (FIRST + 3 * k + 1)), 8 * count]
        advance = Launch(native()["tenfold_advance"], 1, (Address(SELF, 8 * LEFT), len(moves) // 2, *moves), "advance")
        self._plan = Executable([Loop((), Address(SELF, 8 * MORE), (*launches, Run(plan, table), advance))])

    def run(self, repeat: Repeat) -> None:
        """Runs it; what moved stays where it ended."""
        table = self._table
        table[LEFT], table[MORE] = repeat.times, 1
        for k, g in enumerate(repeat.gathers):
            table[FIRST + 3 * k : FIRST + 3 * k + 3] = address_of(g.source), address_of(g.numbers), address_of(g.target)
        self._plan.run(table)


def copy_of_rows(slot: int, count: int, nbytes: int) -> Launch:
    """Copies `count` rows of `nbytes`; the three slots from `slot` on are the source, the rows' numbers, and the target."""
    grain = max(GRAIN // nbytes, 1)
    args = (Address(slot), Address(slot + 1), Address(slot + 2), count, nbytes, grain)
    return Launch(compile_kernel(RowCopy()), -(-count // grain), args, "rows")
