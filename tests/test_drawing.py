"""Large random tensors are drawn by compiled kernels, and are what single operations give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tenfold as tf
from tenfold.primitives import random as one_by_one
from tenfold.transform import drawing

EPS = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-24, "float64": 2.0**-53}
CASES = {"uniform": (-0.3, 0.7), "normal": (1.0, 2.0), "truncated_normal": (0.0, 0.02)}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers(name: str, dtype: str) -> None:
    size = (257, 300)
    assert size[0] * size[1] >= drawing.LARGE
    large, small = (getattr(m, name)([1, 2], size, *CASES[name], dtype) for m in (drawing, one_by_one))
    assert large.dtype == small.dtype == dtype and large.shape == size
    a, b = (x.numpy().astype("float64") for x in (large, small))
    np.testing.assert_allclose(a, b, atol=4 * EPS[dtype] * np.abs(b).max())


def test_one_kernel_serves_all_sizes_and_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(drawing, "Function", lambda f: made.append(f) or f)
    drawing._compiled.cache_clear()
    for limit in (0.1, 0.2, 0.3):
        drawing.uniform([1, 2], (256, 256), -limit, limit)
        drawing.uniform([1, 2], (65536,), -limit, limit)
    drawing._compiled.cache_clear()
    assert len(made) == 1


def test_defaults_and_integers() -> None:
    assert 0 <= float(tf.reduce_min(tf.random.uniform((300, 300)))) < 0.001
    assert abs(float(tf.math.reduce_std(tf.random.normal((300, 300)))) - 1) < 0.02
    whole = tf.random.uniform((300, 300), 3, 7, tf.int32)
    assert (int(tf.reduce_min(whole)), int(tf.reduce_max(whole))) == (3, 6)
    with pytest.raises(ValueError, match="maxval"):
        tf.random.uniform((300, 300), dtype=tf.int32)
