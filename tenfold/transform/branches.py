"""The graphs inside control flow: their operands, programs and gradients."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.compiler.pipeline import compile_graph
from tenfold.ir.graph import Graph, Value
from tenfold.ir.primitive import Spec
from tenfold.transform.call import differentiate
from tenfold.transform.trace import Traced


def rewire(t: Traced, arguments: int, order: Sequence[int], specs: Sequence[Spec], written: Sequence[int]) -> Graph:
    """The graph of `t` with inputs: its arguments, then one per id in `order`; outputs: its results, then one per id in `written`."""
    own = dict(zip([*(id(c) for c in t.captured), *(id(v) for v in t.variables)], t.graph.inputs[arguments:], strict=True))
    inputs = [own.get(key) or Value(spec) for key, spec in zip(order, specs, strict=True)]
    new = {id(t.variables[k]): v for k, v in zip(t.written, t.graph.outputs[t.results :], strict=True)}
    updates = [new.get(key) or inputs[list(order).index(key)] for key in written]
    return Graph((*t.graph.inputs[:arguments], *inputs), (*t.graph.outputs[: t.results], *updates), t.graph.nodes, t.graph.name)


_PROGRAMS: weakref.WeakKeyDictionary[Graph, Any] = weakref.WeakKeyDictionary()


def program_of(graph: Graph) -> Any:
    """The compiled program of a branch or body."""
    found = _PROGRAMS.get(graph)
    if found is None:
        twin = Graph(graph.inputs, graph.outputs, graph.nodes, graph.name)  # a program may hold its graph, and must not hold the key
        found = _PROGRAMS[graph] = compile_graph(twin)
    return found


def gradient_graph(graph: Graph, need: Sequence[bool]) -> Graph:
    """(inputs, cotangents of differentiable outputs) -> cotangents of the needed inputs, zeros where nothing connects."""
    pair = differentiate(graph, need)
    positions = [i for i, n in enumerate(need) if n]
    residual_count = len(pair.forward.outputs) - len(graph.outputs)
    residuals = pair.forward.outputs[len(graph.outputs) :]
    seeds = pair.reverse.inputs[residual_count:]
    assert all(a is b for a, b in zip(residuals, pair.reverse.inputs, strict=False))
    by_position = dict(zip(pair.wanted, pair.reverse.outputs, strict=True))
    outputs = [by_position.get(i) or _zeros(pair.forward.inputs[i].spec) for i in positions]
    return Graph((*pair.forward.inputs, *seeds), tuple(outputs), (*pair.forward.nodes, *pair.reverse.nodes), f"gradient of {graph.name}")


def _zeros(spec: Spec) -> Value:
    return Value(spec, np.zeros(spec.shape, spec.dtype.numpy))
