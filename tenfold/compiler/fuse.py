"""Graph -> groups: which nodes run together as one kernel.

First every node is either *inlined* into all its readers (it is cheap, or has one reader that a kernel computes) or starts a group of
its own, with what is inlined into it. Then neighbouring groups merge where that saves memory traffic: maps of one shape (an optimizer's
updates), reductions with the elementwise work around them (softmax, normalization, losses), elementwise work after a contraction.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Set

from tenfold.compiler.alignment import in_step
from tenfold.compiler.calls import TAKES_EPILOGUE, epilogue_operand, maxima, row_of, takes_maxima
from tenfold.compiler.control import CONTROL
from tenfold.compiler.inline import choose_inlined
from tenfold.compiler.lower import is_kept, is_rows, levels, split_pieces
from tenfold.compiler.parts import in_parts
from tenfold.compiler.program import Group, Uses, elements, is_unit_reshape, is_view, mappable, reducible, squeezed
from tenfold.compiler.windows import in_windows, places_of, windows_of
from tenfold.compiler.wiring import Wiring
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind

MOST_NODES = 60  # in one kernel
MOST_SWEEPS = 4  # that depend on each other, in one kernel
FROM_MEMORY = frozenset(["slice", "gather", "window_max", "window_argmax", "window_sum"])  # may read at other places what is in memory
ROW_LIMIT = 1 << 14  # elements of a row that several sweeps may read again from the cache


def fuse(graph: Graph, in_place: Set[Value] = frozenset(), steady: Iterable[int] = ()) -> tuple[list[Group], Uses]:
    """The groups, in an order in which they can run. Values in `in_place` overwrite a variable, so loops compute them.
    Inputs `steady` (positions) change rarely: what depends on them alone has groups of its own."""
    uses = Uses(graph, steady)
    inlined = choose_inlined(graph, uses)
    groups: list[Group] = []
    done: set[Node] = set()  # that are in the group of another one from the beginning
    for node in graph.nodes:
        if node not in inlined and not is_view(node) and node not in done:
            group = _group(node, uses, inlined)
            places = places_of(node, uses)
            if places is not None and places not in inlined and uses.position[places] == uses.position[node] + 1:
                group.nodes.append(places)
                done.add(places)
            groups.append(group)
    return Merger(groups, uses, in_place).run(), uses


def _group(node: Node, uses: Uses, inlined: set[Node]) -> Group:
    kind = node.primitive.kind
    if mappable(node):
        space = windows_of(node) if in_windows(node) else node.inputs[0].spec.shape if in_parts(node) else node.outputs[0].spec.shape
        return Group("map", _with_inlined(node, uses, inlined), space)
    if reducible(node):
        return Group("reduce", _with_inlined(node, uses, inlined), node.inputs[0].spec.shape, tuple(node.attrs["axes"]))
    compiled = node.inputs and node.inputs[0].spec.dtype.llvm is not None
    if kind is Kind.CONTRACTION and compiled:
        return Group("contraction", [node])
    if kind is Kind.ATTENTION and compiled:
        return Group("attention", [node])
    if kind is Kind.SCATTER and compiled:
        return Group("scatter", [node])
    if node.primitive.name in CONTROL and all(v.spec.dtype.llvm is not None for v in (*node.inputs, *node.outputs)):
        return Group("control", [node])
    return Group("effect" if kind is Kind.EFFECT else "host", [node])


def _with_inlined(node: Node, uses: Uses, inlined: set[Node]) -> list[Node]:
    """`node` after everything that is inlined into it."""
    found: dict[Node, None] = {}
    _gather(node, uses, inlined, found)
    return list(found)


def _gather(node: Node, uses: Uses, inlined: set[Node], found: dict[Node, None]) -> None:
    """Adds what is inlined into the node to `found`, then the node itself."""
    for x in node.inputs:
        maker = uses.maker.get(x)
        if maker in inlined and maker not in found:
            _gather(uses.maker[x], uses, inlined, found)
    found[node] = None


# --- merging ---


class Merger:
    """Joins groups, one pair at a time, as long as the result can still be ordered."""

    def __init__(self, groups: list[Group], uses: Uses, in_place: Set[Value] = frozenset()) -> None:
        self.uses = uses
        self.in_place = in_place
        self.wiring = Wiring(groups, uses)
        self._settled = {group: not uses.settled.isdisjoint(group.nodes[-1].outputs) for group in groups}
        self._flat = {group: uses.plain.issuperset(group.nodes) for group in groups}
        self._reductions = {group: len(uses.reductions.intersection(group.nodes)) for group in groups}  # at most

    def run(self) -> list[Group]:
        """The merged groups, in order, with the values that each must store."""
        wiring = self.wiring
        pending = deque(wiring.groups)
        while pending:
            later = pending.popleft()
            if later not in wiring.groups:
                continue
            for earlier in self._neighbours(later):
                merged = self._merge(earlier, later)
                if merged is not None:
                    self._flat[later] = self._flat[earlier] and self._flat[later]
                    self._reductions[later] += self._reductions[earlier]
                    self._settled[later] = not self.uses.settled.isdisjoint(merged.nodes[-1].outputs)
                    wiring.absorb(earlier, later, merged)
                    pending.append(later)
                    break
        for group in wiring.groups:
            group.stored = self._stored(group)
        return wiring.order()

    def _neighbours(self, group: Group) -> Iterator[Group]:
        """Groups that `group` reads from, then those of its own kind that read the same values."""
        near = self.wiring.sources[group]
        yield from near
        if group.kind in ("map", "reduce"):
            for other in self.wiring.reading_the_same(group):
                if _alike(other, group) and other not in near:
                    yield other

    def _merge(self, a: Group, b: Group) -> Group | None:
        """The group that does the work of both, if there is one and it saves something."""
        wiring = self.wiring
        merged = self._proposed(a, b) if self._settled[a] is self._settled[b] else None
        if merged is None or wiring.renamed(b, a) or wiring.path(a, b) or wiring.path(b, a):
            return None
        if wiring.renamed(a, b) and merged.kind != "contraction":  # what ends a product takes its shapes as they come
            return None
        return merged if merged.kind != "reduce" or in_step(merged, self.uses) else None

    def _proposed(self, a: Group, b: Group) -> Group | None:
        """The group that does the work of both, as far as its nodes alone tell."""
        match a.kind, b.kind:
            case "map", "map":
                return self._merge_maps(a, b)
            case "reduce", "map":
                return self._merge_around(a, b)
            case "map", "reduce":
                return self._merge_around(b, a)
            case "reduce", "reduce":
                return self._merge_reductions(a, b)
            case "contraction", "map":
                return self._merge_maxima(a, b) or self._merge_epilogue(a, b)
        return None

    def _merge_maps(self, a: Group, b: Group) -> Group | None:
        if a.space != b.space or len(a.nodes) + len(b.nodes) > MOST_NODES:
            return None
        nodes = self._union(a, b)
        return Group("map", nodes, a.space) if self._in_registers(nodes) else None

    def _in_registers(self, nodes: list[Node]) -> bool:
        """Whether values can be passed on in registers: nodes work at the position of their results, or are parts of what is in memory, or
        put such parts together."""
        rest = [n for n in nodes if n not in self.uses.plain]
        if not rest:
            return True
        made, read = {v for n in nodes for v in n.outputs}, {x for n in nodes for x in n.inputs}
        moving = [n for n in rest if n.primitive.name not in FROM_MEMORY or not made.isdisjoint(n.inputs)]
        return all((in_parts(n) or in_windows(n)) and n.outputs[0] not in read for n in moving)

    def _merge_reductions(self, a: Group, b: Group) -> Group | None:
        if a.space != b.space or a.reduced != b.reduced or not (self._flat[a] and self._flat[b]):
            return None
        if self.wiring.dependent(a, b) and (split_pieces(a.space, a.reduced) is not None or not self._fits_rows(a)):
            return None
        return self._limited(Group("reduce", self._union(a, b), a.space, a.reduced), a, b)

    def _fits_rows(self, group: Group) -> bool:
        row = 1
        for d in group.reduced:
            row *= group.space[d]
        return is_rows(group.space, group.reduced) and row <= ROW_LIMIT

    def _merge_around(self, reduce: Group, around: Group) -> Group | None:
        """Elementwise work on what is reduced, or on the results."""
        if not self.wiring.dependent(reduce, around) or not (self._flat[reduce] and self._flat[around]):
            return None
        whole = Group("reduce", self._union(reduce, around), reduce.space, reduce.reduced)
        kept = tuple(n for d, n in enumerate(reduce.space) if d not in reduce.reduced)
        after = around not in self.wiring.sources[reduce]
        if after and squeezed(around.space) == squeezed(kept) and max([elements(v) for n in around.nodes for v in n.outputs]) <= math.prod(kept):
            results = [n.outputs[0] for n in around.nodes if n.outputs[0].spec.shape == around.space]
            return self._limited(whole, reduce, around) if all(is_kept(v, whole) for v in results) else None
        if around.space != reduce.space or split_pieces(reduce.space, reduce.reduced) is not None or not self._fits_rows(reduce):
            return None
        return self._limited(whole, reduce, around)

    def _merge_epilogue(self, product: Group, after: Group) -> Group | None:
        result, last = product.nodes[-1].outputs[0], after.nodes[-1].outputs[0]
        whole, columns = last.spec.shape, product.nodes[0].outputs[0].spec.shape[-1]
        row = row_of(whole, columns)
        if product.nodes[0].primitive.name not in TAKES_EPILOGUE or maxima(product.nodes)[0] or row is None:
            return None
        if elements(result) != elements(last) or not self._flat[after]:
            return None
        names, nodes = self._names(result), set(after.nodes)
        readers = [r for v in names for r in self.uses.readers[v] if r.outputs[0] not in names]
        if any(v in self.uses.outputs for v in names) or any(r not in nodes for r in readers):
            return None
        if any(group is not after for r in readers for group in self.wiring.computing(r)):
            return None  # another group computes such a reader for itself, from `result` in memory
        if last in self.in_place or len(self._stored(after)) != 1 or len(after.nodes) > 12:
            return None
        inside = {v for v in (*names, *(v for n in after.nodes for v in n.outputs))}
        for node in after.nodes:
            if is_unit_reshape(node) and node.inputs[0] not in inside and epilogue_operand(node.outputs[0], whole, row):
                continue  # another name of an operand
            if node.primitive.kind is not Kind.ELEMENTWISE and node.primitive.name != "broadcast_to":
                return None
            if node.outputs[0].spec.shape not in (whole, row, ()):
                return None
            if any(x not in inside and not epilogue_operand(x, whole, row) for x in node.inputs):
                return None
        if last.spec.dtype.llvm is None or last.spec.dtype.is_bool:
            return None
        return Group("contraction", [*product.nodes, *after.nodes])

    def _merge_maxima(self, product: Group, after: Group) -> Group | None:
        """A convolution that stores nothing but maxima over windows."""
        result = product.nodes[-1].outputs[0]
        if result in self.uses.outputs or any(r not in after.nodes for r in self.uses.readers[result]):
            return None
        made = [n.outputs[0] for n in after.nodes]
        if not self.in_place.isdisjoint(made) or self._stored(after) != made or not takes_maxima(product.nodes, after.nodes, self.uses):
            return None
        return Group("contraction", [*product.nodes, *after.nodes])

    def _names(self, v: Value) -> list[Value]:
        """`v`, and the same memory under other shapes."""
        return [v, *(w for r in self.uses.readers[v] if is_view(r) for w in self._names(r.outputs[0]))]

    def _limited(self, group: Group, a: Group, b: Group) -> Group | None:
        """The group made of two, unless its kernel would be long, or sweep over its rows many times."""
        if len(group.nodes) > MOST_NODES:
            return None
        few = self._reductions[a] + self._reductions[b] <= MOST_SWEEPS  # each may need a sweep of its own
        return group if few or max(levels(group).values()) <= MOST_SWEEPS else None

    def _union(self, a: Group, b: Group) -> list[Node]:
        """The nodes of both, each once, in the graph's order: inputs before users, and the latest one last."""
        return sorted({*a.nodes, *b.nodes}, key=self.uses.position.__getitem__)

    def _stored(self, group: Group) -> list[Value]:
        """What others need of the group's values: outputs of the graph, and what nodes outside that do not compute it themselves read."""
        outputs, readers, found = self.uses.outputs, self.uses.readers, []
        for node in group.nodes:
            makers = self.wiring.computing(node)
            for v in node.outputs:
                if not is_view(node) and (v in outputs or any([self._loads(r, makers) for r in readers[v]])):
                    found.append(v)
        return found

    def _loads(self, reader: Node, makers: list[Group]) -> bool:
        """Whether `reader`, somewhere, needs what `makers` compute, under whatever shape, in memory because its group is none of them."""
        groups = self.wiring.computing(reader)
        if not groups and is_view(reader):
            out = reader.outputs[0]
            return out in self.uses.outputs or any([self._loads(r, makers) for r in self.uses.readers[out]])
        return groups != makers and any([group not in makers for group in groups])


def _alike(a: Group, b: Group) -> bool:
    return (a.kind, a.space, a.reduced) == (b.kind, b.space, b.reduced)
