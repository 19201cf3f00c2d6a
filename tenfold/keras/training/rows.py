"""Copies chosen rows of an array into a buffer, with all threads: what shuffling costs a step."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.compiler.pipeline import Compiled, compile_graph
from tenfold.core.dtypes import BY_NUMPY, DType, int64
from tenfold.ir.graph import Graph, Value, make
from tenfold.ir.primitive import Spec
from tenfold.primitives.gather import gather

LARGE = 1 << 16  # bytes: smaller copies are NumPy's


class RowCopy:
    """`copy(rows)` gives the rows of `array`, in a buffer that the next call overwrites.

    Args:
        array: [n, ...], C-contiguous or not.
        most: how many rows are asked for at most.
    """

    def __init__(self, array: np.ndarray[Any, Any], most: int) -> None:
        self._array = array
        self._buffer = np.empty((most, *array.shape[1:]), array.dtype)
        dtype = BY_NUMPY.get(array.dtype)
        compiled = dtype is not None and dtype.llvm is not None and array.flags.c_contiguous and self._buffer.nbytes >= LARGE
        self._programs: dict[int, Compiled] | None = {} if compiled else None

    def copy(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The rows with these numbers (int64), which must be in range."""
        target = self._buffer[: len(rows)]
        if self._programs is None:
            return self._array.take(rows, 0, target, "clip")
        if len(rows) not in self._programs:
            self._programs[len(rows)] = _program(self._array.shape, BY_NUMPY[self._array.dtype], len(rows))
        self._programs[len(rows)]([self._array, rows, target])
        return target

    def rest(self) -> None:
        """After an epoch: the programs, which outlive this object, let go of the array."""
        for program in (self._programs or {}).values():
            program.forget()


@lru_cache(16)
def _program(shape: tuple[int, ...], dtype: DType, count: int) -> Compiled:
    """target = gather(array, rows)."""
    source, rows = Value(Spec(shape, dtype)), Value(Spec((count,), int64))
    node = make(gather.primitive, [source, rows], {"axis": 0, "batch_dims": 0})
    target = Value(node.outputs[0].spec)
    return compile_graph(Graph((source, rows, target), node.outputs, (node,), "rows"), [(0, 2)])
