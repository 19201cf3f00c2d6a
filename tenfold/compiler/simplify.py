"""Graph -> smaller Graph: constants folded, equal nodes merged, the primitives' own algebra applied, unused nodes removed.

a = mul(x, 1); b = exp(a); c = exp(x); d = add(b, c)   ->   b = exp(x); d = add(b, b)
cond(true, f, g)                                         ->   f's nodes
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from tenfold.compiler.program import elements
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind

FOLD_LIMIT = 1 << 14  # elements


def simplify(graph: Graph) -> Graph:
    """The graph with the same results and less work. Sizes must be known."""
    new: dict[int, Value] = {}
    seen: dict[Any, Node] = {}
    nodes: list[Node] = []
    pending, met = deque(live(graph)), []

    def current(v: Value) -> Value:
        while id(v) in new:
            v = new[id(v)]
        return v

    while pending:
        node = pending.popleft()
        met.append(node)  # so that no id is used again
        node = Node(node.primitive, tuple(current(v) for v in node.inputs), node.outputs, node.attrs, node.where)
        shortcut = _replacement(node)
        if shortcut is not None:
            new.update((id(v), s) for v, s in zip(node.outputs, shortcut, strict=True))
            continue
        if node.primitive.name == "cond" and node.inputs[0].constant is not None:
            branch, results = _decided(node)
            pending.extendleft(branch[::-1])
            new.update((id(v), r) for v, r in zip(node.outputs, results, strict=True))
            continue
        key = _key(node) if node.primitive.pure else None
        earlier = seen.get(key) if key is not None else None
        if earlier is not None:
            new.update((id(a), b) for a, b in zip(node.outputs, earlier.outputs, strict=True))
            continue
        if key is not None:
            seen[key] = node
        nodes.append(node)
    small = Graph(graph.inputs, tuple(current(v) for v in graph.outputs), tuple(nodes), graph.name)
    return Graph(small.inputs, small.outputs, tuple(live(small)), small.name)


def _decided(node: Node) -> tuple[list[Node], list[Value]]:
    """The nodes and results of the branch that a cond takes whose condition is known."""
    condition = node.inputs[0].constant
    branch: Graph = node.attrs["then" if condition is not None and condition.item() else "otherwise"]
    new = {id(v): x for v, x in zip(branch.inputs, node.inputs[1:], strict=True)}
    made = []
    for n in live(branch):
        outputs = tuple(Value(v.spec) for v in n.outputs)
        made.append(Node(n.primitive, tuple(new.get(id(v), v) for v in n.inputs), outputs, n.attrs, n.where))
        new.update((id(old), v) for old, v in zip(n.outputs, outputs, strict=True))
    return made, [new.get(id(v), v) for v in branch.outputs]


def live(graph: Graph) -> list[Node]:
    """The nodes that the outputs need, or that act."""
    needed = {id(v) for v in graph.outputs}
    kept = []
    for node in reversed(graph.nodes):
        if node.primitive.kind is Kind.EFFECT or any(id(v) in needed for v in node.outputs):
            kept.append(node)
            needed.update(id(v) for v in node.inputs)
    return kept[::-1]


def _replacement(node: Node) -> tuple[Value, ...] | None:
    """Existing or constant Values equal to the node's results."""
    p = node.primitive
    if not p.pure:
        return None
    if p.algebra is not None:
        found = p.algebra(node.inputs, node.attrs)
        if found is not None:
            return found if isinstance(found, tuple) else (found,)
    if p.name in IDENTITIES:
        same = _identity(node)
        if same is not None:
            return (same,)
    return _folded(node)


def _folded(node: Node) -> tuple[Value, ...] | None:
    p, specs = node.primitive, [v.spec for v in node.outputs]
    known = all(v.constant is not None for v in node.inputs) and p.kind not in (Kind.CONTROL, Kind.EFFECT)
    if not known or sum(elements(v) for v in node.outputs) > FOLD_LIMIT:
        return None
    with np.errstate(all="ignore"):
        found = p.oracle(*(v.constant for v in node.inputs), **node.attrs)
    results = found if isinstance(found, tuple) else (found,)
    return tuple(Value(s, np.asarray(r), True) for s, r in zip(specs, results, strict=True))


IDENTITIES = {"mul": (1, (0, 1)), "add": (0, (0, 1)), "sub": (0, (1,)), "div": (1, (1,)), "stop_gradient": (None, ())}


def _identity(node: Node) -> Value | None:
    """`x` for x * 1, x + 0, x - 0, x / 1 (x + 0 keeps even -0.0 apart only in its sign, as NumPy's x + 0 does not)."""
    neutral, sides = IDENTITIES[node.primitive.name]
    if neutral is None:
        return node.inputs[0]
    for side in sides:
        constant, other = node.inputs[side].constant, node.inputs[1 - side]
        if constant is not None and constant.size == 1 and constant.reshape(())[()] == neutral and other.spec == node.outputs[0].spec:
            return other
    return None


def _key(node: Node) -> Any:
    attrs = tuple(sorted((k, _hashable(a)) for k, a in node.attrs.items()))
    return (node.primitive.name, tuple(_operand(v) for v in node.inputs), attrs)


def _operand(v: Value) -> Any:
    if v.constant is not None and v.constant.size <= 8:
        return (v.spec, v.constant.tobytes())
    return id(v)


def _hashable(attr: Any) -> Any:
    try:
        hash(attr)
    except TypeError:
        return id(attr)
    return (type(attr).__name__, attr if not isinstance(attr, float) or attr == attr else "nan")
