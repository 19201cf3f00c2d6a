"""Compiled loops: rows in place, carried results in place, and gradients that compute nothing twice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.control import LoopItem, Pointer
from tenfold.compiler.pipeline import lower_groups
from tenfold.compiler.simplify import simplify
from tenfold.ir.graph import Value
from tenfold.transform.loops import loop_over
from tenfold.transform.trace import trace


def both(f: Any, *arrays: Any) -> None:
    """Eager and compiled agree."""
    tensors = [tf.constant(a) for a in arrays]
    for a, b in zip(tf.nest.flatten(f(*tensors)), tf.nest.flatten(tf.function(f)(*tensors)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


def data(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("reverse", [False, True])
def test_results_that_are_stacked_carried_swapped_or_given(reverse: bool) -> None:
    def f(xs: Any, a: Any, b: Any, k: Any) -> Any:
        def body(i: Any, carry: Any, x: Any) -> Any:
            p, q, r = carry
            s = p * x + k
            return (q, s, r), (s, s, p, x, k, tf.reshape(s, (6,)), tf.cast(i, tf.float32), tf.ones((2,)))

        return loop_over(body, (a, b, b), xs, reverse)

    both(f, data(5, 2, 3), data(2, 3, seed=1), data(2, 3, seed=2), data(2, 3, seed=3))


def test_carried_result_is_made_in_place_only_where_the_old_one_is_not_needed() -> None:
    def f(xs: Any, a: Any, w: Any) -> Any:
        def body(i: Any, carry: Any, x: Any) -> Any:
            p, q = carry
            new = tf.tanh(p @ w + x)
            return (new, q + tf.reverse(p, [1]) * new), (p, q * 2.0)

        return loop_over(body, (a, a), xs)

    both(f, data(7, 3, 4), data(3, 4, seed=1), data(4, 4, seed=2))


def test_loop_in_a_loop() -> None:
    def f(xs: Any, a: Any) -> Any:
        def outer(i: Any, carry: Any, x: Any) -> Any:
            inner = loop_over(lambda j, c, row: (c * 0.5 + row, c), carry, x)
            return inner

        return loop_over(outer, a, xs)

    both(f, data(3, 4, 2), data(2, seed=1))


def weighted(xs: Any, h: Any, w: Any, b: Any, scale: Any) -> Any:
    """A loop whose operands enter by products, sums, views, twice, and elementwise."""

    def body(i: Any, h: Any, x: Any) -> Any:
        twice = w * 2.0
        y = tf.tanh(x @ w + tf.matmul(h, twice, transpose_b=True) + b) * scale
        return y, y @ w

    last, ys = loop_over(body, h, xs)
    return tf.reduce_sum(last) + tf.reduce_sum(tf.sin(ys))


def test_gradients_of_operands_that_are_the_same_at_all_steps() -> None:
    def gradients(*tensors: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            y = weighted(*tensors)
        return tape.gradient(y, tensors)

    both(gradients, data(5, 3, 4), data(3, 4, seed=1), data(4, 4, seed=2) * 0.3, data(4, seed=3), data(1, seed=4))


def test_second_derivatives() -> None:
    def second(xs: Any, h: Any, w: Any, b: Any, scale: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(w)
            with tf.GradientTape() as inner:
                inner.watch([w, h])
                y = weighted(xs, h, w, b, scale)
            first = inner.gradient(y, [w, h])
            total = tf.reduce_sum(first[0] * first[0]) + tf.reduce_sum(tf.sin(first[1]))
        return outer.gradient(total, w)

    both(second, data(4, 2, 3), data(2, 3, seed=1), data(3, 3, seed=2) * 0.3, data(3, seed=3), data(1, seed=4))


def program(f: Any, *arrays: Any) -> list[Any]:
    """The items of the compiled function."""
    traced = trace(f, [tf.constant(a).spec for a in arrays])
    return lower_groups(simplify(traced.graph), {})[0]


def test_a_gradient_is_two_loops_without_products_of_weights_in_them() -> None:
    def gradient(xs: Any, h: Any, w: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(w)
            last, _ = loop_over(lambda i, h, x: (tf.tanh(x + h @ w), ()), h, xs)
            y = tf.reduce_sum(last)
        return tape.gradient(y, w)

    items = program(gradient, data(20, 8, 16), data(8, 16), data(16, 16))
    turns = [item.body for item in items if isinstance(item, LoopItem)]
    assert len(turns) == 2
    for turn in turns:
        names = [call.name for call in turn]
        assert not any("row" in name for name in names) and any(isinstance(a, Pointer) for call in turn for a in call.args)
        writes = {tuple(w.spec.shape) for call in turn if call.name == "matmul" for w in call.writes if isinstance(w, Value)}
        assert writes <= {(8, 16)}  # h @ w forward, dz @ w.T backward; w's own gradient comes after


def test_a_program_with_rows_runs_again_and_again() -> None:
    f = tf.function(lambda x: loop_over(lambda i, c, r: (c + r, c * r), x[0], x))
    for seed in range(3):
        x = data(6, 5, seed=seed)
        (last, ys), (expected, stacked) = f(tf.constant(x)), loop_over(lambda i, c, r: (c + r, c * r), tf.constant(x[0]), tf.constant(x))
        np.testing.assert_allclose(last, expected, rtol=1e-5)
        np.testing.assert_allclose(ys, stacked, rtol=1e-5, atol=1e-6)


def test_gradient_of_a_scan_over_constants_is_computed_while_tracing() -> None:
    """Rows that are single numbers: each is an array of its own while the body runs."""
    xs = tf.constant([2.0, 3.0, 5.0])

    def gradient() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(xs)
            y = tf.scan(lambda c, x: c * x, xs, tf.constant(1.0))
        return tape.gradient(y, xs)

    np.testing.assert_array_equal(tf.function(gradient)(), [19, 12, 6])
