"""What the tests of operations share: a case run eagerly, compiled, and compiled with its first sizes left open; gradients by differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tenfold as tf

Function = Callable[..., Any]
TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 3e-6, "complex64": 3e-6}


def listed(result: Any) -> list[Any]:
    return list(result) if isinstance(result, (list, tuple)) else [result]


def same(received: Any, expected: Any, tolerance: float | None = None) -> None:
    """Equal shape and type, and elements up to the type's rounding. An expected Python number or list leaves the type open."""
    a = received.numpy() if hasattr(received, "numpy") else np.asarray(received)
    b = np.asarray(expected)
    assert a.shape == b.shape, (a.shape, b.shape)
    if isinstance(expected, (np.ndarray, np.generic)):
        assert a.dtype == b.dtype, (a.dtype, b.dtype)
    limit = tolerance if tolerance is not None else TOLERANCE.get(str(a.dtype), 1e-10 if a.dtype.kind in "fc" else 0)
    wide = np.complex128 if a.dtype.kind == "c" or b.dtype.kind == "c" else np.float64
    np.testing.assert_allclose(a.astype(wide), b.astype(wide), rtol=limit, atol=limit)


def check(function: Function, oracle: Function, *arrays: Any, tolerance: float | None = None, open_sizes: bool = True) -> None:
    """`function` gives what `oracle` gives: at once, in a compiled function, and in one whose first sizes are unknown while it is traced."""
    tensors = [tf.constant(a) for a in arrays]
    expected = listed(oracle(*arrays))
    runs = [function, tf.function(lambda *xs: function(*xs))]
    if open_sizes:
        signature = [tf.TensorSpec([None, *a.shape[1:]] if a.ndim else [], a.dtype) for a in arrays]
        runs.append(tf.function(lambda *xs: function(*xs), input_signature=signature))
    for run in runs:
        received = listed(run(*tensors))
        assert len(received) == len(expected)
        for r, e in zip(received, expected, strict=True):
            same(r, e, tolerance)


def differentiates(function: Function, *arrays: Any, tolerance: float = 1e-6, step: float = 1e-6) -> None:
    """The gradient of a random weighting of the results equals central differences, in float64."""
    xs = [np.asarray(a, np.float64) for a in arrays]
    rng = np.random.default_rng(7)
    weights = [rng.standard_normal(tuple(r.shape)) for r in listed(function(*[tf.constant(x) for x in xs]))]

    def loss(*tensors: Any) -> Any:
        parts = [tf.reduce_sum(r * w) for r, w in zip(listed(function(*tensors)), weights, strict=True)]
        return tf.add_n(parts)

    tensors = [tf.constant(x) for x in xs]
    with tf.GradientTape() as tape:
        for t in tensors:
            tape.watch(t)
        y = loss(*tensors)
    gradients = tape.gradient(y, tensors)
    for i, x in enumerate(xs):
        expected = np.zeros_like(x)
        for place in np.ndindex(*x.shape):
            up, down = x.copy(), x.copy()
            up[place] += step
            down[place] -= step
            high, low = ([*xs[:i], moved, *xs[i + 1 :]] for moved in (up, down))
            expected[place] = (float(loss(*map(tf.constant, high))) - float(loss(*map(tf.constant, low)))) / (2 * step)
        np.testing.assert_allclose(gradients[i].numpy(), expected, rtol=tolerance, atol=tolerance)


def normal(seed: int, *shape: int, dtype: str = "float32") -> Any:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)
