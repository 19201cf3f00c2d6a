"""What another equal block costs the compiler: no kernels, and few steps of Python's, the same number for each."""

from __future__ import annotations

import gc
import sys
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.pipeline import assembled
from tenfold.core import dtypes
from tenfold.ir.graph import Graph
from tenfold.ir.primitive import Spec
from tenfold.keras.base import symbolic
from tenfold.transform import custom
from tenfold.transform.trace import trace

MOST_CALLS = 200  # of functions, for a node of another block: a bound on the compiler's work that no clock changes


def training_step(blocks: int) -> tuple[Graph, dict[int, int]]:
    """A step of gradient descent through blocks of normalization, products, activation and residual; and what it overwrites."""
    rng = np.random.default_rng(0)
    weights = [[tf.Variable(rng.standard_normal(s, np.float32)) for s in ((32,), (32, 64), (64,), (64, 32))] for _ in range(blocks)]

    @tf.function
    def step(x: Any) -> Any:
        with tf.GradientTape() as tape:
            y = x
            for scale, a, bias, b in weights:
                mean = tf.reduce_mean(y, -1, keepdims=True)
                normal = (y - mean) * tf.math.rsqrt(tf.reduce_mean((y - mean) ** 2, -1, keepdims=True) + 1e-3) * scale
                y = y + tf.nn.gelu(normal @ a + bias) @ b
            loss = tf.reduce_mean(y * y)
        flat = [w for block in weights for w in block]
        for w, g in zip(flat, tape.gradient(loss, flat), strict=True):
            w.assign_sub(0.1 * g)
        return loss

    concrete = step.get_concrete_function(tf.TensorSpec((16, 32), tf.float32))
    return concrete.graph, dict(concrete._updates)


def compiling(graph: Graph, targets: dict[int, int]) -> tuple[int, int]:
    """How many functions are called to compile a graph, and how many kernels it has."""
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        made = assembled(graph, targets, frozenset(), True)
    finally:
        sys.setprofile(before)
    return calls, len(made.kernels)


def test_another_block_costs_no_kernel_and_few_calls() -> None:
    found = []
    for blocks in (4, 4, 12, 36):  # the first only fills what is remembered from compilation to compilation
        graph, targets = training_step(blocks)
        found.append((len(graph.nodes), *compiling(graph, targets)))
    nodes, calls, kernels = zip(*found[1:], strict=True)
    first, second = ((calls[k + 1] - calls[k]) / (nodes[k + 1] - nodes[k]) for k in (0, 1))
    assert kernels[0] == kernels[1] == kernels[2]
    assert second < MOST_CALLS
    assert second < 1.04 * first, "each further block costs the same"


@pytest.mark.parametrize("name", ["SGD", "AdamW"])
def test_another_variable_costs_an_optimizer_nothing_that_depends_on_the_step_alone(name: str) -> None:
    """Powers of the betas, the corrected rate and the decay are recorded once, whatever the number of variables."""
    found = []
    for count in (2, 5):
        variables = [tf.Variable([1.0, 2.0]) for _ in range(count)]
        optimizer = getattr(tf.keras.optimizers, name)(0.1, weight_decay=0.01)
        optimizer.build(variables)

        @tf.function
        def step(gradient: Any, optimizer: Any = optimizer, variables: Any = variables) -> None:
            optimizer.apply([gradient] * len(variables), variables)

        nodes = step.get_concrete_function(tf.TensorSpec((2,), tf.float32)).graph.nodes
        found.append([n.primitive.name for n in nodes if n.outputs[0].spec.shape == ()])
    assert found[0] == found[1]


def test_batch_normalization_records_its_statistics_once() -> None:
    layer = tf.keras.layers.BatchNormalization()
    normalize = tf.function(lambda x: layer(x, training=True))
    nodes = normalize.get_concrete_function(tf.TensorSpec((8, 3), tf.float32)).graph.nodes
    assert [n.primitive.name for n in nodes].count("sum") == 2  # a mean and a variance


def test_what_a_step_keeps_is_recorded_without_the_operators_of_keras_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which promote types, and whose files are loaded when they are first used. And gradients that no tape asks for are not traced."""

    def unexpected(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError(args)

    monkeypatch.setattr(symbolic, "operation_named", unexpected)
    monkeypatch.setattr(custom, "trace", unexpected)
    layer, optimizer = tf.keras.layers.BatchNormalization(momentum=0.75), tf.keras.optimizers.SGD(0.5, momentum=0.5)
    x = np.arange(6, dtype=np.float32).reshape(3, 2)

    @tf.function
    def step(x: Any) -> None:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, training=True))
        optimizer.apply(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables)

    layer.build((None, 2))
    optimizer.build(layer.trainable_variables)
    step(x)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.25 * x.mean(axis=0))
    np.testing.assert_allclose(layer.beta.numpy(), [-1.5, -1.5])


def test_a_tape_sees_what_is_recorded_once() -> None:
    """An update before a tape records and one inside of it: the second depends on the rate as before."""
    w, rate = tf.Variable([1.0, -2.0]), 0.25

    class Seen(tf.keras.optimizers.Adam):
        def assign(self, variable: Any, value: Any) -> None:
            self.seen = value
            super().assign(variable, value)

    optimizer = Seen(rate)
    optimizer.build([w])

    @tf.function
    def step(gradient: Any) -> Any:
        given = tf.constant(rate) + 0 * gradient[0]
        optimizer.update_step(gradient, w, given)
        with tf.GradientTape() as tape:
            tape.watch(given)
            before = tf.identity(w)
            optimizer.update_step(gradient, w, given)
        return tape.gradient(optimizer.seen, given), tf.reduce_sum(optimizer.seen - before)

    slope, change = step(tf.constant([0.5, 3.0]))
    np.testing.assert_allclose(slope, change / rate, rtol=1e-5)  # the update is proportional to the rate


def test_nothing_waits_for_the_collector_of_cycles() -> None:
    """What tracing and compiling leave is freed at once, so that memory does not grow meanwhile."""
    weight = tf.Variable(np.ones((3, 3), np.float32))

    def step(x: Any) -> Any:
        y = tf.nest.map_structure(tf.tanh, {"a": x @ weight, "b": [x]})
        weight.assign(weight * 0.5)
        return y

    graph, targets = training_step(4)
    compiling(graph, targets)
    gc.collect()
    before = gc.isenabled()
    gc.disable()
    try:
        trace(step, [Spec((2, 3), dtypes.float32)])
        assert gc.collect() == 0
        assembled(graph, targets, frozenset(), True)
        assert gc.collect() == 0
    finally:
        if before:
            gc.enable()
