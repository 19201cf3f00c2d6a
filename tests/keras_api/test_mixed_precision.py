"""Mixed precision: the policies' own behaviour."""

import numpy as np
import pytest

import tenfold as tf


@pytest.fixture
def float16():
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


def small(**options):
    model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(4, activation="relu"), tf.keras.layers.Dense(1, dtype="float32")])
    model.compile("sgd", "mse", **options)
    return model


def test_the_loss_is_scaled_only_where_it_must_be(float16):
    assert isinstance(small().optimizer, tf.keras.optimizers.LossScaleOptimizer)
    assert type(small(auto_scale_loss=False).optimizer) is tf.keras.optimizers.SGD
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    assert type(small().optimizer) is tf.keras.optimizers.SGD


def test_weights_stay_float32_and_steps_that_overflow_are_left_out(float16):
    model = small()
    x, y = np.ones((8, 3), "float32"), np.full((8, 1), 2, "float32")
    model.train_on_batch(x, y)
    before = [w.numpy() for w in model.weights]
    scale = float(model.optimizer.dynamic_scale.numpy())
    model.train_on_batch(x * 1e30, y)
    for w, old in zip(model.weights, before, strict=True):
        assert w.dtype == tf.float32
        np.testing.assert_array_equal(w, old)
    assert float(model.optimizer.dynamic_scale.numpy()) == scale / 2


def test_a_saved_model_goes_on_where_it_was(float16, tmp_path):
    model = small()
    x, y = np.ones((8, 3), "float32"), np.full((8, 1), 2, "float32")
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    again = tf.keras.models.load_model(tmp_path / "model.keras")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)
