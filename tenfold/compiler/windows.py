"""Maxima over windows: their gradients in terms of windows instead of elements, and kernels that go over windows.

What an activation lets through is what its maximum does, so a gradient's way through both follows from the places of the maxima:

    select(0 < x, window_route(g, window_argmax(x)), 0)   ->   window_route(g, window_argmax(x, above=0))
    sum(window_route(g, places))                          ->   sum(select(places < 0, 0, g))

Then nothing of the size of `x` is kept for the gradient, and the sums that gradients of biases are read the smaller tensors.

A kernel that stores a gradient of windows that do not overlap goes over the windows and stores all elements of each.
"""

from __future__ import annotations

import math
from functools import reduce
from itertools import product

import numpy as np

from tenfold.compiler.expressions import Builder, Reader
from tenfold.compiler.program import Uses, elements, known
from tenfold.compiler.simplify import live
from tenfold.core import dtypes
from tenfold.ir.graph import Graph, Node, Value, make
from tenfold.ir.primitive import PRIMITIVES, Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr, Store

MOST_PLACES = 16  # in a window whose elements one kernel stores
SHORTEST = 8  # channels: kernels fill vectors with these


def by_windows(graph: Graph) -> Graph:
    """The graph with gradients of activations and biases before maxima over windows as those of the maxima."""
    if not any(node.primitive.name == "window_route" for node in graph.nodes):
        return graph
    maker: dict[Value, Node] = {}
    nodes: list[Node] = []
    for node in graph.nodes:
        name = node.primitive.name
        made = _activated(node, maker) if name == "select" else _summed(node, maker) if name == "sum" else [node]
        nodes += made
        maker.update((v, n) for n in made for v in n.outputs)
    whole = Graph(graph.inputs, graph.outputs, tuple(nodes), graph.name)
    whole = Graph(graph.inputs, graph.outputs, tuple(live(whole)), graph.name)
    return Graph(graph.inputs, graph.outputs, tuple(_places_behind_maxima(whole)), graph.name)


def _places_behind_maxima(graph: Graph) -> list[Node]:
    """The graph's nodes, places in windows right after the maxima that are found in the same sweep."""
    uses = Uses(graph)
    places = {found: node for node in reversed(graph.nodes) if (found := places_of(node, uses)) is not None}
    behind = {node: found for found, node in places.items()}
    staying = (node for node in graph.nodes if node not in places)
    return [n for node in staying for n in ([node, behind[node]] if node in behind else [node])]


def places_of(node: Node, uses: Uses) -> Node | None:
    """What finds the places of the maxima over windows that `node` finds."""
    if node.primitive.name != "window_max":
        return None
    return next((r for r in uses.readers[node.inputs[0]] if r.primitive.name == "window_argmax" and same_windows(node, r)), None)


def same_windows(a: Node, b: Node) -> bool:
    """Whether both look at the same windows."""
    return all(a.attrs[name] == b.attrs[name] for name in ("window", "strides", "padding"))


def _activated(node: Node, maker: dict[Value, Node]) -> list[Node]:
    """What makes the result of `node`, a selection."""
    condition, routed, zero = (maker.get(x) for x in node.inputs)
    argmax = _argmax(routed, maker)
    if condition is None or condition.primitive.name != "less" or routed is None or argmax is None or zero is not None:
        return [node]
    low, x = condition.inputs
    if not (_is_zero(low) and _is_zero(node.inputs[2]) and x is argmax.inputs[0] and "above" not in argmax.attrs):
        return [node]
    places = make(argmax.primitive, argmax.inputs, {**argmax.attrs, "above": 0}, argmax.where)
    return [places, Node(routed.primitive, (routed.inputs[0], places.outputs[0]), node.outputs, routed.attrs, node.where)]


def _summed(node: Node, maker: dict[Value, Node]) -> list[Node]:
    """What makes the result of `node`, a sum."""
    routed = maker.get(node.inputs[0])
    argmax = _argmax(routed, maker)
    if routed is None or argmax is None or not set(range(1, len(known(node.inputs[0])) - 1)) <= set(node.attrs["axes"]):
        return [node]
    g, places = routed.inputs
    zero, least = (Value(Spec((), v.spec.dtype), np.zeros((), v.spec.dtype.numpy)) for v in (g, places))
    made: list[Node] = []
    if "above" in argmax.attrs:
        made.append(make(PRIMITIVES["less"], [places, least], {}, node.where))
        made.append(make(PRIMITIVES["select"], [made[0].outputs[0], zero, g], {}, node.where))
        g = made[1].outputs[0]
    return [*made, Node(node.primitive, (g,), node.outputs, node.attrs, node.where)]


def _argmax(routed: Node | None, maker: dict[Value, Node]) -> Node | None:
    """What makes the places to which `routed` brings elements."""
    found = maker.get(routed.inputs[1]) if routed is not None and routed.primitive.name == "window_route" else None
    return found if found is not None and found.primitive.name == "window_argmax" else None


def _is_zero(v: Value) -> bool:
    return v.constant is not None and v.constant.size == 1 and v.constant.item() == 0


# --- kernels ---


def in_windows(node: Node) -> bool:
    """Whether a kernel that stores the node's result goes over windows: these stand side by side."""
    if node.primitive.name not in ("window_route", "window_spread"):
        return False
    apart = node.attrs["window"] == node.attrs["strides"] and not any(low for low, _ in node.attrs["padding"])
    return apart and known(node.outputs[0])[-1] >= SHORTEST and math.prod(node.attrs["window"]) <= MOST_PLACES and elements(node.outputs[0]) > 0


def windows_of(node: Node) -> tuple[int, ...]:
    """The space of windows that covers the node's result; the last of them may be none of its own, where the result is zero."""
    n, *spatial, channels = known(node.outputs[0])
    covering = (-(-size // s) for size, s in zip(spatial, node.attrs["strides"], strict=True))
    return (n, *map(max, known(node.inputs[0])[1:-1], covering), channels)


def window_stores(node: Node, b: Builder) -> list[Store]:
    """Stores of the elements of a window."""
    (v,), window, k = node.outputs, node.attrs["window"], Reader(b, node, None)
    space, sizes, wide = windows_of(node)[1:-1], known(v)[1:-1], v.spec.dtype
    own = list(zip(b.dims[1:-1], k.shape(0)[1:-1], space, known(node.inputs[0])[1:-1], strict=True))
    there = _all([i < n for i, n, m, given in own if m > given])
    index = [b.dims[0], *(i + 0 if m > given else i for i, _, m, given in own), b.dims[-1]]  # what is no dim runs by sizes of its own
    g = k.read(0, index, there)
    places = loops.cast(k.read(1, index, there), dtypes.int32) if k.inputs > 1 else None
    stores = []
    for number, offset in enumerate(product(*map(range, window))):
        position = [i * k.int(w) + o for i, w, o in zip(b.dims[1:-1], window, offset, strict=True)]
        ends = zip(position, sizes, space, window, strict=True)
        inside = _all([at < b.integer(("size", v, d), n) for d, (at, n, m, w) in enumerate(ends) if m * w > n])
        value = g if places is None else loops.select(loops.binary("eq", places, number), g, 0)
        stores.append(Store(b.buffer(v), b.linear(v, [b.dims[0], *position, b.dims[-1]]), loops.cast(value, wide), inside))
    return stores


def _all(tests: list[Expr]) -> Expr | None:
    """Whether all hold; None if there are none."""
    return reduce(lambda a, b: a & b, tests) if tests else None
