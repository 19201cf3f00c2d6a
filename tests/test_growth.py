"""What another equal block costs the compiler: no kernels, and few steps of Python's, the same number for each."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

import tenfold as tf
from tenfold.compiler.pipeline import assembled
from tenfold.ir.graph import Graph

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
