"""Kernel -> LLVM IR text: vector code written directly, with each expression at the loop level where its axes are known.

An expression has two *views* inside the vector loop: VECTOR, its value in every lane, and BASE, its value in lane 0 alone, which is
what the address of a contiguous load needs. Expressions that do not depend on the vector axis have one scalar value. Row reductions keep
four vectors of partial results: element i of the row goes to vector i / lanes % 4 (what the last incomplete round of four leaves
over, to vector 0), so the order of additions depends on the extent alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tenfold.codegen.evaluate import BASE
from tenfold.codegen.flatten import FlatStage, Program, flatten
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import literal, register
from tenfold.codegen.rows import Kept, cost, keep
from tenfold.codegen.stores import Storer
from tenfold.core.dtypes import DType
from tenfold.kernel.loops import Kernel
from tenfold.runtime.native import Target

UNROLL = 4
TILE = 16  # elements: a cache line of float32
HEAVY = 20  # instructions; a row reduction of more is not unrolled
_COMBINE = {"sum": "add", "prod": "mul", "min": "min", "max": "max", "and": "and", "or": "or"}


def emit(kernel: Kernel, name: str, target: Target) -> str:
    """LLVM IR of `define void @name(ptr %args, i64 %task)`, the kernel for one task."""
    return emit_program(flatten(kernel), name, target)


def emit_program(program: Program, name: str, target: Target) -> str:
    """`emit` for a kernel that is flat already."""
    return _Emitter(program, target).function(name)


def identity(op: str, dtype: DType) -> int:
    """What a reduction starts from, as `flatten.constant_bits`."""
    if op in ("sum", "or"):
        return 0
    if dtype.is_bool:
        return int(op in ("and", "min", "prod"))
    if op == "prod":
        return 0x3FF0000000000000 if dtype.is_floating else 1
    if op == "and":
        return -1
    if dtype.is_floating:
        return 0x7FF0000000000000 if op == "min" else 0xFFF0000000000000
    return int(dtype.max if op == "min" else dtype.min)


class _Emitter(Storer):
    """Writes the loops of one kernel; `Evaluator` writes the expressions, `Storer` the stores."""

    def function(self, name: str) -> str:
        kernel, entry = self.program.kernel, self.scopes.top
        for number, _ in enumerate(kernel.buffers):
            entry.do(f"%s{number} = getelementptr i64, ptr %args, i64 {number}")
            entry.do(f"%p{number} = load ptr, ptr %s{number}")
        for number in range(kernel.params):
            slot = entry(f"getelementptr i64, ptr %args, i64 {len(kernel.buffers) + number}")
            entry.do(f"%q{number} = load i64, ptr {slot}")
        slot = entry(f"getelementptr i64, ptr %args, i64 {len(kernel.buffers) + kernel.params}")
        entry.do(f"%grain = load i64, ptr {slot}")
        self._outer()
        lines = [*self.declared.values(), *helper_text(self.scalar_ops.helpers | self.vector_ops.helpers)]
        lines += [f"define void @{name}(ptr noalias %args, i64 %task) {{", "entry:", *self.scopes.allocas, *entry.lines, "  ret void", "}", ""]
        return "\n".join(lines)

    def _extent(self, axis: int) -> str:
        return self.get(self.program.extents[axis], BASE, 0)

    def _outer(self) -> None:
        """The outer loops, as far as this task does them."""
        kernel, entry, vector = self.program.kernel, self.scopes.top, self.program.kernel.vector
        flat = [a for a in kernel.outer if a != vector]
        inside = vector in kernel.outer
        if not flat and not inside:
            self._stages()
            return
        total = self._extent(flat[0] if flat else kernel.outer[0])
        for a in flat[1:]:
            total = entry(f"mul i64 {total}, {self._extent(a)}")
        low = entry("mul i64 %task, %grain")
        end = entry(f"add i64 {low}, %grain")
        high = entry(f"call i64 @llvm.smin.i64(i64 {end}, i64 {total})")
        if not flat:
            self._vector_loop(low, high, self._outer_copies(), self._stages)
        elif not inside or vector is None:
            with self._odometer(flat, low, high):
                self._stages()
        elif (crossed := self._crossed(flat)) is None:
            with self._odometer(flat, low, high):
                self._vector_loop("0", self._extent(vector), self._outer_copies(), self._stages)
        else:
            with self._odometer([*(a for a in flat if a != crossed), crossed], low, high, TILE) as (base, run):
                self._vector_loop("0", self._extent(vector), 1, lambda: self._tile(crossed, base, run))

    def _crossed(self, flat: list[int]) -> int | None:
        """The axis along which something lies in memory that the vector axis jumps through, as in a transposition."""
        stages, nodes = self.program.stages, self.program.nodes
        if len(stages) > 1 or stages[0].axes:
            return None
        for node in nodes:
            if node.op == "load" and self.coefficient(node.args[0]) not in (0, 1):
                for a in flat:
                    if self.coefficient(node.args[0], a) == 1:
                        return a
        return None

    def _tile(self, axis: int, base: str, run: str) -> None:
        """A block of iterations of `axis` for the same lanes: what lies side by side is read while it is in the cache."""
        with self.scopes.loop("0", run, 1) as k:
            self.bind(axis, self.scopes.top(f"add i64 {base}, {k}"))
            self._stages()
            self.unbind(axis)

    def _outer_copies(self) -> int:
        """How many vectors a kernel that is vector-parallel does at a time (no result depends on it)."""
        reduces = any(s.reductions and s.axes for s in self.program.stages)
        return (4 if len(self.program.nodes) < 48 else 2) if reduces else 1

    @contextmanager
    def _odometer(self, axes: list[int], low: str, high: str, block: int = 1) -> Iterator[tuple[str, str]]:
        """Iterations low to high of the flattened `axes`; positions count up without divisions.

        With `block`, up to so many iterations of the last axis at a time: yields the first and how many, and leaves that axis unbound.
        """
        entry = self.scopes.top
        slots = [self.scopes.alloca("i64") for _ in axes]
        rest = low
        for a, slot in zip(axes[:0:-1], slots[:0:-1], strict=True):
            extent = self._extent(a)
            safe = entry(f"call i64 @llvm.smax.i64(i64 {extent}, i64 1)")
            entry.do(f"store i64 {entry(f'urem i64 {rest}, {safe}')}, ptr {slot}")
            rest = entry(f"udiv i64 {rest}, {safe}")
        entry.do(f"store i64 {rest}, ptr {slots[0]}")
        step = ["1"]
        with self.scopes.loop(low, high, step) as i:
            w = self.scopes.top
            positions = [w(f"load i64, ptr {slot}") for slot in slots]
            bound = axes if block == 1 else axes[:-1]
            for a, position in zip(bound, positions, strict=False):
                self.bind(a, position)
            if block > 1:
                left = w(f"sub i64 {self._extent(axes[-1])}, {positions[-1]}")
                left = w(f"call i64 @llvm.smin.i64(i64 {left}, i64 {w(f'sub i64 {high}, {i}')})")
                step[0] = w(f"call i64 @llvm.smin.i64(i64 {left}, i64 {block})")
            yield positions[-1], step[0]
            carry = step[0]
            for a, slot, position in zip(axes[::-1], slots[::-1], positions[::-1], strict=True):
                after = w(f"add i64 {position}, {carry}")
                full = w(f"icmp eq i64 {after}, {self._extent(a)}")
                w.do(f"store i64 {w(f'select i1 {full}, i64 0, i64 {after}')}, ptr {slot}")
                carry = w(f"zext i1 {full} to i64")
            for a in bound:
                self.unbind(a)

    def _vector_loop(self, low: str, high: str, copies: int, body: Callable[[], None], rolled: bool = False) -> None:
        """`body` over the vector axis: `copies` vectors at a time, then what is left under a mask.

        `rolled` does as many vectors, but with one copy of the body in a loop of its own.
        """
        axis, lanes, parent = self.program.kernel.vector, self.lanes, self.scopes.top
        assert axis is not None
        length = parent(f"sub i64 {high}, {low}")
        start = low
        # without masked loads in hardware, whole vectors are better done as such
        for count in (copies, 1) if lanes <= 4 and copies > 1 else (copies,):
            whole = parent(f"and i64 {length}, {-lanes * count}")
            stop = parent(f"add i64 {low}, {whole}")
            self.rotate = rolled and count > 1
            with self.scopes.loop(start, stop, lanes if rolled else lanes * count) as i:
                self._bind_vector(i, 1 if rolled else count, None)
                body()
                self.unbind(axis)
            self.rotate = False
            start = stop
        with self.scopes.loop(start, high, lanes) as i:
            w = self.scopes.top
            rest = w(f"call i64 @llvm.smin.i64(i64 {w(f'sub i64 {high}, {i}')}, i64 {lanes})")
            mask = w(f"icmp ult <{lanes} x i32> {self.iota('i32')}, {self.splat(w, 'i32', w(f'trunc i64 {rest} to i32'))}")
            self._bind_vector(i, 1, mask)
            body()
            self.unbind(axis)

    def _bind_vector(self, base: str, count: int, mask: str | None) -> None:
        axis = self.program.kernel.vector
        assert axis is not None
        self.bases = [base] + [self.scopes.top(f"add nsw i64 {base}, {self.lanes * u}") for u in range(1, count)]
        self.mask = mask
        self.bind(axis, base)

    def _stages(self) -> None:
        """All stages; where rows keep values, once for the short rows and once for the others."""
        kept = keep(self.program)
        length = self.program.nodes[self.program.extents[self.program.kernel.vector or 0]] if self.program.extents else None
        if kept is None or (length is not None and length.op == "const" and length.attr > kept.limit):
            self._sweep(None)
            return
        for n in kept.nodes:
            scalar = register(self.program.nodes[n].dtype)
            self.row_buffers[n] = self.scopes.alloca(f"[{kept.limit} x {scalar}], align 64")
        extent = self._extent(self.program.kernel.vector or 0)
        short = self.scopes.top(f"icmp sle i64 {extent}, {kept.limit}")
        with self.scopes.condition(short):
            self._sweep(kept)
        if length is not None and length.op == "const":
            return
        with self.scopes.condition(self.scopes.top(f"xor i1 {short}, true")):
            self._sweep(None)

    def _sweep(self, kept: Kept | None) -> None:
        self.begin_body()
        for number, stage in enumerate(self.program.stages):
            self.row_saves, self.row_loads = (frozenset(), frozenset()) if kept is None else (kept.saves[number], kept.loads[number])
            with self.scopes.block():
                self._stage(number, stage)
        self.row_saves = self.row_loads = frozenset()

    def _stage(self, number: int, stage: FlatStage) -> None:
        vector = self.program.kernel.vector
        within = vector in stage.axes
        copies = (UNROLL if stage.reductions else 1) if within else max(len(self.bases), 1)
        ops = self.vector_ops if within or self.bases else self.scalar_ops
        rolled = copies > 1 and within and sum(cost(self.program, n, self.row_loads) for _, n in stage.reductions) > HEAVY
        slots: list[list[str]] = []
        for op, node in stage.reductions:
            dtype = self.program.nodes[node].dtype
            scalar, ty = register(dtype), ops.reg(dtype)
            start = ops.const(scalar, literal(dtype, identity(op, dtype)))
            slots.append(self._slots(ty, copies, rolled))
            for slot in slots[-1]:
                self.scopes.top.do(f"store {ty} {start}, ptr {slot}")
        self._nest(stage, stage.axes, slots, copies, rolled)
        for k, (op, node) in enumerate(stage.reductions):
            dtype = self.program.nodes[node].dtype
            parts = [self.scopes.top(f"load {ops.reg(dtype)}, ptr {slot}") for slot in slots[k]]
            self.results[number, k] = [self._combine(op, dtype, parts)] if within else parts

    def _slots(self, type_: str, copies: int, rolled: bool) -> list[str]:
        """Where partial results lie; one after the other if a rolled loop takes turns with them."""
        if not rolled:
            return [self.scopes.alloca(type_) for _ in range(copies)]
        array = self.scopes.alloca(f"[{copies} x {type_}]")
        return [array, *(self.scopes.top(f"getelementptr {type_}, ptr {array}, i64 {u}") for u in range(1, copies))]

    def _nest(self, stage: FlatStage, axes: tuple[int, ...], slots: list[list[str]], copies: int, rolled: bool) -> None:
        if not axes:
            self._innermost(stage, slots)
        elif axes[0] == self.program.kernel.vector:
            self._vector_loop("0", self._extent(axes[0]), copies, lambda: self._nest(stage, axes[1:], slots, copies, rolled), rolled)
        else:
            with self.scopes.loop("0", self._extent(axes[0]), 1) as i:
                self.bind(axes[0], i)
                self._nest(stage, axes[1:], slots, copies, rolled)
                self.unbind(axes[0])

    def _innermost(self, stage: FlatStage, slots: list[list[str]]) -> None:
        for u in range(max(len(self.bases), 1)):
            for k, (op, node) in enumerate(stage.reductions):
                self._accumulate(op, node, slots[k][u], u)
            for store in stage.stores:
                self.prepare(store, u)
            for n in sorted(self.row_saves):
                self.save_row(n, u)
            for store in stage.stores:
                self.store(store, u)

    def _accumulate(self, op: str, node: int, slot: str, u: int) -> None:
        dtype, ops = self.program.nodes[node].dtype, self.vector_ops if self.bases else self.scalar_ops
        value = self.operand(node, u) if self.bases else self.get(node, BASE, 0)
        w, ty = self.scopes.top, ops.reg(dtype)
        if self.rotate:
            block = w(f"and i64 {w(f'udiv i64 {self.bases[0]}, {self.lanes}')}, {UNROLL - 1}")
            slot = w(f"getelementptr {ty}, ptr {slot}, i64 {block}")
        old = w(f"load {ty}, ptr {slot}")
        new = ops.binary(w, _COMBINE[op], dtype, old, value)
        if self.mask is not None:
            new = w(f"select {ops.type('i1')} {self.mask}, {ty} {new}, {ty} {old}")
        w.do(f"store {ty} {new}, ptr {slot}")

    def _combine(self, op: str, dtype: DType, parts: list[str]) -> str:
        """Partial vectors -> a scalar, by a fixed tree."""
        w, scalar, lanes = self.scopes.top, register(dtype), self.lanes
        while len(parts) > 1:
            parts = [self.vector_ops.binary(w, _COMBINE[op], dtype, a, b) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        x = parts[0]
        while lanes > 1:
            lanes //= 2
            ops = self.ops_of(lanes)
            halves = [
                w(
                    f"shufflevector <{2 * lanes} x {scalar}> {x}, <{2 * lanes} x {scalar}> poison, "
                    f"<{lanes} x i32> <{', '.join(f'i32 {first + k}' for k in range(lanes))}>"
                )
                for first in (0, lanes)
            ]
            x = ops.binary(w, _COMBINE[op], dtype, halves[0], halves[1])
        return w(f"extractelement <1 x {scalar}> {x}, i32 0")
