"""What prepares operands: the builder of a recipe, packing into panels, padding, conversion."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

import numpy as np

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import (
    COUPLE_ARGS,
    PACK_ARGS,
    PAD_ARGS,
    Couple,
    Description,
    Launch,
    Operand,
    Pack,
    Pad,
    Steps,
    Table,
    Vectors,
    accumulator,
)
from tenfold.kernel.schedule import MODEL, Schedule

MOST_TASKS = 64


@dataclass(slots=True)
class Builder:
    """Collects launches, scratch buffers and tables."""

    machine: Vectors
    schedule: Schedule = MODEL
    launches: list[Launch] = field(default_factory=list)
    scratch: list[int] = field(default_factory=list)
    constants: list[Table] = field(default_factory=list)

    def table(self, values: Table) -> Operand:
        """A constant table."""
        for i, known in enumerate(self.constants):
            if np.array_equal(known, values):
                return Operand(f"table{i}")
        self.constants.append(np.ascontiguousarray(values, np.int64))
        return Operand(f"table{len(self.constants) - 1}")

    def buffer(self, size: int) -> Operand:
        """A new scratch buffer of `size` bytes."""
        self.scratch.append(max(size, 64))
        return Operand(f"scratch{len(self.scratch) - 1}")

    def launch(
        self, kernel: Description, tasks: int, names: tuple[str, ...], values: dict[str, Operand | int], writes: tuple[str, ...] = (),
        listing: tuple[str, int] | None = None,
    ) -> None:  # fmt: skip
        """Appends a launch; nothing if it has no tasks. `writes` names what it writes, if that is not "target" or "out" alone; `listing` the
        table of the first operand's rows, see `Launch`."""
        if tasks:
            end = getattr(kernel, "epilogue", None)
            more = tuple(Operand(f"extra{i}") for i in range(len(end.extras))) if end else ()
            places = (Operand("places"),) if end and end.pooling and end.pooling.places else ()
            writes = writes or ("target" if "target" in names else "out",)
            written = tuple(x.name for x in (*(values[w] for w in writes), *places) if isinstance(x, Operand))
            read = (Operand("places"),) if getattr(kernel, "routed", 0) else ()
            table = values[listing[0]] if listing else 0
            listed = (table.name, listing[1]) if listing and isinstance(table, Operand) else None
            self.launches.append(Launch(kernel, tasks, tuple(values[n] for n in names) + more + places + read, written, listed))

    def finish(self) -> Steps:
        """What was collected."""
        return Steps(tuple(self.launches), tuple(self.scratch), tuple(self.constants))


def pack(
    to: Builder, source: Operand, source_dtype: DType, n: int, k: int, n_stride: int, k_stride: int,
    columns: int, step: int, taps: Table, batch: int = 1, batch_stride: int = 0, parts: int = 1,
) -> Operand:  # fmt: skip
    """Panels [batch][panel][tap][k][columns] of `source`, panels `step` columns apart; `taps` are offsets in bytes.

    With several `parts`, an element of `source_dtype` stands for so many numbers, and the columns are contiguous: of as many successive
    rows each.
    """
    dtype = accumulator(source_dtype)
    lanes = to.machine.lanes(dtype)
    panels, size = ceil(n / step), columns * dtype.size
    target = to.buffer(batch * panels * len(taps) * k * size)
    chunk = min(k, 256)
    chunks = ceil(k / max(chunk, 1))
    total = batch * panels * len(taps) * chunks
    grain = max(4096 // max(chunk * columns, 1), ceil(total / MOST_TASKS), 1)
    transpose = parts == 1 and n_stride != source_dtype.size
    assert not transpose or k_stride == source_dtype.size or k == 1
    kernel = Pack(source_dtype, dtype, columns, lanes, transpose, parts)
    values: dict[str, Operand | int] = {
        "source": source, "target": target, "taps_table": to.table(taps), "n": n, "k": k, "step": step, "taps": len(taps),
        "panels": panels, "source_n": n_stride, "source_part": k_stride // parts, "source_k": k_stride, "source_batch": batch_stride,
        "target_batch": panels * len(taps) * k * size, "chunk": chunk, "chunks": chunks, "total": total, "grain": grain,
    }  # fmt: skip
    to.launch(kernel, ceil(total / grain), PACK_ARGS, values)
    return target


def element(machine: Vectors, dtype: DType, k: int) -> tuple[DType, bool]:
    """What operands of `dtype` with `k` contiguous products are seen as: (int32, True) where two bfloat16 make one element."""
    pairs = machine.pairs and dtype is dtypes.bfloat16 and k % 2 == 0
    return (dtypes.int32, True) if pairs else (dtype, False)


def convert(to: Builder, source: Operand, dtype: DType, elements: int) -> Operand:
    """`source` in the accumulators' type: itself, or a converted copy."""
    wide = accumulator(dtype)
    if wide is dtype or not elements:
        return source
    row = 4096
    target = to.buffer((elements + row) * wide.size)
    whole, rest = divmod(elements, row)
    pad(to, source, target, dtype, (whole, 1, 1, row), (1, 1), (0, 0), (0, row, 0), row * dtype.size)
    if rest:
        tail = Operand(source.name, source.offset + whole * row * dtype.size)
        pad(to, tail, Operand(target.name, whole * row * wide.size), dtype, (1, 1, 1, rest), (1, 1), (0, 0), (0, rest, 0), 0)
    return target


def pad(
    to: Builder, source: Operand, target: Operand, dtype: DType, shape: tuple[int, int, int, int], inside: tuple[int, int],
    low: tuple[int, int], row: tuple[int, int, int], source_row: int,
) -> None:  # fmt: skip
    """Writes target [n, d, h, row]; the rows (d, h) within `inside` from `low` on are copied, between row[0] and row[2] zeros."""
    n, depth, height, width = shape
    wide = accumulator(dtype)
    rows = n * depth * height
    grain = max(ceil(rows / MOST_TASKS), 16384 // max(width, 1), 1)
    values: dict[str, Operand | int] = {
        "source": source, "target": target, "rows": rows, "grain": grain, "depth": depth, "height": height,
        "source_depth": inside[0], "source_height": inside[1], "depth_low": low[0], "height_low": low[1],
        "low": row[0], "length": row[1], "high": row[2], "source_row": source_row,
    }  # fmt: skip
    to.launch(Pad(dtype, wide, to.machine.lanes(wide)), ceil(rows / grain), PAD_ARGS, values)


def couple(
    to: Builder, source: Operand, n: int, inside: tuple[int, int, int], channels: int, low: tuple[int, int, int],
    shape: tuple[int, int, int], step: int, shift: int,
) -> Operand:  # fmt: skip
    """Pairs of bfloat16 [n, *shape, channels] of `source` [n, *inside, channels]: those at w * step - low, and `shift` further."""
    positions = n * shape[0] * shape[1] * shape[2]
    target = to.buffer(positions * channels * 4)
    grain = max(ceil(positions / MOST_TASKS), 16384 // max(channels, 1), 1)
    values: dict[str, Operand | int] = {
        "source": source, "target": target, "positions": positions, "grain": grain, "depth": shape[0], "height": shape[1],
        "width": shape[2], "source_depth": inside[0], "source_height": inside[1], "source_width": inside[2], "depth_low": low[0],
        "height_low": low[1], "width_low": low[2], "step": step, "shift": shift, "channels": channels,
    }  # fmt: skip
    to.launch(Couple(to.machine.lanes(dtypes.int32)), ceil(positions / grain), COUPLE_ARGS, values)
    return target
