"""The transformations around Winograd's products, written as LLVM IR: a vector of channels of one tile at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from tenfold.codegen.epilogue import Place, apply
from tenfold.codegen.flatten import constant_bits
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions, literal, register
from tenfold.codegen.packing import Writer
from tenfold.codegen.pooling import store_largest
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import COLLECT_ARGS, FILTER_ARGS, SPREAD_ARGS, Chain, Collect, Epilogue, Filter, Pooling, Spread

SIDE = 4  # of a tile of the output
POINTERS = frozenset(("source", "target", "zeros", "out", "from", "to"))


def write_spread(kernel: Spread, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Spread."""
    w = Writer(make(kernel.lanes), make(0))
    places = spread_places(w, kernel)
    a = w.text.arguments(SPREAD_ARGS, POINTERS)
    spread(w, kernel, a, places, *w.grains(a, a["tiles"]))
    return w.text.function(name, helper_text(w.vectors.helpers))


def spread_places(w: Writer, kernel: Spread) -> str:
    """Memory for the pointers to the elements of a tile."""
    return w.text.let(f"alloca [{len(kernel.chain[0][0]) ** 2} x ptr], align 8")


def spread(w: Writer, kernel: Spread, a: dict[str, str], places: str, low: str, high: str) -> None:
    """Transforms the tiles from `low` to `high`."""
    t, dtype, size = w.text, kernel.dtype, len(kernel.chain[0][0])
    pixel = t.mul(a["channels"], kernel.source.size)
    with t.loop(low, high) as number:
        n, h, v = corner(w, a, number.index)
        line, column = t.sub(h, a["low_height"]), t.sub(v, a["low_width"])
        for i in range(size):
            y = t.add(line, i)
            tall = t.let(f"icmp ult i64 {y}, {a['height']}")
            begin = t.mul(t.add(t.mul(n, a["height"]), y), a["width"])
            for j in range(size):
                x = t.add(column, j)
                wide = t.let(f"icmp ult i64 {x}, {a['width']}")
                inside = t.let(f"and i1 {tall}, {wide}")
                here = t.at(a["source"], t.mul(t.add(begin, x), pixel))
                t.store("ptr", t.let(f"select i1 {inside}, ptr {here}, ptr {a['zeros']}"), t.at(places, 8 * (i * size + j)), 8)
        following = _new_lines(w, kernel, a, t.add(number.index, 1), pixel) if kernel.ahead else []
        target = t.at(a["target"], t.mul(number.index, a["row"]))
        with t.loop(0, a["channels"], kernel.lanes) as c:
            columns, offset = [], t.mul(c.index, kernel.source.size)
            for j in range(size):
                pointers = [t.load("ptr", t.at(places, 8 * (i * size + j)), 8) for i in range(size)]
                columns.append(_chain(w, dtype, kernel.chain, [w.load(kernel.source, t.at(p, offset)) for p in pointers]))
            for line in following:
                w.ask(t.at(line, t.mul(offset, SIDE)), SIDE * kernel.lanes * kernel.source.size)
            here = t.at(target, t.mul(c.index, dtype.size))
            if kernel.columns:
                panel, inside = t.div(c.index, kernel.columns), t.rem(c.index, kernel.columns)
                here = t.at(t.at(target, t.mul(panel, a["panel"])), t.mul(inside, dtype.size))
            for row in zip(*columns, strict=True):
                for x in _chain(w, dtype, kernel.chain, row):
                    w.store(dtype, x, here)
                    here = t.at(here, a["plane"])


def _new_lines(w: Writer, kernel: Spread, a: dict[str, str], number: str, pixel: str) -> list[str]:
    """The pixels that a tile has and those before it had not: where each of their lines begins."""
    t, overlap = w.text, len(kernel.chain[0][0]) - SIDE
    n, h, v = corner(w, a, number)
    line, column = t.add(t.sub(h, a["low_height"]), overlap), t.add(t.sub(v, a["low_width"]), overlap)
    first = t.add(t.mul(t.add(t.mul(n, a["height"]), line), a["width"]), column)
    return [t.at(a["source"], t.mul(t.add(first, t.mul(a["width"], i)), pixel)) for i in range(SIDE)]


