"""What programs keep from run to run, packed weights above all: one copy for all programs of a function that keep the same.

A function has a program for each size of its arguments, and most of them pack the weights alike.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

from tenfold.compiler.plan import Plan
from tenfold.runtime.memory import Bytes, empty


class Contents:
    """What was made from these arrays and versions of the steady inputs, and by how many runs it is being read."""

    __slots__ = ("address", "arrays", "memory", "readers", "versions")

    def __init__(self, memory: Bytes, arrays: Sequence[Any], versions: Sequence[int]) -> None:
        self.memory, self.arrays, self.versions = memory, arrays, versions
        self.address: int = memory.ctypes.data
        self.readers = 0

    def of(self, arrays: Sequence[Any], versions: Sequence[int]) -> bool:
        """Whether it was made from these."""
        return self.versions == versions and all(a is b for a, b in zip(arrays, self.arrays, strict=True))


class Kept:
    """Memory for `nbytes` of contents. Nobody writes where a run reads: newer contents then get other memory."""

    def __init__(self, nbytes: int) -> None:
        self._nbytes = nbytes
        self._latest: Contents | None = None
        self._lock = threading.Lock()

    @property
    def made(self) -> bool:
        """Whether there are any contents."""
        return self._latest is not None

    def take(self, seen: Contents | None, arrays: Callable[[], Sequence[Any]], versions: Sequence[int], make: Callable[[int], None]) -> Contents:
        """The contents for a run, to be given back.

        Args:
            seen: those of the caller's last run, if its steady inputs are the same since.
            arrays: gives the steady inputs; versions: of their elements.
            make: writes the contents that are made from them to an address.
        """
        with self._lock:
            latest = self._latest
            if latest is None or (latest is not seen and not latest.of(arrays(), versions)):
                self._latest = None
                memory = latest.memory if latest is not None and not latest.readers else empty(self._nbytes)
                made = Contents(memory, arrays(), versions)
                make(made.address)
                latest = self._latest = made
            latest.readers += 1
            return latest

    def give(self, contents: Contents) -> None:
        """A run with them has ended."""
        with self._lock:
            contents.readers -= 1


Shared = dict[bytes, Kept]


def kept_of(plan: Plan, constants: Sequence[Any], shared: Shared) -> Kept:
    """That of the programs in `shared` that make the same by the same calls from the same constants, or a new one."""
    words, places = plan.once.words.copy(), plan.once.kernels.tolist()
    kernels = [plan.kernels[words[at]] for at in places]
    words[places] = 0
    key = sha256(repr((plan.kept_bytes, kernels, [id(c) for c in constants])).encode())
    key.update(words.tobytes())
    read = {slot for at in places for slot in words[at + 3 : at + 3 + 2 * words[at + 2] : 2].tolist()}  # see executor.py: LAUNCH
    for slot, constant in enumerate(plan.constants, 1 + plan.inputs + len(plan.outputs)):
        if slot in read:
            key.update(constant.tobytes())
    return shared.setdefault(key.digest(), Kept(plan.kept_bytes))
