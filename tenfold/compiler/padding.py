"""Paddings before convolutions of each channel for itself become the convolutions' own.

    y = pad(x, 1); z = convolution(y, w, padding=0)   ->   z = convolution(x, w, padding=1)

Such convolutions find zeros outside the image by themselves (kernel/depthwise.py), so that the padded image need not be written, and what
makes x can end with the product that makes it. Others copy an image with its margin, which the padding does as well.
"""

from __future__ import annotations

from collections import defaultdict

from tenfold.compiler.program import known
from tenfold.compiler.simplify import live
from tenfold.ir.graph import Graph, Node, Value

TAKERS = ("convolution", "convolution_weight_gradient")  # their first input is the image


def absorb_pads(graph: Graph) -> Graph:
    """The graph without the paddings that all their users can do themselves."""
    pads = {node.outputs[0]: node for node in graph.nodes if node.primitive.name == "pad" and _margin(node)}
    users: dict[Value, list[Node]] = defaultdict(list)
    for node in graph.nodes if pads else ():
        for v in pads.keys() & node.inputs:
            users[v].append(node)
    kept = set(graph.outputs)
    absorbed = {v: pad for v, pad in pads.items() if v not in kept and all(_takes(user, pad) for user in users[v])}
    if not absorbed:
        return graph
    nodes = [_taken(node, absorbed[node.inputs[0]]) if node.inputs and node.inputs[0] in absorbed else node for node in graph.nodes]
    whole = Graph(graph.inputs, graph.outputs, tuple(nodes), graph.name)
    return Graph(graph.inputs, graph.outputs, tuple(live(whole)), graph.name)


def _margin(pad: Node) -> tuple[tuple[int, int], ...] | None:
    """The zeros that `pad` puts around images [n, spatial..., channels]; None where it does anything else."""
    low, high = pad.attrs["low"], pad.attrs["high"]
    ends = {low[0], high[0], low[-1], high[-1], pad.attrs["value"], *pad.attrs["interior"]}
    return tuple(zip(low[1:-1], high[1:-1], strict=True)) if ends == {0} and len(low) > 2 else None


def _takes(user: Node, pad: Node) -> bool:
    padded = pad.outputs[0]
    first = user.primitive.name in TAKERS and user.inputs[0] is padded and all(v is not padded for v in user.inputs[1:])
    return first and 1 < user.attrs["groups"] == known(padded)[-1]


def _taken(user: Node, pad: Node) -> Node:
    margin = _margin(pad) or ()
    padding = tuple((lo + more_lo, hi + more_hi) for (lo, hi), (more_lo, more_hi) in zip(user.attrs["padding"], margin, strict=True))
    return Node(user.primitive, (pad.inputs[0], *user.inputs[1:]), user.outputs, {**user.attrs, "padding": padding}, user.where)
