"""Primitives that combine elements along axes. They drop the axes; `keepdims` is a reshape afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from tenfold.core.dtypes import BOOL, NUMBERS, REALS, DType
from tenfold.core.shapes import Shape, normalize_axes
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.arithmetic import cast as cast_
from tenfold.primitives.arithmetic import conj, constant_like, div, equal, mul, select
from tenfold.primitives.define import check_dtype, each, primitive
from tenfold.primitives.movement import broadcast_to, reshape
from tenfold.tensor.tensor import Tensor, as_tensor

EVERY = [tuple(range(rank)) for rank in range(65)]  # more dimensions than an array has


def _spec(name: str, allowed: tuple[DType, ...]) -> Any:
    def spec(x: Spec, axes: tuple[int, ...]) -> Spec:
        check_dtype(name, x, allowed)
        return Spec(tuple(n for i, n in enumerate(x.shape) if i not in axes), x.dtype)

    return spec


def kept(shape: Shape, axes: Sequence[int]) -> Shape:
    """`shape` with the sizes along `axes` replaced by 1."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def spread(reduced: Tensor, x: Tensor, axes: Sequence[int]) -> Tensor:
    """A reduction's result repeated to the shape of what was reduced."""
    return broadcast_to(reshape(reduced, kept(x.sizes, axes)), x.sizes)


def _front(apply: Any, name: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = x if type(x) is Tensor else as_tensor(x)
    axes = EVERY[x.ndim] if axis is None else normalize_axes(name, axis, x.ndim)
    y = apply(x, axes=axes) if axes else x
    return reshape(y, kept(x.sizes, axes)) if keepdims else y


def _oracle(combine: np.ufunc) -> Any:
    def run(x: Any, axes: tuple[int, ...]) -> Any:
        dtype = x.dtype
        if dtype.itemsize == 2 and dtype.kind not in "iu":  # half precision is accumulated in float32
            return combine.reduce(x, axes, np.float32).astype(dtype)
        return combine.reduce(x, axes, dtype)

    return run


@primitive(Kind.REDUCTION, spec=_spec("reduce_sum", NUMBERS), oracle=_oracle(np.add), lower="sum", dtypes=NUMBERS,
           vjp=each(lambda g, y, x, axes: spread(g, x, axes)), samples=((-3, 3),))  # fmt: skip
def sum(apply: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum of the elements along `axis` (None: all). The sum of no elements is 0."""
    return _front(apply, "reduce_sum", x, axis, keepdims)


def _prod_vjp(g: Tensor, y: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Division by x where no factor is zero; where one is zero, the product of the others belongs to it alone."""
    zero, one = constant_like(0, x), constant_like(1, x)
    is_zero = equal(x, zero)
    zeros = sum(cast_(is_zero, x.dtype), axes)
    others = prod(select(is_zero, one, x), axes)
    none, single = spread(equal(zeros, zero), x, axes), spread(equal(zeros, one), x, axes)
    from_others = select(single, select(is_zero, spread(others, x, axes), zero), zero)
    return mul(spread(g, x, axes), conj(select(none, div(spread(others, x, axes), select(is_zero, one, x)), from_others)))


@primitive(Kind.REDUCTION, spec=_spec("reduce_prod", NUMBERS), oracle=_oracle(np.multiply), lower="prod", dtypes=NUMBERS,
           vjp=each(_prod_vjp), samples=((0.5, 2),))  # fmt: skip
def prod(apply: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The product of the elements along `axis` (None: all). The product of no elements is 1."""
    return _front(apply, "reduce_prod", x, axis, keepdims)


def _extreme_vjp(g: Tensor, y: Tensor, x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The gradient is shared equally among the elements that attain the extreme."""
    mine = cast_(equal(x, spread(y, x, axes)), x.dtype)
    return mul(spread(div(g, sum(mine, axes)), x, axes), mine)


def _extreme_oracle(combine: np.ufunc, first: str) -> Any:
    @cache
    def start(dtype: Any) -> Any:
        value = getattr(np.iinfo(dtype), first) if dtype.kind in "iu" else -np.inf if first == "min" else np.inf
        return np.asarray(value, dtype)[()]

    return lambda x, axes: combine.reduce(x, axes, initial=start(x.dtype))


@primitive(Kind.REDUCTION, spec=_spec("reduce_max", REALS), oracle=_extreme_oracle(np.maximum, "min"), lower="max", dtypes=REALS,
           vjp=each(_extreme_vjp), samples=((-3, 3),))  # fmt: skip
def max(apply: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element along `axis` (None: all); NaN if there is one. Of no elements: the smallest value of the type."""
    return _front(apply, "reduce_max", x, axis, keepdims)


@primitive(Kind.REDUCTION, spec=_spec("reduce_min", REALS), oracle=_extreme_oracle(np.minimum, "max"), lower="min", dtypes=REALS,
           vjp=each(_extreme_vjp), samples=((-3, 3),))  # fmt: skip
def min(apply: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element along `axis` (None: all); NaN if there is one. Of no elements: the largest value of the type."""
    return _front(apply, "reduce_min", x, axis, keepdims)


@primitive(Kind.REDUCTION, spec=_spec("reduce_all", BOOL), oracle=lambda x, axes: np.all(x, axis=axes), lower="and", dtypes=BOOL)
def all(apply: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements along `axis` (None: all axes) are true."""
    return _front(apply, "reduce_all", x, axis, keepdims)


@primitive(Kind.REDUCTION, spec=_spec("reduce_any", BOOL), oracle=lambda x, axes: np.any(x, axis=axes), lower="or", dtypes=BOOL)
def any(apply: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether any element along `axis` (None: all axes) is true."""
    return _front(apply, "reduce_any", x, axis, keepdims)
