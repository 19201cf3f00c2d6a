"""Layers in few bits, with low-rank adaptation, and what comes with them: policies of many layers, context of calls, sparse tensors."""

import math

import ml_dtypes
import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler.pipeline import Program
from tenfold.ir.graph import specialize
from tenfold.keras.layers.quantizing import awq, gptq
from tenfold.keras.layers.quantizing.affine import fitted
from tenfold.keras.layers.quantizing.calibration import samples

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


@pytest.mark.parametrize("units,inputs,block", [(16, 12, 5), (7, 13, 4), (9, 24, None), (10, 24, 128), (1024, 512, 128)])
def test_few_rows_are_multiplied_with_the_bytes_of_four_bit_integers(units, inputs, block):
    """For one row, compiled for an open number of rows, no float matrix is made."""
    layer, rng = L.Dense(units, activation="relu"), np.random.RandomState(0)
    layer.build((None, inputs))
    layer.set_weights([rng.standard_normal((inputs, units)).astype("float32"), rng.standard_normal(units).astype("float32")])
    layer.quantize("int4", config=K.quantizers.Int4QuantizationConfig(block_size=block))
    x = rng.standard_normal((5, inputs)).astype("float32")
    expected = np.maximum(x @ layer._restored().numpy().astype("float64") + layer.bias.numpy(), 0)
    compiled = tf.function(lambda x: layer(x), input_signature=[tf.TensorSpec([None, inputs])])
    for rows in (1, 2, 3, 5):
        for found in (compiled(x[:rows]), layer(x[:rows])):
            np.testing.assert_allclose(found.numpy(), expected[:rows], atol=1e-5 * expected.max())
    for rows, multiplies in ((1, False), (5, True)):
        concrete = tf.function(lambda x: layer(x)).get_concrete_function(x[:rows])
        calls = Program(concrete.graph, concrete._updates, range(1, len(concrete.graph.inputs))).calls
        assert ("matmul" in [c.name for c in calls]) == multiplies
        if units == 1024 and not multiplies:  # what is kept from run to run is small
            assert all(math.prod(v.spec.shape) * v.spec.dtype.size < units * inputs for c in calls for v in c.writes if hasattr(v, "spec"))


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


# --- calibration ---


def calibrated_model(mode, **options):
    """An embedding and two blocks whose inputs are far from alike; the model before and after, and tokens."""
    rng = np.random.RandomState(5)

    class Block(L.Layer):
        def __init__(self):
            super().__init__()
            self.up, self.down = L.Dense(48, activation="relu"), L.Dense(32)

        def call(self, x):
            return x + self.down(self.up(x))

    table = (rng.standard_normal((50, 8)) @ rng.standard_normal((8, 32)) * np.exp(rng.standard_normal(32))).astype("float32")
    embedding, blocks = L.Embedding(50, 32, weights=[table]), [Block(), Block()]
    model = K.Sequential([K.Input((None,), dtype="int32"), embedding, *blocks, L.Dense(7, name="head")])
    tokens = rng.randint(0, 50, (40, 20))
    before = model.predict(tokens, verbose=0)
    made = {"gptq": K.quantizers.GPTQConfig, "awq": K.quantizers.AWQConfig}[mode]
    structure = {"pre_block_layers": [embedding], "sequential_blocks": blocks}
    config = made(list(tokens), object(), num_samples=16, sequence_length=20, quantization_layer_structure=structure, **options)
    return model, config, tokens, before


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_a_calibrated_model_in_four_bits(mode, tmp_path):
    """Layers of the blocks, and no others, are integers; the model is near what it was, and saved."""
    model, config, tokens, before = calibrated_model(mode, group_size=8)
    model.quantize(config=config, filters="dense")
    found = model.predict(tokens, verbose=0)
    assert 0 < np.sqrt(np.mean((found - before) ** 2)) < 0.1 * before.std()
    inner = model.layers[1].up
    assert not hasattr(inner, "_kernel")
    assert inner.quantized_kernel.shape == (24, 32)
    assert inner.quantization_config.dataset is None


