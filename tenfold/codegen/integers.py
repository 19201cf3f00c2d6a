"""Products of eight-bit integers, written as LLVM IR: the micro-kernel with groups for elements, and the copy that prepares `a`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tenfold.codegen.instructions import Instructions
from tenfold.codegen.packing import Writer
from tenfold.codegen.tile import TileWriter
from tenfold.codegen.tile_parts import Block, Panel, Row
from tenfold.core import dtypes
from tenfold.kernel.contraction import EXTEND_ARGS, Bytes, Extend

SHIFT = 0x80808080 - (1 << 32)  # 128 in each byte
_MADD = {4: "sse2.pmadd.wd", 8: "avx2.pmadd.wd", 16: "avx512.pmaddw.d.512"}
_QUADS = {8: "avx512.vpdpbusd.256", 16: "avx512.vpdpbusd.512"}


@dataclass(slots=True)
class IntegerWriter(TileWriter):
    """Writes a Tile of groups of bytes."""

    @property
    def kind(self) -> Bytes:
        """How bytes are multiplied."""
        assert self.tile.integers is not None
        return self.tile.integers

    def products(self, sums: list[str], rows: list[Row], panel: Panel, block: Block, runs: tuple[str, str]) -> list[str]:
        """The sums over all groups; what shifted elements of `a` add to each column is found by one more row, and taken off."""
        more = ["zeroinitializer"] * (self.kind.shifted * self.tile.vectors)
        found = super(IntegerWriter, self).products([*sums, *more], rows, panel, block, runs)  # slots make another class
        if not more:
            return found
        off = found[len(sums) :]
        return [self.text.let(f"sub {self.vector} {x}, {off[i % len(off)]}") for i, x in enumerate(found[: len(sums)])]

    def product(self, sums: list[str], b: str, offset: str, pointers: list[str], panel: Panel) -> list[str]:
        """One group of each row and column."""
        t, vectors = self.text, self.tile.vectors
        columns = [self.column(b, v) for v in range(vectors)]
        ones = [self.splat("i32", t.load("i32", t.at(pointer, offset), 4)) for pointer in pointers]
        factors = [*ones, f"splat (i32 {SHIFT})"] if self.kind.shifted else ones
        return [self.multiply_add(factors[i // vectors], columns[i % vectors], c) for i, c in enumerate(sums)]

    def column(self, b: str, v: int) -> str:
        """Vector `v` of groups of `b`, as it is multiplied."""
        t, lanes, kind = self.text, self.tile.lanes, self.kind
        at = t.at(b, v * lanes * kind.b_size)
        if kind.quads:
            return t.load(f"<{lanes} x i32>", at, 4)
        narrow = t.load(f"<{2 * lanes} x i8>", at, 1)
        return t.let(f"{'zext' if kind.unsigned else 'sext'} <{2 * lanes} x i8> {narrow} to <{2 * lanes} x i16>")

    def multiply_add(self, a: str, b: str, c: str) -> str:
        """c and the products of each lane's groups, `a` given as int32."""
        t, lanes, vector = self.text, self.tile.lanes, self.vector
        if self.kind.quads:
            t.declare(f"{vector} @llvm.x86.{_QUADS[lanes]}({vector}, {vector}, {vector})")  # newer LLVM translates this signature
            return t.let(f"call {vector} @llvm.x86.{_QUADS[lanes]}({vector} {c}, {vector} {a}, {vector} {b})")
        pairs = f"<{2 * lanes} x i16>"
        x = t.let(f"bitcast {vector} {a} to {pairs}")
        if self.kind.madd:
            both = t.let(f"call {vector} @llvm.x86.{_MADD[lanes]}({pairs} {x}, {pairs} {b})")
            return t.let(f"add {vector} {c}, {both}")
        for half in range(2):
            picked = ", ".join(f"i32 {2 * lane + half}" for lane in range(lanes))
            parts = [t.let(f"shufflevector {pairs} {v}, {pairs} poison, <{lanes} x i32> <{picked}>") for v in (x, b)]
            wide = [t.let(f"sext <{lanes} x i16> {part} to {vector}") for part in parts]
            c = t.let(f"add {vector} {c}, {t.let(f'mul {vector} {wide[0]}, {wide[1]}')}")
        return c


def write_extend(kernel: Extend, name: str, make: Callable[[int], Instructions]) -> str:
    """The module of an Extend."""
    w = Writer(make(kernel.lanes), make(0))
    t = w.text
    a = t.arguments(EXTEND_ARGS, frozenset(("source", "target")))
    low, high = w.grains(a, a["rows"])
    shift = kernel.source is dtypes.int8 and kernel.dtype is dtypes.uint8
    bits = f"i{8 * kernel.dtype.size}"
    with t.loop(low, high) as row:
        source, target = t.at(a["source"], t.mul(row.index, a["length"])), t.at(a["target"], t.mul(row.index, t.mul(a["width"], kernel.dtype.size)))

        def copy(i: str, scalar: bool, source: str = source, target: str = target) -> None:
            isa = w.scalars if scalar else w.vectors
            narrow, wide = isa.type("i8"), isa.type(bits)
            x = t.load(narrow, t.at(source, i), 1)
            if shift:
                x = t.let(f"xor {narrow} {x}, {isa.const('i8', '-128')}")
            elif kernel.dtype.size > 1:
                x = t.let(f"{'sext' if kernel.source is dtypes.int8 else 'zext'} {narrow} {x} to {wide}")
            t.store(wide, x, t.at(target, t.mul(i, kernel.dtype.size)), kernel.dtype.size)

        w.spans(0, a["length"], copy)
        with t.loop(a["length"], a["width"]) as i:
            t.store(bits, "-128" if shift else "0", t.at(target, t.mul(i.index, kernel.dtype.size)), kernel.dtype.size)
    return t.function(name)
