"""Reductions: values against NumPy over every choice of axes, compiled and not; ties, zeros, NaN, and no elements at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from primitive_checks import check_gradient, compiled, eager, gradients, same_compiled

from tenfold.core.errors import InvalidArgumentError
from tenfold.primitives import reduction as r
from tenfold.tensor.tensor import wrap

OPERATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "sum": (r.sum, np.sum), "prod": (r.prod, np.prod), "max": (r.max, np.max), "min": (r.min, np.min),
}  # fmt: skip
X = np.random.default_rng(0).normal(size=(3, 4, 5))
AXES: list[Any] = [None, 0, 1, -1, (0, 1), (0, 2), (1, 2), (0, 1, 2)]


@pytest.mark.parametrize("name", OPERATIONS)
def test_value_over_all_axes(name: str) -> None:
    operation, truth = OPERATIONS[name]
    results = same_compiled(lambda x: [operation(x, axis=a, keepdims=k) for a in AXES for k in (False, True)], X)
    for got, (axis, keep) in zip(results, [(a, k) for a in AXES for k in (False, True)], strict=True):
        np.testing.assert_allclose(got, truth(X, axis=axis, keepdims=keep), rtol=1e-12)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("axis", [None, 0, (0, 2)], ids=str)
def test_gradient(name: str, axis: Any) -> None:
    check_gradient(lambda x: OPERATIONS[name][0](x, axis=axis), X, order=2 if name in ("sum", "prod") else 1)


@pytest.mark.parametrize("shape", [(1000,), (3, 1000), (1000, 3), (70, 33, 2)], ids=str)
def test_large(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    for axis in range(len(shape)):
        same_compiled(lambda t, a=axis: [r.sum(t, a), r.max(t, a)], x, scale=10)


def test_no_axes_changes_nothing() -> None:
    np.testing.assert_array_equal(eager(lambda x: r.sum(x, ()), X)[0], X)


def test_no_elements() -> None:
    total, product, most, least, everything, anything = same_compiled(
        lambda x, b: [r.sum(x, 1), r.prod(x, 1), r.max(x, 1), r.min(x, 1), r.all(b, 0), r.any(b, 0)], np.ones((2, 0)), np.ones((0,), bool)
    )
    assert total.tolist() == [0, 0] and product.tolist() == [1, 1] and most.tolist() == [-np.inf] * 2 and least.tolist() == [np.inf] * 2
    assert bool(everything) and not bool(anything)


def test_nan_is_the_extreme() -> None:
    x = np.array([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]])
    most, least = same_compiled(lambda t: [r.max(t, 1), r.min(t, 1)], x)
    assert np.isnan(most[0]) and np.isnan(least[0]) and most[1] == 3 and least[1] == 1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.float16])
def test_types(dtype: Any) -> None:
    x = np.array([[1, 2, 3], [3, 2, 4]], dtype)
    for operation, truth in OPERATIONS.values():
        np.testing.assert_array_equal(same_compiled(lambda t, f=operation: f(t, 0), x)[0], truth(x, 0).astype(dtype))


def test_half_precision_is_added_in_float32() -> None:
    x = np.full(4096, 1.0, np.float16) + np.float16(0.0009765625)
    for got in (*eager(r.sum, x), *compiled(r.sum, x)):
        assert got == np.float16(4100)


def test_integers_wrap() -> None:
    (got,) = same_compiled(lambda x: r.sum(x, 0), np.full((3,), 100, np.int8))
    assert got == np.int8(44)


def test_ties_share_the_gradient() -> None:
    (g,) = gradients(lambda x: r.max(x), [wrap(np.array([1.0, 3.0, 3.0]))])
    assert g.numpy().tolist() == [0, 0.5, 0.5]


def test_gradient_of_a_product_with_zeros() -> None:
    for x, want in ([[2.0, 0.0, 3.0], [0, 6, 0]], [[0.0, 0.0, 3.0], [0, 0, 0]], [[2.0, 4.0, 3.0], [12, 6, 8]]):
        (g,) = gradients(lambda t: r.prod(t), [wrap(np.array(x))])
        assert g.numpy().tolist() == want


def test_logic() -> None:
    x = np.array([[True, False], [True, True]])
    everything, anything = same_compiled(lambda t: [r.all(t, 1), r.any(t, 0)], x)
    assert everything.tolist() == [False, True] and anything.tolist() == [True, True]


def test_errors() -> None:
    with pytest.raises(InvalidArgumentError, match=r"\[reduce_sum\] axis 3 is out of bounds. Expected -3 <= axis < 3"):
        r.sum(wrap(X), 3)
    with pytest.raises(InvalidArgumentError, match=r"\[reduce_max\] an axis is named twice"):
        r.max(wrap(X), (0, -3))
