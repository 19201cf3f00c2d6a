"""Contractions against NumPy in float64: matrix products, convolutions and both gradients, epilogues, determinism."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from dataclasses import replace
from threading import Thread
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.codegen import contraction, cpu
from tenfold.codegen.contraction import ConvSpec, Epilogue, Operand, Recipe
from tenfold.codegen.cpu import compile_kernel
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel import correlation, depthwise, loops, weight_gradient
from tenfold.kernel.contraction import Depthwise, Pack, Pad, Sum, Tile, Vectors
from tenfold.kernel.convolution import convolution as plain_convolution
from tenfold.kernel.groups import Correlation, Regroup
from tenfold.kernel.matmul import matmul
from tenfold.kernel.schedule import Schedule
from tenfold.kernel.tiling import choose_tile

Array = np.ndarray[Any, np.dtype[Any]]
Order = Callable[[int], list[list[int]]]
DTYPES = (dtypes.float32, dtypes.float64, dtypes.bfloat16, dtypes.float16, dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8)
TOLERANCE = {"float32": 2e-6, "float64": 1e-14, "bfloat16": 1e-2, "float16": 2e-3}


def aligned(size: int, fill: int = 0xFF) -> Array:
    """`size` bytes aligned to 64, with as many guard bytes behind them as a test may check; by default full of NaNs."""
    raw = np.full(size + 192, fill, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size + 64]


def run(recipe: Recipe, operands: dict[str, Array], out_shape: tuple[int, ...], dtype: DType, order: Order | None = None) -> Array:
    """Performs a recipe task by task, on as many threads as `order` gives lists; checks that nothing is written beyond any buffer."""
    size = int(np.prod(out_shape)) * dtype.size
    out = aligned(size)
    scratch = {f"scratch{i}": aligned(n) for i, n in enumerate(recipe.scratch)}
    buffers = {**operands, **scratch, **{f"table{i}": t for i, t in enumerate(recipe.constants)}, "out": out}
    for call in recipe.calls:
        kernel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(compile_kernel(call.source))
        args = np.array([buffers[a.name].ctypes.data + a.offset if isinstance(a, Operand) else a for a in call.args], np.int64)

        def work(tasks: list[int], kernel: Callable[[int, int], None] = kernel, args: Array = args) -> None:
            for task in tasks:
                kernel(args.ctypes.data, task)

        threads = [Thread(target=work, args=(tasks,)) for tasks in (order(call.tasks) if order else [[*range(call.tasks)]])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for buffer in (out, *scratch.values()):
        assert (buffer[-64:] == 0xFF).all(), "written beyond the end"
    return out[:size].view(dtype.numpy).reshape(out_shape)


def sample(rng: np.random.Generator, dtype: DType, *shape: int) -> Array:
    """Random numbers; integers large enough to wrap around."""
    if dtype.is_integer:
        return rng.integers(dtype.min, dtype.max, shape, dtype.numpy, endpoint=True)
    return rng.standard_normal(shape).astype(dtype.numpy)


def widened(x: Array) -> Array:
    """For the oracle: integers stay and wrap, floats become float64."""
    return x if x.dtype.kind in "iu" else x.astype(np.float64)


def check(actual: Array, expected: Array, dtype: DType, size: float = 1e-30) -> None:
    """Equal integers; floats close in proportion to the largest, or to `size`, which they would have if nothing cancelled."""
    if dtype.is_integer:
        np.testing.assert_array_equal(actual, expected)
    else:
        scale = max(float(np.abs(expected).max(initial=0)), size)
        np.testing.assert_allclose(actual.astype(np.float64) / scale, expected / scale, rtol=0, atol=TOLERANCE[dtype.name])


def check_matmul(dtype: DType, batch: int, m: int, n: int, k: int, ta: bool = False, tb: bool = False, shared: str = "") -> None:
    rng = np.random.default_rng(m * n + k)
    a = sample(rng, dtype, 1 if "a" in shared else batch, *((k, m) if ta else (m, k)))
    b = sample(rng, dtype, 1 if "b" in shared else batch, *((n, k) if tb else (k, n)))
    x, y = widened(a.swapaxes(1, 2) if ta else a), widened(b.swapaxes(1, 2) if tb else b)
    strides = 0 if "a" in shared else None, 0 if "b" in shared else None
    for settled in (False, True):
        recipe = contraction.matmul(dtype, batch, m, n, k, ta, tb, *strides, settled=settled)
        actual = run(recipe, {"a": a, "b": b}, (batch, m, n), dtype)
        check(actual, np.broadcast_to(np.matmul(x, y), (batch, m, n)), dtype)


@pytest.mark.parametrize("ta,tb", list(itertools.product((False, True), repeat=2)))
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("m,n,k", [(1, 1, 1), (1, 40, 9), (40, 1, 9), (5, 7, 3), (17, 10, 40), (33, 65, 70)])
def test_matmul(dtype: DType, m: int, n: int, k: int, ta: bool, tb: bool) -> None:
    check_matmul(dtype, 1, m, n, k, ta, tb)


@pytest.mark.parametrize(
    "m,n,k", [(1, 128, 2304), (128, 10, 784), (32, 2304, 128), (784, 128, 128), (61, 160, 1024), (60, 512, 512), (3, 20, 20000), (2, 3, 0), (0, 3, 2)]
)
@pytest.mark.parametrize("ta,tb", [(False, False), (True, False), (False, True)])
def test_matmul_large(m: int, n: int, k: int, ta: bool, tb: bool) -> None:
    check_matmul(dtypes.float32, 1, m, n, k, ta, tb)


@pytest.mark.parametrize("shared", ["", "a", "b", "ab"])
@pytest.mark.parametrize("ta,tb", [(False, False), (True, True)])
def test_matmul_batches(shared: str, ta: bool, tb: bool) -> None:
    check_matmul(dtypes.float32, 3, 7, 20, 9, ta, tb, shared)
    check_matmul(dtypes.bfloat16, 2, 20, 33, 1024, ta, tb, shared)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 3), st.integers(0, 40), st.integers(0, 70), st.integers(0, 90), st.booleans(), st.booleans(), st.sampled_from(["", "a", "b"]))
def test_matmul_any(batch: int, m: int, n: int, k: int, ta: bool, tb: bool, shared: str) -> None:
    check_matmul(dtypes.float32, batch, m, n, k, ta, tb, shared)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
@pytest.mark.parametrize("ta", [False, True])
def test_matmul_of_many_rows(dtype: DType, ta: bool) -> None:
    check_matmul(dtype, 1, 130, 45, 900, ta)
    check_matmul(dtype, 2, 64, 300, 64, ta, shared="b")
    check_matmul(dtype, 1, 70, 512, 600, ta)


def test_tiles_copy_panels_where_registers_are_few() -> None:
    narrow, wide = Vectors(32, 16, cache=256 * 1024), Vectors(64, 32)
    for machine, kernels in ((narrow, [Tile]), (wide, [Pack, Tile])):
        steps = matmul(machine, F32, 1, 256, 512, 512 + 8)
        assert [type(step.kernel) for step in steps.launches] == kernels
    settled = matmul(narrow, F32, 1, 256, 512, 520, settled=True)
    assert [type(step.kernel) for step in settled.launches] == [Pack, Tile]
    converted = matmul(narrow, dtypes.bfloat16, 1, 256, 512, 256)
    assert [type(step.kernel) for step in converted.launches] == [Pad, Tile]  # of a alone


def test_tall_tiles_are_for_many_registers() -> None:
    for m, n in itertools.product((128, 784, 2048), (1, 10, 64, 768)):
        rows, vectors = choose_tile(m, n, 8, Vectors(32, 16))
        assert rows * vectors + vectors < 16 and rows <= 8


def test_three_vectors_where_they_divide_the_columns() -> None:
    """Twelve products of 4 x 3 take seven loads, of 6 x 2 eight; not if columns are left over, or a product's rows stand in one line."""
    few, many = Vectors(32, 16), Vectors(64, 32)
    assert choose_tile(2048, 384, 8, few) == choose_tile(784, 192, 8, few) == (4, 3)
    assert choose_tile(2048, 384, 8, few, across=True) == choose_tile(2048, 128, 8, few) == (6, 2)
    assert choose_tile(2048, 384, 16, many) == choose_tile(2048, 384, 16, many, across=True)


