"""Sums of few rows in a large tensor of zeros, as gradients of embeddings are: only these rows are stored.

g = scatter_add(indices, updates, rows)   ->   owner = row_owners(indices, rows)
                                               place = gather(owner, indices);  place = select(place < 1, -1, place)
                                               few = scatter_add(place, updates, n + 1)
                                               g = gather(few, owner)

Row 0 of `few` is zero and stands for all rows without updates. (An index that is out of range has no owner: gather reads 0, and scatter_add
drops row -1.) The last gather is computed inside its readers, so that an optimizer goes over its table once. Each row's updates are added
in the same order as before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.compiler.program import elements, known, mappable, reducible
from tenfold.core import dtypes
from tenfold.ir.graph import Graph, Node, Value, make
from tenfold.ir.primitive import PRIMITIVES, Spec

SMALLEST = 1 << 14  # elements of the tensor, below which nothing is gained
SPARSE = 2  # rows of the tensor per row that is added


def compact_scatters(graph: Graph) -> Graph:
    """The graph with the same results, sparse sums kept as their rows where kernels made of loops read them."""
    outputs = set(graph.outputs)
    sums = {n.outputs[0] for n in graph.nodes if n.primitive.name == "scatter_add" and n.outputs[0] not in outputs and _sparse(n)}
    for node in graph.nodes if sums else ():
        if not (mappable(node) or reducible(node)):
            sums.difference_update(node.inputs)
    if not sums:
        return graph
    owners: dict[tuple[Value, int], tuple[Value, Value]] = {}  # (indices, rows) -> positions of rows and of indices in the few rows
    nodes: list[Node] = []
    for node in graph.nodes:
        if sums.isdisjoint(node.outputs):
            nodes.append(node)
            continue
        indices, updates = node.inputs
        rows = node.attrs["rows"]
        if (indices, rows) not in owners:
            owner = _derive(node, "row_owners", indices, rows=rows)
            found = _derive(node, "gather", owner.outputs[0], indices, axis=0, batch_dims=0)
            missing = _derive(node, "less", found.outputs[0], _scalar(1))
            place = _derive(node, "select", missing.outputs[0], _scalar(-1), found.outputs[0])
            nodes += [owner, found, missing, place]
            owners[indices, rows] = (owner.outputs[0], place.outputs[0])
        of_row, of_index = owners[indices, rows]
        few = _derive(node, "scatter_add", of_index, updates, rows=known(indices)[0] + 1)
        whole = _derive(node, "gather", few.outputs[0], of_row, axis=0, batch_dims=0)
        nodes += [few, Node(whole.primitive, whole.inputs, node.outputs, whole.attrs, whole.where)]
    return Graph(graph.inputs, graph.outputs, tuple(nodes), graph.name)


def _sparse(node: Node) -> bool:
    out = node.outputs[0]
    compiled = all(v.spec.dtype.llvm is not None for v in (*node.inputs, out))
    return compiled and elements(out) >= SMALLEST and known(out)[0] >= SPARSE * max(known(node.inputs[0])[0], 1)


def _derive(node: Node, name: str, *inputs: Value, **attrs: Any) -> Node:
    return make(PRIMITIVES[name], inputs, attrs, node.where)


def _scalar(n: int) -> Value:
    return Value(Spec((), dtypes.int32), np.array(n, np.int32))
