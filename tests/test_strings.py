"""Strings: tensors that hold them, operations on them as TensorFlow's, and functions with host operations between their programs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.compiler import pipeline
from tenfold.core.hashing import fingerprint, fingerprints


def test_tensors_hold_bytes() -> None:
    x = tf.constant([["a", "é"], ["", "b\0"]])
    assert x.dtype is tf.string and x.dtype == "string" and x.dtype == str and x.shape == (2, 2)
    assert x.numpy().tolist() == [[b"a", "é".encode()], [b"", b"b\0"]] and x.numpy().dtype == object
    assert x[0, 0].numpy() == b"a" and x[1, 1].numpy() == b"b\0"
    assert tf.constant(np.array(["x", "yz"])).numpy().tolist() == [b"x", b"yz"]
    assert tf.constant(["a"], tf.string).dtype is tf.string and str(tf.constant("a")) == "tf.Tensor(b'a', shape=(), dtype=string)"


def test_elements_move() -> None:
    x = tf.constant(["a", "b", "c"])
    assert tf.reshape(tf.concat([x, x[::-1]], 0), (2, 3)).numpy().tolist() == [[b"a", b"b", b"c"], [b"c", b"b", b"a"]]
    assert tf.gather(x, [2, 0]).numpy().tolist() == [b"c", b"a"]
    assert tf.stack([x, x], 1).numpy().tolist() == [[b"a"] * 2, [b"b"] * 2, [b"c"] * 2]
    assert tf.where([True, False, True], x, "z").numpy().tolist() == [b"a", b"z", b"c"]
    assert tf.pad(x, [[1, 0]]).numpy().tolist() == [b"", b"a", b"b", b"c"]
    assert tf.zeros([2], tf.string).numpy().tolist() == [b"", b""] and tf.fill([2], "q").numpy().tolist() == [b"q", b"q"]
    assert (x == "b").numpy().tolist() == [False, True, False] and (x != tf.constant(["a", "x", "c"])).numpy().tolist() == [False, True, False]
    assert (x + "!").numpy().tolist() == [b"a!", b"b!", b"c!"]
    assert tf.boolean_mask(x, [True, False, True]).numpy().tolist() == [b"a", b"c"]
    assert tf.unique(tf.constant(["b", "a", "b"]))[0].numpy().tolist() == [b"b", b"a"]


@pytest.mark.parametrize(
    ("operation", "hint"),
    [
        (lambda x: x * 2, "to_number"),
        (lambda x: tf.sin(x), "to_number"),
        (lambda x: tf.reduce_sum(x), "to_number"),
        (lambda x: tf.cast(x, tf.float32), "to_number"),
        (lambda x: tf.cast(1.0, tf.string), "as_string"),
        (lambda x: tf.strings.lower(1), "as_string"),
        (lambda x: tf.constant(["a", 1]), "mixed"),
        (lambda x: tf.constant("a", tf.float32), "no numbers"),
    ],
)
def test_arithmetic_says_what_to_do(operation: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=hint):
        operation(tf.constant(["1", "2"]))
    with pytest.raises(TypeError, match=hint):
        tf.function(lambda x: operation(x))(tf.constant(["1", "2"]))


def test_a_function_splits_and_looks_up_what_the_data_decide() -> None:
    """Strings go in, numbers of unknown width come out of the host part, and a program goes on with them."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def embedded(x: Any) -> Any:
        words = tf.strings.split(tf.strings.lower(x))
        numbers = tf.strings.to_hash_bucket_fast(words, 100).to_tensor()
        y = tf.cast(numbers, tf.float32)
        return numbers, tf.reduce_sum(y * y, 1), tf.strings.as_string(tf.reduce_max(numbers) + 1), tf.shape(numbers)

    for text in (["A b", "c d e"], ["A b", "c d e f g", ""]):
        numbers, squares, largest, shape = embedded(tf.constant(text))
        rows = [[int(h) for h in tf.strings.to_hash_bucket_fast(t.lower().split() or [""], 100).numpy()] if t else [] for t in text]
        width = max(map(len, rows))
        assert numbers.numpy().tolist() == [r + [0] * (width - len(r)) for r in rows]
        assert squares.numpy().tolist() == [sum(n * n for n in r) for r in rows]
        assert int(largest.numpy()) == max(max(r, default=0) for r in rows) + 1
        assert shape.numpy().tolist() == [len(text), width]
    assert embedded.experimental_get_tracing_count() == 1


def test_variables_are_written_beside_strings() -> None:
    count, last = tf.Variable([0.0, 0.0]), tf.Variable(0.0)

    @tf.function
    def step(x: Any) -> Any:
        count.assign_add(tf.where(x == "yes", [1.0, 1.0], 0.0))
        last.assign(tf.strings.to_number(tf.strings.as_string(tf.reduce_sum(count))) * 2.0)
        return tf.strings.join([x, "?"]), x

    for words in (["yes", "no"], ["yes", "yes"]):
        asked, same = step(tf.constant(words))
        assert asked.numpy().tolist() == [w.encode() + b"?" for w in words] and same.numpy().tolist() == [w.encode() for w in words]
    assert count.numpy().tolist() == [2.0, 1.0] and float(last) == 6.0


def test_gradients_pass_by() -> None:
    w = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def loss(x: Any) -> Any:
        return tf.reduce_sum(tf.gather(w, tf.strings.length(x)) ** 2)

    with tf.GradientTape() as tape:
        y = loss(tf.constant(["a", "bb", "a"]))
    assert float(y) == 17.0 and tf.convert_to_tensor(tape.gradient(y, w)).numpy().tolist() == [0.0, 8.0, 6.0]


