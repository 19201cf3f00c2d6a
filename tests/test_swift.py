"""Eager operations on many elements: compiled ones give what NumPy's give, wherever their inputs come from."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.ir.primitive import PRIMITIVES, Kind
from tenfold.primitives import contraction, ellpack, windows
from tenfold.tensor import swift
from tests.primitive_checks import TOLERANCE

UNARY = sorted(n for n in swift.NANOSECONDS if n in PRIMITIVES and PRIMITIVES[n].kind is Kind.ELEMENTWISE and len(PRIMITIVES[n].samples or ()) == 1)


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """The programs that eager operations make during the test."""
    made: dict[Any, Any] = {}
    monkeypatch.setattr(swift, "_programs", made)
    return made


def test_every_name_is_a_primitive() -> None:
    assert contraction and ellpack and windows, "they define some of them"
    assert set(swift.NANOSECONDS) <= set(PRIMITIVES) and len(UNARY) > 15


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_large_arrays_are_computed_by_programs(programs: dict[Any, Any], name: str, dtype: str) -> None:
    primitive, many = PRIMITIVES[name], swift.WORTH // swift.NANOSECONDS[name]
    ((low, high),) = primitive.samples
    x = np.random.default_rng(0).uniform(low, high, many).astype(tf.as_dtype(dtype).as_numpy_dtype)
    run = swift.swift(primitive)
    few = run(x[:-1])
    assert not programs and few.tobytes() == np.asarray(primitive.oracle(x[:-1])).tobytes()
    got, want = run(x), primitive.oracle(x)
    assert len(programs) == 1 and got.dtype == want.dtype
    np.testing.assert_allclose(got.astype("float64"), want.astype("float64"), rtol=4 * TOLERANCE[dtype], atol=4 * TOLERANCE[dtype])
    assert run(x).tobytes() == got.tobytes() and len(programs) == 1


def test_convolutions_and_their_gradients(programs: dict[Any, Any]) -> None:
    """A model outside of functions: the same as inside."""
    x, y = (np.random.default_rng(i).standard_normal((8, 24, 24, 8)).astype("float32") for i in range(2))
    model = tf.keras.Sequential([
        tf.keras.Input((24, 24, 8)),
        tf.keras.layers.Conv2D(8, 3, padding="same", activation="sigmoid"),
        tf.keras.layers.DepthwiseConv2D(3, padding="same", activation="gelu"),
    ])  # fmt: skip

    def gradients() -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum((model(x) - y) ** 2)
        return loss, *tape.gradient(loss, model.trainable_variables)

    inside = tf.function(gradients)()
    for _ in range(3):  # backward passes that come again are run from a plan
        for a, b in zip(gradients(), inside, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-3)
    used = {name for name, *_ in programs}
    assert {"convolution", "convolution_input_gradient", "convolution_weight_gradient", "erf", "sigmoid"} <= used


def test_pools_casts_and_scatters(programs: dict[Any, Any]) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((16, 40, 40, 16)).astype("float32")

    def results(x: Any, rows: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.max_pool2d(x, 3, 2, "SAME")
            loss = tf.reduce_sum(y * y)
        sums = tf.math.unsorted_segment_sum(tf.reshape(x, (-1, 16)), rows, 100)
        return y, tape.gradient(loss, x), tf.cast(x * 1e10, "int32"), sums

    given = tf.constant(x), tf.constant(rng.integers(-3, 103, 16 * 40 * 40))
    for got, want in zip(results(*given), tf.function(results)(*given), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-4)
    assert {"window_max", "window_argmax", "window_route", "cast", "scatter_add"} <= {name for name, *_ in programs}


def test_views_and_other_types(programs: dict[Any, Any]) -> None:
    x = np.random.default_rng(0).standard_normal((200, 300)).astype("float32")
    turned = tf.transpose(tf.constant(x))
    np.testing.assert_array_equal(tf.math.erf(turned), tf.transpose(tf.math.erf(x)))
    assert len(programs) == 2
    programs.clear()
    np.testing.assert_allclose(tf.sinh(tf.complex(x, x)), np.sinh(x + 1j * x), rtol=1e-4)
    assert not programs, "complex numbers stay with NumPy"


def test_without_the_compiler_numpy_computes(programs: dict[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift, "config", replace(swift.config, compile=False))
    tf.math.erf(tf.ones(10_000))
    assert not programs


def test_few_programs_are_kept(programs: dict[Any, Any]) -> None:
    for n in range(swift.MOST + 3):
        tf.math.erf(tf.ones(5000 + n))
    assert len(programs) == 3


def test_threads_share_a_program() -> None:
    x = np.random.default_rng(0).standard_normal(50_000).astype("float32")
    want, wrong = tf.math.erf(x).numpy(), []

    def work() -> None:
        for _ in range(20):
            if not np.array_equal(tf.math.erf(x).numpy(), want):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
