"""Cuts contractions into tiles, blocks and tasks, and lists the launches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, lcm, prod

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import COPY, SUM_ARGS, TILE_ARGS, Bytes, Epilogue, Operand, Pooling, Sum, Table, Tile, Vectors, accumulator
from tenfold.kernel.cutting import cut, split
from tenfold.kernel.packing import MOST_TASKS, Builder
from tenfold.kernel.schedule import MODEL, Schedule

L1 = 24 * 1024  # bytes that a tile's rows of `a` may take, leaving room for the passing panels of `b`
LINE = 6  # log2 of the bytes of a cache line
FEW = 3  # rows: tiles that have fewer wait for memory, whatever their shape
IN_REGISTERS = 8  # addresses of rows that are kept in registers; the others are read from the stack
BEYOND = 4  # times the second-level cache may have the rows that meet a copied panel: they come in order, and copying takes longer
SHARING = 8  # tiles of a task, at least, for them to share in asking for the next block: with few the requests come too close together
LOWER = 2  # rows that the last tiles have less, where whole ones would compute too many
MANY = 1 << 22  # multiplications that are worth a kernel of twice the size
MOST = 2  # lines, for each unit of a block, that are asked for early, if perhaps not all of them: if there are more, none
TILES = 128  # of a task with one long panel, at most
UNIT = 4  # products of an entry of the table, where they lie at equal distances


def row_choices(vectors: int, machine: Vectors) -> tuple[int, ...]:
    """Heights of tiles that fit the registers; few, so that few kernels exist."""
    most = min((machine.count - 1 - vectors) // vectors, 14)
    return (*(r for r in (1, 2, 4, 5, 6, 8, 10) if r < most), most)


def choose_tile(
    m: int, n: int, lanes: int, machine: Vectors, depthwise: bool = False, schedule: Schedule = MODEL, across: bool = False
) -> tuple[int, int]:  # fmt: skip
    """(rows, vectors) of the scheduled tile, or of that which covers m x n in the fewest cycles."""
    return schedule.tile or tile_cost(m, n, lanes, machine, depthwise, across)[1]


def tile_cost(m: int, n: int, lanes: int, machine: Vectors, depthwise: bool = False, across: bool = False) -> tuple[float, tuple[int, int]]:
    """The cycles, for each product of the sum, in which tiles cover m x n; and (rows, vectors) of the best one."""
    return min(tile_costs(m, n, lanes, machine, depthwise, across), key=lambda found: found[0])


def tile_costs(
    m: int, n: int, lanes: int, machine: Vectors, depthwise: bool = False, across: bool = False
) -> Iterator[tuple[float, tuple[int, int]]]:  # fmt: skip
    """The same for all tiles that fit the registers. `across`: the rows of `a` stand side by side, so a product's are a line or two."""
    for vectors in (1, 3) if depthwise else (1, 2, 3, 4):
        panels = ceil(n / (vectors * lanes))
        for rows in row_choices(vectors, machine):
            around = _around(rows, vectors, machine, n % (vectors * lanes) > 0, across)
            cycles = max(rows * vectors, _reading(rows, vectors, machine, depthwise)) + around + 0.5
            yield ceil(m / rows) * panels * cycles, (rows, vectors)


def _around(rows: int, vectors: int, machine: Vectors, ragged: bool, across: bool) -> float:
    """What delays a product besides: with few registers the instructions that load, masks, and lines of which little is used."""
    if machine.count > 16 or rows < FEW:
        return 0.5 * vectors + 0.1 * rows
    return 0.4 * (rows + vectors) + 0.5 * ragged + (6 / rows if across else 0)


def _reading(rows: int, vectors: int, machine: Vectors, depthwise: bool) -> float:
    """The cycles, in multiplications of the same time, that a tile reads for each product of the sum, or waits for the one before.

    Sixteen registers leave none for the elements of `a`, so that each is read by an instruction of its own; and their tiles are so
    flat that the vectors of `b` come no faster than the second-level cache gives them.
    """
    if machine.count > 16:
        return max(vectors + rows / 2, 4)
    loads = vectors + (rows * vectors + 3 if depthwise else rows + 1) + max(rows - IN_REGISTERS, 0)
    return max(loads, (4.3 if rows < FEW else 4) * vectors, 8)


