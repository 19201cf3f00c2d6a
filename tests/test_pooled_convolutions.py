"""Convolutions that store only the maxima over windows of what they make, and the places of these."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler import pipeline
from tenfold.compiler.lower import Call
from tenfold.compiler.program import Group, Uses
from tenfold.runtime.native import host


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The contractions compiled during the test that end with maxima: the names of their nodes."""
    found: list[list[str]] = []
    original = pipeline.LOWER["contraction"]

    def record(group: Group, uses: Uses) -> list[Call]:
        names = [n.primitive.name for n in group.nodes]
        if "window_max" in names:
            found.append(names)
        return list(original(group, uses))

    monkeypatch.setitem(pipeline.LOWER, "contraction", record)
    return found


def numbers(seed: int, *shape: int) -> Any:
    return (np.random.default_rng(seed).standard_normal(shape) * 2).round().astype("float32")


def apart(function: Any, *xs: Any) -> Any:
    """The function's results, each operation by itself."""
    return [np.asarray(y) for y in function(*map(tf.constant, xs))]


WIDE = host().lanes >= 8  # narrow registers have no products by Winograd's method
SHAPES: list[tuple[Any, ...]] = [  # images, height, width, channels in and out, kernel, padding, window
    (2, 16, 16, 32, 32, 3, "SAME", 2), (3, 18, 19, 32, 32, 3, "VALID", 2), (9, 19, 17, 32, 48, 3, "SAME", 2), (40, 30, 30, 32, 64, 3, "SAME", 2),
    (2, 16, 22, 32, 32, 3, "SAME", 4), (2, 22, 25, 32, 32, 3, "VALID", (4, 1)), (2, 24, 21, 32, 32, 3, "SAME", (1, 2)),
    (2, 32, 32, 3, 32, 3, "VALID", 2), (3, 17, 15, 3, 16, 3, "SAME", 2), (1, 9, 11, 5, 48, 3, "SAME", (1, 2)), (5, 13, 17, 8, 48, 5, "SAME", (2, 1)),
    (2, 11, 14, 16, 16, 1, "VALID", 3), (2, 7, 5, 600, 16, (1, 3), "SAME", 2), (2, 5, 6, 3, 160, 2, "VALID", 2),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "kind"), [*((s, "relu") for s in SHAPES), *((SHAPES[1], kind) for kind in ("bias", "bare", "residual"))], ids=str)
def test_values_and_places(pooled: list[list[str]], shape: tuple[Any, ...], kind: str) -> None:
    n, h, w, ci, co, k, padding, window = shape
    tall, wide = (k, k) if isinstance(k, int) else k
    x, kernel, bias = numbers(1, n, h, w, ci), numbers(2, tall, wide, ci, co), numbers(3, co)
    x[x > 3] = np.nan
    x[0, 0, 0, 0] = np.inf
    rest = numbers(4, n, *((h, w) if padding == "SAME" else (h - tall + 1, w - wide + 1)), co)

    def step(x: Any, kernel: Any, bias: Any, rest: Any) -> Any:
        y = tf.nn.conv2d(x, kernel, 1, padding)
        y = y if kind == "bare" else y + (rest if kind == "residual" else bias)
        y = tf.nn.relu(y) if kind == "relu" else y
        most, places = tf.nn.max_pool_with_argmax(y, window, window, "VALID")
        return most, places, tf.exp(-tf.nn.max_pool2d(y, window, window, "VALID")), y

    def without_y(*xs: Any) -> Any:
        return step(*xs)[:3]

    together = [np.asarray(v) for v in tf.function(without_y)(x, kernel, bias, rest)]
    assert len(pooled) == WIDE and all("window_argmax" in names for names in pooled)
    separate = [np.asarray(v) for v in tf.function(step)(x, kernel, bias, rest)]
    assert len(pooled) == WIDE, "what others read is stored"
    for got, want in zip(together, separate, strict=False):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("batch", [1, 5])
def test_inference_and_training_of_a_network(pooled: list[list[str]], batch: int) -> None:
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(0)

    def block(channels: int) -> list[Any]:
        return [layers.Conv2D(channels, 3, activation="relu", padding="same"), layers.MaxPooling2D(), layers.Dropout(0.0)]

    model = tf.keras.Sequential([layers.Input((32, 32, 32)), *block(32), *block(64), layers.Flatten(), layers.Dense(3)])
    x = numbers(5, batch, 32, 32, 32)
    want = np.asarray(model(tf.constant(x)))
    np.testing.assert_allclose(model.predict(x, verbose=0), want, rtol=1e-4, atol=1e-5 * np.abs(want).max())
    assert len(pooled) == 2 * WIDE
    weights = model.trainable_variables

    def gradients(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x, training=True) ** 2)
        return tape.gradient(loss, weights)

    for got, want in zip(tf.function(gradients)(x), gradients(tf.constant(x)), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-2 * np.abs(want).max())
    assert not WIDE or (len(pooled) >= 4 and all("window_argmax" in names for names in pooled[2:4]))


