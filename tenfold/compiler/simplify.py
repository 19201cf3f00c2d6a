"""Graph -> smaller Graph: constants folded, equal nodes merged, the primitives' own algebra applied, unused nodes removed.

a = mul(x, 1); b = exp(a); c = exp(x); d = add(b, c)   ->   b = exp(x); d = add(b, b)
cond(true, f, g)                                         ->   f's nodes
slice(concat(a, b, c))                                   ->   slice(b), where that is all it reads
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.compiler.program import elements, known
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind

FOLD_LIMIT = 1 << 14  # elements


def simplify(graph: Graph) -> Graph:
    """The graph with the same results and less work. Sizes must be known."""
    new: dict[Value, Value] = {}
    seen: dict[Any, Node] = {}
    nodes: list[Node] = []
    joined: dict[Value, Node] = {}
    pending = deque(live(graph))
    replaced = new.keys()

    def current(v: Value) -> Value:
        while v in new:
            v = new[v]
        return v

    while pending:
        node = pending.popleft()
        if not replaced.isdisjoint(node.inputs):
            node = Node(node.primitive, tuple(map(current, node.inputs)), node.outputs, node.attrs, node.where)
        if node.primitive.name == "slice" and node.inputs[0] in joined:
            node = _of_part(node, joined[node.inputs[0]])
        results: Sequence[Value] | None = None
        if node.primitive.name == "cond" and node.inputs[0].constant is not None:
            branch, results = _decided(node)
            pending.extendleft(branch[::-1])
        elif node.primitive.pure:
            results = _replacement(node)
            if results is None:
                earlier = seen.setdefault(_key(node), node)
                results = earlier.outputs if earlier is not node else None
        if results is None:
            nodes.append(node)
            if node.primitive.name == "concat":
                joined[node.outputs[0]] = node
        else:
            new.update(zip(node.outputs, results, strict=True))
    small = Graph(graph.inputs, tuple(map(current, graph.outputs)), tuple(nodes), graph.name)
    return Graph(small.inputs, small.outputs, tuple(live(small)), small.name)


def _of_part(node: Node, whole: Node) -> Node:
    """A slice of a concatenation as one of the part that it lies in, if there is one."""
    axis, start = whole.attrs["axis"], 0
    begin, size, step = (node.attrs[name][axis] for name in ("begin", "size", "strides"))
    for part in whole.inputs:
        n = known(part)[axis]
        first = begin - start
        if 0 <= first < n and 0 <= first + (size - 1) * step < n:
            places = (*node.attrs["begin"][:axis], first, *node.attrs["begin"][axis + 1 :])
            return Node(node.primitive, (part,), node.outputs, {**node.attrs, "begin": places}, node.where)
        start += n
    return node


def _decided(node: Node) -> tuple[list[Node], list[Value]]:
    """The nodes and results of the branch that a cond takes whose condition is known."""
    condition = node.inputs[0].constant
    branch: Graph = node.attrs["then" if condition is not None and condition.item() else "otherwise"]
    new = dict(zip(branch.inputs, node.inputs[1:], strict=True))
    made = []
    for n in live(branch):
        outputs = tuple(Value(v.spec) for v in n.outputs)
        made.append(Node(n.primitive, tuple(new.get(v, v) for v in n.inputs), outputs, n.attrs, n.where))
        new.update(zip(n.outputs, outputs, strict=True))
    return made, [new.get(v, v) for v in branch.outputs]


def live(graph: Graph) -> list[Node]:
    """The nodes that the outputs need, or that act."""
    needed = set(graph.outputs)
    unneeded, need = needed.isdisjoint, needed.update
    kept = []
    for node in reversed(graph.nodes):
        if not unneeded(node.outputs) or node.primitive.kind is Kind.EFFECT:
            kept.append(node)
            need(node.inputs)
    return kept[::-1]


def _replacement(node: Node) -> tuple[Value, ...] | None:
    """Existing or constant Values equal to the results of a pure node."""
    p = node.primitive
    if p.algebra is not None:
        found = p.algebra(node.inputs, node.attrs)
        if found is not None:
            return found if isinstance(found, tuple) else (found,)
    if p.name in IDENTITIES:
        same = _identity(node)
        if same is not None:
            return (same,)
    for v in node.inputs:
        if v.constant is None:
            return None
    return _folded(node)


def _folded(node: Node) -> tuple[Value, ...] | None:
    """The results of a node whose inputs are known."""
    p, specs = node.primitive, [v.spec for v in node.outputs]
    if p.kind in (Kind.CONTROL, Kind.EFFECT) or sum(elements(v) for v in node.outputs) > FOLD_LIMIT:
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
    """Equal for nodes that compute the same."""
    attrs = tuple([(k, _hashable(node.attrs[k])) for k in sorted(node.attrs)]) if node.attrs else ()
    return (node.primitive, attrs, *[v if v.constant is None else _constant(v) for v in node.inputs])


def _constant(v: Value) -> Any:
    assert v.constant is not None
    return (v.spec, v.constant.tobytes()) if v.constant.size <= 8 else v


def _hashable(attr: Any) -> Any:
    try:
        hash(attr)
    except TypeError:
        return id(attr)
    return (type(attr).__name__, attr if not isinstance(attr, float) or attr == attr else "nan")
