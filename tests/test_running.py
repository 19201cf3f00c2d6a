"""The kernel of running sums and products, against NumPy's: the same additions in the same order, so the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tenfold as tf
from tenfold.compiler.running import running
from tenfold.primitives.by_rows import WORTH


def definition(op: str, x: Any, axis: int, exclusive: bool, reverse: bool) -> Any:
    x = np.moveaxis(x, axis, 0)
    x = x[::-1] if reverse else x
    y = (np.add if op == "add" else np.multiply).accumulate(x, 0, dtype=x.dtype)
    if exclusive:
        y = np.concatenate([np.full_like(y[:1], op == "mul"), y[:-1]])
    return np.moveaxis(y[::-1] if reverse else y, 0, axis)


@settings(max_examples=60, deadline=None)
@given(
    op=st.sampled_from(["add", "mul"]),
    dtype=st.sampled_from(["float32", "float64", "int8", "uint8", "int16", "int32", "int64", "uint32"]),
    shape=st.lists(st.sampled_from([1, 2, 3, 7, 8, 9, 17, 33, 64, 65, 130, 257]), min_size=1, max_size=3),
    axis=st.integers(0, 2),
    exclusive=st.booleans(),
    reverse=st.booleans(),
)
def test_any_shape(op: str, dtype: str, shape: list[int], axis: int, exclusive: bool, reverse: bool) -> None:
    rng, axis = np.random.default_rng(0), axis % len(shape)
    x = rng.integers(-4, 5, shape).astype(dtype) if "int" in dtype else (rng.standard_normal(shape) + (op == "mul")).astype(dtype)
    np.testing.assert_array_equal(running(op, x, axis, exclusive, reverse), definition(op, x, axis, exclusive, reverse))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_large_arrays_eager_and_compiled(name: str, axis: int) -> None:
    x = np.random.default_rng(0).uniform(0.9, 1.1, (300, WORTH // 299)).astype(np.float32)
    x[5, 7] = np.inf
    operation = getattr(tf.math, name)
    wanted = definition("add" if name == "cumsum" else "mul", x, axis, True, True)
    np.testing.assert_array_equal(operation(x, axis, exclusive=True, reverse=True), wanted)
    np.testing.assert_array_equal(tf.function(lambda x: operation(x * 1, axis, exclusive=True, reverse=True) + 0)(x), wanted)


def test_views_halves_and_gradients() -> None:
    x = np.random.default_rng(0).standard_normal((400, 800)).astype(np.float32)
    np.testing.assert_array_equal(tf.cumsum(x.T[::-1], 1), np.cumsum(x.T[::-1], 1))
    half = tf.cumsum(tf.cast(x, tf.float16), 1)
    assert half.dtype == tf.float16
    np.testing.assert_allclose(half, np.cumsum(x.astype(np.float16).astype(np.float64), 1), rtol=2e-3, atol=0.1)
    given = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = tf.reduce_sum(tf.cumsum(given, 1) * x)
    np.testing.assert_allclose(tape.gradient(y, given), np.cumsum(x[:, ::-1].astype(np.float64), 1)[:, ::-1], rtol=1e-4, atol=1e-4)
