"""mathlib's functions against mpmath, in units in the last place, and their special cases."""

import ctypes
import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.codegen.cpu import compile_kernel, host, source
from tenfold.core import dtypes
from tenfold.core.dtypes import as_dtype
from tenfold.kernel import mathlib
from tenfold.kernel.loops import Expr, Kernel, Stage, Store, axis, const, load
from tenfold.runtime.native import load as load_code
from tenfold.runtime.native import object_code

mpmath = pytest.importorskip("mpmath")
mp = mpmath.mp
mp.dps = 40
INF, NAN = math.inf, math.nan


def unfused(kernel: Kernel) -> int:
    """The kernel's address, without fused multiply-adds in it."""
    text = source(kernel).emit("unfused", replace(host(), has_fma=False))
    named = f"unfused_{hashlib.sha256(text.encode()).hexdigest()}"
    return load_code([(object_code(text.replace("@unfused(", f"@{named}(")), (named,))])[named]


def compute(
    function: Callable[..., Expr], *xs: np.ndarray, output: np.dtype[Any] | None = None, address: Callable[[Kernel], int] = compile_kernel
) -> np.ndarray:
    types = [as_dtype(x.dtype) for x in xs]
    out = np.zeros(len(xs[0]), output or xs[0].dtype)
    value = function(*(load(k, axis(0), t) for k, t in enumerate(types)))
    stage = Stage((), (), (Store(len(xs), axis(0), value),))
    kernel = Kernel((*types, as_dtype(out.dtype)), 0, (const(len(out), dtypes.int64),), (0,), 0, (stage,))
    args = np.array([*(np.ascontiguousarray(x).ctypes.data for x in xs), out.ctypes.data, 1 << 40], np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address(kernel))(args.ctypes.data, 0)
    return out


def worst(got: np.ndarray, truth: Callable[..., Any], *xs: np.ndarray) -> float:
    """The largest error in units in the last place; infinite where a value overflows on one side only."""
    result = 0.0
    for g, *point in zip(got, *xs, strict=True):
        exact = truth(*(mp.mpf(float(v)) for v in point))
        rounded = got.dtype.type(float(exact)) if abs(exact) < float(np.finfo(got.dtype).max) else None
        if rounded is None or not np.isfinite(g):
            limit = float(np.finfo(got.dtype).max)
            assert abs(exact) > limit * (1 - 1e-6) and not np.isfinite(g), (point, g, exact)
            continue
        result = max(result, float(abs(mp.mpf(float(g)) - exact) / mp.mpf(float(np.spacing(abs(rounded))))))
    return result


def even(low: float, high: float, count: int = 400) -> Callable[[], np.ndarray]:
    return lambda: np.random.default_rng(1).uniform(low, high, count)


def wide(low: float, high: float, signed: bool = True, count: int = 400) -> Callable[[], np.ndarray]:
    def make() -> np.ndarray:
        rng = np.random.default_rng(2)
        return 10 ** rng.uniform(low, high, count) * (rng.choice([-1, 1], count) if signed else 1)

    return make


def _erfcinv(x: Any) -> Any:
    start = mp.erfinv(1 - x) if x > 1e-3 else mp.sqrt(-mp.log(x) - mp.log(mp.pi * -mp.log(x)) / 2)
    return mp.findroot(lambda y: mp.log(mp.erfc(y) / x), start)


