"""Contractions as data: matrix products and convolutions, cut into tiles, tasks and packing steps.

Every contraction here is `out[m, n] = sum over k of a[m, k] * b[k, n]`, with addresses that tables and a few strides give:

    a[m, k]   base + (m // period) * outer + row_table[m % period].a + k_table[k within its block] + (k's outer block) * outer
    b[k, n]   base + k * stride + (panel of n) * stride + n within the panel         (n is contiguous)
    out[m, n] base + (m // period) * outer + row_table[m % period].out + n           (n is contiguous)

`bounds` names, for a tile beginning at a row, the `runs` of k to sum over: the others meet the margins of padded images, where `a` is
zero, or is not there at all. So one micro-kernel serves matrix products of any transposition, convolutions of any stride and dilation,
and both gradients, without unfolding images in memory. `Tile` is that kernel; `Pack`, `Pad` and `Sum` prepare operands and fold partial results.
A `Recipe` lists the launches. Each output element adds its products in the order of k, in pieces that depend only on the problem's
shape, so results do not depend on tiles, tasks or threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.groups import Correlation, Groups, Regroup
from tenfold.kernel.loops import Expr, walk

Table = np.ndarray[Any, np.dtype[np.int64]]


def accumulator(dtype: DType) -> DType:
    """The type in which products of `dtype` are added."""
    return dtypes.float32 if dtype.size == 2 and dtype.is_floating else dtype


@dataclass(frozen=True, slots=True)
class Vectors:
    """The host's vector registers: bytes of one, how many, and whether it multiplies pairs of bfloat16 into float32.

    `cache`: the bytes of the second-level cache that a task's panels may take. `quads`: whether it multiplies groups of four unsigned
    with four signed bytes into int32; `madd`: pairs of int16 (others do so in several steps).
    """

    bytes: int = 64
    count: int = 32
    pairs: bool = False
    cache: int = 512 * 1024
    quads: bool = False
    madd: bool = False

    def lanes(self, dtype: DType) -> int:
        """Elements of one vector of accumulators; narrow integers use a part of it."""
        return self.bytes // max(dtype.size, 4)


@dataclass(frozen=True, slots=True)
class Pooling:
    """Of images only the largest element of each window is stored, of windows side by side that lie inside, as "out".

    With `places`, so is its place in the window, int8, as "places": the first of several; NaN is never the larger one. With
    `above` only larger elements have a place, and others have -1.
    """

    window: tuple[int, int]
    places: bool = False
    above: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Epilogue:
    """What becomes of an accumulated element when it is stored.

    `value` is an Expr over `loops.result(0, 0, accumulator)`, `loops.axis(0)` (row), `loops.axis(1)` (column) and loads from
    buffers 0, 1, ..., the operands "extra0", "extra1", ... of types `extras`, which do not lie in the output's memory. It has the
    type of the output. Then maxima of images may be all that is stored.
    """

    extras: tuple[DType, ...]
    value: Expr
    pooling: Pooling | None = None

    @property
    def uses_rows(self) -> bool:
        """Whether it asks for the number of its row."""
        return any(e.op == "axis" and e.attr == 0 for e in walk(self.value))


@dataclass(frozen=True, slots=True)
class Bytes:
    """Eight-bit integers, whose products are added up in int32: an element of a or b is a group of them, neighbours in the sum.

    `quads`: four bytes of each, those of a unsigned; else two int16 of a and two bytes of b, which become int16 in registers.
    `shifted`: the bytes of a are 128 more than what they stand for. `unsigned`: those of b are uint8. `madd`: see `Vectors`.
    """

    quads: bool
    shifted: bool
    unsigned: bool
    madd: bool

    @property
    def b_size(self) -> int:
        """Bytes of a group of b."""
        return 4 if self.quads else 2


@dataclass(frozen=True, slots=True)
class Tile:
    """The micro-kernel: `rows` x `vectors` accumulators, around it the loops of one task.

    `depthwise` multiplies column by column (a has the columns of b) instead of broadcasting elements of a.
    `unit`: so many successive products lie at equal distances in a, `step` bytes (0: the argument "a_step"), so that one entry of the
    table serves them all.
    `ragged`: the columns may end inside a panel. `padded`: the panels of b may be read beyond the last column.
    `streamed`: b is long and read once, so its next block is asked for early, with each product, or, if `shared`, by all tiles of a task in
    equal parts. `pairs`: an element of a or b is two numbers in bfloat16, and a product the sum of two. `copied`: the type of b in
    memory, of which each panel's block is copied to the stack and multiplied with all rows of the task before the next one. `passing`:
    so are the panels where they lie, because all of them come from memory. `copied_a`: the type of a in memory, where the rows of
    each tile stand side by side, products at "places", and are copied to the stack, `step` bytes for each product.
    `lower`: rows of the tiles after the first "m_whole" rows, where these have fewer. `scattered`: what an entry asks for early are lines of
    the next tile's rows, which lie anywhere: two at a time, given by the offset of the first and 8 times the number of its row. `routed`: a row
    of b is of a window of so many products, and each element of it belongs to one of them, its place ("places"); the copies have them all.
    `even`: a tile's rows are "a_row" bytes apart, those of the output follow one another, units of a block too, and all products count: tables
    only say what to ask for early.
    """

    dtype: DType
    out: DType
    rows: int
    vectors: int
    lanes: int
    unit: int = 1
    step: int = 0
    ragged: bool = False
    padded: bool = False
    depthwise: bool = False
    streamed: bool = False
    pairs: bool = False
    copied: DType | None = None
    passing: bool = False
    integers: Bytes | None = None
    copied_a: DType | None = None
    shared: bool = False
    lower: int = 0
    scattered: bool = False
    routed: int = 0
    even: bool = False
    epilogue: Epilogue | None = None

    @property
    def columns(self) -> int:
        """Columns of one panel."""
        return self.vectors * self.lanes

    @property
    def asked(self) -> int:
        """Lines that are asked for early with an entry of the table."""
        few = self.unit == 1 or max(self.rows, self.lower) * self.unit * self.dtype.size <= 64
        return 0 if self.copied_a else 1 if few else 2

    @property
    def early(self) -> int:
        """Places that an entry names for that."""
        return min(self.asked, 1) if self.scattered else self.asked

    @property
    def entry(self) -> int:
        """Bytes of an entry of the table."""
        return 8 * (1 + self.early)


@dataclass(frozen=True, slots=True)
class Pack:
    """Rearranges a matrix into panels [panel][tap][k][columns]; `transpose` when k is contiguous in the source.

    `parts` of each element stand in so many successive rows: two numbers in bfloat16, two or four bytes.
    """

    source: DType
    dtype: DType
    columns: int
    lanes: int
    transpose: bool
    parts: int = 1

    @property
    def vectors(self) -> int:
        """Vectors that hold a row of a panel."""
        return -(-self.columns // self.lanes)

    @property
    def spilled(self) -> int:
        """Rows into which the last vector of a row reaches: they are written after it."""
        return -(-(self.vectors * self.lanes - self.columns) // self.columns)


@dataclass(frozen=True, slots=True)
class Pad:
    """Copies rows of [n, d, h, row] with a margin of zeros, or only converts them."""

    source: DType
    dtype: DType
    lanes: int


@dataclass(frozen=True, slots=True)
class Extend:
    """Copies rows of eight-bit integers as int16, or as uint8 (128 more than int8), with zeros behind each row."""

    source: DType
    dtype: DType
    lanes: int


@dataclass(frozen=True, slots=True)
class Couple:
    """Copies positions [n, d, h, w, channels] of bfloat16 into elements of two: of the position and of the one `shift` further.

    Where either lies outside the source, it is zero.
    """

    lanes: int


@dataclass(frozen=True, slots=True)
class Sum:
    """Folds partial results, in order, into the output."""

    dtype: DType
    out: DType
    lanes: int
    epilogue: Epilogue | None = None


Chain = tuple[tuple[tuple[float, ...], ...], ...]  # sparse matrices, applied one after the other


@dataclass(frozen=True, slots=True)
class Spread:
    """Winograd: tiles of images [n, h, w, channels] transformed, `chain` along both axes, into planes [36, tile, channels], or, with
    `columns` in a panel, [36, panel, tile, columns]. `ahead`: each tile asks for the next one's pixels."""

    source: DType
    dtype: DType
    lanes: int
    chain: Chain
    columns: int = 0
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Collect:
    """Winograd: planes [36, tile, channels] transformed back into tiles of 4x4 of images."""

    dtype: DType
    out: DType
    lanes: int
    chain: Chain
    epilogue: Epilogue | None = None