@dataclass(frozen=True, slots=True)
class Rows:
    """Where rows begin, in `a` and in the output: `table` [period, 2] in bytes, repeated every `a_outer` and `out_outer` bytes.

    `bounds` [period, 2], where given, are the ranges of the summed index in which each row is not zero. With `runs` [r, 2] they are
    the first and last of several such ranges, and all rows of a tile have the same ones.
    """

    count: int
    table: Table
    a_outer: int
    out_outer: int
    bounds: Table | None = None
    runs: Table | None = None

    def extended(self, height: int) -> Table:
        """The table, continued so that a tile of `height` rows can begin anywhere in it."""
        turns, index = np.divmod(np.arange(len(self.table) + height - 1), len(self.table))
        table: Table = self.table[index] + turns[:, None] * np.array([self.a_outer, self.out_outer])
        return table

    def spans(self, height: int, k: int) -> tuple[Table, Table]:
        """For a tile of `height` rows that begins at a row, the bytes at which its runs begin and end in the second table."""
        if self.runs is not None and self.bounds is not None:
            return self.bounds * 16, self.runs
        if self.bounds is None:
            return np.tile(np.array([0, 16], np.int64), (len(self.table), 1)), np.array([[0, k]], np.int64)
        index = (np.arange(len(self.bounds))[:, None] + np.arange(height)) % len(self.bounds)
        ends = np.stack([self.bounds[index, 0].min(axis=1), self.bounds[index, 1].max(axis=1)], axis=1)
        runs, number = np.unique(ends, axis=0, return_inverse=True)
        first = number.reshape(-1, 1) * 16
        return np.concatenate([first, first + 16], axis=1), runs


@dataclass(frozen=True, slots=True)
class Inner:
    """The summed index: `count` products, their offsets in `a` given by `table` and repeated every `outer` bytes.

    The table holds `period` entries, worked on `block` at a time.
    """

    count: int
    table: Table
    outer: int
    block: int
    period: int

    @property
    def blocks_per_period(self) -> int:
        """Blocks that the table is worked in."""
        return max(ceil(self.period / self.block), 1)

    @property
    def blocks(self) -> int:
        """Blocks in all; at least one, so that an empty sum stores zeros."""
        whole, rest = divmod(self.count, self.period)
        return max(whole * self.blocks_per_period + ceil(rest / self.block), 1)


def affine_rows(count: int, a_stride: int, out_stride: int) -> Rows:
    """Rows at equal distances."""
    return Rows(count, np.zeros((1, 2), np.int64), a_stride, out_stride)


def listed_rows(count: int, a_stride: int, out_stride: int) -> Rows:
    """The same, each with an entry of its own, so that another table may say where they are."""
    return Rows(count, np.arange(count, dtype=np.int64)[:, None] * np.array([a_stride, out_stride]), 0, 0)


