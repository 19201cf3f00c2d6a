"""Reverse-mode differentiation: one loop over what was done, for tapes, functions and Keras alike.

The vjp of each primitive is built from primitives, so in eager mode the loop computes gradients at once, and while a function is
traced it adds their nodes to the graph; applied to its own result it gives higher derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.core.errors import UnimplementedError
from tenfold.core.shapes import Shape, Sym, divide, function
from tenfold.ir.graph import GRADIENT
from tenfold.ir.primitive import Primitive
from tenfold.primitives.arithmetic import constant_like
from tenfold.primitives.movement import broadcast_to, reshape
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, wrap


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """One primitive applied: what a tape remembers."""

    primitive: Primitive
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    attrs: Mapping[str, Any]


def backward(records: Sequence[Record], seeds: Sequence[tuple[Tensor, Tensor]], sources: Sequence[Tensor]) -> list[Tensor | None]:
    """The cotangents of `sources`, given those of some results (`seeds`); None where nothing connects them.

    Raises:
        UnimplementedError: a primitive on the way has no gradient.
    """
    active = {id(t) for t in sources}
    for record in records:
        if any(id(x) in active for x in record.inputs):
            active.update(id(y) for y in record.outputs if y.dtype.is_differentiable)
    cotangents: dict[int, Tensor] = {}
    found: dict[int, Tensor] = {}
    wanted_sources = {id(t) for t in sources}
    for tensor, seed in seeds:
        if id(tensor) in active:
            accumulate(cotangents, tensor, seed)
    origins, outside = _origins(), state.origin
    try:
        for record in reversed(records):
            gs = [cotangents.pop(id(y), None) for y in record.outputs]
            if all(g is None for g in gs):
                continue
            found.update((id(y), g) for y, g in zip(record.outputs, gs, strict=True) if g is not None and id(y) in wanted_sources)
            wanted = [id(x) in active and x.dtype.is_differentiable for x in record.inputs]
            if any(wanted):
                if origins:
                    state.origin = origins.get(id(record.outputs[0]._value), outside)
                for x, gx in zip(record.inputs, vjp(record, wanted, gs), strict=True):
                    if gx is not None:
                        accumulate(cotangents, x, unbroadcast(gx, x.sizes))
    finally:
        state.origin = outside
    found.update(cotangents)
    return [found.get(id(t)) for t in sources]


def _origins() -> dict[int, str]:
    """While a function is traced: for each of its values, what its gradient's nodes are to be called after."""
    trace = state.trace
    if trace is None:
        return {}
    return {id(v): n.where if n.where.startswith(GRADIENT) else GRADIENT + n.where for n in trace.nodes for v in n.outputs}


def vjp(record: Record, wanted: Sequence[bool], gs: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
    """The cotangents of one primitive's inputs."""
    p = record.primitive
    if p.vjp is None:
        raise UnimplementedError(f"[{p.name}] has no gradient. Try tf.stop_gradient on its result, or tf.custom_gradient to give one.")
    if len(record.outputs) == 1 and p.name not in MULTIPLE:
        result = p.vjp(wanted, gs[0], record.outputs[0], *record.inputs, **record.attrs)
    else:
        filled = tuple(zeros(y) if g is None else g for g, y in zip(gs, record.outputs, strict=True))
        result = p.vjp(wanted, filled, record.outputs, *record.inputs, **record.attrs)
    return result  # type: ignore[no-any-return]


MULTIPLE: set[str] = set()  # primitives whose result is a tuple even if it has one element


def accumulate(cotangents: dict[int, Tensor], tensor: Tensor, g: Tensor) -> None:
    """Adds `g` to what has come to `tensor` so far."""
    before = cotangents.get(id(tensor))
    cotangents[id(tensor)] = g if before is None else before + g


def unbroadcast(g: Tensor, shape: Shape) -> Any:
    """`g` summed over the dimensions that broadcasting added or stretched."""
    if g.sizes == tuple(shape):
        return g
    lead = g.ndim - len(shape)
    axes, split = list(range(lead)), list(g.sizes[:lead])
    for n, m in zip(shape, g.sizes[lead:], strict=True):
        if m not in (1, n) and (n == 1 or isinstance(n, Sym)):
            axes.append(len(split) + (n != 1))
            split += [m] if n == 1 else [n, divide(m, function("max", n, 1))]  # whether n is 1 or m will be known when sizes are
        else:
            split.append(m)
    if axes:
        g = sum_(reshape(g, split), axes)
    return reshape(g, shape)


def zeros(like: Tensor) -> Any:
    """Zeros of the shape and type of `like`."""
    return broadcast_to(constant_like(0, like), like.sizes)


def ones(like: Tensor) -> Any:
    """Ones of the shape and type of `like`."""
    return broadcast_to(wrap(np.ones((), like.dtype.numpy)), like.sizes)
