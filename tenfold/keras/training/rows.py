"""Copies chosen rows of an array into a buffer, with all threads: what shuffling costs a step."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.codegen.row_copy import LINE
from tenfold.compiler.repeat import Gather, copy_of_rows
from tenfold.runtime.executor import Executable
from tenfold.runtime.memory import address_of

LARGE = 1 << 16  # bytes: smaller copies are NumPy's


class RowCopy:
    """`copy(rows)` gives the rows of `array`, in a buffer that the next call overwrites.

    Args:
        array: [n, ...], C-contiguous or not.
        most: how many rows are asked for at most.
    """

    def __init__(self, array: np.ndarray[Any, Any], most: int) -> None:
        self._array = array
        self._buffer = self._last = np.empty((most, *array.shape[1:]), array.dtype)
        self._bytes = self._buffer[:1].nbytes
        self._compiled = not array.dtype.hasobject and array.flags.c_contiguous and self._bytes >= LINE and self._buffer.nbytes >= LARGE
        self._table = np.array([0, address_of(array), 0, address_of(self._buffer)], np.int64)

    def gather(self, argument: int, rows: np.ndarray[Any, Any], count: int) -> Gather | None:
        """`count` rows at a time, as part of a Repeat; None: there is no need for it, the rows can be taken all at once."""
        return Gather(argument, self._array, np.ascontiguousarray(rows, np.int64), self._buffer[:count]) if self._compiled else None

    def copy(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The rows with these numbers (int64), which must be in range."""
        if len(rows) != len(self._last):
            self._last = self._buffer[: len(rows)]
        target = self._last  # the same one again: programs know where it is
        if not self._compiled:
            return self._array.take(rows, 0, target, "clip")
        rows = np.ascontiguousarray(rows, np.int64)
        self._table[2] = address_of(rows)
        _plan(len(rows), self._bytes).run(self._table)
        return target


@lru_cache(64)
def _plan(count: int, nbytes: int) -> Executable:
    """Copies `count` rows of `nbytes`; slots 1 to 3 of the table are the array, the rows' numbers, and the buffer."""
    return Executable([copy_of_rows(1, count, nbytes)])
