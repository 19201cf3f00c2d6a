"""Plans: a flat table of steps, run by one native loop that is the same for all of them.

The table is an array of int64: its first word is the largest number of arguments of any step, then the steps follow:

    LAUNCH function tasks n (slot value)*n     call function(args, task) for every task
    JUMP_UNLESS slot value target              go on at `target` where the byte at the address is 0
    JUMP target
    HOST callback n (slot value)*n             call Python; a result other than 0 ends the run
    RUN code table                             run the plan at `code` with the pointers at `table`, unprofiled
    END

A pair (slot, value) is the address pointers[slot] + value, or value itself where the slot is -1.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.runtime import interpreter, profiler
from tenfold.runtime.threads import native, pool_address

Table = npt.NDArray[np.int64]
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
_errors: dict[int, BaseException] = {}  # what ended the run of a thread, until `run` raises it


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


@dataclass(frozen=True, slots=True)
class Run:
    """Runs another plan, with the base pointers in `table`; nothing of it is profiled."""

    plan: Executable
    table: Table


Step = Launch | HostCall | Loop | Branch | Run


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """Steps as words. At `kernels` and `hosts`, places in `words`, stand addresses of this process, or numbers to be replaced by them.

    `names` are those of the steps there, in order of place; `parallel` tells whether any has several tasks.
    """

    words: Table
    kernels: Table
    hosts: Table
    names: tuple[str, ...]
    parallel: bool


class Assembler:
    """Writes steps as Code; host functions are numbered in the order of their steps."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.functions: list[Callable[[Sequence[int]], None]] = []
        self.sources: list[Any] = []  # of the steps that Code.names has the names of
        self._words = [1]
        self._kernels: list[int] = []
        self._hosts: list[int] = []
        self._names: list[str] = []
        self._parallel = False
        for step in steps:
            self._step(step)
        self._words.append(interpreter.END)

    @property
    def code(self) -> Code:
        """What was written."""
        words, kernels, hosts = (np.array(w, np.int64) for w in (self._words, self._kernels, self._hosts))
        return Code(words, kernels, hosts, tuple(self._names), self._parallel)

    def _step(self, step: Step) -> None:
        match step:
            case Launch(address, tasks, args, name, source):
                if tasks <= 0:
                    return
                self._parallel |= tasks > 1
                self._call(self._kernels, [interpreter.LAUNCH, address, tasks], args, name, source)
            case HostCall(function, args, name, source):
                self._call(self._hosts, [interpreter.HOST, len(self.functions)], args, name or getattr(function, "__name__", "host"), source)
                self.functions.append(function)
            case Loop(condition, flag, body):
                self._loop(condition, flag, body)
            case Branch(flag, then, otherwise):
                self._branch(flag, then, otherwise)
            case Run(plan, table):
                self._parallel |= plan.parallel
                self._words += [interpreter.RUN, plan.address, _address_of(table)]

    def _call(self, places: list[int], head: list[int], args: tuple[Argument, ...], name: str, source: Any) -> None:
        places.append(len(self._words) + 1)
        self._names.append(name)
        self.sources.append(source)
        self._words += [*head, len(args)]
        for arg in args:
            self._words += (arg.slot, arg.offset) if isinstance(arg, Address) else (-1, arg)
        self._words[0] = max(self._words[0], len(args))

    def _loop(self, condition: tuple[Step, ...], flag: Address, body: tuple[Step, ...]) -> None:
        words, start = self._words, len(self._words)
        for step in condition:
            self._step(step)
        words += [interpreter.JUMP_UNLESS, flag.slot, flag.offset, 0]
        hole = len(words) - 1
        for step in body:
            self._step(step)
        words += [interpreter.JUMP, start]
        words[hole] = len(words)

    def _branch(self, flag: Address, then: tuple[Step, ...], otherwise: tuple[Step, ...]) -> None:
        words = self._words
        words += [interpreter.JUMP_UNLESS, flag.slot, flag.offset, 0]
        hole = len(words) - 1
        for step in then:
            self._step(step)
        words += [interpreter.JUMP, 0]
        end = len(words) - 1
        words[hole] = len(words)
        for step in otherwise:
            self._step(step)
        words[end] = len(words)


class Executable:
    """Steps made ready to run.

    Several threads may run one Executable at a time if their tables point to different arenas and outputs; who shares an arena must lock.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        made = Assembler(steps)
        self._bind(made.code, None, made.functions, lambda: made.sources)

    @classmethod
    def of(
        cls, code: Code, kernels: Sequence[int], functions: Sequence[Callable[[Sequence[int]], None]], sources: Callable[[], Sequence[Any]]
    ) -> Executable:
        """Code whose kernels and functions are numbers in these lists; the `sources` of its steps are asked for by profiles."""
        made = cls.__new__(cls)
        made._bind(code, kernels, functions, sources)
        return made

    def _bind(self, code: Code, kernels: Sequence[int] | None, functions: Sequence[Any], sources: Callable[[], Sequence[Any]]) -> None:
        self._code = code.words.copy()
        if kernels is not None:
            self._code[code.kernels] = np.array(kernels, np.int64)[code.words[code.kernels]]
        self._callbacks = [self._callback(functions[code.words[at]], code.words[at + 1]) for at in code.hosts.tolist()]
        self._code[code.hosts] = [ctypes.cast(callback, ctypes.c_void_p).value or 0 for callback in self._callbacks]
        self._places, self._step_names, self._sources = np.sort(np.concatenate([code.kernels, code.hosts])) - 1, code.names, sources
        self.parallel = code.parallel
        self.address: int = self._code.ctypes.data
        self._last: tuple[Table | None, int] = (None, 0)
        self._main = _main()

    def run(self, table: Table) -> None:
        """Runs all steps; `table` holds the base pointers."""
        last, address = self._last
        if last is not table:
            address = _address_of(table)
            self._last = (table, address)
        pool = pool_address() if self.parallel else 0
        if profiler.active():
            self._run_profiled(address, pool)
        elif self._main(self.address, address, pool, 0):
            raise _errors.pop(threading.get_ident())

    def _run_profiled(self, address: int, pool: int) -> None:
        names = dict(zip(self._places.tolist(), zip(self._step_names, self._sources(), strict=True), strict=True))
        with profiler.recording(names) as buffer:
            failed = self._main(self.address, address, pool, buffer)
        if failed:
            raise _errors.pop(threading.get_ident())

    def _callback(self, function: Callable[[Sequence[int]], None], count: int) -> Any:
        array = ctypes.c_int64 * int(count)

        def call(args: int) -> int:
            try:
                function(array.from_address(args)[:] if count else ())
            except BaseException as error:  # to be raised by run
                _errors[threading.get_ident()] = error
                return 1
            return 0

        return _CALLBACK(call)


def _address_of(table: Table) -> int:
    if table.dtype != np.int64 or not table.flags.c_contiguous:
        raise ValueError(f"[run] the table must be a contiguous array of int64; received {table.dtype}, strides {table.strides}.")
    return int(table.ctypes.data)


@cache
def _main() -> Any:
    """The native loop; the GIL is free while it runs."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(native()["tenfold_main"])
