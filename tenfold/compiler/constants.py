"""Large constants become inputs: what is compiled does not depend on their elements, so that a program with other ones is the same program."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.compiler.simplify import FOLD_LIMIT
from tenfold.ir.graph import Graph, Node, Value


def large_apart(graph: Graph) -> tuple[Graph, list[np.ndarray[Any, Any]]]:
    """The graph with constants of more elements than are folded as its last inputs; and their elements."""
    constants = dict.fromkeys([v for n in graph.nodes for v in n.inputs if v.constant is not None])
    new = {v: Value(v.spec) for v in (*constants, *graph.outputs) if _is_large(v)}
    if not new:
        return graph, []
    nodes = [
        Node(n.primitive, tuple(new.get(v, v) for v in n.inputs), n.outputs, n.attrs, n.where) if any(v in new for v in n.inputs) else n
        for n in graph.nodes
    ]
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return Graph((*graph.inputs, *new.values()), outputs, tuple(nodes), graph.name), [np.ascontiguousarray(v.constant) for v in new]


def _is_large(v: Value) -> bool:
    return v.constant is not None and v.constant.size > FOLD_LIMIT
