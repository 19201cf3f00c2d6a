"""Movement: values against NumPy, compiled and not, gradients, and errors that say what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from primitive_checks import check_gradient, compiled, eager, same_compiled

from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.primitives import movement as m
from tenfold.tensor.tensor import wrap

X = np.random.default_rng(0).normal(size=(2, 3, 4))

CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "reshape": (lambda x: m.reshape(x, (4, -1)), lambda x: x.reshape(4, -1)),
    "reshape adds and drops ones": (lambda x: m.reshape(m.reshape(x, (2, 1, 3, 4)), (1, 6, 4)), lambda x: x.reshape(1, 6, 4)),
    "transpose": (lambda x: m.transpose(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1)),
    "transpose, reversed": (lambda x: m.transpose(x), lambda x: x.T),
    "broadcast_to": (
        lambda x: m.broadcast_to(m.reshape(x, (2, 1, 3, 4)), (5, 2, 6, 3, 4)),
        lambda x: np.broadcast_to(x.reshape(2, 1, 3, 4), (5, 2, 6, 3, 4)),
    ),
    "slice": (lambda x: m.slice_(x, (0, 1, 1), (2, 2, 2)), lambda x: x[:, 1:3, 1:3]),
    "slice with steps": (lambda x: m.slice_(x, (0, 0, 3), (1, 2, 2), (1, 2, -2)), lambda x: x[:1, ::2, 3::-2]),
    "slice of nothing": (lambda x: m.slice_(x, (0, 3, 0), (2, 0, 4)), lambda x: x[:, 3:]),
    "reverse": (lambda x: m.reverse(x, (0, -1)), lambda x: x[::-1, :, ::-1]),
    "pad": (lambda x: m.pad(x, (0, 1, 2), (1, 0, 3)), lambda x: np.pad(x, ((0, 1), (1, 0), (2, 3)))),
    "pad with a value": (lambda x: m.pad(x, (0, 1, 2), (1, 0, 3), value=7.5), lambda x: np.pad(x, ((0, 1), (1, 0), (2, 3)), constant_values=7.5)),
    "concat": (lambda x: m.concat([x, m.slice_(x, (0, 0, 0), (2, 1, 4)), x], 1), lambda x: np.concatenate([x, x[:, :1], x], 1)),
    "concat on the last axis": (lambda x: m.concat([x, m.slice_(x, (0, 0, 0), (2, 3, 3))], -1), lambda x: np.concatenate([x, x[..., :3]], -1)),
    "stack": (lambda x: m.stack([x, m.reverse(x, (1,))], -1), lambda x: np.stack([x, x[:, ::-1]], -1)),
}


@pytest.mark.parametrize("name", CASES)
def test_value(name: str) -> None:
    operation, truth = CASES[name]
    (got,) = same_compiled(operation, X)
    np.testing.assert_array_equal(got, truth(X))


@pytest.mark.parametrize("name", CASES)
def test_gradient(name: str) -> None:
    check_gradient(CASES[name][0], X, order=2)


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.int64, np.bool_, np.uint32])
def test_types(dtype: Any) -> None:
    x = (X * 10).astype(np.int32).astype(dtype)
    for operation, truth in CASES.values():
        if "value" not in truth.__code__.co_names and 7.5 not in truth.__code__.co_consts:
            np.testing.assert_array_equal(eager(operation, x)[0], truth(x))
    (got,) = compiled(lambda t: m.transpose(m.concat([t, t], 1), (2, 0, 1)), x)
    np.testing.assert_array_equal(got, np.concatenate([x, x], 1).transpose(2, 0, 1))


ENDS = st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))


@given(ENDS, ENDS, st.sampled_from([(0, 0, 0), (0, 1, 0), (2, 0, 1)]))
@settings(max_examples=25, deadline=None)
def test_any_padding(low: tuple[int, ...], high: tuple[int, ...], interior: tuple[int, ...]) -> None:
    """Also at one end only, where positions run on past the input."""
    x = np.arange(1.0, 25).reshape(2, 3, 4)
    same_compiled(lambda t: m.pad(m.pad(t, low, high, interior) * 2.0, high, low), x)


def test_interior_padding() -> None:
    def operation(x: Any) -> Any:
        return m.pad(x, (1, 0), (0, 2), interior=(2, 1))

    x = np.arange(6.0).reshape(2, 3)
    want = np.zeros((5, 7))
    want[1:5:3, 0:5:2] = x
    np.testing.assert_array_equal(same_compiled(operation, x)[0], want)
    check_gradient(operation, x, order=2)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1, 1)])
def test_small_shapes(shape: tuple[int, int]) -> None:
    x = np.ones(shape)
    for operation in (lambda t: m.transpose(t), lambda t: m.pad(t, (1, 1), (0, 0)), lambda t: m.concat([t, t], 0), lambda t: m.reverse(t, (0,))):
        same_compiled(operation, x)


def test_errors() -> None:
    x = wrap(X)
    with pytest.raises(ShapeError, match=r"\[reshape\] 24 elements"):
        m.reshape(x, (5, -1))
    with pytest.raises(ShapeError, match=r"\[reshape\] the number of elements differs"):
        m.reshape(x, (5, 5))
    with pytest.raises(InvalidArgumentError, match=r"\[transpose\] expected a permutation"):
        m.transpose(x, (0, 0, 1))
    with pytest.raises(ShapeError, match=r"\[concat\] shapes must agree"):
        m.concat([x, m.transpose(x)], 0)
    with pytest.raises(InvalidArgumentError, match=r"\[slice\] out of range in dimension 1"):
        m.slice_(x, (0, 2, 0), (1, 2, 1))
    with pytest.raises(ShapeError, match=r"\[broadcast_to\]"):
        m.broadcast_to(x, (2, 3, 5))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool", "int64"])
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 31, 64, 101])
def test_rows_backwards(n: int, dtype: str) -> None:
    """Whole vectors and what is left of a row; and rows of which only a part is read."""
    x = (np.random.default_rng(n).normal(size=(3, n)) * 9).astype(dtype)
    np.testing.assert_array_equal(compiled(lambda t: m.reverse(t, (1,)), x)[0], x[:, ::-1])
    np.testing.assert_array_equal(compiled(lambda t: m.concat([m.reverse(t, (1,)), t], 1), x)[0], np.concatenate([x[:, ::-1], x], 1))
    np.testing.assert_array_equal(compiled(lambda t: m.pad(m.reverse(t, (1,)), (0, 2), (0, 3)), x)[0], np.pad(x[:, ::-1], ((0, 0), (2, 3))))
