"""Sums of padded tensors become concatenations, and concatenations are made part by part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold import function
from tenfold.compiler import pipeline
from tenfold.compiler.lower import Call
from tenfold.compiler.program import Group, Uses


@pytest.fixture
def maps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Group, list[Call]]]:
    """The maps of the programs compiled during the test, and their calls."""
    found: list[tuple[Group, list[Call]]] = []
    original = pipeline.LOWER["map"]

    def record(group: Group, uses: Uses) -> list[Call]:
        found.append((group, list(original(group, uses))))
        return found[-1][1]

    monkeypatch.setitem(pipeline.LOWER, "map", record)
    return found


def primitives(group: Group) -> list[str]:
    return [n.primitive.name for n in group.nodes]


def numbers(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sizes", [(16, 16, 16), (16, 40), (17, 16, 33, 16)])
def test_parts_are_computed_where_they_belong(maps: list[Any], axis: int, sizes: tuple[int, ...]) -> None:
    shapes = [tuple(n if d == axis else m for d, m in enumerate((3, 5, 18))) for n in sizes]
    parts = [numbers(*shape) for shape in shapes]
    weights = numbers(sum(sizes) if axis == 2 else 18, 2)
    result, product = function(lambda *xs: (y := tf.concat([tf.exp(x) * 2 for x in xs], axis), tf.matmul(y, weights)))(*parts)
    expected = np.concatenate([np.exp(x.astype("float64")) * 2 for x in parts], axis)
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    np.testing.assert_allclose(product, expected @ weights, rtol=1e-4, atol=1e-4)
    ((group, calls),) = maps
    assert primitives(group).count("exp") == len(sizes)
    assert len(calls) == len(set(sizes)), "one kernel for each shape of parts"


def test_gradient_of_split_gates_is_one_kernel_over_a_gate(maps: list[Any]) -> None:
    x, w, c = numbers(6, 8), numbers(8, 4 * 20), numbers(6, 20)

    @function
    def gradient(x: Any, w: Any, c: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch((x, w))
            i, f, g, o = tf.split(tf.matmul(x, w), 4, axis=-1)
            y = tf.reduce_sum((tf.sigmoid(o) * tf.tanh(tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g))) ** 2)
        return tape.gradient(y, (x, w))

    def sigmoid(v: Any) -> Any:
        return 1 / (1 + np.exp(-v))

    def loss(x: Any, w: Any) -> Any:
        i, f, g, o = np.split(x @ w, 4, axis=-1)
        return np.sum((sigmoid(o) * np.tanh(sigmoid(f) * c + sigmoid(i) * np.tanh(g))) ** 2)

    dx, dw = gradient(x, w, c)
    x, w, c = (a.astype("float64") for a in (x, w, c))
    for value, found, of in ((x, dx, lambda v: loss(v, w)), (w, dw, lambda v: loss(x, v))):
        expected = np.zeros_like(value)
        for at in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[at] = 1e-5
            expected[at] = (of(value + step) - of(value - step)) / 2e-5
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    (group,) = [g for g, _ in maps if "concat" in primitives(g)]
    assert group.space == (6, 20)
    assert "pad" not in {name for g, _ in maps for name in primitives(g)}


@pytest.mark.parametrize("pieces", [[(0, 16), (20, 40)], [(16, 32), (0, 16)], [(40, 64), (0, 20)], [(0, 30), (20, 64)], [(0, 3), (3, 64)]])
@pytest.mark.parametrize("axis", [0, 1])
def test_gradients_of_slices(pieces: list[tuple[int, int]], axis: int) -> None:
    x = numbers(64, 64)

    @function
    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = sum(tf.reduce_sum((x[a:b] if axis == 0 else x[:, a:b]) ** (k + 2)) for k, (a, b) in enumerate(pieces))
        return tape.gradient(y, x)

    expected = np.zeros((64, 64))
    for k, (a, b) in enumerate(pieces):
        at = np.s_[a:b] if axis == 0 else np.s_[:, a:b]
        expected[at] += (k + 2) * x.astype("float64")[at] ** (k + 1)
    np.testing.assert_allclose(gradient(x), expected, rtol=1e-5, atol=1e-6)


def test_many_slices() -> None:
    x = numbers(40, 16)

    @function
    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = sum(tf.reduce_sum(x[k] ** 2) * float(k) for k in range(40))
        return tape.gradient(y, x)

    np.testing.assert_allclose(gradient(x), 2 * np.arange(40)[:, None] * x, rtol=1e-6)


def test_a_part_that_others_read_and_a_variable_that_is_shifted() -> None:
    table = tf.Variable(numbers(4, 48))
    before = table.numpy()

    @function
    def step(new: Any) -> Any:
        part = tf.exp(new)
        table.assign(tf.concat([table[:, 16:], part], 1))
        return tf.reduce_sum(part), tf.concat([part, part, tf.zeros((4, 0))], 1)

    new = numbers(4, 16)
    total, twice = step(new)
    np.testing.assert_allclose(table, np.concatenate([before[:, 16:], np.exp(new)], 1), rtol=1e-6)
    np.testing.assert_allclose(total, np.exp(new).sum(), rtol=1e-5)
    np.testing.assert_allclose(twice, np.exp(np.concatenate([new, new], 1)), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "bool", "float64", "bfloat16", "complex64"])
def test_parts_of_other_types(dtype: str) -> None:
    a, b = (tf.cast(np.arange(48).reshape(3, 16) + k, dtype) for k in (0, 5))
    joined = function(lambda a, b: tf.concat([a, b, a], 1))(a, b)
    np.testing.assert_array_equal(joined.numpy(), np.concatenate([a.numpy(), b.numpy(), a.numpy()], 1))
