"""Generated kernels against the NumPy interpreter of the kernel language."""

import ctypes
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.codegen.cpu import compile_kernel, source
from tenfold.codegen.flatten import flatten
from tenfold.codegen.llvm import emit
from tenfold.codegen.rows import keep
from tenfold.core import dtypes
from tenfold.core.dtypes import DType, as_dtype
from tenfold.kernel import mathlib
from tenfold.kernel.loops import (
    Expr,
    Kernel,
    Reduction,
    Stage,
    Store,
    axis,
    binary,
    bitcast,
    cast,
    const,
    fma,
    load,
    param,
    result,
    select,
    unary,
)
from tenfold.runtime.native import Target, digest, host, machine, object_code
from tenfold.runtime.native import load as load_code
from tests.kernel_oracle import Oracle

EXTENTS = (0, 1, 3, 15, 16, 17, 63, 64, 65, 130, 1000)
F32 = dtypes.float32
i = dtypes.int64


def run(kernel: Kernel, buffers: list[np.ndarray], params: tuple[int, ...] = (), grain: int = 1 << 40, tasks: int = 1, address: int = 0) -> None:
    code = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address or compile_kernel(kernel))
    args = np.array([*(b.ctypes.data for b in buffers), *params, grain], np.int64)
    for task in range(tasks):
        code(args.ctypes.data, task)


def check(kernel: Kernel, buffers: list[np.ndarray], params: tuple[int, ...] = (), exact: bool = True, grain: int = 1 << 40, tasks: int = 1) -> None:
    got, wanted = [b.copy() for b in buffers], [b.copy() for b in buffers]
    run(kernel, got, params, grain, tasks)
    Oracle(kernel, wanted, params).run()
    for a, b in zip(got, wanted, strict=True):
        if exact:
            wide = np.float64 if a.dtype.name in ("float16", "bfloat16") else a.dtype
            np.testing.assert_array_equal(a.astype(wide), b.astype(wide))
        else:
            np.testing.assert_allclose(a.astype(np.float64), b.astype(np.float64), rtol=1e-5, atol=1e-5)


TARGETS = {"avx2": ("+avx2,+fma,+f16c", 8, True, True), "sse": ("+sse4.2", 4, False, False)}


def compile_for(kernel: Kernel, name: str) -> int:
    """The kernel as an older processor of this kind would run it."""
    features, lanes, has_fma, has_half = TARGETS[name]
    target = Target(host().triple, "x86-64", features, lanes, has_fma, has_half)
    symbol = f"{name}_{digest(source(kernel).key)}"
    module = llvm.parse_assembly(emit(kernel, symbol, target))
    return load_code([(bytes(machine(target).emit_object(module)), (symbol,))])[symbol]


