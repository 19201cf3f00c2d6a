"""Recurrent layers: configs, states, dropout, files, and training with a batch size that is not known when they are built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tenfold as tf

L = tf.keras.layers
X = np.random.default_rng(0).standard_normal((3, 6, 4)).astype("float32")
LAYERS: dict[str, Any] = {
    "SimpleRNN": lambda: L.SimpleRNN(5, dropout=0.1, seed=3),
    "LSTM": lambda: L.LSTM(5, return_sequences=True, kernel_regularizer="l2", recurrent_dropout=0.2),
    "GRU": lambda: L.GRU(5, reset_after=False, go_backwards=True, bias_constraint="non_neg"),
    "RNN": lambda: L.RNN([L.LSTMCell(5), L.GRUCell(3)], return_state=True),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(5, return_sequences=True), merge_mode="ave"),
    "Bidirectional_of_two": lambda: L.Bidirectional(L.GRU(5), backward_layer=L.SimpleRNN(2, go_backwards=True)),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(2, "tanh")),
}


def flat(y: Any) -> list[Any]:
    return [np.asarray(t) for t in tf.nest.flatten(y)]


@pytest.mark.parametrize("name", LAYERS)
def test_config_and_weights_make_the_same_layer(name: str) -> None:
    layer = LAYERS[name]()
    expected = flat(layer(X))
    other = type(layer).from_config(layer.get_config())
    assert other.get_config() == layer.get_config()
    other(X)
    other.set_weights(layer.get_weights())
    compiled = flat(tf.function(other)(tf.constant(X)))
    for a, b, c in zip(expected, flat(other(X)), compiled, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_allclose(a, c, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["SimpleRNN", "LSTM", "GRU"])
def test_dropout_is_the_same_at_all_steps_and_only_in_training(kind: str) -> None:
    layer = getattr(L, kind)(6, dropout=0.5, recurrent_dropout=0.5, return_sequences=True)
    ones = np.ones((2, 8, 5), "float32")
    still = layer(ones)
    np.testing.assert_array_equal(still, layer(ones, training=False))
    first, second = layer(ones, training=True).numpy(), layer(ones, training=True).numpy()
    assert np.abs(first - second).max() > 1e-3 and np.abs(first - still.numpy()).max() > 1e-3
    only = getattr(L, kind)(6, dropout=0.5, recurrent_initializer="zeros", return_sequences=True, go_backwards=True)
    y = only(ones, training=True).numpy()
    if kind == "SimpleRNN":  # without a way from step to step all steps are equal, since their masks are
        np.testing.assert_allclose(y, np.repeat(y[:, :1], 8, 1), rtol=1e-6)


def test_stateful_layer_goes_on_where_it_was() -> None:
    whole = L.LSTM(4, return_sequences=True)
    expected = whole(X).numpy()
    parts = L.LSTM(4, return_sequences=True, stateful=True)
    parts(X[:, :3])
    parts.set_weights(whole.get_weights())
    parts.reset_state()
    got = np.concatenate([parts(X[:, :3]), parts(X[:, 3:])], 1)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert len(parts.weights) == 3
    with pytest.raises(ValueError, match="Expected batch size: 3"):
        parts(X[:2])
    with pytest.raises(ValueError, match="batch size must be static"):
        L.GRU(3, stateful=True).build((None, 5, 4))


def test_stateful_model_trains_and_keeps_its_state() -> None:
    model = tf.keras.Sequential([tf.keras.Input(batch_shape=(3, 6, 4)), L.GRU(4, stateful=True), L.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, np.ones((3, 1), "float32"), batch_size=3, epochs=2, verbose=0)
    assert np.abs(np.asarray(model.layers[0].states[0])).max() > 0
    model.layers[0].reset_state()
    assert np.abs(np.asarray(model.layers[0].states[0])).max() == 0


def words_model() -> Any:
    tokens = tf.keras.Input((None,), dtype="int32")
    x = L.Embedding(20, 6, mask_zero=True)(tokens)
    x = L.Bidirectional(L.LSTM(5, return_sequences=True))(x)
    return tf.keras.Model(tokens, L.Dense(1, "sigmoid")(L.GRU(4)(x)))


def test_model_with_masks_trains_and_is_saved(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(1, 20, (48, 9))
    x[:, 6:] *= rng.integers(0, 2, (48, 1))
    y = (x[:, 0] > 9).astype("float32")[:, None]
    tf.keras.utils.set_random_seed(1)
    model = words_model()
    model.compile(tf.keras.optimizers.Adam(0.02), "binary_crossentropy")
    history = model.fit(x, y, batch_size=16, epochs=20, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    model.save(tmp_path / "m.keras")
    loaded = tf.keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    padded = np.concatenate([x[:, :6], np.zeros((48, 5), x.dtype)], 1)  # padding changes nothing
    np.testing.assert_allclose(model.predict(padded, verbose=0), model.predict(padded[:, :7], verbose=0), rtol=1e-4, atol=1e-5)


def test_encoder_gives_its_states_to_a_decoder() -> None:
    source, target = tf.keras.Input((None, 4)), tf.keras.Input((None, 4))
    _, *states = L.LSTM(5, return_state=True)(source)
    decoded = L.LSTM(5, return_sequences=True)(target, initial_state=states)
    model = tf.keras.Model([source, target], L.Dense(2)(decoded))
    assert model.predict([X, X[:, :2]], verbose=0).shape == (3, 2, 2)
    model.compile("adam", "mse")
    assert np.isfinite(model.train_on_batch([X, X[:, :2]], np.zeros((3, 2, 2), "float32")))


class Minimal(tf.keras.layers.Layer):  # type: ignore[misc]
    """A cell as users write them."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")
        self.recurrent_kernel = self.add_weight((self.units, self.units), name="recurrent_kernel")

    def call(self, inputs: Any, states: Any) -> Any:
        h = inputs @ self.kernel + states[0] @ self.recurrent_kernel
        return h, [h]


