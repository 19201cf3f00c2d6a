"""Groups that are built alike are lowered once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler import pipeline


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kinds of the groups that are lowered, one after the other."""
    kinds: list[str] = []

    def counted(kind: str, lower: Any) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            kinds.append(kind)
            return lower(*args)

        return call

    monkeypatch.setattr(pipeline, "LOWER", {kind: counted(kind, lower) for kind, lower in pipeline.LOWER.items()})
    return kinds


def block(x: Any, w: Any, scale: float = 2.0) -> Any:
    y = tf.nn.softmax(tf.matmul(x, w)) * scale
    return x + y - tf.reduce_mean(y, axis=-1, keepdims=True)


def expected(x: Any, weights: Any, scales: Any) -> Any:
    x = x.astype("float64")
    for w, scale in zip(weights, scales, strict=True):
        y = x @ w
        y = np.exp(y - y.max(-1, keepdims=True))
        y = y / y.sum(-1, keepdims=True) * scale
        x = x + y - y.mean(-1, keepdims=True)
    return x


def run(scales: tuple[float, ...]) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(6, 24)).astype("float32")
    weights = [random.normal(size=(24, 24)).astype("float32") for _ in scales]

    @tf.function
    def model(x: Any, *weights: Any) -> Any:
        for w, scale in zip(weights, scales, strict=True):
            x = block(x, w, scale)
        return x

    np.testing.assert_allclose(model(x, *weights), expected(x, weights, scales), rtol=2e-5, atol=2e-5)


def test_equal_blocks_are_lowered_once(lowered: list[str]) -> None:
    run((2.0,) * 3)
    few = len(lowered)
    lowered.clear()
    run((2.0,) * 12)
    assert len(lowered) == few


def test_blocks_that_differ_in_a_constant_are_not_alike() -> None:
    run((2.0, 3.0, 2.0, -0.0, 0.0))


def test_scratch_memory_is_not_shared(lowered: list[str]) -> None:
    """Each copy has memory of its own: a program's calls name it once per group."""

    @tf.function
    def f(x: Any) -> Any:
        return [tf.reduce_sum(x * k, axis=0) for k in (x, x + 1, x + 2)]

    x = np.random.default_rng(1).normal(size=(4096, 40)).astype("float32")
    for y, k in zip(f(x), (0, 1, 2), strict=True):
        np.testing.assert_allclose(y, (x.astype("float64") * (x + k)).sum(0), rtol=1e-4, atol=1e-3)


def test_a_weight_that_stays_and_one_that_changes_are_not_alike(lowered: list[str]) -> None:
    """The product with a variable may keep it packed, the product with an argument may not."""
    weights = tf.Variable(np.random.default_rng(2).normal(size=(24, 24)).astype("float32"))
    x, w = (np.random.default_rng(seed).normal(size=(24, 24)).astype("float32") for seed in (3, 4))
    f = tf.function(lambda x, w: (tf.matmul(x, weights), tf.matmul(x, w)))
    for y, other in zip(f(x, w), (weights.numpy(), w), strict=True):
        np.testing.assert_allclose(y, x.astype("float64") @ other, rtol=1e-5, atol=1e-5)
    assert lowered.count("contraction") == 2
