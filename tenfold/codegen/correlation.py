"""The kernel of gradients of weights of convolutions by channel, or by group of few, written as LLVM IR: one task of a `Correlation`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenfold.codegen.depthwise import element, shuffled, splat
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions, memory
from tenfold.codegen.packing import Writer
from tenfold.core.dtypes import DType
from tenfold.kernel.depthwise import columns
from tenfold.kernel.groups import CORRELATION_ARGS, GRADIENT, ROWS, Correlation

POINTERS = frozenset(("a", "b", "target"))


@dataclass(frozen=True, slots=True)
class Part:
    """What is summed at a time: the first channel of some vectors, how they are computed, which ones; where the sums, the copies of rows of
    the image, what these are copies of, and a copy of the gradient lie. (The last one is zeros where nothing is copied.)"""

    channel: str
    isa: Instructions
    vectors: range
    sums: str
    rows: str
    tags: str
    gradient: str

    @property
    def lanes(self) -> int:
        """Channels of one vector."""
        return max(self.isa.lanes, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """What a row of positions sees of a row of the image: where the first one's columns begin, and its gradient; bytes from one to the next; their
    type; ranges of positions (low, high, how many at a time, whether they see columns outside the image); the column of the first one; and
    how far what is to be asked for lies ahead, of both."""

    x: str
    g: str
    pixel: str | int
    position: str | int
    dtype: DType
    ranges: tuple[tuple[str, str, int, bool], ...]
    left: str
    ahead: tuple[str, str] | None = None


def write_correlation(kernel: Correlation, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Correlation."""
    w, single = Writer(make(kernel.lanes), make(0)), kernel.groups.single
    t, step, together = w.text, kernel.vectors * kernel.lanes, kernel.vectors if single else 1
    sizes = (_sums_of(kernel) * together * kernel.lanes * kernel.dtype.size, ROWS, 8 * kernel.kept[0] * kernel.kept[1], GRADIENT)
    places = [t.let(f"alloca [{size} x i8], align 64") for size in sizes]
    a = t.arguments(CORRELATION_ARGS, POINTERS)
    block, piece = t.rem("%task", a["blocks"]), t.div("%task", a["blocks"])
    a["target"] = t.at(a["target"], t.mul(piece, a["piece"]))
    low = t.mul(piece, a["grain"])
    high = t.min(t.add(low, a["grain"]), a["rows"])
    begin = t.mul(block, a["span"])
    end = t.min(t.add(begin, a["span"]), a["channels"])
    many, whole = (t.add(begin, t.mul(t.div(t.sub(end, begin), size), size)) for size in (step, kernel.lanes))
    parts = ((begin, many, w.vectors, kernel.vectors), (many, whole, w.vectors, 1), (whole, end, w.scalars, 1))
    with t.loop(low, high, a["turn"]) as turn:
        rows = turn.index, t.min(t.add(turn.index, a["turn"]), high), t.let(f"icmp eq i64 {turn.index}, {low}")
        for first, last, isa, vectors in parts if single else parts[:1]:  # groups fill whole vectors
            with t.loop(first, last, max(isa.lanes, 1) * vectors) as c:
                for some in (range(vectors),) if single else [range(v, v + 1) for v in range(vectors)]:
                    _turn(w, kernel, a, Part(c.index, isa, some, *places), rows)
    return t.function(name, helper_text(w.vectors.helpers | w.scalars.helpers))


def _sums_of(kernel: Correlation) -> int:
    """Sums of a channel."""
    return kernel.taps[0] * kernel.taps[1] * kernel.taps[2] * kernel.groups.inputs


