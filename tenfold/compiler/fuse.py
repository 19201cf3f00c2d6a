"""Graph -> groups: which nodes run together as one kernel.

First every node is either *inlined* into all its readers (it is cheap, or has one reader that a kernel computes) or starts a group of
its own, with what is inlined into it. Then neighbouring groups merge where that saves memory traffic: maps of one shape (an optimizer's
updates), reductions with the elementwise work around them (softmax, normalization, losses), elementwise work after a contraction.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Set

from tenfold.compiler.alignment import in_step
from tenfold.compiler.calls import TAKES_EPILOGUE, epilogue_operand, row_of
from tenfold.compiler.control import CONTROL
from tenfold.compiler.inline import choose_inlined
from tenfold.compiler.lower import is_kept, is_rows, levels, split_pieces
from tenfold.compiler.parts import in_parts
from tenfold.compiler.program import Group, Uses, elements, is_unit_reshape, is_view, mappable, reducible, squeezed
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind

MOST_NODES = 60  # in one kernel
MOST_SWEEPS = 4  # that depend on each other, in one kernel
ROW_LIMIT = 1 << 14  # elements of a row that several sweeps may read again from the cache


def fuse(graph: Graph, in_place: Set[int] = frozenset(), steady: Iterable[int] = ()) -> tuple[list[Group], Uses]:
    """The groups, in an order in which they can run. Values in `in_place` (ids) overwrite a variable, so loops compute them.
    Inputs `steady` (positions) change rarely: what depends on them alone has groups of its own."""
    uses = Uses(graph, steady)
    inlined = choose_inlined(graph, uses)
    groups: list[Group] = []
    for node in graph.nodes:
        if id(node) not in inlined and not is_view(node):
            groups.append(_group(node, uses, inlined))
    return Merger(groups, uses, in_place).run(), uses


def _group(node: Node, uses: Uses, inlined: set[int]) -> Group:
    kind = node.primitive.kind
    if mappable(node):
        space = node.inputs[0].spec.shape if in_parts(node) else node.outputs[0].spec.shape
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


def _with_inlined(node: Node, uses: Uses, inlined: set[int]) -> list[Node]:
    """`node` after everything that is inlined into it."""
    found: dict[int, Node] = {}

    def visit(n: Node) -> None:
        for x in n.inputs:
            maker = uses.maker.get(id(x))
            if maker is not None and id(maker) in inlined and id(maker) not in found:
                visit(maker)
        found[id(n)] = n

    visit(node)
    return list(found.values())


# --- merging ---


class Merger:
    """Joins groups, one pair at a time, as long as the result can still be ordered."""

    def __init__(self, groups: list[Group], uses: Uses, in_place: Set[int] = frozenset()) -> None:
        self.groups = groups
        self.uses = uses
        self.in_place = in_place

    def run(self) -> list[Group]:
        """The merged groups, in order, with the values that each must store."""
        self._index()
        self._connect()
        pending = deque(self.groups)
        while pending:
            later = pending.popleft()
            if id(later) not in self._place:
                continue
            for earlier in self._neighbours(later):
                merged = self._merge(earlier, later)
                if merged is not None:
                    self._replace(earlier, later, merged)
                    pending.append(merged)
                    break
        self.groups = sorted((g for g in self.groups if id(g) in self._place), key=lambda g: self._place[id(g)])
        for group in self.groups:
            group.stored = self._stored(group)
        return order(self.groups, self.uses)

    def _index(self) -> None:
        self.home: dict[int, Group] = {}  # value -> the group that makes it (of what several groups compute for themselves, any)
        self._sources: dict[int, dict[int, Group]] = {}
        self._where: dict[int, list[Group]] = {}  # node -> the groups that compute it
        self._place = {id(g): at for at, g in enumerate(self.groups)}  # of the groups that have not become part of another one
        for group in self.groups:
            for node in group.nodes:
                self._where.setdefault(id(node), []).append(group)
                for v in node.outputs:
                    self.home[id(v)] = group

    def _connect(self) -> None:
        """Who reads whose values, and how late in the graph's order anything stands that a group needs, itself included."""
        self._sinks: dict[int, dict[int, Group]] = {id(g): {} for g in self.groups}
        self._latest = {id(g): self.uses.position[id(g.nodes[-1])] for g in self.groups}
        for group in self.groups:
            for source in self.sources(group):
                self._sinks[id(source)][id(group)] = group

    def _delay(self, group: Group, latest: int) -> None:
        """`group` now needs something as late as `latest`, and so does all that needs `group`."""
        stack = [group]
        while stack:
            group = stack.pop()
            if self._latest[id(group)] < latest:
                self._latest[id(group)] = latest
                stack.extend(self._sinks[id(group)].values())

    def sources(self, group: Group) -> list[Group]:
        """The groups whose values `group` reads."""
        if id(group) not in self._sources:
            inside = {id(v) for n in group.nodes for v in n.outputs}
            found = (self._group_of(x) for node in group.nodes for x in node.inputs if id(x) not in inside)
            self._sources[id(group)] = {id(g): g for g in found if g is not None and g is not group}
        return list(self._sources[id(group)].values())

    def _group_of(self, v: Value) -> Group | None:
        maker = self.uses.maker.get(id(v))
        while maker is not None and is_view(maker) and id(v) not in self.home:
            v = maker.inputs[0]
            maker = self.uses.maker.get(id(v))
        return self.home.get(id(v))

    def _neighbours(self, group: Group) -> list[Group]:
        """Groups that `group` reads from, then those of its own kind that read the same values."""
        near = self.sources(group)
        if group.kind in ("map", "reduce"):
            leaves = [x for n in group.nodes for x in n.inputs if x.constant is None and elements(x) > 64]
            readers = {
                id(self.home[id(v)]): self.home[id(v)] for x in leaves for n in self.uses.readers[id(x)] for v in n.outputs if id(v) in self.home
            }
            near += [g for g in readers.values() if g is not group and g not in near and _alike(g, group)]
        return near

    def _merge(self, a: Group, b: Group) -> Group | None:
        """The group that does the work of both, if there is one and it saves something."""
        merged = self._proposed(a, b) if self._settled(a) == self._settled(b) else None
        if merged is None or self._renamed(b, a) or self._path(a, b) or self._path(b, a):
            return None
        if self._renamed(a, b) and merged.kind != "contraction":  # what ends a product takes its shapes as they come
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
                return self._merge_epilogue(a, b)
        return None

    def _settled(self, group: Group) -> bool:
        return any(id(v) in self.uses.settled for v in group.nodes[-1].outputs)

    def _merge_maps(self, a: Group, b: Group) -> Group | None:
        if a.space != b.space or len(a.nodes) + len(b.nodes) > MOST_NODES:
            return None
        nodes = self._union(a, b)
        return Group("map", nodes, a.space) if _in_registers(nodes) else None

    def _merge_reductions(self, a: Group, b: Group) -> Group | None:
        if a.space != b.space or a.reduced != b.reduced or not (_plain(a) and _plain(b)):
            return None
        if self._dependent(a, b) and (split_pieces(a.space, a.reduced) is not None or not self._fits_rows(a)):
            return None
        return self._limited(Group("reduce", self._union(a, b), a.space, a.reduced))

    def _dependent(self, a: Group, b: Group) -> bool:
        return id(a) in self._sources[id(b)] or id(b) in self._sources[id(a)]

    def _fits_rows(self, group: Group) -> bool:
        row = 1
        for d in group.reduced:
            row *= group.space[d]
        return is_rows(group.space, group.reduced) and row <= ROW_LIMIT

    def _merge_around(self, reduce: Group, around: Group) -> Group | None:
        """Elementwise work on what is reduced, or on the results."""
        if not self._dependent(reduce, around) or not (_plain(reduce) and _plain(around)):
            return None
        whole = Group("reduce", self._union(reduce, around), reduce.space, reduce.reduced)
        kept = tuple(n for d, n in enumerate(reduce.space) if d not in reduce.reduced)
        after = id(around) not in self._sources[id(reduce)]
        if after and squeezed(around.space) == squeezed(kept) and all(elements(v) <= math.prod(kept) for n in around.nodes for v in n.outputs):
            results = [n.outputs[0] for n in around.nodes if n.outputs[0].spec.shape == around.space]
            return self._limited(whole) if all(is_kept(v, whole) for v in results) else None
        if around.space != reduce.space or split_pieces(reduce.space, reduce.reduced) is not None or not self._fits_rows(reduce):
            return None
        return self._limited(whole)

    def _merge_epilogue(self, product: Group, after: Group) -> Group | None:
        result, last = product.nodes[-1].outputs[0], after.nodes[-1].outputs[0]
        whole, columns = last.spec.shape, product.nodes[0].outputs[0].spec.shape[-1]
        row = row_of(whole, columns)
        if product.nodes[0].primitive.name not in TAKES_EPILOGUE or elements(result) != elements(last) or row is None or not _plain(after):
            return None
        names, nodes = self._names(result), {id(n) for n in after.nodes}
        readers = [r for v in names for r in self.uses.readers[id(v)] if r.outputs[0] not in names]
        if any(id(v) in self.uses.outputs for v in names) or any(id(r) not in nodes for r in readers):
            return None
        if any(group is not after for r in readers for group in self._where.get(id(r), [])):
            return None  # another group computes such a reader for itself, from `result` in memory
        if id(last) in self.in_place or len(self._stored(after)) != 1 or len(after.nodes) > 12:
            return None
        inside = {id(v) for v in (*names, *(v for n in after.nodes for v in n.outputs))}
        for node in after.nodes:
            if is_unit_reshape(node) and id(node.inputs[0]) not in inside and epilogue_operand(node.outputs[0], whole, row):
                continue  # another name of an operand
            if node.primitive.kind is not Kind.ELEMENTWISE and node.primitive.name != "broadcast_to":
                return None
            if node.outputs[0].spec.shape not in (whole, row, ()):
                return None
            if any(id(x) not in inside and not epilogue_operand(x, whole, row) for x in node.inputs):
                return None
        if last.spec.dtype.llvm is None or last.spec.dtype.is_bool:
            return None
        return Group("contraction", [*product.nodes, *after.nodes])

    def _names(self, v: Value) -> list[Value]:
        """`v`, and the same memory under other shapes."""
        return [v, *(w for r in self.uses.readers[id(v)] if is_view(r) for w in self._names(r.outputs[0]))]

    def _limited(self, group: Group) -> Group | None:
        """The group, unless its kernel would be long, or sweep over its rows many times."""
        return group if len(group.nodes) <= MOST_NODES and max(levels(group).values()) <= MOST_SWEEPS else None

    def _renamed(self, a: Group, b: Group) -> bool:
        """Whether `b` reads a value of `a` under another shape, so that it must be in memory before."""
        if id(a) not in self._sources[id(b)]:
            return False
        inside = {id(n) for n in (*a.nodes, *b.nodes)}
        for node in b.nodes:
            for x in node.inputs:
                maker = self.uses.maker.get(id(x))
                if maker is not None and is_view(maker) and id(maker) not in inside and self._group_of(x) is a:
                    return True
        return False

    def _path(self, a: Group, b: Group) -> bool:
        """Whether `b` needs `a` through some third group."""
        first = min(self.uses.position[id(n)] for n in a.nodes)  # what ends before this cannot need `a`
        seen: set[int] = set()
        stack = [s for s in self.sources(b) if s is not a]
        while stack:
            group = stack.pop()
            if group is a:
                return True
            if id(group) not in seen and self._latest[id(group)] > first:
                seen.add(id(group))
                stack.extend(self.sources(group))
        return False

    def _union(self, a: Group, b: Group) -> list[Node]:
        """The nodes of both, each once, in the graph's order: inputs before users, and the latest one last."""
        pool = {id(n): n for n in (*a.nodes, *b.nodes)}
        return sorted(pool.values(), key=lambda n: self.uses.position[id(n)])

    def _replace(self, a: Group, b: Group, merged: Group) -> None:
        self.groups.append(merged)
        self._place[id(merged)] = self._place.pop(id(b))
        del self._place[id(a)]
        for node in merged.nodes:
            self._where[id(node)] = [g for g in self._where[id(node)] if g is not a and g is not b] + [merged]
            for v in node.outputs:
                if self.home.get(id(v)) in (a, b, None):
                    self.home[id(v)] = merged
        before = self.sources(a) + self.sources(b)
        after = {k: g for k, g in (self._sinks.pop(id(a)) | self._sinks.pop(id(b))).items() if g is not a and g is not b}
        del self._sources[id(a)], self._sources[id(b)]
        for source in before:
            if source is not a and source is not b:
                self._sinks[id(source)].pop(id(a), None)
                self._sinks[id(source)].pop(id(b), None)
        self._sinks[id(merged)] = after
        self._latest[id(merged)] = max(self._latest.pop(id(a)), self._latest.pop(id(b)))
        for source in self.sources(merged):
            self._sinks[id(source)][id(merged)] = merged
        for sink in after.values():
            self._sources[id(sink)].pop(id(a), None)
            self._sources[id(sink)].pop(id(b), None)
            self._sources[id(sink)][id(merged)] = merged
            self._delay(sink, self._latest[id(merged)])

    def _stored(self, group: Group) -> list[Value]:
        """What others need of the group's values: outputs of the graph, and what nodes outside that do not compute it themselves read."""
        values = [v for node in group.nodes if not is_view(node) for v in node.outputs]
        return [v for v in values if id(v) in self.uses.outputs or any(self._loads(r, v) for r in self.uses.readers[id(v)])]

    def _loads(self, reader: Node, v: Value) -> bool:
        """Whether `reader`, somewhere, needs `v`, under whatever shape, in memory because its group does not compute it."""
        if is_view(reader) and id(reader) not in self._where:
            out = reader.outputs[0]
            return id(out) in self.uses.outputs or any(self._loads(r, v) for r in self.uses.readers[id(out)])
        computed = {id(group) for group in self._where.get(id(self.uses.maker[id(v)]), ())}
        return any(id(group) not in computed for group in self._where.get(id(reader), ()))


