"""Writes what becomes of an accumulated vector when it is stored: an `Epilogue`'s expression, a vector of columns at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tenfold.codegen.flatten import constant_bits
from tenfold.codegen.instructions import Instructions, literal, mangle, memory, register
from tenfold.codegen.text import Text
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import Epilogue
from tenfold.kernel.loops import COMPARISONS, UNARY, Expr, walk


@dataclass(frozen=True, slots=True)
class Place:
    """A vector of the output: its row and first column (i64 scalars), and the mask of the columns that exist ("" for all)."""

    row: str
    column: str
    mask: str


def apply(text: Text, isa: Instructions, epilogue: Epilogue, x: str, place: Place, extras: Sequence[str]) -> str:
    """The value of `epilogue` for accumulator `x`, a vector of `isa.lanes` (a scalar if 0)."""
    writer = _Writer(text, isa, replace(isa, lanes=0), x, place, extras)
    for expr in walk(epilogue.value):
        if id(expr) in writer.needed(epilogue.value):
            writer.values[id(expr)] = writer.vector(expr)
    return writer.values[id(epilogue.value)]


def elements(text: Text, isa: Instructions, epilogue: Epilogue, place: Place, extras: Sequence[str]) -> list[tuple[str, int]]:
    """Where `apply` will read operands that have an element for each of the output, at `place`; and the bytes of one of these elements."""
    writer = _Writer(text, isa, replace(isa, lanes=0), "", place, extras)
    loads = [e for e in walk(epilogue.value) if e.op == "load" and any(x.op == "axis" and x.attr == 0 for x in walk(e.args[0]))]
    lines = {(e.attr, e.dtype.size): line for e in loads if (line := writer.line(e.args[0])) is not None}
    return [(text.at(extras[extra], text.mul(writer.write(line[1]), size)), size) for (extra, size), line in lines.items()]


def text_of(epilogue: Epilogue) -> str:
    """The structure of an epilogue, for keys."""
    numbers: dict[int, int] = {}
    lines = []
    for i, e in enumerate(walk(epilogue.value)):
        numbers[id(e)] = i
        lines.append(f"{e.op} {e.dtype.name} {e.attr} {[numbers[id(a)] for a in e.args]}")
    return ";".join([str([d.name for d in epilogue.extras]), *lines, *([str(epilogue.pooling)] if epilogue.pooling else [])])


@dataclass(slots=True)
class _Writer:
    text: Text
    isa: Instructions
    scalars: Instructions
    x: str
    place: Place
    extras: Sequence[str]
    values: dict[int, str] = field(default_factory=dict)
    wanted: set[int] = field(default_factory=set)

    def needed(self, root: Expr) -> set[int]:
        """Expressions wanted as vectors: all but the indices of loads along the columns."""
        if not self.wanted:
            stack = [root]
            while stack:
                e = stack.pop()
                self.wanted.add(id(e))
                along = e.op == "load" and self.line(e.args[0]) is not None
                stack += e.args[1:] if along else e.args
        return self.wanted

    def vector(self, e: Expr) -> str:
        """Writes one expression whose arguments have been written."""
        w, isa = self.text.let, self.isa
        args = [self.values.get(id(a), "") for a in e.args]
        if e.op == "result":
            return self.x
        if e.op == "const":
            return isa.const(register(e.dtype), literal(e.dtype, constant_bits(e.attr, e.dtype)))
        if e.op == "axis":
            return self.splat("i64", self.place.row) if e.attr == 0 else self.columns()
        if e.op == "load":
            return self.load(e, args)
        if e.op == "select":
            kind = isa.reg(e.dtype)
            return w(f"select {isa.type('i1')} {args[0]}, {kind} {args[1]}, {kind} {args[2]}")
        if e.op in ("cast", "bitcast"):
            return getattr(isa, e.op)(w, e.args[0].dtype, e.dtype, args[0])  # type: ignore[no-any-return]
        if e.op in UNARY:
            return isa.unary(w, e.op, e.dtype, args[0])
        if e.op in COMPARISONS:
            return isa.compare(w, e.op, e.args[0].dtype, args[0], args[1])
        if e.op == "fma":
            return isa.fma(w, e.dtype, args[0], args[1], args[2])
        if e.op == "angle":
            return isa.part(w, isa.angle(w, e.args[0].dtype, args), e.attr)
        return isa.binary(w, e.op, e.dtype, args[0], args[1])

    def splat(self, scalar: str, value: str) -> str:
        """`value` in every lane."""
        lanes = self.isa.lanes
        if not lanes:
            return value
        one = self.text.let(f"insertelement <{lanes} x {scalar}> poison, {scalar} {value}, i32 0")
        return self.text.let(f"shufflevector <{lanes} x {scalar}> {one}, <{lanes} x {scalar}> poison, <{lanes} x i32> zeroinitializer")

    def columns(self) -> str:
        """The numbers of the columns."""
        lanes = self.isa.lanes
        if not lanes:
            return self.place.column
        iota = ", ".join(f"i64 {i}" for i in range(lanes))
        return self.text.let(f"add <{lanes} x i64> {self.splat('i64', self.place.column)}, <{iota}>")

    def line(self, e: Expr) -> tuple[int, object] | None:
        """How an index runs along the columns: (step, value at the first one), the value unwritten; None if not evenly."""
        if e.op == "const":
            return 0, e.attr
        if e.op == "axis":
            return int(e.attr == 1), self.place.column if e.attr == 1 else self.place.row
        if e.op not in ("add", "sub", "mul"):
            return None
        a, b = self.line(e.args[0]), self.line(e.args[1])
        if a is None or b is None:
            return None
        if e.op == "mul":
            if (a[0] and b[0]) or (a[0] and not isinstance(b[1], int)) or (b[0] and not isinstance(a[1], int)):
                return None
            step = a[0] * b[1] if a[0] else b[0] * a[1] if b[0] else 0  # type: ignore[operator]
        else:
            step = a[0] + b[0] if e.op == "add" else a[0] - b[0]
        return (step, (e.op, a[1], b[1])) if step in (0, 1) else None

    def write(self, value: object) -> str:
        """Writes the value that `line` found."""
        if isinstance(value, tuple):
            return self.text.let(f"{value[0]} i64 {self.write(value[1])}, {self.write(value[2])}")
        return str(value)

    def load(self, e: Expr, args: list[str]) -> str:
        """Reads an extra operand."""
        t, isa, dtype, base = self.text, self.isa, e.dtype, self.extras[e.attr]
        guard = args[1] if len(args) > 1 else ""
        line = self.line(e.args[0])
        kind = isa.type(memory(dtype))
        if line is None or (guard and not isa.lanes):
            return self.gather(e, args, base, guard)
        address = t.at(base, t.mul(self.write(line[1]), dtype.size))
        if not isa.lanes:
            return isa.from_memory(t.let, dtype, t.load(memory(dtype), address, dtype.size))
        if line[0] == 0 and not guard:
            scalar = t.load(memory(dtype), address, dtype.size)
            return isa.from_memory(t.let, dtype, self.splat(memory(dtype), scalar))
        if line[0] == 0:
            return self.gather(e, [self.splat("i64", self.write(line[1])), guard], base, guard)
        mask = self.mask(guard)
        if not mask:
            return isa.from_memory(t.let, dtype, t.load(kind, address, dtype.size))
        name = f"@llvm.masked.load.v{isa.lanes}{mangle(memory(dtype))}.p0"
        call = f"call {kind} {name}(ptr {address}, i32 {dtype.size}, {isa.type('i1')} {mask}, {kind} zeroinitializer)"
        return isa.from_memory(t.let, dtype, t.let(call))

    def mask(self, guard: str) -> str:
        """Lanes that may be read; "" for all."""
        if guard and self.place.mask:
            return self.text.let(f"and {self.isa.type('i1')} {guard}, {self.place.mask}")
        return guard or self.place.mask

    def gather(self, e: Expr, args: list[str], base: str, guard: str) -> str:
        """Reads at indices that follow no line, or that a guard protects."""
        t, isa, dtype = self.text, self.isa, e.dtype
        if not isa.lanes:
            return self.guarded(dtype, base, args[0] or self.write((self.line(e.args[0]) or (0, 0))[1]), guard)
        kind, flags = isa.type(memory(dtype)), isa.type("i1")
        pointers = t.let(f"getelementptr {memory(dtype)}, ptr {base}, {isa.type('i64')} {args[0]}")
        mask = self.mask(guard) or isa.const("i1", "true")
        name = f"@llvm.masked.gather.v{isa.lanes}{mangle(memory(dtype))}.v{isa.lanes}p0"
        call = f"call {kind} {name}({isa.type('ptr')} {pointers}, i32 {dtype.size}, {flags} {mask}, {kind} zeroinitializer)"
        return isa.from_memory(t.let, dtype, t.let(call))

    def guarded(self, dtype: DType, base: str, index: str, guard: str) -> str:
        """Reads one element; where the guard is false, the first one, replaced by zero."""
        t, kind = self.text, register(dtype)
        safe = t.let(f"select i1 {guard}, i64 {index}, i64 0") if guard else index
        x = self.scalars.from_memory(t.let, dtype, t.load(memory(dtype), t.at(base, t.mul(safe, dtype.size)), dtype.size))
        zero = "0.0" if dtype.is_floating else "false" if dtype.is_bool else "0"
        return t.let(f"select i1 {guard}, {kind} {x}, {kind} {zero}") if guard else x
