"""Writes the expressions of a kernel, each once, in the outermost scope where its axes are known."""

from __future__ import annotations

from tenfold.codegen.flatten import RESULT, VOLATILE, Node, Program
from tenfold.codegen.instructions import Instructions, literal, mangle, memory, register
from tenfold.codegen.scopes import Scope, Scopes
from tenfold.core.dtypes import DType
from tenfold.kernel.loops import BINARY, COMPARISONS, UNARY
from tenfold.runtime.native import Target

BASE, VECTOR, SPLAT = 0, 1, 2
WHOLE = 3  # and more: all parts of an instruction that gives several


class Evaluator:
    """Values of expressions, and memory accesses, within `scopes`."""

    def __init__(self, program: Program, target: Target) -> None:
        self.program = program
        self.lanes = lanes_of(program, target)
        self.scopes = Scopes()
        self.declared: dict[str, str] = {}
        self._ops = {n: Instructions(n, target.has_fma, target.has_half) for n in (0, self.lanes)}
        self.scalar_ops, self.vector_ops = self._ops[0], self._ops[self.lanes]
        self.vector_bit = 0 if program.kernel.vector is None else 1 << program.kernel.vector
        self.axis_level: dict[int, int] = {}
        self.axis_name: dict[int, str] = {}
        self.body_level = 0
        self._levels: dict[int, int] = {}
        self.bases: list[str] = []  # of each vector in work: its position on the vector axis; empty outside of the vector loop
        self.mask: str | None = None  # lanes within the extent; None: all
        self.rotate = False  # in a rolled loop: the vectors take turns with the partial results
        self.row_buffers: dict[int, str] = {}  # where nodes are kept from stage to stage
        self.row_saves: frozenset[int] = frozenset()  # of this stage
        self.row_loads: frozenset[int] = frozenset()
        self.results: dict[tuple[int, int], list[str]] = {}
        self._coefficients: dict[tuple[int, int], int | None] = {}
        self._dummy = ""

    def ops_of(self, lanes: int) -> Instructions:
        """Instructions for vectors of another length."""
        if lanes not in self._ops:
            self._ops[lanes] = Instructions(lanes, self.vector_ops.has_fma, self.vector_ops.has_half, self.vector_ops.helpers)
        return self._ops[lanes]

    def bind(self, axis: int, name: str) -> None:
        """Axis `axis` has the value `name` in the innermost scope and those opened in it."""
        self._levels.clear()
        self.axis_level[axis] = len(self.scopes.stack) - 1
        self.axis_name[axis] = name

    def begin_body(self) -> None:
        """The innermost scope becomes the one where results of reductions are known."""
        self._levels.clear()
        self.body_level = len(self.scopes.stack) - 1

    def unbind(self, axis: int) -> None:
        """The loop over `axis` ends."""
        self._levels.clear()
        del self.axis_level[axis]
        if axis == self.program.kernel.vector:
            self.bases, self.mask = [], None

    def level(self, depends: int) -> int:
        """The outermost scope in which something that depends on `depends` can be computed."""
        if depends & VOLATILE:
            return len(self.scopes.stack) - 1
        level = self._levels.get(depends)
        if level is None:
            level, missing = self.body_level if depends & RESULT else 0, depends & ~RESULT
            for axis, where in self.axis_level.items():
                if depends >> axis & 1:
                    level, missing = max(level, where), missing & ~(1 << axis)
            if missing:
                raise ValueError(f"[kernel] axis {missing.bit_length() - 1} is used outside of its loop.")
            self._levels[depends] = level
        return level

    def coefficient(self, n: int, axis: int | None = None) -> int | None:
        """By how much node `n`, an index, grows from lane to lane (or along another axis); None if not by a constant."""
        bit = self.vector_bit if axis is None else 1 << axis
        if not self.program.depends[n] & bit:
            return 0
        if (n, bit) not in self._coefficients:
            self._coefficients[n, bit] = self._find_coefficient(self.program.nodes[n], axis)
        return self._coefficients[n, bit]

    def _find_coefficient(self, node: Node, axis: int | None) -> int | None:
        if node.op == "axis":
            return 1
        if node.op not in ("add", "sub", "mul", "neg") or node.dtype.size != 8:
            return None
        parts = [self.coefficient(a, axis) for a in node.args]
        if any(p is None for p in parts):
            return None
        known = [p for p in parts if p is not None]
        if node.op == "neg":
            return -known[0]
        if node.op == "add":
            return known[0] + known[1]
        if node.op == "sub":
            return known[0] - known[1]
        scales = [self.program.nodes[a] for a in node.args]
        for k in (0, 1):
            if scales[k].op == "const":
                return int(scales[k].attr) * known[1 - k]
        return None

    def _key(self, n: int, view: int, u: int) -> tuple[int, int, int]:
        return (n, view, u) if self.program.depends[n] & self.vector_bit else (n, BASE, 0)

    def get(self, n: int, view: int, u: int) -> str:
        """The name of node `n` in a view; scalar whatever the view if it does not depend on the vector axis."""
        root = self._key(n, view, u)
        stack = [root]
        while stack:
            key = stack[-1]
            memo = self.scopes.stack[self.level(self.program.depends[key[0]])].memo
            if key in memo:
                stack.pop()
                continue
            missing = [k for k in self._arguments(*key) if k not in self._memo_of(k)]
            if missing:
                stack += missing
            else:
                memo[key] = self._write(*key)
                stack.pop()
        return self._memo_of(root)[root]

    def _memo_of(self, key: tuple[int, int, int]) -> dict[tuple[int, int, int], str]:
        return self.scopes.stack[self.level(self.program.depends[key[0]])].memo

    def _arguments(self, n: int, view: int, u: int) -> list[tuple[int, int, int]]:
        node = self.program.nodes[n]
        if n in self.row_loads and view == VECTOR:
            return []
        if node.op == "load" and view == VECTOR:
            index = self._key(node.args[0], BASE if self.coefficient(node.args[0]) == 1 else VECTOR, u)
            return [index, *(self._key(a, VECTOR, u) for a in node.args[1:])]
        return [self._key(a, view, u) for a in node.args]

    def operand(self, n: int, u: int) -> str:
        """Node `n` as a vector, splat if it is a scalar."""
        name = self.get(n, VECTOR, u)
        if self.program.depends[n] & self.vector_bit:
            return name
        scalar = register(self.program.nodes[n].dtype)
        if not name.startswith("%"):
            return self.vector_ops.const(scalar, name)
        scope = self.scopes.stack[self.level(self.program.depends[n])]
        if (n, SPLAT, 0) not in scope.memo:
            scope.memo[n, SPLAT, 0] = self.splat(scope, scalar, name)
        return scope.memo[n, SPLAT, 0]

    def splat(self, w: Scope, scalar: str, name: str) -> str:
        """The vector with `name` in every lane."""
        ty = f"<{self.lanes} x {scalar}>"
        one = w(f"insertelement {ty} poison, {scalar} {name}, i32 0")
        return w(f"shufflevector {ty} {one}, {ty} poison, <{self.lanes} x i32> zeroinitializer")

    def iota(self, scalar: str) -> str:
        """The constant (0, 1, 2, ...)."""
        return f"<{', '.join(f'{scalar} {k}' for k in range(self.lanes))}>"

    def _write(self, n: int, view: int, u: int) -> str:
        node, w = self.program.nodes[n], self.scopes.stack[self.level(self.program.depends[n])]
        if n in self.row_loads and view == VECTOR:
            ty = self.vector_ops.reg(node.dtype)
            return w(f"load {ty}, ptr {self._row_pointer(w, n, u)}, align {self._row_alignment(n)}")
        if node.op == "const":
            return literal(node.dtype, node.attr)
        if node.op == "param":
            return f"%q{node.attr}"
        if node.op == "result":
            return self.results[node.attr][u]
        if node.op == "axis":
            if not self.program.depends[n] & self.vector_bit:
                return self.axis_name[node.attr]
            if view == BASE:
                return self.bases[u]
            return w(f"add <{self.lanes} x i64> {self.splat(w, 'i64', self.bases[u])}, {self.iota('i64')}")
        if node.op == "load":
            return self._vector_load(w, node, u) if view == VECTOR else self._scalar_load(w, node)
        if view == VECTOR:
            args = [self.operand(a, u) for a in node.args]
            return self._operation(w, node, self.vector_ops, args, view, u)
        return self._operation(w, node, self.scalar_ops, [self.get(a, view, u) for a in node.args], view, u)

    def _operation(self, w: Scope, node: Node, ops: Instructions, args: list[str], view: int, u: int) -> str:
        op, dtype = node.op, self.program.nodes[node.args[0]].dtype
        if op in COMPARISONS:
            return ops.compare(w, op, dtype, args[0], args[1])
        if op in BINARY:
            return ops.binary(w, op, dtype, args[0], args[1])
        if op in UNARY:
            return ops.unary(w, op, dtype, args[0])
        if op == "fma":
            return ops.fma(w, dtype, *args)
        if op == "cast":
            return ops.cast(w, dtype, node.dtype, args[0])
        if op == "bitcast":
            return ops.bitcast(w, dtype, node.dtype, args[0])
        if op == "angle":
            whole = node.args[1], WHOLE + view, u
            if whole not in w.memo:
                w.memo[whole] = ops.angle(w, dtype, args)
            return ops.part(w, w.memo[whole], node.attr)
        assert op == "select", op
        ty = ops.reg(node.dtype)
        return w(f"select {ops.type('i1')} {args[0]}, {ty} {args[1]}, {ty} {args[2]}")

    def _row_pointer(self, w: Scope, n: int, u: int) -> str:
        return w(f"getelementptr {register(self.program.nodes[n].dtype)}, ptr {self.row_buffers[n]}, i64 {self.bases[u]}")

    def save_row(self, n: int, u: int) -> None:
        """Keeps node n of these lanes for later stages."""
        ty, value, w = self.vector_ops.reg(self.program.nodes[n].dtype), self.get(n, VECTOR, u), self.scopes.top
        w.do(f"store {ty} {value}, ptr {self._row_pointer(w, n, u)}, align {self._row_alignment(n)}")

    def _row_alignment(self, n: int) -> int:
        return min(64, self.lanes * self.program.nodes[n].dtype.size)

    # Memory.

    def _scalar_load(self, w: Scope, node: Node) -> str:
        buffer, mem = node.attr, memory(node.dtype)
        pointer = w(f"getelementptr {mem}, ptr %p{buffer}, i64 {self.get(node.args[0], BASE, 0)}")
        if len(node.args) == 1:
            return self.scalar_ops.from_memory(w, node.dtype, w(f"load {mem}, ptr {pointer}"))
        guard = self.get(node.args[1], BASE, 0)
        # no branch: where the guard is false, read a zero of our own
        if not self._dummy:
            self._dummy = self.scopes.alloca("i64")
            self.scopes.stack[0].lines.insert(0, f"  store i64 0, ptr {self._dummy}")
        safe = w(f"select i1 {guard}, ptr {pointer}, ptr {self._dummy}")
        return self.scalar_ops.from_memory(w, node.dtype, w(f"load {mem}, ptr {safe}"))

    def _vector_load(self, w: Scope, node: Node, u: int) -> str:
        mask = self.with_mask(w, None if len(node.args) == 1 else self.operand(node.args[1], u))
        ty = self.vector_ops.type(memory(node.dtype))
        step = self.coefficient(node.args[0])
        if step == 1:
            pointer = self.pointer(w, node.attr, node.dtype, self.get(node.args[0], BASE, u))
            loaded = self.load_contiguous(w, node.dtype, pointer, mask)
        elif step == -1:
            last = w(f"sub i64 {self.get(node.args[0], BASE, u)}, {self.lanes - 1}")
            pointer = self.pointer(w, node.attr, node.dtype, last)
            backwards = self.load_contiguous(w, node.dtype, pointer, mask and self._reversed(w, "i1", mask))
            loaded = self._reversed(w, memory(node.dtype), backwards)
        else:
            pointers = self.pointers(w, node.attr, node.dtype, self.operand(node.args[0], u))
            mask = mask or self.vector_ops.const("i1", "true")
            loaded = self.intrinsic(
                w, "gather", node.dtype, ty, [f"<{self.lanes} x ptr> {pointers}", "i32 {align}", self.mask_text(mask), f"{ty} zeroinitializer"]
            )
        return self.vector_ops.from_memory(w, node.dtype, loaded)

    def _reversed(self, w: Scope, scalar: str, x: str) -> str:
        order = ", ".join(f"i32 {k}" for k in reversed(range(self.lanes)))
        ty = f"<{self.lanes} x {scalar}>"
        return w(f"shufflevector {ty} {x}, {ty} poison, <{self.lanes} x i32> <{order}>")

    def load_contiguous(self, w: Scope, dtype: DType, pointer: str, mask: str | None) -> str:
        """What lies at `pointer` and after it, as it is in memory; 0 outside of `mask`."""
        ty = self.vector_ops.type(memory(dtype))
        if mask is None:
            return w(f"load {ty}, ptr {pointer}, align {dtype.size}")
        return self.intrinsic(w, "load", dtype, ty, [f"ptr {pointer}", "i32 {align}", self.mask_text(mask), f"{ty} zeroinitializer"])

    def mask_text(self, mask: str) -> str:
        """A mask as an argument."""
        return f"<{self.lanes} x i1> {mask}"

    def with_mask(self, w: Scope, guard: str | None) -> str | None:
        """`guard`, within the lanes in use; None where that is all of them."""
        if guard is None or self.mask is None:
            return guard or self.mask
        return w(f"and <{self.lanes} x i1> {guard}, {self.mask}")

    def pointer(self, w: Scope, buffer: int, dtype: DType, index: str) -> str:
        """The address of an element."""
        return w(f"getelementptr {memory(dtype)}, ptr %p{buffer}, i64 {index}")

    def pointers(self, w: Scope, buffer: int, dtype: DType, index: str) -> str:
        """The addresses of the elements at a vector of indices."""
        return w(f"getelementptr {memory(dtype)}, ptr %p{buffer}, <{self.lanes} x i64> {index}")

    def intrinsic(self, w: Scope, kind: str, dtype: DType, result: str, args: list[str]) -> str:
        """A masked memory intrinsic, declared in the form that every LLVM since 17 reads."""
        mangled = f"v{self.lanes}{mangle(memory(dtype))}.{f'v{self.lanes}p0' if kind in ('gather', 'scatter') else 'p0'}"
        name = f"@llvm.masked.{kind}.{mangled}"
        types = [a[: a.index(">") + 1] if a.startswith("<") else a.split(" ")[0] for a in args]
        self.declared[name] = f"declare {result} {name}({', '.join(types)})"
        text = f"call {result} {name}({', '.join(args)})".format(align=dtype.size)
        if result == "void":
            w.do(text)
            return ""
        return w(text)


def lanes_of(program: Program, target: Target) -> int:
    """Lanes of the vector axis: those of 32-bit data, halved where everything is 64 bits wide."""
    wide = all(b.size == 8 for b in program.kernel.buffers)
    return max(target.lanes // 2, 2) if wide else target.lanes
