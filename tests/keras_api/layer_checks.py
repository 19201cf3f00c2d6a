"""run_layer_test: what holds for every layer."""

from typing import Any

import numpy as np

import tenfold as tf


def arrays(inputs: Any) -> Any:
    return [tf.constant(x) for x in inputs] if isinstance(inputs, list) else tf.constant(inputs)


def run_layer_test(cls: type, options: dict[str, Any], inputs: Any, output_shape: tuple[int, ...], weights: int = 0, trainable: int | None = None,
                   dtype: str = "float32", deterministic: bool = True) -> None:  # fmt: skip
    """Shapes and types; config there and back; weights there and back; eager = compiled = symbolic; training changes the weights."""
    layer = cls(**options)
    x = arrays(inputs)
    y = layer(x)
    assert tuple(y.shape) == output_shape
    assert y.dtype == dtype
    assert len(layer.weights) == weights
    assert len(layer.trainable_weights) == (weights if trainable is None else trainable)
    assert layer.built
    check_config(cls, layer, x, y)
    if deterministic:
        compiled = tf.function(lambda v: layer(v))
        np.testing.assert_allclose(compiled(x).numpy(), y.numpy(), rtol=2e-5, atol=2e-6)
    check_symbolic(cls, options, inputs, output_shape, dtype)
    if layer.trainable_weights:
        check_training(layer, x)


def check_config(cls: type, layer: Any, x: Any, y: Any) -> None:
    config = layer.get_config()
    again = cls.from_config(config)
    assert again.get_config() == config
    serialized = tf.keras.layers.serialize(layer)
    assert type(tf.keras.layers.deserialize(serialized)) is cls
    again(x)
    again.set_weights(layer.get_weights())
    assert [w.name for w in again.weights] == [w.name for w in layer.weights]
    np.testing.assert_array_equal(again(x).numpy(), y.numpy())
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    fresh = cls.from_config(config)
    fresh(x)
    fresh.load_own_variables(store)
    np.testing.assert_array_equal(fresh(x).numpy(), y.numpy())


def check_symbolic(cls: type, options: dict[str, Any], inputs: Any, output_shape: tuple[int, ...], dtype: str) -> None:
    """Shapes with an unknown batch size, from a functional call and from compute_output_shape."""
    several = inputs if isinstance(inputs, list) else [inputs]
    made = [tf.keras.Input(x.shape[1:], dtype=x.dtype.name) for x in several]
    y = cls(**options)(made if isinstance(inputs, list) else made[0])
    assert tuple(y.shape) == (None, *output_shape[1:])
    assert y.dtype == dtype
    if all(x.dtype == np.float32 for x in several):
        shapes = [(None, *x.shape[1:]) for x in several]
        assert cls(**options).compute_output_shape(shapes if isinstance(inputs, list) else shapes[0]) == (None, *output_shape[1:])


def check_training(layer: Any, x: Any) -> None:
    before = [w.numpy() for w in layer.trainable_weights]

    @tf.function
    def step(value: Any) -> None:
        with tf.GradientTape() as tape:
            y = layer(value, training=True)
            loss = tf.reduce_sum(tf.square(y - tf.cast(tf.reshape(tf.range(tf.size(y)), tf.shape(y)), y.dtype)))
        grads = tape.gradient(loss, layer.trainable_weights)
        for w, g in zip(layer.trainable_weights, grads, strict=True):
            w.assign_sub(1e-3 * g)

    step(x)
    changed = [not np.array_equal(w.numpy(), b) for w, b in zip(layer.trainable_weights, before, strict=True)]
    assert all(changed), [w.name for w, c in zip(layer.trainable_weights, changed, strict=True) if not c]