@dataclass(frozen=True, slots=True)
class Blocks:
    """Winograd: a task transforms some tiles of images, multiplies them and transforms them back, then the next, in memory that stays in its
    cache. In it, the sums of a plane lie where the images of the plane before were."""

    spread: Spread
    product: Tile
    collect: Collect
    epilogue: Epilogue | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """Winograd: weights [taps, k, columns] transformed, from the places in one table to those in another."""

    dtype: DType
    out: DType
    lanes: int
    chain: Chain


@dataclass(frozen=True, slots=True)
class Depthwise:
    """A convolution of each channel, or each group of few channels, for itself: `positions` neighbouring outputs and `vectors` of channels at
    a time, which have the weights that they meet side by side.

    `taps` is the kernel's extent; `stride` and `dilation` are those along the rows. `ahead`: the images are too large for the caches, so
    that lines are asked for early.
    """

    source: DType
    dtype: DType
    out: DType
    lanes: int
    positions: int
    vectors: int
    taps: tuple[int, int, int]
    stride: int
    dilation: int
    groups: Groups
    ahead: bool = False
    epilogue: Epilogue | None = None


@dataclass(frozen=True, slots=True)
class Attend:
    """Attention: blocks of `vectors` x `lanes` queries, products in tiles of `rows`. See `kernel.attention`."""

    dtype: DType
    lanes: int
    vectors: int
    rows: int
    scale: float
    causal: bool
    mask: DType | None

    @property
    def width(self) -> int:
        """Elements of one panel."""
        return self.lanes * self.vectors

    def whole(self, size: int) -> int:
        """So many rows as whole tiles have."""
        return -(-size // self.rows) * self.rows


@dataclass(frozen=True, slots=True)
class AttendBack(Attend):
    """Its gradient: blocks of keys. `ragged`: a head's size is no multiple of the width."""

    ragged: bool = False


COPY = 36 * 1024  # bytes of a panel's block on the stack

Description = Tile | Pack | Pad | Extend | Couple | Sum | Spread | Collect | Blocks | Filter | Depthwise | Regroup | Correlation | Attend | AttendBack


@dataclass(frozen=True, slots=True)
class Operand:
    """An address: a buffer's name ("a", "b", "out", "extra0", "scratch0", "table0") and an offset in bytes."""

    name: str
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel over `tasks` tasks, and the names of the operands that it writes.

    `listing`: the table, and the words of an entry, whose first words are how far the rows of the first operand lie from its beginning; with
    other numbers in it, the launch reads other rows.
    """

    kernel: Description
    tasks: int
    args: tuple[Operand | int, ...]
    writes: tuple[str, ...]
    listing: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """A contraction as launches in order, the bytes of each scratch buffer, and constant tables."""

    launches: tuple[Launch, ...] = ()
    scratch: tuple[int, ...] = ()
    constants: tuple[Table, ...] = ()


TILE_ARGS = (
    "a", "b", "out", "row_table", "k_table", "bounds", "runs", "m", "n", "k",
    "row_period", "a_outer", "out_outer", "a_row",
    "k_block", "k_blocks", "k_period", "k_outer", "a_step", "b_k", "b_panel",
    "a_batch", "b_batch", "out_batch", "column_batch", "out_row",
    "m_task", "n_task", "m_tasks", "n_tasks", "pieces", "blocks", "total_blocks", "out_piece", "places", "m_whole", "resumed",
)  # fmt: skip
PACK_ARGS = (
    "source", "target", "taps_table", "n", "k", "step", "taps", "panels",
    "source_n", "source_k", "source_part", "source_batch", "target_batch", "chunk", "chunks", "total", "grain",
)  # fmt: skip
PAD_ARGS = ("source", "target", "rows", "grain", "depth", "height", "source_depth", "source_height", "depth_low", "height_low",
            "low", "length", "high", "source_row")  # fmt: skip
EXTEND_ARGS = ("source", "target", "rows", "grain", "length", "width")
COUPLE_ARGS = ("source", "target", "positions", "grain", "depth", "height", "width", "source_depth", "source_height", "source_width",
               "depth_low", "height_low", "width_low", "step", "shift", "channels")  # fmt: skip
SUM_ARGS = ("source", "out", "m", "n", "pieces", "piece", "grain")
SPREAD_ARGS = ("source", "target", "zeros", "tiles", "grain", "tall", "across", "height", "width", "low_height", "low_width", "channels",
               "row", "plane", "panel")  # fmt: skip
COLLECT_ARGS = ("source", "out", "tiles", "grain", "tall", "across", "height", "width", "channels", "row", "plane", "first")
BLOCKS_ARGS = (
    "work", "work_size", "each", "blocks", "tasks", *(f"spread_{name}" for name in SPREAD_ARGS),
    *(f"product_{name}" for name in TILE_ARGS), *(f"collect_{name}" for name in COLLECT_ARGS),
)  # fmt: skip
FILTER_ARGS = ("source", "target", "from", "to", "total", "grain", "across", "panel", "source_k", "source_panel", "target_k", "target_panel")
_ATTENTION = ("q", "k", "v", "mask", "highest", "share", "work", "queries", "keys", "size", "value_size", "heads", "key_heads", "group", "block",
              "panels", "mask_key", "mask_row", "mask_head", "mask_batch", "pieces", "piece", "units", "grain", "work_size")  # fmt: skip
ATTEND_ARGS = (*_ATTENTION, "out")
ATTEND_BACK_ARGS = (*_ATTENTION, "delta", "g", "dq", "dk", "dv", "dq_piece")
