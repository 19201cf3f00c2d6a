"""Products with one column: sums along rows, for every type and shape that products take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tests.test_compiler import RNG, check, kernels


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "int32"])
@pytest.mark.parametrize("transposed", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (65, 17), (2, 5, 33), (0, 4), (4, 0)])
def test_products_with_one_column(shape: tuple[int, ...], transposed: tuple[bool, bool], dtype: str) -> None:
    kind = tf.as_dtype(dtype).as_numpy_dtype
    a = np.asarray(RNG.standard_normal(shape) * 4).astype(kind)
    b = np.asarray(RNG.standard_normal((*shape[:-2], shape[-1], 1)) * 4).astype(kind)
    given = [x.swapaxes(-1, -2).copy() if turned else x for x, turned in zip((a, b), transposed, strict=True)]
    got = tf.function(lambda a, b: tf.matmul(a, b, *transposed))(*map(tf.constant, given))
    assert got.dtype == dtype
    wide = np.int64 if dtype == "int32" else np.float64
    tolerance = {"float32": 1e-5, "float16": 1e-2, "bfloat16": 8e-2}.get(dtype, 1e-12)
    np.testing.assert_allclose(got.numpy().astype(wide), a.astype(wide) @ b.astype(wide), rtol=tolerance, atol=tolerance)


def test_what_stands_around_is_one_kernel_with_it() -> None:
    def head(x: Any, w: Any, b: Any) -> Any:
        return tf.sigmoid(tf.matmul(tf.nn.relu(x), w) + b)

    assert kernels(check(head, RNG.standard_normal((50, 64)), RNG.standard_normal((64, 1)), RNG.standard_normal(1))) == 1


def test_a_layer_with_one_unit_learns() -> None:
    x = RNG.standard_normal((64, 20)).astype("float32")
    weights = RNG.standard_normal((20, 1)).astype("float32")
    model = tf.keras.Sequential([tf.keras.Input((20,)), tf.keras.layers.Dense(1, use_bias=False)])
    model.compile(tf.keras.optimizers.SGD(0.1), "mse")
    model.fit(x, x @ weights, epochs=60, verbose=0)
    np.testing.assert_allclose(model.get_weights()[0], weights, atol=1e-2)
