"""Writes LLVM IR as text: fresh names, blocks, counted loops with carried values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

Value = str | int


@dataclass(slots=True)
class Loop:
    """A counted loop being written: its index, its carried values, and what they become in the next turn."""

    index: str
    values: list[str]
    next: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Text:
    """One function's instructions."""

    lines: list[str] = field(default_factory=list)
    names: int = 0
    block: str = "entry"
    declared: set[str] = field(default_factory=set)
    rolled: int = 0

    def name(self, stem: str = "v") -> str:
        """A fresh name, without its sigil."""
        self.names += 1
        return f"{stem}{self.names}"

    def let(self, instruction: str) -> str:
        """Writes an instruction; returns the name of its result."""
        result = "%" + self.name()
        self.lines.append(f"  {result} = {instruction}")
        return result

    def do(self, instruction: str) -> None:
        """Writes an instruction without result."""
        self.lines.append("  " + instruction)

    def label(self, block: str) -> None:
        """Begins a block."""
        self.lines.append(f"{block}:")
        self.block = block

    def add(self, a: Value, b: Value) -> str:
        """a + b"""
        return str(a) if b == 0 else str(b) if a == 0 else self.let(f"add i64 {a}, {b}")

    def sub(self, a: Value, b: Value) -> str:
        """a - b"""
        return str(a) if b == 0 else self.let(f"sub i64 {a}, {b}")

    def mul(self, a: Value, b: Value) -> str:
        """a * b"""
        return str(a) if b == 1 else self.let(f"mul i64 {a}, {b}")

    def div(self, a: Value, b: Value) -> str:
        """a // b, of numbers that are not negative"""
        return self.let(f"udiv i64 {a}, {b}")

    def rem(self, a: Value, b: Value) -> str:
        """a % b, of numbers that are not negative"""
        return self.let(f"urem i64 {a}, {b}")

    def less(self, a: Value, b: Value) -> str:
        """a < b"""
        return self.let(f"icmp slt i64 {a}, {b}")

    def min(self, a: Value, b: Value) -> str:
        """The smaller one."""
        return self.let(f"select i1 {self.less(a, b)}, i64 {a}, i64 {b}")

    def max(self, a: Value, b: Value) -> str:
        """The greater one."""
        return self.let(f"select i1 {self.less(a, b)}, i64 {b}, i64 {a}")

    def at(self, pointer: str, offset: Value) -> str:
        """The address `offset` bytes on."""
        return pointer if offset == 0 else self.let(f"getelementptr i8, ptr {pointer}, i64 {offset}")

    def load(self, type_: str, pointer: str, align: int) -> str:
        """Reads memory."""
        return self.let(f"load {type_}, ptr {pointer}, align {align}")

    def store(self, type_: str, value: str, pointer: str, align: int) -> None:
        """Writes memory."""
        self.do(f"store {type_} {value}, ptr {pointer}, align {align}")

    def arguments(self, names: Sequence[str], pointers: frozenset[str]) -> dict[str, str]:
        """Reads the launch's arguments from the array `%args`."""
        values = {}
        for i, name in enumerate(names):
            values[name] = self.load("ptr" if name in pointers else "i64", self.at("%args", 8 * i), 8)
        return values

    @contextmanager
    def loop(self, low: Value, high: Value, step: Value = 1, carried: Sequence[tuple[str, str]] = (), rolled: bool = False) -> Iterator[Loop]:
        """`for index in range(low, high, step)`; `carried` are (type, first value). Afterwards the loop's `values` are the last ones.

        A `rolled` one is not to be unrolled: what several turns read would be kept in registers that are not there.
        """
        before, head, body, end = self.block, self.name("head"), self.name("body"), self.name("end")
        self.do(f"br label %{head}")
        self.label(head)
        at = len(self.lines)
        loop = Loop("%" + self.name("i"), ["%" + self.name("c") for _ in carried])
        self.lines.extend([""] * (1 + len(carried)))
        self.do(f"br i1 {self.less(loop.index, high)}, label %{body}, label %{end}")
        self.label(body)
        yield loop
        following = self.add(loop.index, step)
        self.rolled += rolled
        self.do(f"br label %{head}" + (f", !llvm.loop !{self.rolled}" if rolled else ""))
        latch = self.block
        phis = [(loop.index, "i64", str(low), following)]
        phis += [(v, t, first, new) for v, (t, first), new in zip(loop.values, carried, loop.next, strict=True)]
        self.lines[at : at + len(phis)] = [f"  {v} = phi {t} [ {a}, %{before} ], [ {b}, %{latch} ]" for v, t, a, b in phis]
        self.label(end)

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        """`if condition:`"""
        body, end = self.name("then"), self.name("end")
        self.do(f"br i1 {condition}, label %{body}, label %{end}")
        self.label(body)
        yield
        self.do(f"br label %{end}")
        self.label(end)

    def declare(self, declaration: str) -> None:
        """Declares an intrinsic, once."""
        self.declared.add("declare " + declaration)

    def function(self, name: str, helpers: Sequence[str] = ()) -> str:
        """The module's text: `void name(ptr args, i64 task)`, after the functions that it calls."""
        head = [*helpers, *sorted(self.declared), f"define void @{name}(ptr noalias %args, i64 %task) {{", "entry:"]
        loops = [f"!{i} = distinct !{{!{i}, !0}}" for i in range(1, self.rolled + 1)]
        notes = ['!0 = !{!"llvm.loop.unroll.disable"}', *loops] if loops else []
        return "\n".join([*head, *self.lines, "  ret void", "}", *notes, ""])
