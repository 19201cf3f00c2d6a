"""keras.ops: loops, scans and conditions, eager, compiled and in models; reading and writing at places."""

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.keras import ops

RNG = np.random.default_rng(0)


def both(function: Any, *args: Any) -> list[Any]:
    """The result, eager and compiled."""
    tensors = [tf.constant(a) for a in args]
    return [function(*tensors), tf.function(function)(*tensors)]


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13])
@pytest.mark.parametrize("reverse", [False, True])
def test_associative_scan(length: int, reverse: bool) -> None:
    matrices = RNG.standard_normal((2, length, 3, 3))
    order = range(length)[::-1] if reverse else range(length)
    want, total = np.empty_like(matrices), np.eye(3)
    for i in order:
        total = total @ matrices[:, i]
        want[:, i] = total
    for found in both(lambda x: ops.associative_scan(ops.matmul, x, reverse, axis=1), matrices):
        np.testing.assert_allclose(found, want, atol=1e-12)
    unknown = tf.function(
        lambda x: ops.associative_scan(ops.matmul, x, reverse, axis=1), input_signature=[tf.TensorSpec([2, None, 3, 3], tf.float64)]
    )
    np.testing.assert_allclose(unknown(tf.constant(matrices)), want, atol=1e-12)


def test_scan_and_map_have_gradients() -> None:
    x = tf.constant(RNG.standard_normal(5))

    def slope(function: Any, x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(function(x))
        return tape.gradient(y, x)

    products = [float(np.prod(x.numpy()[:k])) for k in range(6)]
    want = sum(np.where(np.arange(5) < k, products[k] / x.numpy(), 0) for k in range(1, 6))
    for found in both(lambda x: slope(lambda x: ops.scan(lambda c, r: (c * r, c * r), tf.constant(1.0, tf.float64), x)[1], x), x):
        np.testing.assert_allclose(found, want)
    for found in both(lambda x: slope(lambda x: ops.map(lambda r: r * r, x), x), x):
        np.testing.assert_allclose(found, 2 * x.numpy())


@pytest.mark.parametrize("reduction", ["add", "max", "min", "mul"])
def test_scatter_update_combines_equal_places(reduction: str) -> None:
    x, places, updates = RNG.standard_normal((4, 3, 2)), np.array([[0, 1], [3, 2], [0, 1]]), RNG.standard_normal((3, 2))
    ufunc = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}[reduction]
    want = x.copy()
    ufunc.at(want, tuple(places.T), updates)
    for found in both(lambda x, i, u: ops.scatter_update(x, i, u, reduction), x, places, updates):
        np.testing.assert_allclose(found, want)


def test_loops_and_branches_compiled() -> None:
    for found in both(lambda x: ops.fori_loop(0, 4, lambda i, v: v * 2, x), 3.0):
        assert float(found) == 48
    for found in both(lambda n: ops.fori_loop(0, n, lambda i, v: v + i, 0), 5):
        assert int(found) == 10
    for found in both(lambda i: ops.switch(i, [lambda x: x, lambda x: -x], 7.0), 9):
        assert float(found) == -7
    for found in both(lambda p: ops.cond(p, lambda: 1.0, lambda: 2.0), 0):
        assert float(found) == 2


def test_slices_at_places_that_are_computed() -> None:
    x = np.arange(12.0).reshape(3, 4)
    for found in both(lambda x, at: ops.slice(x, at, (2, 2)), x, [1, 2]):
        np.testing.assert_array_equal(found, x[1:3, 2:4])
    np.testing.assert_array_equal(ops.slice(x, [1, 1], (-1, 2)), x[1:, 1:3])
    for found in both(lambda x, at: ops.slice_update(x, at, [[0, 0]]), x, [1, 2]):
        assert float(ops.sum(found)) == x.sum() - 6 - 7


def test_in_models() -> None:
    inputs = tf.keras.Input((3, 2))
    outputs = [
        ops.map(lambda x: ops.sum(x, axis=-1), inputs), ops.while_loop(lambda x: ops.max(x) < 100.0, lambda x: x * 2.0, inputs),
        ops.switch(1, [lambda x: x, lambda x: -x], inputs), ops.associative_scan(lambda a, b: a + b, inputs, axis=1),
    ]  # fmt: skip
    x = RNG.uniform(1, 2, (4, 3, 2)).astype(np.float32)
    sums, large, minus, prefixes = tf.keras.Model(inputs, outputs)(x)
    np.testing.assert_allclose(sums, x.sum(-1), rtol=1e-6)
    np.testing.assert_array_equal(large, x * 2 ** np.ceil(np.log2(100 / x.max())))
    np.testing.assert_array_equal(minus, -x)
    np.testing.assert_allclose(prefixes, np.cumsum(x, 1), rtol=1e-6)
    with pytest.raises(ValueError, match="outputs of the same kind"):
        ops.cond(tf.keras.KerasTensor((), "bool"), lambda: tf.zeros(2), lambda: tf.zeros(3))


def test_sparse_and_ragged() -> None:
    hot = ops.one_hot([1, 0], 3, sparse=True)
    assert isinstance(hot, tf.SparseTensor) and ops.shape(hot) == (2, 3)
    np.testing.assert_array_equal(ops.convert_to_tensor(hot, sparse=False), [[0, 1, 0], [1, 0, 0]])
    rows = tf.ragged.constant([[1, 2], [3]])
    assert ops.shape(rows) == (2, None)
    np.testing.assert_array_equal(ops.convert_to_numpy(rows), [[1, 2], [3, 0]])
