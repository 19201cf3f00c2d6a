"""Gradients of weights read those of maxima over windows instead of what these bring to the elements, where nothing else needs that.

    convolution_weight_gradient(x, window_route(g, places))   ->   convolution_weight_gradient(x, g, places)

The kernels copy the gradient panel by panel anyway, and bring its elements to their places as they do so.
"""

from __future__ import annotations

from tenfold.codegen.contraction import routes
from tenfold.compiler.calls import weight_gradient_spec
from tenfold.compiler.program import Uses, elements
from tenfold.compiler.windows import in_windows
from tenfold.core.dtypes import int8
from tenfold.ir.graph import Graph, Node


def absorb_routes(graph: Graph) -> Graph:
    """The graph without the tensors that gradients of weights alone read."""
    if not any(node.primitive.name == "window_route" for node in graph.nodes):
        return graph
    uses = Uses(graph)
    taken = {r: node for node in graph.nodes if (r := _reader(node, uses)) is not None}
    gone = set(taken.values())
    nodes = [_taken(node, taken[node]) if node in taken else node for node in graph.nodes if node not in gone]
    return Graph(graph.inputs, graph.outputs, tuple(nodes), graph.name)


def _reader(routed: Node, uses: Uses) -> Node | None:
    """The gradient of weights that can do without the result of `routed`."""
    if routed.primitive.name != "window_route" or not in_windows(routed) or routed.inputs[1].spec.dtype is not int8:
        return None
    v = routed.outputs[0]
    if not uses.single_reader(v):
        return None
    reader = uses.readers[v][0]
    if reader.primitive.name != "convolution_weight_gradient" or reader.inputs[1] is not v or not elements(routed.inputs[0]):
        return None
    inside = all(lo == hi == 0 for lo, hi in routed.attrs["padding"])
    return reader if inside and routes(weight_gradient_spec(reader), routed.attrs["window"]) else None


def _taken(reader: Node, routed: Node) -> Node:
    attrs = {**reader.attrs, "window": routed.attrs["window"], "spec": weight_gradient_spec(reader)}
    return Node(reader.primitive, (reader.inputs[0], *routed.inputs), reader.outputs, attrs, reader.where)
