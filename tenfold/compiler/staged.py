"""Graphs that are not all kernels: strings, and results whose sizes only the data know, are made by host operations between compiled programs.

    strings -> [host: split, look up] -> numbers of now known sizes -> [program: the model] -> ...

A node goes into the earliest stage that its inputs allow: even stages are run node by node, odd ones are programs, one per set of sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tenfold.compiler.kept import Shared
from tenfold.compiler.repeat import Repeat
from tenfold.core.dtypes import string
from tenfold.core.errors import ShapeError
from tenfold.core.shapes import match, show
from tenfold.ir.graph import Graph, Node, specialize, substitute
from tenfold.ir.primitive import Kind

Build = Callable[[Graph, Sequence[tuple[int, int]], Sequence[int], Shared], Any]
MOST_PROGRAMS = 64  # per part: data may come in any number of widths


def is_staged(graph: Graph) -> bool:
    """Whether some of the graph must run outside of kernels."""
    return any(v.spec.dtype is string for v in (*graph.inputs, *graph.outputs)) or any(map(_is_apart, graph.nodes))


def _is_apart(node: Node) -> bool:
    if node.primitive.apart:
        return True
    for v in (*node.inputs, *node.outputs):
        if v.spec.dtype is string:
            return True
    return bool(node.attrs) and any(map(is_staged, _graphs(node.attrs.values())))


def _graphs(attrs: Iterable[Any]) -> list[Graph]:
    found: list[Graph] = []
    for a in attrs:
        if isinstance(a, Graph):
            found.append(a)
        elif type(a) is tuple:
            found += _graphs(a)
    return found


@dataclass(slots=True)
class _Part:
    """One stage: its nodes as a graph, and what `compile_graph` is told of it."""

    graph: Graph
    host: bool
    updates: tuple[tuple[int, int], ...]  # (output, input) of the part's graph
    steady: tuple[int, ...]  # positions among its inputs
    versions: tuple[int, ...]  # for each of them, the position of its version
    programs: dict[Any, Any] = field(default_factory=dict)
    shared: Shared = field(default_factory=dict)  # what they keep


class Staged:
    """Runs a graph as host operations and programs in turn. Called as a program is."""

    repeats = False

    def __init__(self, graph: Graph, updates: Sequence[tuple[int, int]], steady: Sequence[int], build: Build) -> None:
        self._graph, self._build = graph, build
        self._targets = dict(updates)
        self._parts = _parts(graph, updates, steady)
        written = {id(part.graph.outputs[o]) for part in self._parts for o, _ in part.updates}
        self._in_place = frozenset(written)

    def __call__(self, arrays: list[Any], variables: Sequence[Any] = (), versions: Sequence[int] = (), repeat: Repeat | None = None) -> list[Any]:
        """Runs it; arrays named in `updates` are changed in place."""
        arrays = [*arrays, *variables]
        env: dict[int, Any] = {id(v): a for v, a in zip(self._graph.inputs, arrays, strict=True)}
        sizes: dict[str, int] = {}
        for part in self._parts:
            if part.host:
                for node in part.graph.nodes:
                    _run(node, env, sizes)
            else:
                self._launch(part, env, sizes, versions)
        given = {id(v) for v in self._graph.inputs} | self._in_place
        results = [v.constant if v.constant is not None else env[id(v)] for v in self._graph.outputs]
        for k, i in self._targets.items():
            if results[k] is not arrays[i]:
                arrays[i][...] = results[k]
        kept = [k for k in range(len(results)) if k not in self._targets]
        return [np.array(results[k]) if id(self._graph.outputs[k]) in given else results[k] for k in kept]

    def _launch(self, part: _Part, env: dict[int, Any], sizes: dict[str, int], versions: Sequence[int]) -> None:
        inputs = [env[id(v)] for v in part.graph.inputs]
        key = (tuple([a.shape for a in inputs]), tuple(sizes.items()))
        program = part.programs.get(key)
        if program is None:
            if len(part.programs) >= MOST_PROGRAMS:
                part.programs.clear()
                part.shared.clear()
            graph = specialize(part.graph, sizes) if sizes else part.graph
            program = part.programs[key] = self._build(graph, part.updates, part.steady, part.shared)
        made = iter(program(inputs, [], [versions[k] for k in part.versions] if versions else ()))
        targets = dict(part.updates)
        for k, v in enumerate(part.graph.outputs):
            env[id(v)] = inputs[targets[k]] if k in targets else next(made)


def _run(node: Node, env: dict[int, Any], sizes: dict[str, int]) -> None:
    """One host operation; what its results' shapes say of unknown sizes is added to `sizes`."""
    inputs = [env[id(v)] if v.constant is None else v.constant for v in node.inputs]
    with np.errstate(all="ignore"):
        made = node.primitive.oracle(*inputs, **{k: substitute(a, sizes) for k, a in node.attrs.items()})
    for v, y in zip(node.outputs, made if isinstance(made, tuple) else (made,), strict=True):
        array = y if isinstance(y, np.ndarray) else np.full((), y, v.spec.dtype.numpy)
        if not match(v.spec.shape, array.shape, sizes):
            raise ShapeError(f"[{node.primitive.name}] expected a result of shape {show(v.spec.shape)}; the data give {array.shape}.")
        env[id(v)] = array


def _stages(graph: Graph) -> list[int]:
    """The stage of each node. Effects keep their order."""
    at: dict[int, int] = {}
    stages, effects = [], 0
    for node in graph.nodes:
        stage = max((at.get(id(v), 0) for v in node.inputs), default=0)
        if node.primitive.kind is Kind.EFFECT:
            stage = max(stage, effects)
        stage += (stage + (not _is_apart(node))) % 2
        if node.primitive.kind is Kind.EFFECT:
            effects = stage
        at.update((id(v), stage) for v in node.outputs)
        stages.append(stage)
    return stages


def _parts(graph: Graph, updates: Sequence[tuple[int, int]], steady: Sequence[int]) -> list[_Part]:
    stages = _stages(graph)
    groups = [(s, tuple(n for n, at in zip(graph.nodes, stages, strict=True) if at == s)) for s in sorted(set(stages))]
    wanted = {id(v) for v in graph.outputs}
    parts: list[_Part] = []
    for number, (stage, nodes) in enumerate(groups):
        later = {id(v) for _, others in groups[number + 1 :] for n in others for v in n.inputs}
        made = {id(v): v for n in nodes for v in n.outputs}
        inputs = tuple({id(v): v for n in nodes for v in n.inputs if v.constant is None and id(v) not in made}.values())
        outputs = tuple(v for key, v in made.items() if key in wanted or key in later)
        part = Graph(inputs, outputs, nodes, graph.name)
        place = {id(v): k for k, v in enumerate(inputs)}
        mine = {id(v): k for k, v in enumerate(outputs)}
        pairs = [(graph.outputs[k], graph.inputs[i]) for k, i in updates]
        in_place = {  # by output, since one value may be written to several variables
            mine[id(new)]: place[id(old)]
            for new, old in pairs
            if id(new) in mine and id(old) in place and id(old) not in later and id(old) not in wanted
        }
        kept = [k for k, i in enumerate(steady) if id(graph.inputs[i]) in place]
        parts.append(_Part(part, stage % 2 == 0, tuple(in_place.items()), tuple(place[id(graph.inputs[steady[k]])] for k in kept), tuple(kept)))
    return parts
