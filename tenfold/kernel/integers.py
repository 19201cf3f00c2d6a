"""Products of matrices of eight-bit integers, added up in int32.

Registers multiply groups of neighbours along the summed index at once: two int16 each (`vpmaddwd`), or four bytes (`vpdpbusd`, unsigned
with signed ones). So `a` is copied as int16, or as bytes that are 128 more than they stand for (the tile takes this off again by one
more row), with zeros behind each row; `b` is put into panels [panel][group][column][in the group] of bytes, which are read once.
All sums are exact: two products of bytes fit 32 bits by far. Sums are not cut: their panels are short.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import EXTEND_ARGS, Bytes, Epilogue, Extend, Operand, Steps, Vectors
from tenfold.kernel.packing import MOST_TASKS, Builder, pack
from tenfold.kernel.schedule import MODEL, Schedule
from tenfold.kernel.tiling import Batch, Columns, Problem, affine_inner, affine_rows, tile

HEIGHTS = (1, 2, 3, 4, 6, 8)  # of tiles: few, so that few kernels exist, and their rows' addresses stay in registers
NO_TAPS = np.zeros(1, np.int64)


def integer_matmul(
    machine: Vectors, left: DType, right: DType, batch: int, m: int, n: int, k: int, transpose_b: bool = False,
    a_stride: int | None = None, b_stride: int | None = None, epilogue: Epilogue | None = None, schedule: Schedule = MODEL,
) -> Steps:  # fmt: skip
    """out[batch, m, n] = a[batch, m, k] @ b[batch, k, n] in int32, of `left` and `right`: int8 or uint8; see `kernel.matmul.matmul`."""
    a_stride = m * k if a_stride is None else a_stride
    b_stride = k * n if b_stride is None else b_stride
    if batch > 1 and b_stride == 0 and a_stride == m * k:
        batch, m = 1, batch * m
    to = Builder(machine, schedule)
    if not (batch and m and n):
        return to.finish()
    quads = machine.quads and right is dtypes.int8
    kind = Bytes(quads, quads and left is dtypes.int8, right is dtypes.uint8, machine.madd)
    size = 4 if quads else 2
    groups, lanes = ceil(k / size), machine.lanes(dtypes.int32)
    shape = choose(m, n, lanes, machine, quads, schedule)
    copies = batch if a_stride else 1
    a = Operand("a")
    if not (quads and left is dtypes.uint8 and k % size == 0):
        a = extend(to, a, left, dtypes.uint8 if quads else dtypes.int16, copies * m, k, groups * size)
    columns = shape[1] * lanes
    b = _panels(to, right, n, k, size, columns, transpose_b, batch if b_stride else 1, b_stride)
    matrix = m * groups * 4  # an element of a is four bytes in any case
    panel = groups * columns * kind.b_size
    problem = Problem(
        dtypes.int32, n, shape, affine_rows(m, groups * 4, n * (epilogue.value.dtype if epilogue else dtypes.int32).size),
        affine_inner(groups, 4, max(groups, 1)), a, Columns(b, columns * kind.b_size, panel, True),
        Batch(batch, matrix if a_stride else 0, ceil(n / columns) * panel if b_stride else 0,
              m * n * (epilogue.value.dtype if epilogue else dtypes.int32).size), epilogue, integers=kind, out_elements=batch * m * n,
    )  # fmt: skip
    tile(to, problem)
    return to.finish()


def choose(m: int, n: int, lanes: int, machine: Vectors, quads: bool, schedule: Schedule) -> tuple[int, int]:
    """(rows, vectors) of the scheduled tile, if the registers hold it, or of that which covers m x n with the fewest instructions."""
    costs = dict((shape, cost) for cost, shape in _costs(m, n, lanes, machine, quads))
    wished = schedule.tile
    return wished if wished in costs else min(costs, key=lambda shape: costs[shape])


def _costs(m: int, n: int, lanes: int, machine: Vectors, quads: bool) -> Iterator[tuple[float, tuple[int, int]]]:
    """For the tiles that fit the registers, the instructions for each group: a product and a sum (or both in one), and reading."""
    for vectors in (1, 2, 3, 4):
        for rows in HEIGHTS:
            spare = vectors + 1 if quads else 2  # the sums that are taken off; or products before they are added
            if (rows + 1) * vectors + spare <= machine.count:
                count = rows * vectors * (1 if quads else 2) + vectors * (2 if quads else 1) + rows + 2
                yield ceil(m / rows) * ceil(n / (vectors * lanes)) * count, (rows, vectors)


def extend(to: Builder, source: Operand, dtype: DType, target_dtype: DType, rows: int, length: int, width: int) -> Operand:
    """Rows of `length` bytes as rows of `width` int16 or uint8."""
    target = to.buffer(rows * width * target_dtype.size)
    grain = max(ceil(rows / MOST_TASKS), 32768 // max(width, 1), 1)
    values: dict[str, Operand | int] = {"source": source, "target": target, "rows": rows, "grain": grain, "length": length, "width": width}
    to.launch(Extend(dtype, target_dtype, to.machine.bytes // target_dtype.size), ceil(rows / grain), EXTEND_ARGS, values)
    return target


def _panels(to: Builder, dtype: DType, n: int, k: int, size: int, columns: int, transposed: bool, copies: int, stride: int) -> Operand:
    """`b`, of whose rows there are a whole number of groups, in panels of groups."""
    source, whole = Operand("b"), ceil(k / size) * size
    if whole > k:  # as one long row, whose end is filled; or each row's end
        rows, length, width = (copies * n, k, whole) if transposed else (copies, k * n, whole * n)
        source, stride = extend(to, source, dtypes.uint8, dtypes.uint8, rows, length, width), n * whole
    element = dtypes.int32 if size == 4 else dtypes.int16
    strides = (whole, size) if transposed else (1, size * n)
    return pack(to, source, element, n, whole // size, *strides, columns, columns, NO_TAPS, copies, stride, 1 if transposed else size)
