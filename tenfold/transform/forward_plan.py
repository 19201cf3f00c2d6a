"""Traced operations as one list of NumPy calls: what eager mode does, without the Python between the operations.

It takes and gives eager tensors; tapes are told of each operation, as if it had been called by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from tenfold.core.quiet import restore, silence
from tenfold.core.shapes import product
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind
from tenfold.tensor.bind import SIMPLE, state
from tenfold.tensor.swift import swift
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.vjp import RULED

MOST_NODES, FEW = 1 << 11, 1 << 16  # elements, below which nothing that is made of several operations has a program of its own
PLAIN = (*SIMPLE, Kind.ATTENTION)
Plan = Callable[..., list[Tensor]]


def plan(graph: Graph, results: int) -> Plan | None:
    """The graph, whose outputs are `results` and then what variables become, as a function of eager tensors; None where it has other operations
    than plain ones, or ones of many elements, which may be better compiled.
    """
    if len(graph.nodes) > MOST_NODES:
        return None
    for node in graph.nodes:
        sizes = [product(v.spec.shape) for v in node.outputs]
        simple = node.primitive.kind in PLAIN or node.primitive.name in RULED
        if not simple or not all([isinstance(n, int) and n < FEW for n in sizes]):
            return None

    @cache
    def written(taped: bool) -> Plan:
        return _written(graph, graph.nodes, _seen(graph, results) if taped else ())

    def run(*tensors: Tensor) -> list[Tensor]:
        return written(bool(state.tapes))(state.tapes, *tensors)

    return run


def _seen(graph: Graph, results: int) -> list[Node]:
    """The operations that tapes are told of: those that lead to the results; but not to a rule's first operand, for which the rule speaks."""
    needed = {id(v) for v in graph.outputs[:results]}
    seen: list[Node] = []
    for node in reversed(graph.nodes):
        if any([id(v) in needed for v in node.outputs]):
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
        made = [f"y{i}_{k}" for k in range(len(node.outputs))]
        arrays.update((id(v), name) for v, name in zip(node.outputs, made, strict=True))
        scalar = [f"; {name} = asarray({name})" for v, name in zip(node.outputs, made, strict=True) if not v.spec.shape]
        lines.append(f"        {', '.join(made)} = {call}{''.join(scalar)}")
        done = [arrays[id(v)] for v in {id(v): v for v in node.inputs}.values() if last[id(v)] == i and id(v) not in kept and arrays[id(v)][0] == "y"]
        lines += [f"        del {', '.join(done)}"] if done else []
    lines += ["    finally:", "        restore(before)"]
    for v in [v for n in nodes for v in n.outputs if id(v) in kept]:
        tensors[id(v)] = f"t{arrays[id(v)][1:]}"
        lines.append(f"    {tensors[id(v)]} = new(Tensor); {tensors[id(v)]}._array = {arrays[id(v)]}")
    for i, node in enumerate(seen):
        known[f"p{i}"], known[f"b{i}"] = node.primitive, node.attrs
        inputs, outputs = ("".join(f"{tensors[id(v)]}, " for v in values) for values in (node.inputs, node.outputs))
        lines.append(f"    for tape in tapes: tape.record(p{i}, ({inputs}), ({outputs}), b{i})")
    for v in graph.outputs:
        array(v)
    lines.append(f"    return [{', '.join(tensors[id(v)] for v in graph.outputs)}]")
    exec("\n".join(lines), known)
    return known["planned"]  # type: ignore[no-any-return]
