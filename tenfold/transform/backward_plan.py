"""Backward passes that come again. A tape that has recorded the same operations, wired alike, on the same types and shapes as another needs the
same gradients' operations: these are traced once, and from then on are one list of NumPy calls.

It is only for eager mode while nobody else wants to see these operations, and for primitives whose gradients depend on nothing but types, shapes
and attributes; everything else goes through `backward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tenfold.core.dtypes import BY_NUMPY
from tenfold.core.errors import OpError, TraceError
from tenfold.core.quiet import restore, silence
from tenfold.ir.primitive import Spec
from tenfold.tensor.bind import SIMPLE, state
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.autodiff import backward
from tenfold.transform.trace import trace
from tenfold.transform.vjp import NEVER, ONCE, Record, Rule, as_python, ones

ARRAYS = {np.ndarray}  # what eager tensors hold
MOST_PLANS, MOST_RECORDS = 1 << 8, 1 << 12
_plans: dict[Any, Rule | str] = {}  # ONCE: it was asked for once; NEVER: it cannot be traced
Seed = tuple[Tensor, Tensor | None]  # a result and its cotangent; None: ones


def gradients(records: Sequence[Record], seeds: Sequence[Seed], sources: Sequence[Tensor], sparse: bool) -> list[Any]:
    """What `backward` gives, by the plan for this structure if there is one."""
    form = form_of(records, seeds, sources) if state.trace is None and not state.tapes and len(records) <= MOST_RECORDS else None
    if form is not None:
        plan = _plans.get(form.key)
        if callable(plan):
            before = silence()
            try:
                return [None if g is None else wrap(g) for g in plan(*form.arrays)]
            finally:
                restore(before)
        if plan is None:
            if len(_plans) >= MOST_PLANS:
                _plans.clear()
            _plans[form.key] = ONCE
        elif plan is ONCE:
            _plans[form.key] = _traced(form, records, seeds, sources) or NEVER
    return backward(records, [(y, ones(y) if g is None else g) for y, g in seeds], sources, sparse)


class Form(NamedTuple):
    """What a backward pass depends on.

    Attributes:
        key: types and shapes of the tensors that no record made, and of each record the primitive, its attributes, and which tensors it takes.
        place: tensors, by id, to their numbers.
        arrays: their elements in this order.
    """

    key: tuple[Any, ...]
    place: dict[int, int]
    arrays: list[Any]


def form_of(records: Sequence[Record], seeds: Sequence[Seed], sources: Sequence[Tensor]) -> Form | None:
    """The form of a backward pass; None if there can be no plan for it. (It is made for every pass, so it takes few steps.)"""
    key: list[Any] = []
    place: dict[int, int] = {}
    arrays: list[Any] = []
    for primitive, inputs, outputs, attrs in records:
        if primitive.kind not in SIMPLE or "sparse" in attrs:
            return None
        key.append(primitive)
        for x in inputs:
            key.append(place[id(x)] if id(x) in place else _given(x, place, arrays))
        if attrs:
            key.append(tuple(attrs.items()))
        for y in outputs:
            place[id(y)] = len(arrays)
            arrays.append(y._array)
    for y, g in seeds:
        key.append(place[id(y)] if id(y) in place else _given(y, place, arrays))
        key.append(g if g is None else place[id(g)] if id(g) in place else _given(g, place, arrays))
    key.append("by")
    for x in sources:
        key.append(place[id(x)] if id(x) in place else _given(x, place, arrays))
    return Form(tuple(key), place, arrays) if {*map(type, arrays)} <= ARRAYS else None


def _given(x: Tensor, place: dict[int, int], arrays: list[Any]) -> Any:
    """Takes a tensor that no record made: it gets a number, and what is known of it belongs to the key."""
    a = x._array
    place[id(x)] = len(arrays)
    arrays.append(a)
    return None if a is None else (a.dtype, a.shape)


def _traced(form: Form, records: Sequence[Record], seeds: Sequence[Seed], sources: Sequence[Tensor]) -> Rule | None:
    """The backward pass as a function of the elements of all tensors; None if it looks at them."""

    def pass_(*tensors: Tensor) -> list[Any]:
        def at(t: Tensor) -> Tensor:
            return tensors[form.place[id(t)]]

        again = [(p, tuple(map(at, inputs)), tuple(map(at, outputs)), attrs) for p, inputs, outputs, attrs in records]
        return backward(again, [(at(y), ones(y) if g is None else at(g)) for y, g in seeds], [at(x) for x in sources])

    try:
        made = trace(pass_, [Spec(a.shape, BY_NUMPY[a.dtype]) for a in form.arrays], "gradients of a tape")
    except (OpError, TraceError):
        return None
    if made.variables or any(len(n.outputs) != 1 for n in made.graph.nodes):
        return None
    return as_python(made.graph, [leaf is not None for leaf in made.structure])
