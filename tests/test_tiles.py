"""What tiles make of the table of summed products: units of several that lie at equal distances, and what is left of a run."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tenfold.codegen import contraction
from tenfold.codegen.cpu import host
from tenfold.core import dtypes
from tenfold.kernel import loops, tiling
from tenfold.kernel.contraction import TILE_ARGS, Operand, Steps, Tile, Vectors
from tenfold.kernel.convolution import ConvSpec
from tenfold.kernel.convolution import convolution as plain_convolution
from tenfold.kernel.matmul import matmul
from tenfold.kernel.schedule import Schedule
from tests.test_contraction import F32, check, run, sample, widened

NARROW, WIDE = Vectors(32, 16, cache=256 * 1024), Vectors(64, 32)
LENGTHS = (1, 2, 3, 4, 5, 27, 343, 384, 386, 1501)


def the_tile(steps: Steps) -> Tile:
    (found,) = (step.kernel for step in steps.launches if isinstance(step.kernel, Tile))
    return found


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("k", LENGTHS)
def test_any_number_of_products(k: int, transposed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right, and the same bits as one product after the other."""
    rng = np.random.default_rng(k)
    a, b = sample(rng, F32, *((k, 50) if transposed else (50, k))), sample(rng, F32, k, 40)
    operands: dict[str, Any] = {"a": a, "b": b}
    found = run(contraction.matmul(F32, 1, 50, 40, k, transposed), operands, (50, 40), F32)
    check(found, widened(a.T if transposed else a) @ widened(b), F32)
    monkeypatch.setattr(tiling, "UNIT", 1)
    single = contraction.matmul(F32, 1, 50, 40, k, transposed)
    assert all(call.source.description.unit == 1 for call in single.calls if isinstance(call.source.description, Tile))
    np.testing.assert_array_equal(run(single, operands, (50, 40), F32), found)


def test_units_are_for_few_registers_and_equal_distances() -> None:
    assert the_tile(matmul(NARROW, F32, 1, 64, 64, 384)).unit == tiling.UNIT
    assert the_tile(matmul(WIDE, F32, 1, 64, 64, 384)).unit == 1
    assert the_tile(matmul(NARROW, F32, 1, 64, 64, 384)).step == 4
    assert the_tile(matmul(NARROW, F32, 1, 64, 64, 384, transpose_a=True, schedule=Schedule(a="placed"))).step == 0
    for channels, unit in ((64, tiling.UNIT), (3, 1)):
        spec = ConvSpec(F32, 2, (9, 9), channels, 32, (3, 3), (7, 7), (1, 1), ((0, 0), (0, 0)), (1, 1))
        assert the_tile(plain_convolution(NARROW, spec)).unit == unit


