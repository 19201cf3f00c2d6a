"""Runs a Graph with the NumPy oracles: the slow truth, and constant folding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.ir.graph import Graph

Array = np.ndarray[Any, Any]


def run(graph: Graph, arrays: Sequence[Array]) -> list[Array]:
    """The outputs of `graph` for the input `arrays`, one primitive after the other."""
    env: dict[int, Array] = {id(v): a for v, a in zip(graph.inputs, arrays, strict=True)}
    with np.errstate(all="ignore"):
        for node in graph.nodes:
            xs = [env[id(v)] if v.constant is None else v.constant for v in node.inputs]
            ys = node.primitive.oracle(*xs, **node.attrs)
            ys = ys if isinstance(ys, tuple) else (ys,)
            env.update((id(v), np.asarray(y)) for v, y in zip(node.outputs, ys, strict=True))
    return [env[id(v)] if v.constant is None else v.constant for v in graph.outputs]
