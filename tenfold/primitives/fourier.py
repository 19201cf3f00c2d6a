"""Fourier transforms of the last dimensions: complex to complex, and along the last dimension from real and to real."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.config import config
from tenfold.core.dtypes import COMPLEXES, DType, complex64, complex128, float32, float64
from tenfold.core.errors import ShapeError
from tenfold.core.shapes import Size, divide, function, normalize_axes, product, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.arithmetic import cast, constant_like, div, less, logical_and, mul, real, select
from tenfold.primitives.by_rows import WORTH, by_rows
from tenfold.primitives.define import check_dtype, each, primitive
from tenfold.primitives.gather import iota, scalar_size
from tenfold.primitives.movement import pad, slice_
from tenfold.tensor.tensor import Tensor, as_tensor


def _complex(dtype: DType) -> DType:
    return complex64 if dtype is float32 else complex128


def _scale(x: Tensor, n: Size, multiply: bool) -> Tensor:
    number = cast(scalar_size(n, float64), x.dtype)
    return mul(x, number) if multiply else div(x, number)


def _fft_spec(x: Spec, axes: tuple[int, ...], inverse: bool) -> Spec:
    check_dtype("fft", x, COMPLEXES)
    return x


def _fft_oracle(x: Any, axes: tuple[int, ...], inverse: bool) -> Any:
    if x.size == 0:
        return x.copy()
    if x.size < WORTH:
        return (np.fft.ifftn if inverse else np.fft.fftn)(x, axes=axes).astype(x.dtype)
    for axis in axes:
        rows = np.moveaxis(x, axis, -1)
        compiled = _compiled(rows)
        x = compiled(rows, inverse) if compiled else by_rows(np.fft.ifft if inverse else np.fft.fft, rows, rows.shape[-1:], x.dtype)
        x = np.moveaxis(x, -1, axis)
    return np.ascontiguousarray(x)


def _compiled(rows: Any) -> Callable[..., Any] | None:
    """The compiled function for rows [..., n], if there is one and it is worth while."""
    if rows.size < WORTH or not config.compile:
        return None
    module = importlib.import_module("tenfold.compiler.fourier")  # small arrays do without
    return module.fourier if module.takes(rows.shape[-1]) else None


def _fft_vjp(g: Tensor, y: Tensor, x: Tensor, axes: tuple[int, ...], inverse: bool) -> Tensor:
    return _scale(fft.bare(g, axes=axes, inverse=not inverse), product(x.sizes[i] for i in axes), multiply=not inverse)


@primitive(Kind.HOST, spec=_fft_spec, oracle=_fft_oracle, dtypes=COMPLEXES, vjp=each(_fft_vjp))
def fft(apply: Any, x: Any, axes: Any = -1, inverse: bool = False) -> Tensor:
    """The discrete Fourier transform over `axes`; the inverse one is divided by the number of elements."""
    x = as_tensor(x)
    result: Tensor = apply(x, axes=normalize_axes("fft", axes, x.ndim), inverse=bool(inverse))
    return result


def _rfft_spec(x: Spec) -> Spec:
    check_dtype("rfft", x, (float32, float64))
    if not x.shape or x.shape[-1] == 0:
        raise ShapeError(f"[rfft] expected at least one element in the last dimension; received shape {show(x.shape)}.")
    return Spec((*x.shape[:-1], divide(x.shape[-1], 2) + 1), _complex(x.dtype))


def _rfft_vjp(g: Tensor, y: Tensor, x: Tensor) -> Tensor:
    n = x.sizes[-1]
    whole = pad(g, [0] * g.ndim, [*[0] * (g.ndim - 1), n - g.sizes[-1]])
    return real(_scale(fft(whole, -1, inverse=True), n, multiply=True))


def _rfft_oracle(x: Any) -> Any:
    compiled = _compiled(x)
    if compiled:
        return compiled(x)
    return by_rows(np.fft.rfft, x, (x.shape[-1] // 2 + 1,), np.complex64 if x.dtype == np.float32 else np.complex128)


@primitive(Kind.HOST, spec=_rfft_spec, oracle=_rfft_oracle, dtypes=(float32, float64), vjp=each(_rfft_vjp))
def rfft(apply: Any, x: Any) -> Tensor:
    """The Fourier transform of real data along the last dimension: the n // 2 + 1 terms that determine the others."""
    result: Tensor = apply(as_tensor(x))
    return result


def _irfft_spec(x: Spec, length: Size) -> Spec:
    check_dtype("irfft", x, COMPLEXES)
    if not x.shape or (isinstance(length, int) and (length < 1 or x.shape[-1] != length // 2 + 1)):
        raise ShapeError(f"[irfft] expected length // 2 + 1 terms in the last dimension; received shape {show(x.shape)} and length={length}.")
    return Spec((*x.shape[:-1], length), x.dtype.real_dtype)


def _irfft_vjp(g: Tensor, y: Tensor, x: Tensor, length: Size) -> Tensor:
    """Each term but the first, and the last of an even length, stands for two."""
    terms = rfft(g)
    k = iota(x.sizes[-1], float64)
    twice = mul(k, constant_like(2, k))
    paired = logical_and(less(constant_like(0, k), k), less(twice, scalar_size(length, float64)))
    weight = cast(select(paired, constant_like(2.0, k), constant_like(1.0, k)), x.dtype)
    return _scale(mul(terms, weight), length, multiply=False)


def _irfft_oracle(x: Any, length: int) -> Any:
    return by_rows(lambda rows: np.fft.irfft(rows, length), x, (length,), np.float32 if x.dtype == np.complex64 else np.float64)


@primitive(Kind.HOST, spec=_irfft_spec, oracle=_irfft_oracle, dtypes=COMPLEXES, vjp=each(_irfft_vjp))
def irfft(apply: Any, x: Any, length: Size) -> Tensor:
    """Real data of `length` from the terms that `rfft` gives."""
    result: Tensor = apply(as_tensor(x), length=length)
    return result


def fit(x: Tensor, axes: Sequence[int], lengths: Sequence[Size]) -> Tensor:
    """`x` cut or filled with zeros to `lengths` along `axes`."""
    kept, high = list(x.sizes), [0] * x.ndim
    for axis, n in zip(axes, lengths, strict=True):
        kept[axis] = function("min", n, x.sizes[axis])
        high[axis] = n - kept[axis]
    cut = x if tuple(kept) == tuple(x.sizes) else slice_(x, [0] * x.ndim, kept)
    return pad(cut, [0] * x.ndim, high)
