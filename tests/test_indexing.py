"""Indexing: `x[key]` against NumPy, gather and scatter and dynamic slices, with known, unknown and traced sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from primitive_checks import check_gradient, compiled, eager, same_compiled

from tenfold.core.dtypes import float32
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, TraceError, UnimplementedError
from tenfold.core.shapes import TensorShape
from tenfold.primitives import gather as g
from tenfold.primitives.indexing import getitem
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import wrap
from tenfold.transform.function import Function, TensorSpec
from tenfold.transform.tape import GradientTape

X = np.random.default_rng(0).normal(size=(4, 3, 5))
S = slice
KEYS: dict[str, Any] = {
    "integer": 1,
    "negative integers": (-1, -2, -3),
    "slices": (S(1, 3), S(None, -1), S(-2, None)),
    "steps": (S(None, None, 2), S(None, None, -1), S(4, 0, -2)),
    "out of range": (S(-10, 10), S(5, None), S(10, -10, -1)),
    "empty": (S(3, 1), S(None), S(2, 2)),
    "ellipsis": (Ellipsis, 0),
    "ellipsis of nothing": (0, 1, Ellipsis, 2),
    "new axes": (None, 0, Ellipsis, None),
    "all": Ellipsis,
    "mask": X > 0,
    "mask of rows": X[:, 0, 0] > 0,
    "mask of the last two": (S(None), X[0] > 0),
    "array": np.array([2, 0, -1]),
    "matrix of indices": (S(None), np.array([[0, 1], [2, -3]]), S(1, 3)),
    "array after an integer": (0, np.array([2, 0])),
    "two arrays": (np.array([0, 3, -1]), np.array([2, 0, 1])),
    "arrays that broadcast": (S(1, None), np.array([[0], [2]]), np.array([4, -5, 1])),
    "a mask and an array": (X[..., 0] > 0, np.array(2)),
    "NumPy integers": (np.int64(1), np.int32(-1)),
}


@pytest.mark.parametrize("name", KEYS)
def test_getitem(name: str) -> None:
    key = KEYS[name]
    (got,) = same_compiled(lambda x: getitem(x, key), X)
    np.testing.assert_array_equal(got, X[key])
    check_gradient(lambda x: getitem(x, key), X, compile=False)


BOUND = st.none() | st.integers(-7, 7)


@given(BOUND, BOUND, st.none() | st.sampled_from([-3, -2, -1, 1, 2, 3]), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_slices_of_unknown_sizes(start: int | None, stop: int | None, step: int | None, n: int) -> None:
    """A slice whose size is only known at run time means what it means in Python."""
    key = slice(start, stop, step)
    function = SLICES.setdefault((start, stop, step), Function(lambda x: getitem(x, key), [TensorSpec([None], "float64")]))
    x = np.arange(float(n))
    np.testing.assert_array_equal(function(wrap(x)).numpy(), x[key])


SLICES: dict[Any, Any] = {}


def test_index_tensors() -> None:
    i = wrap(np.array(2, np.int32))
    np.testing.assert_array_equal(getitem(wrap(X), i).numpy(), X[2])
    np.testing.assert_array_equal(getitem(wrap(X), (slice(None, i), Ellipsis, wrap(np.array(-1)))).numpy(), X[:2, :, -1])
    f = Function(lambda x, i, j: getitem(x, (i, slice(1, None), j)))
    for a, b in ((0, -1), (3, 4), (-4, 0)):
        np.testing.assert_array_equal(f(wrap(X), wrap(np.int32(a)), wrap(np.int64(b))).numpy(), X[a, 1:, b])
    labels = Function(lambda x, rows, columns: getitem(x, (rows, columns)))
    rows, columns = np.array([0, 3, 1, 9]), np.array([-1, 0, 3, 0])
    want = np.stack([X[0, -1], X[3, 0], X[0, 0] * 0, X[0, 0] * 0])
    np.testing.assert_array_equal(labels(wrap(X), wrap(rows), wrap(columns)).numpy(), want)
    traced = Function(lambda x, rows: getitem(x, rows))
    np.testing.assert_array_equal(traced(wrap(X), wrap(np.array([1, -1, 1]))).numpy(), X[[1, -1, 1]])


def test_sizes_that_are_computed_from_shapes() -> None:
    def halves(x: Any) -> Any:
        n = getitem(g.sizes(x.sizes), 0)
        return reshape(x, g.as_sizes([n, -1])), getitem(x, slice(None, n // 2)), getitem(x, n - 1)

    f = Function(halves, [TensorSpec([None, 2, 2], "float64")])
    for n in (2, 5):
        x = np.random.default_rng(n).normal(size=(n, 2, 2))
        flat, first, last = f(wrap(x))
        np.testing.assert_array_equal(flat.numpy(), x.reshape(n, 4))
        np.testing.assert_array_equal(first.numpy(), x[: n // 2])
        np.testing.assert_array_equal(last.numpy(), x[-1])


def test_as_sizes() -> None:
    assert g.as_sizes(3) == (3,) and g.as_sizes([2, np.int64(3), wrap(np.int32(4))]) == (2, 3, 4)
    assert g.as_sizes(wrap(np.array([5, 6]))) == (5, 6) and g.as_sizes(TensorShape([1, 2])) == (1, 2) and g.as_sizes([]) == ()
    with pytest.raises(ShapeError, match=r"tf.shape"):
        g.as_sizes(TensorShape([None, 2]))
    with pytest.raises(TraceError, match="computed from data"):
        Function(lambda n: reshape(wrap(np.ones(4)), g.as_sizes(n)))(wrap(np.array([2, 2])))


ERRORS: list[tuple[Any, type, str]] = [
    (4, InvalidArgumentError, r"index 4 is out of range in dimension 0. Expected -4 <= index < 4"),
    ((0, 0, 0, 0), InvalidArgumentError, r"too many indices. Expected at most 3"),
    ((Ellipsis, Ellipsis), InvalidArgumentError, r"only one Ellipsis"),
    (slice(None, None, 0), InvalidArgumentError, r"step must be an integer that is not 0"),
    ("a", InvalidArgumentError, r"cannot index with 'a'"),
    (1.5, InvalidArgumentError, r"cannot index with 1.5"),
    (np.ones(3, bool), ShapeError, r"mask does not fit dimension 0. Expected size 4; received 3"),
    (np.array([4]), InvalidArgumentError, r"\[gather\] an index is out of range. Expected 0 <= index < 4; received 4"),
    ((np.array([0]), slice(None), np.array([1])), UnimplementedError, r"tf.gather_nd"),
    ((np.array([0]), np.array([3])), InvalidArgumentError, r"\[getitem\] an index is out of range. Expected 0 <= index < 3; received 3"),
]


@pytest.mark.parametrize(("key", "kind", "message"), ERRORS, ids=[e[2] for e in ERRORS])
def test_getitem_errors(key: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        getitem(wrap(X), key)


def test_a_traced_mask_is_refused() -> None:
    with pytest.raises(TraceError, match=r"tf.where\(mask, x, 0\)"):
        Function(lambda x: getitem(x, x > 0))(wrap(X))


GATHERS = [
    (np.array([2, 0, 2]), 0, 0), (np.array([[0, 2], [1, 1]]), 1, 0), (np.array(4), -1, 0), (np.array([[1], [0], [2], [2]]), 1, 1),
    (np.array([[0, 4], [1, 1], [2, 3], [0, 0]]), 2, 1), (np.zeros((4, 3, 2), np.int64), 2, 2), (np.zeros((0,), np.int32), 1, 0),
]  # fmt: skip


def take(x: Any, i: Any, axis: int, batch_dims: int) -> Any:
    if batch_dims == 0:
        return np.take(x, i, axis)
    return np.stack([take(x[n], i[n], axis - 1, batch_dims - 1) for n in range(len(x))])


@pytest.mark.parametrize(("i", "axis", "batch_dims"), GATHERS, ids=lambda v: str(getattr(v, "shape", v)))
def test_gather(i: Any, axis: int, batch_dims: int) -> None:
    (got,) = same_compiled(lambda x, i: g.gather(x, i, axis, batch_dims), X, i)
    np.testing.assert_array_equal(got, take(X, i, axis % 3, batch_dims))
    check_gradient(lambda x: g.gather(x, wrap(i), axis, batch_dims), X, order=2)


def test_gather_out_of_range_in_compiled_code_reads_zeros() -> None:
    (got,) = compiled(lambda x, i: g.gather(x, i), X, np.array([1, 4, -1, 10**9]))
    np.testing.assert_array_equal(got, [X[1], X[0] * 0, X[0] * 0, X[0] * 0])
    with pytest.raises(InvalidArgumentError, match=r"received -1"):
        g.gather(wrap(X), wrap(np.array([-1])))


def test_batched_gradient_drops_what_is_out_of_range() -> None:
    def gradient(x: Any, i: Any) -> Any:
        with GradientTape() as tape:
            tape.watch(x)
            y = g.gather(x, i, 1, 1)
        return tape.gradient(y, x)

    (got,) = compiled(gradient, np.ones((2, 2)), np.array([[0, 2], [-1, 1]]))
    assert got.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.int64])
def test_scatter_add(dtype: Any) -> None:
    i, u = np.array([1, 0, 1, 7, -1], np.int32), np.arange(15).reshape(5, 3).astype(dtype)
    (got,) = same_compiled(lambda i, u: g.scatter_add(i, u, 3), i, u)
    assert got.tolist() == [[3, 4, 5], [6, 8, 10], [0, 0, 0]]


def test_scatter_add_gradient_and_shapes() -> None:
    i = np.array([[1, 0], [1, 5]])
    check_gradient(lambda u: g.scatter_add(wrap(i), u, 3), np.random.default_rng(0).normal(size=(2, 2, 2, 3)), order=2)
    check_gradient(lambda u: g.scatter_add(wrap(i), u, 3), np.random.default_rng(0).normal(size=(2, 2)))
    with pytest.raises(ShapeError):
        g.scatter_add(wrap(np.array([0, 1])), wrap(np.ones((3, 2))), 3)


def test_dynamic_slices() -> None:
    def cut(x: Any, i: Any) -> Any:
        return g.dynamic_slice(x, [i, 0, i], (2, 3, 2))

    for i in (0, 1, 2, 5, -3):
        at, last = min(max(i, 0), 2), min(max(i, 0), 3)
        np.testing.assert_array_equal(same_compiled(cut, X, np.int32(i))[0], X[at : at + 2, :, last : last + 2])
    check_gradient(lambda x: cut(x, wrap(np.int32(1))), X, order=2)
    np.testing.assert_array_equal(same_compiled(lambda x, s: g.dynamic_slice(x, s, (1, 1, 2)), X, np.array([3, 1, 2]))[0], X[3:, 1:2, 2:4])


def test_dynamic_updates() -> None:
    u = np.random.default_rng(2).normal(size=(2, 3, 1))

    def put(x: Any, u: Any, i: Any) -> Any:
        return g.dynamic_update_slice(x, u, [i, 0, i])

    for i in (0, 1, 9):
        want, at, last = X.copy(), min(i, 2), min(i, 4)
        want[at : at + 2, :, last : last + 1] = u
        np.testing.assert_array_equal(same_compiled(put, X, u, np.int64(i))[0], want)
    check_gradient(lambda x, u: put(x, u, wrap(np.int32(1))), X, u, order=2)
    check_gradient(lambda x, u: g.dynamic_update_slice(x, u, [0, 0, 0]), X, u)
    with pytest.raises(ShapeError, match="does not fit"):
        g.dynamic_update_slice(wrap(u), wrap(X), [0, 0, 0])


def test_negative_sizes_are_refused() -> None:
    for make in (lambda: g.iota(-1), lambda: g.scatter_add([0], [1.0], -2), lambda: g.zeros((2, -3), float32)):
        with pytest.raises(InvalidArgumentError, match="a size is negative"):
            make()
    with pytest.raises(DTypeError, match=r"\[scatter_add\] does not take"):
        g.scatter_add([0], [True], 2)


def test_sources() -> None:
    counted, shape = same_compiled(lambda x: [g.iota(5, "float32"), g.sizes((3, 4, 2), "int64")], np.ones(1))
    assert counted.tolist() == [0, 1, 2, 3, 4] and shape.tolist() == [3, 4, 2] and shape.dtype == np.int64
    f = Function(lambda x: [g.sizes(x.sizes), g.iota(x.sizes[0])], [TensorSpec([None, 3], "float64")])
    shape, counted = f(wrap(np.ones((4, 3))))
    assert shape.numpy().tolist() == [4, 3] and counted.numpy().tolist() == [0, 1, 2, 3]
    assert eager(lambda: g.sizes((2, 3)))[0].dtype == np.int32
