"""Reverse-mode differentiation: one loop over what was done, for tapes, functions and Keras alike.

The vjp of each primitive is built from primitives, so in eager mode the loop computes gradients at once, and while a function is
traced it adds their nodes to the graph; applied to its own result it gives higher derivatives.

"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tenfold.ir.graph import GRADIENT
from tenfold.primitives.indexed_slices import IndexedSlices, slices_of_gather
from tenfold.tensor.bind import Recorder, state
from tenfold.tensor.tensor import Tensor
from tenfold.transform.vjp import Record, on_elements, through_bind

Cotangent = Tensor | IndexedSlices


def backward(records: Sequence[Record], seeds: Sequence[tuple[Tensor, Tensor]], sources: Sequence[Tensor], sparse: bool = False) -> list[Any]:
    """The cotangents of `sources`, given those of some results (`seeds`); None where nothing connects them.

    Args:
        records: what was done, in order.
        seeds: pairs of a result and its cotangent.
        sources: what to differentiate by.
        sparse: whether sources of which rows were gathered may get IndexedSlices.

    Raises:
        UnimplementedError: a primitive on the way has no gradient.
    """
    wanted_sources = {id(t) for t in sources if t.dtype.is_differentiable}
    active = _active(records, wanted_sources)
    cotangents: dict[int, Cotangent] = {}
    found: dict[int, Cotangent] = {}
    for tensor, seed in seeds:
        if id(tensor) in active:
            accumulate(cotangents, tensor, seed)
    trace, outside = state.trace, state.origin
    origins = {} if trace is None else _origins(trace)
    pull = on_elements if trace is None and not state.tapes else through_bind
    try:
        for record in reversed(records):
            _, inputs, outputs, attrs = record
            gs = [cotangents.pop(id(y), None) for y in outputs]
            if all([g is None for g in gs]):
                continue
            for y, g in zip(outputs, gs, strict=True):
                if g is not None and id(y) in wanted_sources:
                    found[id(y)] = g
            wanted = tuple([id(x) in active for x in inputs])
            if True in wanted:
                if origins:
                    state.origin = origins.get(id(outputs[0]._value), outside)
                whole: list[Any] = [g.dense() if isinstance(g, IndexedSlices) else g for g in gs]
                if sparse and attrs.get("sparse") and id(inputs[0]) in wanted_sources:
                    accumulate(cotangents, inputs[0], slices_of_gather(whole[0], inputs[1], inputs[0].sizes))
                    continue
                for x, gx in zip(inputs, pull(record, wanted, whole), strict=True):
                    if gx is not None:
                        accumulate(cotangents, x, gx)
    finally:
        state.origin = outside
    found.update(cotangents)
    return [found.get(id(t)) for t in sources]


def _active(records: Sequence[Record], sources: set[int]) -> set[int]:
    """The ids of all tensors that depend on the sources through numbers that gradients flow through."""
    active = set(sources)
    for _, inputs, outputs, _ in records:
        for x in inputs:
            if id(x) in active:
                for y in outputs:
                    if y.dtype.is_differentiable:
                        active.add(id(y))
                break
    return active


def _origins(trace: Recorder) -> dict[int, str]:
    """For each value of the function being traced, what its gradient's nodes are to be called after."""
    return {id(v): n.where if n.where.startswith(GRADIENT) else GRADIENT + n.where for n in trace.nodes for v in n.outputs}


def accumulate(cotangents: dict[int, Cotangent], tensor: Tensor, g: Cotangent) -> None:
    """Adds `g` to what has come to `tensor` so far."""
    before = cotangents.get(id(tensor))
    cotangents[id(tensor)] = g if before is None else before + g
