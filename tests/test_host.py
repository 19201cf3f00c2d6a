"""What runs in NumPy: running sums, sorting, searching, linear algebra, Fourier transforms, shapes that depend on data; and effects."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
import pytest
from primitive_checks import check_gradient, compiled, eager, same_compiled

from tenfold.core.dtypes import as_dtype, float64, int64
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, TraceError, UnimplementedError
from tenfold.primitives import effects, fourier, host, sorting
from tenfold.primitives import factorization as f
from tenfold.primitives.arithmetic import add, less
from tenfold.primitives.contraction import matmul
from tenfold.primitives.movement import transpose
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.function import Function
from tenfold.transform.tape import GradientTape

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 5))


# --- running sums, sorting, searching ---


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize(("exclusive", "reverse"), [(False, False), (True, False), (False, True), (True, True)])
def test_running_sums(axis: int, exclusive: bool, reverse: bool) -> None:
    def truth(function: Any, start: float) -> Any:
        x = np.flip(X, axis) if reverse else X
        y = function(x, axis)
        if exclusive:
            y = np.concatenate([np.full_like(np.take(y, [0], axis), start), np.take(y, range(X.shape[axis] - 1), axis)], axis)
        return np.flip(y, axis) if reverse else y

    total, product = same_compiled(lambda x: [op(x, axis, exclusive, reverse) for op in (host.cumsum, host.cumprod)], X)
    np.testing.assert_allclose(total, truth(np.cumsum, 0))
    np.testing.assert_allclose(product, truth(np.cumprod, 1))
    check_gradient(lambda x: host.cumsum(x, axis, exclusive, reverse), X, order=2)
    check_gradient(lambda x: host.cumprod(x, axis, exclusive, reverse), X)


@pytest.mark.parametrize("shape", [(3, 400), (40, 500), (2, 30, 300), (700, 300), (0, 300), (300, 0)])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "complex64"])
def test_running_sums_of_large_arrays(dtype: str, shape: tuple[int, ...]) -> None:
    """One after the other, whatever is added at a time."""
    x = (np.random.default_rng(0).standard_normal(shape) * 3).astype(dtype)
    wide = x.astype("float32") if dtype == "float16" else x
    for axis in range(len(shape)):
        want = np.cumsum(wide, axis, dtype=wide.dtype).astype(dtype)
        np.testing.assert_array_equal(eager(lambda t, axis=axis: host.cumsum(t, axis), x)[0], want)


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("descending", [False, True])
def test_sorting(axis: int, descending: bool) -> None:
    ordered, order = same_compiled(lambda x: [sorting.sort(x, axis, descending), sorting.argsort(x, axis, descending)], X)
    want = np.sort(X, axis)
    np.testing.assert_array_equal(ordered, np.flip(want, axis) if descending else want)
    np.testing.assert_array_equal(np.take_along_axis(X, order, axis), ordered)
    check_gradient(lambda x: sorting.sort(x, axis, descending), X)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint8, np.int64, np.bool_])
def test_sorting_is_stable(dtype: Any) -> None:
    x = np.array([2, 0, 2, 1, 0, 2]).astype(dtype)
    up, down = eager(lambda t: [sorting.argsort(t), sorting.argsort(t, descending=True)], x)
    keys = x.astype(int)
    assert up.tolist() == sorted(range(6), key=lambda i: keys[i]) and down.tolist() == sorted(range(6), key=lambda i: -keys[i])


@pytest.mark.parametrize("shape", [(3, 40), (0, 5), (4, 0), (700, 300)])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint8", "int32", "uint32", "int64", "uint64", "bool"])
def test_orders_are_those_of_a_stable_sort(dtype: str, shape: tuple[int, int]) -> None:
    """Many equal elements, both zeros and both NaNs, the largest integers, and enough rows for several threads."""
    kind, rng = as_dtype(dtype).numpy, np.random.default_rng(sum(shape))
    x = rng.integers(0 if dtype.startswith("u") else -4, 5, shape).astype(kind)
    if as_dtype(dtype).is_floating:
        for special in (np.nan, -np.nan, np.inf, -np.inf, -0.0):
            x[rng.random(shape) < 0.1] = special
    elif dtype != "bool":
        x[rng.random(shape) < 0.2] = np.iinfo(kind).max
    keys = x if x.dtype.kind in "iub" else x.astype(np.float64)
    up = np.argsort(keys, -1, kind="stable")
    down = shape[1] - 1 - np.flip(np.argsort(np.flip(keys, -1), -1, kind="stable"), -1)
    found = eager(lambda t: [sorting.argsort(t), sorting.argsort(t, descending=True), sorting.sort(t), sorting.sort(t, descending=True)], x)
    for got, order in zip(found[:2], (up, down), strict=True):
        np.testing.assert_array_equal(got, order)
    for got, order in zip(found[2:], (up, down), strict=True):
        assert got.dtype == x.dtype
        np.testing.assert_array_equal(got.astype(keys.dtype), np.take_along_axis(keys, order, -1))
    for k in {0, min(1, shape[1]), shape[1] // 3, shape[1]} if dtype != "bool" else set():
        values, where = eager(lambda t, k=k: list(sorting.top_k(t, k)), x)
        np.testing.assert_array_equal(where, down[:, :k])
        np.testing.assert_array_equal(values.astype(keys.dtype), np.take_along_axis(keys, where, -1))


def test_transforms_by_several_threads() -> None:
    x = np.random.default_rng(0).standard_normal((3, 300, 400))
    np.testing.assert_allclose(eager(lambda t: fourier.fft(t), x + 1j)[0], np.fft.fft(x + 1j), atol=1e-9)
    (terms,) = eager(fourier.rfft, x)
    np.testing.assert_allclose(terms, np.fft.rfft(x), atol=1e-9)
    np.testing.assert_allclose(eager(lambda t: fourier.irfft(t, 400), terms)[0], x, atol=1e-12)


def test_top_k() -> None:
    x = np.array([[1.0, 3.0, 2.0, 3.0], [4.0, 0.0, -1.0, 5.0]])
    values, where = same_compiled(lambda t: list(sorting.top_k(t, 2)), x)
    assert values.tolist() == [[3, 3], [5, 4]] and where.tolist() == [[1, 3], [3, 0]]
    check_gradient(lambda t: sorting.top_k(t, 3)[0], X)
    with pytest.raises(InvalidArgumentError, match=r"\[top_k\] k out of range.*received k=6"):
        sorting.top_k(wrap(X), 6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int8", "uint32", "int64"])
def test_top_k_of_long_rows(dtype: str) -> None:
    """Where few elements can be among the largest, only they are put in order; not so where many are equal."""
    rng = np.random.default_rng(2)
    for shape in ((5000,), (7, 3001), (40, 513)):
        x = rng.permutation(np.arange(np.prod(shape)) % 127).reshape(shape).astype(as_dtype(dtype).numpy)
        distinct = rng.permutation(np.arange(np.prod(shape))).reshape(shape).astype(as_dtype(dtype).numpy)
        if as_dtype(dtype).is_floating:
            x.reshape(-1)[:9], distinct.reshape(-1)[[0, 400, 500]] = np.nan, (np.inf, np.nan, -np.inf)
        for each in (x, distinct, x * 0):
            for k in (1, 5):
                values, places = eager(lambda t, k=k: list(sorting.top_k(t, k)), each)
                (order,) = eager(lambda t: sorting.argsort(t, descending=True), each)
                np.testing.assert_array_equal(places, order[..., :k])
                wanted = np.take_along_axis(each, order, -1)[..., :k]
                np.testing.assert_array_equal(values.astype(np.float64), wanted.astype(np.float64))


def test_searching_and_counting() -> None:
    edges, values = np.array([[1.0, 2.0, 2.0, 4.0]]), np.array([[0.0, 2.0, 5.0]])
    left, right = same_compiled(lambda e, v: [host.searchsorted(e, v), host.searchsorted(e, v, "right", "int64")], edges, values)
    assert left.tolist() == [[0, 1, 4]] and right.tolist() == [[0, 3, 4]]
    x = np.array([1, 1, 3, 9], np.int32)
    assert same_compiled(lambda t: host.bincount(t, 5), x)[0].tolist() == [0, 2, 0, 1, 0]
    assert eager(host.bincount, x)[0].tolist() == [0, 2, 0, 1, 0, 0, 0, 0, 0, 1]
    np.testing.assert_array_equal(eager(lambda t: host.bincount(t, 4, np.array([0.5, 1, 2, 3], np.float32)), x)[0], [0, 1.5, 0, 2])


# --- shapes that depend on data ---


def test_shapes_that_depend_on_data() -> None:
    x = np.array([3, 1, 3, 2, 1], np.int64)
    values, where, counts = eager(host.unique, x)
    assert values.tolist() == [3, 1, 2] and where.tolist() == [0, 1, 0, 2, 1] and counts.tolist() == [2, 2, 1]
    mask = X[..., 0] > 0
    np.testing.assert_array_equal(eager(lambda a, m: host.boolean_mask(a, m), X, mask)[0], X[mask])
    np.testing.assert_array_equal(eager(lambda a, m: host.boolean_mask(a, m, 1), X, X[0] > 0)[0], X[:, X[0] > 0])
    np.testing.assert_array_equal(eager(host.nonzero, mask)[0], np.argwhere(mask))
    check_gradient(lambda a: host.boolean_mask(a, mask), X)
    for operation in (host.unique, host.nonzero, host.bincount, lambda t: host.boolean_mask(t, less(t, t))):
        with pytest.raises(TraceError, match=r"depends on the values of.*Try "):
            Function(operation)(wrap(x))


def test_scatter_set() -> None:
    i, u = np.array([2, 0, 2]), RNG.normal(size=(3, 4, 5))
    want = X.copy()
    want[[0, 2]] = u[[1, 2]]
    np.testing.assert_array_equal(same_compiled(host.scatter_set, X, i, u)[0], want)
    check_gradient(lambda x, u: host.scatter_set(x, i, u), X, u, order=2)
    with pytest.raises(InvalidArgumentError, match="received 3"):
        host.scatter_set(wrap(X), wrap(np.array([3])), wrap(u[:1]))


# --- linear algebra ---


def square(n: int = 3, batch: tuple[int, ...] = (2,)) -> Any:
    return RNG.normal(size=(*batch, n, n)) + 2 * np.eye(n)


def symmetric(x: Any) -> Any:
    return add(x, transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)))


def positive(x: Any) -> Any:
    return matmul(x, x, transpose_b=True)


ALGEBRA: dict[str, tuple[Any, Any]] = {
    "cholesky": (lambda x: f.cholesky(positive(x)), square()),
    "inv": (f.inv, square()),
    "det": (f.det, square()),
    "slogdet": (lambda x: f.slogdet(x)[1], square()),
    "qr": (f.qr, square()),
    "qr of tall matrices": (f.qr, RNG.normal(size=(2, 5, 3))),
    "qr of wide matrices": (f.qr, RNG.normal(size=(2, 3, 5))),
    "singular values": (lambda x: f.svd(x)[0], RNG.normal(size=(2, 4, 3))),
    "svd": (f.svd, RNG.normal(size=(2, 4, 3))),
    "svd of wide matrices": (f.svd, RNG.normal(size=(2, 3, 5))),
    "eigh": (lambda x: f.eigh(symmetric(x)), square()),
    "trace": (f.trace, square()),
}


@pytest.mark.parametrize("name", ALGEBRA)
def test_algebra_gradients(name: str) -> None:
    operation, x = ALGEBRA[name]
    check_gradient(operation, x, tolerance=1e-5)


@pytest.mark.parametrize("adjoint", [False, True])
def test_equations(adjoint: bool) -> None:
    a, b = square(), RNG.normal(size=(2, 3, 2))
    upper = functools.partial(f.triangular_solve, lower=False)
    for operation, part in ((f.solve, lambda v: v), (f.triangular_solve, np.tril), (upper, np.triu)):
        (x,) = same_compiled(lambda a, b, op=operation: op(a, b, adjoint=adjoint), a, b)
        matrix = part(a).swapaxes(-1, -2) if adjoint else part(a)
        np.testing.assert_allclose(matrix @ x, b, atol=1e-12)
        check_gradient(lambda a, b, op=operation: op(a, b, adjoint=adjoint), a, b, order=2)
    np.testing.assert_allclose(eager(f.solve, a[0], b)[0], np.linalg.solve(a[:1], b))


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_factors_multiply_to_the_matrix(dtype: Any) -> None:
    x = RNG.normal(size=(2, 4, 3)) + (1j * RNG.normal(size=(2, 4, 3)) if np.dtype(dtype).kind == "c" else 0)
    x = x.astype(dtype)
    near = {"rtol": 1e-4, "atol": 1e-4}
    q, r = eager(f.qr, x)
    np.testing.assert_allclose(q @ r, x, **near)
    for full in (False, True):
        s, u, v = eager(lambda t, full=full: f.svd(t, full), x)
        np.testing.assert_allclose((u[..., :3] * s[..., None, :]) @ v[..., :3].conj().swapaxes(-1, -2), x, **near)
    h = x.conj().swapaxes(-1, -2) @ x
    w, v = eager(f.eigh, h)
    np.testing.assert_allclose((v * w[..., None, :]) @ v.conj().swapaxes(-1, -2), h, rtol=1e-3, atol=1e-3)
    (c,) = eager(f.cholesky, h)
    np.testing.assert_allclose(c @ c.conj().swapaxes(-1, -2), h, rtol=1e-3, atol=1e-3)
    w, v = eager(f.eig, h)
    np.testing.assert_allclose(h @ v, v * w[..., None, :], rtol=1e-3, atol=1e-3)
    assert {a.dtype for a in (q, r, c)} == {np.dtype(dtype)}


def test_complex_gradients() -> None:
    x = square() + 1j * RNG.normal(size=(2, 3, 3))
    for operation in (f.inv, f.det, f.slogdet, f.qr):
        check_gradient(operation, x, compile=False)
    check_gradient(lambda a, b: f.solve(a, b), x, x[..., :2] + 1, compile=False)
    check_gradient(lambda a: f.cholesky(matmul(a, f.adjoint(a))), x, compile=False)


def test_algebra_errors() -> None:
    with pytest.raises(InvalidArgumentError, match=r"\[cholesky\].*not positive definite.*Try adding a small multiple of the identity"):
        f.cholesky(wrap(-np.eye(2)))
    with pytest.raises(InvalidArgumentError, match=r"\[inv\] singular matrix.*pinv"):
        f.inv(wrap(np.zeros((2, 2))))
    with pytest.raises(ShapeError, match=r"\[det\] expected square matrices.*\(2, 3\)"):
        f.det(wrap(np.ones((2, 3))))
    with pytest.raises(ShapeError, match=r"\[solve\].*Try b\[:, None\]"):
        f.solve(wrap(np.eye(2)), wrap(np.ones(2)))
    with pytest.raises(DTypeError, match=r"\[inv\] does not take"):
        f.inv(wrap(np.eye(2, dtype=np.float16)))
    with pytest.raises(UnimplementedError, match=r"\[svd\].*full_matrices=False"):
        check_gradient(lambda x: f.svd(x, True), np.ones((2, 3)))


# --- Fourier transforms ---


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_fourier_transforms(n: int) -> None:
    x, z = RNG.normal(size=(3, n)), RNG.normal(size=(3, n)) + 1j * RNG.normal(size=(3, n))
    terms = z[:, : n // 2 + 1]
    for operation, truth, given in (
        (fourier.fft, np.fft.fft, z),
        (lambda t: fourier.fft(t, inverse=True), np.fft.ifft, z),
        (lambda t: fourier.fft(t, (0, 1)), np.fft.fft2, z),
        (fourier.rfft, np.fft.rfft, x),
        (lambda t: fourier.irfft(t, n), lambda t: np.fft.irfft(t, n), terms),
    ):
        np.testing.assert_allclose(same_compiled(operation, given)[0], truth(given), atol=1e-12)
        check_gradient(operation, given, compile=False)
    assert eager(fourier.rfft, x.astype(np.float32))[0].dtype == np.complex64
    assert eager(lambda t: fourier.fit(t, [1], [3]), x)[0].shape == (3, 3)


# --- effects ---


def test_checks() -> None:
    effects.check(True, "no")
    with pytest.raises(InvalidArgumentError, match="x must be small"):
        effects.check(wrap(np.array(False)), "x must be small")

    def guarded(x: Any) -> Any:
        effects.check(less(x, 3.0), "x must be small")
        return x + 1.0

    function = Function(guarded)
    assert function(wrap(np.array(1.0))).numpy() == 2
    with pytest.raises(InvalidArgumentError, match="x must be small"):
        function(wrap(np.array(5.0)))


def test_prints_come_in_order() -> None:
    out = io.StringIO()

    def speak(x: Any) -> Any:
        effects.host_print(x, format=lambda a: f"first {a}\n", file=out)
        effects.host_print(x + 1.0, format=lambda a: f"second {a}\n", file=out)
        return x

    function = Function(speak)
    for n in (1.0, 2.0):
        function(wrap(np.array(n)))
    assert out.getvalue() == "first 1.0\nsecond 2.0\nfirst 2.0\nsecond 3.0\n"


def test_python_functions() -> None:
    def call(x: Any) -> Any:
        total, count = effects.py_function(lambda a: (a.sum(0), np.int64(a.size)), [x], [(5,), ()], [float64, int64])
        return [total, count]

    total, count = same_compiled(call, X[0])
    np.testing.assert_allclose(total, X[0].sum(0))
    assert count == 20
    assert compiled(call, X[0])[1] == 20
    with pytest.raises(ShapeError, match=r"\[py_function\].*Expected \(2,\); received \(5,\)"):
        effects.py_function(lambda a: a.sum(0), [wrap(X[0])], [(2,)], [float64])


@pytest.mark.parametrize("x", [[2.0, 0.0, 3.0, 4.0], [0.0, 2.0, 0.0, 5.0], [1.0, 2.0, 3.0, 0.0], [0.0, 0.0, 1.0, 2.0]])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_cumprod_gradient_with_zeros(x: list[float], exclusive: bool, reverse: bool) -> None:
    weights = np.array([1.0, -2.0, 0.5, 3.0])

    def total(v: np.ndarray) -> float:
        return float((host.cumprod(tensor(v), 0, exclusive, reverse).numpy() * weights).sum())

    def tensor(v: np.ndarray) -> Tensor:
        return as_tensor(v, dtype="float64")

    value = tensor(np.array(x))
    with GradientTape() as tape:
        tape.watch(value)
        y = host.cumprod(value, 0, exclusive, reverse) * tensor(weights)
    h = 1e-6
    expected = [(total(np.array(x) + h * e) - total(np.array(x) - h * e)) / (2 * h) for e in np.eye(4)]
    np.testing.assert_allclose(tape.gradient(y, value).numpy(), expected, atol=1e-6)