FUNCTIONS: dict[str, tuple[Any, list[Callable[[], np.ndarray]], float, float]] = {  # truth, samples, bounds for float32 and float64
    "exp": (mp.exp, [even(-104, 89), wide(-10, 1)], 1.5, 1.5),
    "exp2": (lambda x: mp.mpf(2) ** x, [even(-150, 128), wide(-10, 1)], 2, 2),
    "expm1": (mp.expm1, [even(-30, 89), even(-1, 1), wide(-10, 0)], 2, 2),
    "log": (mp.log, [wide(-44, 38, False), even(0.5, 2)], 1.5, 1.5),
    "log2": (lambda x: mp.log(x, 2), [wide(-44, 38, False), even(0.5, 2)], 2, 2),
    "log1p": (mp.log1p, [wide(-20, 38, False), even(-0.99, 2), wide(-10, -0.1)], 2, 2),
    "sin": (mp.sin, [even(-10, 10), wide(-20, 38)], 2, 2),
    "cos": (mp.cos, [even(-10, 10), wide(-20, 38)], 2, 2),
    "tan": (mp.tan, [even(-10, 10), wide(-20, 38)], 1, 4),
    "asin": (mp.asin, [even(-1, 1), wide(-10, -0.001)], 1, 4),
    "acos": (mp.acos, [even(-1, 1), wide(-10, -0.001)], 1, 4),
    "atan": (mp.atan, [even(-5, 5), wide(-10, 20)], 1, 4),
    "sinh": (mp.sinh, [even(-88, 88), wide(-10, 1)], 1, 4),
    "cosh": (mp.cosh, [even(-88, 88), wide(-10, 1)], 1, 4),
    "tanh": (mp.tanh, [even(-10, 10), wide(-10, 1)], 2, 4),
    "asinh": (mp.asinh, [even(-10, 10), wide(-10, 30)], 1, 4),
    "acosh": (mp.acosh, [even(1, 3), wide(0.001, 30, False)], 1, 4),
    "atanh": (mp.atanh, [even(-1, 1), wide(-10, -0.001)], 1, 4),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), [even(-100, 40), wide(-5, 1)], 2, 4),
    "softplus": (lambda x: mp.log1p(mp.exp(x)), [even(-100, 60), wide(-5, 1)], 2, 4),
    "rsqrt": (lambda x: 1 / mp.sqrt(x), [wide(-30, 30, False)], 2, 2),
    "erf": (mp.erf, [even(-4, 4), wide(-10, 0)], 4, 4),
    "erfc": (mp.erfc, [even(-4, 9)], 1, 8),
    "erfinv": (mp.erfinv, [even(-1, 1, 100), wide(-10, -0.01, count=100), lambda: 1 - wide(-6, -1, False, 100)()], 1, 8),
    "erfcinv": (_erfcinv, [even(0, 2, 100), wide(-37, -1, False, 100), lambda: 2 - wide(-6, -1, False, 50)()], 1, 8),
    "lgamma": (lambda x: mp.log(abs(mp.gamma(x))), [even(3, 20, 100), wide(1, 20, False, 100), wide(-5, -1, count=100)], 1, 300),
    "digamma": (mp.digamma, [even(2, 20, 100), wide(1, 20, False, 100), even(-3, -1.9, 50), wide(-5, -1, count=50)], 1, 300),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_accuracy(name: str, dtype: type) -> None:
    truth, samples, *bounds = FUNCTIONS[name]
    x = np.concatenate([s() for s in samples]).astype(dtype)
    assert worst(compute(getattr(mathlib, name), x), truth, x) <= bounds[dtype is np.float64]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_accuracy_of_pow_and_atan2(dtype: type) -> None:
    x, y = np.concatenate([wide(-3, 3, False)(), even(0.5, 2)()]).astype(dtype), np.concatenate([even(-12, 12)(), even(-120, 120)()]).astype(dtype)
    assert worst(compute(mathlib.pow, x, y), mp.power, x, y) <= (1 if dtype is np.float32 else 10)
    x, y = wide(-5, 5)().astype(dtype), wide(-5, 5)()[::-1].astype(dtype)
    assert worst(compute(mathlib.atan2, x, y), mp.atan2, x, y) <= 4


HARD = [16367173 * 2.0**72, 6381956970095103 * 2.0**797]  # the nearest of their types to a multiple of pi / 2


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_angles(name: str, dtype: type) -> None:
    largest = float(np.finfo(dtype).max)
    edges = [2.0**50 * k for k in (1 - 2.0**-24, 1, 1 + 2.0**-23, 3)]
    x = np.array([*edges, largest, largest / 3, *(h for h in HARD if h < largest)])
    x = np.concatenate([x, -x, wide(14, math.log10(largest))()]).astype(dtype)
    truth = getattr(mp, name)
    with mp.workprec(1200):
        assert worst(compute(getattr(mathlib, name), x), truth, x) <= 2
        one = np.array([compute(getattr(mathlib, name), x[k : k + 1])[0] for k in range(20)])  # beside nothing else
        assert worst(one, truth, x[:20]) <= 2


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_angles_without_fused_multiply_adds(name: str, dtype: type) -> None:
    near = np.array([k * math.pi / 2 for k in range(-40, 41)])
    x = np.concatenate([near, near + 1e-6, wide(-3, 15)(), [2.0, np.nextafter(2.0, 0), 1e22]]).astype(dtype)
    with mp.workprec(200):
        assert worst(compute(getattr(mathlib, name), x, address=unfused), getattr(mp, name), x) <= 2


