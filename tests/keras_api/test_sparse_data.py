"""SparseTensors and sparse matrices given to fit, evaluate and predict: the numbers of the dense array, without ever making all of it dense."""

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras.training.sparse_rows import is_sparse, sparse_rows

keras = tf.keras
layers = keras.layers
RNG = np.random.default_rng(3)
X = (RNG.random((50, 12)) * (RNG.random((50, 12)) < 0.2)).astype("float32")
X[7] = 0  # a row of which nothing is given
Y = RNG.random((50, 2)).astype("float32")
INDICES = np.argwhere(X)[RNG.permutation(np.count_nonzero(X))]  # in any order
TENSOR = tf.SparseTensor(INDICES, X[tuple(INDICES.T)], X.shape)


class Csr:
    """What `fit` needs of a SciPy matrix: here a number is given in two parts."""

    shape, has_canonical_format = X.shape, False

    def __init__(self):
        rows, columns = np.nonzero(X)
        self.indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=50))]).astype("int32")
        self.indices, self.data = columns.astype("int32"), X[rows, columns]
        self.indptr[1:] += 1  # the first number once more, of which sum_duplicates makes one
        self.indices, self.data = (np.concatenate([a[:1], a]) for a in (self.indices, self.data))
        self.data[:2] /= 2

    def tocsr(self):
        return self

    def copy(self):
        return Csr()

    def sum_duplicates(self):
        self.indptr[1:] -= 1
        self.indices, self.data = self.indices[1:], np.concatenate([self.data[:1] + self.data[1:2], self.data[2:]])

    def toarray(self):
        raise AssertionError("the whole matrix was made dense")


def model_of(sparse):
    keras.utils.set_random_seed(1)
    x = keras.Input((12,), sparse=sparse)
    model = keras.Model(x, layers.Dense(2)(layers.Dense(4, "tanh")(x)))
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("x", [TENSOR, Csr()], ids=["SparseTensor", "CSR"])
def test_fit_evaluate_and_predict_are_those_of_the_dense_array(x):
    results = []
    for data in (X, x):
        model = model_of(sparse=data is not X)
        history = model.fit(data, Y, batch_size=8, epochs=2, validation_split=0.3, verbose=0).history
        predicted = [model.predict(data, batch_size=size, verbose=0) for size in (8, 50)]
        results.append([history, model.evaluate(data, Y, verbose=0), *predicted, *model.get_weights()])
    assert results[0][0] == results[1][0]
    for dense, sparse in zip(results[0][1:], results[1][1:], strict=True):
        np.testing.assert_array_equal(dense, sparse)


def test_rows_of_any_rank_and_type():
    whole = RNG.integers(0, 9, (5, 3, 4)) * (RNG.random((5, 3, 4)) < 0.3)
    indices = np.argwhere(whole)
    rows = sparse_rows(tf.SparseTensor(indices, whole[tuple(indices.T)], whole.shape), "float32")
    assert rows.dtype == whole.dtype and rows.shape == whole.shape
    np.testing.assert_array_equal(rows[:], whole)
    np.testing.assert_array_equal(rows[1:4], whole[1:4])
    np.testing.assert_array_equal(rows.copy(np.array([4, 0, 4])), whole[[4, 0, 4]])
    np.testing.assert_array_equal(rows.part(slice(2, None))[:2], whole[2:4])
    assert not is_sparse(tf.SparseTensor([[1]], [2.0], (3,)))


def test_wide_data_stay_sparse():
    """10,000 rows of a million columns would be 40 GB."""
    n, width = 10_000, 1_000_000
    wide = tf.SparseTensor(np.stack([np.arange(n), np.arange(n) * 97 % width], 1), np.ones(n, "float32"), (n, width))
    rows = sparse_rows(wide, "float32")
    assert rows[5:7].shape == (2, width) and rows[5:7].argmax(1).tolist() == [5 * 97, 6 * 97]


def test_inputs_by_name_and_class_weights():
    a, b = keras.Input((12,), name="a", sparse=True), keras.Input((3,), name="b")
    model = keras.Model({"a": a, "b": b}, layers.Dense(2, "softmax")(layers.Concatenate()([layers.Dense(3)(a), b])))
    model.compile("sgd", "sparse_categorical_crossentropy")
    history = model.fit({"a": TENSOR, "b": np.ones((50, 3))}, np.arange(50) % 2, class_weight={0: 1.0, 1: 2.0}, verbose=0)
    assert np.isfinite(history.history["loss"][0])


def test_ragged_rows_say_what_to_do():
    model = keras.Sequential([layers.Embedding(9, 2), layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile("sgd", "mse")
    rows = tf.ragged.constant([[1, 2], [3]])
    for call in (lambda: model.fit(rows, np.ones((2, 1)), verbose=0), lambda: model.predict(rows, verbose=0), lambda: model.predict_on_batch(rows)):
        with pytest.raises(ValueError, match=r"x` is a RaggedTensor.*Try x.to_tensor\(\), and Embedding\(mask_zero=True\)"):
            call()