@pytest.mark.parametrize(("strides", "dilation"), [(2, 1), (1, 2)])
def test_strided_and_dilated_convolutions(pooled: list[list[str]], strides: int, dilation: int) -> None:
    x, kernel = numbers(1, 2, 21, 23, 4), numbers(2, 3, 3, 4, 16)

    def function(x: Any, kernel: Any) -> Any:
        return tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, strides, "SAME", dilations=dilation), 2, 2, "VALID")

    np.testing.assert_array_equal(tf.function(function)(x, kernel), function(tf.constant(x), tf.constant(kernel)))
    assert len(pooled) == 1


def test_what_is_added_by_position_is_pooled_apart_from_plain_sums(pooled: list[list[str]]) -> None:
    x, kernel, rest = numbers(1, 2, 12, 12, 3), numbers(2, 3, 3, 3, 16), numbers(3, 2, 10, 10, 16)

    def function(x: Any, kernel: Any, rest: Any) -> Any:
        return tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, 1, "VALID") + rest, 2, 2, "VALID")

    np.testing.assert_array_equal(tf.function(function)(x, kernel, rest), function(*map(tf.constant, (x, kernel, rest))))
    assert not pooled


@pytest.mark.parametrize(("window", "strides", "padding"), [(3, 2, "SAME"), (2, 1, "VALID"), (3, 3, "VALID"), (2, 2, "SAME")])
def test_other_windows_are_pooled_apart(pooled: list[list[str]], window: int, strides: int, padding: str) -> None:
    x, kernel = numbers(1, 4, 19, 19, 32), numbers(2, 3, 3, 32, 32)
    function = lambda x, kernel: [tf.nn.max_pool2d(tf.nn.conv2d(x, kernel, 1, "SAME"), window, strides, padding)]  # noqa: E731
    np.testing.assert_allclose(tf.function(function)(x, kernel)[0], apart(function, x, kernel)[0], rtol=1e-4, atol=1e-3)
    assert not pooled


WEIGHTS: list[tuple[Any, ...]] = [  # images, height, width, channels in and out, kernel, padding, strides, window, whether the gradient is routed
    (2, 32, 32, 3, 32, 3, "VALID", 1, 2, True), (3, 15, 17, 3, 16, 3, "SAME", 1, 2, True), (1, 9, 11, 5, 32, 3, "SAME", 1, (1, 2), True),
    (300, 3, 3, 2, 16, 2, "VALID", 1, 2, True), (2, 33, 31, 3, 64, 7, "SAME", 2, 2, None), (5, 10, 13, 4, 18, 3, "VALID", 1, 3, False),
    (2, 40, 44, 16, 16, 1, "VALID", 1, (2, 1), True), (2, 29, 32, 2, 144, 2, "VALID", 1, 3, None),
    (2, 12, 12, 3, 10, 3, "SAME", 1, 2, False), (1, 1, 5, 3, 16, 1, "SAME", 1, 2, False),
]  # fmt: skip


@pytest.mark.parametrize("case", WEIGHTS, ids=str)
def test_gradient_of_weights_from_that_of_maxima(monkeypatch: pytest.MonkeyPatch, case: tuple[Any, ...]) -> None:
    n, h, w, ci, co, k, padding, strides, window, expected = case
    reads: list[tuple[Any, ...]] = []
    original = pipeline.LOWER["contraction"]

    def record(group: Group, uses: Uses) -> list[Call]:
        if group.nodes[0].primitive.name == "convolution_weight_gradient":
            reads.append(tuple(v.spec.shape for v in group.nodes[0].inputs))
        return list(original(group, uses))

    monkeypatch.setitem(pipeline.LOWER, "contraction", record)
    rng = np.random.default_rng(8)
    x, kernel = rng.standard_normal((n, h, w, ci)).astype("float32"), rng.standard_normal((k, k, ci, co)).astype("float32")

    def gradient(x: Any, kernel: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(kernel)
            y = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, kernel, strides, padding)), window, window, "VALID")
            loss = tf.reduce_sum(y**3)
        return tape.gradient(loss, kernel)

    want = np.asarray(gradient(tf.constant(x), tf.constant(kernel)))
    reads.clear()
    got = np.asarray(tf.function(gradient)(x, kernel))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6 * np.abs(want).max())
    if expected is not None:
        assert [len(shapes) for shapes in reads] == [3 if expected else 2]
