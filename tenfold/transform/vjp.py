"""The cotangents of one primitive's inputs, given those of its results.

There are two ways to them. `through_bind` calls the primitive's vjp, whose operations are recorded or run as all others are. `on_elements` is
for eager mode, where nobody else wants to see these operations: a vjp that comes again for the same shapes and types is traced, and from then
on what it does is done to the elements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from tenfold.core.errors import TraceError, UnimplementedError
from tenfold.core.quiet import restore, silence
from tenfold.core.shapes import Shape, Sym, divide, function
from tenfold.ir.graph import Graph, Value
from tenfold.ir.primitive import Primitive
from tenfold.primitives.arithmetic import constant_like
from tenfold.primitives.movement import broadcast_to, reshape
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.bind import SIMPLE, TYPE_AND_SHAPE
from tenfold.tensor.swift import swift
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.trace import trace

Record = tuple[Primitive, tuple[Tensor, ...], tuple[Tensor, ...], Mapping[str, Any]]  # (primitive, inputs, outputs, attributes): what was done
MULTIPLE: set[str] = set()  # primitives whose result is a tuple even if it has one element
SPARING: set[str] = set()  # those of them whose vjp takes None for the cotangent of a result that nothing came to
RULED: set[str] = set()  # primitives of `with_rule`: they give their first operand, and have a gradient by the others
MOST_RULES = 1 << 12
ONCE, NEVER = "once", "never"
Rule = Callable[..., Sequence[Any]]
_rules: dict[Any, Rule | str] = {}  # by primitive, shapes, types and attributes; ONCE: it was asked for once; NEVER: it cannot be traced


def through_bind(record: Record, wanted: Sequence[bool], gs: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
    """The cotangents of the wanted inputs, in their shapes."""
    p, inputs, outputs, attrs = record
    if p.vjp is None:
        raise UnimplementedError(f"[{p.name}] has no gradient. Try tf.stop_gradient on its result, or tf.custom_gradient to give one.")
    if len(outputs) == 1 and p.name not in MULTIPLE:
        found = p.vjp(wanted, gs[0], outputs[0], *inputs, **attrs)
    else:
        filled = gs if p.name in SPARING else tuple(zeros(y) if g is None else g for g, y in zip(gs, outputs, strict=True))
        found = p.vjp(wanted, filled, outputs, *inputs, **attrs)
    return [None if g is None else unbroadcast(g, x.sizes) for x, g in zip(inputs, found, strict=True)]


def on_elements(record: Record, wanted: tuple[bool, ...], gs: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
    """The same in eager mode: the same NumPy calls in the same order."""
    p, inputs, outputs, attrs = record
    if p.kind not in SIMPLE or p.vjp is None:
        return through_bind(record, wanted, gs)
    arrays: list[Any] = [t._array for t in (gs[0], outputs[0], *inputs)]  # type: ignore[union-attr]
    key = (p, wanted, *map(TYPE_AND_SHAPE, arrays), *attrs.items())
    rule = _rules.get(key)
    if callable(rule):
        return rule(*arrays)
    if rule is None:
        if len(_rules) >= MOST_RULES:
            _rules.clear()
        _rules[key] = ONCE
    elif rule is ONCE:
        _rules[key] = _traced(record, wanted, gs) or NEVER
    return through_bind(record, wanted, gs)


def _traced(record: Record, wanted: Sequence[bool], gs: Sequence[Tensor | None]) -> Rule | None:
    """What `through_bind` does as a function of the elements of (cotangent, result, inputs); None if it looks at elements."""
    p, inputs, outputs, attrs = record

    def cotangents(g: Tensor, y: Tensor, *xs: Tensor) -> Sequence[Tensor | None]:
        return through_bind((p, xs, (y,), attrs), wanted, [g])

    try:
        made = trace(cotangents, [t.spec for t in (*gs, *outputs, *inputs) if t is not None], f"gradient of {p.name}")
    except TraceError:
        return None
    graph = made.graph
    return None if any(len(n.outputs) != 1 for n in graph.nodes) else as_python(graph, [leaf is not None for leaf in made.structure])


def as_python(graph: Graph, present: Sequence[bool]) -> Rule:
    """The graph as a Python function from arrays to tensors, which calls the oracles one after the other and keeps each result as long as it is
    needed.

    Args:
        graph: its nodes have one output each.
        present: for each result of the function whether it is the graph's next output or None.
    """
    known: dict[str, Any] = {"asarray": np.asarray, "new": object.__new__, "Tensor": Tensor, "silence": silence, "restore": restore}
    names = {id(v): f"x{i}" for i, v in enumerate(graph.inputs)}
    readers = {id(v): i for i, node in enumerate(graph.nodes) for v in node.inputs}  # the last ones
    dropped: dict[int, list[str]] = {}
    for i, node in enumerate(graph.nodes):
        if id(node.outputs[0]) in readers and all(node.outputs[0] is not v for v in graph.outputs):
            dropped.setdefault(readers[id(node.outputs[0])], []).append(f"y{i}")

    def name(v: Value) -> str:
        if id(v) not in names:
            names[id(v)] = f"c{len(names)}"
            known[names[id(v)]] = v.constant
        return names[id(v)]

    lines = [f"def rule({', '.join(names.values())}):", "    before = silence()", "    try:", "        pass"]
    for i, node in enumerate(graph.nodes):
        known[f"f{i}"], known[f"a{i}"] = swift(node.primitive), node.attrs
        call = f"f{i}({', '.join([*map(name, node.inputs), *([f'**a{i}'] if node.attrs else [])])})"
        y = node.outputs[0]
        names[id(y)] = f"y{i}"
        lines.append(f"        y{i} = {call if y.spec.shape else f'asarray({call})'}")
        if i in dropped:
            lines.append(f"        del {', '.join(dropped[i])}")
    lines += ["    finally:", "        restore(before)"]
    for i, v in enumerate(graph.outputs):
        lines.append(f"    t{i} = new(Tensor); t{i}._array = {name(v)}")
    made = count()
    lines.append(f"    return [{', '.join(f't{next(made)}' if there else 'None' for there in present)}]")
    exec("\n".join(lines), known)
    return known["rule"]  # type: ignore[no-any-return]


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
    one = wrap(np.array(1, like.dtype.numpy))
    return one if like.sizes == () else broadcast_to(one, like.sizes)
