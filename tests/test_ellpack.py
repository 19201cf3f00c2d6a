"""Products with matrices of few elements in each row, and what is made of them: images at another size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.ops import resizing
from tenfold.primitives.ellpack import ellpack_product, stored
from tenfold.tensor.tensor import wrap
from tests.primitive_checks import check_gradient, close, same_compiled


def few(rows: int, n: int, most: int, dtype: str = "float64") -> Any:
    """A matrix with at most so many elements in a row; some rows are empty."""
    rng = np.random.default_rng(rows + n)
    matrix = np.zeros((rows, n), dtype)
    for row in matrix[: rows - 1]:
        row[rng.choice(n, rng.integers(0, most + 1), replace=False)] = rng.standard_normal()
    return matrix


def both_ways(matrix: Any) -> list[Any]:
    return [*stored(matrix), *stored(matrix.T)]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_product_is_that_of_the_matrix(axis: int, dtype: str) -> None:
    shape = [(7, 5, 19)[(i + axis) % 3] for i in range(3)]
    kind = tf.as_dtype(dtype).as_numpy_dtype
    x = np.random.default_rng(axis).standard_normal(shape).astype(kind)
    matrix = few(11, shape[axis], 4).astype(kind)
    (got,) = same_compiled(lambda x, *of: ellpack_product(x, *of, axis=axis), x, *both_ways(matrix))
    dense = np.moveaxis(np.tensordot(matrix.astype("float64"), x.astype("float64"), (1, axis)), 0, axis)
    close(got, dense.astype(kind))


@pytest.mark.parametrize("axis", [0, 1])
def test_its_gradient_is_the_product_with_the_transpose(axis: int) -> None:
    matrix = few(6, 5, 3)
    of = both_ways(matrix)
    x = np.random.default_rng(0).standard_normal((5, 5))
    check_gradient(lambda x: ellpack_product(x, *map(wrap, of), axis=axis), x)
    with tf.GradientTape() as tape:
        t = tf.constant(x)
        tape.watch(t)
        y = ellpack_product(t, *map(wrap, of), axis=0)
    np.testing.assert_allclose(tape.gradient(y, t, output_gradients=tf.ones_like(y)), matrix.T @ np.ones((6, 5)), rtol=1e-12)


def test_a_number_that_is_not_one_stays_where_it_is_used() -> None:
    x = np.arange(12, dtype="float32")
    x[3] = np.nan
    got = tf.function(lambda x: tf.image.resize(x[:, None, None], [24, 1])[:, 0, 0])(x)
    assert np.flatnonzero(np.isnan(got.numpy())).tolist() == [5, 6, 7, 8]


@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3", "area", "gaussian", "mitchellcubic"])
@pytest.mark.parametrize("size", [(80, 90), (20, 19), (37, 90), (5, 200)])
@pytest.mark.parametrize("channels", [0, 1, 3, 17])
def test_resizing_is_the_product_with_all_weights(method: str, size: tuple[int, int], channels: int) -> None:
    x = np.random.default_rng(channels).random((2, 37, 41, channels)).astype("float32")
    kept = method not in ("mitchellcubic", "gaussian")  # where the size stays
    down, across = (np.eye(n) if n == m and kept else resizing.weights_of(method, n, m, False).astype("float64")
                    for n, m in zip((37, 41), size, strict=True))  # fmt: skip
    want = np.einsum("ij,bjkc,lk->bilc", down, x, across)

    @tf.function
    def resized(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.image.resize(x, size, method)
        return y, tape.gradient(y, x)

    found, gradient = resized(x)
    np.testing.assert_allclose(found, want, atol=2e-6)
    np.testing.assert_allclose(gradient, np.broadcast_to(np.outer(down.sum(0), across.sum(0))[None, ..., None], x.shape), rtol=2e-5, atol=1e-5)


def test_large_images_are_not_multiplied_by_whole_matrices() -> None:
    assert resizing.few_of("bilinear", 180, 224, False, 3) is not None
    assert resizing.few_of("bicubic", 200, 224, False, 1) is not None
    assert resizing.few_of("bilinear", 4, 64, False, 1) is None
