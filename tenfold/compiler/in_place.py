"""Whether a value may be written over another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenfold.compiler.lower import Call, Scratch
from tenfold.ir.graph import Value
from tenfold.kernel import loops
from tenfold.kernel.loops import Kernel


class Accesses:
    """Which of some calls write and read each value: positions of calls, in order."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self._pointwise: dict[tuple[int, int, int], bool] = {}  # of (kernel, what it reads, what it writes); calls that are alike share kernels
        self.writers: dict[Value | Scratch, list[int]] = {}
        self.readers: dict[Value | Scratch, list[int]] = {}
        for at, call in enumerate(calls):
            for things, found in ((call.writes, self.writers), (call.reads, self.readers)):
                for thing in things:
                    found.setdefault(thing, []).append(at)

    def safe_in_place(self, made: Value, target: Value) -> bool:
        """Whether writing `made` over `target` destroys nothing that is still needed: all calls that read `target` come before, or read
        each element just before they overwrite it."""
        writers, readers = self.writers[made], self.readers.get(target)
        if not readers:
            return True
        first, last = writers[0], readers[-1]
        if last < first:
            return True
        return last == first and self._at_one_place(self.calls[first], made, target)

    def _at_one_place(self, call: Call, made: Value, target: Value) -> bool:
        """Whether a kernel reads `target` only at the position at which it stores `made`."""
        if not isinstance(call.code, Kernel):
            return False
        values = [a for a in call.args if type(a) is Value]
        read, written = values.index(target), values.index(made)
        key = (id(call.code), read, written)
        if key not in self._pointwise:
            self._pointwise[key] = _pointwise(call.code, read, written)
        return self._pointwise[key]


def _pointwise(kernel: Kernel, read: int, written: int) -> bool:
    """Whether a kernel reads one buffer only at the position at which it stores elements of another."""
    stores = [s for s in kernel.stages[-1].stores if s.buffer == written]
    if len(stores) != 1:
        return False
    place = _shape_of(stores[0].index)
    roots = [r.value for stage in kernel.stages for r in stage.reductions]
    roots += [e for stage in kernel.stages for s in stage.stores for e in (s.value, *([s.guard] if s.guard else []))]
    return all(_shape_of(e.args[0]) == place for e in loops.walk(*roots) if e.op == "load" and e.attr == read)


def _shape_of(e: loops.Expr) -> Any:
    """An expression as nested tuples, for comparison."""
    return (e.op, e.attr, tuple(_shape_of(a) for a in e.args))
