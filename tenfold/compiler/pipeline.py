"""The compiler: compile_graph(graph) -> Program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tenfold.ir import reference
from tenfold.ir.graph import Graph

Program = Callable[[list[Any]], list[Any]]


def compile_graph(graph: Graph, updates: Sequence[tuple[int, int]]) -> Program:
    """A program that takes input arrays and returns the output arrays. Outputs named in `updates` (output, input) are written into
    that input's array instead."""
    targets = dict(updates)

    def run(arrays: list[Any]) -> list[Any]:
        outputs = reference.run(graph, arrays)
        for o, i in targets.items():
            arrays[i][...] = outputs[o]
        return [a for k, a in enumerate(outputs) if k not in targets]

    return run
