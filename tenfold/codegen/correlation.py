"""The kernel of gradients of weights of convolutions by channel, or by group of few, written as LLVM IR: one task of a `Correlation`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenfold.codegen.depthwise import element
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import Instructions
from tenfold.codegen.packing import Writer
from tenfold.codegen.text import Loop
from tenfold.kernel.contraction import CORRELATION_ARGS, Correlation

POINTERS = frozenset(("a", "b", "target", "zeros"))


@dataclass(frozen=True, slots=True)
class Line:
    """A row of taps over a row of positions: its number, where the rows of x and of the gradient begin, and the first channel."""

    number: int
    x: str
    g: str
    channel: str


def write_correlation(kernel: Correlation, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of a Correlation."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    a = t.arguments(CORRELATION_ARGS, POINTERS)
    low, high = w.grains(a, a["rows"])
    a["target"] = t.at(a["target"], t.mul("%task", a["piece"]))

    def clear(index: str, scalar: bool) -> None:
        zero = "zeroinitializer" if not scalar else "0.0" if kernel.dtype.is_floating else "0"
        w.store(kernel.dtype, zero, t.at(a["target"], t.mul(index, kernel.dtype.size)), scalar)

    w.spans(0, t.mul(a["channels"], kernel.taps[0] * kernel.taps[1] * kernel.taps[2] * kernel.group), clear)
    step = kernel.vectors * kernel.lanes
    many, whole = (t.mul(t.div(a["channels"], size), size) for size in (step, kernel.lanes))
    parts = (("0", many, w.vectors, kernel.vectors), (many, whole, w.vectors, 1), (whole, a["channels"], w.scalars, 1))
    with t.loop(low, high) as row:
        for begin, end, isa, vectors in parts[:1] if kernel.group > 1 else parts:  # groups fill whole vectors
            if begin != many or kernel.vectors > 1:
                with t.loop(begin, end, max(isa.lanes, 1) * vectors) as c:
                    _lines(w, kernel, a, row.index, c.index, (isa, vectors))
    return t.function(name, helper_text(w.vectors.helpers | w.scalars.helpers))


def _lines(w: Writer, kernel: Correlation, a: dict[str, str], row: str, channel: str, some: tuple[Instructions, int]) -> None:
    """Adds what a row of positions gives to all taps of some channels; rows of taps outside the image give nothing."""
    t = w.text
    h, rest = t.rem(row, a["out_height"]), t.div(row, a["out_height"])
    d, n = t.rem(rest, a["out_depth"]), t.div(rest, a["out_depth"])
    top, front = (t.sub(t.mul(x, a[f"stride_{axis}"]), a[f"low_{axis}"]) for x, axis in ((h, "height"), (d, "depth")))
    pixel = t.mul(a["channels"], kernel.source.size)
    g = t.at(a["b"], t.mul(t.mul(row, a["out_width"]), pixel))
    for number in range(kernel.taps[0] * kernel.taps[1]):
        i, j = divmod(number, kernel.taps[1])
        z, y = t.add(front, t.mul(a["dilation_depth"], i)), t.add(top, t.mul(a["dilation_height"], j))
        deep, tall = t.let(f"icmp ult i64 {z}, {a['depth']}"), t.let(f"icmp ult i64 {y}, {a['height']}")
        with t.when(t.let(f"and i1 {deep}, {tall}")):
            x = t.at(a["a"], t.mul(t.mul(t.add(t.mul(t.add(t.mul(n, a["depth"]), z), a["height"]), y), a["width"]), pixel))
            for first in range(0, kernel.group, kernel.numbers):
                _sums(w, kernel, a, Line(number, x, g, channel), range(first, first + kernel.numbers), some)


def _sums(w: Writer, kernel: Correlation, a: dict[str, str], line: Line, numbers: range, some: tuple[Instructions, int]) -> None:
    """Adds a row of positions to the sums of a row of taps with some channels of each group: those between the borders, and those at them."""
    t, (isa, vectors) = w.text, some
    scalar, lanes, wide = not isa.lanes, max(isa.lanes, 1), kernel.dtype
    rows = [(line.number * kernel.taps[2] + k) * kernel.group + number for k in range(kernel.taps[2]) for number in numbers]
    begins = [t.at(a["target"], t.mul(t.add(t.mul(a["channels"], row), line.channel), wide.size)) for row in rows]
    places = [t.at(begin, v * lanes * wide.size) for begin in begins for v in range(vectors)]
    sums = [w.load(wide, place, scalar) for place in places]
    for low, high, border in (("0", a["inner_low"], True), (a["inner_low"], a["inner_high"], False), (a["inner_high"], a["out_width"], True)):
        with t.loop(low, high, 1, [(isa.reg(wide), x) for x in sums]) as position:
            _position(w, kernel, a, line, numbers, some, position, border)
        sums = position.values
    for x, place in zip(sums, places, strict=True):
        w.store(wide, x, place, scalar)


def _position(
    w: Writer, kernel: Correlation, a: dict[str, str], line: Line, numbers: range, some: tuple[Instructions, int], position: Loop, border: bool
) -> None:  # fmt: skip
    """Adds the products of one position; at a border, where x may lie outside, zeros stand for it."""
    t, (isa, vectors) = w.text, some
    lanes, size, pixel = max(isa.lanes, 1), kernel.source.size, t.mul(a["channels"], kernel.source.size)
    here = t.at(t.at(line.g, t.mul(position.index, pixel)), t.mul(line.channel, size))
    gradients = [w.load(kernel.source, t.at(here, v * lanes * size), not isa.lanes) for v in range(vectors)]
    left, sums = t.sub(t.mul(position.index, kernel.stride), a["low_width"]), iter(position.values)
    for k in range(kernel.taps[2]):
        column = t.add(left, k * kernel.dilation)
        x = t.at(line.x, t.mul(column, pixel))
        if border:
            inside = t.let(f"icmp ult i64 {column}, {a['width']}")
            x = t.let(f"select i1 {inside}, ptr {x}, ptr {a['zeros']}")
        for number in numbers:
            for v in range(vectors):
                factor = element(w, kernel, x, (line.channel, v * lanes), str(number), isa)
                position.next.append(isa.fma(t.let, kernel.dtype, factor, gradients[v], next(sums)))
    if kernel.ahead and not border and numbers.start == 0 and line.number == kernel.taps[0] * kernel.taps[1] - 1:
        below = t.mul(t.mul(a["width"], a["stride_height"]), pixel)
        asked = [t.at(t.at(line.x, t.add(t.mul(t.add(left, k), pixel), below)), t.mul(line.channel, size)) for k in range(kernel.stride)]
        for address in (*asked, t.at(here, t.mul(a["out_width"], pixel))):
            t.do(f"call void @llvm.prefetch.p0(ptr {address}, i32 0, i32 2, i32 1)")
