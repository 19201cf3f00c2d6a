"""Paddings before depthwise convolutions become the convolutions' own, where nothing else needs the padded image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold import function
from tenfold.compiler import pipeline
from tenfold.compiler.padding import absorb_pads
from tenfold.ir.graph import Graph
from tenfold.primitives.contraction import convolution
from tenfold.primitives.movement import pad

W = np.random.default_rng(0).standard_normal((3, 3, 1, 8)).astype("float32")
X = np.random.default_rng(1).standard_normal((2, 7, 6, 8)).astype("float32")


def depthwise(x: Any, padding: Any = ((0, 0), (0, 0)), groups: int = 8, w: Any = W) -> Any:
    return convolution(x, w, strides=(2, 2), padding=padding, dilation=(1, 1), groups=groups)


def names(program: Any) -> list[str]:
    graph: Graph = tf.function(program).get_concrete_function(tf.TensorSpec(X.shape)).graph
    return [n.primitive.name for n in absorb_pads(graph).nodes]


def padded(x: Any, value: float | None = None) -> Any:
    return pad(x, (0, 1, 0, 0), (0, 2, 1, 0), value=value)


def expected(x: Any, w: Any = W, margins: Any = ((3, 3), (1, 2))) -> Any:
    wide = np.pad(x.astype("float64"), ((0, 0), *margins, (0, 0)))
    rows, columns = ((n - 3) // 2 + 1 for n in wide.shape[1:3])
    out = np.zeros((len(x), rows, columns, 8))
    for i in range(3):
        for j in range(3):
            out += wide[:, i : i + 2 * rows - 1 : 2, j : j + 2 * columns - 1 : 2] * w[i, j, 0]
    return out


def test_the_padding_of_a_depthwise_convolution_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    lowered: list[str] = []
    for kind, lower in pipeline.LOWER.items():
        record = lambda group, uses, lower=lower: lowered.extend(n.primitive.name for n in group.nodes) or lower(group, uses)  # noqa: E731
        monkeypatch.setitem(pipeline.LOWER, kind, record)

    def program(x: Any) -> Any:
        return depthwise(padded(tf.nn.relu(x)), ((2, 1), (1, 1)))

    assert names(program) == ["relu", "convolution"]
    np.testing.assert_allclose(function(program)(X), expected(np.maximum(X, 0)), rtol=1e-5, atol=1e-5)
    assert lowered == ["relu", "convolution"]


def test_its_gradients_too() -> None:
    def gradients(x: Any, w: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch((x, w))
            y = tf.reduce_sum(depthwise(padded(x), ((2, 1), (1, 1)), w=w) ** 2)
        return tape.gradient(y, (x, w))

    dx, dw = function(gradients)(tf.constant(X), tf.constant(W))
    assert "pad" not in names(lambda x: gradients(x, tf.constant(W)))
    for array, gradient, place in ((X, dx, (1, 3, 2, 5)), (W, dw, (2, 0, 0, 3))):
        step = np.zeros_like(array, "float64")
        step[place] = 1e-4
        more, less = ((expected(X + s, W) if array is X else expected(X, W + s)) for s in (step, -step))
        np.testing.assert_allclose(gradient.numpy()[place], (np.sum(more**2) - np.sum(less**2)) / 2e-4, rtol=1e-3)


@pytest.mark.parametrize("program", [
    lambda x: (depthwise(padded(x)), padded(x) + 1),  # needed by another
    lambda x: (y := padded(x), depthwise(y)),  # a result
    lambda x: depthwise(padded(x, 1.0)),  # not zeros
    lambda x: depthwise(pad(x, (1, 0, 0, 0), (0, 0, 0, 0))),  # an image more
    lambda x: depthwise(pad(x, (0, 0, 0, 0), (0, 0, 0, 0), (0, 1, 0, 0))),  # apart
    lambda x: depthwise(padded(x), groups=1, w=np.ones((3, 3, 8, 4), "float32")),  # copies its image in any case
])  # fmt: skip
def test_other_paddings_stay(program: Any) -> None:
    assert "pad" in names(program)
    for compiled, plain in zip(tf.nest.flatten(function(program)(X)), tf.nest.flatten(program(X)), strict=True):
        np.testing.assert_allclose(compiled, plain, rtol=1e-5, atol=1e-5)