def numbers(dtype: DType, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype.is_bool:
        return rng.integers(0, 2, count).astype(bool)
    if dtype.is_floating:
        return (rng.standard_normal(count) * 4).astype(dtype.numpy)
    span = 100 if dtype.size == 1 else 1000
    return rng.integers(0 if dtype.is_unsigned else -span, span, count).astype(dtype.numpy)


def flat(body: Any, inputs: tuple[DType, ...], output: DType) -> Kernel:
    """out[k] = body(in0[k], in1[k], ...)."""
    x = axis(0)
    value = body(*(load(k, x, t) for k, t in enumerate(inputs)))
    return Kernel((*inputs, output), 1, (param(0),), (0,), 0, (Stage((), (), (Store(len(inputs), x, value),)),))


def elementwise(body: Any, inputs: list[np.ndarray], output: DType, exact: bool = True) -> None:
    n = len(inputs[0])
    check(flat(body, tuple(as_dtype(a.dtype) for a in inputs), output), [*inputs, np.zeros(n, output.numpy)], (n,), exact)


@pytest.mark.parametrize("n", EXTENTS)
def test_extents_of_an_elementwise_kernel(n: int) -> None:
    elementwise(lambda a, b: a * b + 1.5, [numbers(F32, n), numbers(F32, n, 1)], F32)


@pytest.mark.parametrize("n", [1, 64, 65, 1000])
@pytest.mark.parametrize("grain", [64, 128])
def test_tasks_divide_the_vector_axis(n: int, grain: int) -> None:
    kernel = flat(lambda a: a + 1.0, (F32,), F32)
    check(kernel, [numbers(F32, n), np.zeros(n, np.float32)], (n,), grain=grain, tasks=-(-n // grain))


REALS = [d for d in dtypes.REALS]


@pytest.mark.parametrize("dtype", REALS, ids=str)
@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "min", "max", "rem"])
def test_arithmetic(op: str, dtype: DType) -> None:
    if op == "rem" and dtype.size == 2 and dtype.is_floating:
        return
    a, b = numbers(dtype, 77), numbers(dtype, 77, 1)
    if dtype.is_integer:
        b[::5] = 0
        a[:3], b[:3] = dtype.min, np.array([-1, 1, 2]).astype(dtype.numpy)
    elif op in ("min", "max"):
        a[::7], b[::5] = np.nan, np.nan
    elementwise(lambda x, y: binary(op, x, y), [a, b], dtype)


@pytest.mark.parametrize("dtype", [*dtypes.INTEGERS, dtypes.bool_], ids=str)
@pytest.mark.parametrize("op", ["and", "or", "xor", "shl", "shr", "mulhi"])
def test_bits(op: str, dtype: DType) -> None:
    if (op in ("shl", "shr") and dtype.is_bool) or (op == "mulhi" and not dtype.is_unsigned):
        return
    elementwise(lambda x, y: binary(op, x, y), [numbers(dtype, 77), numbers(dtype, 77, 1)], dtype)


@pytest.mark.parametrize("dtype", [*REALS, dtypes.bool_], ids=str)
@pytest.mark.parametrize("op", ["lt", "le", "eq", "ne"])
def test_comparisons(op: str, dtype: DType) -> None:
    a, b = numbers(dtype, 77), numbers(dtype, 77, 1)
    b[::3] = a[::3]
    if dtype.is_floating:
        a[::7] = np.nan
    elementwise(lambda x, y: binary(op, x, y), [a, b], dtypes.bool_)


@pytest.mark.parametrize("dtype", dtypes.FLOATS, ids=str)
@pytest.mark.parametrize("op", ["neg", "abs", "sqrt", "floor", "ceil", "round", "trunc"])
def test_unary_of_floats(op: str, dtype: DType) -> None:
    x = numbers(dtype, 77)
    x[:6] = np.array([0.5, 1.5, 2.5, -0.5, -0.0, np.inf]).astype(dtype.numpy)
    elementwise(lambda v: unary(op, v), [x], dtype)


@pytest.mark.parametrize("dtype", dtypes.INTEGERS, ids=str)
@pytest.mark.parametrize("op", ["neg", "abs", "not", "floor"])
def test_unary_of_integers(op: str, dtype: DType) -> None:
    x = numbers(dtype, 77)
    x[0] = dtype.min
    elementwise(lambda v: unary(op, v), [x], dtype)


@pytest.mark.parametrize("target", [*REALS, dtypes.bool_], ids=str)
@pytest.mark.parametrize("source", [*REALS, dtypes.bool_], ids=str)
def test_cast(source: DType, target: DType) -> None:
    x = numbers(source, 99)
    if source.is_floating:
        special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 300.7, -300.7, 65519.9, 65520.0, 6e-8, 3e-8, 1e38, 1.00048828125]
        special += [-0.5, 127.9, 128.0, 255.9, -128.9, 32767.9, 65535.9, 2147483520.0, 2147483647.0, 2147483648.0, -2147483648.0, -2147483904.0]
        special += [4294967040.0, 4294967296.0]
        with np.errstate(over="ignore"):
            x[: len(special)] = np.array(special).astype(source.numpy)
    with np.errstate(all="ignore"):
        elementwise(lambda v: cast(v, target), [x], target)


def test_float64_to_float16_rounds_once() -> None:
    x = np.array([1.00048828125 + 2.0**-40, 1.00048828125 - 2.0**-40, 2049.0000001, 65519.99999999, 1e300, -1e300, 5e-8])
    elementwise(lambda v: cast(v, dtypes.float16), [x], dtypes.float16)


