"""Matrix products and convolutions as primitives: values, closure under differentiation, padding rules and errors.

The kernels behind them are tested in test_contraction.py; here compiled results are compared with the NumPy oracles.
"""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from primitive_checks import check_gradient, eager, same_compiled

from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, evaluate
from tenfold.primitives.contraction import (
    conv_padding,
    conv_sizes,
    convolution,
    convolution_input_gradient,
    convolution_weight_gradient,
    matmul,
)
from tenfold.tensor.tensor import wrap

RNG = np.random.default_rng(0)


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape)


PRODUCTS = [
    ((2, 3), (3, 4)), ((5, 2, 3), (5, 3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((6, 1, 2, 3), (1, 5, 3, 4)), ((3,), (3,)), ((3,), (3, 4)),
    ((2, 3), (3,)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((4, 2, 3), (1, 3, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), PRODUCTS, ids=str)
def test_matmul(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    x, y = normal(*first), normal(*second)
    (got,) = same_compiled(matmul, x, y, scale=10)
    np.testing.assert_allclose(got, x @ y, rtol=1e-12)
    check_gradient(matmul, x, y, order=2, compile=False)


@pytest.mark.parametrize(("flip_a", "flip_b", "batch"), list(itertools.product([False, True], [False, True], [(), (4,)])))
def test_transposed_matmul(flip_a: bool, flip_b: bool, batch: tuple[int, ...]) -> None:
    x = normal(*batch, 3, 2) if flip_a else normal(*batch, 2, 3)
    for lead in {(), batch}:
        y = normal(*lead, 5, 3) if flip_b else normal(*lead, 3, 5)
        (got,) = same_compiled(lambda a, b: matmul(a, b, flip_a, flip_b), x, y, scale=10)
        np.testing.assert_allclose(got, (x.swapaxes(-1, -2) if flip_a else x) @ (y.swapaxes(-1, -2) if flip_b else y))
        check_gradient(lambda a, b: matmul(a, b, flip_a, flip_b), x, y, order=2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int32])
def test_matmul_types(dtype: Any) -> None:
    x, y = (RNG.integers(-3, 4, s).astype(dtype) for s in ((70, 33), (33, 50)))
    (got,) = same_compiled(matmul, x, y)
    np.testing.assert_array_equal(got, (x.astype(int) @ y.astype(int)).astype(dtype))


def test_complex_matmul() -> None:
    x, y = normal(2, 3) + 1j * normal(2, 3), normal(3, 2) + 1j * normal(3, 2)
    np.testing.assert_allclose(eager(matmul, x, y)[0], x @ y)
    check_gradient(matmul, x, y, compile=False)


def test_matmul_errors() -> None:
    message = "[matmul] inner dimensions differ. Expected (…, k) @ (k, …); received (2, 3) @ (5, 3). Try transpose_b=True."
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        matmul(wrap(normal(2, 3)), wrap(normal(5, 3)))
    with pytest.raises(ShapeError, match=r"received \(2, 3\) @ \(4, 5\)\.$"):
        matmul(wrap(normal(2, 3)), wrap(normal(4, 5)))
    with pytest.raises(ShapeError, match=r"\[matmul\] shapes do not broadcast"):
        matmul(wrap(normal(2, 3, 4)), wrap(normal(3, 4, 5)))
    with pytest.raises(ShapeError, match=r"Try a \* b"):
        matmul(wrap(normal(2, 3)), 2.0)
    with pytest.raises(DTypeError, match=r"\[matmul\] data types differ"):
        matmul(wrap(normal(2, 3)), wrap(normal(3, 2).astype(np.float32)))


CONVOLUTIONS: list[tuple[Any, ...]] = [  # spatial, kernel, channels in, out, strides, padding, dilation, groups
    ((7,), (3,), 2, 3, (1,), "valid", (1,), 1),
    ((7,), (3,), 2, 3, (2,), "same", (1,), 1),
    ((6,), (3,), 2, 2, (1,), "causal", (2,), 1),
    ((6, 5), (3, 2), 2, 4, (1, 1), "same", (1, 1), 1),
    ((6, 5), (3, 3), 2, 4, (2, 1), "same", (1, 1), 2),
    ((7, 7), (3, 3), 4, 4, (1, 1), "same", (1, 1), 4),
    ((7, 7), (3, 3), 3, 6, (2, 2), "valid", (1, 1), 3),
    ((8, 9), (2, 3), 2, 2, (1, 1), "valid", (3, 2), 1),
    ((6, 6), (1, 1), 3, 2, (2, 2), "valid", (1, 1), 1),
    ((5, 6), (3, 3), 2, 2, (2, 2), ((1, 0), (2, 1)), (1, 1), 1),
    ((6, 6), (2, 2), 2, 2, (1, 1), ((-1, 0), (0, -2)), (1, 1), 1),
    ((4, 5, 4), (2, 3, 2), 2, 3, (1, 2, 1), "same", (1, 1, 1), 1),
    ((2, 2), (3, 3), 2, 3, (1, 1), "valid", (1, 1), 1),
]


def one(case: tuple[Any, ...]) -> tuple[Any, Any, dict[str, Any]]:
    spatial, kernel, ci, co, strides, padding, dilation, groups = case
    attrs = {"strides": strides, "padding": conv_padding(padding, spatial, kernel, strides, dilation), "dilation": dilation, "groups": groups}
    return normal(2, *spatial, ci), normal(*kernel, ci // groups, co), attrs


def directly(x: Any, w: Any, strides: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """The definition, element by element."""
    kernel, spatial, co = w.shape[:-2], x.shape[1:-1], w.shape[-1]
    y = np.zeros((x.shape[0], *conv_sizes(spatial, kernel, strides, padding, dilation), co))
    for out in np.ndindex(*y.shape):
        group = out[-1] // (co // groups)
        for tap in np.ndindex(*kernel):
            place = [o * s + t * d - lo for o, s, t, d, (lo, _) in zip(out[1:-1], strides, tap, dilation, padding, strict=True)]
            if all(0 <= p < n for p, n in zip(place, spatial, strict=True)):
                channels = x[(out[0], *place)].reshape(groups, -1)[group]
                y[out] += channels @ w[(*tap, slice(None), out[-1])]
    return y


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution(case: tuple[Any, ...]) -> None:
    x, w, attrs = one(case)
    (got,) = same_compiled(lambda x, w: convolution(x, w, **attrs), x, w, scale=10)
    np.testing.assert_allclose(got, directly(x, w, **attrs), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution_gradients(case: tuple[Any, ...]) -> None:
    """To second order, where each convolution meets the other two."""
    x, w, attrs = one(case)
    check_gradient(lambda x, w: convolution(x, w, **attrs), x, w, order=2)


@pytest.mark.parametrize("case", CONVOLUTIONS[3:12:2], ids=str)
def test_gradients_of_the_gradients(case: tuple[Any, ...]) -> None:
    x, w, attrs = one(case)
    (y,) = eager(lambda x, w: convolution(x, w, **attrs), x, w)
    check_gradient(lambda g, w: convolution_input_gradient(g, w, spatial=x.shape[1:-1], **attrs), y, w, order=2)
    check_gradient(lambda x, g: convolution_weight_gradient(x, g, kernel=w.shape[:-2], **attrs), x, y, order=2)


def test_half_precision_is_computed_in_float32() -> None:
    x, w, attrs = one(CONVOLUTIONS[3])
    x, w = x.astype(np.float16), w.astype(np.float16)
    (got,) = same_compiled(lambda x, w: convolution(x, w, **attrs), x, w)
    np.testing.assert_array_equal(got, directly(x.astype(np.float32), w.astype(np.float32), **attrs).astype(np.float16))


@pytest.mark.parametrize("n", range(1, 9))
@pytest.mark.parametrize(("k", "s", "d"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (2, 3, 1), (3, 1, 2), (5, 2, 1)])
def test_same_padding(n: int, k: int, s: int, d: int) -> None:
    """ceil(n / stride) results; known and unknown sizes agree."""
    ((lo, hi),) = conv_padding("same", (n,), (k,), (s,), (d,))
    assert lo <= hi <= lo + 1
    assert conv_sizes((n,), (k,), (s,), ((lo, hi),), (d,)) == (-(-n // s),)
    ((low, high),) = conv_padding("SAME", (Sym({("n",): 1}),), (k,), (s,), (d,))
    assert (evaluate(low, {"n": n}), evaluate(high, {"n": n})) == (lo, hi)


def test_padding_as_numbers() -> None:
    assert conv_padding(2, (5, 5), (3, 3), (1, 1), (1, 1)) == ((2, 2), (2, 2))
    assert conv_padding([1, (0, 2)], (5, 5), (3, 3), (1, 1), (1, 1)) == ((1, 1), (0, 2))
    with pytest.raises(InvalidArgumentError, match="unknown padding"):
        conv_padding("sane", (5,), (3,), (1,), (1,))


def test_convolution_errors() -> None:
    attrs: dict[str, Any] = {"strides": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1)}
    with pytest.raises(ShapeError, match=r"\[convolution\] channels differ. Expected 3 input channels.*received data \(1, 5, 5, 4\)"):
        convolution(wrap(normal(1, 5, 5, 4)), wrap(normal(3, 3, 3, 2)), **attrs)
    with pytest.raises(ShapeError, match=r"same rank; received \(1, 5, 4\)"):
        convolution(wrap(normal(1, 5, 4)), wrap(normal(3, 3, 4, 2)), **attrs)
    with pytest.raises(ShapeError, match=r"groups must divide the output channels. Received 3 channels and groups=2"):
        convolution(wrap(normal(1, 5, 5, 4)), wrap(normal(3, 3, 2, 3)), **attrs, groups=2)
    with pytest.raises(ShapeError, match=r"Expected \(1, 3, 3, 2\); received \(1, 4, 3, 2\)"):
        convolution_input_gradient(wrap(normal(1, 4, 3, 2)), wrap(normal(3, 3, 4, 2)), spatial=(5, 5), **attrs)
