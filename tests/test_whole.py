"""Operations made of others, on large arrays outside of functions: one program, with the results of the definition."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.transform import function
from tenfold.transform.whole import MANY, MOST, whole

ROWS, WIDE = 512, 320
assert ROWS * WIDE >= MANY
X = np.random.default_rng(0).standard_normal((ROWS, WIDE)).astype(np.float32)
LABELS = np.random.default_rng(1).integers(0, WIDE, ROWS)
IMAGES = np.random.default_rng(2).random((4, 128, 128, 3), np.float32)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions that run as programs from here on."""
    seen: list[str] = []
    run = function.Function.__call__

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(self._name)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(function.Function, "__call__", noted)
    return seen


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def hue_turned(x: Any) -> Any:
    """By a third: red becomes green, green blue, blue red."""
    return x[..., [2, 0, 1]]


def doubled(x: Any) -> Any:
    """Linear interpolation between the centres of elements, along both axes."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        before, after = np.concatenate([x[:1], x[:-1]]), np.concatenate([x[1:], x[-1:]])
        x = np.moveaxis(np.stack([0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after], 1).reshape(-1, *x.shape[1:]), 0, axis)
    return x


CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Any]] = {
    "softmax": (tf.nn.softmax, softmax, X),
    "log_softmax": (lambda x: tf.nn.log_softmax(x, axis=0), lambda x: np.log(softmax(x.T)).T, X),
    "moments": (lambda x: tf.stack(tf.nn.moments(x, [1])), lambda x: np.stack([x.mean(1), x.var(1)]), X),
    "l2_normalize": (lambda x: tf.math.l2_normalize(x, 1), lambda x: x / np.sqrt((x * x).sum(1, keepdims=True)), X),
    "batch_normalization": (lambda x: tf.nn.batch_normalization(x, 1.0, 4.0, 3.0, None, 0.0), lambda x: (x - 1) / 2 + 3, X),
    "sparse_softmax_cross_entropy_with_logits": (
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=LABELS, logits=x),
        lambda x: -np.log(softmax(x)[np.arange(ROWS), LABELS]),
        X,
    ),
    "softmax_cross_entropy_with_logits": (
        lambda x: tf.nn.softmax_cross_entropy_with_logits(labels=softmax(X), logits=x),
        lambda x: -(softmax(X) * np.log(softmax(x))).sum(-1),
        X,
    ),
    "_turned": (lambda x: tf.image.adjust_hue(x, 1 / 3), hue_turned, IMAGES),
    "_between": (tf.keras.layers.UpSampling2D(2, interpolation="bilinear"), doubled, IMAGES),
    "per_image_standardization": (
        tf.image.per_image_standardization,
        lambda x: (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True),
        IMAGES,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_the_definition(calls: list[str], name: str) -> None:
    operation, wanted, x = CASES[name]
    results = [np.asarray(operation(tf.constant(x))) for _ in range(2)]
    assert name in calls
    np.testing.assert_allclose(results[0], wanted(x.astype(np.float64)), rtol=2e-5, atol=2e-5)
    assert results[0].tobytes() == results[1].tobytes()
    few, calls[:] = x[:1], []
    if "cross" not in name:
        np.testing.assert_allclose(operation(tf.constant(few)), wanted(few.astype(np.float64)), rtol=2e-5, atol=2e-5)
        assert name not in calls


@pytest.mark.parametrize("order", [1, 2])
def test_gradients(calls: list[str], order: int) -> None:
    """Those of sum(softmax(x) * w), and of the sum of their squares."""
    x, w = tf.constant(X), np.linspace(-1, 1, WIDE, dtype=np.float32)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.reduce_sum(tf.nn.softmax(x) * w)
        g = inner.gradient(y, x)
        z = tf.reduce_sum(g * g)
    assert "softmax" in calls

    def first(v: Any) -> Any:
        p = softmax(v)
        return p * (w - (p * w).sum(-1, keepdims=True))

    v, step = X.astype(np.float64), 1e-6
    if order == 1:
        np.testing.assert_allclose(g, first(v), rtol=1e-4, atol=1e-6)
        return
    along = np.random.default_rng(3).standard_normal(v.shape)
    slope = ((first(v + step * along) ** 2).sum() - (first(v - step * along) ** 2).sum()) / (2 * step)
    np.testing.assert_allclose(float(tf.reduce_sum(outer.gradient(z, x) * along.astype(np.float32))), slope, rtol=2e-3)


def test_batch_normalization_trains(calls: list[str]) -> None:
    """A large batch and the same in a compiled function: results, gradients and moving averages."""

    def step(layer: Any, x: Any) -> Any:
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
            loss = tf.reduce_sum(y * tf.sin(x))
        return y, *tape.gradient(loss, layer.trainable_variables), *layer.non_trainable_variables

    x = tf.constant(X * 3 + 1)
    eager, inside = (tf.keras.layers.BatchNormalization() for _ in range(2))
    found = [step(eager, x) for _ in range(2)][1]
    assert {"moments", "normalized"} <= set(calls)
    compiled = tf.function(lambda x: step(inside, x))
    wanted = [compiled(x) for _ in range(2)][1]
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-3)


def test_wrong_arguments_are_told_as_for_small_ones() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="softmax_cross_entropy") as small:
        tf.nn.softmax_cross_entropy_with_logits(labels=X[:2, :2], logits=X[:2, :3])
    with pytest.raises(tf.errors.InvalidArgumentError, match="softmax_cross_entropy") as large:
        tf.nn.softmax_cross_entropy_with_logits(labels=X, logits=X[:, 1:])
    assert type(small.value) is type(large.value)
    with pytest.raises(tf.errors.InvalidArgumentError, match="a label is out of range"):
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=np.full(ROWS, WIDE), logits=X)


def test_few_programs_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    traces: list[int] = []
    run = function.Function.__call__

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = run(self, *args, **kwargs)
        traces.append(self.experimental_get_tracing_count())
        return result

    monkeypatch.setattr(function.Function, "__call__", noted)
    double = whole(lambda x, n: x * n)
    for n in range(MOST + 5):
        np.testing.assert_array_equal(double(X, n)[:1], X[:1] * n)
    assert len(traces) == MOST + 5 and max(traces) <= MOST + 1 and traces[-1] < MOST


def test_other_types_and_few_elements_are_not_compiled(calls: list[str]) -> None:
    double = whole(lambda x, n: x * n)
    double(np.zeros(MANY, np.int32), 2)
    double(X[:2], 2)
    assert not calls
