"""The parts of a tile's kernel: where its rows and columns lie, how their elements are read and copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tenfold.codegen.instructions import Instructions, mangle, memory, register
from tenfold.codegen.text import Text
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import Tile


@dataclass(slots=True)
class Panel:
    """The columns being worked on: masks of the vectors (none if all are whole), where the panel begins.

    `later`, if any, is what the tile asks for early: `step` bytes more with every product.
    """

    first: str
    masks: list[str]
    b: str
    b_k: str | int
    later: str = ""
    step: str = ""


@dataclass(slots=True)
class Row:
    """Where one row of the tile lies in `a` and in the output."""

    a: str
    out: str
    number: str = ""  # if it is known


@dataclass(slots=True)
class Block:
    """A block of the summed index: its part of the table and of the places that are copied, its first product, its length, also in
    whole units; flags, whether it is the first and the last."""

    table: str
    places: str
    start: str
    length: str
    units: str
    first: str
    last: str


@dataclass(slots=True)
class TileParts:
    """What the writer of a Tile is made of."""

    tile: Tile
    isa: Instructions
    text: Text = field(default_factory=Text)
    args: dict[str, str] = field(default_factory=dict)
    extras: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    base: str = ""
    first_row: str = ""  # the number of the batch's first row
    copy: str = ""
    next_rows: str = ""  # where the next tile's rows are kept
    onward: str = ""  # the next problem's panels, where a task has several problems

    @property
    def vector(self) -> str:
        """The type of an accumulator."""
        return self.isa.reg(self.tile.dtype)

    @property
    def source(self) -> DType:
        """The type of b in memory."""
        return self.tile.copied or self.tile.dtype

    @property
    def size(self) -> int:
        """Bytes of an operand's element."""
        return self.tile.dtype.size

    def copy_panel(self, panel: Panel, length: str) -> None:
        """Copies the block of a panel to the stack; columns that are not there become zeros."""
        t, tile, isa = self.text, self.tile, self.isa
        left = t.sub(self.args["n"], panel.first)
        whole = t.let(f"select i1 {t.less(left, tile.columns)}, i64 0, i64 {length}") if tile.ragged else length
        for low, high, masked in ((0, whole, False), (whole, length, True))[: 1 + tile.ragged]:
            with t.loop(low, high) as k:
                source, target = t.at(panel.b, t.mul(k.index, self.args["b_k"])), t.at(self.copy, t.mul(k.index, tile.columns * self.size))
                for v in range(tile.vectors):
                    x = self.read(memory(self.source), source, v, panel, masked, self.source.size)
                    t.store(self.vector, isa.from_memory(t.let, self.source, x), t.at(target, v * tile.lanes * self.size), 32)

    def route_panel(self, panel: Panel, block: Block) -> None:
        """Copies the block of a panel, of windows of a gradient, to the stack: each element at its place in the window, zeros around it."""
        t, tile, isa, count = self.text, self.tile, self.isa, self.tile.routed
        first, windows = t.div(block.start, count), t.div(block.length, count)
        found = t.at(self.args["found"], t.add(t.mul(first, self.args["n"]), panel.first))
        with t.loop(0, windows) as window:
            source, places = t.at(panel.b, t.mul(t.mul(window.index, count), self.args["b_k"])), t.at(found, t.mul(window.index, self.args["n"]))
            target = t.at(self.copy, t.mul(window.index, count * tile.columns * self.size))
            for v in range(tile.vectors):
                x = self.read(register(tile.dtype), source, v, panel, False)
                place = isa.cast(t.let, dtypes.int8, dtypes.int32, t.load(isa.type("i8"), t.at(places, v * tile.lanes), 1))
                for i in range(count):
                    mine = isa.compare(t.let, "eq", dtypes.int32, place, isa.const("i32", str(i)))
                    here = t.let(f"select {isa.type('i1')} {mine}, {self.vector} {x}, {self.vector} zeroinitializer")
                    t.store(self.vector, here, t.at(target, (i * tile.columns + v * tile.lanes) * self.size), 32)

    def apart(self, first: str, row: str) -> str:
        """How many elements of a row that is copied lie between two addresses."""
        t, source = self.text, self.tile.copied_a or self.tile.dtype
        begin, here = (t.let(f"ptrtoint ptr {p} to i64") for p in (first, row))
        return t.div(t.sub(here, begin), source.size)

    def copy_rows(self, first: str, count: str, block: Block) -> None:
        """Copies a block of `count` rows that stand side by side in memory, `first` the first, to the stack: product by product."""
        t, tile, isa = self.text, self.tile, self.isa
        source = tile.copied_a or tile.dtype
        masks = self.masks(count, -(-tile.rows // tile.lanes))
        with t.loop(0, block.length) as k:
            place = t.load("i64", t.at(block.places, t.mul(k.index, 8)), 8)
            here, there = t.at(first, place), t.at(self.copy, t.mul(k.index, tile.step))
            for v, mask in enumerate(masks):
                x = self.masked(memory(source), t.at(here, v * tile.lanes * source.size), mask, source.size)
                t.store(self.vector, isa.from_memory(t.let, source, x), t.at(there, v * tile.lanes * self.size), 32)

    def runs(self, m: str) -> tuple[str, str]:
        """Where the runs of the tile at row `m` begin and end in their table."""
        t, a = self.text, self.args
        if self.tile.even:
            return "", ""
        span = t.at(a["bounds"], t.mul(m if self.tile.scattered else t.rem(m, a["row_period"]), 16))
        return t.load("i64", span, 8), t.load("i64", t.at(span, 8), 8)

    def rows(self, m: str, base: str) -> list[Row]:
        """Where the tile's rows lie; where those of the next one do is kept, if they lie anywhere."""
        t, tile = self.text, self.tile
        if tile.scattered:
            for i, row in enumerate(self._rows(t.min(t.add(m, tile.rows), t.sub(self.args["m"], 1)), base)):
                t.store("ptr", row.a, t.at(self.next_rows, 8 * i), 8)
        return self._rows(m, base)

    def _rows(self, m: str, base: str) -> list[Row]:
        """Where a tile's rows lie. Rows beyond the last one are the last one again: computed twice, stored twice."""
        t, a = self.text, self.args
        if self.tile.even:
            return list(self._even_rows(m, base))
        inner, a_base, out_base = m, base, a["out"]
        if not self.tile.scattered:  # else all are in the table
            inner, outer = t.rem(m, a["row_period"]), t.div(m, a["row_period"])
            a_base, out_base = t.at(base, t.mul(outer, a["a_outer"])), t.at(a["out"], t.mul(outer, a["out_outer"]))
        first, last = t.at(a["row_table"], t.mul(inner, 16)), t.sub(t.sub(a["m"], 1), m)
        rows = []
        for i in range(self.tile.rows):
            number = t.min(i, last) if i else "0"
            entry = t.at(first, t.mul(number, 16)) if i else first
            places = t.load("i64", entry, 8), t.load("i64", t.at(entry, 8), 8)
            rows.append(Row(t.at(a_base, places[0]), t.at(out_base, places[1])))
        return rows

    def _even_rows(self, m: str, base: str) -> Iterator[Row]:
        """The same of rows at equal distances."""
        t, a = self.text, self.args
        first, out = t.at(base, t.mul(m, a["a_outer"])), t.at(a["out"], t.mul(m, a["out_row"]))
        number, last = t.add(self.first_row, m), t.sub(t.sub(a["m"], 1), m)
        yield Row(first, out, number)
        for i in range(1, self.tile.rows):
            more = t.min(i, last)
            yield Row(t.at(first, t.mul(more, a["a_row"])), t.at(out, t.mul(more, a["out_row"])), t.add(number, more))

    def panel(self, n: str, b: str) -> Panel:
        """The panel `n` of the columns."""
        t = self.text
        first = t.mul(n, self.tile.columns)
        masks = []
        if self.tile.ragged:
            masks = self.masks(t.min(t.sub(self.args["n"], first), self.tile.columns), self.tile.vectors)
        step = self.tile.columns * (self.tile.integers.b_size if self.tile.integers else self.size) if self.tile.padded else self.args["b_k"]
        return Panel(first, masks, t.at(b, t.mul(n, self.args["b_panel"])), step)

    def masks(self, count: str, vectors: int) -> list[str]:
        """Which lanes of several vectors are among the first `count`."""
        t, lanes = self.text, self.tile.lanes
        splat = self.splat("i32", t.let(f"trunc i64 {count} to i32"))
        numbers = [", ".join(f"i32 {v * lanes + i}" for i in range(lanes)) for v in range(vectors)]
        return [t.let(f"icmp sgt <{lanes} x i32> {splat}, <{iota}>") for iota in numbers]

    def splat(self, scalar: str, value: str) -> str:
        """A vector with `value` in each lane."""
        lanes = self.tile.lanes
        one = self.text.let(f"insertelement <{lanes} x {scalar}> poison, {scalar} {value}, i32 0")
        return self.text.let(f"shufflevector <{lanes} x {scalar}> {one}, <{lanes} x {scalar}> poison, <{lanes} x i32> zeroinitializer")

    def read(self, scalar: str, pointer: str, v: int, panel: Panel, masked: bool, size: int = 0) -> str:
        """Vector `v` of a row of columns, which are of type `scalar` and `size`, if not that of the operands."""
        t, lanes, size = self.text, self.tile.lanes, size or self.size
        kind, address = f"<{lanes} x {scalar}>", t.at(pointer, v * lanes * size)
        if not (masked and panel.masks):
            return t.load(kind, address, size)
        return self.masked(scalar, address, panel.masks[v], size)

    def masked(self, scalar: str, address: str, mask: str, size: int) -> str:
        """Reads the lanes of a vector that `mask` names; the others are zeros."""
        t, lanes = self.text, self.tile.lanes
        kind, name = f"<{lanes} x {scalar}>", f"@llvm.masked.load.v{lanes}{mangle(scalar)}.p0"
        t.declare(f"{kind} {name}(ptr, i32, <{lanes} x i1>, {kind})")
        return t.let(f"call {kind} {name}(ptr {address}, i32 {size}, <{lanes} x i1> {mask}, {kind} zeroinitializer)")

    def multiply_add(self, a: str, b: str, c: str) -> str:
        """a * b + c of vectors; of pairs, the sum of both products and c."""
        t = self.text
        if not self.tile.pairs:
            return self.isa.fma(t.let, self.tile.dtype, a, b, c)
        kind = f"<{2 * self.tile.lanes} x bfloat>"
        x, y = (t.let(f"bitcast <{self.tile.lanes} x i32> {v} to {kind}") for v in (a, b))
        return t.let(f"call {self.vector} @llvm.x86.avx512bf16.dpbf16ps.512({self.vector} {c}, {kind} {x}, {kind} {y})")

    def prefetch(self, rows: list[Row], panel: Panel) -> None:
        """Asks for the tile's lines of the output, which will have come when the products are done."""
        t, tile = self.text, self.tile
        for row in rows:
            here = t.at(row.out, t.mul(panel.first, tile.out.size))
            for offset in range(0, tile.columns * tile.out.size, 64):
                t.do(f"call void @llvm.prefetch.p0(ptr {t.at(here, offset)}, i32 1, i32 3, i32 1)")

    def early(self, entry: str, first: str) -> Iterator[str]:
        """The lines that an entry of the table names, `first` being the tile's first row."""
        t = self.text
        if not self.tile.scattered:
            yield from (t.at(first, t.load("i64", t.at(entry, 8 * (1 + i)), 8)) for i in range(self.tile.early))
        elif self.tile.early:
            line, row = (t.let(f"zext i32 {t.load('i32', t.at(entry, offset), 4)} to i64") for offset in (8, 12))
            here = t.at(t.load("ptr", t.at(self.next_rows, row), 8), line)
            yield from (here, t.at(here, 64))

    def ask(self, address: str, level: int) -> None:
        """Asks for a line that will be read: for the first-level cache if `level` is 3, the second-level one if 2."""
        self.text.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 0, i32 {level}, i32 1)")
