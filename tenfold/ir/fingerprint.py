"""What a graph computes, as a name: equal in every process that traces the same, different wherever anything differs.

Layers' names, lines of code and the identities of values are no part of it; the elements of constants are, and which nodes differentiation
made, since the compiler arranges gradients in its own way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.ir.graph import GRADIENT, Graph, Value
from tenfold.ir.primitive import PRIMITIVES

FEW = 16  # bytes that stand for themselves, and not by their hash


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
        self._numbers: dict[Value, str] = {}
        self._specs: dict[tuple[Any, str], str] = {}

    def graph(self, graph: Graph) -> str:
        """All that the graph's results depend on."""
        numbers, spec = self._numbers, self._spec
        parts = list(map(spec, graph.inputs))
        for v in graph.inputs:
            numbers[v] = str(len(numbers))
        for node in graph.nodes:
            name = node.primitive.name
            if PRIMITIVES.get(name) is not node.primitive:
                raise Nameless
            parts.append(GRADIENT + name if node.where.startswith(GRADIENT) else name)
            parts += [numbers.get(v) or self._constant(v) for v in node.inputs]
            for key, a in node.attrs.items():
                parts += (key, self._attribute(a))
            for v in node.outputs:
                numbers[v] = str(len(numbers))
                parts.append(spec(v))
        parts += [numbers.get(v) or self._constant(v) for v in graph.outputs]
        return "\n".join(parts)

    def _constant(self, v: Value) -> str:
        if v.constant is None:
            raise Nameless
        self._numbers[v] = str(len(self._numbers))
        return f"{self._spec(v)} {v.derived} {_elements(v.constant)}"

    def _spec(self, v: Value) -> str:
        shape, name = key = v.spec.shape, v.spec.dtype.name
        found = self._specs.get(key)
        if found is None:
            if any(type(n) is not int for n in shape):
                raise Nameless
            found = self._specs[key] = f"{name}{shape}"
        return found

    def _attribute(self, a: Any) -> str:
        write = ATTRIBUTES.get(type(a))
        if write is not None:
            return write(a)
        if type(a) is tuple:
            return f"({','.join(map(self._attribute, a))})"
        if isinstance(a, Graph):
            return f"{{{self.graph(a)}}}"
        raise Nameless


def _array(a: np.ndarray[Any, Any]) -> str:
    return f"{a.dtype.name}{a.shape}{_elements(a)}"


def _elements(a: np.ndarray[Any, Any]) -> str:
    """The elements, or of many their hash, which is as long as some and so never the same as theirs by more than chance."""
    if a.dtype.hasobject:
        raise Nameless
    if a.nbytes <= FEW:
        return a.tobytes().hex()
    return hashlib.sha256(np.ascontiguousarray(a).reshape(-1).view(np.uint8).data).hexdigest()


ATTRIBUTES: dict[type, Callable[[Any], str]] = {
    **dict.fromkeys((int, float, bool, str, type(None)), repr),
    DType: lambda a: f"<{a.name}>",
    np.ndarray: _array,
}
