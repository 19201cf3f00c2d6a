"""The small kernels around contractions, written as LLVM IR: packing into panels, padding with zeros, folding partial sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tenfold.codegen.epilogue import Place, apply
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions, memory
from tenfold.codegen.text import Text, Value
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import COUPLE_ARGS, PACK_ARGS, PAD_ARGS, SUM_ARGS, Couple, Pack, Pad, Sum

POINTERS = frozenset(("source", "target", "taps_table", "out"))


@dataclass(slots=True)
class Writer:
    """What the writers below share: typed loads and stores of whole vectors, parts and scalars."""

    vectors: Instructions
    scalars: Instructions
    text: Text = field(default_factory=Text)

    def load(self, dtype: DType, pointer: str, scalar: bool = False) -> str:
        """A vector (or a scalar) in registers."""
        isa = self.scalars if scalar else self.vectors
        return isa.from_memory(self.text.let, dtype, self.text.load(isa.type(memory(dtype)), pointer, dtype.size))

    def store(self, dtype: DType, value: str, pointer: str, scalar: bool = False) -> None:
        """Writes a vector or a scalar."""
        isa = self.scalars if scalar else self.vectors
        self.text.store(isa.type(memory(dtype)), isa.to_memory(self.text.let, dtype, value), pointer, dtype.size)

    def ask(self, address: str, size: int, write: bool = False) -> None:
        """Asks for the lines of `size` bytes that will be read, or written."""
        for line in range(0, size, 64):
            self.text.do(f"call void @llvm.prefetch.p0(ptr {self.text.at(address, line)}, i32 {int(write)}, i32 3, i32 1)")

    def spans(self, low: Value, high: Value, body: Callable[[str, bool], None]) -> None:
        """Calls `body(index, scalar)` for whole vectors of low..high, then for the single elements that are left."""
        t, lanes = self.text, self.vectors.lanes
        whole = t.add(low, t.mul(t.div(t.sub(high, low), lanes), lanes))
        with t.loop(low, whole, lanes) as i:
            body(i.index, False)
        with t.loop(whole, high) as i:
            body(i.index, True)

    def grains(self, args: dict[str, str], total: str) -> tuple[str, str]:
        """The part [low, high) of `total` that is this task's."""
        low = self.text.mul("%task", args["grain"])
        return low, self.text.min(self.text.add(low, args["grain"]), total)