@pytest.mark.parametrize("k", LENGTHS)
def test_blocks_begin_with_a_unit_and_leave_nothing_out(k: int) -> None:
    for row in (4, 24, 48):
        block = tiling.block_size(k, row)
        assert block >= k or block % tiling.UNIT == 0
        inner = tiling.affine_inner(k, 4, block)
        assert inner.blocks == -(-k // inner.block)


def test_entries_stay_inside_their_table() -> None:
    steps = matmul(NARROW, F32, 1, 64, 64, 1501)
    (launch,) = (step for step in steps.launches if isinstance(step.kernel, Tile))
    assert isinstance(launch.kernel, Tile)
    args = dict(zip(TILE_ARGS, launch.args, strict=False))
    operand, period = args["k_table"], args["k_period"]
    assert isinstance(operand, Operand) and isinstance(period, int)
    table = steps.constants[int(operand.name.removeprefix("table"))]
    assert table.nbytes == -(-period // tiling.UNIT) * launch.kernel.entry
    assert all(b - a == 4 * tiling.UNIT for a, b in pairwise(table[:, 0]))


def test_windows_of_a_padded_image() -> None:
    """Runs that begin inside the table: the tiles skip the margins."""
    rng, spec = np.random.default_rng(0), ConvSpec(F32, 1, (7, 7), 256, 288, (3, 3), (7, 7), (1, 1), ((1, 1), (1, 1)), (1, 1))
    x, w = sample(rng, F32, 1, 7, 7, 256), sample(rng, F32, 3, 3, 256, 288)
    found = run(contraction.convolution(spec, settled=True), {"a": x, "b": w}, (1, 7, 7, 288), dtypes.float32)
    padded = np.pad(widened(x), ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = sum(padded[:, i : i + 7, j : j + 7] @ widened(w)[i, j] for i in range(3) for j in range(3))
    check(found, np.asarray(expected), F32)


def test_what_an_epilogue_reads_is_asked_for_early() -> None:
    """A line of each row of every operand as large as the output; nothing of one with an element per column."""
    x, row, column = loops.result(0, 0, F32), loops.axis(0), loops.axis(1)
    bias, residual = loops.load(0, column, F32), loops.load(0, row * loops.const(64, dtypes.int64) + column, F32)

    def asked(value: loops.Expr) -> tuple[int, int]:
        recipe = contraction.matmul(F32, 1, 64, 64, 64, epilogue=contraction.Epilogue((F32,), value))
        tile = next(call.source.description for call in recipe.calls if isinstance(call.source.description, Tile))
        text = next(call.source.emit("kernel", host()) for call in recipe.calls if call.source.description is tile)
        return text.count("call void @llvm.prefetch"), tile.rows * -(-tile.columns * 4 // 64)

    (without, lines), (some, _) = asked(x + bias), asked(x + residual)
    assert some == without + lines


def test_panels_are_copied_for_many_rows() -> None:
    """Copying a panel takes longer than reading rows again, even from beyond the second-level cache: then few tasks share the columns."""

    def cuts(steps: Steps) -> tuple[int, int]:
        (launch,) = (step for step in steps.launches if isinstance(step.kernel, Tile))
        args = dict(zip(TILE_ARGS, launch.args, strict=False))
        assert isinstance(launch.kernel, Tile) and launch.kernel.copied
        return int(str(args["m_tasks"])), int(str(args["n_tasks"]))

    rows, columns = cuts(matmul(NARROW, F32, 1, 384, 384, 2048, transpose_a=True))
    assert rows == 1 and columns >= 16
    rows, columns = cuts(matmul(NARROW, F32, 1, 2048, 384, 384))
    assert rows <= 4 and rows * columns >= 32


@pytest.mark.parametrize(("m", "block"), [(64, 128), (128, 128), (255, 256), (511, 384)])
def test_blocks_of_copied_panels_are_short_where_rows_are_few(m: int, block: int) -> None:
    """The first block of a task comes from memory while nothing is computed."""

    def products(settled: bool) -> Any:
        (launch,) = (s for s in matmul(NARROW, F32, 1, m, 768, 768, settled=settled).launches if isinstance(s.kernel, Tile))
        assert isinstance(launch.kernel, Tile) and bool(launch.kernel.copied) is not settled
        return dict(zip(TILE_ARGS, launch.args, strict=False))["k_block"]

    assert products(settled=False) == block and products(settled=True) == 384


def test_the_last_rows_have_lower_tiles_where_whole_ones_compute_too_many() -> None:
    """What is covered: all rows, none more than one too many, and by tasks that do not share a row."""
    for m in range(8, 300):
        steps = matmul(NARROW, F32, 1, m, 64, 2048, schedule=Schedule(tile=(6, 2), b="copied"))
        (launch,) = (step for step in steps.launches if isinstance(step.kernel, Tile))
        args, tile = dict(zip(TILE_ARGS, launch.args, strict=False)), launch.kernel
        whole, task, tasks = args["m_whole"], args["m_task"], args["m_tasks"]
        assert isinstance(tile, Tile) and isinstance(whole, int) and isinstance(task, int) and isinstance(tasks, int)
        if tile.lower:
            covered = whole + -(-(m - whole) // tile.lower) * tile.lower
            assert whole % 6 == 0 and m <= covered <= m + 1 and 49 * -(-m // 6) * 6 > 50 * covered and whole >= (tasks - 1) * task
        else:
            assert whole == m
    assert the_tile(matmul(NARROW, F32, 1, 128, 128, 784)).lower == 4
    assert not the_tile(matmul(NARROW, F32, 1, 126, 128, 784)).lower and not the_tile(matmul(WIDE, F32, 1, 128, 128, 784)).lower


@pytest.mark.parametrize("dtype", [F32, dtypes.bfloat16, dtypes.float64], ids=str)
@pytest.mark.parametrize("m", [8, 32, 64, 127, 128, 140])
@pytest.mark.parametrize("n", [32, 45])
def test_lower_tiles_give_the_same_bits(m: int, n: int, dtype: dtypes.DType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several blocks of the sum, with an end to it."""
    rng, k, schedule = np.random.default_rng(m), 900, Schedule(tile=(6, 2), b="copied", tasks=1)
    a, b, bias = sample(rng, dtype, m, k), sample(rng, dtype, k, n), sample(rng, F32, n)
    wide = dtypes.float64 if dtype is dtypes.float64 else F32
    column = loops.load(0, loops.axis(1), F32)
    end = contraction.Epilogue((F32,), loops.result(0, 0, wide) + loops.cast(column, wide))
    operands: dict[str, Any] = {"a": a, "b": b, "extra0": bias}
    monkeypatch.setattr(tiling, "MANY", 1)
    recipe = contraction.matmul(dtype, 1, m, n, k, epilogue=end, schedule=schedule)
    if host().lanes == 8:
        assert any(isinstance(t := call.source.description, Tile) and t.lower for call in recipe.calls)
    found = run(recipe, operands, (m, n), wide)
    check(found, widened(a) @ widened(b) + widened(bias), wide)
    monkeypatch.setattr(tiling, "MANY", 1 << 60)
    np.testing.assert_array_equal(run(contraction.matmul(dtype, 1, m, n, k, epilogue=end, schedule=schedule), operands, (m, n), wide), found)


def test_tiles_of_even_rows_read_no_tables() -> None:
    for how in ({}, {"transpose_b": True}, {"transpose_a": True}, {"schedule": Schedule(a="packed")}, {"schedule": Schedule(b="copied")}):
        assert the_tile(matmul(NARROW, F32, 1, 100, 100, 500, **how)).even
    assert not the_tile(matmul(NARROW, F32, 1, 128, 128, 784, listed=True)).even and not the_tile(matmul(WIDE, F32, 1, 100, 100, 500)).even
    spec = ConvSpec(F32, 2, (9, 9), 64, 32, (3, 3), (9, 9), (1, 1), ((1, 1), (1, 1)), (1, 1))
    assert not the_tile(plain_convolution(NARROW, spec)).even


@pytest.mark.parametrize("schedule", [Schedule(), Schedule(a="packed"), Schedule(a="placed"), Schedule(b="packed"), Schedule(b="copied")], ids=str)
@pytest.mark.parametrize(("m", "n", "k", "transposed"), [(50, 40, 901, False), (131, 64, 64, True), (3, 30, 500, False), (64, 400, 130, True)])
def test_even_rows_are_those_of_the_tables(
    m: int, n: int, k: int, transposed: bool, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    """With rows that end within a tile, a batch, several blocks, and an end that asks for the number of each row."""
    rng = np.random.default_rng(m)
    a, b = sample(rng, F32, 2, *((k, m) if transposed else (m, k))), sample(rng, F32, 2, k, n)
    residual = sample(rng, F32, 2 * m, n)
    here = loops.load(0, loops.axis(0) * loops.const(n, dtypes.int64) + loops.axis(1), F32)
    end = contraction.Epilogue((F32,), loops.result(0, 0, F32) + here)
    operands: dict[str, Any] = {"a": a, "b": b, "extra0": residual}

    def made() -> Any:
        recipe = contraction.matmul(F32, 2, m, n, k, transposed, epilogue=end, schedule=schedule)
        return [c.source.description for c in recipe.calls], run(recipe, operands, (2, m, n), F32)

    kernels, found = made()
    check(found, widened(a.swapaxes(1, 2) if transposed else a) @ widened(b) + widened(residual.reshape(2, m, n)), F32)
    monkeypatch.setattr(tiling, "even", lambda *_: None)
    plain, expected = made()
    np.testing.assert_array_equal(found, expected)
    assert kernels != plain or host().lanes != 8


def test_sums_are_not_continued_where_many_rows_meet_panels_that_stay_in_the_cache() -> None:
    def cuts(m: int, k: int, **how: Any) -> tuple[Any, ...]:
        (launch,) = (step for step in matmul(NARROW, F32, 1, m, 384, k, **how).launches if isinstance(step.kernel, Tile))
        args = dict(zip(TILE_ARGS, launch.args, strict=False))
        return args["k_block"], args["n_task"], args["m_tasks"]

    for how in ({}, {"transpose_b": True}, {"settled": True}):
        assert cuts(2048, 1536, **how) == (1536, 1, 4)
    assert cuts(2048, 3072)[0] < 512 and cuts(256, 1536)[0] < 512 and cuts(2048, 1536, transpose_a=True)[0] < 512  # a panel would not stay; few rows
    assert cuts(2048, 384)[0] == 384 and cuts(2048, 1536, schedule=Schedule(b="copied"))[0] == 384


@pytest.mark.parametrize("dtype", [F32, dtypes.bfloat16, dtypes.float64], ids=str)
def test_sums_that_are_not_continued_have_the_same_bits(dtype: dtypes.DType) -> None:
    rng = np.random.default_rng(0)
    operands: dict[str, Any] = {"a": sample(rng, dtype, 523, 900), "b": sample(rng, dtype, 900, 61)}
    found = run(contraction.matmul(dtype, 1, 523, 61, 900), operands, (523, 61), dtype)
    check(found, widened(operands["a"]) @ widened(operands["b"]), dtype)
    copied = contraction.matmul(dtype, 1, 523, 61, 900, schedule=Schedule(b="copied"))
    np.testing.assert_array_equal(found, run(copied, operands, (523, 61), dtype))