def _turn(w: Writer, kernel: Correlation, a: dict[str, str], part: Part, rows: tuple[str, str, str]) -> None:
    """Some rows of positions (first, end, whether they are a task's first), a segment of each after the other: the sums lie side by side
    meanwhile, and continue those of the turn before."""
    t, isa, size, total, (first, end, fresh) = w.text, part.isa, kernel.dtype.size, _sums_of(kernel), rows

    def each(move: Callable[[str, str], None], many: str | int) -> None:
        with t.loop(0, many) as row:
            there = t.at(a["target"], t.mul(t.add(t.mul(row.index, a["channels"]), part.channel), size))
            here = t.at(part.sums, t.mul(row.index, len(part.vectors) * part.lanes * size))
            for i, v in enumerate(part.vectors):
                move(t.at(there, v * part.lanes * size), t.at(here, i * part.lanes * size))

    def copy(source: str, target: str) -> None:
        w.store(kernel.dtype, w.load(kernel.dtype, source, not isa.lanes), target, not isa.lanes)

    cleared, kept = (t.let(f"select i1 {fresh}, i64 {x}, i64 {y}") for x, y in ((total, 0), (0, total)))
    each(lambda _, here: w.store(kernel.dtype, _zero(kernel, part), here, not isa.lanes), cleared)
    each(copy, kept)
    if kernel.in_place:
        for v in part.vectors:
            w.store(kernel.dtype, _zero(kernel, part), t.at(part.gradient, v * part.lanes * size), not isa.lanes)
    with t.loop(0, a["out_width"], a["segment"]) as segment:
        for slot in range(kernel.kept[0] * kernel.kept[1]):
            t.store("ptr", "null", t.at(part.tags, 8 * slot), 8)
        count = t.min(a["segment"], t.sub(a["out_width"], segment.index))
        with t.loop(first, end) as row:
            _lines(w, kernel, a, part, row.index, (segment.index, count))
    each(lambda there, here: copy(here, there), total)


def _zero(kernel: Correlation, part: Part) -> str:
    return "zeroinitializer" if part.isa.lanes else "0.0" if kernel.dtype.is_floating else "0"


def _lines(w: Writer, kernel: Correlation, a: dict[str, str], part: Part, row: str, where: tuple[str, str]) -> None:
    """Adds what some positions of a row, `where` (first, how many), give to all taps; rows of taps outside the image give nothing."""
    t, (first, count), inputs = w.text, where, kernel.groups.inputs
    h, rest = t.rem(row, a["out_height"]), t.div(row, a["out_height"])
    d, n = t.rem(rest, a["out_depth"]), t.div(rest, a["out_depth"])
    top, front = (t.sub(t.mul(x, a[f"stride_{axis}"]), a[f"low_{axis}"]) for x, axis in ((h, "height"), (d, "depth")))
    position, turn = t.add(t.mul(row, a["out_width"]), first), t.mul(a["turn"], a["out_width"])
    g = t.at(a["b"], t.mul(t.add(t.mul(position, a["channels"]), part.channel), kernel.source.size))
    if not kernel.in_place:
        _gradient(w, kernel, a, part, g, (count, turn))
    one = kernel.taps[2] * inputs * len(part.vectors) * part.lanes * kernel.dtype.size
    lines = kernel.taps[0] * kernel.taps[1]
    for number in range(lines):
        i, j = divmod(number, kernel.taps[1])
        z, y = t.add(front, t.mul(a["dilation_depth"], i)), t.add(top, t.mul(a["dilation_height"], j))
        deep, tall = t.let(f"icmp ult i64 {z}, {a['depth']}"), t.let(f"icmp ult i64 {y}, {a['height']}")
        with t.when(t.let(f"and i1 {deep}, {tall}")):
            left = t.sub(t.mul(first, kernel.stride), a["low_width"])
            plane = t.mul(t.add(t.mul(t.add(t.mul(n, a["depth"]), z), a["height"]), y), a["width"])
            x = t.at(a["a"], t.mul(t.mul(t.add(plane, left), a["source_channels"]), kernel.source.size))
            sums = t.at(part.sums, number * one)
            if kernel.in_place:
                _sums(w, kernel, a, part, sums, _in_place(w, kernel, a, part, (x, g, left), number == lines - 1), "0")
                continue
            line = _copied(w, kernel, a, part, (_row(w, kernel, a, part, (z, y), x, left), count))
            with t.loop(0, inputs, kernel.numbers) as met:
                _sums(w, kernel, a, part, sums, line, met.index)


