"""What a graph computes, as a name: equal in every process that traces the same, different wherever anything differs.

Layers' names, lines of code and the identities of values are no part of it; the elements of constants are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.ir.graph import Graph, Value
from tenfold.ir.primitive import PRIMITIVES


class Nameless(Exception):
    """Something that no text can tell, such as a Python function, or a size that is not known yet."""


def fingerprint(graph: Graph) -> bytes | None:
    """The graph's name (SHA-256); None if it has none."""
    try:
        return hashlib.sha256(_Writer().graph(graph).encode("utf-8", "surrogatepass")).digest()
    except Nameless:
        return None


class _Writer:
    """Writes graphs; values are numbered in the order in which they appear."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def graph(self, graph: Graph) -> str:
        """All that the graph's results depend on."""
        parts = [_spec(v) for v in graph.inputs]
        numbers, attribute = self._numbers, self._attribute
        for v in graph.inputs:
            numbers[id(v)] = len(numbers)
        for node in graph.nodes:
            name = node.primitive.name
            if PRIMITIVES.get(name) is not node.primitive:
                raise Nameless
            parts.append(name)
            for v in node.inputs:
                parts.append(str(numbers[id(v)]) if id(v) in numbers else self._constant(v))
            for key, a in node.attrs.items():
                parts += (key, attribute(a))
            for v in node.outputs:
                numbers[id(v)] = len(numbers)
                parts.append(_spec(v))
        parts += [str(numbers[id(v)]) if id(v) in numbers else self._constant(v) for v in graph.outputs]
        return "\n".join(parts)

    def _constant(self, v: Value) -> str:
        if v.constant is None:
            raise Nameless
        self._numbers[id(v)] = len(self._numbers)
        return f"{_spec(v)} {v.derived} {_array(v.constant)}"

    def _attribute(self, a: Any) -> str:
        write = ATTRIBUTES.get(type(a))
        if write is not None:
            return write(a)
        if type(a) is tuple:
            return f"({','.join(map(self._attribute, a))})"
        if isinstance(a, Graph):
            return f"{{{self.graph(a)}}}"
        raise Nameless


def _spec(v: Value) -> str:
    shape = v.spec.shape
    for n in shape:
        if type(n) is not int:
            raise Nameless
    return f"{v.spec.dtype.name}{shape}"


def _array(a: np.ndarray[Any, Any]) -> str:
    if a.dtype.hasobject:
        raise Nameless
    return f"{a.dtype.name}{a.shape}{hashlib.sha256(np.ascontiguousarray(a).reshape(-1).view(np.uint8).data).hexdigest()}"


ATTRIBUTES: dict[type, Callable[[Any], str]] = {
    **dict.fromkeys((int, float, bool, str, type(None)), repr),
    DType: lambda a: f"<{a.name}>",
    np.ndarray: _array,
}
