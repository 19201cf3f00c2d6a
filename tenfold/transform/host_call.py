"""Functions of another framework as an operation: called on NumPy arrays, and differentiated by that framework."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from tenfold.core.dtypes import ALL, DType
from tenfold.core.shapes import Shape
from tenfold.ir.primitive import Kind, Primitive, Spec, register
from tenfold.tensor.bind import bind
from tenfold.tensor.tensor import Tensor
from tenfold.transform.vjp import MULTIPLE


class HostFunction(Protocol):
    """A function of arrays without side effects. It is told from others by its identity."""

    def __call__(self, *arrays: Any) -> Sequence[Any]:
        """The results, one array each."""

    def gradient(self, wanted: tuple[int, ...], given: tuple[int, ...]) -> HostFunction:
        """The function of (arguments, cotangents of the `given` results) whose results are the cotangents of the `wanted` arguments."""


def host_call(function: HostFunction, inputs: Sequence[Tensor], shapes: Sequence[Shape], dtypes: Sequence[DType]) -> tuple[Tensor, ...]:
    """The results of `function`, which have these shapes and types; gradients of any order flow through it."""
    return bind(host_call_primitive, *inputs, function=function, shapes=tuple(map(tuple, shapes)), dtypes=tuple(dtypes))  # type: ignore[no-any-return]


def _spec(*xs: Spec, function: HostFunction, shapes: tuple[Shape, ...], dtypes: tuple[DType, ...]) -> tuple[Spec, ...]:
    return tuple(Spec(s, d) for s, d in zip(shapes, dtypes, strict=True))


def _oracle(*arrays: Any, function: HostFunction, shapes: tuple[Shape, ...], dtypes: tuple[DType, ...]) -> tuple[Any, ...]:
    results = function(*arrays)
    return tuple(np.array(r, d.numpy, order="C").reshape(s) for r, s, d in zip(results, shapes, dtypes, strict=True))


def _vjp(wanted: Sequence[bool], gs: Sequence[Tensor], ys: Sequence[Tensor], *xs: Tensor, function: HostFunction,
         shapes: tuple[Shape, ...], dtypes: tuple[DType, ...]) -> list[Tensor | None]:  # fmt: skip
    towards = tuple(i for i, x in enumerate(xs) if wanted[i] and differentiable(x.dtype))
    given = tuple(i for i, y in enumerate(ys) if differentiable(y.dtype))
    found: list[Tensor | None] = [None] * len(xs)
    if towards and given:
        inputs = [*xs, *(gs[i] for i in given)]
        made = host_call(function.gradient(towards, given), inputs, [xs[i].sizes for i in towards], [xs[i].dtype for i in towards])
        for i, g in zip(towards, made, strict=True):
            found[i] = g
    return found


def differentiable(dtype: DType) -> bool:
    """Whether gradients flow through numbers of this type."""
    return dtype.is_floating or dtype.is_complex


host_call_primitive = register(
    Primitive("host_call", Kind.HOST, _spec, _oracle, _vjp, dtypes=ALL, doc="A function of another framework, with the gradient that it knows.")
)
MULTIPLE.add("host_call")
