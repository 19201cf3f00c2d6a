"""Batches cut from arrays in memory, and what all sources of batches have in common."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from tenfold.compiler.repeat import Repeat
from tenfold.keras.training.batch_structure import leaves
from tenfold.keras.training.rows import RowCopy
from tenfold.keras.training.sparse_rows import SparseRows

Item = tuple[list[Any], Any, Repeat | None]


class Batches:
    """Batches for one call of fit, evaluate or predict. Each is the flat list of arrays of a structure `(x,)`, `(x, y)` or `(x, y, w)`."""

    steps: int | None = None  # per epoch; None: not known yet
    endless = False  # whether an epoch needs steps_per_epoch to end
    together = 1  # whole batches that the next item may stand for
    keep = False  # whether the outputs of all of them are wanted

    def epoch(self) -> Iterator[Item]:
        """The batches of the next epoch: (flat arrays, the structure that they came in, None); or (those of the first batch, the structure,
        how the following ones come) for several batches of `batch_size` rows."""
        raise NotImplementedError

    def finish_epoch(self) -> None:
        """Called after each epoch."""


class ArrayBatches(Batches):
    """Batches cut from arrays (or SparseRows) that are in memory."""

    def __init__(self, data: tuple[Any, ...], batch_size: int | None, shuffle: Any, reuse: bool = True) -> None:
        self.structure = data
        self.arrays: list[Any] = leaves(data)
        self.size = len(self.arrays[0])
        self.batch_size = 32 if batch_size is None else batch_size
        self.shuffle = shuffle
        self.steps = math.ceil(self.size / self.batch_size)
        self._reuse = reuse  # whether a batch may overwrite the one before

    def epoch(self) -> Iterator[Item]:
        n, size, steps, structure = self.size, self.batch_size, self.steps or 0, self.structure
        starts = np.random.permutation(steps) * size if self.shuffle == "batch" else np.arange(steps) * size
        order = np.random.permutation(n) if self.shuffle and self.shuffle != "batch" else None
        apart = self.shuffle == "batch" or any(isinstance(a, SparseRows) for a in self.arrays)
        done = 0
        while done < steps:
            times = 1 if apart else max(min(self.together, n // size - done), 1)
            start = int(starts[done])
            rows = slice(start, min(start + times * size, n))
            if times > 1:
                yield self._several(rows, order, times)
            else:
                yield [a[rows] for a in self.arrays] if order is None else self._gather(order[rows]), structure, None
            done += times

    def whole(self) -> tuple[list[Any], Any]:
        """All rows as one batch."""
        return [a[: self.size] for a in self.arrays], self.structure

    def _gather(self, rows: Any) -> list[Any]:
        return [c.copy(rows) for c in self._copies] if self._reuse else [a[rows] for a in self.arrays]

    @cached_property
    def _copies(self) -> list[RowCopy | SparseRows]:
        most = min(self.batch_size, self.size)
        return [a if isinstance(a, SparseRows) else RowCopy(a, most) for a in self.arrays]

    def _several(self, rows: slice, order: Any, times: int) -> Item:
        """`times` batches: large shuffled rows are found before each run, all others are put in order now, so that runs go through them."""
        firsts, moving, gathers = [], [], []
        for i, a in enumerate(self.arrays):
            copy = None if order is None else self._copies[i]
            gather = copy.gather(i, order[rows], self.batch_size) if isinstance(copy, RowCopy) else None
            if gather is not None:
                gathers.append(gather)
                firsts.append(gather.target)
            else:
                part = a[rows] if order is None else a[order[rows]]
                firsts.append(part[: self.batch_size])
                moving.append((i, firsts[-1].nbytes))
        return firsts, self.structure, Repeat(times, tuple(moving), tuple(gathers), self.keep)
