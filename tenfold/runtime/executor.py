"""Plans: a flat table of steps, run by one native loop that is the same for all of them.

The table is an array of int64: its first word is the largest number of arguments of any step, then the steps follow:

    LAUNCH function tasks n (slot value)*n     call function(args, task) for every task
    JUMP_UNLESS slot value target              go on at `target` where the byte at the address is 0
    JUMP target
    HOST callback n (slot value)*n             call Python; a result other than 0 ends the run
    END

A pair (slot, value) is the address pointers[slot] + value, or value itself where the slot is -1.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.runtime import machine, profiler
from tenfold.runtime.threads import native, pool_address

Table = npt.NDArray[np.int64]
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)


@dataclass(frozen=True, slots=True)
class Address:
    """`offset` bytes after the pointer in `slot` of the table that a run is given; slot 0 is the arena."""

    slot: int
    offset: int = 0


Argument = Address | int


@dataclass(frozen=True, slots=True)
class Launch:
    """Calls the kernel at `address` for each of `tasks` tasks; they may run at the same time."""

    address: int
    tasks: int
    args: tuple[Argument, ...]
    name: str = ""
    source: Any = None  # what it was made from, for profiles


@dataclass(frozen=True, slots=True)
class HostCall:
    """Calls a Python function with the resolved arguments; if it raises, the run ends there and raises the same."""

    function: Callable[[Sequence[int]], None]
    args: tuple[Argument, ...] = ()
    name: str = ""
    source: Any = None


@dataclass(frozen=True, slots=True)
class Loop:
    """`condition`; while the byte at `flag` is not 0: `body`, `condition`."""

    condition: tuple[Step, ...]
    flag: Address
    body: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Branch:
    """`then` where the byte at `flag` is not 0, else `otherwise`."""

    flag: Address
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()


Step = Launch | HostCall | Loop | Branch


class Executable:
    """Steps made ready to run.

    Several threads may run one Executable at a time if their tables point to different arenas and outputs; who shares an arena must lock.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._names: dict[int, tuple[str, Any]] = {}  # and sources of the launches and calls, by their place in the code
        self._callbacks: list[Any] = []
        self._errors: dict[int, BaseException] = {}
        self._parallel = False
        words = [1]
        for step in steps:
            self._encode(step, words)
        words.append(machine.END)
        self._code = np.array(words, np.int64)
        self._address: int = self._code.ctypes.data
        self._last: tuple[Table | None, int] = (None, 0)
        self._main = _main()

    def run(self, table: Table) -> None:
        """Runs all steps; `table` holds the base pointers."""
        last, address = self._last
        if last is not table:
            address = _address_of(table)
            self._last = (table, address)
        pool = pool_address() if self._parallel else 0
        if profiler.active():
            self._run_profiled(address, pool)
        elif self._main(self._address, address, pool, 0):
            raise self._errors.pop(threading.get_ident())

    def _run_profiled(self, address: int, pool: int) -> None:
        with profiler.recording(self._names) as buffer:
            failed = self._main(self._address, address, pool, buffer)
        if failed:
            raise self._errors.pop(threading.get_ident())

    def _encode(self, step: Step, words: list[int]) -> None:
        match step:
            case Launch(address, tasks, args, name, source):
                if tasks <= 0:
                    return
                self._names[len(words)] = (name, source)
                self._parallel |= tasks > 1
                words += [machine.LAUNCH, address, tasks, len(args), *_pairs(args)]
                words[0] = max(words[0], len(args))
            case HostCall(function, args, name, source):
                self._names[len(words)] = (name or getattr(function, "__name__", "host"), source)
                words += [machine.HOST, self._callback(function, len(args)), len(args), *_pairs(args)]
                words[0] = max(words[0], len(args))
            case Loop(condition, flag, body):
                self._encode_loop(condition, flag, body, words)
            case Branch(flag, then, otherwise):
                self._encode_branch(flag, then, otherwise, words)

    def _encode_loop(self, condition: tuple[Step, ...], flag: Address, body: tuple[Step, ...], words: list[int]) -> None:
        start = len(words)
        for step in condition:
            self._encode(step, words)
        words += [machine.JUMP_UNLESS, flag.slot, flag.offset, 0]
        hole = len(words) - 1
        for step in body:
            self._encode(step, words)
        words += [machine.JUMP, start]
        words[hole] = len(words)

    def _encode_branch(self, flag: Address, then: tuple[Step, ...], otherwise: tuple[Step, ...], words: list[int]) -> None:
        words += [machine.JUMP_UNLESS, flag.slot, flag.offset, 0]
        hole = len(words) - 1
        for step in then:
            self._encode(step, words)
        words += [machine.JUMP, 0]
        end = len(words) - 1
        words[hole] = len(words)
        for step in otherwise:
            self._encode(step, words)
        words[end] = len(words)

    def _callback(self, function: Callable[[Sequence[int]], None], count: int) -> int:
        errors = self._errors
        array = ctypes.c_int64 * count

        def call(args: int) -> int:
            try:
                function(array.from_address(args)[:] if count else ())
            except BaseException as error:  # to be raised by run
                errors[threading.get_ident()] = error
                return 1
            return 0

        callback = _CALLBACK(call)
        self._callbacks.append(callback)
        return ctypes.cast(callback, ctypes.c_void_p).value or 0


def _pairs(args: tuple[Argument, ...]) -> Iterator[int]:
    for arg in args:
        if isinstance(arg, Address):
            yield arg.slot
            yield arg.offset
        else:
            yield -1
            yield arg


def _address_of(table: Table) -> int:
    if table.dtype != np.int64 or not table.flags.c_contiguous:
        raise ValueError(f"[run] the table must be a contiguous array of int64; received {table.dtype}, strides {table.strides}.")
    return int(table.ctypes.data)


@cache
def _main() -> Any:
    """The native loop; the GIL is free while it runs."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(native()["tenfold_main"])
