"""Programs as data: a Graph of Nodes in order, each producing Values (static single assignment)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tenfold.core.errors import InternalError
from tenfold.core.shapes import Size, Sym, evaluate
from tenfold.ir.primitive import Primitive, Spec

GRADIENT = "gradient of "  # begins the `where` of nodes that differentiation made


@dataclass(eq=False, slots=True)
class Value:
    """Something computed or given; compared by identity."""

    spec: Spec
    constant: np.ndarray[Any, Any] | None = None  # its elements, if known when traced
    derived: bool = False  # whether the constant was computed from sizes, so that kernels should not depend on it


@dataclass(slots=True, eq=False)
class Node:
    """One application of a primitive, never changed. `where` is the user's line, and the layer, for messages."""

    primitive: Primitive
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    attrs: Mapping[str, Any]
    where: str = ""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Graph:
    """A function as a list of nodes. Values without a producer are inputs or constants."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    name: str = field(default="graph")

    def check(self) -> Graph:
        """Itself, if every value is defined once and before its use.

        Raises:
            InternalError: it is not; the message shows the node.
        """
        known = {id(v) for v in self.inputs}
        for node in self.nodes:
            for v in node.inputs:
                if id(v) not in known and v.constant is None:
                    raise InternalError(f"[{node.primitive.name}] uses a value that is not defined before it (at {node.where or 'an unknown line'}).")
            for v in node.outputs:
                if id(v) in known:
                    raise InternalError(f"[{node.primitive.name}] defines a value twice.")
                known.add(id(v))
        if any(id(v) not in known and v.constant is None for v in self.outputs):
            raise InternalError(f"[{self.name}] an output is not computed.")
        return self


def make(primitive: Primitive, inputs: Sequence[Value], attrs: Mapping[str, Any], where: str = "") -> Node:
    """A node with fresh output values, their specs inferred."""
    specs = primitive.spec(*(v.spec for v in inputs), **attrs)
    specs = specs if isinstance(specs, tuple) else (specs,)
    return Node(primitive, tuple(inputs), tuple(Value(s) for s in specs), attrs, where)


def specialize(graph: Graph, known: Mapping[str, Size]) -> Graph:
    """The graph with unknown sizes replaced, every spec inferred anew (so that mismatches are found, and named)."""
    new: dict[int, Value] = {}

    def value(v: Value) -> Value:
        if id(v) not in new:
            shape = tuple(evaluate(n, known) for n in v.spec.shape)
            new[id(v)] = v if v.constant is not None else Value(Spec(shape, v.spec.dtype))
        return new[id(v)]

    inputs = tuple(value(v) for v in graph.inputs)
    nodes = []
    for node in graph.nodes:
        made = make(node.primitive, [value(v) for v in node.inputs], {k: substitute(a, known) for k, a in node.attrs.items()}, node.where)
        new.update((id(old), v) for old, v in zip(node.outputs, made.outputs, strict=True))
        nodes.append(made)
    return Graph(inputs, tuple(value(v) for v in graph.outputs), tuple(nodes), graph.name)


def substitute(attr: Any, known: Mapping[str, Size]) -> Any:
    """An attribute with unknown sizes replaced, in nested tuples and graphs too."""
    if isinstance(attr, Sym):
        return evaluate(attr, known)
    if type(attr) is tuple:
        return tuple(substitute(a, known) for a in attr)
    return specialize(attr, known) if isinstance(attr, Graph) else attr
