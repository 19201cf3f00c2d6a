"""Matrix products as contractions: what to pack, and how to tile."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import COPY, Epilogue, Operand, Steps, Table, Vectors, accumulator
from tenfold.kernel.packing import Builder, convert, element, pack
from tenfold.kernel.schedule import MODEL, Schedule
from tenfold.kernel.tiling import (
    L1,
    Batch,
    Columns,
    Inner,
    Problem,
    Rows,
    affine_inner,
    affine_rows,
    block_size,
    choose_tile,
    copied_inner,
    listed_rows,
    row_bytes,
    tile,
    whole,
)

PAGE = 2048  # rows a multiple of this many bytes apart fall upon each other in the first-level cache
HALF = PAGE // 2  # and those this far apart still do so to an extent
WAYS = 8  # of the first-level cache: more rows than these push each other out
SPAN = 160  # columns of a task, about
MANY = 512  # rows, at least, that meet a packed panel as long as the sum
COPIED = 8  # tiles, at least, that a panel is copied for
SHORT = 128  # products of a block of a copied panel, at least
NO_TAPS = np.zeros(1, np.int64)


@dataclass(frozen=True, slots=True)
class Matrix:
    """An operand: `copies` matrices, `stride` elements apart, transposed or not, of elements `dtype` (perhaps pairs).

    `copied`: the tasks copy what they need of it. `listed`: where each of its rows in memory is, a table shall say.
    """

    operand: Operand
    dtype: DType
    pairs: bool
    copies: int
    stride: int
    transposed: bool
    copied: bool = False
    listed: bool = False

    @property
    def lists(self) -> bool:
        """Whether a table can say it: where rows are read as they lie, or copied product by product."""
        return self.listed and (self.copied or not self.transposed)


def matmul(
    machine: Vectors, dtype: DType, batch: int, m: int, n: int, k: int, transpose_a: bool = False, transpose_b: bool = False,
    a_stride: int | None = None, b_stride: int | None = None, epilogue: Epilogue | None = None, names: tuple[str, str] = ("a", "b"),
    settled: bool = False, schedule: Schedule = MODEL, listed: bool = False,
) -> Steps:  # fmt: skip
    """out[batch, m, n] = a[batch, m, k] @ b[batch, k, n], all row-major; transposed operands are stored [k, m] and [n, k].

    Batch strides are in elements: 0 uses one matrix for all, None means dense. `names` are the operands'. What is made of a `b` that
    is `settled` is kept. If `listed`, a table says where each row of `a` in memory is, if that can be had for nothing (`Launch.listing`).
    """
    a_stride = m * k if a_stride is None else a_stride
    b_stride = k * n if b_stride is None else b_stride
    if epilogue is None and ((m == 1 and n > 1 and transpose_b) or (n == 1 and m > 1 and transpose_a)):
        # the transposed problem: its long operand is read as it lies
        return matmul(machine, dtype, batch, n, m, k, False, False, b_stride, a_stride, None, (names[1], names[0]), schedule=schedule)
    if batch > 1 and b_stride == 0 and a_stride == m * k and not transpose_a:
        batch, m = 1, batch * m
    to = Builder(machine, schedule)
    if not (batch and m and n):
        return to.finish()
    wide, (seen, pairs) = accumulator(dtype), element(machine, dtype, k | a_stride | b_stride)
    if pairs:
        k, a_stride, b_stride = k // 2, a_stride // 2, b_stride // 2
    listed = listed and machine.count == 16 and batch == 1 and seen is wide
    a = Matrix(Operand(names[0]), seen, pairs, batch if a_stride else 1, a_stride, transpose_a, listed=listed)
    b = Matrix(Operand(names[1]), seen, pairs, batch if b_stride else 1, b_stride, transpose_b)
    splittable = k >= 8192 and m * n * batch <= 1 << 16
    if splittable:  # where the sum is cut depends on the tile
        to.schedule = MODEL
    out = dtype if epilogue is None else epilogue.value.dtype
    for across in (False, True)[: 1 + (transpose_a and m > 1)]:  # whether rows stand side by side where tiles read or copy them
        shape = choose_tile(m, n, machine.lanes(wide), machine, schedule=to.schedule, across=across)
        row = shape[0] * wide.size
        if out is wide:  # its sums can be continued, so blocks are short enough for a task to have many panels, each row of `a` serving all
            row = max(row, L1 * SPAN * wide.size // machine.cache)
        block = block_size(k, row) if shape[0] > 2 else max(min(k, 128), 1)  # few rows: b is read once, in long stretches
        a = replace(a, copied=_copies_left(to, a, m, n, shape, block))
        if _packs_left(to, a, m, n, k, shape):
            break
    whole_sums = not (a.copied or splittable) and _adds_at_once(to, a, b, m, n, k, shape, block)
    block = k if whole_sums else block
    b = replace(b, copied=not (a.copied or splittable or whole_sums) and _copies_right(to, b, m, n, k, shape, block, settled))
    if b.copied and out is wide:  # a task's first block is the only one that nobody asked for early: with few rows it is much of the work
        block = min(block, max(whole(m), SHORT))
    stored = wide if splittable or block < k else out  # sums to be continued are kept in float32
    left, a_batch, rows, inner, places = _left(to, a, m, n, k, shape, block, n * stored.size)
    right, b_batch = _right(to, b, m, n, k, shape, settled or whole_sums)
    problem = Problem(
        dtype, n, shape, rows, inner, left, right, Batch(batch, a_batch, b_batch, m * n * stored.size), epilogue, pairs=pairs,
        streamed=batch * k * (m + n) * wide.size if splittable else 0, folded=stored is not out, out_elements=batch * m * n,
        a_type=a.dtype if a.copied else None, places=places, listed=a.lists and left is a.operand and not splittable,
        one_panel=whole_sums,
    )  # fmt: skip
    tile(to, problem)
    return to.finish()


def _copies_left(to: Builder, a: Matrix, m: int, n: int, shape: tuple[int, int], block: int) -> bool:
    """Whether tasks copy the rows of each tile: a transposed `a` gives each product a line, of which it uses little, and often a page.

    All columns must then come from the second-level cache.
    """
    wide, (height, vectors) = accumulator(a.dtype), shape
    panels = n / (vectors * to.machine.lanes(wide))
    possible = to.machine.count == 16 and a.transposed and not a.pairs and block * row_bytes(height, wide, to.machine) <= COPY
    useful = m > height and panels >= 4 and n * block * wide.size <= to.machine.cache
    return possible and (useful if to.schedule.a is None else to.schedule.a == "copied")


def _adds_at_once(to: Builder, a: Matrix, b: Matrix, m: int, n: int, k: int, shape: tuple[int, int], block: int) -> bool:
    """Whether sums are not continued in blocks, where many rows meet each panel, all of which must stay in the second-level cache.

    A tile's rows are then read once for each panel, so they need not stay anywhere; a transposed `a` has taken too long to pack for a gain.
    """
    wide = accumulator(b.dtype)
    columns = shape[1] * to.machine.lanes(wide)
    fits = k * columns * wide.size <= to.machine.cache * 3 // 4
    return to.machine.count == 16 and fits and block < k and m >= MANY and n > columns and not a.transposed and to.schedule.b in (None, "packed")


def _packs_left(to: Builder, a: Matrix, m: int, n: int, k: int, shape: tuple[int, int]) -> bool:
    """Whether `a` is copied into panels first."""
    wide = accumulator(a.dtype)
    row, panels, few = (m if a.transposed else k) * wide.size, n / (shape[1] * to.machine.lanes(wide)), shape[0] <= WAYS
    distant = k > 1 and m > shape[0] and row % PAGE == 0 and panels > (24 if few else 2)
    scattered = few and a.transposed and k > 1 and m > shape[0] and panels >= 12  # each product takes a line, of which it uses little
    bad = {"placed": False, "packed": k > 1 and m > 1}.get(to.schedule.a or "", distant or scattered)
    return not a.copied and (bad or (a.pairs and a.transposed))


def _left(
    to: Builder, a: Matrix, m: int, n: int, k: int, shape: tuple[int, int], block: int, out_row: int
) -> tuple[Operand, int, Rows, Inner, Table | None]:  # fmt: skip
    """Operand `a` and its batch stride: as it lies, or in panels [panel][k][rows of a tile] where its places in the cache are bad; and where
    its products are, if tasks copy them."""
    wide = accumulator(a.dtype)
    size = wide.size
    if a.copied:
        inner, places = copied_inner(k, m * a.dtype.size, row_bytes(shape[0], wide, to.machine), block, a.listed)
        return a.operand, a.stride * a.dtype.size, affine_rows(m, a.dtype.size, out_row), inner, places
    if not _packs_left(to, a, m, n, k, shape):
        operand = convert(to, a.operand, a.dtype, (a.copies - 1) * a.stride + m * k)
        rows = (listed_rows if a.lists else affine_rows)(m, size if a.transposed else k * size, out_row)
        return operand, a.stride * size, rows, affine_inner(k, m * size if a.transposed else size, block), None
    strides = (a.dtype.size, m * a.dtype.size) if a.transposed else (k * a.dtype.size, a.dtype.size)
    interleaved = a.pairs and a.transposed
    height = shape[0]
    operand = pack(to, a.operand, a.dtype, m, k, *strides, height, height, NO_TAPS, a.copies, a.stride * a.dtype.size, 1 + interleaved)
    table = np.stack([np.arange(height) * size, np.arange(height) * out_row], axis=1).astype(np.int64)
    rows = Rows(m, table, k * height * size, height * out_row)
    return operand, ceil(m / height) * k * height * size if a.stride else 0, rows, affine_inner(k, height * size, block), None


def _copies_right(to: Builder, b: Matrix, m: int, n: int, k: int, shape: tuple[int, int], block: int, settled: bool) -> bool:
    """Whether tasks copy a block of each panel: where many tiles of rows read it, and no panels are kept."""
    wide = accumulator(b.dtype)
    columns = shape[1] * to.machine.lanes(wide)
    possible = block * columns * wide.size <= COPY and not (b.transposed or b.pairs)
    large = n > columns and n * k * wide.size > L1
    useful = to.machine.count == 16 and m >= COPIED * shape[0] and not settled and (large or b.dtype is not wide)
    return possible and (useful if to.schedule.b is None else to.schedule.b == "copied")


def _right(to: Builder, b: Matrix, m: int, n: int, k: int, shape: tuple[int, int], settled: bool) -> tuple[Columns, int]:
    """Operand `b` and its batch stride: as it lies, or in panels where these are kept, or its columns or distant rows ask for it."""
    wide = accumulator(b.dtype)
    size, columns = wide.size, shape[1] * to.machine.lanes(wide)
    apart = n * size % HALF == 0 or n * size > 2 * PAGE  # rows in the same places of the cache, or on too many pages
    large = n > columns and n * k * size > L1
    if b.copied:
        return Columns(b.operand, n * b.dtype.size, columns * b.dtype.size, False, b.dtype), b.stride * b.dtype.size
    distant = k > 1 and n > columns and (settled or (large and m >= 32 * shape[0]) or (apart and m > 4 * shape[0]))
    bad = {"placed": False, "packed": k > 1 and n > 1}.get(to.schedule.b or "", distant)
    interleaved = b.pairs and not b.transposed
    if not (bad or interleaved or (b.transposed and n > 1 and k > 1)):
        operand = convert(to, b.operand, b.dtype, (b.copies - 1) * b.stride + n * k)
        return Columns(operand, n * size, columns * size, False), b.stride * size
    strides = (k * b.dtype.size, b.dtype.size) if b.transposed else (b.dtype.size, n * b.dtype.size)
    operand = pack(to, b.operand, b.dtype, n, k, *strides, columns, columns, NO_TAPS, b.copies, b.stride * b.dtype.size, 1 + interleaved)
    return Columns(operand, columns * size, k * columns * size, True), ceil(n / columns) * k * columns * size if b.stride else 0
