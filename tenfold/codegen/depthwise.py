"""The kernel of convolutions of each channel, or each group of few, for itself, written as LLVM IR: one task of a `kernel.contraction.Depthwise`."""

from __future__ import annotations

from collections.abc import Callable

from tenfold.codegen.epilogue import Place, apply
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions, memory
from tenfold.codegen.packing import Writer
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import Depthwise
from tenfold.kernel.depthwise import columns, looped
from tenfold.kernel.groups import DEPTHWISE_ARGS, REGROUP_ARGS, Correlation, Regroup

POINTERS = frozenset(("source", "weights", "out", "zeros"))


def write_depthwise(kernel: Depthwise, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Depthwise."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    seen = columns(kernel.positions, kernel.taps[2], kernel.stride, kernel.dilation)
    lines = kernel.taps[0] * kernel.taps[1]
    places = t.let(f"alloca [{lines * len(seen) + kernel.positions} x ptr], align 8")
    written = t.at(places, 8 * lines * len(seen))  # where the positions of the output lie
    extras = [f"extra{i}" for i in range(len(kernel.epilogue.extras))] if kernel.epilogue else []
    a = t.arguments((*DEPTHWISE_ARGS, *extras), POINTERS | frozenset(extras))
    low, high = w.grains(a, a["rows"])
    last = t.sub(a["out_width"], kernel.positions)
    step = kernel.vectors * kernel.lanes
    many, whole = (t.mul(t.div(a["channels"], size), size) for size in (step, kernel.lanes))
    with t.loop(low, high) as row:
        h, rest = t.rem(row.index, a["out_height"]), t.div(row.index, a["out_height"])
        d, n = t.rem(rest, a["out_depth"]), t.div(rest, a["out_depth"])
        line = t.add(t.mul(n, a["whole_depth"]), t.mul(d, a["step_depth"]))
        line = t.mul(t.add(t.mul(line, a["whole_height"]), t.mul(h, a["step_height"])), a["whole_width"])
        with t.loop(0, a["out_width"], kernel.positions) as block:
            first = t.min(block.index, last)  # the last positions may be computed twice
            _find(w, kernel, a, places, (n, d, h, first), seen)
            position = t.add(line, t.mul(first, a["step_width"]))
            for p in range(kernel.positions):
                number = t.mul(t.add(position, t.mul(a["step_width"], p)), a["channels"])
                t.store("ptr", t.at(a["out"], t.mul(number, kernel.out.size)), t.at(written, 8 * p), 8)
            parts = (("0", many, w.vectors, kernel.vectors), (many, whole, w.vectors, 1), (whole, a["channels"], w.scalars, 1))
            for begin, end, isa, vectors in parts if kernel.groups.single else parts[:1]:  # groups fill whole vectors
                if begin != many or kernel.vectors > 1:
                    with t.loop(begin, end, max(isa.lanes, 1) * vectors) as c:
                        for some in (range(vectors),) if kernel.groups.single else [range(v, v + 1) for v in range(vectors)]:
                            _channels(w, kernel, a, (places, written), (position, c.index), (isa, some))
    return t.function(name, helper_text(w.vectors.helpers | w.scalars.helpers))


def _find(w: Writer, kernel: Depthwise, a: dict[str, str], places: str, where: tuple[str, str, str, str], seen: list[int]) -> None:
    """Stores where in the input each row of taps and column lies that the positions from `where` (image, plane, row, column) on see."""
    t, (n, d, h, first) = w.text, where
    top, front = (t.sub(t.mul(x, a[f"stride_{axis}"]), a[f"low_{axis}"]) for x, axis in ((h, "height"), (d, "depth")))
    left = t.sub(t.mul(first, kernel.stride), a["low_width"])
    pixel = t.mul(a["source_channels"], kernel.source.size)
    for i in range(kernel.taps[0]):
        z = t.add(front, t.mul(a["dilation_depth"], i))
        deep = t.let(f"icmp ult i64 {z}, {a['depth']}")
        for j in range(kernel.taps[1]):
            y = t.add(top, t.mul(a["dilation_height"], j))
            tall = t.let(f"icmp ult i64 {y}, {a['height']}")
            inside = t.let(f"and i1 {deep}, {tall}")
            line = t.mul(t.add(t.mul(t.add(t.mul(n, a["depth"]), z), a["height"]), y), a["width"])
            for q, column in enumerate(seen):
                x = t.add(left, column)
                wide = t.let(f"icmp ult i64 {x}, {a['width']}")
                there = t.let(f"and i1 {inside}, {wide}")
                here = t.at(a["source"], t.mul(t.add(line, x), pixel))
                place = t.at(places, 8 * ((i * kernel.taps[1] + j) * len(seen) + q))
                t.store("ptr", t.let(f"select i1 {there}, ptr {here}, ptr {a['zeros']}"), place, 8)


def _channels(
    w: Writer, kernel: Depthwise, a: dict[str, str], tables: tuple[str, str], where: tuple[str, str], some: tuple[Instructions, range]
) -> None:  # fmt: skip
    """Some vectors of channels of the positions from `where` (number, channel) on: the sums over all taps, and what becomes of them; `tables`
    tell where the input and the output lie."""
    t, (isa, vectors), (position, channel), (places, written) = w.text, some, where, tables
    lanes = max(isa.lanes, 1)
    zero = "zeroinitializer" if isa.lanes else "0.0" if kernel.dtype.is_floating else "0"
    sums = {(p, v): zero for p in range(kernel.positions) for v in vectors}
    if kernel.ahead:
        _ask(w, kernel, a, tables, channel)
    for line in range(kernel.taps[0] * kernel.taps[1]):
        if not looped(kernel.groups, kernel.lanes):
            for number in range(kernel.groups.inputs):
                _line(w, kernel, a, places, (line, str(number), channel), some, sums)
            continue
        carried = [(isa.reg(kernel.dtype), x) for x in sums.values()]
        with t.loop(0, kernel.groups.inputs, 1, carried) as one:
            inside = dict(zip(sums, one.values, strict=True))
            _line(w, kernel, a, places, (line, one.index, channel), some, inside)
            one.next.extend(inside.values())
        sums = dict(zip(sums, one.values, strict=True))
    for (p, v), x in sums.items():
        there = t.load("ptr", t.at(written, 8 * p), 8)
        _finish(w, kernel, a, x, (there, t.add(position, t.mul(a["step_width"], p)), t.add(channel, v * lanes)), isa)


def _ask(w: Writer, kernel: Depthwise, a: dict[str, str], tables: tuple[str, str], channel: str) -> None:
    """Asks early for what the next row of positions will be the first to read, and for the lines that the next positions will write."""
    t, (places, written), groups = w.text, tables, kernel.groups
    seen = columns(kernel.positions, kernel.taps[2], kernel.stride, kernel.dilation)
    lines, pixel = kernel.taps[0] * kernel.taps[1], t.mul(a["source_channels"], kernel.source.size)
    there = channel if groups.inputs == groups.outputs else t.div(t.mul(channel, groups.inputs), groups.outputs)
    below = t.add(t.mul(t.mul(a["width"], a["stride_height"]), pixel), t.mul(there, kernel.source.size))
    for line in range(max(lines - kernel.stride, 0), lines):
        for q, column in enumerate(seen):
            if column < kernel.positions * kernel.stride:
                here = t.at(t.load("ptr", t.at(places, 8 * (line * len(seen) + q)), 8), below)
                t.do(f"call void @llvm.prefetch.p0(ptr {here}, i32 0, i32 2, i32 1)")
    following = t.mul(t.mul(a["step_width"], kernel.positions), t.mul(a["channels"], kernel.out.size))
    following = t.add(following, t.mul(channel, kernel.out.size))
    for p in range(kernel.positions):
        there = t.at(t.load("ptr", t.at(written, 8 * p), 8), following)
        t.do(f"call void @llvm.prefetch.p0(ptr {there}, i32 1, i32 3, i32 1)")


def _line(
    w: Writer, kernel: Depthwise, a: dict[str, str], places: str, what: tuple[int, str, str], some: tuple[Instructions, range],
    sums: dict[tuple[int, int], str],
) -> None:  # fmt: skip
    """Adds to the sums the products of a row of taps with one channel of each group; `what` are these and the first channel of the sums."""
    t, (isa, vectors), (line, number, channel), wide = w.text, some, what, kernel.dtype
    i, j = divmod(line, kernel.taps[1])
    lanes, single, weights = max(isa.lanes, 1), kernel.groups.single, {}
    begin = t.at(a["weights"], t.mul(channel, wide.size if single else a["weights_channel"]))
    for k in range(kernel.taps[2]):
        offset = t.add(t.add(t.mul(a["tap_depth"], i), t.mul(a["tap_height"], j)), t.mul(a["tap_width"], k))
        tap = t.at(t.at(begin, offset), 0 if single else t.mul(number, kernel.vectors * kernel.lanes * wide.size))
        for v in vectors:
            weights[k, v] = w.load(wide, t.at(tap, v * lanes * wide.size), not isa.lanes)
    seen = columns(kernel.positions, kernel.taps[2], kernel.stride, kernel.dilation)
    for q, column in enumerate(seen):
        pointer = t.load("ptr", t.at(places, 8 * (line * len(seen) + q)), 8)
        for v in vectors:
            x = element(w, kernel, pointer, (channel, v), number, isa)
            for p in range(kernel.positions):
                k, rest = divmod(column - p * kernel.stride, kernel.dilation)
                if not rest and 0 <= k < kernel.taps[2]:
                    sums[p, v] = isa.fma(t.let, wide, x, weights[k, v], sums[p, v])


def element(w: Writer, kernel: Depthwise | Correlation, pointer: str, where: tuple[str, int], number: str, isa: Instructions) -> str:
    """What vector `v` of those from a channel of the output on, `where`, is multiplied with: the same channels, or the channel `number` of
    each one's group."""
    t, groups, lanes, source, (channel, v) = w.text, kernel.groups, max(isa.lanes, 1), kernel.source, where
    if groups.single:
        return w.load(source, t.at(t.at(pointer, t.mul(channel, source.size)), v * lanes * source.size), not isa.lanes)
    begin = t.mul(t.div(channel, groups.outputs), groups.inputs)
    if groups.wide(lanes):
        one = w.load(source, t.at(pointer, t.mul(t.add(begin, number), source.size)), True)
        return splat(w, kernel.dtype, one)
    picked = [(v * lanes + i) // groups.outputs * groups.inputs + int(number) for i in range(lanes)]
    there = groups.vectors(lanes) * lanes // groups.outputs * groups.inputs  # channels of the image that some vectors meet
    width = 1 << (picked[-1] - picked[0]).bit_length()
    width = width if width <= there else there
    first = min(picked[0], there - width)
    kind = f"<{width} x {memory(source)}>"
    x = t.load(kind, t.at(pointer, t.mul(t.add(begin, first), source.size)), source.size)
    return isa.from_memory(t.let, source, shuffled(w, kind, x, [p - first for p in picked]))


def splat(w: Writer, dtype: DType, one: str) -> str:
    """A vector of one number."""
    whole = w.text.let(f"insertelement {w.vectors.reg(dtype)} poison, {w.scalars.reg(dtype)} {one}, i32 0")
    return shuffled(w, w.vectors.reg(dtype), whole, [0] * w.vectors.lanes)


def shuffled(w: Writer, kind: str, x: str, picked: list[int]) -> str:
    """The lanes of a vector that are `picked`."""
    mask = ", ".join(f"i32 {i}" for i in picked)
    return w.text.let(f"shufflevector {kind} {x}, {kind} poison, <{len(picked)} x i32> <{mask}>")


def _finish(w: Writer, kernel: Depthwise, a: dict[str, str], x: str, where: tuple[str, str, str], isa: Instructions) -> None:
    """Stores one vector of the output, through the epilogue, `where` (address and number of the position, channel) it belongs."""
    t, dtype, (there, position, channel) = w.text, kernel.dtype, where
    if kernel.epilogue:
        extras = [a[f"extra{i}"] for i in range(len(kernel.epilogue.extras))]
        x, dtype = apply(t, isa, kernel.epilogue, x, Place(position, channel, ""), extras), kernel.epilogue.value.dtype
    if dtype is not kernel.out:
        x = isa.cast(t.let, dtype, kernel.out, x)
    place = t.at(there, t.mul(channel, kernel.out.size))
    w.store(kernel.out, x, place, not isa.lanes)


def write_regroup(kernel: Regroup, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Regroup."""
    w = Writer(make(kernel.lanes), make(0))
    t, groups, lanes, size = w.text, kernel.groups, kernel.lanes, kernel.dtype.size
    a = t.arguments(REGROUP_ARGS, frozenset(("source", "target", "taps_table")))
    low, high = w.grains(a, a["total"])
    kind, row = w.vectors.reg(kernel.dtype), kernel.vectors * lanes
    with t.loop(low, high) as index:
        channel = t.mul(index.index, row)
        group, inner = t.div(channel, groups.outputs), t.rem(channel, groups.outputs)
        begin = t.at(a["source"], t.add(t.mul(group, a["group"]), t.mul(inner, a["channel"])))
        with t.loop(0, a["taps"]) as tap:
            here = t.at(begin, t.load("i64", t.at(a["taps_table"], t.mul(tap.index, 8)), 8))
            there = t.at(a["target"], t.mul(t.add(t.mul(index.index, a["taps"]), tap.index), groups.inputs * row * size))
            with t.loop(0, groups.inputs) as number:
                place = t.at(here, t.mul(number.index, a["number"]))
                for v in range(kernel.vectors):
                    x = "poison"
                    for i in range(lanes):
                        further, beside = (0, i) if groups.wide(lanes) else divmod(v * lanes + i, groups.outputs)
                        one = w.load(kernel.dtype, t.at(place, t.add(t.mul(a["group"], further), t.mul(a["channel"], beside))), True)
                        x = t.let(f"insertelement {kind} {x}, {w.scalars.reg(kernel.dtype)} {one}, i32 {i}")
                    w.store(kernel.dtype, x, t.at(t.at(there, t.mul(number.index, row * size)), v * lanes * size))
    return t.function(name)
