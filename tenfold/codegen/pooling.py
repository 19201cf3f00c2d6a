"""Writes the maxima of windows, which are all that is stored of images (`kernel.contraction.Pooling`), a vector of channels at a time."""

from __future__ import annotations

from collections.abc import Sequence

from tenfold.codegen.flatten import constant_bits
from tenfold.codegen.instructions import Instructions, literal, memory, register
from tenfold.codegen.text import Text
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import Pooling


def store_largest(text: Text, isa: Instructions, dtype: DType, pooling: Pooling, xs: Sequence[str], to: tuple[str, str], position: str) -> None:
    """Stores the largest of the vectors `xs`, the elements of a window in order, at `position`, and its place where that is wanted."""
    out, places = to
    best = xs[0]
    for x in xs[1:]:
        best = isa.binary(text.let, "max", dtype, best, x)
    address = text.at(out, text.mul(position, dtype.size))
    text.store(isa.type(memory(dtype)), isa.to_memory(text.let, dtype, best), address, dtype.size)
    if pooling.places:
        place = isa.cast(text.let, dtypes.int32, dtypes.int8, _place(text, isa, dtype, pooling, xs))
        text.store(isa.type("i8"), place, text.at(places, position), 1)


def _place(text: Text, isa: Instructions, dtype: DType, pooling: Pooling, xs: Sequence[str]) -> str:
    """The place of the first largest vector that is no NaN, in int32."""
    scalar, kind, number, flags = register(dtype), isa.reg(dtype), isa.type("i32"), isa.type("i1")
    lowest = float("-inf") if pooling.above is None else pooling.above
    best = isa.const(scalar, literal(dtype, constant_bits(lowest, dtype)))
    found = isa.const("i32", "0" if pooling.above is None else "-1")
    for i, x in enumerate(xs):
        better = isa.compare(text.let, "lt", dtype, best, x)
        found = text.let(f"select {flags} {better}, {number} {isa.const('i32', str(i))}, {number} {found}")
        best = text.let(f"select {flags} {better}, {kind} {x}, {kind} {best}")
    return found
