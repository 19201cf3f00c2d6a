"""What attention's kernels are made of: products of blocks, blocks turned about, scores; written as LLVM IR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tenfold.codegen.epilogue import Place, apply
from tenfold.codegen.flatten import constant_bits
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions, literal, memory, register
from tenfold.codegen.packing import Writer, transposed
from tenfold.codegen.text import Text, Value
from tenfold.core import dtypes
from tenfold.kernel import loops
from tenfold.kernel.attention import MASKED
from tenfold.kernel.contraction import Attend, Epilogue
from tenfold.kernel.elementary import exp_negative

POINTERS = frozenset(("q", "k", "v", "mask", "highest", "share", "work", "out", "delta", "g", "dq", "dk", "dv"))
UNIT = 4  # products in a turn of the innermost loop


@dataclass(slots=True)
class Blocks:
    """Writes the parts that attention's kernels are made of."""

    kernel: Attend
    make: Callable[[int], Instructions]
    args: dict[str, str] = field(default_factory=dict)
    areas: dict[str, str] = field(default_factory=dict)  # of the task's memory
    writer: Writer = field(init=False)
    text: Text = field(init=False)
    isa: Instructions = field(init=False)
    bytes: int = field(init=False)  # of an element
    panel: int = field(init=False)  # bytes from one row of a panel to the next
    vector: str = field(init=False)  # the type

    def __post_init__(self) -> None:
        self.writer = Writer(self.make(self.kernel.lanes), self.make(0))
        self.text, self.isa = self.writer.text, self.writer.vectors
        self.bytes = self.kernel.dtype.size
        self.panel = self.kernel.width * self.bytes
        self.vector = self.isa.reg(self.kernel.dtype)

    def constant(self, value: float) -> str:
        """`value` in every lane."""
        return self.isa.const(register(self.kernel.dtype), literal(self.kernel.dtype, constant_bits(value, self.kernel.dtype)))

    def splat(self, kind: str, value: str) -> str:
        """A vector with `value` in every lane."""
        t, lanes = self.text, self.kernel.lanes
        one = t.let(f"insertelement <{lanes} x {kind}> poison, {kind} {value}, i32 0")
        return t.let(f"shufflevector <{lanes} x {kind}> {one}, <{lanes} x {kind}> poison, <{lanes} x i32> zeroinitializer")

    def load(self, pointer: str) -> list[str]:
        """A row of a panel."""
        step = self.kernel.lanes * self.bytes
        return [self.writer.load(self.kernel.dtype, self.text.at(pointer, v * step)) for v in range(self.kernel.vectors)]

    def store(self, values: Sequence[str], pointer: str) -> None:
        """Writes a row of a panel."""
        step = self.kernel.lanes * self.bytes
        for v, x in enumerate(values):
            self.writer.store(self.kernel.dtype, x, self.text.at(pointer, v * step))

    def number(self, pointer: str) -> str:
        """The number at an address, in every lane."""
        return self.splat(register(self.kernel.dtype), self.writer.load(self.kernel.dtype, pointer, True))

    def both(self, op: str, a: str, b: str) -> str:
        """An instruction of two arguments."""
        return self.isa.binary(self.text.let, op, self.kernel.dtype, a, b)

    def greater(self, a: str, b: str) -> str:
        """The greater one, or b."""
        more = self.text.let(f"fcmp ogt {self.vector} {a}, {b}")
        return self.choose(more, a, b)

    def choose(self, condition: str, a: str, b: str) -> str:
        """a where the condition holds, else b."""
        return self.text.let(f"select {self.isa.type('i1')} {condition}, {self.vector} {a}, {self.vector} {b}")

    def exp(self, x: str) -> str:
        """exp(x) for x <= 0."""
        value = exp_negative(loops.result(0, 0, self.kernel.dtype))
        return apply(self.text, self.isa, Epilogue((), value), x, Place("0", "0", ""), [])

    def divide(self, panels: dict[str, str], rows: dict[str, tuple[str, str]]) -> None:
        """The task's memory in areas: rows of each of the panels; then rows of a size."""
        t, a = self.text, self.args
        work = t.at(a["work"], t.mul("%task", a["work_size"]))
        for name, n in panels.items():
            self.areas[name], a[f"{name}_panel"] = work, t.mul(n, self.panel)
            work = t.at(work, t.mul(a[f"{name}_panel"], a["panels"]))
        for name, (n, size) in rows.items():
            self.areas[name] = work
            work = t.at(work, t.mul(n, t.mul(size, self.bytes)))

    def area(self, name: str, panel: str) -> str:
        """Where a panel's part of an area begins."""
        return self.text.at(self.areas[name], self.text.mul(panel, self.args[f"{name}_panel"]))

    # --- products ---

    def whole(self, size: str) -> str:
        """So many rows as whole tiles have."""
        t, rows = self.text, self.kernel.rows
        return t.mul(t.div(t.add(size, rows - 1), rows), rows)

    def pointers(self, base: str, first: Value, count: str, stride: Value) -> list[str]:
        """The rows of a tile from row `first` on; beyond the last one, the last one again."""
        t = self.text
        last = t.sub(count, 1)
        return [t.at(base, t.mul(t.min(t.add(first, i), last), stride)) for i in range(self.kernel.rows)]

    def products(self, rows: Sequence[str], step: Value, columns: str, depth: str, sums: Sequence[str], stride: Value | None = None,
                 read: Callable[[str], list[str]] | None = None) -> list[str]:  # fmt: skip
        """sums[i] += rows[i][k * step] * columns[k] for k < depth."""
        t = self.text
        stride, read = self.panel if stride is None else stride, read or self.load
        carried = [("ptr", columns), ("i64", "0"), *((self.vector, s) for s in sums)]
        whole = t.mul(t.div(depth, UNIT), UNIT)
        for low, high, unit in (("0", whole, UNIT), (whole, depth, 1)):
            with t.loop(low, high, unit, carried) as k:
                here, offset, *after = k.values
                for i in range(unit):
                    vectors = read(t.at(here, t.mul(stride, i)) if i else here)
                    after = self.product(after, rows, t.add(offset, t.mul(step, i)) if i else offset, vectors)
                k.next += [t.at(here, t.mul(stride, unit)), t.add(offset, t.mul(step, unit)), *after]
            carried = [(kind, x) for (kind, _), x in zip(carried, k.values, strict=True)]
        return k.values[2:]

    def product(self, sums: Sequence[str], rows: Sequence[str], offset: str, columns: Sequence[str]) -> list[str]:
        """What one product makes of the sums: of the rows `offset` bytes from their beginnings with vectors of the columns."""
        made = []
        for i, row in enumerate(rows):
            one = self.number(self.text.at(row, offset))
            made += [self.isa.fma(self.text.let, self.kernel.dtype, one, x, sums[i * len(columns) + v]) for v, x in enumerate(columns)]
        return made

    def rowwise(self, values: Sequence[str]) -> list[list[str]]:
        """A tile's vectors, row by row."""
        n = self.kernel.vectors
        return [list(values[i * n : i * n + n]) for i in range(self.kernel.rows)]

    def scores(self, source: str, stride: str, rows: tuple[str, str], packed: str, size: str, target: str) -> None:
        """target[x, :] = source[x, :] @ packed for rows[0] <= x < rows[1]."""
        t, (low, high) = self.text, rows
        zeros = ["zeroinitializer"] * (self.kernel.rows * self.kernel.vectors)
        with t.loop(low, high, self.kernel.rows) as x:
            sums = self.products(self.pointers(source, x.index, high, stride), self.bytes, packed, size, zeros)
            for place, values in zip(self.pointers(target, x.index, high, self.panel), self.rowwise(sums), strict=True):
                self.store(values, place)

    def multiply(self, source: str, stride: str, size: str, rows: tuple[str, str], columns: str, target: str,
                 factor: list[str] | None = None) -> None:  # fmt: skip
        """target'[:, columns] = target' * factor + the sum over rows[0] <= x < rows[1] of source[x, :] * columns[x, :].

        In whole tiles: what lies behind the last number of a row goes to rows of the target that nobody reads.
        """
        t, low = self.text, rows[0]
        base, begin, depth = t.at(source, t.mul(low, stride)), t.at(columns, t.mul(low, self.panel)), t.sub(rows[1], low)
        with t.loop(0, size, self.kernel.rows) as d:
            here = t.at(base, t.mul(d.index, self.bytes))
            targets = [t.at(target, t.mul(t.add(d.index, i), self.panel)) for i in range(self.kernel.rows)]
            sums = [x for p in targets for x in self.load(p)]
            if factor:
                sums = [self.both("mul", x, factor[i % len(factor)]) for i, x in enumerate(sums)]
            numbers = [t.at(here, i * self.bytes) for i in range(self.kernel.rows)]
            sums = self.products(numbers, stride, begin, depth, sums)
            for p, values in zip(targets, self.rowwise(sums), strict=True):
                self.store(values, p)

    # --- turning about ---

    def pack(self, source: str, stride: str, first: str, count: str, size: str, target: str, scale: float = 1.0) -> None:
        """target[d][i] = source[first + i][d] * scale; beyond the last row, the last one again."""
        t, lanes, dtype = self.text, self.kernel.lanes, self.kernel.dtype
        whole = t.mul(t.div(size, lanes), lanes)
        for v in range(self.kernel.vectors):
            begin, last = t.add(first, v * lanes), t.sub(count, 1)
            rows = [t.at(source, t.mul(t.min(t.add(begin, i), last), stride)) for i in range(lanes)]
            there = t.at(target, v * lanes * self.bytes)
            factor = self.constant(scale)
            with t.loop(0, whole, lanes) as d:
                square = [self.writer.load(dtype, t.at(r, t.mul(d.index, self.bytes))) for r in rows]
                for i, x in enumerate(transposed(t, self.vector, lanes, square)):
                    value = x if scale == 1 else self.both("mul", x, factor)
                    self.writer.store(dtype, value, t.at(t.at(there, t.mul(d.index, self.panel)), i * self.panel))
            with t.loop(whole, size) as d:
                value = "poison"
                for i, r in enumerate(rows):
                    x = self.writer.load(dtype, t.at(r, t.mul(d.index, self.bytes)), True)
                    value = t.let(f"insertelement {self.vector} {value}, {register(dtype)} {x}, i32 {i}")
                value = value if scale == 1 else self.both("mul", value, factor)
                self.writer.store(dtype, value, t.at(there, t.mul(d.index, self.panel)))

    def copy(self, source: str, stride: str, count: str, size: str, target: str) -> str:
        """Rows copied one behind the other: strides of whole pages would make them fall upon each other in the cache. Gives the new stride."""
        t, dtype = self.text, self.kernel.dtype
        row = t.mul(size, self.bytes)
        with t.loop(0, count) as x:
            here, there = t.at(source, t.mul(x.index, stride)), t.at(target, t.mul(x.index, row))

            def one(d: str, scalar: bool) -> None:
                at = t.mul(d, self.bytes)
                self.writer.store(dtype, self.writer.load(dtype, t.at(here, at), scalar), t.at(there, at), scalar)

            self.writer.spans(0, size, one)
        return row

    def unpack(self, source: str, size: str, target: str, stride: str, count: str, factor: list[str] | None = None) -> None:
        """target[i][d] = source[d][i] * factor[i] for i < count."""
        t, lanes, dtype = self.text, self.kernel.lanes, self.kernel.dtype
        whole = t.mul(t.div(size, lanes), lanes)
        for v in range(self.kernel.vectors):
            here, there = t.at(source, v * lanes * self.bytes), t.at(target, t.mul(stride, v * lanes))
            there = target if v == 0 else there
            left = t.sub(count, v * lanes)

            def read(d: str, here: str = here, v: int = v) -> str:
                x = self.writer.load(dtype, t.at(here, t.mul(d, self.panel)))
                return x if factor is None else self.both("mul", x, factor[v])

            with t.loop(0, whole, lanes) as d:
                square = [read(t.add(d.index, i)) for i in range(lanes)]
                for i, x in enumerate(transposed(t, self.vector, lanes, square)):
                    with t.when(t.less(i, left)):
                        self.writer.store(dtype, x, t.at(t.at(there, t.mul(stride, i) if i else 0), t.mul(d.index, self.bytes)))
            with t.loop(whole, size) as d:
                x = read(d.index)
                for i in range(lanes):
                    with t.when(t.less(i, left)):
                        one = t.let(f"extractelement {self.vector} {x}, i32 {i}")
                        self.writer.store(dtype, one, t.at(t.at(there, t.mul(stride, i) if i else 0), t.mul(d.index, self.bytes)), True)

    def clear(self, target: str, rows: str) -> None:
        """Zeros in the rows of a panel."""
        with self.text.loop(0, rows) as i:
            self.store([self.constant(0.0)] * self.kernel.vectors, self.text.at(target, self.text.mul(i.index, self.panel)))

    # --- scores ---

    def mask(self, base: str, first: str, last: str, stride: str) -> list[str]:
        """Elements first, first + 1, ... (at most `last`) of a line of the mask, as vectors."""
        t, dtype, lanes = self.text, self.kernel.mask, self.kernel.lanes
        assert dtype is not None
        kind = self.isa.type(memory(dtype))
        one, many, end = t.name("one"), t.name("many"), t.name("end")
        t.do(f"br i1 {t.let(f'icmp eq i64 {stride}, 0')}, label %{one}, label %{many}")
        t.label(one)
        same = self.splat(memory(dtype), t.load(memory(dtype), base, dtype.size))
        t.do(f"br label %{end}")
        t.label(many)
        different = []
        for v in range(self.kernel.vectors):
            value = "poison"
            for i in range(lanes):
                x = t.load(memory(dtype), t.at(base, t.mul(t.min(t.add(first, v * lanes + i), last), stride)), dtype.size)
                value = t.let(f"insertelement {kind} {value}, {memory(dtype)} {x}, i32 {i}")
            different.append(value)
        t.do(f"br label %{end}")
        t.label(end)
        joined = [t.let(f"phi {kind} [ {same}, %{one} ], [ {x}, %{many} ]") for x in different]
        return [self.isa.from_memory(t.let, dtype, x) for x in joined]

    def masked(self, scores: list[str], mask: list[str]) -> list[str]:
        """Scores as the mask makes them."""
        if self.kernel.mask is dtypes.bool_:
            return [self.choose(m, s, self.constant(MASKED)) for s, m in zip(scores, mask, strict=True)]
        return [self.both("add", s, m) for s, m in zip(scores, mask, strict=True)]

    def iota(self, first: str) -> list[str]:
        """first, first + 1, ..."""
        t, lanes = self.text, self.kernel.lanes
        steps = [", ".join(f"i32 {v * lanes + i}" for i in range(lanes)) for v in range(self.kernel.vectors)]
        splat = self.splat("i32", t.let(f"trunc i64 {first} to i32"))
        return [t.let(f"add <{lanes} x i32> {splat}, <{s}>") for s in steps]

    def compare(self, op: str, numbers: list[str], value: str) -> list[str]:
        """Comparisons of `iota` with a number."""
        t, lanes = self.text, self.kernel.lanes
        splat = self.splat("i32", t.let(f"trunc i64 {value} to i32"))
        return [t.let(f"icmp {op} <{lanes} x i32> {n}, {splat}") for n in numbers]


def over_units(blocks: Blocks, unit: Callable[[str], None], name: str) -> str:
    """The module's text: a task does `unit` for each of its units."""
    t, a = blocks.text, blocks.args
    low = t.mul("%task", a["grain"])
    with t.loop(low, t.min(t.add(low, a["grain"]), a["units"])) as number:
        unit(number.index)
    return blocks.text.function(name, helper_text(blocks.isa.helpers | blocks.writer.scalars.helpers))
