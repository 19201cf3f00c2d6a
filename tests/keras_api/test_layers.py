"""Every layer: shapes, types, configs, weights, training, eager = compiled = symbolic."""

import numpy as np
import pytest

import tenfold as tf
from keras_api.layer_checks import run_layer_test

L = tf.keras.layers
RANDOM = np.random.RandomState(0)


def x(*shape):
    return RANDOM.standard_normal(shape).astype("float32")


def words(*shape):
    return RANDOM.randint(0, 9, shape).astype("int32")


LAYERS = {
    "dense": (L.Dense, {"units": 3, "activation": "relu"}, x(4, 5), (4, 3), 2),
    "dense_all": (
        L.Dense,
        {"units": 3, "activation": "tanh", "kernel_initializer": "he_normal", "bias_initializer": "ones", "kernel_regularizer": "l2",
         "bias_regularizer": "l1", "activity_regularizer": "l2", "kernel_constraint": "max_norm", "bias_constraint": "non_neg"},
        x(4, 2, 5), (4, 2, 3), 2,
    ),
    "dense_no_bias": (L.Dense, {"units": 3, "use_bias": False}, x(4, 5), (4, 3), 1),
    "embedding": (L.Embedding, {"input_dim": 9, "output_dim": 4}, words(3, 5), (3, 5, 4), 1),
    "activation": (L.Activation, {"activation": "gelu"}, x(3, 4), (3, 4)),
    "relu": (L.ReLU, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.2}, x(3, 4), (3, 4)),
    "leaky_relu": (L.LeakyReLU, {}, x(3, 4), (3, 4)),
    "elu": (L.ELU, {}, x(3, 4), (3, 4)),
    "prelu": (L.PReLU, {}, x(3, 4), (3, 4), 1),
    "softmax": (L.Softmax, {"axis": [1, 2]}, x(3, 4, 2), (3, 4, 2)),
    "identity": (L.Identity, {}, x(3, 4), (3, 4)),
    "masking": (L.Masking, {"mask_value": 0.5}, x(3, 4, 2), (3, 4, 2)),
    "flatten": (L.Flatten, {}, x(3, 4, 2), (3, 8)),
    "flatten_first": (L.Flatten, {"data_format": "channels_first"}, x(3, 4, 2, 2), (3, 16)),
    "reshape": (L.Reshape, {"target_shape": (2, -1)}, x(3, 4, 2), (3, 2, 4)),
    "permute": (L.Permute, {"dims": (2, 1)}, x(3, 4, 2), (3, 2, 4)),
    "repeat_vector": (L.RepeatVector, {"n": 3}, x(2, 5), (2, 3, 5)),
    "zero_padding1d": (L.ZeroPadding1D, {"padding": (1, 2)}, x(2, 5, 3), (2, 8, 3)),
    "zero_padding2d": (L.ZeroPadding2D, {"padding": ((1, 0), (2, 1))}, x(2, 4, 5, 3), (2, 5, 8, 3)),
    "zero_padding2d_first": (L.ZeroPadding2D, {"padding": 1, "data_format": "channels_first"}, x(2, 3, 4, 5), (2, 3, 6, 7)),
    "zero_padding3d": (L.ZeroPadding3D, {}, x(1, 2, 3, 4, 2), (1, 4, 5, 6, 2)),
    "cropping1d": (L.Cropping1D, {}, x(2, 5, 3), (2, 3, 3)),
    "cropping2d": (L.Cropping2D, {"cropping": 1}, x(2, 4, 5, 3), (2, 2, 3, 3)),
    "cropping3d": (L.Cropping3D, {}, x(1, 4, 5, 6, 2), (1, 2, 3, 4, 2)),
    "up_sampling1d": (L.UpSampling1D, {}, x(2, 5, 3), (2, 10, 3)),
    "up_sampling2d": (L.UpSampling2D, {"size": (2, 3)}, x(2, 4, 5, 3), (2, 8, 15, 3)),
    "up_sampling2d_bilinear": (L.UpSampling2D, {"interpolation": "bilinear"}, x(2, 4, 5, 3), (2, 8, 10, 3)),
    "conv1d": (L.Conv1D, {"filters": 4, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, x(2, 7, 3), (2, 7, 4), 2),
    "conv2d": (L.Conv2D, {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"}, x(2, 7, 6, 3), (2, 4, 3, 4), 2),
    "conv2d_groups": (L.Conv2D, {"filters": 4, "kernel_size": (3, 2), "groups": 2, "use_bias": False}, x(2, 7, 6, 4), (2, 5, 5, 4), 1),
    "conv2d_first": (L.Conv2D, {"filters": 4, "kernel_size": 3, "data_format": "channels_first"}, x(2, 3, 7, 6), (2, 4, 5, 4), 2),
    "conv3d": (L.Conv3D, {"filters": 4, "kernel_size": 2}, x(1, 3, 4, 5, 2), (1, 2, 3, 4, 4), 2),
    "conv2d_transpose": (L.Conv2DTranspose, {"filters": 4, "kernel_size": 3, "strides": 2, "padding": "same"}, x(2, 4, 5, 3), (2, 8, 10, 4), 2),
    "conv1d_transpose": (L.Conv1DTranspose, {"filters": 4, "kernel_size": 3, "strides": 2}, x(2, 4, 3), (2, 9, 4), 2),
    "depthwise2d": (L.DepthwiseConv2D, {"kernel_size": 3, "depth_multiplier": 2}, x(2, 7, 6, 3), (2, 5, 4, 6), 2),
    "depthwise1d": (L.DepthwiseConv1D, {"kernel_size": 3}, x(2, 7, 3), (2, 5, 3), 2),
    "separable2d": (L.SeparableConv2D, {"filters": 5, "kernel_size": 3, "padding": "same"}, x(2, 7, 6, 3), (2, 7, 6, 5), 3),
    "separable1d": (L.SeparableConv1D, {"filters": 5, "kernel_size": 3}, x(2, 7, 3), (2, 5, 5), 3),
    "max_pooling1d": (L.MaxPooling1D, {}, x(2, 7, 3), (2, 3, 3)),
    "max_pooling2d": (L.MaxPooling2D, {"padding": "same"}, x(2, 7, 6, 3), (2, 4, 3, 3)),
    "max_pooling2d_first": (L.MaxPooling2D, {"pool_size": 3, "strides": 1, "data_format": "channels_first"}, x(2, 3, 7, 6), (2, 3, 5, 4)),
    "max_pooling3d": (L.MaxPooling3D, {}, x(1, 4, 4, 6, 2), (1, 2, 2, 3, 2)),
    "average_pooling1d": (L.AveragePooling1D, {"pool_size": 2}, x(2, 7, 3), (2, 3, 3)),
    "average_pooling2d": (L.AveragePooling2D, {"padding": "same", "pool_size": 3}, x(2, 7, 6, 3), (2, 3, 2, 3)),
    "average_pooling3d": (L.AveragePooling3D, {"pool_size": 2}, x(1, 4, 4, 6, 2), (1, 2, 2, 3, 2)),
    "global_average1d": (L.GlobalAveragePooling1D, {}, x(2, 7, 3), (2, 3)),
    "global_average2d": (L.GlobalAveragePooling2D, {"keepdims": True}, x(2, 7, 6, 3), (2, 1, 1, 3)),
    "global_average3d": (L.GlobalAveragePooling3D, {}, x(1, 4, 4, 6, 2), (1, 2)),
    "global_max1d": (L.GlobalMaxPooling1D, {}, x(2, 7, 3), (2, 3)),
    "global_max2d": (L.GlobalMaxPooling2D, {"data_format": "channels_first"}, x(2, 3, 7, 6), (2, 3)),
    "batch_norm": (L.BatchNormalization, {}, x(4, 5), (4, 5), 4, 2),
    "batch_norm_axis1": (L.BatchNormalization, {"axis": 1, "momentum": 0.5}, x(4, 3, 5), (4, 3, 5), 4, 2),
    "layer_norm": (L.LayerNormalization, {}, x(4, 5), (4, 5), 2),
    "layer_norm_axes": (L.LayerNormalization, {"axis": [1, 2]}, x(4, 3, 5), (4, 3, 5), 2),
    "rms_norm": (L.RMSNormalization, {}, x(4, 5), (4, 5), 1),
    "group_norm": (L.GroupNormalization, {"groups": 2}, x(4, 3, 6), (4, 3, 6), 2),
    "unit_norm": (L.UnitNormalization, {}, x(4, 5), (4, 5)),
    "rescaling": (L.Rescaling, {"scale": 0.5, "offset": 1.0}, x(4, 5), (4, 5)),
    "normalization": (L.Normalization, {"mean": [1.0, 2.0], "variance": [1.0, 4.0]}, x(4, 2), (4, 2)),
    "dropout": (L.Dropout, {"rate": 0.5, "seed": 3}, x(4, 5), (4, 5)),
    "spatial_dropout1d": (L.SpatialDropout1D, {"rate": 0.5}, x(4, 5, 2), (4, 5, 2)),
    "spatial_dropout2d": (L.SpatialDropout2D, {"rate": 0.5}, x(4, 5, 2, 3), (4, 5, 2, 3)),
    "gaussian_noise": (L.GaussianNoise, {"stddev": 0.5}, x(4, 5), (4, 5)),
    "gaussian_dropout": (L.GaussianDropout, {"rate": 0.5}, x(4, 5), (4, 5)),
    "activity_regularization": (L.ActivityRegularization, {"l1": 0.1}, x(4, 5), (4, 5)),
    "add": (L.Add, {}, [x(2, 3), x(2, 3), x(2, 3)], (2, 3)),
    "subtract": (L.Subtract, {}, [x(2, 3), x(2, 3)], (2, 3)),
    "multiply": (L.Multiply, {}, [x(2, 3), x(2, 1)], (2, 3)),
    "average": (L.Average, {}, [x(2, 3), x(2, 3)], (2, 3)),
    "maximum": (L.Maximum, {}, [x(2, 3), x(2, 3)], (2, 3)),
    "minimum": (L.Minimum, {}, [x(2, 3), x(2, 3)], (2, 3)),
    "concatenate": (L.Concatenate, {"axis": 1}, [x(2, 3, 2), x(2, 4, 2)], (2, 7, 2)),
    "dot": (L.Dot, {"axes": 1}, [x(2, 3), x(2, 3)], (2, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layer(name):
    run_layer_test(*LAYERS[name])


@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same"}, {"dilation_rate": 2}])
def test_channels_first_is_channels_last_transposed(options):
    """TensorFlow has no kernel for it on every machine: nothing is recorded."""
    image = tf.constant(np.random.RandomState(4).standard_normal((2, 9, 8, 4)).astype("float32"))
    last, first = L.Conv2D(8, 3, **options), L.Conv2D(8, 3, data_format="channels_first", **options)
    first.build((2, 4, 9, 8))
    last.build((2, 9, 8, 4))
    first.set_weights(last.get_weights())
    found = []
    for layer, order in ((last, (0, 1, 2, 3)), (first, (0, 3, 1, 2))):
        with tf.GradientTape() as tape:
            tape.watch(image)
            y = tf.transpose(layer(tf.transpose(image, order)), np.argsort(order))
            loss = tf.reduce_sum(y**2)
        found.append((y, *tape.gradient(loss, [image, *layer.trainable_variables])))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-4)


def test_integer_inputs_become_floats():
    image = np.arange(2 * 6 * 6 * 3).reshape(2, 6, 6, 3).astype("uint8")
    for layer in (L.Conv2D(2, 3), L.Dense(2), L.BatchNormalization(), L.AveragePooling2D()):
        assert layer(image).dtype == "float32"
    assert L.MaxPooling2D()(image).dtype == "uint8"


def test_float64_inputs_are_cast_and_float64_layers_compute_in_it():
    assert L.Dense(2)(np.ones((2, 3))).dtype == "float32"
    layer = L.Dense(2, dtype="float64")
    assert layer(np.ones((2, 3), "float32")).dtype == "float64"
    assert layer.kernel.dtype == "float64"


def test_mixed_precision_keeps_float32_weights():
    layer = L.Dense(2, dtype="mixed_bfloat16")
    y = layer(np.ones((2, 3), "float32"))
    assert (y.dtype, layer.kernel.dtype, layer.compute_dtype) == ("bfloat16", "float32", "bfloat16")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.cast(layer(np.ones((2, 3), "float32")), "float32"))
    assert tape.gradient(loss, layer.kernel).dtype == "float32"


def test_dropout_drops_in_training_only():
    data = np.ones((200, 50), "float32")
    layer = L.Dropout(0.25)
    assert np.array_equal(layer(data).numpy(), data)
    first, second = layer(data, training=True).numpy(), layer(data, training=True).numpy()
    assert abs((first == 0).mean() - 0.25) < 0.02
    assert np.allclose(first[first > 0], 1 / 0.75)
    assert not np.array_equal(first, second)


def test_compiled_dropout_draws_anew_each_step_and_like_eager():
    data = np.ones((20, 30), "float32")
    eager, traced = L.Dropout(0.5, seed=7), L.Dropout(0.5, seed=7)
    step = tf.function(lambda v: traced(v, training=True))
    for _ in range(3):
        assert np.array_equal(step(data).numpy(), eager(data, training=True).numpy())


def test_noise_shape_and_spatial_dropout_drop_together():
    y = L.Dropout(0.5, noise_shape=(None, 1, None), seed=1)(np.ones((4, 6, 8), "float32"), training=True).numpy()
    assert (y == y[:, :1]).all()
    z = L.SpatialDropout2D(0.5, seed=1)(np.ones((3, 4, 4, 9), "float32"), training=True).numpy()
    assert (z == z[:, :1, :1]).all()


def test_batch_norm_moves_its_averages_in_training_only():
    layer = L.BatchNormalization(momentum=0.9)
    data = (x(64, 3) * 2 + 5).astype("float32")
    layer(data)
    assert np.array_equal(layer.moving_mean.numpy(), np.zeros(3))
    tf.function(lambda v: layer(v, training=True))(data)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * data.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9 + 0.1 * data.var(0), rtol=1e-5)


def test_batch_norm_leaves_masked_steps_out():
    layer = L.BatchNormalization()
    data, mask = x(2, 4, 3), np.array([[1, 1, 0, 0], [1, 0, 0, 0]], bool)
    layer(data, training=True, mask=tf.constant(mask))
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.01 * data[mask].mean(0), rtol=1e-4)


def test_masks_flow():
    y = L.Embedding(9, 4, mask_zero=True)(np.array([[1, 2, 0], [3, 0, 0]]))
    assert y._keras_mask.numpy().tolist() == [[True, True, False], [True, False, False]]
    z = L.Dense(2)(y)
    assert z._keras_mask is y._keras_mask
    mean = L.GlobalAveragePooling1D()(y).numpy()
    np.testing.assert_allclose(mean[1], y.numpy()[1, 0], rtol=1e-6)
    with pytest.warns(UserWarning, match="does not support masking"):
        L.Flatten()(y)


def test_same_seed_same_layer():
    def made():
        tf.keras.utils.set_random_seed(3)
        return L.Dense(4)(np.ones((1, 5), "float32")).numpy(), L.Dropout(0.5)(np.ones((4, 4), "float32"), training=True).numpy()

    for a, b in zip(made(), made(), strict=True):
        assert np.array_equal(a, b)


def test_functional_forms():
    a, b = np.ones((1, 2), "float32"), 3 * np.ones((1, 2), "float32")
    for name, value in {"add": 4, "subtract": -2, "multiply": 3, "average": 2, "maximum": 3, "minimum": 1}.items():
        assert np.array_equal(getattr(L, name)([a, b]).numpy(), value * a)
    assert L.concatenate([a, b]).shape == (1, 4)
    assert float(L.dot([a, b], axes=1).numpy()[0, 0]) == 6


def test_lambda_calls_and_refuses_to_be_saved():
    assert np.array_equal(L.Lambda(lambda v: v * 2)(np.ones((1, 2), "float32")).numpy(), [[2, 2]])
    with pytest.raises((ValueError, TypeError), match=r"lambda|Lambda"):
        tf.keras.layers.serialize(L.Lambda(lambda v: v))


def test_compiled_step_handles_other_batch_sizes():
    layer = L.Conv2D(3, 3, padding="same")
    step = tf.function(lambda v: L.GlobalMaxPooling2D()(layer(v)), input_signature=[tf.TensorSpec([None, 6, 6, 2], tf.float32)])
    for n in (1, 4, 3):
        data = x(n, 6, 6, 2)
        np.testing.assert_allclose(step(data).numpy(), layer(data).numpy().max((1, 2)), rtol=1e-5, atol=1e-6)
