"""Keras 2's keras.backend: what layers compute, as functions."""

from itertools import groupby, product

import numpy as np
import pytest

import tenfold as tf
from tenfold import keras

K = keras.backend
rng = np.random.default_rng(0)
NAMES = (
    "abs all any arange argmax argmin backend batch_dot batch_flatten batch_get_value batch_normalization batch_set_value bias_add "
    "binary_crossentropy binary_focal_crossentropy cast cast_to_floatx categorical_crossentropy categorical_focal_crossentropy clear_session "
    "clip concatenate constant conv1d conv2d conv2d_transpose conv3d cos count_params ctc_batch_cost ctc_decode ctc_label_dense_to_sparse "
    "cumprod cumsum depthwise_conv2d dot dropout dtype elu epsilon equal eval exp expand_dims eye flatten floatx foldl foldr gather get_uid "
    "get_value gradients greater greater_equal hard_sigmoid image_data_format in_top_k int_shape is_float_dtype is_int_dtype is_keras_tensor "
    "is_sparse l2_normalize less less_equal log map_fn max maximum mean min minimum moving_average_update name_scope ndim not_equal one_hot "
    "ones ones_like permute_dimensions pool2d pool3d pow prod random_bernoulli random_normal random_normal_variable random_uniform "
    "random_uniform_variable relu repeat repeat_elements reshape resize_images resize_volumes result_type reverse rnn round separable_conv2d "
    "set_epsilon set_floatx set_image_data_format set_value shape sigmoid sign sin softmax softplus softsign sparse_categorical_crossentropy "
    "spatial_2d_padding spatial_3d_padding sqrt square squeeze stack standardize_dtype std stop_gradient sum switch tanh temporal_padding "
    "tile to_dense transpose truncated_normal update update_add update_sub var variable zeros zeros_like"
).split()


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def test_every_name_of_tensorflow_is_there():
    assert [n for n in NAMES if not callable(getattr(K, n))] == []
    assert set(NAMES) <= set(dir(K))
    with pytest.raises(AttributeError, match=r"no keras.backend.conv2.*closest"):
        _ = K.conv2


def test_convolutions_and_paddings():
    x, w = normal(2, 9, 3), normal(2, 3, 4)
    before = np.pad(x, ((0, 0), (2, 0), (0, 0)))
    causal = before[:, :9] @ w[0] + before[:, 2:11] @ w[1]
    np.testing.assert_allclose(K.conv1d(x, w, padding="causal", dilation_rate=2), causal, rtol=1e-4, atol=1e-5)
    image = normal(2, 4, 6, 3)
    np.testing.assert_array_equal(K.spatial_2d_padding(image, ((1, 0), (2, 3))), np.pad(image, ((0, 0), (1, 0), (2, 3), (0, 0))))
    np.testing.assert_array_equal(K.spatial_2d_padding(image, data_format="channels_first"), np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1))))
    windows = image.reshape(2, 2, 2, 3, 2, 3)
    np.testing.assert_array_equal(K.pool2d(image, (2, 2), (2, 2)), windows.max((2, 4)))
    np.testing.assert_allclose(K.pool2d(image, (2, 2), (2, 2), pool_mode="avg"), windows.mean((2, 4)), rtol=1e-5)
    np.testing.assert_array_equal(K.resize_images(image, 2, 3, "channels_last"), image.repeat(2, 1).repeat(3, 2))
    np.testing.assert_array_equal(K.resize_images(image, 2, 3, "channels_first"), image.repeat(2, 2).repeat(3, 3))
    with pytest.raises(ValueError, match=r"resize_images.*must be known.*UpSampling2D"):
        tf.function(lambda x: K.resize_images(x, 2, 3, "channels_last"), input_signature=[tf.TensorSpec((None, None, None, 3))])(image)
    with pytest.raises(ValueError, match="Invalid pooling mode"):
        K.pool2d(image, (2, 2), pool_mode="sum")
    with pytest.raises(ValueError, match="tuple of 2 tuples"):
        K.spatial_2d_padding(image, (1, 1))


