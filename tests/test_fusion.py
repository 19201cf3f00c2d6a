"""Which kernels networks of convolutions and normalizations become, and that their results are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold import function, keras
from tenfold.compiler.fuse import fuse
from tenfold.compiler.program import Group
from tenfold.keras.layers.moments import moments, normalized


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[list[Group]]:
    """The groups of each program compiled during the test."""
    found: list[list[Group]] = []
    original = fuse

    def record(*args: Any, **kwargs: Any) -> Any:
        made, uses = original(*args, **kwargs)
        found.append(made)
        return made, uses

    monkeypatch.setattr("tenfold.compiler.pipeline.fuse", record)
    return found


def names(group: Group) -> list[str]:
    return [n.primitive.name for n in group.nodes]


def residual_block() -> keras.Model:
    layers = keras.layers
    i = keras.Input((8, 8, 16))
    y = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(16, 3, padding="same", use_bias=False)(i)))
    y = layers.ReLU(6.0)(layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same", use_bias=False)(y)))
    y = layers.BatchNormalization()(layers.Conv2D(16, 1, use_bias=False)(y))
    model = keras.Model(i, layers.Activation("relu")(layers.Add()([i, y])))
    rng = np.random.default_rng(0)
    model.set_weights([rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in model.get_weights()])
    return model


def test_batch_normalization_is_part_of_the_convolution_in_inference(groups: list[list[Group]]) -> None:
    model = residual_block()
    x = np.random.default_rng(1).standard_normal((4, 8, 8, 16)).astype("float32")
    expected = np.asarray(model(x, training=False))
    actual = np.asarray(function(lambda x: model(x, training=False))(x))
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    program = groups[-1]
    assert [names(g)[:1] for g in program if g.kind == "contraction"] == [["convolution"]] * 3
    assert all(g.space == (1, 1, 1, 16) for g in program if g.kind == "map"), "only the factors of the channels are computed apart"
    assert names(program[-1])[-2:] == ["add", "relu"]


def test_gradient_of_max_pooling_reads_where_the_maxima_were(groups: list[list[Group]]) -> None:
    layers = keras.layers
    i = keras.Input((9, 9, 4))
    model = keras.Model(i, layers.Flatten()(layers.MaxPooling2D(3, 2)(layers.Conv2D(4, 3)(i))))
    model.compile(optimizer="sgd", loss="mse")
    model.train_on_batch(np.ones((2, 9, 9, 4), "float32"), np.ones((2, 36), "float32"))
    program = next(p for p in groups if any("window_route" in names(g) for g in p))
    assert not any("window_argmax" in names(g) and "window_route" in names(g) for g in program)


def test_batch_normalization_in_training_takes_three_passes_forward_and_two_back(groups: list[list[Group]]) -> None:
    layers = keras.layers
    i = keras.Input((6, 6, 16))
    y = layers.Conv2D(16, 3, padding="same", use_bias=False)(i)
    y = layers.Activation("relu")(layers.BatchNormalization()(y))
    model = keras.Model(i, layers.Conv2D(16, 3, use_bias=False)(y))
    model.compile(optimizer=keras.optimizers.SGD(0.1, momentum=0.9), loss="mse")
    model.train_on_batch(np.ones((8, 6, 6, 16), "float32"), np.ones((8, 4, 4, 16), "float32"))
    program = next(p for p in groups if any("convolution_input_gradient" in names(g) for g in p))
    turn = next(k for k, g in enumerate(program) if "convolution_input_gradient" in names(g))
    space = (8, 6, 6, 16)
    assert [g.kind for g in program[:turn] if g.space == space] == ["reduce", "reduce", "map"]
    assert [g.kind for g in program[turn:] if g.space == space] == ["reduce", "map"]


def test_gradient_of_batch_normalization() -> None:
    """The first and second gradients written out equal those by the chain rule."""
    rng = np.random.default_rng(0)
    x, weight = (tf.constant(rng.standard_normal((4, 3, 3, 5))) for _ in range(2))
    gamma, beta = (tf.constant(rng.standard_normal((1, 1, 1, 5))) for _ in range(2))

    def plain(x: Any, gamma: Any, beta: Any) -> Any:
        mean = tf.reduce_mean(x, [0, 1, 2], keepdims=True)
        variance = tf.reduce_mean(tf.square(x - mean), [0, 1, 2], keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-3) * gamma + beta

    def gradients(normalized: Any, *given: Any) -> Any:
        with tf.GradientTape() as outer:
            outer.watch(given)
            with tf.GradientTape() as inner:
                inner.watch(given)
                loss = tf.reduce_sum(normalized(*given) ** 2 * weight)
            first = inner.gradient(loss, given)
            total = tf.reduce_sum(first[0] ** 2) + tf.reduce_sum(first[1] ** 2)
        return [*first, *outer.gradient(total, given[:2])]

    def written(x: Any, gamma: Any, beta: Any) -> Any:
        return normalized(x, *moments(x, [0, 1, 2], None), [0, 1, 2], 1e-3, gamma, beta)

    expected = gradients(plain, x, gamma, beta)
    compiled = tf.function(lambda *given: gradients(written, *given))
    for found in (gradients(written, x, gamma, beta), compiled(x, gamma, beta)):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-9, atol=1e-9 * np.abs(np.asarray(b)).max())


def test_a_product_ends_in_what_is_done_to_it_under_another_shape(groups: list[list[Group]]) -> None:
    """Heads are columns under another name: their bias, an activation and a residual of either shape are part of the product."""
    rng = np.random.default_rng(0)
    x, w, b, r, s = (rng.standard_normal(n).astype("float32") for n in ((2, 5, 12), (12, 3, 4), (3, 4), (2, 5, 3, 4), (2, 5, 12)))

    def heads(x: Any, w: Any, b: Any, r: Any, s: Any) -> Any:
        y = tf.tanh(tf.einsum("btc,chd->bthd", x, w) + b) + r
        return tf.reshape(y, (2, 5, 12)) * s

    y = np.asarray(function(heads)(x, w, b, r, s))
    expected = np.tanh(np.einsum("btc,chd->bthd", x, w) + b) + r
    np.testing.assert_allclose(y, expected.reshape(2, 5, 12) * s, rtol=1e-5, atol=1e-5)
    assert [g.kind for g in groups[-1]] == ["contraction"]


def test_rows_that_end_within_a_size_are_no_epilogue(groups: list[list[Group]]) -> None:
    rng = np.random.default_rng(0)
    x, w, b = (rng.standard_normal(n).astype("float32") for n in ((6, 5), (5, 4), (8,)))
    y = np.asarray(function(lambda x, w, b: tf.reshape(x @ w, (3, 8)) + b)(x, w, b))
    np.testing.assert_allclose(y, (x @ w).reshape(3, 8) + b, rtol=1e-5, atol=1e-6)
    assert [g.kind for g in groups[-1]] == ["contraction", "map"]


def test_short_rows_are_shared_by_tasks() -> None:
    """Sweeps over rows that are shorter than a few vectors take as long as if they were not."""
    few, many = (np.random.default_rng(0).normal(size=(rows, 10)).astype("float32") for rows in (8, 256))
    for x, tasks in ((few, 1), (many, 2)):
        function = tf.function(lambda x: tf.nn.softmax(x))
        np.testing.assert_allclose(function(x).numpy(), np.exp(x) / np.exp(x).sum(-1, keepdims=True), rtol=1e-6)
        program = next(iter(function.get_concrete_function(tf.constant(x))._programs.values()))
        assert [call.tasks for call in program.calls] == [tasks]


def test_a_pool_s_maximum_and_its_place_are_found_in_one_sweep(groups: list[list[Group]]) -> None:
    x = np.random.default_rng(0).standard_normal((2, 9, 9, 5)).astype("float32")

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.max_pool2d(x, 3, 2, "SAME")
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, x)

    found = function(gradient)(x)
    assert [{"window_max", "window_argmax"} <= set(names(g)) for g in groups[0]].count(True) == 1
    np.testing.assert_allclose(found, gradient(tf.constant(x)), rtol=1e-6)