def test_large_inputs_are_rounded_with_more_care():
    rng = np.random.RandomState(0)
    x = rng.standard_normal((200, 40)).astype("float32") * np.where(np.arange(40) % 10 == 0, 30, 1).astype("float32")
    weights, peaks = rng.standard_normal((12, 40)).astype("float32"), awq.Peaks(40)
    peaks.add(x[:100])
    peaks.add(x[100:])
    np.testing.assert_array_equal(peaks.largest, np.abs(x).max(0))
    for size in (-1, 8):
        groups = np.arange(40) // (40 if size == -1 else size)
        plain = fitted(weights, 4, size)
        found = awq.quantized(weights, peaks, K.quantizers.AWQConfig(None, None, group_size=size))
        restored = (found["quantized"] - found["zero"][:, groups]) * found["scale"][:, groups] / found["scales"]
        errors = [np.mean((x @ (w - weights).T) ** 2) for w in (restored, plain.restored(plain.rounded(weights, groups), groups))]
        assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("options", [(4, -1, False, True), (4, 8, False, True), (8, 8, True, True), (3, -1, False, False)])
def test_integers_reach_from_the_least_to_the_largest(options):
    bits, size, symmetric, _ = options
    x = np.random.RandomState(0).standard_normal((5, 21)).astype("float32")
    x[0], x[1] = np.abs(x[0]) + 3, 0  # all of one sign: zero is in the range nevertheless
    found = fitted(x, *options)
    groups = np.arange(21) // (21 if size == -1 else size)
    q = found.rounded(x, groups)
    assert ((q >= 0) & (q < 2**bits) & (q == np.round(q))).all()
    assert ((found.zero >= 0) & (found.zero < 2**bits)).all()
    assert (np.abs(found.restored(q, groups) - x) <= (1.01 if symmetric else 0.501) * found.scale[:, groups]).all()


def test_what_is_calibrated_is_saved_and_read(tmp_path):
    layer = L.Dense(10)
    model = K.Sequential([K.Input((None, 24)), layer])
    x = np.random.RandomState(3).standard_normal((1, 50, 24)).astype("float32")
    from_data = K.quantizers.GPTQConfig([np.arange(9)], object(), group_size=-1, num_samples=2, sequence_length=4)
    from_data.quantization_layer_structure = {"pre_block_layers": [lambda tokens: x], "sequential_blocks": [model]}
    model.quantize("gptq", config=from_data)
    assert layer.is_gptq_calibrated
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "small.keras")
    np.testing.assert_allclose(K.saving.load_model(tmp_path / "small.keras").predict(x, verbose=0), y, atol=1e-6)


def test_columns_make_up_for_the_errors_of_those_before():
    """Against the sums written out in float64, one column after the other."""
    rng = np.random.RandomState(0)
    x = (rng.standard_normal((300, 150)) @ rng.standard_normal((150, 150))).astype("float32")
    weights = rng.standard_normal((6, 150)).astype("float32")
    gram = gptq.Gram(150)
    for part in np.split(x, 3):
        gram.add(part)
    np.testing.assert_allclose(gram.matrix, 2 * x.T @ x / 300, rtol=1e-3, atol=1e-2)
    config = K.quantizers.GPTQConfig(None, None, group_size=10, hessian_damping=0.05)
    found = gptq.quantized(weights, gram, config)
    inverse = np.linalg.inv(gram.matrix.astype("float64") + 0.05 * np.diag(gram.matrix).mean() * np.eye(150))
    left, restored = weights.astype("float64"), (found["quantized"] - found["zero"].repeat(10, 1)) * found["scale"].repeat(10, 1)
    differ = 0
    for j in range(150):
        step = found["scale"][:, j // 10]
        differ += np.sum(np.abs(restored[:, j] - np.clip(left[:, j], (0 - found["zero"][:, j // 10]) * step, (15 - found["zero"][:, j // 10]) * step))
                         > 0.51 * step)  # fmt: skip
        left[:, j + 1 :] -= (left[:, j] - restored[:, j])[:, None] / inverse[j, j] * inverse[j, j + 1 :]
    assert differ < 10  # of 900


def test_calibration_needs_data_and_a_structure():
    model = K.Sequential([K.Input((4,)), L.Dense(3)])
    with pytest.raises(ValueError, match="requires a dataset and a tokenizer"):
        model.quantize("gptq", config=K.quantizers.GPTQConfig(None, None))
    model = K.Sequential([K.Input((4,)), L.Dense(3)])
    with pytest.raises(ValueError, match="valid quantization structure"):
        model.quantize("awq", config=K.quantizers.AWQConfig(["a"], object()))
    with pytest.raises(TypeError, match="must be an iterable"):
        samples("text", None, 3, 2)
    with pytest.raises(ValueError, match="empty"):
        samples([], None, 3, 2)
    windows = samples([np.arange(5), np.arange(5, 7)], None, 4, 6)
    assert windows.shape == (6, 1, 4)
    assert (np.diff(windows[:, 0]) % 7 == 1).all()
