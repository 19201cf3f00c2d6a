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


class TakesTheTypeOfItsWeight(tf.keras.layers.Layer):
    def build(self, shape):
        self.inner = tf.keras.layers.Dense(2, use_bias=False, dtype=self.dtype_policy)
        self.total = self.add_weight((), "zeros", trainable=False)
        self.scale = self.add_weight((), "ones")

    def call(self, x):
        self.seen = self.scale.dtype
        self.total.assign_add(tf.keras.ops.sum(tf.keras.ops.cast(x, "float32")))
        self.scale.assign(2.0)
        return self.inner(tf.keras.ops.cast(x, self.scale.dtype)) * self.scale


@pytest.mark.parametrize("compiled", [False, True])
def test_in_a_call_a_weight_has_the_type_that_is_computed_in(compiled):
    layer = TakesTheTypeOfItsWeight(dtype="mixed_float16")
    call = tf.function(layer) if compiled else layer
    assert call(np.ones((3, 4), "float32")).dtype == layer.seen == tf.float16
    assert layer.scale.dtype == layer.total.dtype == layer.inner.kernel.dtype == tf.float32
    assert float(layer.total) == 12
