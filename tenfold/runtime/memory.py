"""Buffers: memory aligned for vectors, held by NumPy; and the arenas that programs share."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
ALIGNMENT = 64
MANY_RUNS = 256  # after which it is asked whether an arena is too large
LARGE, MUCH = 1 << 24, 4  # it is if it has more bytes than this, and so many times what these runs needed
SMALL = 4096  # bytes
MOST_SPARE = 64  # small arrays made ahead
_first_byte: Callable[[Any], Any] = ctypes.c_char.from_buffer


def empty(nbytes: int) -> Bytes:
    """`nbytes` of memory with unknown contents, its address a multiple of 64."""
    raw: Bytes = np.empty(nbytes + ALIGNMENT, np.uint8)
    start = -address_of(raw) % ALIGNMENT
    return raw[start : start + nbytes]


def zeros(nbytes: int) -> Bytes:
    """`nbytes` of zeros, aligned; the system gives the pages when they are touched."""
    raw: Bytes = np.zeros(nbytes + ALIGNMENT, np.uint8)
    start = -address_of(raw) % ALIGNMENT
    return raw[start : start + nbytes]


def empty_array(shape: tuple[int, ...], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """An array with unknown contents; aligned, if it is large enough for that to matter."""
    nbytes = prod(shape) * dtype.itemsize
    return np.empty(shape, dtype) if nbytes <= SMALL else empty(nbytes).view(dtype).reshape(shape)


class Allocator:
    """Makes arrays of one shape, with their addresses. Small ones are made several at a time: what a run leaves of Python in the caches is so
    little that one takes ten times as long between two runs.
    """

    __slots__ = ("_count", "_dtype", "_most", "_shape", "_spare")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._shape, self._dtype = shape, dtype
        self._most = max(min(SMALL // max(prod(shape) * dtype.itemsize, 1), MOST_SPARE), 1)
        self._count = 1  # to make the next time: more and more
        self._spare: list[tuple[npt.NDArray[Any], int]] = []  # `pop` and `append` are atomic

    def __call__(self) -> tuple[npt.NDArray[Any], int]:
        """An array that nobody else has, and its address."""
        try:
            return self._spare.pop()
        except IndexError:
            made = [empty_array(self._shape, self._dtype) for _ in range(self._count)]
            self._count = min(2 * self._count, self._most)
            first, *rest = [(a, address_of(a)) for a in made]
            self._spare += rest
            return first


def address_of(array: npt.NDArray[Any]) -> int:
    """Where the elements are."""
    try:
        return ctypes.addressof(_first_byte(array))  # takes a quarter of the time of the other way
    except (TypeError, ValueError, BufferError):  # it is read-only, has no elements, or not the kind that buffers know
        address: int = array.__array_interface__["data"][0]
        return address


class Arena:
    """Memory for the intermediate results of one run, and what the last runs needed of it."""

    __slots__ = ("address", "memory", "most", "nbytes", "runs")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = size_class(nbytes)
        self.memory = empty(self.nbytes)
        self.address: int = self.memory.ctypes.data
        self.runs, self.most = 0, 0


class ArenaPool:
    """Arenas that nobody uses, as many as there were runs at a time. Every run takes any of them, and a larger one in its place if it is
    too small: so programs share one piece of memory, however many there are, and it stays in the cache. One that was much too large for
    many runs in a row goes back to the system."""

    def __init__(self) -> None:
        self._free: list[Arena] = []  # `pop` and `append` are atomic

    def take(self, nbytes: int) -> Arena:
        """One of at least `nbytes`."""
        try:
            arena = self._free.pop()
        except IndexError:
            arena = Arena(nbytes)
        if arena.nbytes < nbytes:
            arena = Arena(nbytes)
        arena.runs += 1
        if nbytes > arena.most:
            arena.most = nbytes
        return arena

    def give(self, arena: Arena) -> None:
        """Hands an arena from `take` back; nobody may use it any more."""
        if arena.runs >= MANY_RUNS:
            if arena.nbytes > LARGE and arena.nbytes > MUCH * arena.most:
                return
            arena.runs = arena.most = 0
        self._free.append(arena)

    def clear(self) -> None:
        """Frees all that is not in use."""
        self._free.clear()


def size_class(nbytes: int) -> int:
    """`nbytes` rounded up to four steps per power of two, at least 4 KiB."""
    if nbytes <= 4096:
        return 4096
    step = 1 << max((nbytes - 1).bit_length() - 3, 12)
    return -(-nbytes // step) * step
