"""The kernel of convolutions of each channel, or each group of few, for itself, written as LLVM IR: one task of a `kernel.contraction.Depthwise`."""

from __future__ import annotations

from collections.abc import Callable

from tenfold.codegen.epilogue import Place, apply
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions, memory
from tenfold.codegen.packing import Writer
from tenfold.kernel.contraction import DEPTHWISE_ARGS, Correlation, Depthwise
from tenfold.kernel.depthwise import columns

POINTERS = frozenset(("source", "weights", "out", "zeros"))


def write_depthwise(kernel: Depthwise, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Depthwise."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    seen = columns(kernel.positions, kernel.taps[2], kernel.stride, kernel.dilation)
    places = t.let(f"alloca [{kernel.taps[0] * kernel.taps[1] * len(seen)} x ptr], align 8")
    extras = [f"extra{i}" for i in range(len(kernel.epilogue.extras))] if kernel.epilogue else []
    a = t.arguments((*DEPTHWISE_ARGS, *extras), POINTERS | frozenset(extras))
    low, high = w.grains(a, a["rows"])
    last = t.sub(a["out_width"], kernel.positions)
    with t.loop(low, high) as row, t.loop(0, a["out_width"], kernel.positions) as block:
        first = t.min(block.index, last)  # the last positions may be computed twice
        _find(w, kernel, a, places, (row.index, first), seen)
        position = t.add(t.mul(row.index, a["out_width"]), first)
        step = kernel.vectors * kernel.lanes
        many = t.mul(t.div(a["channels"], step), step)
        whole = t.mul(t.div(a["channels"], kernel.lanes), kernel.lanes)
        parts = (("0", many, w.vectors, kernel.vectors), (many, whole, w.vectors, 1), (whole, a["channels"], w.scalars, 1))
        for begin, end, isa, vectors in parts[:1] if kernel.group > 1 else parts:  # groups fill whole vectors
            if begin != many or kernel.vectors > 1:
                with t.loop(begin, end, max(isa.lanes, 1) * vectors) as c:
                    _channels(w, kernel, a, places, (position, c.index), (isa, vectors))
    return t.function(name, helper_text(w.vectors.helpers | w.scalars.helpers))


def _find(w: Writer, kernel: Depthwise, a: dict[str, str], places: str, where: tuple[str, str], seen: list[int]) -> None:
    """Stores where in the input each row of taps and column lies that the positions from `where` (row, column) on see."""
    t = w.text
    row, first = where
    h, rest = t.rem(row, a["out_height"]), t.div(row, a["out_height"])
    d, n = t.rem(rest, a["out_depth"]), t.div(rest, a["out_depth"])
    top, front = (t.sub(t.mul(x, a[f"stride_{axis}"]), a[f"low_{axis}"]) for x, axis in ((h, "height"), (d, "depth")))
    left = t.sub(t.mul(first, kernel.stride), a["low_width"])
    pixel = t.mul(a["channels"], kernel.source.size)
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
    w: Writer, kernel: Depthwise, a: dict[str, str], places: str, where: tuple[str, str], some: tuple[Instructions, int]
) -> None:  # fmt: skip
    """Some channels of the positions from `where` (number, channel) on: the sums over all taps, and what becomes of them."""
    t, (isa, vectors), (position, channel) = w.text, some, where
    lanes = max(isa.lanes, 1)
    zero = "zeroinitializer" if isa.lanes else "0.0" if kernel.dtype.is_floating else "0"
    sums = {(p, v): zero for p in range(kernel.positions) for v in range(vectors)}
    if kernel.ahead:
        _ask(w, kernel, a, places, where)
    for line in range(kernel.taps[0] * kernel.taps[1]):
        if kernel.group <= lanes:
            for number in range(kernel.group):
                _line(w, kernel, a, places, (line, str(number), channel), some, sums)
            continue
        carried = [(isa.reg(kernel.dtype), x) for x in sums.values()]
        with t.loop(0, kernel.group, 1, carried) as one:
            inside = dict(zip(sums, one.values, strict=True))
            _line(w, kernel, a, places, (line, one.index, channel), some, inside)
            one.next.extend(inside.values())
        sums = dict(zip(sums, one.values, strict=True))
    for (p, v), x in sums.items():
        _finish(w, kernel, a, x, (t.add(position, p), t.add(channel, v * lanes)), isa)


def _ask(w: Writer, kernel: Depthwise, a: dict[str, str], places: str, where: tuple[str, str]) -> None:
    """Asks early for what the next row of positions will be the first to read, and for the lines that the next positions will write."""
    t, (position, channel) = w.text, where
    seen = columns(kernel.positions, kernel.taps[2], kernel.stride, kernel.dilation)
    lines, pixel = kernel.taps[0] * kernel.taps[1], t.mul(a["channels"], kernel.source.size)
    below = t.add(t.mul(t.mul(a["width"], a["stride_height"]), pixel), t.mul(channel, kernel.source.size))
    for line in range(max(lines - kernel.stride, 0), lines):
        for q, column in enumerate(seen):
            if column < kernel.positions * kernel.stride:
                here = t.at(t.load("ptr", t.at(places, 8 * (line * len(seen) + q)), 8), below)
                t.do(f"call void @llvm.prefetch.p0(ptr {here}, i32 0, i32 2, i32 1)")
    for p in range(kernel.positions):
        there = t.add(t.mul(t.add(position, kernel.positions + p), a["channels"]), channel)
        t.do(f"call void @llvm.prefetch.p0(ptr {t.at(a['out'], t.mul(there, kernel.out.size))}, i32 1, i32 3, i32 1)")