def block_size(k: int, row: int) -> int:
    """Products per block, such that a tile's part of `a`, of `row` bytes for each, stays in the first-level cache."""
    most = max(L1 // row, 64)
    return whole(ceil(k / ceil(k / most))) if k > most else max(k, 1)


def whole(products: int) -> int:
    """So many, or a few more, that are whole units."""
    return ceil(products / UNIT) * UNIT


def affine_inner(count: int, stride: int, block: int) -> Inner:
    """Products at equal distances."""
    period = min(block, max(count, 1))
    return Inner(count, np.arange(period, dtype=np.int64) * stride, period * stride, period, period)


def copied_inner(count: int, distance: int, kept: int, block: int, listed: bool) -> tuple[Inner, Table | None]:
    """Products `distance` bytes apart, of which tasks copy a block at a time, `kept` bytes for each; and where a block's products are, or all
    if they are `listed`."""
    period = count if listed else min(block, max(count, 1))
    numbers = np.arange(period, dtype=np.int64)
    return Inner(count, numbers % block * kept, block * distance, min(block, period), period), numbers * distance


def table_inner(table: Table, block: int) -> Inner:
    """Products at the places that a table gives."""
    period = max(len(table), 1)
    return Inner(len(table), table if len(table) else np.zeros(1, np.int64), 0, max(min(block, period), 1), period)


@dataclass(frozen=True, slots=True)
class Columns:
    """Operand `b`: where it is, its strides in bytes from k to k and from panel to panel.

    `padded`: panels may be read beyond the last column. `copied`: its type, where tasks copy their panels.
    """

    operand: Operand
    k_stride: int
    panel_stride: int
    padded: bool
    copied: DType | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Equal problems side by side: strides in bytes, and what they add to the epilogue's column."""

    count: int = 1
    a: int = 0
    b: int = 0
    out: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """A contraction whose operands are prepared.

    `shape` is (rows, vectors) of the tile. With `streamed`, the bytes of both operands, the sum may be cut into pieces, and a Sum
    follows; with `folded` one follows in any case, because the output's type cannot hold sums that are continued. Then the
    output, of `out_elements` in rows of `out_columns` (or n), is contiguous. Sums that are not folded go to `target`, if not to it.
    If `resumed`, they begin with what is there already.
    With `a_type`, that of `a` in memory, where the products of a period are at `places`, tasks copy each tile's rows, to where `inner` says.
    If `listed`, each row of `a` in memory has an entry of its own, in the table of rows or in `places`. `one_panel`: a task has no more.
    """

    dtype: DType
    n: int
    shape: tuple[int, int]
    rows: Rows
    inner: Inner
    a: Operand
    b: Columns
    batch: Batch
    epilogue: Epilogue | None = None
    streamed: int = 0
    folded: bool = False
    depthwise: bool = False
    pairs: bool = False
    integers: Bytes | None = None
    out_elements: int = 0
    out_columns: int = 0
    target: Operand | None = None
    a_type: DType | None = None
    places: Table | None = None
    resumed: bool = False
    listed: bool = False
    one_panel: bool = False
    routed: int = 0

    @property
    def out(self) -> DType:
        """The output's type."""
        return self.epilogue.value.dtype if self.epilogue else self.dtype


def tile(to: Builder, p: Problem) -> None:
    """Appends the contraction itself."""
    rows, inner, batch, wide, (height, vectors) = p.rows, p.inner, p.batch, accumulator(p.dtype), p.shape
    lanes = to.machine.lanes(wide)
    columns = vectors * lanes
    if not (rows.count and p.n and batch.count):
        return
    panels, tiles = ceil(p.n / columns), ceil(rows.count / height)
    if p.streamed:
        m_task, pieces = split(tiles, (inner.count, inner.blocks), rows.count * p.n * wide.size, p.streamed, batch.count, to.machine.cache)
        n_task = max(min(panels, to.machine.cache // (inner.block * columns * wide.size)), 1)
    else:
        cycles, one = max(inner.count, 8) * height * vectors, inner.block * wide.size
        if p.one_panel:
            m_task, n_task = ceil(tiles / ceil(tiles / TILES)), 1  # few, as the panel must come first
        elif p.b.copied or rows.count < p.n:  # the longer operand is read once: few tasks share its panels, or each copies its own
            tile_bytes = min(height * one, spanned(rows, inner) // tiles)
            n_task, m_task = cut(panels * batch.count, tiles, cycles, tile_bytes, to.machine.cache * (BEYOND if p.b.copied else 1), to.schedule.tasks)
        else:
            m_task, n_task = cut(tiles * batch.count, panels, cycles, columns * one, to.machine.cache, to.schedule.tasks)
        m_task, n_task, pieces = min(m_task, tiles), min(n_task, panels), 1
        if p.epilogue and p.epilogue.pooling:
            m_task, n_task = pooled_tiles(p.epilogue.pooling, height, p.n * wide.size, m_task), panels
    m_tasks, n_tasks, per_piece = ceil(tiles / m_task), ceil(panels / n_task), ceil(inner.blocks / pieces)
    pieces = ceil(inner.blocks / per_piece)
    folded = pieces > 1 or p.folded
    out = to.buffer(pieces * p.out_elements * wide.size) if folded else p.target or Operand("out")
    bounds, runs = rows.spans(height, inner.count)
    step = stride(inner, runs) if (to.machine.count == 16 or p.integers) and not p.depthwise else 0
    usual = (wide.size, wide.size * height, row_bytes(height, wide, to.machine))
    lower, m_whole = last_rows(p, m_task * height, to.machine)
    apart = even(rows, inner, height, step, (p.out_columns or p.n) * (wide if folded else p.out).size)
    kernel = Tile(
        wide, wide if folded else p.out, height, vectors, lanes, UNIT if step else 1, step if step in usual else 0,
        p.n % columns != 0, p.b.padded, p.depthwise, p.streamed > 0, p.pairs, p.b.copied, passing(p, to.machine), p.integers, p.a_type,
        p.streamed > 0 and (p.b.copied is not None or m_task >= SHARING), lower, p.listed and p.a_type is None, p.routed,
        apart is not None, None if folded else p.epilogue,
    )  # fmt: skip
    assert inner.blocks == 1 or kernel.out is wide
    values: dict[str, Operand | int] = {
        "a": p.a, "b": p.b.operand, "out": out, "row_table": to.table(rows.extended(height)),
        "k_table": to.table(ahead(rows, inner, kernel)), "bounds": to.table(bounds), "runs": to.table(runs),
        "m": rows.count, "n": p.n, "k": inner.count, "row_period": len(rows.table), "out_outer": rows.out_outer,
        "a_outer": rows.a_outer if apart is None else rows.a_outer // len(rows.table), "a_row": apart or 0,
        "k_block": inner.block, "k_blocks": inner.blocks_per_period, "k_period": inner.period, "k_outer": inner.outer,
        "a_step": step, "b_k": p.b.k_stride, "b_panel": p.b.panel_stride, "a_batch": batch.a,
        "b_batch": batch.b, "out_batch": batch.out, "out_row": (p.out_columns or p.n) * kernel.out.size,
        "column_batch": batch.column, "m_task": m_task * height, "n_task": n_task, "m_tasks": m_tasks,
        "n_tasks": n_tasks, "pieces": pieces, "blocks": per_piece, "total_blocks": inner.blocks, "out_piece": p.out_elements * wide.size,
        "m_whole": m_whole, "places": 0 if p.places is None else to.table(p.places), "resumed": int(p.resumed),
    }  # fmt: skip
    listing = (("row_table", 2) if p.a_type is None else ("places", 1)) if p.listed else None
    to.launch(kernel, m_tasks * n_tasks * pieces * batch.count, TILE_ARGS, values, listing=listing)
    if folded:
        fold(to, out, p, pieces)


def even(rows: Rows, inner: Inner, height: int, step: int, out_row: int) -> int | None:
    """The bytes in `a` from row to row of a tile, if that is the same in all of them, and rows of the output, of `out_row` bytes, follow one another.

    Then the first of them is at an equal distance from that of the next tile, too. All products of a block must be `step` bytes apart.
    """
    period, a_row = len(rows.table), int(rows.table[1, 0]) if len(rows.table) > 1 else rows.a_outer
    places = np.arange(period)[:, None] * np.array([a_row, out_row])
    apart = (period in (1, height) and rows.a_outer % period == 0) or rows.a_outer == period * a_row
    whole = apart and rows.out_outer == period * out_row and np.array_equal(rows.table, places)
    flat = step > 0 and np.array_equal(inner.table, np.arange(len(inner.table)) % inner.block * step)
    return a_row if whole and flat and rows.bounds is None and rows.runs is None else None


def pooled_tiles(pooling: Pooling, height: int, row: int, wanted: int) -> int:
    """The tiles of a task that pools what it makes: whole windows, rows of `row` bytes that fit the stack, about as many as `wanted`."""
    unit = lcm(height, prod(pooling.window)) // height
    return max(min(wanted, COPY // (row * height)) // unit, 1) * unit


def last_rows(p: Problem, m_task: int, machine: Vectors) -> tuple[int, int]:
    """(height of the last tiles, rows before them): 128 rows are 20 tiles of six and two of four, not 22 of six. (0, all) if whole tiles do.

    The lower ones must belong to one task, and have products enough in the works.
    """
    rows, (height, vectors) = p.rows, p.shape
    m, low = rows.count, height - LOWER
    plain = (len(rows.table) == 1 or p.listed) and rows.bounds is None and p.b.copied and not p.streamed and machine.count == 16
    if plain and low * vectors >= 8 and m * p.n * p.inner.count >= MANY:
        whole = min((ceil(max(m - low * count, 0) / height) * height + low * count, low * count) for count in range(3))
        if whole[0] * 50 < ceil(m / height) * height * 49 and (m_whole := whole[0] - whole[1]) >= (ceil(m / m_task) - 1) * m_task:
            return low, m_whole
    return 0, m


def passing(p: Problem, machine: Vectors) -> bool:
    """Whether packed panels pass by fewer rows than there are columns, and are too many to stay in the cache from run to run.

    With many registers tiles are so high that the panels come fast enough by themselves; and bytes do so for more than some rows.
    """
    few = p.b.padded and p.rows.count < min(p.n, 2 * p.shape[0] + 1 if p.integers else p.n) and not p.streamed and machine.count == 16
    return few and p.inner.count * p.n * p.batch.count * p.dtype.size > machine.cache


def row_bytes(height: int, wide: DType, machine: Vectors) -> int:
    """The bytes in which one product of all rows of a tile is kept: whole vectors."""
    return ceil(height / machine.lanes(wide)) * machine.lanes(wide) * wide.size


def spanned(rows: Rows, inner: Inner) -> int:
    """The bytes of `a` from the first that a block of the summed index may read to the last: where rows overlap, fewer than they have."""
    outer = max(ceil(rows.count / len(rows.table)) - 1, 0) * rows.a_outer
    return int(np.ptp(rows.table[:, 0]) + np.ptp(inner.table)) + outer


def stride(inner: Inner, runs: Table) -> int:
    """The distance in `a` between products of one unit, if it is the same in all of them and blocks and runs begin with one; else 0."""
    begins = [inner.block if inner.blocks_per_period > 1 else 0, inner.period if inner.count > inner.period and len(runs) > 1 else 0]
    apart = np.diff(inner.table)
    steps = np.unique(apart[np.arange(1, len(apart) + 1) % UNIT > 0])
    return int(steps[0]) if len(steps) == 1 and not (np.append(runs[:, 0], begins) % UNIT).any() else 0


def ahead(rows: Rows, inner: Inner, tile: Tile) -> Table:
    """For each unit of `inner`, where it begins and what to ask for early, relative to the tile's first row.

    That is what the next tile of rows will read; or where the sum is long (`streamed`) what the next block will.
    """
    height, unit = tile.rows, tile.unit
    places = rows.extended(height + 1)[: height + 1, 0]
    entries = []
    for start in range(0, len(inner.table), inner.block):
        part = inner.table[start : start + inner.block]
        begin = part[::unit]
        asked = np.arange(len(begin) * tile.early)
        if tile.streamed:
            index = start + inner.block + asked * unit // tile.early
            early = inner.table[index % len(inner.table)] + index // len(inner.table) * inner.outer
        else:
            here = np.unique((part[:, None] + places[:-1]) >> LINE)
            following = np.setdiff1d(here + (places[-1] >> LINE), here, assume_unique=True)
            lines = following << LINE
            if tile.scattered:  # every second one of each of its rows in turn, and 8 times the row's number in the upper half
                lines = (np.unique(part >> LINE)[::2, None] << LINE) + (np.arange(height) << 35)
            few = 0 < len(following) <= len(begin) * MOST
            early = lines.ravel()[asked * lines.size // len(asked)] if few else np.repeat(begin, tile.early)
        entries.append(np.concatenate([begin[:, None], early.reshape(len(begin), tile.early)], axis=1))
    return np.concatenate(entries)


def fold(to: Builder, source: Operand, p: Problem, pieces: int) -> None:
    """Appends the Sum of `pieces` partial outputs."""
    wide, n = accumulator(p.dtype), p.out_columns or p.n
    m = p.out_elements // n
    grain = max(ceil(m / MOST_TASKS), ceil(8192 / n))
    values: dict[str, Operand | int] = {
        "source": source, "out": Operand("out"), "m": m, "n": n, "pieces": pieces, "piece": p.out_elements * wide.size, "grain": grain,
    }  # fmt: skip
    to.launch(Sum(wide, p.out, to.machine.lanes(wide), p.epilogue), ceil(m / grain), SUM_ARGS, values)