def _in_place(w: Writer, kernel: Correlation, a: dict[str, str], part: Part, where: tuple[str, str, str], last: bool) -> Line:
    """A row as it lies, the `last` one of a row of positions or not: its first and last positions may see columns outside the image."""
    t, size, (x, g, left) = w.text, kernel.source.size, where
    ends = ("0", a["inner_low"], a["inner_high"], a["out_width"])
    ranges = tuple((low, high, 1, border) for low, high, border in zip(ends, ends[1:], (True, False, True), strict=False))
    pixel, position = (t.mul(a[name], size) for name in ("source_channels", "channels"))
    ahead = (
        t.mul(t.mul(t.mul(a["turn"], a["stride_height"]), a["width"]), pixel), t.mul(t.mul(a["turn"], a["out_width"]), position)
    ) if last and kernel.ahead else None  # fmt: skip
    return Line(t.at(x, t.mul(part.channel, size)), g, pixel, position, kernel.source, ranges, left, ahead)


def _copied(w: Writer, kernel: Correlation, a: dict[str, str], part: Part, where: tuple[str, str]) -> Line:
    """A row as it was copied: several positions at a time, and what is left."""
    t, (x, count) = w.text, where
    many = t.mul(t.div(count, kernel.positions), kernel.positions)
    ranges = (("0", many, kernel.positions, False), (many, count, 1, False))[: 1 + (kernel.positions > 1)]
    return Line(x, part.gradient, _column(kernel), part.lanes * kernel.dtype.size, kernel.dtype, ranges, "0")


def _gradient(w: Writer, kernel: Correlation, a: dict[str, str], part: Part, g: str, many: tuple[str, str]) -> None:
    """Copies the gradient of some positions, `many` (how many, and of one turn)."""
    t, (count, turn) = w.text, many
    pixel = t.mul(a["channels"], kernel.source.size)
    for v in part.vectors:
        with t.loop(0, count, rolled=True) as p:
            here = t.at(g, t.add(t.mul(p.index, pixel), v * part.lanes * kernel.source.size))
            w.store(kernel.dtype, w.load(kernel.source, here), t.at(part.gradient, t.mul(p.index, part.lanes * kernel.dtype.size)))
            _ask(w, kernel, here, t.mul(turn, pixel))


def _ask(w: Writer, kernel: Correlation, source: str, turn: str) -> None:
    """Asks for what lies a turn further, where it will come from memory."""
    if kernel.ahead:
        w.text.do(f"call void @llvm.prefetch.p0(ptr {w.text.at(source, turn)}, i32 0, i32 2, i32 1)")


def _column(kernel: Correlation) -> int:
    """Bytes of what is copied of one position of the image: of a group, or of each channel as a vector meets it."""
    each = 1 if kernel.groups.wide(kernel.lanes) else kernel.lanes
    return kernel.groups.inputs * each * kernel.dtype.size


def _row(w: Writer, kernel: Correlation, a: dict[str, str], part: Part, where: tuple[str, str], row: str, left: str) -> str:
    """Where a copy lies of what a vector meets in the row `where` (plane, row) from a column on; outside the image these are zeros. It is made
    unless it is there."""
    t, size, (z, y), groups, column = w.text, kernel.source.size, where, kernel.groups, _column(kernel)
    pixel = t.mul(a["source_channels"], size)
    slot = t.add(t.mul(t.rem(z, kernel.kept[0]), kernel.kept[1]), t.rem(y, kernel.kept[1]))
    copy, tag = t.at(part.rows, t.mul(slot, a["kept_row"])), t.at(part.tags, t.mul(slot, 8))
    with t.when(t.let(f"icmp ne ptr {t.load('ptr', tag, 8)}, {row}")):
        t.store("ptr", row, tag, 8)
        low = t.min(t.max(t.sub(0, left), 0), a["seen"])
        high = t.max(t.min(t.sub(a["width"], left), a["seen"]), low)
        turn = t.mul(t.mul(t.mul(a["turn"], a["stride_height"]), a["width"]), pixel)
        begin = t.mul(t.mul(t.div(part.channel, groups.outputs), groups.inputs), size)
        for start, end, inside in (("0", low, False), (low, high, True), (high, a["seen"], False)):
            with t.loop(start, end, rolled=True) as k:
                target, source = t.at(copy, t.mul(k.index, column)), t.at(row, t.mul(k.index, pixel))
                if inside:
                    _ask(w, kernel, t.at(source, begin), turn)
                if groups.wide(kernel.lanes):
                    kind = f"<{groups.inputs} x {memory(kernel.source)}>"
                    t.store(kind, t.load(kind, t.at(source, begin), size) if inside else "zeroinitializer", target, size)
                    continue
                for number in range(groups.inputs):
                    x = element(w, kernel, source, (part.channel, part.vectors[0]), str(number), part.isa) if inside else _zero(kernel, part)
                    w.store(kernel.dtype, x, t.at(target, number * kernel.lanes * kernel.dtype.size))
    return copy