def test_huge_angles_beside_others_and_at_the_end_of_a_product() -> None:
    x = np.array([1e22, 0.5, -3e38, math.inf, -0.0, 7.0, math.nan, 1e30, 2.0], np.float32)
    with np.errstate(invalid="ignore"):
        wanted = np.sin(x.astype(np.float64))
    np.testing.assert_allclose(tf.function(tf.sin)(x), wanted, rtol=3e-7)
    product = tf.function(lambda a, b: tf.sin(tf.matmul(a, b)))
    np.testing.assert_allclose(product(x[[0, 1, 2, 5, 7], None], np.ones((1, 40), np.float32))[:, 7], wanted[[0, 1, 2, 5, 7]], rtol=3e-7)
    turned = tf.function(tf.exp)(1j * x[[0, 1, 2]].astype(np.complex64))
    np.testing.assert_allclose(turned, np.exp(1j * x[[0, 1, 2]].astype(np.complex128)), rtol=1e-6)


SPECIAL = [
    ("exp", [NAN, INF, -INF, -0.0, 1000.0, -1000.0], [NAN, INF, 0, 1, INF, 0]),
    ("expm1", [NAN, INF, -INF, -0.0, 1000.0], [NAN, INF, -1, -0.0, INF]),
    ("log", [NAN, INF, 0.0, -0.0, -1.0, 1.0, -INF], [NAN, INF, -INF, -INF, NAN, 0, NAN]),
    ("log2", [8.0, 1.0, 0.25, 2.0**-149], [3, 0, -2, -149]),
    ("log1p", [NAN, INF, -1.0, -2.0, -0.0, 1e-45], [NAN, INF, -INF, NAN, -0.0, 1e-45]),
    ("sin", [NAN, INF, -0.0, 1e-40], [NAN, NAN, -0.0, 1e-40]),
    ("cos", [NAN, INF, 0.0], [NAN, NAN, 1]),
    ("tanh", [NAN, INF, -INF, -0.0, 30.0], [NAN, 1, -1, -0.0, 1]),
    ("sigmoid", [NAN, INF, -INF, 0.0], [NAN, 1, 0, 0.5]),
    ("softplus", [NAN, INF, -INF, 0.0], [NAN, INF, 0, math.log(2)]),
    ("sinh", [NAN, INF, -INF, -0.0], [NAN, INF, -INF, -0.0]),
    ("cosh", [NAN, INF, -INF, -0.0], [NAN, INF, INF, 1]),
    ("asinh", [NAN, INF, -INF, -0.0], [NAN, INF, -INF, -0.0]),
    ("acosh", [NAN, INF, 1.0, 0.5, -1e4, -INF], [NAN, INF, 0, NAN, NAN, NAN]),
    ("atanh", [NAN, 1.0, -1.0, -0.0, 2.0], [NAN, INF, -INF, -0.0, NAN]),
    ("asin", [NAN, 1.0, -1.0, -0.0, 2.0], [NAN, math.pi / 2, -math.pi / 2, -0.0, NAN]),
    ("acos", [NAN, 1.0, -1.0, 0.0, 2.0], [NAN, 0, math.pi, math.pi / 2, NAN]),
    ("atan", [NAN, INF, -INF, -0.0], [NAN, math.pi / 2, -math.pi / 2, -0.0]),
    ("erf", [NAN, INF, -INF, -0.0], [NAN, 1, -1, -0.0]),
    ("erfc", [NAN, INF, -INF, 0.0], [NAN, 0, 2, 1]),
    ("erfinv", [NAN, 1.0, -1.0, 0.0, 1.5], [NAN, INF, -INF, 0, NAN]),
    ("erfcinv", [NAN, 0.0, 2.0, 1.0, -0.5, 2.5, 2.0**-20], [NAN, INF, -INF, 0, NAN, NAN, 3.4655050258]),
    ("lgamma", [NAN, INF, -INF, 0.0, -1.0, 1.0, 2.0], [NAN, INF, INF, INF, INF, 0, 0]),
    ("digamma", [NAN, INF, 0.0, -1.0], [NAN, INF, NAN, NAN]),
    ("sign", [NAN, INF, -2.0, 0.0], [NAN, 1, -1, 0]),
    ("round_half_even", [0.5, 1.5, -2.5, NAN], [0, 2, -2, NAN]),
    ("rsqrt", [0.0, INF, -1.0, 4.0], [INF, 0, NAN, 0.5]),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize(("name", "xs", "wanted"), SPECIAL, ids=[s[0] for s in SPECIAL])
def test_special_values(name: str, xs: list[float], wanted: list[float], dtype: type) -> None:
    x = np.array(xs, dtype)
    got = compute(getattr(mathlib, name), x)
    expected = np.array(wanted, dtype)
    if dtype is np.float16 and name == "log2":
        expected = np.where(x == 0, -INF, expected).astype(dtype)
    atol = 1e-14 if name == "lgamma" else 0.0
    np.testing.assert_allclose(got.astype(np.float64), expected.astype(np.float64), rtol=1e-3 if dtype is np.float16 else 1e-6, atol=atol)
    zero = expected == 0
    if name not in ("lgamma", "round_half_even"):
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(expected[zero]))