def test_own_cell_with_gradients() -> None:
    layer = L.RNN(Minimal(5), return_sequences=True)
    x = tf.constant(X)

    def gradients(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(x)))
        return tape.gradient(loss, layer.trainable_variables)

    layer(x)
    for a, b in zip(gradients(x), tf.function(gradients)(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_mixed_precision() -> None:
    layer = L.LSTM(5, return_sequences=True, dtype="mixed_bfloat16")
    assert layer(X).dtype == tf.bfloat16 and layer.weights[0].dtype == tf.float32


def test_mistakes() -> None:
    with pytest.raises(ValueError, match="positive integer"):
        L.LSTM(0)
    with pytest.raises(ValueError, match="`call` method"):
        L.RNN(3)
    with pytest.raises(ValueError, match="state_size"):
        L.RNN(L.Dense(3))
    with pytest.raises(ValueError, match="merge mode"):
        L.Bidirectional(L.LSTM(3), merge_mode="max")
    with pytest.raises(ValueError, match="go_backwards"):
        L.Bidirectional(L.LSTM(3), backward_layer=L.LSTM(3))
    with pytest.raises(ValueError, match="at least 3 dimensions"):
        L.TimeDistributed(L.Dense(2))(np.ones((2, 3), "float32"))
    with pytest.raises(ValueError, match="ndim"):
        L.GRU(3)(np.ones((2, 3), "float32"))


class TwoSums(tf.keras.layers.Layer):
    """A cell with two inputs, two states of other ranks, and two outputs, as Keras 2 takes it."""

    state_size = (tf.TensorShape([3]), tf.TensorShape([4, 5]))

    def build(self, input_shapes):
        (_, n), (_, p, q) = input_shapes
        self.first = self.add_weight(shape=(n, 3), name="first")
        self.second = self.add_weight(shape=(p, q, 4, 5), name="second")

    def call(self, inputs, states):
        a, b = tf.matmul(inputs[0], self.first), tf.einsum("bij,ijkl->bkl", inputs[1], self.second)
        return (a, b), (states[0] + a, states[1] + b)


@pytest.mark.parametrize(("every", "backwards", "unroll"), [(False, False, False), (True, False, True), (True, True, False), (False, True, True)])
def test_nested_inputs_states_and_outputs(every, backwards, unroll):
    rng = np.random.default_rng(0)
    x, y = rng.random((2, 6, 7), "float32"), rng.random((2, 6, 2, 3), "float32")
    tf.keras.utils.set_random_seed(0)
    layer = tf.keras.layers.RNN(TwoSums(), return_sequences=every, return_state=True, go_backwards=backwards, unroll=unroll)
    (a, b), *states = layer((tf.constant(x), tf.constant(y)))
    first, second = (w.numpy().astype("float64") for w in layer.weights)
    steps = slice(None, None, -1 if backwards else 1)
    expected = x[:, steps] @ first, np.einsum("btij,ijkl->btkl", y[:, steps], second)
    for got, all_steps, state in zip((a, b), expected, states, strict=True):
        np.testing.assert_allclose(got, all_steps if every else all_steps[:, -1], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state, all_steps.sum(1), rtol=1e-5, atol=1e-6)


def test_a_model_of_nested_inputs_trains():
    inputs = [tf.keras.Input((None, 7)), tf.keras.Input((None, 2, 3))]
    model = tf.keras.Model(inputs, tf.keras.layers.RNN(TwoSums())(tuple(inputs)))
    assert model.output_shape == [(None, 3), (None, 4, 5)]
    model.compile("adam", "mse")
    x, y = [np.ones((4, 6, 7), "float32"), np.ones((4, 6, 2, 3), "float32")], [np.ones((4, 3)), np.ones((4, 4, 5))]
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=3, verbose=0)
    after = model.evaluate(x, y, verbose=0)
    assert np.ravel(after)[0] < np.ravel(before)[0]