def write_pad(kernel: Pad, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Pad."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    a = t.arguments(PAD_ARGS, POINTERS)
    low, high = w.grains(a, a["rows"])
    filled, width = t.add(a["low"], a["length"]), t.add(t.add(a["low"], a["length"]), a["high"])
    with t.loop(low, high) as row:
        h, rest = t.rem(row.index, a["height"]), t.div(row.index, a["height"])
        d, n = t.rem(rest, a["depth"]), t.div(rest, a["depth"])
        h, d = t.sub(h, a["height_low"]), t.sub(d, a["depth_low"])
        high_enough = t.let(f"icmp ult i64 {h}, {a['source_height']}")
        deep_enough = t.let(f"icmp ult i64 {d}, {a['source_depth']}")
        inside = t.let(f"and i1 {high_enough}, {deep_enough}")
        number = t.add(t.mul(t.add(t.mul(n, a["source_depth"]), d), a["source_height"]), h)
        source = t.at(a["source"], t.mul(number, a["source_row"]))
        target = t.at(a["target"], t.mul(t.mul(row.index, width), kernel.dtype.size))
        begin = t.let(f"select i1 {inside}, i64 {a['low']}, i64 0")
        end = t.let(f"select i1 {inside}, i64 {filled}, i64 0")

        def zero(i: str, scalar: bool, target: str = target) -> None:
            isa = w.scalars if scalar else w.vectors
            t.store(isa.type(memory(kernel.dtype)), "zeroinitializer", t.at(target, t.mul(i, kernel.dtype.size)), kernel.dtype.size)

        def copy(i: str, scalar: bool, source: str = source, target: str = target, begin: str = begin) -> None:
            value = w.load(kernel.source, t.at(source, t.mul(t.sub(i, begin), kernel.source.size)), scalar)
            w.store(kernel.dtype, value, t.at(target, t.mul(i, kernel.dtype.size)), scalar)

        w.spans(0, begin, zero)
        w.spans(begin, end, copy)
        w.spans(end, width, zero)
    return t.function(name)


def write_couple(kernel: Couple, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Couple."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    a = t.arguments(COUPLE_ARGS, POINTERS)
    low, high = w.grains(a, a["positions"])
    with t.loop(low, high) as position:
        column, rest = t.rem(position.index, a["width"]), t.div(position.index, a["width"])
        h, rest = t.sub(t.rem(rest, a["height"]), a["height_low"]), t.div(rest, a["height"])
        d, n = t.sub(t.rem(rest, a["depth"]), a["depth_low"]), t.div(rest, a["depth"])
        line = t.mul(t.add(t.mul(t.add(t.mul(n, a["source_depth"]), d), a["source_height"]), h), a["source_width"])
        first = t.sub(t.mul(column, a["step"]), a["width_low"])
        flags = [t.let(f"icmp ult i64 {x}, {a[e]}") for x, e in ((h, "source_height"), (d, "source_depth"))]
        there, sources = t.let(f"and i1 {flags[0]}, {flags[1]}"), []
        for x in (first, t.add(first, a["shift"])):
            inside = t.let(f"icmp ult i64 {x}, {a['source_width']}")
            inside = t.let(f"and i1 {inside}, {there}")
            at = t.let(f"select i1 {inside}, i64 {t.add(line, x)}, i64 0")  # outside, something that may be read
            sources.append((inside, t.at(a["source"], t.mul(at, t.mul(a["channels"], 2)))))
        target = t.at(a["target"], t.mul(position.index, t.mul(a["channels"], 4)))

        def one(i: str, scalar: bool, sources: list[tuple[str, str]] = sources, target: str = target) -> None:
            isa = w.scalars if scalar else w.vectors
            narrow, kind, zero = isa.type("i16"), isa.type("i32"), "0" if scalar else "zeroinitializer"
            halves = []
            for inside, source in sources:
                x = t.let(f"zext {narrow} {t.load(narrow, t.at(source, t.mul(i, 2)), 2)} to {kind}")
                halves.append(t.let(f"select i1 {inside}, {kind} {x}, {kind} {zero}"))
            shifted = t.let(f"shl {kind} {halves[1]}, {isa.const('i32', '16')}")
            t.store(kind, t.let(f"or {kind} {halves[0]}, {shifted}"), t.at(target, t.mul(i, 4)), 4)

        w.spans(0, a["channels"], one)
    return t.function(name)


def write_sum(kernel: Sum, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Sum."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    extras = [f"extra{i}" for i in range(len(kernel.epilogue.extras))] if kernel.epilogue else []
    a = t.arguments((*SUM_ARGS, *extras), POINTERS | frozenset(extras))
    low, high = w.grains(a, a["m"])
    with t.loop(low, high) as row:
        begin = t.mul(row.index, a["n"])

        def one(column: str, scalar: bool, row: str = row.index, begin: str = begin) -> None:
            isa = w.scalars if scalar else w.vectors
            at = t.add(begin, column)
            source = t.at(a["source"], t.mul(at, kernel.dtype.size))
            first = w.load(kernel.dtype, source, scalar)
            with t.loop(1, a["pieces"], 1, [(isa.reg(kernel.dtype), first)]) as piece:
                more = w.load(kernel.dtype, t.at(source, t.mul(piece.index, a["piece"])), scalar)
                piece.next.append(isa.binary(t.let, "add", kernel.dtype, piece.values[0], more))
            x, dtype = piece.values[0], kernel.dtype
            if kernel.epilogue:
                x = apply(t, isa, kernel.epilogue, x, Place(row, column, ""), [a[e] for e in extras])
                dtype = kernel.epilogue.value.dtype
            if dtype is not kernel.out:
                x = isa.cast(t.let, dtype, kernel.out, x)
            w.store(kernel.out, x, t.at(a["out"], t.mul(at, kernel.out.size)), scalar)

        w.spans(0, a["n"], one)
    return t.function(name, helper_text(w.vectors.helpers | w.scalars.helpers))


def write_pack(kernel: Pack, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Pack."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    a = t.arguments(PACK_ARGS, POINTERS)
    low, high = w.grains(a, a["total"])
    row = kernel.columns * kernel.dtype.size
    with t.loop(low, high) as index:
        rest, at = index.index, {}
        for part in ("chunk", "tap", "panel") if kernel.transpose else ("panel", "chunk", "tap"):  # what shares lines comes one after the other
            at[part], rest = t.rem(rest, a[f"{part}s"]), t.div(rest, a[f"{part}s"])
        first = t.mul(at["panel"], a["step"])
        k0 = t.mul(at["chunk"], a["chunk"])
        k1 = t.min(t.add(k0, a["chunk"]), a["k"])
        offset = t.load("i64", t.at(a["taps_table"], t.mul(at["tap"], 8)), 8)
        source = t.at(t.at(a["source"], offset), t.mul(rest, a["source_batch"]))
        place = t.mul(t.add(t.mul(at["panel"], a["taps"]), at["tap"]), t.mul(a["k"], row))
        target = t.at(t.at(a["target"], t.mul(rest, a["target_batch"])), place)
        (_transposed if kernel.transpose else _copied)(w, kernel, a, (source, target, first, k0, k1))
    return t.function(name)


def _column_pointers(w: Writer, count: int, a: dict[str, str], source: str, first: str) -> list[str]:
    """Where `count` columns from `first` on begin; beyond the last column, the last one again."""
    t = w.text
    last = t.sub(a["n"], 1)
    return [t.at(source, t.mul(t.min(t.add(first, c), last), a["source_n"])) for c in range(count)]


def _copied(w: Writer, kernel: Pack, a: dict[str, str], where: tuple[str, str, str, str, str]) -> None:
    """Rows of the source are rows of the panel; the last panel is gathered column by column, so as not to read beyond the end."""
    t, row, size = w.text, kernel.columns * kernel.dtype.size, kernel.source.size // kernel.parts
    source, target, first, k0, k1 = where

    def read(pointer: str, scalar: bool) -> str:
        return w.load(kernel.source, pointer, scalar) if kernel.parts == 1 else _joined(w, kernel, a, pointer, scalar)

    whole = t.less(t.add(first, kernel.vectors * kernel.lanes - 1), a["n"])
    k_whole = t.let(f"select i1 {whole}, i64 {t.max(t.sub(k1, kernel.spilled), k0)}, i64 {k0}")
    begin = t.at(source, t.mul(first, size))
    with t.loop(k0, k_whole) as k:
        here, there = t.at(begin, t.mul(k.index, a["source_k"])), t.at(target, t.mul(k.index, row))
        for v in range(kernel.vectors):
            x = read(t.at(here, v * kernel.lanes * size), False)
            w.store(kernel.dtype, x, t.at(there, v * kernel.lanes * kernel.dtype.size))
    with t.loop(k_whole, k1) as k:
        here, there = t.at(source, t.mul(k.index, a["source_k"])), t.at(target, t.mul(k.index, row))
        with t.loop(0, kernel.columns) as c:
            column = t.min(t.add(first, c.index), t.sub(a["n"], 1))
            x = read(t.at(here, t.mul(column, size)), True)
            w.store(kernel.dtype, x, t.at(there, t.mul(c.index, kernel.dtype.size)), True)


def _joined(w: Writer, kernel: Pack, a: dict[str, str], pointer: str, scalar: bool) -> str:
    """The numbers of a row in the low bits, of the next row in those above, and so on."""
    t, isa, size = w.text, w.scalars if scalar else w.vectors, kernel.source.size // kernel.parts
    narrow, whole = f"i{8 * size}", f"i{8 * kernel.source.size}"
    kind, value = isa.type(whole), ""
    for part in range(kernel.parts):
        x = t.let(f"zext {isa.type(narrow)} {t.load(isa.type(narrow), pointer, size)} to {kind}")
        shifted = t.let(f"shl {kind} {x}, {isa.const(whole, str(8 * size * part))}") if part else x
        value = t.let(f"or {kind} {value}, {shifted}") if part else shifted
        pointer = t.at(pointer, a["source_part"])
    return value


def _transposed(w: Writer, kernel: Pack, a: dict[str, str], where: tuple[str, str, str, str, str]) -> None:
    """Columns of the source are contiguous: squares of lanes x lanes are transposed in registers."""
    t, row, lanes = w.text, kernel.columns * kernel.dtype.size, kernel.lanes
    source, target, first, k0, k1 = where
    whole = t.max(t.sub(t.sub(k1, k0), kernel.spilled), 0)
    k_whole = t.add(k0, t.mul(t.div(whole, lanes), lanes))
    for v in reversed(range(kernel.vectors)):  # where the last vector reaches into the next row, the first one is written over it
        columns = min(kernel.columns - v * lanes, lanes)
        pointers = _column_pointers(w, columns, a, source, t.add(first, v * lanes))
        there = t.at(target, v * lanes * kernel.dtype.size)
        with t.loop(k0, k_whole, lanes) as k:
            offset = t.mul(k.index, kernel.source.size)
            square = [w.load(kernel.source, t.at(p, offset)) for p in pointers] + ["zeroinitializer"] * (lanes - columns)
            begin = t.at(there, t.mul(k.index, row))
            for i, x in enumerate(transposed(t, w.vectors.reg(kernel.dtype), lanes, square)):
                w.store(kernel.dtype, x, t.at(begin, i * row))
        with t.loop(k_whole, k1) as k:
            offset, begin = t.mul(k.index, kernel.source.size), t.at(there, t.mul(k.index, row))
            for i, p in enumerate(pointers):
                w.store(kernel.dtype, w.load(kernel.source, t.at(p, offset), True), t.at(begin, i * kernel.dtype.size), True)


def transposed(t: Text, kind: str, lanes: int, rows: list[str]) -> list[str]:
    """The transpose of a square of lanes x lanes, by exchanging halves, quarters, ..."""
    distance = 1
    while distance < lanes:
        following = list(rows)
        for i in range(lanes):
            if i & distance == 0:
                a, b = rows[i], rows[i + distance]
                low = [lane if lane & distance == 0 else lanes + lane - distance for lane in range(lanes)]
                high = [lane + distance if lane & distance == 0 else lanes + lane for lane in range(lanes)]
                for where, lane_list in ((i, low), (i + distance, high)):
                    mask = ", ".join(f"i32 {x}" for x in lane_list)
                    following[where] = t.let(f"shufflevector {kind} {a}, {kind} {b}, <{lanes} x i32> <{mask}>")
        rows, distance = following, distance * 2
    return rows