def _sums(w: Writer, kernel: Correlation, a: dict[str, str], part: Part, begin: str, line: Line, first: str) -> None:
    """Adds the products of positions of a row to the sums of a row of taps, which `begin` there, with some channels of each group, from the
    `first` on."""
    t, isa, wide, vectors = w.text, part.isa, kernel.dtype, range(len(part.vectors))
    step, scalar = part.lanes * wide.size, not isa.lanes
    begin = t.at(begin, t.mul(first, len(vectors) * step))
    each = [(k, number, v) for k in range(kernel.taps[2]) for number in range(kernel.numbers) for v in vectors]
    places = [t.at(begin, ((k * kernel.groups.inputs + number) * len(vectors) + v) * step) for k, number, v in each]
    sums = [w.load(wide, place, scalar) for place in places]
    for low, high, positions, border in line.ranges:
        with t.loop(low, high, positions, [(isa.reg(wide), s) for s in sums], rolled=not kernel.groups.single) as position:
            made = dict(zip(each, position.values, strict=True))
            _positions(w, kernel, a, part, line, (position.index, first, positions, border), made)
            position.next.extend(made.values())
        sums = position.values
    for s, place in zip(sums, places, strict=True):
        w.store(wide, s, place, scalar)


def _positions(
    w: Writer, kernel: Correlation, a: dict[str, str], part: Part, line: Line, which: tuple[str, str, int, bool],
    sums: dict[tuple[int, int, int], str],
) -> None:  # fmt: skip
    """Adds the products of some positions; `which` are the first one, the first channel of groups, how many, and whether they are at a border,
    where zeros stand for columns outside the image."""
    t, isa, groups, (position, first, count, border), vectors = w.text, part.isa, kernel.groups, which, range(len(part.vectors))
    size, step, wide = line.dtype.size, part.lanes * line.dtype.size, groups.wide(kernel.lanes)
    here = t.at(line.g, t.mul(position, line.position))
    gradients = {
        (p, v): w.load(line.dtype, t.at(t.at(here, t.mul(line.position, p)), v * step), not isa.lanes) for p in range(count) for v in vectors
    }
    if line.ahead and not border:
        for k in range(kernel.stride):
            _ask(w, kernel, t.at(line.x, t.mul(t.add(t.mul(position, kernel.stride), k), line.pixel)), line.ahead[0])
        _ask(w, kernel, here, line.ahead[1])
    each = size if wide else step  # bytes from channel to channel of a group
    for place in columns(count, kernel.taps[2], kernel.stride, kernel.dilation):
        column = t.add(t.mul(position, kernel.stride), place)
        x = t.at(line.x, t.mul(column, line.pixel))
        if border:
            inside = t.let(f"icmp ult i64 {t.add(column, line.left)}, {a['width']}")
            x = t.let(f"select i1 {inside}, ptr {x}, ptr {part.gradient}")
        x = t.at(x, t.mul(first, each))
        taps = [(p, *divmod(place - p * kernel.stride, kernel.dilation)) for p in range(count)]
        whole = w.load(line.dtype, x) if kernel.in_place and not groups.single else ""
        for number in range(kernel.numbers):
            for v in vectors:
                if whole:
                    picked = [i // groups.outputs * groups.inputs + number for i in range(part.lanes)]
                    factor = shuffled(w, isa.reg(kernel.dtype), whole, picked)
                else:
                    factor = w.load(line.dtype, t.at(x, number * each + v * step), wide or not isa.lanes)
                    factor = splat(w, kernel.dtype, factor) if wide else factor
                for p, k, rest in taps:
                    if not rest and 0 <= k < kernel.taps[2]:
                        sums[k, number, v] = isa.fma(t.let, kernel.dtype, factor, gradients[p, v], sums[k, number, v])