def test_special_values_of_pow_and_atan2() -> None:
    values = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, 3.0, -3.0, INF, -INF, NAN, 1e300, -1e300]
    x, y = (np.array(v).ravel() for v in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        wanted = np.power(x, y), np.arctan2(x, y)
    for got, expected in zip((compute(mathlib.pow, x, y), compute(mathlib.atan2, x, y)), wanted, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13)
        zero = expected == 0
        np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(expected[zero]))


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, -0.5, 4.0, 1.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pow_of_constant_exponents(exponent: float, dtype: type) -> None:
    x = np.array([0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 1e-30, 1e30, INF, -INF, NAN, 0.3], dtype)
    got = compute(lambda v: mathlib.pow(v, const(exponent, v.dtype)), x)
    with np.errstate(all="ignore"):  # for one exponent np.power takes sqrt, which differs from C's pow at -0 and -inf
        wanted = np.power(x, np.full(len(x), exponent, dtype))
    np.testing.assert_allclose(got, wanted, rtol=3e-7 if dtype is np.float32 else 1e-15)
    np.testing.assert_array_equal(np.signbit(got[wanted == 0]), np.signbit(wanted[wanted == 0]))


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.uint32])
def test_integer_pow(dtype: type) -> None:
    x, y = (np.array(v).ravel() for v in np.meshgrid(np.arange(-4 if np.issubdtype(dtype, np.signedinteger) else 0, 5), np.arange(0, 9)))
    x, y = x.astype(dtype), y.astype(dtype)
    np.testing.assert_array_equal(compute(mathlib.pow, x, y), np.power(x, y))


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.float32, np.float64])
def test_floor_division(dtype: type) -> None:
    low = 0 if dtype is np.uint8 else -9
    x, y = (np.array(v).ravel().astype(dtype) for v in np.meshgrid(np.arange(low, 10), np.arange(low, 10)))
    keep = y != 0
    x, y = x[keep], y[keep]
    np.testing.assert_array_equal(compute(mathlib.floor_div, x, y), x // y)
    np.testing.assert_array_equal(compute(mathlib.floor_mod, x, y), x % y)
    if np.issubdtype(dtype, np.integer):
        zero = np.zeros_like(x)
        np.testing.assert_array_equal(compute(mathlib.floor_div, x, zero), zero)
        np.testing.assert_array_equal(compute(mathlib.floor_mod, x, zero), zero)


def test_classes() -> None:
    x = np.array([1.0, NAN, INF, -INF, 0.0], np.float32)
    boolean = np.dtype(bool)
    np.testing.assert_array_equal(compute(mathlib.isnan, x, output=boolean), np.isnan(x))
    np.testing.assert_array_equal(compute(mathlib.isinf, x, output=boolean), np.isinf(x))
    np.testing.assert_array_equal(compute(mathlib.isfinite, x, output=boolean), np.isfinite(x))


def philox_word(word: int) -> Callable[..., Expr]:
    def function(*state: Expr) -> Expr:
        return mathlib.philox((state[0], state[1]), (state[2], state[3], state[4], state[5]))[word]

    return function


@pytest.mark.parametrize(
    ("key", "counter", "wanted"),
    [  # the known answers published with Random123
        ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        ((0xA4093822, 0x299F31D0), (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
)
def test_philox_known_answers(key: tuple[int, ...], counter: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    state = [np.array([v] * 3, np.uint32) for v in (*key, *counter)]
    for word, value in enumerate(wanted):
        np.testing.assert_array_equal(compute(philox_word(word), *state), np.uint32(value))


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_uniform_lies_in_its_interval(name: str) -> None:
    dtype = as_dtype(name)
    bits = np.array([0, 1 << 31, 0xFFFFFFFF, 0x12345678], np.uint32)
    got = compute(lambda b: mathlib.uniform(b, dtype, b), bits, output=dtype.numpy).astype(np.float64)
    assert got[0] == 0 and abs(got[1] - 0.5) < 1e-9 and got[2] < 1
    assert abs(got[3] - 0x12345678 / 2**32) < 0.01


def test_box_muller_is_normal() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random(100_000, np.float32), rng.random(100_000, np.float32)
    for k in (0, 1):
        z = compute(lambda p, q, k=k: mathlib.box_muller(p, q)[k], a, b)  # type: ignore[misc]
        assert np.isfinite(z).all()
        assert abs(z.mean()) < 0.02 and abs(z.std() - 1) < 0.02
