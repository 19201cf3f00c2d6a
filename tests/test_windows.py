"""Pooling windows: values against the definition, gradients that go to the first maximum, and second derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from primitive_checks import check_gradient, compiled, gradients, same_compiled

from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.primitives import windows as w
from tenfold.primitives.contraction import conv_padding, conv_sizes
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import wrap
from tenfold.transform.function import Function, TensorSpec

CASES: list[tuple[Any, ...]] = [  # spatial, window, strides, padding
    ((6,), (2,), (2,), "valid"), ((7,), (3,), (2,), "same"), ((6, 8), (2, 2), (2, 2), "valid"), ((5, 7), (3, 3), (2, 2), "same"),
    ((5, 6), (3, 2), (1, 1), "same"), ((6, 6), (2, 3), (3, 2), "same"), ((5, 5), (1, 2), (2, 3), "valid"), ((4, 5, 4), (2, 3, 2), (2, 1, 2), "same"),
    ((9, 8), (7, 6), (2, 2), "same"), ((4, 4), (2, 2), (1, 1), ((1, 0), (0, 1))), ((2, 2), (3, 3), (1, 1), "valid"),
    ((5, 6), (2, 2), (1, 1), "valid"), ((5, 6), (2, 3), (1, 2), "valid"), ((5, 6), (1, 2), (1, 1), "valid"),
]  # fmt: skip


def one(case: tuple[Any, ...], ties: bool = False) -> tuple[Any, dict[str, Any]]:
    spatial, window, strides, padding = case
    attrs = {"window": window, "strides": strides, "padding": conv_padding(padding, spatial, window, strides, (1,) * len(spatial))}
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, *spatial, 3))
    return (np.round(x) if ties else x), attrs


def directly(function: Any, x: Any, window: Any, strides: Any, padding: Any) -> Any:
    """The function of the elements of each window, in order."""
    out = conv_sizes(x.shape[1:-1], window, strides, padding, (1,) * len(window))
    y = np.zeros((x.shape[0], *out, x.shape[-1]))
    for place in np.ndindex(*y.shape):
        inside = []
        for offset in np.ndindex(*window):
            at = [p * s + o - lo for p, s, o, (lo, _) in zip(place[1:-1], strides, offset, padding, strict=True)]
            if all(0 <= a < n for a, n in zip(at, x.shape[1:-1], strict=True)):
                inside.append(x[(place[0], *at, place[-1])])
        y[place] = function(inside)
    return y


@pytest.mark.parametrize("case", CASES, ids=str)
def test_value(case: tuple[Any, ...]) -> None:
    x, attrs = one(case)
    most, total, mean = same_compiled(lambda x: [w.window_max(x, **attrs), w.window_sum(x, **attrs), w.window_mean(x, **attrs)], x)
    np.testing.assert_array_equal(most, directly(max, x, **attrs))
    np.testing.assert_allclose(total, directly(sum, x, **attrs), atol=1e-12)
    np.testing.assert_allclose(mean, directly(np.mean, x, **attrs), atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient(case: tuple[Any, ...]) -> None:
    x, attrs = one(case)
    check_gradient(lambda x: w.window_max(x, **attrs), x)
    check_gradient(lambda x: w.window_mean(x, **attrs), x)


@pytest.mark.parametrize("case", CASES[:8], ids=str)
def test_second_order(case: tuple[Any, ...]) -> None:
    x, attrs = one(case)
    check_gradient(lambda x: w.window_max(x * x, **attrs), x, order=2, compile=False)
    check_gradient(lambda x: w.window_sum(x * x, **attrs), x, order=2, compile=False)
    (y,) = same_compiled(lambda x: w.window_argmax(x, **attrs), x)
    g = np.random.default_rng(4).normal(size=y.shape)
    check_gradient(lambda g: w.window_route(g, wrap(y), spatial=x.shape[1:-1], **attrs), g, order=2)


@pytest.mark.parametrize("case", [*CASES[:8], ((9, 8), (7, 6), (2, 2), "same")], ids=str)
def test_the_first_maximum_gets_the_gradient(case: tuple[Any, ...]) -> None:
    x, attrs = one(case, ties=True)
    want = np.zeros_like(x)
    out = directly(max, x, **attrs)
    for place in np.ndindex(*out.shape):
        for offset in np.ndindex(*attrs["window"]):
            at = [p * s + o - lo for p, s, o, (lo, _) in zip(place[1:-1], attrs["strides"], offset, attrs["padding"], strict=True)]
            if all(0 <= a < n for a, n in zip(at, x.shape[1:-1], strict=True)) and x[(place[0], *at, place[-1])] == out[place]:
                want[(place[0], *at, place[-1])] += 1
                break
    (got,) = compiled(lambda x: gradients(lambda t: sum_(w.window_max(t, **attrs)), [x])[0], x)
    np.testing.assert_array_equal(got, want)
    (g,) = gradients(lambda t: sum_(w.window_max(t, **attrs)), [wrap(x)])
    np.testing.assert_array_equal(g.numpy(), want)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32, np.int8, np.uint8])
def test_types(dtype: Any) -> None:
    x, attrs = one(CASES[3])
    x = np.abs(x * 10).astype(dtype)
    most, total, where = same_compiled(lambda x: [f(x, **attrs) for f in (w.window_max, w.window_sum, w.window_argmax)], x)
    np.testing.assert_array_equal(most, directly(max, x, **attrs).astype(dtype))
    np.testing.assert_allclose(total.astype(float), directly(sum, x.astype(float), **attrs), rtol=1e-3)
    assert where.dtype == np.int8


def test_elements_of_minus_infinity() -> None:
    attrs: dict[str, Any] = {"window": (2,), "strides": (1,), "padding": ((1, 0),)}
    x = np.full((1, 3, 1), -np.inf)
    most, where = same_compiled(lambda x: [w.window_max(x, **attrs), w.window_argmax(x, **attrs)], x)
    assert (most == -np.inf).all() and where.reshape(-1).tolist() == [1, 0, 0]


def test_nan_is_a_maximum() -> None:
    x = np.array([1, np.nan, 2.0, 3.0]).reshape(1, 4, 1)
    (most,) = same_compiled(lambda x: w.window_max(x, (2,), (2,), ((0, 0),)), x)
    assert np.isnan(most[0, 0, 0]) and most[0, 1, 0] == 3


def test_unknown_sizes() -> None:
    def pool(x: Any) -> Any:
        padding = conv_padding("same", x.sizes[1:-1], (3, 3), (2, 2), (1, 1))
        return [w.window_max(x, (3, 3), (2, 2), padding), w.window_mean(x, (3, 3), (2, 2), padding)]

    f = Function(pool, [TensorSpec([None, None, None, 2], "float64")])
    for shape in ((1, 5, 6, 2), (3, 4, 4, 2), (0, 4, 4, 2)):
        x = np.random.default_rng(0).normal(size=shape)
        for got, want in zip(f(wrap(x)), pool(wrap(x)), strict=True):
            np.testing.assert_allclose(got.numpy(), want.numpy())


def test_errors() -> None:
    x = wrap(np.ones((1, 4, 4, 1)))
    with pytest.raises(ShapeError, match=r"\[window_max\] expected data"):
        w.window_max(x, (2,), (2,), ((0, 0),))
    with pytest.raises(InvalidArgumentError, match="padding must be smaller than the window"):
        w.window_max(x, (2, 2), (2, 2), ((2, 0), (0, 0)))
    with pytest.raises(InvalidArgumentError, match="must be positive"):
        w.window_sum(x, (2, 2), (0, 1), ((0, 0), (0, 0)))
