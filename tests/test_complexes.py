"""Complex numbers in compiled functions: two real tensors, checked against NumPy's complex ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tenfold as tf

DTYPES = {"complex64": 2e-5, "complex128": 1e-12}


def numbers(*shape: int, seed: int = 0, dtype: str = "complex64") -> Any:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def host_functions(function: Any, *args: Any) -> list[str]:
    """What the function's programs call NumPy for."""
    function(*args)
    concrete = function.get_concrete_function(*args)
    return [f.primitive.name for program in concrete._programs.values() for f in program._plan.functions]


ARITHMETIC: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "products": (lambda x, y: x * y + x - y, lambda x, y: x * y + x - y),
    "quotients": (lambda x, y: (x + 1) / y, lambda x, y: (x + 1) / y),
    "parts": (lambda x, y: tf.math.real(x) * tf.math.imag(y), lambda x, y: x.real * y.imag),
    "absolute": (lambda x, y: tf.abs(x) + tf.abs(-y), lambda x, y: np.abs(x) + np.abs(y)),
    "conjugate": (lambda x, y: tf.math.conj(x) * 1j, lambda x, y: x.conj() * 1j),
    "exponential": (lambda x, y: tf.exp(x * y), lambda x, y: np.exp(x * y)),
    "sums": (lambda x, y: tf.reduce_sum(x * y, 1) + tf.reduce_mean(x), lambda x, y: (x * y).sum(1) + x.mean()),
    "matrix product": (lambda x, y: x @ tf.transpose(y), lambda x, y: x @ y.T),
    "choice": (lambda x, y: tf.where(tf.math.real(x) > 0, x, y * 2), lambda x, y: np.where(x.real > 0, x, y * 2)),
    "movement": (
        lambda x, y: tf.pad(tf.reverse(tf.concat([x, y], 0)[1:], [1]), [[1, 0], [0, 2]]),
        lambda x, y: np.pad(np.concatenate([x, y])[1:, ::-1], [(1, 0), (0, 2)]),
    ),
    "gather": (lambda x, y: tf.gather(x, [2, 0, 2]) * y, lambda x, y: x[[2, 0, 2]] * y),
    "made of parts": (lambda x, y: tf.complex(tf.abs(x), tf.math.imag(y)), lambda x, y: np.abs(x) + 1j * y.imag),
    "comparison": (lambda x, y: tf.where(x == y, x, x + y), lambda x, y: x + y),
    "as they are": (lambda x, y: (tf.reshape(x, [12]), y), lambda x, y: (x.reshape(12), y)),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_needs_no_numpy(name: str, dtype: str) -> None:
    operation, definition = ARITHMETIC[name]
    x, y = numbers(3, 4, dtype=dtype), numbers(3, 4, seed=1, dtype=dtype)
    compiled = tf.function(operation)
    assert host_functions(compiled, x, y) == []
    found, wanted = tf.nest.flatten(compiled(x, y)), tf.nest.flatten(definition(x.astype("complex128"), y.astype("complex128")))
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype.is_complex == np.iscomplexobj(b) and a.dtype.size == np.dtype(dtype).itemsize // (1 if a.dtype.is_complex else 2)
        np.testing.assert_allclose(a, b, rtol=DTYPES[dtype], atol=DTYPES[dtype])


def test_what_has_no_rule_reads_and_makes_them_in_memory() -> None:
    x = numbers(4, 4)
    f = tf.function(lambda x: tf.sqrt(tf.linalg.inv(x * 2) + 1) * 1j)
    assert {"inv", "sqrt"} <= set(host_functions(f, x))
    np.testing.assert_allclose(f(x), np.sqrt(np.linalg.inv(x * 2) + 1) * 1j, rtol=1e-4, atol=1e-5)


def test_casts() -> None:
    x, r = numbers(5), np.arange(5, dtype=np.float32)
    f = tf.function(lambda x, r: (tf.cast(x, tf.complex128), tf.cast(x, tf.float64), tf.cast(r, tf.complex64) * x, tf.cast(x * 3, tf.int32)))
    wide, real, product, whole = f(x, r)
    np.testing.assert_array_equal(wide, x.astype("complex128"))
    np.testing.assert_array_equal(real, x.real.astype("float64"))
    np.testing.assert_allclose(product, r * x, rtol=1e-6)
    np.testing.assert_array_equal(whole, np.trunc(x.real * 3).astype(np.int32))
    np.testing.assert_array_equal(tf.function(lambda x: tf.cast(x, tf.bool))(np.array([0, 1j, 2, -0.0], np.complex64)), [False, True, True, False])


def test_division_by_zero_is_that_of_the_parts() -> None:
    x = np.array([1 + 2j, -1 + 0j, 0, 3j], np.complex64)
    for y in (np.zeros(4, np.complex64), np.full(4, complex(-0.0, 0.0), np.complex64)):
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(tf.function(lambda x, y: x / y)(x, y), x / y)


def test_large_divisors_do_not_overflow() -> None:
    x = np.array([3e30 + 4e30j, 1e-30j, 1 + 0j], np.complex64)
    y = np.array([1e30 - 2e30j, 2e-30 + 0j, 0 + 2j], np.complex64)
    np.testing.assert_allclose(tf.function(lambda x, y: x / y)(x, y), x.astype("complex128") / y.astype("complex128"), rtol=1e-6)


def test_exponentials_of_what_overflows_or_vanishes() -> None:
    x = np.array([200 + 0j, np.inf + 0j, -np.inf + 0j, complex(-np.inf, np.inf), -300 + 1j, complex(0, np.nan), 1 + 0j], np.complex64)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(tf.function(tf.exp)(x), np.exp(x), rtol=1e-6)


@pytest.mark.parametrize("shape", [(), (0, 3), (1,), (1, 1), (2, 1, 2)])
def test_odd_shapes(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    found = tf.function(lambda x: x * x + 1)(x)
    assert found.shape == shape
    np.testing.assert_allclose(found, x * x + 1, rtol=1e-5)


def test_gradients_are_those_outside_of_functions() -> None:
    x, y = (tf.constant(numbers(3, 8, seed=i)) for i in range(2))

    def gradients(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            loss = tf.reduce_sum(tf.abs(tf.signal.fft(x * y) / (y + 3)) ** 2)
        return tape.gradient(loss, [x, y])

    for a, b in zip(tf.function(gradients)(x, y), gradients(x, y), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4)


def test_loops_branches_and_variables() -> None:
    x = tf.constant(numbers(5, 2))
    running = tf.function(lambda x: tf.scan(lambda s, v: s * v, x))(x)
    np.testing.assert_allclose(running, np.cumprod(x.numpy(), 0), rtol=1e-4)
    choose = tf.function(lambda x, t: tf.cond(t, lambda: x * 2, lambda: x / 2))
    np.testing.assert_allclose(choose(x, tf.constant(True)), x * 2)
    np.testing.assert_allclose(choose(x, tf.constant(False)), x / 2)
    v = tf.Variable(x)

    @tf.function
    def update(t: Any) -> Any:
        v.assign_add(t * 2)
        return v * 1

    for k in (1, 2):
        np.testing.assert_allclose(update(x), x * (1 + 2 * k), rtol=1e-5)
        np.testing.assert_allclose(v, x * (1 + 2 * k), rtol=1e-5)
