"""Elementwise primitives where numbers end: compiled code beside the NumPy oracles in every type, at zeros, halves, infinities, NaN and extremes."""

import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from primitive_checks import compiled

import tenfold as tf
from tenfold.core.dtypes import DType, float64
from tenfold.ir.primitive import PRIMITIVES, Kind, Primitive
from tenfold.tensor.bind import bind

SAMPLED = sorted(name for name, p in PRIMITIVES.items() if p.kind is Kind.ELEMENTWISE and p.samples and len(p.samples) <= 2)

CROSSING = ("lgamma", "digamma")  # away from 0 they cross it, and are right to so many places after the point


def special(dtype: DType) -> np.ndarray:
    if dtype.is_bool:
        return np.array([False, True])
    if dtype.is_integer:
        values = {0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 100, -1, -2, -7, -8, -100}
        values |= {dtype.min, dtype.min + 1, dtype.max, dtype.max - 1, dtype.max // 2}
        return np.array(sorted(v for v in values if dtype.min <= v <= dtype.max), dtype.numpy)
    info = ml_dtypes.finfo(dtype.numpy)
    large, tiny, least = float(info.max), float(info.smallest_normal), float(info.smallest_subnormal)
    ordinary = [0.0, 0.1, 0.5, 0.9, 1.0, 1.5, 2.0, 2.5, 3.0, math.pi, 3.5, 10.0, 88.0, 1e4, 1e-3, 1e-9]
    values = np.array([*ordinary, 2.0**24 - 1, 2.0**63, 1e20, large, large / 2, tiny, least, 5 * least, math.inf, math.nan])
    with np.errstate(over="ignore"):
        return np.concatenate([values, -values]).astype(dtype.numpy)


def expected(p: Primitive, xs: list[Any], dtype: DType) -> Any:
    wide = [x.astype(np.float32) if dtype.size == 2 and dtype.is_floating else x for x in xs]
    with np.errstate(all="ignore"):
        return np.asarray(p.oracle(*wide))


@pytest.mark.parametrize("name", SAMPLED)
def test_compiled_code_agrees_with_the_oracle(name: str) -> None:
    p = PRIMITIVES[name]
    kinds = [d for d in p.dtypes if d.llvm is not None and not d.is_complex]
    arrays = [[special(d)] * len(p.samples) for d in kinds]
    arrays = [[np.ascontiguousarray(x.ravel()) for x in np.meshgrid(*xs)] for xs in arrays]
    arity = len(p.samples)
    got = compiled(lambda *flat: [bind(p, *flat[i * arity : (i + 1) * arity]) for i in range(len(kinds))], *[x for xs in arrays for x in xs])
    for d, xs, y in zip(kinds, arrays, got, strict=True):
        want = expected(p, xs, d)
        if not d.is_floating or not np.issubdtype(np.asarray(want).dtype, np.floating):
            np.testing.assert_array_equal(y, want, str(d))
            continue
        info = ml_dtypes.finfo(d.numpy)
        with np.errstate(all="ignore"):
            want = want.astype(d.numpy).astype(np.float64)
        y = np.asarray(y).astype(np.float64)
        atol = 1e-14 if name in CROSSING else 8 * float(info.smallest_subnormal)
        with np.errstate(invalid="ignore"):
            off = ~((y == want) | (np.isnan(y) & np.isnan(want)) | (np.abs(y - want) <= 256 * float(info.eps) * np.abs(want) + atol))
        if name == "erfcinv" and d is float64:
            off &= np.abs(xs[0]) >= info.smallest_normal  # its steps go by values of erfc, which below have few digits
        assert not off.any(), (str(d), [(*(x[k] for x in xs), y[k], want[k]) for k in np.flatnonzero(off)[:8]])


@pytest.mark.parametrize("function", [lambda f: f, tf.function], ids=["eager", "compiled"])
def test_quantiles_of_tiny_probabilities(function: Any) -> None:
    x = np.array([1e-17, 1e-30, 0.3])
    wanted = [-8.49379322410960, -11.4640246884436, -0.524400512708041]
    np.testing.assert_allclose(function(tf.math.ndtri)(x), wanted, rtol=1e-12)
    np.testing.assert_allclose(function(tf.math.ndtri)(x.astype(np.float32)), wanted, rtol=1e-6)


@pytest.mark.parametrize("function", [lambda f: f, tf.function], ids=["eager", "compiled"])
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_moduli_of_extreme_complex_numbers(function: Any, dtype: type) -> None:
    largest = float(np.finfo(dtype).max)
    z = np.array([3e30 + 4e30j, 3e-30 - 4e-30j, complex(0, largest), complex(math.nan, math.inf), complex(math.inf, 1), 0, 3 - 4j], dtype)
    np.testing.assert_allclose(function(tf.abs)(z), np.abs(z), rtol=2e-7 if dtype is np.complex64 else 4e-16)
    np.testing.assert_allclose(function(tf.sign)(z[[0, 1, 5, 6]]), [0.6 + 0.8j, 0.6 - 0.8j, 0, 0.6 - 0.8j], rtol=1e-6)
    with tf.GradientTape() as tape:
        v = tf.Variable(z[[0, 5, 6]])
        y = function(lambda: tf.reduce_sum(tf.abs(v)))()
    np.testing.assert_allclose(tape.gradient(y, v), [0.6 + 0.8j, 0, 0.6 - 0.8j], rtol=1e-6)


def test_bessel_functions_of_short_and_of_large_numbers() -> None:
    x = np.array([12.3828125, 90.0, -3e38, math.inf], np.float32)
    np.testing.assert_allclose(tf.math.bessel_i0(x), [27344.2358218696, 5.13923834550866e37, math.inf, math.inf], rtol=1e-5)
    assert float(tf.math.bessel_i0(tf.constant(12.3828125, tf.float16))) == float(np.float16(27344.2358218696))


def test_quotients_of_floats_rounded_toward_zero() -> None:
    np.testing.assert_array_equal(tf.truncatediv([7.0, -7.0, 1.0], [2.0, 2.0, -0.3]), [3.0, -3.0, -3.0])


@pytest.mark.parametrize("function", [lambda f: f, tf.function], ids=["eager", "compiled"])
def test_shifts_by_more_than_there_are_bits(function: Any) -> None:
    """As TensorFlow on processors: the number of places is limited to what the type has, less one."""
    places = np.array([31, 32, 100, -1, 0], np.int32)
    np.testing.assert_array_equal(function(tf.bitwise.left_shift)(np.full(5, 3, np.int32), places), [-(2**31), -(2**31), -(2**31), 3, 3])
    np.testing.assert_array_equal(function(tf.bitwise.right_shift)(np.full(5, -9, np.int32), places), [-1, -1, -1, -9, -9])


def test_zeta_against_its_sum() -> None:
    mp = pytest.importorskip("mpmath").mp
    rng = np.random.default_rng(4)
    s = np.concatenate([rng.uniform(1.01, 8, 20), rng.integers(2, 12, 20), [2.0, 100.0, 300.0, 1.0001]])
    q = np.concatenate([10 ** rng.uniform(-2, 4, 20), -rng.uniform(0.05, 30, 20), [1e-3, 20.0, 2.0, 5.0]])
    above = np.maximum(np.ceil(-q), 0).astype(int)
    with mp.workdps(40):
        wanted = [float(sum((mp.mpf(y) + k) ** -x for k in range(m)) + mp.zeta(x, mp.mpf(y) + m)) for x, y, m in zip(s, q, above, strict=True)]
    for function in (tf.math.zeta, tf.function(tf.math.zeta)):
        np.testing.assert_allclose(function(s, q), wanted, rtol=1e-13)


def test_polygamma_of_orders_that_are_none() -> None:
    assert np.isnan(tf.math.polygamma(np.float32([-1, 0.5]), np.float32([2, 2]))).all()
    with tf.GradientTape() as tape:
        x = tf.Variable([1.5, 2.5])
        y = tf.math.polygamma([0.0, 0.0], x)
    np.testing.assert_allclose(tape.gradient(y, x), tf.math.polygamma([1.0, 1.0], [1.5, 2.5]), rtol=1e-6)
