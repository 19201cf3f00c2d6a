"""Traced operations as one list of NumPy calls: what eager mode does, without the Python between the operations.

It takes and gives eager tensors; tapes are told of each operation, as if it had been called by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.quiet import restore, silence
from tenfold.core.shapes import product
from tenfold.ir.graph import Graph, Node, Value
from tenfold.tensor.bind import SIMPLE, state
from tenfold.tensor.swift import swift
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.custom import RULED
from tenfold.transform.whole import MANY

Plan = Callable[..., list[Tensor]]


def plan(graph: Graph) -> Plan | None:
    """The graph as a function of eager tensors; None where it has other operations than plain ones, or large ones, which may be better compiled."""
    for node in graph.nodes:
        size = product(node.outputs[0].spec.shape)
        simple = node.primitive.kind in SIMPLE or node.primitive.name in RULED
        if not simple or len(node.outputs) != 1 or not isinstance(size, int) or size >= MANY:
            return None
    plain, recorded = _written(graph, graph.nodes, ()), _written(graph, graph.nodes, _seen(graph))

    def run(*tensors: Tensor) -> list[Tensor]:
        return recorded(state.tapes, *tensors) if state.tapes else plain((), *tensors)

    return run


def _seen(graph: Graph) -> list[Node]:
    """The operations that tapes are told of: all but those that only a rule's first operand comes from, for which the rule speaks."""
    needed = {id(v) for v in graph.outputs}
    seen: list[Node] = []
    for node in reversed(graph.nodes):
        if id(node.outputs[0]) in needed:
            needed.update(id(v) for v in node.inputs[node.primitive.name in RULED :])
            seen.append(node)
    return seen[::-1]


def _written(graph: Graph, nodes: Sequence[Node], seen: Sequence[Node]) -> Plan:
    """The Python function. A result is kept as long as it is needed, or as a tensor if it is one that tapes see."""
    known: dict[str, Any] = {"asarray": np.asarray, "new": object.__new__, "Tensor": Tensor, "silence": silence, "restore": restore}
    tensors = {id(v): f"x{i}" for i, v in enumerate(graph.inputs)}
    arrays = {id(v): f"x{i}._array" for i, v in enumerate(graph.inputs)}
    kept = {id(v) for n in seen for v in (*n.inputs, *n.outputs)} | {id(v) for v in graph.outputs}
    last = {id(v): i for i, node in enumerate(nodes) for v in node.inputs}

    def array(v: Value) -> str:
        if id(v) not in arrays:
            arrays[id(v)], tensors[id(v)] = f"c{len(arrays)}", f"k{len(arrays)}"
            known[tensors[id(v)]] = wrap(v.constant)
            known[arrays[id(v)]] = known[tensors[id(v)]]._array
        return arrays[id(v)]

    lines = [f"def planned({', '.join(['tapes', *tensors.values()])}):", "    before = silence()", "    try:", "        pass"]
    for i, node in enumerate(nodes):
        known[f"f{i}"], known[f"a{i}"] = swift(node.primitive), node.attrs
        call = f"f{i}({', '.join([*map(array, node.inputs), *([f'**a{i}'] if node.attrs else [])])})"
        y = node.outputs[0]
        arrays[id(y)] = f"y{i}"
        lines.append(f"        y{i} = {call if y.spec.shape else f'asarray({call})'}")
        done = [arrays[id(v)] for v in {id(v): v for v in node.inputs}.values() if last[id(v)] == i and id(v) not in kept and arrays[id(v)][0] == "y"]
        lines += [f"        del {', '.join(done)}"] if done else []
    lines += ["    finally:", "        restore(before)"]
    for v in [v for n in nodes for v in n.outputs if id(v) in kept]:
        tensors[id(v)] = f"t{arrays[id(v)][1:]}"
        lines.append(f"    {tensors[id(v)]} = new(Tensor); {tensors[id(v)]}._array = {arrays[id(v)]}")
    for i, node in enumerate(seen):
        known[f"p{i}"], known[f"b{i}"] = node.primitive, node.attrs
        inputs = "".join(f"{tensors[id(v)]}, " for v in node.inputs)
        lines.append(f"    for tape in tapes: tape.record(p{i}, ({inputs}), ({tensors[id(node.outputs[0])]},), b{i})")
    for v in graph.outputs:
        array(v)
    lines.append(f"    return [{', '.join(tensors[id(v)] for v in graph.outputs)}]")
    exec("\n".join(lines), known)
    return known["planned"]  # type: ignore[no-any-return]
