"""keras.remat and keras.RematScope: the same results and gradients, from less memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.pipeline import Program

keras = tf.keras


def model_of(scope: Any) -> Any:
    keras.utils.set_random_seed(1)
    with scope:
        return keras.Sequential([keras.Input((8,)), *(keras.layers.Dense(8, activation="tanh", name=f"dense_{i}") for i in range(3))])


def gradients(model: Any, x: Any, compiled: bool) -> list[Any]:
    def run(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(x) ** 2.0)
        return tape.gradient(loss, model.trainable_variables)

    return [g.numpy() for g in (tf.function(run) if compiled else run)(x)]


SCOPES = {
    "full": {},
    "activations": {"mode": "activations"},
    "larger_than": {"mode": "larger_than", "output_size_threshold": 4},
    "list_of_layers": {"mode": "list_of_layers", "layer_names": ["dense_1"]},
    "none": {"mode": None},
}


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("scope", SCOPES)
def test_a_scope_changes_no_gradient(scope: str, compiled: bool) -> None:
    x = tf.constant(np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32))
    want = gradients(model_of(keras.RematScope(mode=None)), x, compiled)
    for a, b in zip(gradients(model_of(keras.RematScope(**SCOPES[scope])), x, compiled), want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_modes_are_checked_and_scopes_nest() -> None:
    with pytest.raises(ValueError, match="Invalid mode 'some'"):
        keras.RematScope("some")
    with keras.RematScope("full") as outer:
        with keras.RematScope(None) as inner:
            assert keras.layers.Dense(1)._remat is inner
        assert keras.layers.Dense(1)._remat is outer
    assert keras.layers.Dense(1)._remat is None


def test_fit_in_a_scope_needs_less_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    before = Program.__init__

    def init(self: Program, *rest: Any, **options: Any) -> None:
        before(self, *rest, **options)
        sizes.append(self.arena_bytes)

    monkeypatch.setattr(Program, "__init__", init)
    x, y = np.ones((512, 32), np.float32), np.ones((512, 32), np.float32)

    def needed(mode: str | None) -> tuple[int, Any]:
        keras.utils.set_random_seed(1)
        with keras.RematScope(mode):
            blocks = [keras.Sequential([keras.layers.Dense(32, activation="tanh") for _ in range(4)]) for _ in range(5)]
        model = keras.Sequential([keras.Input((32,)), *blocks])
        model.compile("adam", "mse")
        sizes.clear()
        history = model.fit(x, y, batch_size=512, epochs=2, verbose=0, shuffle=False)
        return max(sizes), history.history["loss"]

    (plain, expected), (recomputed, losses) = needed(None), needed("full")
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    assert recomputed < 0.6 * plain


def test_what_is_computed_again_draws_the_same_random_numbers() -> None:
    layer = keras.layers.Dropout(0.5, seed=3)

    @tf.function
    def run(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = keras.remat(lambda x: layer(x, training=True) ** 2.0)(x)
        return y, tape.gradient(y, x)

    for _ in range(2):
        y, g = run(tf.ones((64,)))
        np.testing.assert_array_equal(g.numpy(), 2 * np.sqrt(y.numpy()) * (y.numpy() > 0) * 2)
        assert 0 < np.count_nonzero(y.numpy()) < 64


def test_what_is_computed_again_moves_averages_once() -> None:
    x = tf.constant(np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32))

    def averages(mode: str | None) -> Any:
        with keras.RematScope(mode):
            layer = keras.layers.BatchNormalization()

        @tf.function
        def run(x: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(layer(x, training=True) ** 3.0)
            return tape.gradient(loss, layer.trainable_variables)

        layer.build((None, 4))
        run(x)
        return layer.moving_mean.numpy()

    np.testing.assert_array_equal(averages("full"), averages(None))
