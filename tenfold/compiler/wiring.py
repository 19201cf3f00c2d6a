"""Who reads whose values: the groups of a graph as a graph of their own, kept true while groups take in others."""

from __future__ import annotations

from typing import Any

from tenfold.compiler.program import Group, Uses, elements
from tenfold.ir.graph import Node, Value

LARGE = 64  # elements


class Wiring:
    """The groups in their first order, and what they read of each other.

    A node that is computed inside its readers belongs to several groups; of these, any counts as the maker of its value.
    """

    def __init__(self, groups: list[Group], uses: Uses) -> None:
        self.groups = dict.fromkeys(groups)
        self._uses = uses
        self._home: dict[Value, Group] = {}  # value -> its maker
        self._computing: dict[Node, list[Group]] = {}  # node -> the groups that compute it
        self._made_of: dict[Value, list[Value]] = {}  # large value -> what its readers make
        self._bases: dict[Value, Value] = {}  # value that no group makes -> the one that it is another name of
        for group in groups:
            for node in group.nodes:
                self._computing.setdefault(node, []).append(group)
                for v in node.outputs:
                    self._home[v] = group
        for v in uses.roots:
            if v not in self._home:
                x = uses.maker[v].inputs[0]
                self._bases[v] = self._bases.get(x, x)
        self.sources = {group: self._read_by(group) for group in groups}  # the groups whose values each reads
        self._sinks: dict[Group, dict[Group, None]] = {group: {} for group in groups}
        for group, sources in self.sources.items():
            for source in sources:
                self._sinks[source][group] = None
        self._ranks = {group: uses.position[group.nodes[-1]] for group in groups}  # who needs a group has a higher rank

    def computing(self, node: Node) -> list[Group]:
        """The groups that compute a node."""
        return self._computing.get(node, [])

    def _read_by(self, group: Group) -> dict[Group, None]:
        home, base, inside = self._home.get, self._bases.get, {v for n in group.nodes for v in n.outputs}
        found: dict[Any, None] = dict.fromkeys([home(base(x, x)) for n in group.nodes for x in n.inputs if x not in inside])
        found.pop(None, None)
        found.pop(group, None)
        return found

    def reading_the_same(self, group: Group) -> dict[Group, None]:
        """The groups that make something of a large value that `group` reads."""
        read = dict.fromkeys([x for n in group.nodes for x in n.inputs])
        made, home = self._made_of, self._home.get
        for x in read:
            if x not in made:
                large = x.constant is None and elements(x) > LARGE
                made[x] = [v for n in self._uses.readers[x] for v in n.outputs] if large else []
        found: dict[Any, None] = dict.fromkeys([home(v) for x in read for v in made[x]])
        found.pop(None, None)
        found.pop(group, None)
        return found

    def dependent(self, a: Group, b: Group) -> bool:
        """Whether one reads values of the other."""
        return a in self.sources[b] or b in self.sources[a]

    def path(self, a: Group, b: Group) -> bool:
        """Whether `b` needs `a` through some third group."""
        rank = self._ranks[a]
        seen: set[Group] = set()
        stack = [s for s in self.sources[b] if s is not a]
        while stack:
            group = stack.pop()
            if group is a:
                return True
            if group not in seen and self._ranks[group] > rank:
                seen.add(group)
                stack.extend(self.sources[group])
        return False

    def renamed(self, a: Group, b: Group) -> bool:
        """Whether `b` reads a value of `a` under another shape, so that it must be in memory before."""
        if a not in self.sources[b]:
            return False
        return any([x in self._bases and self._home.get(self._bases[x]) is a for n in b.nodes for x in n.inputs])

    def absorb(self, a: Group, b: Group, merged: Group) -> None:
        """`b` becomes `merged`, which does the work of both; `a` is no more."""
        b.kind, b.nodes, b.space, b.reduced = merged.kind, merged.nodes, merged.space, merged.reduced
        for node in a.nodes:
            groups = self._computing[node]
            groups.remove(a)
            if b not in groups:
                groups.append(b)
            for v in node.outputs:
                if self._home[v] is a:
                    self._home[v] = b
        del self.groups[a]
        for source in {**self.sources.pop(a), **self.sources[b]}:
            self._sinks[source].pop(a, None)
            self._sinks[source].pop(b, None)
        self.sources[b] = self._read_by(b)
        self._sinks[b] = {g: None for g in {**self._sinks.pop(a), **self._sinks[b]} if g is not a and g is not b}
        for source in self.sources[b]:
            self._sinks[source][b] = None
        lowest = 1 + max([self._ranks[source] for source in self.sources[b]], default=-1)
        self._ranks[b] = max(lowest, min(self._ranks[b], self._ranks.pop(a)))
        for sink in self._sinks[b]:
            sources = self.sources[sink]
            sources.pop(a, None)
            sources.pop(b, None)
            sources[b] = None
            self._raise(sink, self._ranks[b])

    def _raise(self, group: Group, above: int) -> None:
        """Ranks `group` above something that it needs, and what needs `group` above that."""
        stack = [(group, above)]
        while stack:
            group, above = stack.pop()
            if self._ranks[group] <= above:
                self._ranks[group] = above + 1
                stack += [(sink, above + 1) for sink in self._sinks[group]]

    def order(self) -> list[Group]:
        """The groups, each after those whose values it reads. What several compute is made by who stores it."""
        for group in self.groups:
            for v in group.stored:
                self._home[v] = group
        done: dict[Group, None] = {}
        entered: set[Group] = set()
        stack = list(self.groups)[::-1]
        while stack:
            group = stack.pop()
            if group in done:
                continue
            if group in entered:
                done[group] = None
                continue
            entered.add(group)
            waiting = [s for s in self._read_by(group) if s not in done]
            assert not any(s in entered for s in waiting), "fusion made groups that need each other"
            stack += [group, *waiting]
        return list(done)
