"""Gradients of activations before maxima over windows go window by window, and need nothing of the size of what is pooled."""

from __future__ import annotations

from itertools import product
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from primitive_checks import check_gradient, compiled, gradients, same_compiled

import tenfold as tf
from tenfold.compiler import pipeline
from tenfold.compiler.lower import Call
from tenfold.compiler.program import Group, Uses
from tenfold.primitives import windows as w
from tenfold.primitives.contraction import conv_padding

CASES: list[tuple[Any, ...]] = [  # spatial, window, strides, padding
    ((6, 8), (2, 2), (2, 2), "valid"), ((7, 9), (2, 2), (2, 2), "valid"), ((7, 9), (2, 2), (2, 2), "same"), ((1, 5), (2, 2), (2, 2), "valid"),
    ((9,), (3,), (3,), "same"), ((5, 7, 4), (2, 3, 2), (2, 3, 2), "valid"), ((8, 9), (4, 4), (4, 4), "same"), ((6, 10), (5, 5), (5, 5), "valid"),
    ((6, 8), (2, 2), (3, 3), "valid"), ((7, 9), (3, 3), (2, 2), "same"), ((6, 6), (3, 2), (1, 2), "valid"),
    ((5, 6), (2, 2), (2, 2), ((1, 0), (1, 1))),
]  # fmt: skip


def pooling(case: tuple[Any, ...]) -> tuple[tuple[int, ...], dict[str, Any]]:
    spatial, window, strides, padding = case
    return spatial, {"window": window, "strides": strides, "padding": conv_padding(padding, spatial, window, strides, (1,) * len(spatial))}


def routed(y: Any, g: Any, window: Any, strides: Any, padding: Any) -> Any:
    """`g` brought to the first largest number of each window of `y`, if that is positive."""
    total = np.zeros(y.shape)
    for n, *place, c in np.ndindex(*g.shape):
        best, found = -np.inf, None
        for offset in np.ndindex(*window):
            at = tuple(p * s + o - lo for p, s, o, (lo, _) in zip(place, strides, offset, padding, strict=True))
            if all(0 <= a < size for a, size in zip(at, y.shape[1:-1], strict=True)) and y[(n, *at, c)] > best:
                best, found = y[(n, *at, c)], at
        if found is not None and best > 0:
            total[(n, *found, c)] += g[(n, *place, c)]
    return total


TYPES = [*product(CASES, [16], ["float32"]), *product(CASES[1:3], [3, 8, 21], ["float16", "bfloat16", "float64"])]


@pytest.mark.parametrize(("case", "channels", "dtype"), TYPES, ids=str)
def test_gradient_through_activation_and_bias(case: tuple[Any, ...], channels: int, dtype: str) -> None:
    spatial, attrs = pooling(case)
    rng, kind = np.random.default_rng(3), ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    x = np.round(rng.normal(size=(2, *spatial, channels))).astype(kind)
    x[rng.random(x.shape) < 0.05] = np.nan
    bias = np.round(rng.normal(size=channels)).astype(kind)
    with np.errstate(invalid="ignore"):
        y = np.maximum(x.astype("float64") + bias.astype("float64"), 0)
    g = np.round(rng.normal(size=w.window_max(y, **attrs).shape) * 4)

    def loss(x: Any, bias: Any) -> Any:
        products = w.window_max(tf.nn.relu(x + bias), **attrs) * tf.cast(g, x.dtype)
        return tf.reduce_sum(products)

    def both(x: Any, bias: Any) -> Any:
        return gradients(loss, [x, bias])

    dx, db = compiled(both, x, bias)
    want = routed(y, g, **attrs)
    np.testing.assert_array_equal(dx.astype("float64"), want)
    np.testing.assert_allclose(db.astype("float64"), want.sum(axis=tuple(range(x.ndim - 1))), rtol=1e-2 if dtype == "bfloat16" else 1e-3, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("channels", [8, 19])
def test_gradients_of_windows_that_do_not_overlap(case: tuple[Any, ...], channels: int) -> None:
    spatial, attrs = pooling(case)
    x = np.random.default_rng(5).normal(size=(2, *spatial, channels))
    (places,) = same_compiled(lambda x: w.window_argmax(x, **attrs, above=0.5), x)
    g = np.random.default_rng(6).normal(size=places.shape)
    same_compiled(lambda g, p: [w.window_route(g, p, spatial=spatial, **attrs), w.window_spread(g, spatial=spatial, **attrs)], g, places)
    none = places[:0]
    same_compiled(lambda g, p: w.window_route(g, p, spatial=spatial, **attrs), g[:0], none)


@pytest.mark.parametrize("case", [CASES[1], CASES[9]], ids=str)
def test_second_order(case: tuple[Any, ...]) -> None:
    spatial, attrs = pooling(case)
    x = np.random.default_rng(7).normal(size=(1, *spatial, 8))
    check_gradient(lambda x: w.window_max(tf.nn.relu(x), **attrs) ** 3, x, order=2)


def test_many_places_have_wider_numbers() -> None:
    x = np.arange(400.0).reshape(1, 400, 1)
    (places,) = same_compiled(lambda x: w.window_argmax(x, (200,), (200,), ((0, 0),)), x)
    assert places.reshape(-1).tolist() == [199, 199] and places.dtype == np.int32


def test_nothing_of_the_size_of_what_is_pooled_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[tuple[Group, list[Call]]] = []
    original = pipeline.LOWER["map"]

    def record(group: Group, uses: Uses) -> list[Call]:
        found.append((group, list(original(group, uses))))
        return found[-1][1]

    monkeypatch.setitem(pipeline.LOWER, "map", record)
    x, kernel, bias = (np.random.default_rng(n).normal(size=s).astype("float32") for n, s in enumerate([(2, 16, 16, 8), (3, 3, 8, 16), (16,)]))

    weights = np.ones((1024, 3), "float32")

    @tf.function
    def step(x: Any, kernel: Any, bias: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch((x, kernel, bias))
            y = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME") + bias), 2, 2, "VALID")
            loss = tf.reduce_sum(tf.reshape(y, (2, 1024)) @ weights) ** 2
        return tape.gradient(loss, (x, kernel, bias))

    step(x, kernel, bias)
    ((_, (call,)),) = [item for item in found if item[0].nodes[-1].primitive.name == "window_route"]
    assert all(v.spec.shape[1:3] == (8, 8) for v in call.reads if len(v.spec.shape) == 4), "reads pooled tensors alone"
    assert not [n for g, _ in found for n in g.nodes if n.primitive.name == "select" and n.outputs[0].spec.shape == (2, 16, 16, 16)]
    names = [[n.primitive.name for n in g.nodes] for g, _ in found]
    assert all("window_argmax" in group for group in names if "window_max" in group), "one sweep, if it is not the convolution's"
