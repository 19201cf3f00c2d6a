"""keras.ops on arrays and on symbolic tensors, and keras.utils."""

import numpy as np
import pytest

import tenfold as tf

keras = tf.keras
ops = keras.ops
X = np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]], "float32")
CASES = {
    "mean": (lambda x: ops.mean(x, axis=1), X.mean(1)),
    "sum_kept": (lambda x: ops.sum(x, axis=-1, keepdims=True), X.sum(-1, keepdims=True)),
    "relu": (ops.relu, np.maximum(X, 0)),
    "maximum": (lambda x: ops.maximum(x, 0.5), np.maximum(X, 0.5)),
    "concatenate": (lambda x: ops.concatenate([x, ops.square(x)], axis=-1), np.concatenate([X, X**2], -1)),
    "stack": (lambda x: ops.stack([x, x], axis=1), np.stack([X, X], 1)),
    "expand_dims": (lambda x: ops.expand_dims(x, 1), X[:, None]),
    "transpose": (lambda x: ops.transpose(ops.expand_dims(x, 1), (0, 2, 1)), X[:, :, None]),
    "reshape": (lambda x: ops.reshape(x, (-1, 3, 1)), X[..., None]),
    "clip": (lambda x: ops.clip(x, -1, 1), X.clip(-1, 1)),
    "cast": (lambda x: ops.cast(x > 0, "int32"), (X > 0).astype("int32")),
    "where": (lambda x: ops.where(x > 0, x, ops.zeros_like(x)), np.maximum(X, 0)),
    "argmax": (lambda x: ops.argmax(x, axis=-1), X.argmax(-1)),
    "softmax": (lambda x: ops.softmax(x), np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
    "flip": (lambda x: ops.flip(x, axis=1), X[:, ::-1]),
    "take": (lambda x: ops.take(x, np.array([2, 0]), axis=1), X[:, [2, 0]]),
    "logsumexp": (lambda x: ops.logsumexp(x, axis=1), np.log(np.exp(X).sum(1))),
}


@pytest.mark.parametrize("name", CASES)
def test_same_on_arrays_and_in_a_model(name):
    function, expected = CASES[name]
    np.testing.assert_allclose(function(tf.constant(X)), expected, rtol=1e-5)
    x = keras.Input((3,))
    model = keras.Model(x, function(x))
    np.testing.assert_allclose(model(X), expected, rtol=1e-5)
    again = keras.models.model_from_json(model.to_json())
    np.testing.assert_allclose(again(X), expected, rtol=1e-5)


def test_to_categorical():
    np.testing.assert_array_equal(keras.utils.to_categorical([[0], [2]]), [[1, 0, 0], [0, 0, 1]])
    assert keras.utils.to_categorical([[0, 1], [1, 1]], 2).shape == (2, 2, 2)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0, 1, 2], [3, 4, 5]]),
        ({"padding": "post"}, [[1, 2, 0], [3, 4, 5]]),
        ({"maxlen": 2}, [[1, 2], [4, 5]]),
        ({"maxlen": 2, "truncating": "post"}, [[1, 2], [3, 4]]),
        ({"value": 9}, [[9, 1, 2], [3, 4, 5]]),
    ],
)
def test_pad_sequences(options, expected):
    np.testing.assert_array_equal(keras.utils.pad_sequences([[1, 2], [3, 4, 5]], **options), expected)


def test_namespaces():
    from tenfold import keras as other
    from tenfold.keras.callbacks import EarlyStopping
    from tenfold.keras.datasets import mnist
    from tenfold.keras.layers import Dense
    from tenfold.keras.models import Sequential
    from tenfold.keras.utils import to_categorical

    assert other is keras and Dense is keras.layers.Dense and Sequential is keras.Sequential
    assert callable(mnist.load_data) and callable(to_categorical) and EarlyStopping is keras.callbacks.EarlyStopping
    with pytest.raises(AttributeError, match=r"keras\.Sequental.*keras\.Sequential"):
        _ = keras.Sequental


def test_clear_session_starts_names_anew():
    keras.backend.clear_session()
    names = [keras.layers.Dense(1).name, keras.layers.Dense(1).name]
    keras.backend.clear_session()
    assert names == ["dense", "dense_1"] and keras.layers.Dense(1).name == "dense"
