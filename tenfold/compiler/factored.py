"""What gradients multiply one product's result with is put together first, where sums are part of it.

    dx = g * a * b + g * c    ->    d = a * b + c; dx = g * d

`d` needs nothing of the gradient `g`, so it can be made where the forward pass makes a and b (see `inline`): one tensor is kept for it
instead of all that it is made of, and the product that computes `g` ends with one multiplication.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.compiler.calls import TAKES_EPILOGUE
from tenfold.compiler.program import Uses, large, root
from tenfold.compiler.simplify import live
from tenfold.ir.graph import GRADIENT, Graph, Node, Value, make
from tenfold.ir.primitive import PRIMITIVES

SUMS = ("add", "sub")


@dataclass(frozen=True, slots=True)
class Linear:
    """A value that is `gradient` times `factor` (None: it is the gradient itself); `summed`: the factor has sums."""

    gradient: Value
    factor: Value | None = None
    summed: bool = False


def factor_gradients(graph: Graph) -> Graph:
    """The graph with such gradients as products, where they are large."""
    if not any(node.primitive.name in SUMS and _of_interest(node) for node in graph.nodes):
        return graph
    uses = Uses(graph)
    forms: dict[Value, Linear] = {}
    factors: dict[Node, Node] = {}  # node -> the one that makes its form's factor
    for node in graph.nodes:
        if _of_interest(node):
            _follow(node, uses, forms, factors)
    if not any(form.summed for form in forms.values()):
        return graph
    nodes: list[Node] = []
    for node in graph.nodes:
        form = forms.get(node.outputs[0]) if node.outputs else None
        if node in factors:
            nodes.append(factors[node])
        if form is not None and form.factor is not None and form.summed and _ends(node, uses, forms):
            node = Node(PRIMITIVES["mul"], (form.gradient, form.factor), node.outputs, {}, node.where)
        nodes.append(node)
    whole = Graph(graph.inputs, graph.outputs, tuple(nodes), graph.name)
    return Graph(graph.inputs, graph.outputs, tuple(live(whole)), graph.name)


def _of_interest(node: Node) -> bool:
    return node.where.startswith(GRADIENT) and len(node.outputs) == 1 and large(node.outputs[0])


def _follow(node: Node, uses: Uses, forms: dict[Value, Linear], factors: dict[Node, Node]) -> None:
    """Finds the form of the node's result from those of its operands, if it has one."""
    v, name = node.outputs[0], node.primitive.name
    maker = uses.maker.get(root(v, uses))
    if maker is not None and maker.primitive.name in TAKES_EPILOGUE and maker.where.startswith(GRADIENT):
        forms[v] = Linear(v)
        return
    known = [forms[x] for x in node.inputs if x in forms]
    if not known or name not in ("mul", "neg", *SUMS) or known[0].gradient.spec != v.spec:
        return
    gradient, summed = known[0].gradient, any(form.summed for form in known)
    if name == "mul" and len(known) == 1:
        other = next(x for x in node.inputs if x not in forms)
        if known[0].factor is None:
            forms[v] = Linear(gradient, other)
            return
        operands = [known[0].factor, other]
    elif name != "mul" and len(known) == len(node.inputs) and all(form.gradient is gradient and form.factor is not None for form in known):
        operands = [form.factor for form in known if form.factor is not None]
    else:
        return
    factors[node] = made = make(node.primitive, operands, node.attrs, node.where)
    forms[v] = Linear(gradient, made.outputs[0], summed or name in SUMS)


def _ends(node: Node, uses: Uses, forms: dict[Value, Linear]) -> bool:
    """Whether something needs the result that is not of that form."""
    v = node.outputs[0]
    return v in uses.outputs or any(w not in forms for reader in uses.readers[v] for w in reader.outputs)
