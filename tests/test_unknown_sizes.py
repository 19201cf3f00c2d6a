"""Primitives in functions whose signature leaves every size open, and in half precision: values and gradients equal the eager ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from primitive_checks import close, compiled, eager, gradients, listed

from tenfold.ops.shaping import roll
from tenfold.primitives import elementwise as e
from tenfold.primitives import factorization as f
from tenfold.primitives import fourier, host, sorting
from tenfold.primitives import gather as g
from tenfold.primitives import movement as m
from tenfold.primitives import reduction as r
from tenfold.primitives import windows as w
from tenfold.primitives.contraction import conv_padding, convolution, matmul
from tenfold.primitives.indexing import getitem
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.function import Function, TensorSpec

RNG = np.random.default_rng(0)
S = slice


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape)


def conv(padding: str, stride: int, groups: int = 1) -> Callable[..., Any]:
    def run(x: Tensor, k: Tensor) -> Any:
        strides, dilation = (stride, stride), (1, 1)
        return convolution(x, k, strides, conv_padding(padding, x.sizes[1:-1], k.sizes[:-2], strides, dilation), dilation, groups)

    return run


def pooled(x: Tensor) -> list[Any]:
    padding = conv_padding("same", x.sizes[1:-1], (3, 3), (2, 2), (1, 1))
    return [w.window_max(x, (3, 3), (2, 2), padding), w.window_mean(x, (2, 2), (1, 2), ((0, 0), (0, 0)))]


def softmax(x: Tensor) -> Any:
    up = e.exp(x - r.max(x, -1, True))
    return up / r.sum(up, -1, True)


CASES: dict[str, tuple[Any, ...]] = {
    "convolution": (conv("same", 1), normal(3, 6, 8, 4), normal(3, 3, 4, 4)),
    "strided convolution": (conv("same", 2), normal(2, 7, 8, 4), normal(3, 3, 4, 4)),
    "valid convolution": (conv("valid", 2), normal(2, 7, 8, 4), normal(3, 3, 4, 4)),
    "depthwise convolution": (conv("same", 2, 4), normal(2, 6, 8, 4), normal(3, 3, 1, 4)),
    "matmul": (matmul, normal(2, 3, 4), normal(4, 5)),
    "batched matmul": (lambda x, y: matmul(x, y, transpose_b=True), normal(2, 3, 4, 5), normal(3, 6, 5)),
    "concat": (lambda x, y: m.concat([x, y, x], 1), normal(2, 3), normal(2, 4)),
    "slices": (lambda x: [getitem(x, (S(1, None), S(None, -1))), getitem(x, (S(None, None, -1), S(None, None, 2)))], normal(5, 6)),
    "ends": (lambda x: [getitem(x, (-1, 0)), getitem(x, (S(-2, None), 1))], normal(5, 6)),
    "gather": (lambda x, i: g.gather(x, i, 1), normal(3, 5, 2), np.array([[0, 4], [2, 2]])),
    "batched gather": (lambda x, i: g.gather(x, i, 2, 1), normal(3, 4, 5, 2), np.array([[0, 4], [2, 2], [1, 3]])),
    "empty slices": (lambda x: [getitem(x, (S(3, 3, -2), S(-1, 2))), getitem(x, S(9, None)), getitem(x, S(None, -9, 2))], normal(4, 6)),
    "slices of little": (lambda x: [getitem(x, S(2, None)), getitem(x, (S(-3, None, -2), S(-5, 5, 3)))], normal(1, 2)),
    "slices of nothing": (lambda x: [getitem(x, S(1, None)), getitem(x, S(None, None, -2)), roll(x, [3], [0])], normal(0, 2)),
    "roll": (lambda x: roll(x, [7, -1], [0, 1]), normal(3, 4)),
    "scatter": (lambda i, u: g.scatter_add(i, u, 7), np.array([1, 5, 1]), normal(3, 2)),
    "scatter_set": (host.scatter_set, normal(4, 3), np.array([2, 0]), normal(2, 3)),
    "update": (lambda x, u: g.dynamic_update_slice(x, u, [wrap(np.int32(1)), 0]), normal(5, 3), normal(2, 3)),
    "reductions": (lambda x: [r.prod(x, 1), r.max(x, 1), r.min(x, 0), r.sum(x)], normal(3, 4)),
    "transpose": (lambda x: m.transpose(x, (2, 0, 1)), normal(3, 4, 5)),
    "reshape": (lambda x: m.reshape(x, (x.sizes[0], -1)), normal(4, 3, 2)),
    "softmax": (softmax, normal(4, 7)),
    "pooling": (pooled, normal(2, 5, 6, 3)),
    "sorting": (lambda x: [sorting.sort(x, 0), host.cumsum(x, 1), sorting.top_k(x, 2)[0]], normal(3, 4)),
    "algebra": (lambda x: [f.inv(x), f.det(x), f.svd(x)[0], f.cholesky(matmul(x, x, transpose_b=True))], normal(2, 3, 3)),
    "transforms": (lambda x: fourier.irfft(fourier.rfft(x), x.sizes[-1]), normal(2, 6)),
}


def squares(operation: Callable[..., Any]) -> Callable[..., Any]:
    """The gradients of the sum of squared results."""

    def scalar(*xs: Tensor) -> Any:
        total: Any = 0.0
        for y in listed(operation(*xs)):
            total = r.sum(y * y) + total
        return total

    return lambda *xs: gradients(scalar, xs)


@pytest.mark.parametrize("name", CASES)
def test_unknown_sizes(name: str) -> None:
    operation, *arrays = CASES[name]
    specs = [TensorSpec([None] * x.ndim, x.dtype) for x in arrays]
    for function in (operation, squares(operation)):
        got = listed(Function(function, specs)(*map(wrap, arrays)))
        for y, want in zip(got, eager(function, *arrays), strict=True):
            close(y._array, want, name, scale=1000)


@pytest.mark.parametrize("shapes", [((1, 3), (5, 3)), ((5, 3), (1, 3)), ((5, 1), (1, 3)), ((0, 3), (1, 3)), ((1, 1), (1, 1)), ((1,), (5, 3))])
@pytest.mark.parametrize("partly", [False, True])
def test_what_broadcasts_is_known_when_sizes_are(shapes: Any, partly: bool) -> None:
    def operation(x: Tensor, y: Tensor) -> Any:
        return e.tanh(x * y + x) / (y * y + x * x + 1.0)

    arrays = [normal(*s) for s in shapes]
    specs = [TensorSpec(x.shape if partly and i else [None] * x.ndim, x.dtype) for i, x in enumerate(arrays)]
    for function in (operation, squares(operation)):
        for y, want in zip(listed(Function(function, specs)(*map(wrap, arrays))), eager(function, *arrays), strict=True):
            close(y._array, want, "broadcast", scale=1000)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, np.float32])
@pytest.mark.parametrize("name", [n for n in CASES if n not in ("algebra", "transforms")])
def test_precision(name: str, dtype: Any) -> None:
    operation, *arrays = CASES[name]
    arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]
    for got, want in zip(compiled(operation, *arrays), eager(operation, *arrays), strict=True):
        close(got, want, name, scale=4)
