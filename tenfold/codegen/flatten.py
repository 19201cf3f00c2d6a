"""Kernels as flat programs: structurally equal expressions get one number, and the text of the whole is the kernel's key."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from tenfold.core.dtypes import DType
from tenfold.kernel.loops import Expr, Kernel, Stage, walk

RESULT = 1 << 62  # in `Program.depends`: uses the result of a reduction
VOLATILE = 1 << 63  # reads a buffer that the kernel also writes


@dataclass(frozen=True, slots=True)
class Node:
    """An Expr whose arguments are numbers of nodes before it."""

    op: str
    args: tuple[int, ...]
    dtype: DType
    attr: Any


@dataclass(frozen=True, slots=True)
class FlatStore:
    """A Store of numbered nodes."""

    buffer: int
    index: int
    value: int
    guard: int | None
    accumulate: bool


@dataclass(frozen=True, slots=True)
class FlatStage:
    """A Stage of numbered nodes; `reductions` are (op, node)."""

    axes: tuple[int, ...]
    reductions: tuple[tuple[str, int], ...]
    stores: tuple[FlatStore, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """A kernel with its expressions numbered, arguments first.

    `depends[n]` is the set of axes (bit a: axis a), and of RESULT and VOLATILE, that node n depends on.
    """

    kernel: Kernel
    nodes: tuple[Node, ...]
    depends: tuple[int, ...]
    extents: tuple[int, ...]
    stages: tuple[FlatStage, ...]
    key: str


class _Flattener:
    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.nodes: list[Node] = []
        self.depends: list[int] = []
        self.texts: list[str] = []
        self.by_text: dict[str, int] = {}
        self.by_expr: dict[int, int] = {}
        self.stored = {s.buffer for stage in kernel.stages for s in stage.stores}

    def number(self, root: Expr) -> int:
        if id(root) not in self.by_expr:
            for expr in walk(root):
                if id(expr) not in self.by_expr:
                    self.by_expr[id(expr)] = self._add(expr)
        return self.by_expr[id(root)]

    def _add(self, expr: Expr) -> int:
        args = tuple([self.by_expr[id(a)] for a in expr.args])
        attr = constant_bits(expr.attr, expr.dtype) if expr.op == "const" else expr.attr
        text = f"{expr.op} {expr.dtype.name} {args} {attr}"
        found = self.by_text.get(text)
        if found is None:
            found = self.by_text[text] = len(self.nodes)
            self.nodes.append(Node(expr.op, args, expr.dtype, attr))
            self.texts.append(text)
            depends = self._own(expr)
            for a in args:
                depends |= self.depends[a]
            self.depends.append(depends)
        return found

    def _own(self, expr: Expr) -> int:
        if expr.op == "axis":
            return 1 << int(expr.attr)
        if expr.op == "result":
            vector = self.kernel.vector
            return RESULT | (1 << vector if vector is not None and vector in self.kernel.outer else 0)
        if expr.op == "load" and expr.attr in self.stored:
            return VOLATILE
        return 0

    def stage(self, stage: Stage) -> FlatStage:
        return FlatStage(
            stage.axes,
            tuple((r.op, self.number(r.value)) for r in stage.reductions),
            tuple(
                FlatStore(s.buffer, self.number(s.index), self.number(s.value), None if s.guard is None else self.number(s.guard), s.accumulate)
                for s in stage.stores
            ),
        )


def constant_bits(value: Any, dtype: DType) -> int:
    """A constant as an integer: its value for integers and bool, the bits of its float64 for floats (rounded to `dtype` first)."""
    if dtype.is_bool:
        return int(bool(value))
    if dtype.is_integer:
        bits = dtype.size * 8
        wrapped = int(value) & ((1 << bits) - 1)
        return wrapped - (1 << bits) if not dtype.is_unsigned and wrapped >> (bits - 1) else wrapped
    rounded = float(dtype.numpy.type(value)) if dtype.size < 8 else float(value)
    return int(struct.unpack("<Q", struct.pack("<d", rounded))[0])


def flatten(kernel: Kernel) -> Program:
    """Numbers the expressions of `kernel`."""
    f = _Flattener(kernel)
    extents = tuple(f.number(e) for e in kernel.extents)
    stages = tuple(f.stage(s) for s in kernel.stages)
    head = f"{[b.name for b in kernel.buffers]} {kernel.params} {extents} {kernel.outer} {kernel.vector}"
    tail = [f"{s.axes} {s.reductions} {[(t.buffer, t.index, t.value, t.guard, t.accumulate) for t in s.stores]}" for s in stages]
    key = "\n".join([head, *f.texts, *tail])
    return Program(kernel, tuple(f.nodes), tuple(f.depends), extents, stages, key)
