"""Winograd's convolution of some tiles after the other, written as LLVM IR: one task of a `kernel.contraction.Blocks`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions
from tenfold.codegen.packing import Writer
from tenfold.codegen.tile import POINTERS as OF_PRODUCT
from tenfold.codegen.tile import TileWriter
from tenfold.codegen.winograd import POINTERS, SIDE, added, collect, corner, spread, spread_places
from tenfold.kernel.contraction import BLOCKS_ARGS, COLLECT_ARGS, SPREAD_ARGS, TILE_ARGS, Blocks

PLANES = 36


def write_blocks(kernel: Blocks, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Blocks."""
    w, back = Writer(make(kernel.spread.lanes), make(0)), replace(kernel.collect, epilogue=kernel.epilogue)
    t, writer = w.text, TileWriter(kernel.product, w.vectors, w.text)
    writer.reserve()
    places, more = spread_places(w, kernel.spread), added(kernel.epilogue)
    parts = (("spread", SPREAD_ARGS, POINTERS), ("product", TILE_ARGS, OF_PRODUCT), ("collect", COLLECT_ARGS, POINTERS))
    pointers = {f"{part}_{name}" for part, _, names in parts for name in names}
    a = t.arguments((*BLOCKS_ARGS, *more), frozenset(("work", *pointers, *more)))
    images, product, sums = ({name: a[f"{part}_{name}"] for name in names} for part, names, _ in parts)
    product |= {"row_period": "1", "b_k": str(kernel.product.columns * kernel.product.dtype.size), "column_batch": "0"}
    plane, out = images["plane"], t.at(a["work"], t.mul("%task", a["work_size"]))
    low, high = (t.div(t.mul(task, a["blocks"]), a["tasks"]) for task in ("%task", t.add("%task", 1)))
    with t.loop(low, high) as block:
        begin = t.mul(block.index, a["each"])
        end = t.min(t.add(begin, a["each"]), images["tiles"])
        before = [t.at(out, t.sub(offset, t.mul(begin, part["row"]))) for part, offset in ((images, plane), (sums, 0))]
        spread(w, kernel.spread, images | {"target": before[0]}, places, begin, end)
        with t.loop(0, PLANES) as number:
            here, b = t.at(out, t.mul(number.index, plane)), t.at(product["b"], t.mul(number.index, product["b_batch"]))
            if not (kernel.epilogue and kernel.epilogue.pooling):
                _ask(w, back.out.size, sums, number.index, begin, end)
            at = {"a": t.at(here, plane), "b": b, "out": here, "m": t.sub(end, begin)}
            writer.one_after_the_other(product | at, t.at(b, product["b_batch"]))
        collect(w, back, sums | {name: a[name] for name in more} | {"source": before[1]}, begin, end)
    return t.function(name, helper_text(w.vectors.helpers))


def _ask(w: Writer, size: int, a: dict[str, str], plane: str, begin: str, end: str) -> None:
    """Asks for a part of the output of the tiles from `begin` to `end`, so that all has come after the last plane."""
    t, lines = w.text, w.text.mul(w.text.sub(end, begin), SIDE)
    low, high = (t.div(t.mul(number, lines), PLANES) for number in (plane, t.add(plane, 1)))
    pixel = t.mul(a["channels"], size)
    with t.loop(low, high) as line:
        n, h, v = corner(w, a, t.add(begin, t.div(line.index, SIDE)))
        position = t.add(t.mul(t.add(t.mul(n, a["height"]), t.add(h, t.rem(line.index, SIDE))), a["width"]), v)
        here = t.at(a["out"], t.mul(position, pixel))
        with t.loop(0, t.mul(pixel, SIDE), 64) as k:
            w.ask(t.at(here, k.index), 64, True)
