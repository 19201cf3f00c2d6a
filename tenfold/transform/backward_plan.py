"""Backward passes that come again. A tape that has recorded the same operations, wired alike, on the same types and shapes as another needs the
same gradients' operations: these are traced once, and from then on are one list of NumPy calls.

It is only for eager mode while nobody else wants to see these operations, and for primitives whose gradients depend on nothing but types, shapes
and attributes; everything else goes through `backward`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np

from tenfold.core.errors import OpError, TraceError
from tenfold.tensor.bind import TYPE_AND_SHAPE, state
from tenfold.tensor.tensor import Tensor
from tenfold.transform.autodiff import backward
from tenfold.transform.recording import Recording
from tenfold.transform.trace import trace
from tenfold.transform.vjp import NEVER, ONCE, Rule, as_python, ones

ARRAY = attrgetter("_array")
MOST_PLANS, MOST_RECORDS = 1 << 8, 1 << 12
_plans: dict[Any, Rule | str] = {}  # ONCE: it was asked for once; NEVER: it cannot be traced
Seed = tuple[Tensor, Tensor | None]  # a result and its cotangent; None: ones


def gradients(done: Recording, seeds: Sequence[Seed], sources: Sequence[Tensor], sparse: bool) -> list[Any]:
    """What `backward` gives for watched sources, by the plan for what was recorded if there is one."""
    if done.plain and state.trace is None and not state.tapes and len(done.records) <= MOST_RECORDS:
        ends: list[Any] = []
        more: dict[int, Tensor] = {}  # tensors that this pass alone knows, by id
        for t in chain.from_iterable(seeds):
            ends.append(t if t is None else _number(done, t, more, ends))
        ends.append("by")
        for x in sources:
            ends.append(done.watched[id(x)])
        key = (*ends, "of", *done.key)
        plan = _plans.get(key)
        if callable(plan):
            return plan(*map(ARRAY, [*done.tensors, *more.values()]))  # type: ignore[return-value]
        if plan is None:
            if len(_plans) >= MOST_PLANS:
                _plans.clear()
            _plans[key] = ONCE
        elif plan is ONCE:
            _plans[key] = _traced(done, more, seeds, sources) or NEVER
    return backward(done.records, [(y, ones(y) if g is None else g) for y, g in seeds], sources, sparse)


def _number(done: Recording, tensor: Tensor, more: dict[int, Tensor], ends: list[Any]) -> int:
    """The place of a tensor among those of the recording and `more`. What is not known of it yet belongs to the key."""
    i = id(tensor)
    known = done.watched[i] if i in done.watched else done.others.get(i)
    if known is None and i not in more:
        more[i] = tensor
        a = tensor._array
        ends.append(None if a is None else TYPE_AND_SHAPE(a))
    return len(done.tensors) + [*more].index(i) if known is None else known


def _traced(done: Recording, more: dict[int, Tensor], seeds: Sequence[Seed], sources: Sequence[Tensor]) -> Rule | None:
    """The backward pass as a function of the elements of all tensors; None if it looks at them, or if some have none."""
    everything = [*done.tensors, *more.values()]
    if not all([type(t._array) is np.ndarray for t in everything]):
        return None

    def pass_(*tensors: Tensor) -> list[Any]:
        def at(t: Tensor) -> Tensor:
            return tensors[_number(done, t, more, [])]

        again = [(p, tuple(map(at, inputs)), tuple(map(at, outputs)), attrs) for p, inputs, outputs, attrs in done.records]
        return backward(again, [(at(y), ones(y) if g is None else at(g)) for y, g in seeds], [at(x) for x in sources])

    try:
        made = trace(pass_, [t.spec for t in everything], "gradients of a tape")
    except (OpError, TraceError):
        return None
    if made.variables or any(len(n.outputs) != 1 for n in made.graph.nodes):
        return None
    return as_python(made.graph, [leaf is not None for leaf in made.structure])