def write_collect(kernel: Collect, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Collect."""
    w = Writer(make(kernel.lanes), make(0))
    more = added(kernel.epilogue)
    a = w.text.arguments((*COLLECT_ARGS, *more), POINTERS | {*more})
    collect(w, kernel, a, *w.grains(a, a["tiles"]))
    return w.text.function(name, helper_text(w.vectors.helpers))


def added(epilogue: Epilogue | None) -> list[str]:
    """The arguments that an epilogue adds: its extras, and the places of maxima."""
    extras = [f"extra{i}" for i in range(len(epilogue.extras))] if epilogue else []
    return [*extras, "places"] if epilogue and epilogue.pooling and epilogue.pooling.places else extras


def collect(w: Writer, kernel: Collect, a: dict[str, str], low: str, high: str) -> None:
    """Transforms the tiles from `low` to `high` back."""
    t, dtype, extras = w.text, kernel.dtype, kernel.epilogue.extras if kernel.epilogue else ()
    pooling = kernel.epilogue.pooling if kernel.epilogue else None
    if pooling:
        a["pooled_height"], a["pooled_width"] = t.div(a["height"], pooling.window[0]), t.div(a["width"], pooling.window[1])
        images = t.div(a["first"], t.mul(a["height"], a["width"]))
        a["pooled_first"] = t.mul(images, t.mul(a["pooled_height"], a["pooled_width"]))
    with t.loop(low, high) as number:
        n, h, v = corner(w, a, number.index)
        first = t.add(t.add(t.mul(t.add(t.mul(n, a["height"]), h), a["width"]), v), a["first"])
        source = t.at(a["source"], t.mul(number.index, a["row"]))
        with t.loop(0, a["channels"], kernel.lanes) as c:
            here, columns = t.at(source, t.mul(c.index, dtype.size)), []
            for j in range(6):
                planes = [t.at(here, t.mul(a["plane"], 6 * i + j)) for i in range(6)]
                columns.append(_chain(w, dtype, kernel.chain, [w.load(dtype, p) for p in planes]))
            results = [_chain(w, dtype, kernel.chain, row) for row in zip(*columns, strict=True)]
            finish = partial(_finish, w, kernel, a, [a[f"extra{i}"] for i in range(len(extras))], first, c.index)
            if pooling:
                _pool(w, kernel, a, pooling, (n, h, v), c.index, finish, results)
            else:
                for i, row in enumerate(results):
                    with t.when(t.less(t.add(h, i), a["height"])):
                        for j, x in enumerate(row):
                            with t.when(t.less(t.add(v, j), a["width"])):
                                position, y = finish(i, j, x)
                                place = t.add(t.mul(position, a["channels"]), c.index)
                                w.store(kernel.out, y, t.at(a["out"], t.mul(place, kernel.out.size)))


def _finish(
    w: Writer, kernel: Collect, a: dict[str, str], extras: Sequence[str], first: str, channel: str, i: int, j: int, x: str
) -> tuple[str, str]:  # fmt: skip
    """The position of a vector of the output, in line `i` and column `j` of its tile, and what the epilogue makes of it."""
    t, isa, dtype = w.text, w.vectors, kernel.dtype
    position = t.add(t.add(first, t.mul(a["width"], i) if i else 0), j)
    if kernel.epilogue:
        x = apply(t, isa, kernel.epilogue, x, Place(position, channel, ""), extras)
        dtype = kernel.epilogue.value.dtype
    return position, x if dtype is kernel.out else isa.cast(t.let, dtype, kernel.out, x)


def _pool(
    w: Writer, kernel: Collect, a: dict[str, str], pooling: Pooling, tile: tuple[str, str, str], channel: str,
    finish: Callable[[int, int, str], tuple[str, str]], results: Sequence[Sequence[str]],
) -> None:  # fmt: skip
    """Stores the largest elements of the windows of a tile that lie inside."""
    t, (n, h, v), (tall, wide) = w.text, tile, pooling.window
    line = t.add(t.mul(n, a["pooled_height"]), t.div(h, tall))
    corner = t.add(t.add(t.mul(line, a["pooled_width"]), t.div(v, wide)), a["pooled_first"])
    for i in range(0, 4, tall):
        with t.when(t.less(t.add(h, i + tall - 1), a["height"])):
            for j in range(0, 4, wide):
                with t.when(t.less(t.add(v, j + wide - 1), a["width"])):
                    xs = [finish(y, x, results[y][x])[1] for y in range(i, i + tall) for x in range(j, j + wide)]
                    position = t.add(t.add(corner, t.mul(a["pooled_width"], i // tall) if i else 0), j // wide)
                    position = t.add(t.mul(position, a["channels"]), channel)
                    store_largest(t, w.vectors, kernel.out, pooling, xs, (a["out"], a.get("places", "")), position)


def write_filter(kernel: Filter, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Filter."""
    w = Writer(make(kernel.lanes), make(0))
    t, dtype = w.text, kernel.dtype
    many, few = len(kernel.chain[0][0]), len(kernel.chain[1])
    a = t.arguments(FILTER_ARGS, POINTERS)
    low, high = w.grains(a, a["total"])
    whole = t.mul(t.div(a["total"], a["across"]), a["panel"])  # vectors of a panel
    with t.loop(low, high) as index:
        panel, rest = t.div(index.index, whole), t.rem(index.index, whole)
        wide = t.min(a["panel"], t.sub(a["across"], t.mul(panel, a["panel"])))
        k, inner = t.div(rest, wide), t.mul(t.rem(rest, wide), kernel.lanes)
        source, target = (
            t.at(a[p], t.add(t.add(t.mul(k, a[f"{p}_k"]), t.mul(panel, a[f"{p}_panel"])), t.mul(inner, size)))
            for p, size in (("source", dtype.size), ("target", kernel.out.size))
        )
        columns = []
        for j in range(many):
            offsets = [t.load("i64", t.at(a["from"], 8 * (i * many + j)), 8) for i in range(many)]
            columns.append(_chain(w, dtype, kernel.chain, [w.load(dtype, t.at(source, o)) for o in offsets]))
        for i, row in enumerate(zip(*columns, strict=True)):
            for j, x in enumerate(_chain(w, dtype, kernel.chain, row)):
                if kernel.out is not dtype:
                    x = w.vectors.cast(t.let, dtype, kernel.out, x)
                here = t.at(target, t.load("i64", t.at(a["to"], 8 * (i * few + j)), 8))
                if few > many:  # so many streams that each waits for its lines
                    w.ask(t.at(here, t.mul(a["target_k"], 2)), 1, True)
                w.store(kernel.out, x, here)
    return t.function(name, helper_text(w.vectors.helpers))


def corner(w: Writer, a: dict[str, str], number: str) -> tuple[str, str, str]:
    """The image of a tile, and its first line and column of the output."""
    t = w.text
    across, rest = t.rem(number, a["across"]), t.div(number, a["across"])
    return t.div(rest, a["tall"]), t.mul(t.rem(rest, a["tall"]), 4), t.mul(across, 4)


def _chain(w: Writer, dtype: DType, chain: Chain, xs: Sequence[str]) -> list[str]:
    """Both matrices of `chain`, one after the other, times the vector `xs` of vectors."""
    for matrix in chain:
        xs = [_row(w, dtype, row, xs) for row in matrix]
    return list(xs)


def _row(w: Writer, dtype: DType, row: Sequence[float], xs: Sequence[str]) -> str:
    """The sum of coefficients times vectors, beginning with a coefficient of 1 if there is one."""
    t, isa, total = w.text, w.vectors, ""
    for coefficient, x in sorted(((c, x) for c, x in zip(row, xs, strict=True) if c), key=lambda term: term[0] != 1):
        factor = isa.const(register(dtype), literal(dtype, constant_bits(coefficient, dtype)))
        if not total:
            total = x if coefficient == 1 else isa.binary(t.let, "mul", dtype, x, factor)
        elif coefficient in (1, -1):
            total = isa.binary(t.let, "add" if coefficient == 1 else "sub", dtype, total, x)
        else:
            total = isa.fma(t.let, dtype, x, factor, total)
    return total
