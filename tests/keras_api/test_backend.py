"""Keras 2's keras.backend: older names of keras.ops, with their own shapes and orders."""

import numpy as np
import pytest

import tenfold as tf
from tenfold import keras

K = keras.backend
rng = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("shapes", "axes", "formula"),
    [
        (((4, 3), (4, 3, 5)), None, "ab,abc->ac"),
        (((4, 2, 3), (4, 3, 5)), None, "abc,acd->abd"),
        (((4, 2, 3), (4, 5, 3)), 2, "abc,adc->abd"),
        (((4, 3, 2), (4, 3, 5)), (1, 1), "abc,abd->acd"),
        (((4, 2, 6, 3), (4, 3, 5)), (3, 1), "abec,acd->abed"),
    ],
)
def test_batch_dot(shapes, axes, formula):
    x, y = normal(*shapes[0]), normal(*shapes[1])
    np.testing.assert_allclose(K.batch_dot(x, y, axes), np.einsum(formula, x, y), rtol=1e-4, atol=1e-5)


def test_batch_dot_of_vectors_is_a_column():
    x, y = normal(4, 3), normal(4, 3)
    np.testing.assert_allclose(K.batch_dot(x, y, 1), (x * y).sum(1, keepdims=True), rtol=1e-5)


def test_names_of_ops_and_their_own():
    x = normal(2, 3, 4)
    np.testing.assert_allclose(K.mean(K.square(x), axis=-1), (x**2).mean(-1), rtol=1e-5)
    assert K.permute_dimensions(x, (0, 2, 1)).shape == (2, 4, 3) and K.batch_flatten(x).shape == (2, 12) and K.flatten(x).shape == (24,)
    np.testing.assert_array_equal(K.repeat_elements(x, 2, 1), np.repeat(x, 2, 1))
    np.testing.assert_array_equal(K.repeat(x[:, 0], 3), np.repeat(x[:, :1], 3, 1))
    np.testing.assert_array_equal(K.gather(x, [1, 0]), x[[1, 0]])
    np.testing.assert_allclose(K.l2_normalize(x, -1), x / np.linalg.norm(x, axis=-1, keepdims=True), rtol=1e-5)
    np.testing.assert_array_equal(K.switch(x > 0, x, -x), np.abs(x))
    assert float(K.switch(tf.constant(True), lambda: tf.constant(1.0), lambda: tf.constant(2.0))) == 1
    assert K.int_shape(x) == (2, 3, 4) and K.shape(x).numpy().tolist() == [2, 3, 4] and K.count_params(x) == 24
    assert K.dtype(tf.constant(x)) == "float32"
    np.testing.assert_allclose(K.bias_add(x, [1.0, 2.0, 3.0], "channels_first"), x + np.array([[1], [2], [3]], "float32"), rtol=1e-6)


def test_variables():
    v = K.variable([1.0, 2.0])
    K.set_value(v, [3.0, 4.0])
    K.update_add(v, [1.0, 1.0])
    assert K.get_value(v).tolist() == [4, 5] and K.batch_get_value([v])[0].tolist() == [4, 5]


def test_symbolic_tensors_and_functions():
    x = keras.Input((3,))
    y = keras.layers.Lambda(lambda t: K.sum(K.exp(t), axis=1))(x)
    value = normal(2, 3)
    np.testing.assert_allclose(K.function([x], [y])([value])[0], np.exp(value).sum(1), rtol=1e-5)
    assert K.int_shape(x) == (None, 3)


def test_what_is_gone_names_its_replacement():
    with pytest.raises(RuntimeError, match="GradientTape"):
        K.gradients(None, None)
    with pytest.raises(AttributeError, match=r"keras\.Input"):
        _ = K.placeholder


def test_name_scopes_are_part_of_variables_paths():
    with K.name_scope("encoder"):
        assert tf.keras.Variable(0.0, name="bias").path == "encoder/bias"
    with K.name_scope("outer/inner"):
        assert tf.keras.Variable(0.0, name="bias").path == "bias"
