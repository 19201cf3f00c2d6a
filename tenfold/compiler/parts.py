"""Concatenations made part by part: the parts are computed where they belong, nothing is copied.

Gradients of slices are tensors padded with zeros, and a sum of such whose parts do not overlap is a concatenation:

    pad(a, (0, 2n)) + pad(b, (n, n)) + pad(c, (2n, 0))   ->   concat(a, b, c)

A kernel that stores a concatenation goes over the space of a part and stores an element of each part; there is one for each shape of parts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tenfold.compiler.program import elements, known
from tenfold.compiler.simplify import live
from tenfold.ir.graph import Graph, Node, Value, make
from tenfold.ir.primitive import PRIMITIVES, Spec

MOST_PARTS = 16  # in one kernel
SHORTEST = 8  # elements of a row of a part: kernels fill vectors with these


@dataclass(frozen=True, slots=True)
class Padded:
    """A value that is zero but for `parts` along `axis`: (position, part), in order."""

    axis: int
    parts: tuple[tuple[int, Value], ...]

    def joined(self, other: Padded) -> Padded | None:
        """The sum of both; None where they overlap."""
        parts = sorted((*self.parts, *other.parts), key=lambda part: part[0])
        apart = all(start + known(v)[self.axis] <= after for (start, v), (after, _) in pairwise(parts))
        return Padded(self.axis, tuple(parts)) if self.axis == other.axis and apart and len(parts) <= MOST_PARTS else None


def join_pads(graph: Graph) -> Graph:
    """The graph with sums of padded tensors that do not overlap as concatenations."""
    if not any(node.primitive.name == "pad" for node in graph.nodes):
        return graph
    padded: dict[Value, Padded] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        found = _padded(node) if node.primitive.name == "pad" else None
        if padded and node.primitive.name == "add" and all(x in padded for x in node.inputs):
            a, b = (padded[x] for x in node.inputs)
            found = a.joined(b)
        if found is not None:
            padded[node.outputs[0]] = found
        if found is None or len(found.parts) == 1:
            nodes.append(node)
        else:
            nodes += _concatenation(found, node)
    if not padded:
        return graph
    joined = Graph(graph.inputs, graph.outputs, tuple(nodes), graph.name)
    return Graph(graph.inputs, graph.outputs, tuple(live(joined)), graph.name)


def _padded(node: Node) -> Padded | None:
    low, high = node.attrs["low"], node.attrs["high"]
    axes = [d for d, (lo, hi) in enumerate(zip(low, high, strict=True)) if lo or hi]
    if len(axes) != 1 or any(node.attrs["interior"]) or node.attrs["value"] != 0:
        return None
    return Padded(axes[0], ((low[axes[0]], node.inputs[0]),))


def _concatenation(sum_of: Padded, node: Node) -> list[Node]:
    """What makes the result of `node`, an addition, from its parts and zeros between them; `node` where kernels do not go over parts."""
    (whole,), axis, end = node.outputs, sum_of.axis, 0
    zero = Value(Spec((), whole.spec.dtype), np.zeros((), whole.spec.dtype.numpy))
    gaps: list[Node] = []
    parts: list[Value] = []
    for start, part in (*sum_of.parts, (known(whole)[axis], None)):
        if start > end:
            shape = tuple(start - end if d == axis else n for d, n in enumerate(known(whole)))
            gaps.append(make(PRIMITIVES["broadcast_to"], [zero], {"shape": shape}, node.where))
            parts.append(gaps[-1].outputs[0])
        if part is not None:
            parts.append(part)
            end = start + known(part)[axis]
    joined = Node(PRIMITIVES["concat"], tuple(parts), node.outputs, {"axis": axis}, node.where)
    return [*gaps, joined] if in_parts(joined) else [node]


def in_parts(node: Node) -> bool:
    """Whether a kernel that stores the node's result goes over parts of it."""
    if node.primitive.name != "concat" or not 1 < len(node.inputs) <= MOST_PARTS:
        return False
    return all(elements(v) > 0 and _row(known(v), node.attrs["axis"]) >= SHORTEST for v in node.inputs)


def _row(part: Sequence[int], axis: int) -> int:
    """How many elements kernels go over in a row: those that lie side by side; of single ones, as channels are put together, the last dimension."""
    together = math.prod(part[axis:])
    return together if together > 1 else next((n for n in reversed(part) if n > 1), 1)