@pytest.mark.parametrize("dtype", [dtypes.bfloat16, dtypes.float16], ids=str)
def test_sixteen_bit_floats_round_to_nearest_even(dtype: DType) -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 5000, dtype=np.uint32)
    x = bits.view(np.float32)
    x[:4] = [np.inf, -np.inf, 3.4e38, 1e-40]
    got, wanted = np.zeros(len(x), dtype.numpy), np.zeros(len(x), dtype.numpy)
    run(flat(lambda v: cast(v, dtype), (F32,), dtype), [x, got], (len(x),))
    with np.errstate(all="ignore"):
        wanted[:] = x
    finite = ~np.isnan(x)
    np.testing.assert_array_equal(got.view(np.uint16)[finite], wanted.view(np.uint16)[finite])
    assert np.isnan(got[~finite].astype(np.float32)).all()


@pytest.mark.parametrize("dtype", [dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16, dtypes.int32, dtypes.uint32], ids=str)
def test_division_of_extreme_integers(dtype: DType) -> None:
    edges = np.array([0, 1, 2, 3, 7, dtype.max, dtype.max - 1, dtype.max // 2, dtype.min, dtype.min + 1], dtype.numpy)
    pool = np.concatenate([edges, np.random.default_rng(0).integers(dtype.min, dtype.max, 10, dtype.numpy)])
    x, y = (np.array(v).ravel() for v in np.meshgrid(pool, pool))
    elementwise(lambda a, b: a / b, [x, y], dtype)
    elementwise(lambda a, b: a % b, [x, y], dtype)


def test_remainder_of_extreme_floats() -> None:
    special = [0.0, -0.0, 1.0, -2.5, 3e38, 1e-45, -7e-42, 1.1754944e-38, np.inf, -np.inf, np.nan, 1e20, 0.1, 5.0]
    x, y = (np.array(v, np.float32).ravel() for v in np.meshgrid(special, special))
    elementwise(lambda a, b: a % b, [x, y], F32)
    elementwise(lambda a, b: a % b, [x.astype(np.float64) * 1e-270, y.astype(np.float64)], dtypes.float64)


def test_bitcast_and_select_and_fma() -> None:
    x, y = numbers(F32, 50), numbers(F32, 50, 1)
    elementwise(lambda a: bitcast(a, dtypes.int32) ^ 7, [x], dtypes.int32)
    elementwise(lambda a, b: select(a < b, a, b * 2.0), [x, y], F32)
    elementwise(lambda a, b: fma(a, b, a), [x, y], F32)
    elementwise(lambda a: bitcast(a, dtypes.uint16), [numbers(dtypes.float16, 50)], dtypes.uint16)
    elementwise(lambda a: select(a < 0.0, 1.0, a), [x], F32)


def softmax(extent: Expr) -> Kernel:
    index = axis(0) * extent + axis(1)
    x = load(0, index, F32)
    shifted = x - result(0, 0, F32)
    square = shifted * shifted
    return Kernel(
        (F32, F32),
        2,
        (param(0), extent),
        (0,),
        1,
        (
            Stage((1,), (Reduction("max", x),)),
            Stage((1,), (Reduction("sum", square),)),
            Stage((1,), (), (Store(1, index, square / result(1, 0, F32)),)),
        ),
    )


@pytest.mark.parametrize("n", EXTENTS)
def test_rows(n: int) -> None:
    x = numbers(F32, 3 * n)
    check(softmax(param(1)), [x, np.zeros_like(x)], (3, n), exact=False, grain=2, tasks=2)


@pytest.mark.parametrize("op", ["sum", "prod", "min", "max", "and", "or"])
@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64, dtypes.bfloat16, dtypes.int8, dtypes.uint32, dtypes.int64, dtypes.bool_], ids=str)
@pytest.mark.parametrize("vector", ["rows", "columns", "none"])
def test_reductions(op: str, dtype: DType, vector: str) -> None:
    if (op in ("and", "or") and dtype.is_floating) or (op in ("sum", "prod") and dtype.is_bool):
        return
    rows, columns = 5, 70
    value = load(0, axis(0) * param(1) + axis(1), dtype)
    x = numbers(dtype, rows * columns)
    keep, away, v = {"rows": (0, 1, 1), "columns": (1, 0, 1), "none": (0, 1, None)}[vector]
    stages = (Stage((away,), (Reduction(op, value),)), Stage((), (), (Store(1, axis(keep), result(0, 0, dtype)),)))
    out = np.zeros(rows if keep == 0 else columns, dtype.numpy)
    if dtype.is_floating and op == "prod":
        x = (x * 0.1 + 1).astype(x.dtype)
    check(Kernel((dtype, dtype), 2, (param(0), param(1)), (keep,), v, stages), [x, out], (rows, columns), exact=not dtype.is_floating)


