"""JaxLayer: weights are Keras's, values and gradients JAX's, in eager mode, in compiled functions and in fit."""

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras import layers as L

jax = pytest.importorskip("jax", reason="JaxLayer needs JAX, which is not installed (pip install jax)")
rng = np.random.default_rng(0)


def dense(params, inputs):
    return jax.numpy.tanh(inputs @ params["w"] + params["b"])


def dense_init(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 3)), "b": jax.numpy.zeros(3)}


def counting(params, state, inputs, training):
    return inputs * params, {"calls": state["calls"] + 1 if training else state["calls"]}


@pytest.mark.parametrize("compiled", [False, True])
def test_values_and_gradients_are_those_of_the_formula(compiled):
    w, b, x = (rng.standard_normal(s).astype("float32") for s in [(4, 3), (3,), (5, 4)])
    layer, other = L.JaxLayer(dense, params={"w": w, "b": b}), L.Dense(3, "tanh")
    other.build((None, 4))
    other.set_weights([w, b])

    def run(layer, x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y * y * y)
        return [y, *tape.gradient(loss, [x, *sorted(layer.trainable_weights, key=lambda v: -len(v.shape))])]

    call = tf.function(run) if compiled else run
    for got, want in zip(call(layer, tf.constant(x)), run(other, tf.constant(x)), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-6)


def test_second_gradient():
    layer = L.JaxLayer(lambda inputs: inputs**3)
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = layer(x)
        first = inner.gradient(y, x)
    np.testing.assert_allclose(first, [3, 12])
    np.testing.assert_allclose(outer.gradient(first, x), [6, 12])


def test_gradient_passes_integers_and_types_jax_has_not():
    layer = L.JaxLayer(lambda inputs: (inputs["x"] * inputs["n"], inputs["n"]), dtype="float64")
    x = tf.constant([1.0, 2.0], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y, n = layer({"x": x, "n": tf.constant([3, 4])})
    assert n.dtype == tf.int32 and tape.gradient(y, x).dtype == tf.float64
    np.testing.assert_allclose(y, [3, 8])


def test_unknown_sizes_go_through_jax():
    layer = L.JaxLayer(lambda inputs: jax.numpy.concatenate([a.reshape(a.shape[0], -1, 2) for a in inputs], 1))
    inputs = [L.Input((None, 4)), L.Input((None, 2))]
    model = tf.keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, 2)
    a, b = rng.standard_normal((3, 5, 4)).astype("float32"), rng.standard_normal((3, 7, 2)).astype("float32")
    np.testing.assert_array_equal(model.predict([a, b], verbose=0), np.concatenate([a.reshape(3, 10, 2), b], 1))


def test_fit_learns_and_state_counts_training_only():
    x = rng.standard_normal((64, 4)).astype("float32")
    layer = L.JaxLayer(counting, params=np.float32([0, 0, 0, 0]), state={"calls": 0})
    model = tf.keras.Sequential([layer])
    model.compile(tf.keras.optimizers.SGD(0.5), "mse")
    model.fit(x, 2 * x, batch_size=16, epochs=20, verbose=0)
    np.testing.assert_allclose(layer.params, [2, 2, 2, 2], atol=1e-2)
    assert int(layer.state["calls"]) == 80
    model.predict(x, verbose=0)
    assert int(layer.state["calls"]) == 80 and layer.state["calls"].dtype == tf.int32


def test_keys_come_in_training_only_and_from_the_seed():
    def noise(rng, inputs):
        return inputs if rng is None else inputs + jax.random.normal(rng, inputs.shape)

    x = np.zeros((2, 3), "float32")
    first, second = L.JaxLayer(noise, seed=1), L.JaxLayer(noise, seed=1)
    a, b = first(x, training=True), first(x, training=True)
    np.testing.assert_array_equal(first(x), x)
    assert not np.allclose(a, b)
    np.testing.assert_array_equal(second(x, training=True), a)


def test_saved_and_loaded(tmp_path):
    with tf.keras.utils.CustomObjectScope({"dense": dense, "dense_init": dense_init}):
        model = tf.keras.Sequential([tf.keras.Input((4,)), L.JaxLayer(dense, dense_init)])
        model.save(str(tmp_path / "m.keras"))
        again = tf.keras.models.load_model(str(tmp_path / "m.keras"))
    x = rng.standard_normal((2, 4)).astype("float32")
    np.testing.assert_array_equal(again(x), model(x))


def test_mistakes():
    with pytest.raises(ValueError, match=r"`call_fn`.*`inputs`"):
        L.JaxLayer(lambda params: params, params=1.0)
    with pytest.raises(ValueError, match=r"Structure mismatch|mapping|dict"):
        L.JaxLayer(lambda params, state, inputs: (inputs, {"b": state["a"]}), params={}, state={"a": 1.0})(np.ones(1, "float32"))
