"""Matrix products as contractions: what to pack, and how to tile."""

from __future__ import annotations

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import Epilogue, Operand, Steps, Vectors
from tenfold.kernel.tiling import (
    Batch,
    Builder,
    Columns,
    Inner,
    Rows,
    accumulator,
    affine_inner,
    affine_rows,
    block_size,
    choose_tile,
    convert,
    element,
    pack,
    tile,
)

PAGE = 2048  # rows a multiple of this many bytes apart fall upon each other in the first-level cache


def matmul(
    machine: Vectors, dtype: DType, batch: int, m: int, n: int, k: int, transpose_a: bool = False, transpose_b: bool = False,
    a_stride: int | None = None, b_stride: int | None = None, epilogue: Epilogue | None = None, names: tuple[str, str] = ("a", "b"),
) -> Steps:  # fmt: skip
    """out[batch, m, n] = a[batch, m, k] @ b[batch, k, n], all row-major; transposed operands are stored [k, m] and [n, k].

    Batch strides are in elements: 0 uses one matrix for all, None means dense. `names` are the operands'.
    """
    a_stride = m * k if a_stride is None else a_stride
    b_stride = k * n if b_stride is None else b_stride
    if epilogue is None and ((m == 1 and n > 1 and transpose_b) or (n == 1 and m > 1 and transpose_a)):
        # the transposed problem: its long operand is read as it lies
        return matmul(machine, dtype, batch, n, m, k, False, False, b_stride, a_stride, None, (names[1], names[0]))
    if batch > 1 and b_stride == 0 and a_stride == m * k and not transpose_a:
        batch, m = 1, batch * m
    to = Builder(machine)
    if not (batch and m and n):
        return to.finish()
    wide, (seen, pairs) = accumulator(dtype), element(machine, dtype, k | a_stride | b_stride)
    if pairs:
        k, a_stride, b_stride = k // 2, a_stride // 2, b_stride // 2
    size, lanes = wide.size, machine.lanes(wide)
    shape = height, vectors = choose_tile(m, n, lanes, machine)
    columns = vectors * lanes
    out = dtype if epilogue is None else epilogue.value.dtype
    splittable = k >= 8192 and m * n * batch <= 1 << 16
    block = block_size(k, height * size) if height > 2 else max(min(k, 128), 1)  # few rows: b is read once, in long stretches
    stored = wide if splittable or block < k else out  # sums to be continued are kept in float32
    a_copies, b_copies = (batch if a_stride else 1), (batch if b_stride else 1)
    a_batch, b_batch = a_stride * size, b_stride * size
    distant = m if transpose_a else k
    if (pairs and transpose_a) or (k > 1 and n > 2 * columns and m > height and distant * size % PAGE == 0):
        a, rows, inner = _packed_rows(to, Operand(names[0]), seen, m, k, transpose_a, block, a_copies, a_stride, n * stored.size, pairs)
        a_batch = -(-m // lanes) * k * lanes * size if a_stride else 0
    else:
        a = convert(to, Operand(names[0]), seen, (a_copies - 1) * a_stride + m * k)
        rows = affine_rows(m, size if transpose_a else k * size, n * stored.size)
        inner = affine_inner(k, m * size if transpose_a else size, block)
    transposed = transpose_b and n > 1 and k > 1
    distant_rows = k > 1 and m > 4 * height and n > columns and (n * size % PAGE == 0 or n * size > 2 * PAGE)
    if transposed or distant_rows or (pairs and not transpose_b):
        strides = (k * seen.size, seen.size) if transpose_b else (seen.size, n * seen.size)
        taps = np.zeros(1, np.int64)
        packed = pack(
            to, Operand(names[1]), seen, n, k, *strides, columns, columns, taps, b_copies, b_stride * seen.size, pairs and not transpose_b
        )  # fmt: skip
        b = Columns(packed, columns * size, k * columns * size, True)
        b_batch = -(-n // columns) * k * columns * size if b_stride else 0
    else:
        plain = convert(to, Operand(names[1]), seen, (b_copies - 1) * b_stride + n * k)
        b = Columns(plain, n * size, columns * size, False)
    steps = Batch(batch, a_batch, b_batch, m * n * stored.size, m)
    tile(
        to, dtype, n, shape, rows, inner, a, b, steps, epilogue, batch * k * (m + n) * size if splittable else 0,
        out_elements=batch * m * n, fold_always=stored is not out, pairs=pairs,
    )  # fmt: skip
    return to.finish()


def _packed_rows(
    to: Builder, operand: Operand, dtype: DType, m: int, k: int, transpose: bool, block: int, copies: int, stride: int,
    out_row: int, pairs: bool,
) -> tuple[Operand, Rows, Inner]:  # fmt: skip
    """Operand `a` in panels [panel][k][lanes], where its own rows would fall upon each other in the cache."""
    wide = accumulator(dtype)
    size, lanes = wide.size, to.machine.lanes(wide)
    strides = (dtype.size, m * dtype.size) if transpose else (k * dtype.size, dtype.size)
    a = pack(to, operand, dtype, m, k, *strides, lanes, lanes, np.zeros(1, np.int64), copies, stride * dtype.size, pairs and transpose)
    table = np.stack([np.arange(lanes) * size, np.arange(lanes) * out_row], axis=1).astype(np.int64)
    return a, Rows(m, table, k * lanes * size, lanes * out_row), affine_inner(k, lanes * size, block)
