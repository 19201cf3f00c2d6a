"""Each primitive that names sample ranges: its value in every data type, compiled and not, and its gradients against differences.

A new elementwise primitive or reduction with `samples=` is tested by this file without a line being added to it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from primitive_checks import check_gradient, close, compiled, eager, same_compiled, samples

from tenfold.core.dtypes import complex128, float64
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.ir.primitive import PRIMITIVES, Kind, Primitive
from tenfold.primitives import arithmetic as a
from tenfold.primitives import effects, error_functions, factorization, fourier, host, lu, random, windows  # noqa: F401  they register theirs
from tenfold.primitives import elementwise as e
from tenfold.tensor.bind import bind
from tenfold.tensor.tensor import wrap
from tenfold.transform import backward_plan, vjp
from tenfold.transform.tape import GradientTape

SAMPLED = sorted(name for name, p in PRIMITIVES.items() if p.samples is not None)
ELEMENTWISE = [name for name in SAMPLED if PRIMITIVES[name].kind is Kind.ELEMENTWISE]
REDUCTIONS = [name for name in SAMPLED if PRIMITIVES[name].kind is Kind.REDUCTION]
PARTLY = ("stop_gradient", "zeta")  # there is no gradient by an input
DIFFERENTIABLE = [name for name in SAMPLED if PRIMITIVES[name].vjp is not None and name not in PARTLY and float64 in PRIMITIVES[name].dtypes]
STEPS = {"floor", "ceil", "round", "trunc", "sign", "floordiv"}  # flat between jumps
ROUGH = {"abs", "maximum", "minimum", "relu", "reduce_max", "reduce_min", "max", "min", "digamma"}  # no second derivative


def apply(primitive: Primitive, **attrs: Any) -> Any:
    return lambda *xs: bind(primitive, *xs, **attrs)


def attributes(primitive: Primitive) -> dict[str, Any]:
    return {"axes": (1,)} if primitive.kind is Kind.REDUCTION else {}


@pytest.mark.parametrize("name", SAMPLED)
def test_value_compiled_in_every_type(name: str) -> None:
    """One compiled function computes the primitive in all its types."""
    p = PRIMITIVES[name]
    kinds = [d for d in p.dtypes if d.llvm is not None]
    arrays = [samples(p.samples, d) for d in kinds]
    arity = len(p.samples)

    def everything(*flat: Any) -> list[Any]:
        return [bind(p, *flat[i * arity : (i + 1) * arity], **attributes(p)) for i in range(len(kinds))]

    got = compiled(everything, *[x for group in arrays for x in group])
    for d, xs, y in zip(kinds, arrays, got, strict=True):
        wide = [x.astype(np.float32) if d.size == 2 and d.is_floating else x for x in xs]
        with np.errstate(all="ignore"):
            want = p.oracle(*wide, **attributes(p))
        out = p.spec(*(wrap(x).spec for x in xs), **attributes(p)).dtype
        close(y, want.astype(out.numpy), f"{name} {d.name}")


@pytest.mark.parametrize("name", SAMPLED)
def test_eager_value_has_the_promised_type(name: str) -> None:
    p = PRIMITIVES[name]
    for d in p.dtypes:
        xs = samples(p.samples, d)
        (y,) = eager(apply(p, **attributes(p)), *xs)
        spec = p.spec(*(wrap(x).spec for x in xs), **attributes(p))
        assert y.dtype == spec.dtype.numpy and y.shape == spec.shape


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradient(name: str) -> None:
    p = PRIMITIVES[name]
    order = 1 if name in ROUGH | STEPS else 2
    check_gradient(apply(p, **attributes(p)), *samples(p.samples, float64), order=order)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradient_that_comes_again(name: str) -> None:
    """From the third time on an eager gradient is a list of NumPy calls, of the whole tape or of one record; its bits are those of the first."""
    p = PRIMITIVES[name]
    xs = [wrap(x) for x in samples(p.samples, float64)]
    vjp._rules.clear()
    backward_plan._plans.clear()

    def gradients() -> list[Any]:
        with GradientTape() as tape:
            tape.watch(xs)
            y = apply(p, **attributes(p))(*xs)
        return [None if g is None else (g.sizes, g.dtype, g.numpy().tobytes()) for g in tape.gradient(y, xs)]

    first = gradients()
    assert set(vjp._rules.values()) == {vjp.ONCE}
    assert gradients() == first
    assert all(map(callable, vjp._rules.values())) and all(map(callable, backward_plan._plans.values()))
    assert gradients() == first
    backward_plan._plans.clear()
    assert gradients() == first


@pytest.mark.parametrize("name", [n for n in DIFFERENTIABLE if complex128 in PRIMITIVES[n].dtypes])
def test_complex_gradient(name: str) -> None:
    p = PRIMITIVES[name]
    check_gradient(apply(p, **attributes(p)), *samples(p.samples, complex128), compile=False)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,)], ids=str)
def test_small_shapes(name: str, shape: tuple[int, ...]) -> None:
    p = PRIMITIVES[name]
    xs = samples(p.samples, p.dtypes[-1] if p.dtypes[-1].llvm else float64, shape)
    (y,) = eager(apply(p), *xs)
    assert y.shape == shape


SHAPES = st.lists(st.integers(0, 4), max_size=3).map(tuple)


@given(SHAPES, st.data())
@settings(max_examples=15, deadline=None)
def test_broadcasting(shape: tuple[int, ...], data: Any) -> None:
    other = tuple(data.draw(st.sampled_from([n, 1])) for n in shape)[data.draw(st.integers(0, len(shape))) :]
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=shape), rng.normal(size=other)
    (got,) = same_compiled(lambda s, t: e.exp(a.add(s, t) * s), x, y)
    np.testing.assert_allclose(got, np.exp((x + y) * x))
    check_gradient(lambda s, t: a.mul(s, t), x, y, compile=False)


def test_mixed_types_are_refused() -> None:
    with pytest.raises(DTypeError, match=r"\[add\] data types differ.*float32 and float64.*tf.cast"):
        a.add(wrap(np.ones(2, np.float32)), wrap(np.ones(2)))
    with pytest.raises(DTypeError, match=r"\[exp\] does not take"):
        e.exp(wrap(np.ones(2, np.int32)))


def test_shapes_that_do_not_broadcast_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"\[add\] shapes do not broadcast.*\(2, 3\) and \(2, 4\)"):
        a.add(wrap(np.ones((2, 3))), wrap(np.ones((2, 4))))


def test_every_primitive_is_documented() -> None:
    assert [n for n, p in PRIMITIVES.items() if not p.doc and p.kind is not Kind.CONTROL] == []


CASTS = [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int32, np.int64, np.uint32, np.bool_]


@pytest.mark.parametrize("source", CASTS)
def test_cast(source: Any) -> None:
    x = np.array([0, 1, 2, 100, 3], source) if source in (np.bool_, np.uint8, np.uint32) else np.array([0, 1.6, -2.6, 100, -3]).astype(source)
    signed = source not in (np.bool_, np.uint8)
    same_compiled(lambda t: [a.cast(t, d) for d in CASTS if d is not source and not (signed and np.dtype(d).kind == "u")], x)


def test_cast_of_what_does_not_fit_saturates() -> None:
    x = np.array([1e30, -1e30, np.inf, -np.inf, np.nan, 300.0], np.float32)
    small, wide = same_compiled(lambda t: [a.cast(t, np.int8), a.cast(t, np.int32)], x)
    assert small.tolist() == [127, -128, 127, -128, 0, 127]
    assert wide.tolist() == [2**31 - 1, -(2**31), 2**31 - 1, -(2**31), 0, 300]


def test_select_and_its_gradient() -> None:
    rng = np.random.default_rng(0)
    condition, x, y = rng.random((3, 4)) < 0.5, rng.normal(size=(3, 4)), rng.normal(size=4)
    check_gradient(a.select, condition, x, y)
    (got,) = same_compiled(a.select, condition, x, y)
    np.testing.assert_array_equal(got, np.where(condition, x, y))


def test_division_of_integers_by_zero_gives_zero() -> None:
    x, zero = np.array([5, -5, 0], np.int32), np.zeros(3, np.int32)
    for operation in (a.floordiv, a.floormod, a.truncatediv, a.truncatemod):
        same_compiled(operation, x, zero)


def test_trigamma() -> None:
    x = np.array([1.0, 0.5, -0.5, 10.0, 100.0, -3.0, 0.0])
    want = [math.pi**2 / 6, math.pi**2 / 2, math.pi**2 / 2 + 4, 0.10516633568168575, 0.01005016666333357, np.inf, np.inf]
    np.testing.assert_allclose(same_compiled(e.trigamma, x)[0], want, rtol=1e-13)


def test_oracles_of_the_error_functions() -> None:
    """They are quick, and as right as Python's own."""
    x = np.concatenate([np.linspace(-6, 6, 4001), [0.0, 1e-300, 20.0, -30.0, np.inf, -np.inf]])
    np.testing.assert_allclose(error_functions.erf(x), [math.erf(v) for v in x], rtol=1e-15, atol=1e-300)
    np.testing.assert_allclose(error_functions.erfc(x), [math.erfc(v) for v in x], rtol=1e-12)
    y = np.array([math.erf(v) for v in np.linspace(-5, 5, 1001)])
    np.testing.assert_allclose([math.erf(v) for v in error_functions.erfinv(y)], y, rtol=1e-15)
    tiny = np.array([1e-300, -1e-20, 1e-9])
    np.testing.assert_allclose(error_functions.erfinv(tiny), tiny * math.sqrt(math.pi) / 2, rtol=1e-12)
    assert np.isnan(error_functions.erf(np.array([np.nan]))).all() and error_functions.erfinv(np.array([1.0, -1.0])).tolist() == [np.inf, -np.inf]