def test_nan_reaches_max() -> None:
    x = numbers(F32, 200)
    x[130] = np.nan
    value = load(0, axis(0) * 100 + axis(1), F32)
    stages = (Stage((1,), (Reduction("max", value),)), Stage((), (), (Store(1, axis(0), result(0, 0, F32)),)))
    out = np.zeros(2, np.float32)
    run(Kernel((F32, F32), 0, (const(2, i), const(100, i)), (0,), 1, stages), [x, out])
    assert out[0] == x[:100].max()
    assert np.isnan(out[1])


@pytest.mark.parametrize("shape", [(3, 17), (4, 64), (1, 1), (0, 5), (5, 0)])
def test_bias_over_two_outer_axes(shape: tuple[int, int]) -> None:
    m, n = shape
    index = axis(0) * param(1) + axis(1)
    stage = Stage((), (), (Store(2, index, load(0, index, F32) + load(1, axis(1), F32)),))
    kernel = Kernel((F32, F32, F32), 2, (param(0), param(1)), (0, 1), 1, (stage,))
    check(kernel, [numbers(F32, m * n), numbers(F32, n), np.zeros(m * n, np.float32)], (m, n), grain=2, tasks=max(1, -(-m // 2)))


@pytest.mark.parametrize("vector", [0, 1, 2, None])
def test_transpose(vector: int | None) -> None:
    a, b, c = 3, 5, 19
    where = axis(2) * (a * b) + axis(0) * b + axis(1)
    stage = Stage((), (), (Store(1, axis(0) * (b * c) + axis(1) * c + axis(2), load(0, where, F32)),))
    kernel = Kernel((F32, F32), 0, tuple(const(n, i) for n in (a, b, c)), (0, 1, 2), vector, (stage,))
    for grain in (1, 4, 100):
        check(kernel, [numbers(F32, a * b * c), np.zeros(a * b * c, np.float32)], grain=grain, tasks=-(-a * b * c // grain))


@pytest.mark.parametrize(("grain", "strides"), [(1, "const"), (7, "param"), (100, "const"), (10_000, "param")])
@pytest.mark.parametrize(("c", "hw"), [(18, 35), (40, 3), (16, 32)])
def test_channels_first_in_tiles(c: int, hw: int, grain: int, strides: str) -> None:
    n = 3
    stride = param(0) if strides == "param" else const(c, i)
    source_index = axis(0) * (hw * c) + axis(2) * stride + axis(1)
    value = load(0, source_index, F32) + load(2, axis(1), F32)
    stage = Stage((), (), (Store(1, axis(0) * (c * hw) + axis(1) * hw + axis(2), value),))
    kernel = Kernel((F32, F32, F32), 1, tuple(const(e, i) for e in (n, c, hw)), (0, 1, 2), 2, (stage,))
    x = numbers(F32, n * c * hw)
    out, bias = np.zeros_like(x), numbers(F32, c)
    run(kernel, [x, out, bias], (c,), grain=grain, tasks=-(-n * c // grain))
    wanted = (x.reshape(n, hw, c) + bias).transpose(0, 2, 1)
    np.testing.assert_array_equal(out.reshape(n, c, hw), wanted)


@pytest.mark.parametrize("dtype", [dtypes.int32, dtypes.bfloat16, dtypes.bool_, dtypes.uint8], ids=str)
def test_scatter_with_vector_index(dtype: DType) -> None:
    n = 37
    order = np.random.default_rng(0).permutation(n).astype(np.int64)
    kernel = Kernel(
        (dtypes.int64, dtype, dtype), 1, (param(0),), (0,), 0,
        (Stage((), (), (Store(2, load(0, axis(0), i), load(1, axis(0), dtype), axis(0) < 30),)),),
    )  # fmt: skip
    check(kernel, [order, numbers(dtype, n), np.zeros(n, dtype.numpy)], (n,))


@pytest.mark.parametrize("vector", [0, 1])
def test_gather_and_scatter_add_with_equal_indices(vector: int) -> None:
    ids = np.array([3, 1, 3, 3, 0, 1, 9, -1, 3] * 3, np.int32)
    n, d, table = len(ids), 21, 4
    row = cast(load(0, axis(0), dtypes.int32), i)
    fine = (const(-1, i) < row) & (row < table)
    gathered = load(1, row * d + axis(1), F32, fine)
    gather = Kernel(
        (dtypes.int32, F32, F32), 0, (const(n, i), const(d, i)), (0, 1), vector, (Stage((), (), (Store(2, axis(0) * d + axis(1), gathered),)),)
    )
    check(gather, [ids, numbers(F32, table * d), np.ones(n * d, np.float32)])
    add = Store(2, row * d + axis(1), load(1, axis(0) * d + axis(1), F32), fine, accumulate=True)
    outer = (1,) if vector == 1 else (0, 1)
    inner = (0,) if vector == 1 else ()
    scatter = Kernel((dtypes.int32, F32, F32), 0, (const(n, i), const(d, i)), outer, vector, (Stage(inner, (), (add,)),))
    check(scatter, [ids, numbers(F32, n * d), np.zeros(table * d, np.float32)], exact=vector == 1)


def test_guarded_padding() -> None:
    n, pad = 45, 7
    inside = (const(pad, i) <= axis(0)) & (axis(0) < n + pad)
    stage = Stage((), (), (Store(1, axis(0), load(0, axis(0) - pad, F32, inside)),))
    kernel = Kernel((F32, F32), 0, (const(n + 2 * pad, i),), (0,), 0, (stage,))
    check(kernel, [numbers(F32, n), np.ones(n + 2 * pad, np.float32)])


def test_scalar_guards() -> None:
    inside = axis(0) < 2
    store = Store(1, axis(0) * 20 + axis(1), load(0, axis(0) * 20 + axis(1), F32, inside) + load(0, axis(0), F32, inside), binary("ne", axis(0), 1))
    kernel = Kernel((F32, F32), 0, (const(4, i), const(20, i)), (0, 1), 1, (Stage((), (), (store,)),))
    check(kernel, [numbers(F32, 40), np.ones(80, np.float32)])


def test_in_place_update_reads_before_it_writes() -> None:
    n = 50
    w, g = load(0, axis(0), F32), load(1, axis(0), F32)
    stage = Stage((), (), (Store(0, axis(0), w + g), Store(1, axis(0), w - g)))
    kernel = Kernel((F32, F32), 0, (const(n, i),), (0,), 0, (stage,))
    check(kernel, [numbers(F32, n), numbers(F32, n, 1)])


def test_later_stage_reads_what_an_earlier_one_wrote() -> None:
    x = load(0, axis(0) * 40 + axis(1), F32)
    y = load(1, axis(0) * 40 + axis(1), F32)
    stages = (Stage((1,), (), (Store(1, axis(0) * 40 + axis(1), x * 2.0),)), Stage((1,), (), (Store(1, axis(0) * 40 + axis(1), y + 1.0),)))
    kernel = Kernel((F32, F32), 0, (const(3, i), const(40, i)), (0,), 1, stages)
    check(kernel, [numbers(F32, 120), np.zeros(120, np.float32)])


def test_reversed_and_strided() -> None:
    n = 33
    back = Store(1, axis(0), load(0, const(n - 1, i) - axis(0), F32) + load(0, axis(0) * 0, F32))
    kernel = Kernel((F32, F32), 0, (const(n, i),), (0,), 0, (Stage((), (), (back,)),))
    check(kernel, [numbers(F32, n), np.zeros(n, np.float32)])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 70), st.integers(0, 70), st.integers(1, 5))
def test_any_extents(m: int, n: int, grain: int) -> None:
    check(softmax(param(1)), [numbers(F32, m * n), np.zeros(m * n, np.float32)], (m, n), exact=False, grain=grain, tasks=-(-m // grain))


def heavy_rows(dtype: DType) -> Kernel:
    """out = f(x) * 2 / sum(f(x)) + min(f(x)), f too long to compute three times."""
    index = axis(0) * param(1) + axis(1)
    x = cast(load(0, index, dtype), F32)
    f = mathlib.erf(x) + load(2, axis(1), F32)
    stages = (
        Stage((1,), (Reduction("sum", f),)),
        Stage((1,), (Reduction("min", f), Reduction("max", x))),
        Stage((1,), (), (Store(1, index, f * 2.0 / result(0, 0, F32) + result(1, 0, F32) - result(1, 1, F32)),)),
    )
    return Kernel((dtype, F32, F32), 2, (param(0), param(1)), (0,), 1, stages)


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.bfloat16, dtypes.float64], ids=str)
@pytest.mark.parametrize("n", [0, 1, 17, 1000, 30_000])
def test_rows_that_are_kept_have_the_same_bits(dtype: DType, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = heavy_rows(dtype)
    kept = keep(flatten(kernel))
    assert kept is not None
    assert 1_000 < kept.limit < 30_000
    buffers = [numbers(dtype, 3 * n), np.zeros(3 * n, np.float32), numbers(F32, n, 1)]
    one, other = ([b.copy() for b in buffers] for _ in range(2))
    run(kernel, one, (3, n), grain=2, tasks=2)
    monkeypatch.setattr("tenfold.codegen.llvm.keep", lambda _: None)
    plain = emit(kernel, f"plain_{dtype.name}_{n}", host())
    address = load_code([(object_code(plain), (f"plain_{dtype.name}_{n}",))])[f"plain_{dtype.name}_{n}"]
    run(kernel, other, (3, n), grain=2, tasks=2, address=address)
    assert one[1].tobytes() == other[1].tobytes()
    if 0 < n < 20:
        check(kernel, buffers, (3, n), exact=False)


def test_axis_outside_of_its_loop_is_an_error() -> None:
    stages = (Stage((1,), (Reduction("sum", load(0, axis(1), F32)),)), Stage((), (), (Store(1, axis(1), result(0, 0, F32)),)))
    with pytest.raises(ValueError, match="axis 1"):
        compile_kernel(Kernel((F32, F32), 0, (const(3, i), const(4, i)), (0,), 1, stages))


def test_many_tasks_give_the_bits_of_one() -> None:
    x = numbers(F32, 40 * 333)
    one, many = np.zeros_like(x), np.zeros_like(x)
    run(softmax(param(1)), [x, one], (40, 333))
    run(softmax(param(1)), [x, many], (40, 333), grain=3, tasks=14)
    assert one.tobytes() == many.tobytes()


@pytest.mark.skipif(not host().triple.startswith("x86_64"), reason="needs an x86 processor")
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("n", [0, 1, 7, 8, 100])
def test_older_processors(target: str, n: int) -> None:
    x = numbers(F32, 3 * n)
    one, other = np.zeros_like(x), np.zeros_like(x)
    run(softmax(param(1)), [x, one], (3, n))
    run(softmax(param(1)), [x, other], (3, n), address=compile_for(softmax(param(1)), target))
    np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.skipif(not host().triple.startswith("x86_64"), reason="needs an x86 processor")
@pytest.mark.parametrize("target", TARGETS)
def test_half_on_older_processors(target: str) -> None:
    every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    widen = flat(lambda v: cast(v, F32), (dtypes.float16,), F32)
    wide = np.zeros(len(every), np.float32)
    run(widen, [every, wide], (len(every),), address=compile_for(widen, target))
    np.testing.assert_array_equal(wide, every.astype(np.float32))
    anything = np.random.default_rng(0).integers(0, 2**32, 100_000, dtype=np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        x = np.concatenate([anything, wide, wide * 1.0003, wide * 0.99951])
    x = np.concatenate([x, np.float32([65519.99, 65520, 65536, 2**-25, 2**-24, 6.2e-5, 1e-40, np.inf])])
    narrow = flat(lambda v: cast(v, dtypes.float16), (F32,), dtypes.float16)
    got = np.zeros(len(x), np.float16)
    run(narrow, [x, got], (len(x),), address=compile_for(narrow, target))
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, x.astype(np.float16))
