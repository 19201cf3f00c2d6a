"""What fusion works on: groups of nodes that become one kernel or one call each."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from tenfold.core.dtypes import DType
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind

ONE_BY_ONE = (Kind.ELEMENTWISE, Kind.INDEXED)
HALF = ("float16", "bfloat16")
LARGE = 1 << 20  # bytes that do not stay in the nearer caches


@dataclass(eq=False, slots=True)
class Group:
    """Nodes that run together.

    Attributes:
        kind: "map" (elements one by one), "reduce" (map around reductions of one shape), or a single node of "contraction" (with
            elementwise nodes after it), "attention", "scatter", "host", "control", "effect".
        nodes: in order.
        space: of maps, the output's shape; of reductions, (kept sizes, reduced sizes).
        reduced: of reductions, the axes.
        stored: values that others need, hence that are written to memory.
    """

    kind: str
    nodes: list[Node]
    space: tuple[Any, ...] = ()
    reduced: tuple[int, ...] = ()
    stored: list[Value] = field(default_factory=list)


class Uses:
    """Who makes and who reads each value of a graph, and which values are settled: made from the inputs `steady` (positions) alone, and
    not larger than these. They are kept from one run to the next, so they are never computed again inside their readers."""

    def __init__(self, graph: Graph, steady: Iterable[int] = ()) -> None:
        self.graph = graph
        self.maker: dict[Value, Node] = {}
        self.readers: dict[Value, list[Node]] = defaultdict(list)
        self.roots: dict[Value, Value] = {}  # of values that are other names of a buffer, the value that it is made for
        maker, readers, roots = self.maker, self.readers, self.roots
        for node in graph.nodes:
            for v in node.inputs:
                readers[v].append(node)
            for v in node.outputs:
                maker[v] = node
            if is_view(node):
                roots[node.outputs[0]] = roots.get(node.inputs[0], node.inputs[0])
        self.outputs = set(graph.outputs)
        self.keeps = True  # whether what contractions make of settled operands is worth keeping
        self.batches: Set[Value] = frozenset()  # inputs whose rows may be chosen from more, see `compiler.repeat`
        self.settled = {graph.inputs[i] for i in steady}
        for node in graph.nodes if self.settled else ():
            if not self.settled.isdisjoint(node.inputs) and self._settles(node) and node.primitive.kind not in (Kind.EFFECT, Kind.CONTROL, Kind.HOST):
                self.settled.update(node.outputs)

    @cached_property
    def position(self) -> dict[Node, int]:
        """Where each node stands."""
        return {node: at for at, node in enumerate(self.graph.nodes)}

    @cached_property
    def looped(self) -> set[Node]:
        """What kernels made of loops can compute."""
        return self.reductions.union([n for n in self.graph.nodes if mappable(n)])

    @cached_property
    def reductions(self) -> set[Node]:
        """Those of them that reduce."""
        return {n for n in self.graph.nodes if reducible(n)}

    @cached_property
    def plain(self) -> set[Node]:
        """What works at the position of its result, so that values can be passed on in registers."""
        return {n for n in self.graph.nodes if is_plain(n)}

    def settles(self, v: Value) -> bool:
        """Whether what is made of `v` alone is kept from one run to the next."""
        return v.constant is not None or v in self.settled

    def _settles(self, node: Node) -> bool:
        return all(map(self.settles, node.inputs)) and sum(map(elements, node.outputs)) <= sum(map(elements, node.inputs))

    def single_reader(self, v: Value) -> bool:
        """Whether one node reads `v`, once, and it is no output."""
        return len(self.readers[v]) == 1 and v not in self.outputs


VIEWS = frozenset({"reshape", "pairs", "unpaired"})


def element_type(buffer: Value) -> DType:
    """What kernels find there: halves of complex numbers."""
    dtype = buffer.spec.dtype
    return dtype.real_dtype if dtype.is_complex else dtype


def is_view(node: Node) -> bool:
    """Whether the node only renames a buffer."""
    return node.primitive.name in VIEWS


def is_unit_reshape(node: Node) -> bool:
    """Whether a reshape only adds or drops dimensions of size 1."""
    return is_view(node) and squeezed(node.inputs[0].spec.shape) == squeezed(node.outputs[0].spec.shape)


@lru_cache(4096)
def squeezed(shape: tuple[Any, ...]) -> tuple[Any, ...]:
    """The sizes other than 1."""
    return tuple([n for n in shape if n != 1])


def mappable(node: Node) -> bool:
    """Whether a kernel can compute the node's elements one by one (dtypes that kernels handle, and a rule to do it)."""
    p = node.primitive
    if p.kind not in ONE_BY_ONE or p.lower is None or len(node.outputs) != 1:
        return False
    for v in node.inputs:
        if v.spec.dtype.llvm is None:
            return False
    return node.outputs[0].spec.dtype.llvm is not None


def reducible(node: Node) -> bool:
    """Whether a kernel can carry out the node's reduction."""
    return node.primitive.kind is Kind.REDUCTION and node.inputs[0].spec.dtype.llvm is not None and isinstance(node.primitive.lower, str)


def is_plain(node: Node) -> bool:
    """Whether the node works at the position of its result, so that values can be passed on in registers."""
    p = node.primitive
    return p.kind is Kind.ELEMENTWISE or p.name in ("broadcast_to", "iota") or is_unit_reshape(node) or reducible(node)


def elements(v: Value) -> int:
    """The number of elements."""
    return math.prod(v.spec.shape)  # type: ignore[arg-type]


def large(v: Value) -> bool:
    """Whether the value does not stay in the nearer caches."""
    return elements(v) * v.spec.dtype.size >= LARGE


def known(v: Value) -> tuple[int, ...]:
    """The shape, which has no unknown sizes when a graph is compiled."""
    return v.spec.shape  # type: ignore[return-value]


def root(v: Value, uses: Uses) -> Value:
    """The value whose buffer `v` is another name of."""
    return uses.roots.get(v, v)