@pytest.mark.parametrize(("padding", "size"), [("valid", 9), ("valid", 10), ("same", 7), ("same", 8)])
def test_a_transposed_convolution_is_the_adjoint_of_one(padding, size):
    x, g, w = normal(2, size, size, 3), normal(2, 4, 4, 5), normal(3, 3, 3, 5)
    y, back = K.conv2d(x, w, (2, 2), padding), K.conv2d_transpose(g, w, (2, size, size, 3), (2, 2), padding)
    np.testing.assert_allclose(np.sum(y * g), np.sum(back * x), rtol=1e-3)
    with pytest.raises(ValueError, match="no convolution of 15 positions gives 4"):
        K.conv2d_transpose(g, w, (2, 15, 15, 3), (2, 2), padding)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("options", [{}, {"go_backwards": True}, {"unroll": True}, {"return_all_outputs": False}, {"zero_output_for_mask": True}])
def test_rnn(masked, options):
    x, start, mask = normal(2, 5, 3), normal(2, 3), np.array([[1, 1, 0, 1, 0], [0, 1, 1, 1, 1]], bool)
    mask = mask if masked else np.ones_like(mask)
    state, output, outputs = start, np.zeros_like(start), []
    for t in range(5)[:: -1 if options.get("go_backwards") else 1]:
        valid = mask[:, t, None]
        output = np.where(valid, x[:, t] * 2 + state, 0 if options.get("zero_output_for_mask") else output)
        state = np.where(valid, state + x[:, t] * 10, state)
        outputs.append(output)
    outputs = outputs if options.get("return_all_outputs", True) else outputs[-1:]
    last, every, (final,) = K.rnn(lambda x, s: (x * 2 + s[0], [s[0] + x * s[1]]), x, [start], mask=mask if masked else None,
                                  constants=[10.0], **options)  # fmt: skip
    for found, expected in ((last, outputs[-1]), (every, np.stack(outputs, 1)), (final, state)):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_the_cost_of_labels_is_the_probability_of_all_paths_that_spell_them():
    p = np.exp(normal(2, 4, 3))
    p /= p.sum(-1, keepdims=True)
    labels, steps, lengths = [[0, 1], [1, 1]], [[4], [3]], [[2], [1]]
    cost = K.ctc_batch_cost(np.array(labels), p, np.array(steps), np.array(lengths))
    for row, (label, (n,), (length,)) in enumerate(zip(labels, steps, lengths, strict=True)):
        spelled = [path for path in product(range(3), repeat=n) if [c for c, _ in groupby(path) if c != 2] == label[:length]]
        total = sum(np.prod([p[row, t, c] for t, c in enumerate(path)]) for path in spelled)
        np.testing.assert_allclose(cost[row, 0], -np.log(total), rtol=1e-4)


def test_decoding_and_sparse_labels():
    p = np.full((1, 5, 3), 0.01, "float32")
    p[0, range(5), [1, 1, 2, 1, 0]] = 0.98
    (greedy,), _ = K.ctc_decode(p, np.array([5]))
    paths, scores = K.ctc_decode(p, np.array([5]), greedy=False, beam_width=10, top_paths=2)
    assert greedy.numpy().tolist() == paths[0].numpy().tolist() == [[1, 1, 0, -1, -1]] and scores.shape == (1, 2)
    sparse = K.ctc_label_dense_to_sparse(np.array([[5, 6], [7, 8]]), [2, 1])
    assert K.is_sparse(sparse) and K.to_dense(sparse).numpy().tolist() == [[5, 6], [7, 0]]


def test_losses_and_variables():
    t, p = np.array([[1.0, 0.0]], "float32"), np.array([[0.8, 0.3]], "float32")
    right = np.array([[0.8, 0.7]])
    expected = [[0.25, 0.75]] * (1 - right) ** 2 * -np.log(right)
    np.testing.assert_allclose(K.binary_focal_crossentropy(t, p, True), expected, rtol=1e-3)
    share = 0.8 / 1.1
    np.testing.assert_allclose(K.categorical_focal_crossentropy(t, p), [-0.25 * (1 - share) ** 2 * np.log(share)], rtol=1e-3)
    v = K.random_uniform_variable((2,), 1.0, 1.5)
    assert 1 <= v.numpy().min() <= v.numpy().max() <= 1.5
    K.set_value(v, [1.0, 2.0])
    assert K.moving_average_update(v, tf.constant([3.0, 4.0]), 0.75).numpy().tolist() == [1.5, 2.5]
    assert K.in_top_k([[0.1, 0.9, 0.5]], [2], 2).numpy().tolist() == [True] and K.cast_to_floatx([1, 2]).dtype == "float32"
    np.testing.assert_allclose(K.batch_normalization(np.ones((1, 2), "float32"), [0.0, 1.0], [3.0, 3.0], None, [2.0, 2.0], epsilon=1.0), [[1, 0]])
