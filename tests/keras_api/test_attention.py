"""Attention layers: what recordings cannot show."""

import numpy as np
import pytest

import tenfold as tf


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


L = tf.keras.layers
LAYERS = {
    "heads": lambda: L.MultiHeadAttention(2, 4, value_dim=3, dropout=0.2, use_gate=True, sliding_window=3, kernel_regularizer="l2", seed=3),
    "grouped": lambda: L.GroupQueryAttention(4, 4, 2, dropout=0.1, use_bias=False),
    "einsum": lambda: L.EinsumDense("abc,cd->abd", (None, 4), activation="relu", bias_axes="d"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_config_makes_the_same_layer(name):
    layer = LAYERS[name]()
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("make", [lambda: L.MultiHeadAttention(2, 4, dropout=0.5, seed=1), lambda: L.GroupQueryAttention(4, 4, 2, dropout=0.5)])
def test_dropout_acts_in_training_only(make):
    x, layer = tf.constant(numbers(1, 2, 6, 8)), make()
    still = layer(x, x)
    np.testing.assert_array_equal(layer(x, x), still)
    assert not np.allclose(layer(x, x, training=True), still)


def test_attention_drops_weights_in_training():
    x, layer = tf.constant(numbers(1, 2, 6, 8)), L.Attention(dropout=0.5)
    _, weights = layer([x, x], training=True, return_attention_scores=True)
    assert (weights.numpy() == 0).mean() > 0.2


def test_saved_model_predicts_the_same(tmp_path):
    words = tf.keras.Input((6, 8))
    y = L.MultiHeadAttention(2, 4, use_gate=True)(words, words, use_causal_mask=True)
    y = L.GroupQueryAttention(4, 4, 2)(y, y)
    model = tf.keras.Model(words, L.AdditiveAttention()([y, words]))
    x = numbers(2, 3, 6, 8)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(tf.keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0), model.predict(x, verbose=0))


def test_any_number_of_steps():
    step = tf.keras.Input((None, 8))
    model = tf.keras.Model(step, L.MultiHeadAttention(2, 4)(step, step, use_causal_mask=True))
    x = numbers(3, 2, 7, 8)
    np.testing.assert_allclose(model.predict(x[:, :4], verbose=0), model.predict(x, verbose=0)[:, :4], atol=2e-6)


def test_mistakes_are_explained():
    with pytest.raises(ValueError, match="num_heads"):
        L.MultiHeadAttention(0, 4)
    with pytest.raises(ValueError, match="list of inputs"):
        L.Attention()(numbers(1, 2, 3, 4))
    with pytest.raises(ValueError, match="divisible"):
        L.GroupQueryAttention(4, 5, 2)
    with pytest.raises(ValueError, match="Invalid einsum equation"):
        L.EinsumDense("ab->ab", 3)(numbers(1, 2, 3))
    with pytest.raises(ValueError, match="score_mode"):
        L.Attention(score_mode="other")
