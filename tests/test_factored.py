"""Derivatives of activations that the forward pass makes and keeps: sums in gradients with a common factor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.factored import factor_gradients
from tenfold.compiler.fuse import fuse
from tenfold.compiler.program import Group
from tenfold.compiler.simplify import simplify
from tenfold.ir.graph import Graph
from tenfold.primitives.error_functions import erf

ROWS, SIZE, WIDE = 512, 24, 512  # the activations are a MiB
RANDOM = np.random.default_rng(0)
X, W, V, R = (RANDOM.standard_normal(s).astype("float32") for s in ((ROWS, SIZE), (SIZE, WIDE), (WIDE, SIZE), (ROWS, SIZE)))


def step(activation: Callable[[Any], Any]) -> Callable[..., Any]:
    """The gradient of two layers with an activation between them."""

    def gradient(x: Any, w: Any, v: Any, r: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(activation(x @ w) @ v * r)
        return loss, tape.gradient(loss, x)

    return gradient


def gelu(z: Any) -> tuple[Any, Any]:
    phi = 0.5 * (1 + erf(z * np.sqrt(0.5)))
    return z * phi, phi + z * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def silu(z: Any) -> tuple[Any, Any]:
    s = 1 / (1 + np.exp(-z))
    return z * s, s + z * s * (1 - s)


def by_tanh(z: Any) -> tuple[Any, Any]:
    inside, slope = np.sqrt(2 / np.pi) * (z + 0.044715 * z**3), np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * z**2)
    t = np.tanh(inside)
    return 0.5 * z * (1 + t), 0.5 * (1 + t) + 0.5 * z * (1 - t * t) * slope


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[list[Group]]:
    """The groups of each program compiled during the test."""
    found: list[list[Group]] = []

    def record(*args: Any, **kwargs: Any) -> Any:
        made, uses = fuse(*args, **kwargs)
        found.append(made)
        return made, uses

    monkeypatch.setattr("tenfold.compiler.pipeline.fuse", record)
    return found


@pytest.mark.parametrize(
    ("activation", "truth"),
    [(tf.nn.gelu, gelu), (tf.nn.silu, silu), (lambda z: tf.nn.gelu(z, approximate=True), by_tanh)],
    ids=["gelu", "silu", "gelu by tanh"],
)
def test_the_forward_pass_keeps_the_derivative(activation: Any, truth: Any, groups: list[list[Group]]) -> None:
    loss, dx = tf.function(step(activation))(*map(tf.constant, (X, W, V, R)))
    x, w, v, r = (a.astype("float64") for a in (X, W, V, R))
    y, d = truth(x @ w)
    expected = (r @ v.T * d) @ w.T
    np.testing.assert_allclose(np.asarray(dx), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(float(loss), (y @ v * r).sum(), rtol=1e-4)
    products = [[n.primitive.name for n in g.nodes] for g in groups[-1] if g.kind == "contraction"]
    assert ["matmul", "mul"] in products
    between = [g for g in groups[-1] if g.kind == "map" and g.space == (ROWS, WIDE)]
    assert [len(g.stored) for g in between] == [2], "the activation and its derivative, nothing else"


def graph_of(program: Any, *shapes: tuple[int, ...]) -> Graph:
    return simplify(tf.function(program).get_concrete_function(*(tf.TensorSpec(s) for s in shapes)).graph)


def names(graph: Graph) -> list[str]:
    return sorted(n.primitive.name for n in graph.nodes)


def test_sums_that_are_no_gradients_stay_as_they_are_written() -> None:
    graph = graph_of(lambda a, b, x, y: (g := a @ b) * x + g * y, (ROWS, SIZE), (SIZE, WIDE), (ROWS, WIDE), (ROWS, WIDE))
    assert factor_gradients(graph) is graph


def test_so_do_small_ones_and_those_without_a_common_factor() -> None:
    small = graph_of(step(tf.nn.gelu), (8, SIZE), (SIZE, 16), (16, SIZE), (8, SIZE))
    assert factor_gradients(small) is small
    apart = graph_of(step(tf.tanh), X.shape, W.shape, V.shape, R.shape)
    assert factor_gradients(apart) is apart


def test_a_factor_that_stands_in_a_term_twice_is_left_there() -> None:
    """g * g * x is linear in x alone: gradients of gradients have such terms."""

    def squared(x: Any, w: Any, v: Any, r: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(x)
            loss, dx = step(tf.nn.silu)(x, w, v, r)
            again = loss + tf.reduce_sum(dx * dx)
        return outer.gradient(again, x)

    inputs = [tf.constant(a * np.float32(0.1)) for a in (X, W, V, R)]
    expected, actual = (np.asarray(f(*inputs)) for f in (squared, tf.function(squared)))
    np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=1e-5 * np.abs(expected).max())


def test_what_else_is_read_is_no_reason_to_write_more(groups: list[list[Group]]) -> None:
    """Where the parts of the derivative are in memory in any case, the product reads them."""

    def program(x: Any, w: Any, v: Any, r: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = x @ w
            s = tf.sigmoid(z)
            loss = tf.reduce_sum((z * s) @ v * r)
        return tape.gradient(loss, x), z, s

    dx, _, _ = tf.function(program)(*map(tf.constant, (X, W, V, R)))
    x, w, v, r = (a.astype("float64") for a in (X, W, V, R))
    expected = (r @ v.T * silu(x @ w)[1]) @ w.T
    np.testing.assert_allclose(np.asarray(dx), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert all(len(g.stored) <= 2 for g in groups[-1])