def test_rows_are_cut_with_little_left_over() -> None:
    few = Vectors(32, 16)
    assert choose_tile(49, 512, 8, few) == (5, 2) and choose_tile(784, 128, 8, few) == (6, 2)
    channels = depthwise.convolution(few, conv_spec(F32, 1, (14, 14), 384, 384, (3, 3), padding=((1, 1), (1, 1)), groups=384))
    assert channels and [launch.tasks for launch in channels.launches] == [14]  # as many for each of two threads


def test_rows_do_not_depend_on_their_number() -> None:
    rng = np.random.default_rng(0)
    a, b = sample(rng, dtypes.float32, 64, 1500), sample(rng, dtypes.float32, 1500, 48)
    whole = run(contraction.matmul(dtypes.float32, 1, 64, 48, 1500), {"a": a, "b": b}, (64, 48), dtypes.float32)
    for m in (1, 3, 8, 29):
        part = run(contraction.matmul(dtypes.float32, 1, m, 48, 1500), {"a": a, "b": b}, (m, 48), dtypes.float32)
        np.testing.assert_array_equal(part, whole[:m])


def convolve(spec: ConvSpec, x: Array, w: Array, g: Array) -> tuple[Array, Array, Array]:
    """Oracle: (out, gradient of x, gradient of w)."""
    rank, groups = spec.rank, spec.groups
    axes = list(range(rank + 1))
    reach = [spec.kernel[d] * spec.dilation[d] + spec.output[d] * spec.strides[d] for d in range(rank)]
    low = [max(p[0], 0) for p in spec.padding]
    crop = [max(-p[0], 0) for p in spec.padding]
    inside = (slice(None), *(slice(lo, lo + e) for lo, e in zip(low, spec.input, strict=True)))
    padded = np.zeros((spec.n, *(lo + e + r for lo, e, r in zip(low, spec.input, reach, strict=True)), spec.ci), widened(x).dtype)
    padded[inside] = x
    out, dx, dw = np.zeros(g.shape, padded.dtype), np.zeros_like(padded), np.zeros(w.shape, padded.dtype)
    for tap in itertools.product(*map(range, spec.kernel)):
        begin = [crop[d] + tap[d] * spec.dilation[d] for d in range(rank)]
        window = (slice(None), *(slice(b, b + s * o, s) for b, s, o in zip(begin, spec.strides, spec.output, strict=True)))
        for group in range(groups):
            i = slice(group * spec.ci // groups, (group + 1) * spec.ci // groups)
            o = slice(group * spec.co // groups, (group + 1) * spec.co // groups)
            at, wide = (*window, i), widened(w[tap][:, o])
            out[..., o] += padded[at] @ wide
            dx[at] += widened(g[..., o]) @ wide.T
            dw[tap][:, o] += np.tensordot(padded[at], widened(g[..., o]), (axes, axes))
    return out, dx[inside], dw


def conv_spec(
    dtype: DType, n: int, size: tuple[int, ...], ci: int, co: int, kernel: tuple[int, ...], strides: tuple[int, ...] | None = None,
    padding: tuple[tuple[int, int], ...] | None = None, dilation: tuple[int, ...] | None = None, groups: int = 1,
) -> ConvSpec:  # fmt: skip
    one = (1,) * len(size)
    strides, dilation, padding = strides or one, dilation or one, padding or ((0, 0),) * len(size)
    every = zip(size, kernel, strides, dilation, padding, strict=True)
    output = tuple(max((i + p[0] + p[1] - (k - 1) * d - 1) // s + 1, 0) for i, k, s, d, p in every)
    return ConvSpec(dtype, n, size, ci, co, kernel, output, strides, padding, dilation, groups)


def check_convolution(spec: ConvSpec) -> None:
    rng = np.random.default_rng(spec.ci)
    x = sample(rng, spec.dtype, spec.n, *spec.input, spec.ci)
    w = sample(rng, spec.dtype, *spec.kernel, spec.ci // spec.groups, spec.co)
    g = sample(rng, spec.dtype, spec.n, *spec.output, spec.co)
    out, dx, dw = convolve(spec, x, w, g)
    sizes = [float(np.sqrt(squares.max(initial=1e-60))) for squares in convolve(spec, x * x, w * w, g * g)]
    check(run(contraction.convolution(spec), {"a": x, "b": w}, out.shape, spec.dtype), out, spec.dtype, sizes[0])
    check(run(contraction.convolution(spec, settled=True), {"a": x, "b": w}, out.shape, spec.dtype), out, spec.dtype, sizes[0])
    check(run(contraction.convolution_input_gradient(spec), {"a": g, "b": w}, dx.shape, spec.dtype), dx, spec.dtype, sizes[1])
    check(run(contraction.convolution_weight_gradient(spec), {"a": x, "b": g}, dw.shape, spec.dtype), dw, spec.dtype, sizes[2])


F32 = dtypes.float32
SPECS = {
    "cifar_first": conv_spec(F32, 3, (32, 32), 3, 32, (3, 3)),
    "cifar_second": conv_spec(F32, 4, (15, 15), 32, 64, (3, 3)),
    "same": conv_spec(F32, 8, (7, 7), 64, 64, (3, 3), padding=((1, 1), (1, 1))),
    "many_images": conv_spec(F32, 20, (6, 5), 6, 20, (3, 3), (2, 1), ((1, 1), (2, 2))),
    "many_volumes": conv_spec(F32, 9, (3, 4, 5), 2, 5, (2, 3, 3), padding=((1, 0), (1, 1), (2, 1)), dilation=(1, 1, 2)),
    "many_depthwise": conv_spec(F32, 16, (5, 5), 20, 20, (3, 3), padding=((1, 1), (1, 1)), groups=20),
    "strided_1x1": conv_spec(F32, 2, (14, 14), 64, 128, (1, 1), (2, 2)),
    "stem": conv_spec(F32, 1, (33, 35), 3, 64, (7, 7), (2, 2), ((3, 3), (2, 3))),
    "many_channels": conv_spec(F32, 1, (9, 9), 256, 512, (3, 3), (2, 2), ((0, 1), (0, 1))),
    "depthwise": conv_spec(F32, 2, (12, 12), 20, 20, (3, 3), (1, 1), ((1, 1), (1, 1)), groups=20),
    "depthwise_strided": conv_spec(F32, 1, (13, 12), 20, 20, (3, 3), (2, 2), ((1, 1), (0, 1)), groups=20),
    "depthwise_wide": conv_spec(F32, 2, (9, 30), 70, 70, (5, 5), (1, 1), ((2, 2), (4, 4)), (1, 2), groups=70),
    "depthwise_volumes": conv_spec(F32, 2, (3, 5, 14), 40, 40, (2, 3, 3), (1, 2, 2), ((1, 0), (1, 1), (0, 1)), groups=40),
    "multiplier": conv_spec(F32, 2, (9, 9), 8, 16, (3, 3), groups=8),
    "grouped": conv_spec(F32, 2, (9, 9), 12, 30, (3, 2), (2, 1), ((1, 1), (1, 0)), groups=3),
    "dilated": conv_spec(F32, 2, (15, 17), 5, 6, (3, 3), (2, 1), ((2, 2), (4, 3)), (2, 4)),
    "one_dimension": conv_spec(F32, 3, (40,), 4, 8, (5,), (3,), ((6, 7),), (2,), 2),
    "three_dimensions": conv_spec(F32, 1, (4, 5, 6), 4, 3, (2, 3, 2), (1, 2, 1), ((1, 0), (2, 1), (0, 0)), (1, 1, 2)),
    "stride_beyond_kernel": conv_spec(F32, 2, (8, 8), 3, 4, (1, 2), (3, 4)),
    "cropped": conv_spec(F32, 2, (8, 8), 3, 4, (1, 1), (3, 3), ((-1, -2), (2, -1))),
    "nothing_fits": conv_spec(F32, 2, (2, 2), 3, 4, (5, 5)),
    "no_images": conv_spec(F32, 0, (8, 8), 3, 4, (3, 3)),
    "nothing_seen": conv_spec(F32, 1, (0, 3), 4, 4, (2, 2), padding=((1, 1), (0, 0)), groups=4),
    "no_channels": conv_spec(F32, 2, (5, 5), 0, 4, (3, 3)),
    "single": conv_spec(F32, 1, (1, 1), 1, 1, (1, 1)),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_convolution(spec: ConvSpec) -> None:
    check_convolution(spec)


FEW_POSITIONS = conv_spec(F32, 1, (7, 7), 256, 288, (3, 3), padding=((1, 1), (1, 1)))


def test_kept_panels_of_many_weights_pass_once() -> None:
    machine = Vectors(32, 16, cache=256 * 1024)
    for spec, passing in ((FEW_POSITIONS, True), (conv_spec(F32, 1, (56, 56), 64, 64, (1, 1)), False)):
        (step,) = (s for s in plain_convolution(machine, spec, settled=True).launches if isinstance(s.kernel, Tile))
        assert isinstance(step.kernel, Tile) and step.kernel.passing == passing
        assert not passing or step.tasks == spec.co / step.kernel.columns


def test_passing_panels() -> None:
    spec, rng = FEW_POSITIONS, np.random.default_rng(0)
    x, w, bias = sample(rng, F32, 1, 7, 7, spec.ci), sample(rng, F32, 3, 3, spec.ci, spec.co), sample(rng, F32, spec.co)
    out = convolve(spec, x, w, np.zeros((1, 7, 7, spec.co), np.float32))[0]
    recipe, operands = contraction.convolution(spec, bias_relu(), settled=True), {"a": x, "b": w, "extra0": bias}
    actual = run(recipe, operands, out.shape, F32)
    check(actual, np.maximum(out + widened(bias), 0), F32)
    np.testing.assert_array_equal(run(recipe, operands, out.shape, F32, lambda n: [[*range(n)][::-1]]), actual)


@pytest.mark.parametrize("name", ["depthwise", "depthwise_strided", "depthwise_wide", "depthwise_volumes"])
def test_channels_are_convolved_without_a_copy_of_the_images(name: str) -> None:
    recipe = contraction.convolution(SPECS[name])
    assert len(recipe.calls) == 1 and not recipe.scratch


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.name)
def test_convolution_types(dtype: DType) -> None:
    check_convolution(conv_spec(dtype, 2, (7, 9), 5, 6, (3, 3), (2, 1), ((1, 1), (0, 2))))
    check_convolution(conv_spec(dtype, 1, (8, 8), 6, 6, (3, 3), (2, 1), ((1, 1), (0, 2)), (1, 2), 6))
    check_convolution(conv_spec(dtype, 5, (6,), 3, 20, (3,), padding=((1, 1),)))
    check_convolution(conv_spec(dtype, 2, (8, 8), 2, 4, (1, 2), (3, 4)))
    check_convolution(conv_spec(dtype, 11, (5,), 4, 6, (3,), padding=((2, 1),)))
    check_convolution(conv_spec(dtype, 2, (7, 6), 8, 12, (3, 2), (2, 1), ((1, 1), (0, 1)), groups=2))


@st.composite
def specs(draw: st.DrawFn) -> ConvSpec:
    rank, groups = draw(st.integers(1, 3)), draw(st.sampled_from((1, 1, 2, 3)))
    small = st.integers(1, 3)

    def each(values: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(values) for _ in range(rank))

    ci, co = groups * draw(st.integers(1, 5)), groups * draw(st.integers(1, 20))
    if draw(st.booleans()):
        groups, co = ci, ci
    size, padding = each(st.integers(0, 9)), each(st.tuples(st.integers(-1, 6), st.integers(-1, 6)))
    return conv_spec(F32, draw(st.sampled_from((0, 1, 2, 3, 8))), size, ci, co, each(small), each(small), padding, each(small), groups)


@settings(max_examples=60, deadline=None)
@given(specs())
def test_convolution_any(spec: ConvSpec) -> None:
    check_convolution(spec)


def bias_relu(out: DType = F32) -> Epilogue:
    x = loops.result(0, 0, F32) + loops.load(0, loops.axis(1), F32)
    return Epilogue((F32,), loops.cast(loops.binary("max", x, 0.0), out))


def everything(n: int, out: DType = F32) -> Epilogue:
    """bias, a residual, a factor per row, and a load in no order."""
    row, column = loops.axis(0), loops.axis(1)
    x = loops.result(0, 0, F32) + loops.load(0, column, F32)
    x = loops.select(x < 0.0, loops.const(0.0, F32), x) + loops.load(1, row * n + column, F32) * loops.load(2, row, F32)
    x = x + loops.load(0, (column * 7 + row) % n, F32) + loops.load(0, column, F32, column < 5)
    return Epilogue((F32, F32, F32), loops.cast(x, out))


def apply(x: Array, epilogue: str, extras: list[Array]) -> Array:
    """Oracle of the two epilogues, on x [rows, n]."""
    bias, n = extras[0].astype(np.float64), x.shape[1]
    x = np.maximum(x + bias, 0).astype(np.float64)
    if epilogue == "bias_relu":
        return x
    odd = (np.arange(n) * 7 + np.arange(len(x))[:, None]) % n
    expected: Array = x + extras[1] * extras[2][:, None] + bias[odd] + np.where(np.arange(n) < 5, bias, 0)
    return expected


@pytest.mark.parametrize("out", [F32, dtypes.bfloat16, dtypes.float16, dtypes.float64], ids=lambda d: d.name)
@pytest.mark.parametrize("which", ["bias_relu", "everything"])
@pytest.mark.parametrize("batch,m,n,k", [(1, 30, 64, 9), (2, 5, 7, 600), (1, 3, 20, 20000), (1, 90, 100, 500)])
def test_epilogue_of_matmul(which: str, out: DType, batch: int, m: int, n: int, k: int) -> None:
    rng = np.random.default_rng(0)
    a, b = sample(rng, F32, batch, m, k) / np.float32(k**0.5), sample(rng, F32, batch, k, n)
    extras = [sample(rng, F32, n), sample(rng, F32, batch * m, n), sample(rng, F32, batch * m)]
    epilogue = bias_relu(out) if which == "bias_relu" else everything(n, out)
    operands = {"a": a, "b": b, **{f"extra{i}": e for i, e in enumerate(extras)}}
    actual = run(contraction.matmul(F32, batch, m, n, k, epilogue=epilogue), operands, (batch * m, n), out)
    expected = apply((widened(a) @ widened(b)).reshape(batch * m, n), which, extras)
    check(actual, expected, out if out.size == 2 else F32)


@pytest.mark.parametrize("which", ["bias_relu", "everything"])
@pytest.mark.parametrize("name", ["cifar_second", "grouped", "depthwise", "many_channels", "many_images"])
def test_epilogue_of_convolution(which: str, name: str) -> None:
    spec, rng = SPECS[name], np.random.default_rng(0)
    x, w = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, *spec.kernel, spec.ci // spec.groups, spec.co)
    shape = (spec.n, *spec.output, spec.co)
    rows = int(np.prod(shape[:-1]))
    extras = [sample(rng, F32, spec.co), sample(rng, F32, rows, spec.co), sample(rng, F32, rows)]
    epilogue = bias_relu() if which == "bias_relu" else everything(spec.co)
    operands = {"a": x, "b": w, **{f"extra{i}": e for i, e in enumerate(extras)}}
    actual = run(contraction.convolution(spec, epilogue), operands, shape, F32)
    out = convolve(spec, x, w, np.zeros(shape, np.float32))[0]
    check(actual, apply(out.reshape(rows, spec.co), which, extras).reshape(shape), F32)


@pytest.mark.parametrize("name", ["cifar_first", "cifar_second", "strided_1x1", "grouped", "many_images"])
def test_order_and_threads_do_not_matter(name: str) -> None:
    spec, rng = SPECS[name], np.random.default_rng(0)
    x, w = sample(rng, F32, spec.n, *spec.input, spec.ci), sample(rng, F32, *spec.kernel, spec.ci // spec.groups, spec.co)
    g = sample(rng, F32, spec.n, *spec.output, spec.co)

    def two_threads(n: int) -> list[list[int]]:
        tasks = [int(i) for i in np.random.default_rng(1).permutation(n)]
        return [tasks[: n // 3], tasks[n // 3 :]]

    for recipe, a, b, shape in (
        (contraction.convolution(spec), x, w, g.shape),
        (contraction.convolution_input_gradient(spec), g, w, x.shape),
        (contraction.convolution_weight_gradient(spec), x, g, w.shape),
    ):
        first = run(recipe, {"a": a, "b": b}, shape, F32)
        np.testing.assert_array_equal(run(recipe, {"a": a, "b": b}, shape, F32, two_threads), first)


@pytest.mark.parametrize("transposed", [False, True])
def test_products_at_equal_distances_come_in_units(transposed: bool) -> None:
    """With few registers, and whatever the length of the sum: the kernel takes several products in a turn."""
    few = Vectors(32, 16, cache=256 * 1024)
    schedule = Schedule(a="packed" if transposed else "placed")
    tile = matmul(few, F32, 1, 128, 640, 200, transposed, schedule=schedule).launches[-1].kernel
    assert isinstance(tile, Tile) and tile.step == (4 * tile.rows if transposed else 4)
    rng = np.random.default_rng(0)
    for k in (1, 3, 4, 7, 200):
        a, b = sample(rng, F32, *((k, 40) if transposed else (40, k))), sample(rng, F32, k, 40)
        out = run(contraction.matmul(F32, 1, 40, 40, k, transposed, schedule=schedule), {"a": a, "b": b}, (40, 40), F32)
        check(out, widened(a.T if transposed else a) @ widened(b), F32)


@pytest.mark.parametrize("dtype", [F32, dtypes.float64, dtypes.bfloat16, dtypes.int32], ids=str)
@pytest.mark.parametrize("shape", [(7, 130, 5), (40, 64, 33), (61, 129, 300), (8, 80, 1)])
def test_tiles_copy_their_rows_of_a_transposed_operand(dtype: DType, shape: tuple[int, int, int]) -> None:
    """Where registers are few: no pass over memory, and each product's numbers side by side."""
    (m, n, k), rng = shape, np.random.default_rng(0)
    few = Vectors(32, 16, cache=256 * 1024)
    copying = matmul(few, dtype, 2, m, n, k, transpose_a=True).launches[-1].kernel
    assert isinstance(copying, Tile) and copying.copied_a is dtype and copying.step % 32 == 0
    a, b = sample(rng, dtype, 2, k, m), sample(rng, dtype, 2, k, n)
    out = run(contraction.matmul(dtype, 2, m, n, k, True), {"a": a, "b": b}, (2, m, n), dtype)
    check(out, np.swapaxes(widened(a), 1, 2) @ widened(b), dtype)


@pytest.mark.parametrize("dtype", [F32, dtypes.float64, dtypes.bfloat16, dtypes.int32], ids=str)
@pytest.mark.parametrize("columns", [40, 64])
def test_weight_gradients_copy_panels_that_many_rows_meet(dtype: DType, columns: int) -> None:
    """Where registers are few; and the tiles of a task ask for what comes next in turns."""
    spec = conv_spec(dtype, 3, (41, 45), 3, columns, (7, 7), (2, 2), ((3, 3), (2, 3)))
    (kernel,) = [x.kernel for x in weight_gradient.convolution_weight_gradient(Vectors(32, 16), spec).launches if isinstance(x.kernel, Tile)]
    assert kernel.copied is dtype and kernel.shared
    check_convolution(spec)


@pytest.mark.parametrize("ahead", [False, True])
@pytest.mark.parametrize("group", [2, 4, 8, 16])
def test_groups_of_few_channels_are_convolved_directly(group: int, ahead: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A vector holds several groups, or a group several vectors; of large images, lines are asked for early."""
    monkeypatch.setattr(depthwise, "LARGE", 0 if ahead else 1 << 60)
    for dtype, stride, dilation in ((F32, (1, 1), (1, 1)), (F32, (1, 2), (2, 1)), (dtypes.float64, (2, 1), (1, 2)))[: 1 if ahead else 3]:
        spec = conv_spec(dtype, 2, (7, 11), 64, 64, (3, 3), stride, ((1, 1), (1, 0)), dilation, groups=64 // group)
        arranged, kernel = (c.source.description for c in contraction.convolution(spec).calls)
        assert isinstance(arranged, Regroup) and isinstance(kernel, Depthwise)
        assert (kernel.groups.inputs, kernel.groups.outputs, kernel.ahead) == (group, group, ahead)
        assert {type(c.source.description) for c in contraction.convolution_input_gradient(spec).calls} == {Regroup, Depthwise}
        check_convolution(spec)


@pytest.mark.parametrize("channels", [(32, 64, 32), (32, 96, 32), (32, 64, 16), (64, 32, 8), (48, 48, 16), (24, 24, 8)], ids=str)
def test_groups_of_any_few_channels_are_convolved_directly(channels: tuple[int, int, int]) -> None:
    """Channel multipliers, more channels before than after, groups that vectors cut: in all three directions, with strides and dilations."""
    ci, co, groups = channels
    for kernel, stride, dilation in (((3, 3), (1, 1), (1, 1)), ((3, 5), (2, 3), (1, 1)), ((2, 3), (3, 2), (2, 2)), ((1, 1), (2, 2), (1, 1))):
        spec = conv_spec(F32, 2, (7, 8), ci, co, kernel, stride, ((1, 0), (2, 1)), dilation, groups=groups)
        assert isinstance(contraction.convolution(spec).calls[-1].source.description, Depthwise)
        assert {type(c.source.description) for c in contraction.convolution_input_gradient(spec).calls} == {Regroup, Depthwise}
        assert isinstance(contraction.convolution_weight_gradient(spec).calls[0].source.description, Correlation)
        check_convolution(spec)


def test_strided_gradients_of_images_by_channel_are_direct() -> None:
    """Each remainder of the positions modulo the strides by itself; those that no tap reaches become zeros."""
    for kernel, stride, dilation in (((3, 3), (2, 2), (1, 1)), ((5, 3), (3, 2), (1, 2)), ((1, 2), (2, 3), (1, 1)), ((3, 3), (2, 2), (2, 2))):
        spec = conv_spec(F32, 2, (9, 12), 20, 20, kernel, stride, ((1, 1), (0, 1)), dilation, groups=20)
        assert {type(c.source.description) for c in contraction.convolution_input_gradient(spec).calls} == {Depthwise}
        check_convolution(spec)


def test_images_of_groups_whose_positions_lie_pages_apart_are_taken_apart() -> None:
    """Else all of them would fall upon the same lines of the cache."""
    for width, stride in ((1024, (1, 1)), (2048, (2, 2))):
        spec, rng = conv_spec(F32, 3, (6, 5), width, width // 2, (3, 3), stride, ((1, 1), (1, 0)), groups=16), np.random.default_rng(0)
        x, g = sample(rng, F32, 3, 6, 5, width), sample(rng, F32, 3, *spec.output, width // 2)
        recipe = contraction.convolution_weight_gradient(spec)
        packs = [c.source.description for c in recipe.calls if isinstance(c.source.description, Pack)]
        assert packs[0].columns == width // 16
        w = sample(rng, F32, 3, 3, width // 16, width // 2)
        check(run(recipe, {"a": x, "b": g}, w.shape, F32), convolve(spec, x, w, g)[2], F32)


@pytest.mark.parametrize("groups", [(20, 20), (70, 70), (64, 16), (64, 8)], ids=str)
def test_gradients_of_weights_by_channel_or_few_are_sums_of_rows(groups: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Borders, rows of taps outside the image, kernels wider than images, several vectors of channels and single ones."""
    channels, count = groups
    for number, (kernel, stride, dilation, padding) in enumerate((
        ((3, 3), (1, 1), (1, 1), ((1, 1), (1, 0))), ((3, 5), (2, 2), (1, 1), ((2, 1), (2, 3))), ((5, 3), (1, 3), (2, 2), ((4, 4), (2, 4))),
        ((3, 7), (1, 1), (1, 1), ((1, 1), (5, 5))), ((1, 1), (1, 2), (1, 1), ((0, 0), (0, 0))),
    )):  # fmt: skip
        monkeypatch.setattr(correlation, "LARGE", 0 if number % 2 else 1 << 60)
        for dtype in (F32, dtypes.bfloat16 if count == channels else dtypes.float64)[: 1 + (number < 2)]:
            spec, rng = conv_spec(dtype, 3, (6, 5), channels, channels, kernel, stride, padding, dilation, groups=count), np.random.default_rng(0)
            x, g = sample(rng, dtype, 3, 6, 5, channels), sample(rng, dtype, 3, *spec.output, channels)
            w = sample(rng, dtype, *kernel, channels // count, channels)
            recipe = contraction.convolution_weight_gradient(spec)
            assert [type(c.source.description) for c in recipe.calls] == [Correlation, Sum]
            made = run(recipe, {"a": x, "b": g}, w.shape, dtype)
            check(made, convolve(spec, x, w, g)[2], dtype)
            backwards = run(recipe, {"a": x, "b": g}, w.shape, dtype, lambda n: [[*range(n)][::-1]])
            np.testing.assert_array_equal(backwards.view(np.uint8), made.view(np.uint8))


@pytest.mark.parametrize("group", [2, 4])
def test_large_images_of_groups_that_a_shuffle_spreads_are_not_copied(group: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, rng = conv_spec(F32, 8, (56, 56), 128, 128, (3, 3), padding=((1, 1), (1, 1)), groups=128 // group), np.random.default_rng(0)
    for machine, expected in ((Vectors(32, 16, cache=256 * 1024), True), (Vectors(64, 32), False)):
        steps = correlation.convolution_weight_gradient(machine, spec)
        assert steps and isinstance(kernel := steps.launches[0].kernel, Correlation) and kernel.in_place is expected
    monkeypatch.setattr(correlation, "LARGE", 0)
    for stride, dilation, padding, width in (((1, 1), (1, 1), (1, 0), 24), ((2, 2), (1, 1), (1, 1), 5), ((1, 3), (2, 2), (4, 4), 3)):
        spec = conv_spec(F32, 3, (6, width), 48, 48, (3, 3), stride, ((1, 1), padding), dilation, groups=48 // group)
        x, g = sample(rng, F32, 3, 6, width, 48), sample(rng, F32, 3, *spec.output, 48)
        w = sample(rng, F32, 3, 3, group, 48)
        recipe = contraction.convolution_weight_gradient(spec)
        made = run(recipe, {"a": x, "b": g}, w.shape, F32)
        check(made, convolve(spec, x, w, g)[2], F32)
        backwards = run(recipe, {"a": x, "b": g}, w.shape, F32, lambda n: [[*range(n)][::-1]])
        np.testing.assert_array_equal(backwards.view(np.uint8), made.view(np.uint8))


def test_other_hosts() -> None:
    """Kernels for narrower registers and fewer of them, as far as this host can run them."""
    narrow = replace(cpu.host(), lanes=4)
    for spec in (SPECS["cifar_second"], SPECS["depthwise"], SPECS["grouped"]):
        assert all(call.source.description.lanes <= 4 for call in contraction.convolution(spec, target=narrow).calls)
    rng = np.random.default_rng(0)
    a, b = sample(rng, F32, 33, 70), sample(rng, F32, 70, 65)
    recipe = contraction.matmul(F32, 1, 33, 65, 70, target=narrow)
    check(run(recipe, {"a": a, "b": b}, (33, 65), F32), widened(a) @ widened(b), F32)
