"""What every test of a primitive needs: running it eagerly and compiled, and comparing its gradients with differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tenfold.primitives.operators  # noqa: F401  gives tensors their operators
from tenfold.core.dtypes import DType, as_dtype
from tenfold.primitives.arithmetic import real
from tenfold.primitives.gather import zeros
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.function import Function
from tenfold.transform.tape import GradientTape

TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-11, "complex64": 2e-5, "complex128": 1e-11}
Operation = Callable[..., Any]


def listed(result: Any) -> list[Tensor]:
    """One tensor or several, as a list."""
    return list(result) if isinstance(result, (tuple, list)) else [result]


def close(got: Any, want: Any, what: str = "", scale: float = 1) -> None:
    """Asserts equal type and shape, and elements equal up to the type's tolerance."""
    assert got.dtype == want.dtype, (what, got.dtype, want.dtype)
    assert got.shape == want.shape, (what, got.shape, want.shape)
    tolerance = TOLERANCE.get(as_dtype(want.dtype).name, 0) * scale
    kind = np.complex128 if got.dtype.kind == "c" else np.float64 if tolerance else got.dtype
    np.testing.assert_allclose(got.astype(kind), want.astype(kind), rtol=tolerance, atol=tolerance, err_msg=what)


def eager(operation: Operation, *arrays: Any) -> list[Any]:
    """The results at once."""
    return [t._array for t in listed(operation(*map(wrap, arrays)))]


def compiled(operation: Operation, *arrays: Any) -> list[Any]:
    """The results of the operation as a compiled function."""
    return [t._array for t in listed(Function(lambda *xs: operation(*xs))(*map(wrap, arrays)))]


def same_compiled(operation: Operation, *arrays: Any, scale: float = 1) -> list[Any]:
    """The eager results, after checking that the compiled function gives the same."""
    want = eager(operation, *arrays)
    for got, expected in zip(compiled(operation, *arrays), want, strict=True):
        close(got, expected, scale=scale)
    return want


def samples(ranges: Sequence[tuple[float, float]], dtype: DType, shape: Sequence[int] = (4, 5), seed: int = 0) -> list[Any]:
    """An array per range, of `dtype`."""
    rng = np.random.default_rng(seed)
    result = []
    for low, high in ranges:
        if dtype.is_integer:
            low = max(low, dtype.min)
            result.append(rng.integers(int(low), int(high) + 1, shape).astype(dtype.numpy))
        elif dtype.kind == "string":
            result.append(rng.choice(np.array([b"a", b"b", b"cd"], object), shape))
        elif dtype.is_bool:
            result.append(rng.random(shape) < 0.5)
        elif dtype.is_complex:
            result.append((rng.uniform(low, high, shape) + 1j * rng.uniform(-1, 1, shape)).astype(dtype.numpy))
        else:
            result.append(rng.uniform(low, high, shape).astype(dtype.numpy))
    return result


def weighted(operation: Operation, weights: Sequence[Any]) -> Operation:
    """The operation's real floating-point results as one number."""

    def scalar(*xs: Tensor) -> Tensor:
        total: Any = None
        for y, w in zip(listed(operation(*xs)), weights, strict=True):
            if y.dtype.is_differentiable:
                part = sum_(real(y * wrap(np.conj(w))) if y.dtype.is_complex else y * wrap(w))
                total = part if total is None else total + part
        return total  # type: ignore[no-any-return]

    return scalar


def gradients(scalar: Operation, xs: Sequence[Tensor]) -> list[Tensor]:
    """The gradient of a number with respect to each floating-point argument; zeros where nothing connects them."""
    with GradientTape() as tape:
        for x in xs:
            if x.dtype.is_differentiable:
                tape.watch(x)
        y = scalar(*xs)
    found = tape.gradient(y, [x for x in xs if x.dtype.is_differentiable])
    return [zeros(x.sizes, x.dtype) if g is None else g for g, x in zip(found, [x for x in xs if x.dtype.is_differentiable], strict=True)]


def check_gradient(operation: Operation, *arrays: Any, order: int = 1, step: float = 1e-6, tolerance: float = 2e-6, compile: bool = True) -> None:
    """Asserts that gradients (of orders 1 to `order`) agree with central differences, and compiled ones with eager ones."""
    rng = np.random.default_rng(7)
    weights = [_like(rng, y) for y in eager(operation, *arrays)]
    function = weighted(operation, weights)
    _check_directions(function, arrays, rng, step, tolerance)
    if compile:
        floating = [i for i, a in enumerate(arrays) if a.dtype.kind in "fc"]
        want = gradients(function, [wrap(a) for a in arrays])
        for got, expected in zip(compiled(lambda *xs: gradients(function, xs), *arrays), want, strict=True):
            close(got, expected._array, f"compiled gradient of {len(floating)} arguments", scale=100)
    if order > 1:
        inner = [_like(rng, a) for a in arrays if a.dtype.kind in "fc"]
        check_gradient(lambda *xs: weighted(lambda *ys: gradients(function, ys), inner)(*xs), *arrays, order=order - 1, step=step,
                       tolerance=tolerance * 10, compile=False)  # fmt: skip


def _like(rng: Any, a: Any) -> Any:
    noise = rng.normal(size=a.shape) + (1j * rng.normal(size=a.shape) if a.dtype.kind == "c" else 0)
    return np.asarray(noise, a.dtype) if a.dtype.kind in "fc" else a


def _check_directions(function: Operation, arrays: Sequence[Any], rng: Any, step: float, tolerance: float) -> None:
    got = gradients(function, [as_tensor(a) for a in arrays])
    floating = [i for i, a in enumerate(arrays) if a.dtype.kind in "fc"]
    for g, i in zip(got, floating, strict=True):
        direction = _like(rng, arrays[i])
        moved = [[a + s * step * direction if k == i else a for k, a in enumerate(arrays)] for s in (1, -1)]
        up, down = (float(function(*map(wrap, m))._array) for m in moved)
        slope = float(np.sum(np.conj(g._array) * direction).real)
        assert abs((up - down) / (2 * step) - slope) <= tolerance * max(1.0, abs(slope)), (i, (up - down) / (2 * step), slope)