def _alike(a: Group, b: Group) -> bool:
    return (a.kind, a.space, a.reduced) == (b.kind, b.space, b.reduced)


def _in_registers(nodes: list[Node]) -> bool:
    """Whether values can be passed on in registers: nodes work at the position of their results, or are parts of what is in memory, or
    put such parts together."""
    made, read = {id(v) for n in nodes for v in n.outputs}, {id(x) for n in nodes for x in n.inputs}
    moving = [n for n in nodes if n.primitive.name not in ("slice", "gather") or any(id(x) in made for x in n.inputs)]
    return _plain(Group("map", [n for n in moving if not in_parts(n) or id(n.outputs[0]) in read]))


def _plain(group: Group) -> bool:
    """Whether every node works at the position of its result, so that values can be passed on in registers."""
    return all(
        n.primitive.kind is Kind.ELEMENTWISE or is_unit_reshape(n) or n.primitive.name in ("broadcast_to", "iota") or reducible(n)
        for n in group.nodes
    )


def order(groups: list[Group], uses: Uses) -> list[Group]:
    """The groups, each after those whose values it reads."""
    merger = Merger(groups, uses)
    merger._index()
    for group in groups:  # a value stored by one group may be recomputed inside others: who stores it makes it
        for v in group.stored:
            merger.home[id(v)] = group
    done: dict[int, Group] = {}
    entered: set[int] = set()
    stack = groups[::-1]
    while stack:
        group = stack.pop()
        if id(group) in done:
            continue
        if id(group) in entered:
            done[id(group)] = group
            continue
        entered.add(id(group))
        waiting = [s for s in merger.sources(group) if id(s) not in done]
        assert not any(id(s) in entered for s in waiting), "fusion made groups that need each other"
        stack += [group, *waiting]
    return list(done.values())
