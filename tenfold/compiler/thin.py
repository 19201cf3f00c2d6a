"""Matrix products with one column are sums along rows: tiles would work for one column of sixteen, and nothing is read twice.

    matmul(a[m, k], b[k, 1])   ->   sum(mul(a, b'), k)

What stands around such a sum is fused with it. (Where `a` is transposed tiles do as well: its rows are vectors.)
"""

from __future__ import annotations

from tenfold.compiler.program import known
from tenfold.core.dtypes import float32, float64
from tenfold.ir.graph import Graph, Node, make
from tenfold.ir.primitive import PRIMITIVES


def thin_products(graph: Graph) -> Graph:
    """The graph with such products as sums."""
    if not any(_is_thin(node) for node in graph.nodes):
        return graph
    nodes = [made for node in graph.nodes for made in (_summed(node) if _is_thin(node) else [node])]
    return Graph(graph.inputs, graph.outputs, tuple(nodes), graph.name)


def _is_thin(node: Node) -> bool:
    """Whether the node is such a product. Narrower types stay: products sum them in wider ones."""
    if node.primitive.name != "matmul" or node.attrs["transpose_a"]:
        return False
    spec = node.outputs[0].spec
    return spec.shape[-1] == 1 and spec.dtype in (float32, float64)


def _summed(node: Node) -> list[Node]:
    (whole,), (a, b) = node.outputs, node.inputs
    *lead, k = known(a)
    row = make(PRIMITIVES["reshape"], [b], {"shape": (*lead[:-1], 1, k)}, node.where)
    products = make(PRIMITIVES["mul"], [a, *row.outputs], {}, node.where)
    total = make(PRIMITIVES["sum"], products.outputs, {"axes": (len(lead),)}, node.where)
    return [row, products, total, Node(PRIMITIVES["reshape"], total.outputs, node.outputs, {"shape": known(whole)}, node.where)]
