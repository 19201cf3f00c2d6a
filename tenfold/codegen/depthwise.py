"""The kernel of convolutions of each channel for itself, written as LLVM IR: one task of a `kernel.contraction.Depthwise`."""

from __future__ import annotations

from collections.abc import Callable

from tenfold.codegen.epilogue import Place, apply
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions
from tenfold.codegen.packing import Writer
from tenfold.kernel.contraction import DEPTHWISE_ARGS, Depthwise
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
        for begin, end, isa, vectors in (("0", many, w.vectors, kernel.vectors), (many, whole, w.vectors, 1), (whole, a["channels"], w.scalars, 1)):
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
    scalar, lanes, wide = not isa.lanes, max(isa.lanes, 1), kernel.dtype
    seen = columns(kernel.positions, kernel.taps[2], kernel.stride, kernel.dilation)
    zero = "zeroinitializer" if isa.lanes else "0.0" if wide.is_floating else "0"
    sums = {(p, v): zero for p in range(kernel.positions) for v in range(vectors)}
    here, there = t.mul(channel, kernel.source.size), t.at(a["weights"], t.mul(channel, wide.size))
    for line in range(kernel.taps[0] * kernel.taps[1]):
        weights = {}
        for k in range(kernel.taps[2]):
            tap = t.at(there, t.mul(a["tap"], line * kernel.taps[2] + k))
            for v in range(vectors):
                weights[k, v] = w.load(wide, t.at(tap, v * lanes * wide.size), scalar)
        for q, column in enumerate(seen):
            pointer = t.at(t.load("ptr", t.at(places, 8 * (line * len(seen) + q)), 8), here)
            for v in range(vectors):
                x = w.load(kernel.source, t.at(pointer, v * lanes * kernel.source.size), scalar)
                for p in range(kernel.positions):
                    k, rest = divmod(column - p * kernel.stride, kernel.dilation)
                    if not rest and 0 <= k < kernel.taps[2]:
                        sums[p, v] = isa.fma(t.let, wide, x, weights[k, v], sums[p, v])
    for (p, v), x in sums.items():
        _finish(w, kernel, a, x, (t.add(position, p), t.add(channel, v * lanes)), isa)


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
