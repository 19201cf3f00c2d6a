"""Layers in few bits, with low-rank adaptation, and what comes with them: policies of many layers, context of calls, sparse tensors."""

import ml_dtypes
import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.pipeline import Program
from tenfold.ir.graph import specialize

K, L = tf.keras, tf.keras.layers


@pytest.mark.parametrize("name", ["float8_e4m3fn", "float8_e5m2"])
def test_eight_bit_floats_are_rounded_as_hardware_does(name):
    kind = getattr(ml_dtypes, name)
    largest = float(ml_dtypes.finfo(kind).max)
    held = np.arange(256, dtype=np.uint8).view(kind).astype("float32")
    held = np.sort(held[np.isfinite(held)])
    x = np.concatenate([held, (held[1:] + held[:-1]) / 2, np.random.RandomState(0).standard_normal(5000) * 30]).astype("float32")
    expected = np.clip(x, -largest, largest).astype(kind).astype("float32")
    np.testing.assert_array_equal(K.quantizers.quantize_and_dequantize(x, 1.0, name, "float32").numpy(), expected)


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_quantized_model_is_saved_and_read(mode, tmp_path):
    model = K.Sequential([K.Input((12,)), L.Dense(16, activation="relu", name="first"), L.Dense(3, name="last")])
    x = np.random.RandomState(1).rand(5, 12).astype("float32")
    plain = model.predict(x, verbose=0)
    model.quantize(mode, filters="first")
    assert [layer.quantization_mode for layer in model.layers] == [mode, None]
    found = model.predict(x, verbose=0)  # compiled anew: the weights are others
    assert 0 < np.abs(found - plain).max() < 0.2
    model.save(tmp_path / "small.keras")
    np.testing.assert_allclose(K.saving.load_model(tmp_path / "small.keras").predict(x, verbose=0), found, atol=1e-6)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_compiled_layers_multiply_the_integers(policy):
    """One kernel rounds the inputs, and scales, bias and activation end the product: no float matrix exists."""
    layers = {
        "dense": (L.Dense(16, activation="relu", dtype=policy), (5, 12)),
        "heads": (L.EinsumDense("btd,dnh->btnh", (None, 2, 6), bias_axes="nh", dtype=policy), (2, 3, 12)),
        "joined": (L.EinsumDense("btnh,nhd->btd", (None, 8), bias_axes="d", dtype=policy), (2, 3, 2, 6)),
    }
    for layer, shape in layers.values():
        x = np.random.RandomState(1).standard_normal(shape).astype("float32")
        layer(x)
        layer.quantize("int8")
        compiled = tf.function(lambda x, layer=layer: tf.cast(layer(x), "float32"))
        np.testing.assert_allclose(compiled(x).numpy(), tf.cast(layer(x), "float32").numpy(), rtol=1e-5, atol=1e-6)
        concrete = compiled.get_concrete_function(x)
        calls = Program(specialize(concrete.graph, {}), concrete._updates).calls
        assert "integer_matmul" in [c.name for c in calls] and "matmul" not in [c.name for c in calls]
        assert sum(c.name != "integer_matmul" for c in calls) == 1


def test_quantizing_forgets_the_float_matrix():
    layer = L.Dense(8)
    layer.build((None, 6))
    layer.quantize("int4")
    assert sorted((w.name, tuple(w.shape)) for w in layer.weights) == [
        ("bias", (8,)), ("g_idx", (6,)), ("kernel", (6, 4)), ("kernel_scale", (1, 8)), ("kernel_zero", (1, 8))]  # fmt: skip


def test_an_adapted_matrix_stays_frozen():
    layer = L.Dense(4)
    layer.build((None, 3))
    layer.enable_lora(2)
    layer.trainable = False
    layer.trainable = True
    assert [w.name for w in layer.trainable_weights] == ["bias", "lora_kernel_a", "lora_kernel_b"]


def test_the_config_of_a_policy_map_leaves_its_policies_alone():
    policies = K.dtype_policies.DTypePolicyMap()
    policies["a"] = "mixed_bfloat16"
    policies.get_config()
    assert policies["a"].name == "mixed_bfloat16"


def test_convolutional_lstm_in_both_data_formats():
    x = np.random.RandomState(2).rand(2, 3, 5, 6, 4).astype("float32")
    last, first = (L.ConvLSTM2D(3, 2, padding="same", return_sequences=True, data_format=f) for f in ("channels_last", "channels_first"))
    expected = last(x).numpy()
    first.build((2, 3, 4, 5, 6))
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(first(x.transpose(0, 1, 4, 2, 3)).numpy(), expected.transpose(0, 1, 4, 2, 3), atol=1e-6)


def test_alpha_dropout_keeps_mean_and_variance():
    x = np.random.RandomState(3).standard_normal((200, 500)).astype("float32")
    y = L.AlphaDropout(0.3, seed=1)(x, training=True).numpy()
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03


def test_a_stateless_call_leaves_the_variables_alone():
    layer = L.BatchNormalization(momentum=0.5)
    x = np.random.RandomState(4).rand(8, 3).astype("float32") + 1
    layer.build(x.shape)
    before = [w.numpy() for w in layer.weights]
    _, moved = layer.stateless_call([w.value for w in layer.trainable_variables], [w.value for w in layer.non_trainable_variables], x, training=True)
    np.testing.assert_allclose(moved[0].numpy(), x.mean(0) / 2, rtol=1e-5)
    for w, value in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(w.numpy(), value)


def test_weights_are_not_made_in_calls():
    class Late(L.Layer):
        def call(self, x):
            self.w = self.add_weight(())
            return x

    with pytest.raises(ValueError, match="cannot add new elements of state"):
        Late()(np.ones((2, 2)))


def test_layers_that_leave_zeros_zero_keep_sparse_tensors():
    x = tf.sparse.from_dense(np.array([[0.0, 2.0], [0.0, 0.0]], "float32"))
    assert isinstance(L.Add()([x, x]), tf.SparseTensor)
    assert isinstance(L.Reshape((2, 1))(x), tf.SparseTensor)
    assert not isinstance(L.Add()([x, np.ones((2, 2), "float32")]), tf.SparseTensor)
