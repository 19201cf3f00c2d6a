"""vectorized_map equals a loop over the rows, for every kind of primitive, with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf

RNG = np.random.default_rng(0)
X = tf.constant(RNG.standard_normal((5, 3, 4)))
V = tf.constant(RNG.standard_normal((5, 3)))
I = tf.constant([[0, 2], [1, 1], [2, 0], [0, 0], [1, 2]])
W = tf.constant(RNG.standard_normal((4, 2)))
IMAGE = tf.constant(RNG.standard_normal((5, 1, 6, 6, 2)))
KERNEL = tf.constant(RNG.standard_normal((3, 3, 2, 4)))

CASES: dict[str, Any] = {
    "elementwise": (lambda x, v: tf.tanh(x) + v[:, None], X, V),
    "ranks differ": (lambda x, v: x * v[0] + tf.constant([1.0, 2.0, 3.0, 4.0], tf.float64), X, V),
    "matmul": (lambda x, v: x @ W, X, V),
    "matmul of both": (lambda x, v: tf.matmul(x, x, transpose_a=True), X, V),
    "matmul from the left": (lambda x, v: tf.transpose(W) @ tf.transpose(x), X, V),
    "reductions": (lambda x, v: tf.reduce_max(x, 0) + tf.reduce_sum(x), X, V),
    "reshape": (lambda x, v: tf.reshape(x, (2, 6)), X, V),
    "movement": (lambda x, v: tf.concat([tf.transpose(x[1:, ::2]), tf.pad(v[None], [[0, 1], [0, 0]])[:, :2]], 0), X, V),
    "gather": (lambda x, i: tf.gather(x, i), X, I),
    "gather from a shared table": (lambda i: tf.gather(W, i), I),
    "sort": (lambda v: tf.sort(v), V),
    "cumsum": (lambda x: tf.cumsum(x, 1), X),
    "softmax": (lambda x: tf.nn.softmax(x), X),
    "convolution": (lambda x: tf.nn.conv2d(x, KERNEL, 1, "SAME"), IMAGE),
    "pooling": (lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"), IMAGE),
    "nothing batched": (lambda v: W * 2.0, V),
}


def rows(fn: Any, elems: Any) -> Any:
    return tf.stack([fn(*(e[k] for e in elems)) for k in range(5)])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_equals_a_loop(name: str, compiled: bool) -> None:
    fn, *elems = CASES[name]

    def run(*elems: Any) -> Any:
        return tf.vectorized_map(lambda e: fn(*e), tuple(elems))

    got = (tf.function(run) if compiled else run)(*elems)
    np.testing.assert_allclose(got.numpy(), rows(fn, elems).numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("sort", "nothing batched", "gather from a shared table")])
def test_gradient_equals_that_of_a_loop(name: str) -> None:
    fn, *elems = CASES[name]
    results = []
    for run in (lambda *e: tf.vectorized_map(lambda r: fn(*r), tuple(e)), lambda *e: rows(fn, e)):
        with tf.GradientTape() as tape:
            tape.watch(elems[0])
            y = tf.reduce_sum(tf.sin(run(*elems)))
        results.append(tape.gradient(y, elems[0]).numpy())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-10, atol=1e-12)


def test_gradient_reaches_what_rows_share() -> None:
    w = tf.Variable(W)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(tf.vectorized_map(lambda i: tf.gather(w, i) ** 2, I))
    expected = np.zeros((4, 2))
    np.add.at(expected, I.numpy().ravel(), 1)
    np.testing.assert_allclose(tape.gradient(y, w).numpy(), 2 * W.numpy() * expected)


def test_structures_and_errors() -> None:
    out = tf.vectorized_map(lambda d: {"a": d["x"] + 1, "b": None}, {"x": tf.constant([1, 2])})
    assert out["a"].numpy().tolist() == [2, 3] and out["b"] is None
    with pytest.raises(ValueError, match="first dimension"):
        tf.vectorized_map(lambda x: x, tf.constant(1))
    with pytest.raises(ValueError, match="differ"):
        tf.vectorized_map(lambda e: e[0], (tf.zeros(2), tf.zeros(3)))
