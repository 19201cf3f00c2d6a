"""Graphs as text: written, read back, refused when not well formed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.ir import reference
from tenfold.ir.text import from_text, to_text


def graph_of(f: Any, *specs: Any) -> Any:
    return tf.function(f).get_concrete_function(*specs).graph


def test_golden() -> None:
    graph = graph_of(lambda x: tf.reduce_sum(x * 2.0, 0), tf.TensorSpec([None, 3]))
    lines = [line.split("    #")[0] for line in to_text(graph).splitlines()]
    size = str(graph.inputs[0].spec.shape[0])
    assert [line.replace(size, "n") for line in lines] == [
        "graph _lambda_(%0: float32(n, 3)) {",
        "  %1: float32() = constant(2.0)",
        "  %2: float32(n, 3) = mul(%0, %1)",
        "  %3: float32(3) = sum(%2, axes=(0,))",
        "  return %3",
        "}",
    ]


def everything(x: Any, n: Any) -> Any:
    big = tf.constant(np.arange(40, dtype="f"))
    y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: tf.tanh(x), lambda: x * np.inf)
    y = tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 0.5), [0, y])[1]
    z = tf.nn.conv2d(tf.reshape(x, (1, -1, 3, 1)), tf.ones((2, 2, 1, 2)), 1, "SAME")
    return y, z, tf.cast(big, tf.bfloat16), tf.transpose(y), tf.concat([y, y], 1)[:, ::-2], tf.scan(lambda a, b: a + b, y)


def test_round_trip_keeps_text_and_meaning() -> None:
    c = tf.function(everything).get_concrete_function(tf.TensorSpec([4, 3]), tf.TensorSpec([], tf.int32))
    text = to_text(c.graph)
    again = from_text(text).check()
    assert to_text(again) == text
    inputs = [np.random.default_rng(0).random((4, 3), "f"), np.array(3, np.int32)]
    for a, b in zip(reference.run(c.graph, inputs), reference.run(again, inputs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients_round_trip() -> None:
    w = tf.Variable(tf.ones((3, 2)))

    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.softmax(x @ w) ** 2)
        w.assign_sub(tape.gradient(loss, w))
        return loss

    graph = graph_of(step, tf.TensorSpec([None, 3]))
    assert to_text(from_text(to_text(graph))) == to_text(graph)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no graph"),
        ("hello", "line 1"),
        ("graph f(%0: float32()) {\n  return %1\n}", "not defined"),
        ("graph f(%0: float99()) {\n  return %0\n}", "unknown type"),
        ("graph f(%0: float32()) {\n  %1: float32() = system(%0)\n  return %1\n}", "no operation 'system'"),
        ("graph f(%0: float32()) {\n  %1: float32() = neg(%9)\n  return %1\n}", "not defined"),
        ("graph f(%0: float32()) {\n  %1: float32() = sum(%0, axes=__import__('os').getcwd())\n  return %1\n}", "not an attribute"),
        ("graph f(%0: float32()) {\n  %1: float32(2) = constant(data('AAAA'))\n  return %1\n}", "not a constant"),
        ("graph f(%0: float32()) {\n  %1: float32() = neg(%0\n  return %1\n}", "expected"),
        ("graph f(%0: float32()) {\n  return %0", "no end"),
        ("graph f(%0: float32(" + "(" * 500 + ")) {", "expected|not well formed"),
    ],
)
def test_what_is_not_well_formed_is_refused(text: str, message: str) -> None:
    with pytest.raises(tf.errors.DataLossError, match=message):
        from_text(text)
