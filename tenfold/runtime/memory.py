"""Buffers: memory aligned for vectors, held by NumPy; and a pool that keeps large ones for the next use."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
ALIGNMENT = 64


def empty(nbytes: int) -> Bytes:
    """`nbytes` of memory with unknown contents, its address a multiple of 64."""
    raw: Bytes = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + nbytes]


def zeros(nbytes: int) -> Bytes:
    """`nbytes` of zeros, aligned; the system gives the pages when they are touched."""
    raw: Bytes = np.zeros(nbytes + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + nbytes]


def empty_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An aligned array with unknown contents."""
    count = 1
    for extent in shape:
        count *= extent
    return empty(count * dtype.itemsize).view(dtype).reshape(shape)


class ArenaPool:
    """Arenas by size class, so that plans that do not run at the same time share memory that is already mapped."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self._free: dict[int, list[Bytes]] = {}
        self._kept = 0
        self._limit = limit
        self._lock = threading.Lock()

    def take(self, nbytes: int) -> Bytes:
        """At least `nbytes`."""
        size = size_class(nbytes)
        with self._lock:
            if self._free.get(size):
                self._kept -= size
                return self._free[size].pop()
        return empty(size)

    def give(self, arena: Bytes) -> None:
        """Hands an arena from `take` back; nobody may use it any more."""
        size = arena.nbytes
        with self._lock:
            if self._kept + size <= self._limit:
                self._kept += size
                self._free.setdefault(size, []).append(arena)

    def clear(self) -> None:
        """Frees all that is not in use."""
        with self._lock:
            self._free.clear()
            self._kept = 0


def size_class(nbytes: int) -> int:
    """`nbytes` rounded up to four steps per power of two, at least 4 KiB."""
    if nbytes <= 4096:
        return 4096
    step = 1 << max((nbytes - 1).bit_length() - 3, 12)
    return -(-nbytes // step) * step