def _line(
    w: Writer, kernel: Depthwise, a: dict[str, str], places: str, what: tuple[int, str, str], some: tuple[Instructions, int],
    sums: dict[tuple[int, int], str],
) -> None:  # fmt: skip
    """Adds to the sums the products of a row of taps with one channel of each group; `what` are these and the first channel of the sums."""
    t, (isa, vectors), (line, number, channel), wide = w.text, some, what, kernel.dtype
    lanes, weights = max(isa.lanes, 1), {}
    for k in range(kernel.taps[2]):
        offset = t.mul(a["tap"], line * kernel.taps[2] + k)
        if kernel.group > 1:
            offset = t.add(offset, t.mul(a["weights_channel"], number))
        for v in range(vectors):
            weights[k, v] = _weights(w, kernel, a, offset, (channel, v * lanes), isa)
    seen = columns(kernel.positions, kernel.taps[2], kernel.stride, kernel.dilation)
    for q, column in enumerate(seen):
        pointer = t.load("ptr", t.at(places, 8 * (line * len(seen) + q)), 8)
        for v in range(vectors):
            x = element(w, kernel, pointer, (channel, v * lanes), number, isa)
            for p in range(kernel.positions):
                k, rest = divmod(column - p * kernel.stride, kernel.dilation)
                if not rest and 0 <= k < kernel.taps[2]:
                    sums[p, v] = isa.fma(t.let, wide, x, weights[k, v], sums[p, v])


def element(w: Writer, kernel: Depthwise | Correlation, pointer: str, where: tuple[str, int], number: str, isa: Instructions) -> str:
    """What a vector of channels of the output is multiplied with: the same channels, or the channel `number` of each one's group."""
    t, group, lanes, size, (channel, more) = w.text, kernel.group, max(isa.lanes, 1), kernel.source.size, where
    if group <= lanes:
        x = w.load(kernel.source, t.at(t.at(pointer, t.mul(channel, size)), more * size), not isa.lanes)
        if group == 1:
            return x
        picked = [i // group * group + int(number) for i in range(lanes)]
    else:
        first = t.mul(t.div(channel, group), group)
        one = w.load(kernel.source, t.at(pointer, t.mul(t.add(first, number), size)), True)
        kind = isa.reg(kernel.dtype)
        x, picked = t.let(f"insertelement {kind} poison, {w.scalars.reg(kernel.dtype)} {one}, i32 0"), [0] * lanes
    mask = ", ".join(f"i32 {i}" for i in picked)
    return t.let(f"shufflevector {isa.reg(kernel.dtype)} {x}, {isa.reg(kernel.dtype)} poison, <{lanes} x i32> <{mask}>")


def _weights(w: Writer, kernel: Depthwise, a: dict[str, str], offset: str, where: tuple[str, int], isa: Instructions) -> str:
    """The weights of a vector of channels: side by side, or each group's by themselves."""
    t, group, lanes, wide, (channel, more) = w.text, kernel.group, max(isa.lanes, 1), kernel.dtype, where
    if not kernel.apart:
        return w.load(wide, t.at(t.at(t.at(a["weights"], t.mul(channel, wide.size)), offset), more * wide.size), not isa.lanes)
    here = t.at(t.at(a["weights"], offset), t.add(t.mul(t.div(channel, group), a["weights_group"]), t.mul(t.rem(channel, group), wide.size)))
    if group >= lanes:
        return w.load(wide, here)
    scalar, width = memory(wide), group
    pieces = [t.load(f"<{group} x {scalar}>", t.at(here, t.mul(a["weights_group"], i)), wide.size) for i in range(lanes // group)]
    while len(pieces) > 1:
        mask = ", ".join(f"i32 {i}" for i in range(2 * width))
        pairs = zip(pieces[::2], pieces[1::2], strict=True)
        pieces = [t.let(f"shufflevector <{width} x {scalar}> {x}, <{width} x {scalar}> {y}, <{2 * width} x i32> <{mask}>") for x, y in pairs]
        width *= 2
    return w.vectors.from_memory(t.let, wide, pieces[0])


def _finish(w: Writer, kernel: Depthwise, a: dict[str, str], x: str, where: tuple[str, str], isa: Instructions) -> None:
    """Stores one vector of the output, through the epilogue."""
    t, dtype, (position, channel) = w.text, kernel.dtype, where
    if kernel.epilogue:
        extras = [a[f"extra{i}"] for i in range(len(kernel.epilogue.extras))]
        x, dtype = apply(t, isa, kernel.epilogue, x, Place(position, channel, ""), extras), kernel.epilogue.value.dtype
    if dtype is not kernel.out:
        x = isa.cast(t.let, dtype, kernel.out, x)
    place = t.at(a["out"], t.mul(t.add(t.mul(position, a["channels"]), channel), kernel.out.size))
    w.store(kernel.out, x, place, not isa.lanes)