def test_rows_of_different_lengths() -> None:
    rows = tf.ragged.constant([[1, 2], [], [3]])
    assert rows.shape.as_list() == [3, None] and rows.row_splits.numpy().tolist() == [0, 2, 2, 3] and rows.row_lengths().numpy().tolist() == [2, 0, 1]
    assert rows.to_tensor(-1, shape=(None, 3)).numpy().tolist() == [[1, 2, -1], [-1, -1, -1], [3, -1, -1]]
    assert rows.to_tensor(shape=(None, 1)).numpy().tolist() == [[1], [0], [3]]
    assert tf.RaggedTensor.from_tensor([[1, 0], [2, 3]], padding=0).to_list() == [[1], [2, 3]]
    assert rows[0].numpy().tolist() == [1, 2] and rows[1:].to_list() == [[], [3]] and len(rows) == 3
    with pytest.raises(ValueError, match="to_tensor"):
        np.asarray(rows)
    with pytest.raises(ValueError, match="row_splits must rise"):
        tf.RaggedTensor.from_row_splits([1, 2], [0, 3])


def test_products_with_sparse_matrices() -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(5, 4)) * (rng.random((5, 4)) < 0.4)
    b, c = rng.normal(size=(4, 3)), rng.normal(size=(5, 3))
    sparse, matrix = tf.sparse.from_dense(a), tf.Variable(b)
    product = tf.sparse.sparse_dense_matmul
    np.testing.assert_allclose(product(sparse, b), a @ b, rtol=1e-12)
    np.testing.assert_allclose(product(sparse, c, adjoint_a=True), a.T @ c, rtol=1e-12)
    np.testing.assert_allclose(product(sparse, b.T.copy(), adjoint_b=True), a @ b, rtol=1e-12)
    twice = tf.SparseTensor([[1, 0], [1, 0]], [2.0, 3.0], (2, 1))
    assert product(twice, [[1.0, 10.0]]).numpy().tolist() == [[0, 0], [5, 50]]
    for multiply in (product, tf.keras.ops.matmul):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(multiply(sparse, matrix) * c)
        gradient = tape.gradient(loss, matrix)
        assert isinstance(gradient, tf.IndexedSlices)
        np.testing.assert_allclose(tf.convert_to_tensor(gradient), a.T @ c, rtol=1e-12)
    for wrong in (np.ones((3, 3)), np.ones(4)):
        with pytest.raises(tf.errors.ShapeError, match="sparse_dense_matmul"):
            product(sparse, wrong)


def test_sparse_tensors_there_and_back() -> None:
    dense = np.array([[0.0, 5.0], [0.0, 0.0], [6.0, 0.0]], "float32")
    x = tf.sparse.from_dense(dense)
    assert x.indices.numpy().tolist() == [[0, 1], [2, 0]] and x.values.numpy().tolist() == [5.0, 6.0] and x.shape == (3, 2)
    assert np.array_equal(tf.sparse.to_dense(x).numpy(), dense) and np.array_equal(np.asarray(x), dense)
    assert tf.sparse.to_dense(tf.SparseTensor([[1]], ["a"], [3])).numpy().tolist() == [b"", b"a", b""]
    with pytest.raises(ValueError, match="one row for each value"):
        tf.SparseTensor([[0]], [1.0, 2.0], [3])


def test_functions_in_functions_keep_their_sizes_apart() -> None:
    """A function with open sizes that another one calls twice: for other sizes, known and decided by the data."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def lengths(x: Any) -> Any:
        return tf.strings.length(tf.strings.split(x).to_tensor()), tf.reshape(tf.strings.length(x), [tf.shape(x)[0], 1])

    @tf.function
    def both(x: Any, y: Any) -> Any:
        return lengths(x), lengths(y)

    (a, b), (c, d) = both(tf.constant(["a bb", "c"]), tf.constant(["x y zzz", "", "v"]))
    assert a.numpy().tolist() == [[1, 2], [1, 0]] and b.numpy().tolist() == [[4], [1]]
    assert c.numpy().tolist() == [[1, 1, 3], [0, 0, 0], [1, 0, 0]] and d.numpy().tolist() == [[7], [0], [1]]


def test_control_flow_over_strings() -> None:
    @tf.function
    def shout(x: Any, times: Any) -> Any:
        _, y = tf.while_loop(lambda i, y: i < times, lambda i, y: (i + 1, tf.strings.join([y, "!"])), (tf.constant(0), x))
        return tf.cond(times > 2, lambda: tf.strings.upper(y), lambda: y)

    assert shout(tf.constant("hi"), tf.constant(1)).numpy() == b"hi!"
    assert shout(tf.constant("hi"), tf.constant(3)).numpy() == b"HI!!!"


def test_the_slow_truth_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the compiler, host parts and the others run through the oracles: the same results."""
    monkeypatch.setattr(pipeline, "config", replace(pipeline.config, compile=False))
    x = tf.Variable([[1.0], [2.0]])

    @tf.function
    def f(s: Any) -> Any:
        rows = tf.strings.length(tf.strings.split(s)).to_tensor()
        x.assign_add(tf.cast(tf.reduce_sum(rows, 1, keepdims=True), tf.float32))
        return tf.matmul(tf.cast(rows, tf.float32), tf.ones([tf.shape(rows)[1], 1]))

    assert f(tf.constant(["a bb", "ccc"])).numpy().tolist() == [[3.0], [3.0]] and x.numpy().tolist() == [[4.0], [5.0]]


def test_many_strings_are_hashed_as_one_by_one() -> None:
    rng = np.random.default_rng(5)
    words = [bytes(rng.integers(1, 256, n).astype(np.uint8)) for n in range(70) for _ in range(260 if n % 7 == 0 else 2)]
    assert fingerprints(words) == [fingerprint(w) for w in words]
