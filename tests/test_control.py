"""Control flow on tensors, eager and compiled, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.transform.loops import loop_over

ROADS = [lambda f: f, tf.function]


@pytest.mark.parametrize("road", ROADS, ids=["eager", "compiled"])
def test_cond_and_its_gradient(road: Any) -> None:
    def f(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.cond(x > 0.0, lambda: x * x, lambda: -3.0 * x)
        return y, tape.gradient(y, x)

    run = road(f)
    assert [float(t) for t in run(tf.constant(4.0))] == [16.0, 8.0]
    assert [float(t) for t in run(tf.constant(-4.0))] == [12.0, -3.0]


def test_branches_write_variables() -> None:
    v = tf.Variable(1.0)

    @tf.function
    def f(p: Any) -> Any:
        tf.cond(p, lambda: v.assign_add(10.0).read_value(), lambda: v.read_value())
        return v * 2.0

    assert float(f(tf.constant(True))) == 22.0 and float(v.numpy()) == 11.0
    assert float(f(tf.constant(False))) == 22.0 and float(v.numpy()) == 11.0


def test_branches_must_agree() -> None:
    @tf.function
    def types(p: Any) -> Any:
        return tf.cond(p, lambda: tf.constant(1.0), lambda: tf.constant(1))

    with pytest.raises(TypeError, match="in one branch"):
        types(tf.constant(True))

    @tf.function
    def structures(p: Any) -> Any:
        return tf.cond(p, lambda: [tf.constant(1.0)], lambda: (tf.constant(1.0), tf.constant(2.0)))

    with pytest.raises(TypeError, match="same structure"):
        structures(tf.constant(True))
    with pytest.raises(TypeError, match="bool"):
        tf.cond(tf.constant(1.0), lambda: 1, lambda: 2)


@pytest.mark.parametrize("road", ROADS, ids=["eager", "compiled"])
def test_while_loop(road: Any) -> None:
    count = tf.Variable(0)

    def f(n: Any) -> Any:
        def body(i: Any, a: Any, b: Any) -> Any:
            count.assign_add(1)
            return i + 1, b, a + b  # swaps what is carried

        return tf.while_loop(lambda i, a, b: i < n, body, [0, 0, 1])

    run = road(f)
    assert [int(t) for t in run(tf.constant(10))] == [10, 55, 89]
    assert [int(t) for t in run(tf.constant(0))] == [0, 0, 1]
    assert int(count.numpy()) == 10


def test_while_loop_stops_and_checks() -> None:
    f = tf.function(lambda n: tf.while_loop(lambda i: True, lambda i: i + 1, [0], maximum_iterations=n))
    assert int(f(tf.constant(7))[0]) == 7
    with pytest.raises(ValueError, match="changes"):
        tf.function(lambda x: tf.while_loop(lambda a: tf.reduce_sum(a) < 9.0, lambda a: tf.concat([a, a], 0), [x]))(tf.ones(2))


def cell(x: Any, h: Any, w: Any, u: Any) -> Any:
    return tf.tanh(x @ w + h @ u)


@pytest.mark.parametrize("reverse", [False, True])
def test_scan_equals_a_python_loop_with_gradients(reverse: bool) -> None:
    rng = np.random.default_rng(0)
    xs = tf.constant(rng.standard_normal((5, 2, 3)))
    w, u = tf.Variable(rng.standard_normal((3, 4)) * 0.5), tf.Variable(rng.standard_normal((4, 4)) * 0.5)

    def looped(xs: Any) -> Any:
        h = tf.zeros((2, 4), tf.float64)
        outputs = []
        for t in reversed(range(5)) if reverse else range(5):
            h = cell(xs[t], h, w, u)
            outputs.append(h)
        stacked = tf.stack(outputs[::-1] if reverse else outputs)
        return tf.reduce_sum(h * h) + tf.reduce_sum(tf.sin(stacked * tf.cast(tf.range(5), tf.float64)[:, None, None]))

    def scanned(xs: Any) -> Any:
        def body(i: Any, h: Any, x: Any) -> Any:
            h = cell(x, h, w, u)
            return h, (h, i)

        h, (ys, index) = loop_over(body, tf.zeros((2, 4), tf.float64), xs, reverse)
        return tf.reduce_sum(h * h) + tf.reduce_sum(tf.sin(ys * tf.cast(index, tf.float64)[:, None, None]))

    def gradients(f: Any, xs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(xs)
            y = f(xs)
        return [y, *tape.gradient(y, [xs, w, u])]

    expected = gradients(looped, xs)
    for got in (gradients(scanned, xs), tf.function(lambda xs: gradients(scanned, xs))(xs), gradients(tf.function(scanned), xs)):
        for a, b in zip(got, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-12)


def test_scan_of_unknown_length() -> None:
    f = tf.function(lambda x: tf.scan(lambda a, e: a + e, x, initializer=tf.constant(0.0)), input_signature=[tf.TensorSpec([None], tf.float32)])
    assert f(tf.constant([1.0, 2.0, 3.0])).numpy().tolist() == [1.0, 3.0, 6.0]
    assert f(tf.constant([5.0])).numpy().tolist() == [5.0]
    assert f(tf.zeros([0])).numpy().tolist() == []
    assert f.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("road", ROADS, ids=["eager", "compiled"])
def test_scan_without_initializer_and_folds(road: Any) -> None:
    x = tf.constant([1, 2, 3, 4])
    assert road(lambda x: tf.scan(lambda a, e: a * e, x))(x).numpy().tolist() == [1, 2, 6, 24]
    assert road(lambda x: tf.scan(lambda a, e: a * e, x, reverse=True))(x).numpy().tolist() == [24, 24, 12, 4]
    assert int(road(lambda x: tf.foldl(lambda a, e: a - e, x))(x)) == -8
    assert int(road(lambda x: tf.foldr(lambda a, e: a - e, x))(x)) == -2
    assert road(lambda x: tf.map_fn(lambda e: e * e, x))(x).numpy().tolist() == [1, 4, 9, 16]


@pytest.mark.parametrize("road", ROADS, ids=["eager", "compiled"])
def test_switch_and_case(road: Any) -> None:
    f = road(lambda i: tf.switch_case(i, [lambda: tf.constant(10), lambda: tf.constant(20)], default=lambda: tf.constant(-1)))
    assert [int(f(tf.constant(i))) for i in (0, 1, 2)] == [10, 20, -1]
    g = road(lambda x: tf.case([(x < 0, lambda: tf.constant(-1)), (x < 10, lambda: tf.constant(0))], default=lambda: tf.constant(1)))
    assert [int(g(tf.constant(x))) for x in (-5, 5, 50)] == [-1, 0, 1]


def test_nested_control_flow() -> None:
    @tf.function
    def collatz(n: Any) -> Any:
        return tf.while_loop(lambda n, k: n > 1, lambda n, k: (tf.cond(n % 2 == 0, lambda: n // 2, lambda: 3 * n + 1), k + 1), [n, 0])[1]

    assert [int(collatz(tf.constant(n))) for n in (1, 6, 7, 27)] == [0, 8, 16, 111]
