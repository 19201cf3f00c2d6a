"""Gives Tensor and Variable their operators: the only place that does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core.dtypes import as_dtype, bool_, float32, float64, string
from tenfold.primitives import arithmetic as a
from tenfold.primitives.contraction import matmul
from tenfold.primitives.elementwise import abs as abs_
from tenfold.primitives.elementwise import complex_abs
from tenfold.primitives.indexed_slices import IndexedSlices
from tenfold.primitives.indexing import getitem
from tenfold.primitives.scatter import scatter_into
from tenfold.tensor.eager import of_two
from tenfold.tensor.tensor import Tensor, as_tensor, common_dtype
from tenfold.tensor.variable import UPDATES, Variable


def truediv(x: Any, y: Any) -> Tensor:
    """x / y as Python means it: integers become floats (float64 above 16 bits, as in TensorFlow)."""
    hint = common_dtype((x, y))
    x, y = as_tensor(x, hint=hint), as_tensor(y, hint=hint)
    if x.dtype.is_integer and y.dtype is x.dtype:
        target = float32 if x.dtype.size <= 2 else float64
        x, y = a.cast(x, target), a.cast(y, target)
    return a.div(x, y)


def absolute(x: Any) -> Tensor:
    """|x|; the modulus of complex numbers; unsigned ones are returned as they are."""
    x = as_tensor(x)
    return complex_abs(x) if x.dtype.is_complex else x if x.dtype.is_unsigned else abs_(x)


def _logical(for_bool: Callable[..., Any], for_int: Callable[..., Any]) -> Callable[..., Any]:
    def operator(x: Any, y: Any) -> Any:
        return (for_bool if getattr(x, "dtype", None) is bool_ or getattr(y, "dtype", None) is bool_ else for_int)(x, y)

    return operator


def _equality(compare: Callable[..., Any], otherwise: bool) -> Callable[..., Any]:
    def operator(x: Any, y: Any) -> Any:
        if y is None or (isinstance(y, (str, bytes)) and x.dtype is not string):
            return otherwise
        return compare(x, y)

    return operator


def _reflected(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y: f(y, x)


def _guarded(f: Callable[..., Any]) -> Callable[..., Any]:
    primitive: Any = getattr(f, "primitive", None)
    uniform = primitive is not None and primitive.uniform  # then two tensors need no preparation

    def operator(x: Any, y: Any) -> Any:
        if isinstance(y, Variable):
            return f(x, y.read_value())
        if uniform and type(x) is Tensor and type(y) in (float, int):
            return f(x, as_tensor(y, hint=x.dtype))
        return NotImplemented if type(y) is not Tensor and getattr(y, "_defers_operators", False) else f(x, y)

    return of_two(primitive, operator) if uniform else operator


_AND = _logical(a.logical_and, a.bitwise_and)
_OR = _logical(a.logical_or, a.bitwise_or)
_XOR = _logical(a.logical_xor, a.bitwise_xor)
_BINARY = {
    "add": a.add, "sub": a.sub, "mul": a.mul, "truediv": truediv, "floordiv": a.floordiv, "mod": a.floormod, "pow": a.pow,
    "matmul": matmul, "and": _AND, "or": _OR, "xor": _XOR,
}  # fmt: skip
_COMPARE = {
    "lt": a.less, "le": a.less_equal, "gt": lambda x, y: a.less(y, x), "ge": lambda x, y: a.less_equal(y, x),
    "eq": _equality(a.equal, False), "ne": _equality(a.not_equal, True),
}  # fmt: skip
_UNARY = {
    "neg": a.neg, "abs": absolute, "pos": as_tensor,
    "invert": lambda x: a.logical_not(x) if x.dtype is bool_ else a.invert(x),
}  # fmt: skip


def _updated(f: Callable[..., Any]) -> Callable[..., Any]:
    """What a variable becomes by `f`, add or sub, with a tensor or slices."""

    def update(value: Tensor, delta: Any) -> Any:
        if not isinstance(delta, IndexedSlices):
            return f(value, as_tensor(delta, hint=value.dtype, name="assign"))
        return scatter_into(value, delta.indices, delta.values if f is a.add else a.neg(delta.values))

    return update


def install(cls: type) -> None:
    """Gives `cls` Python's operators."""
    for name, function in _BINARY.items():
        setattr(cls, f"__{name}__", _guarded(function))
        setattr(cls, f"__r{name}__", _reflected(function))
    for name, function in _COMPARE.items():
        setattr(cls, f"__{name}__", _guarded(function))
    for name, function in _UNARY.items():
        setattr(cls, f"__{name}__", (lambda f: lambda x: f(x))(function))
    for name, function in (("__getitem__", lambda x, key: getitem(as_tensor(x), key)), ("astype", lambda x, dtype: a.cast(x, as_dtype(dtype)))):
        setattr(cls, name, function)


for _class in (Tensor, Variable):
    install(_class)
UPDATES.update(add=_updated(a.add), sub=_updated(a.sub))
