"""When variables are written: as soon as nobody needs their old value any more, so that what the new one is made of need not be kept.

dw1 = ..; dw2 = ..; w1 -= dw1; w2 -= dw2   ->   dw1 = ..; w1 -= dw1; dw2 = ..; w2 -= dw2
"""

from __future__ import annotations

import math

from tenfold.compiler.program import Group, Uses, elements, root
from tenfold.ir.graph import Graph, Value

SMALL = 64  # elements that groups make early, as learning rates are: they cost no memory


def early_writers(groups: list[Group], uses: Uses, graph: Graph, targets: dict[int, int]) -> list[Group]:
    """The groups, those that write variables moved behind the last one that makes what they read, or that reads an old value which they
    overwrite (unless one that reads their results stands before). `targets` are the graph's outputs (by position) that overwrite inputs."""
    overwrites = {root(graph.outputs[k], uses): graph.inputs[i] for k, i in targets.items()}
    reads = [_reads(group, uses) for group in groups]
    readers: dict[Value, set[int]] = {}
    for at, found in enumerate(reads):
        for v in found:
            readers.setdefault(v, set()).add(at)
    maker = {v: at for at, group in enumerate(groups) for v in group.stored}
    used = {at for at, group in enumerate(groups) if any(readers.get(v, set()) - {at} for v in group.stored)}
    needs: dict[int, set[int]] = {}  # of the groups that move; one that is used never moves back
    for at, group in enumerate(groups):
        writes = overwrites.keys() & group.stored
        if writes or (group.kind == "map" and all(elements(v) <= SMALL for v in group.stored)):
            old = {reader for v in writes for reader in readers.get(overwrites[v], ()) if at not in used or (reader < at and reader in used)}
            needs[at] = (old | {maker[v] for v in reads[at] if v in maker}) - {at}
    when: dict[int, float] = {at: at for at in range(len(groups)) if at not in needs}
    waiting = list(needs)
    while ready := [at for at in waiting if needs[at] <= when.keys()]:
        for at in ready:
            when[at] = max((when[n] for n in needs[at]), default=-1)
        waiting = [at for at in waiting if at not in when]
    rank = {at: number for number, at in enumerate(when)}  # one that waits for another comes after it
    return [groups[at] for at in sorted(range(len(groups)), key=lambda at: (when.get(at, math.inf), rank.get(at, at)))]


def _reads(group: Group, uses: Uses) -> set[Value]:
    """The values in memory that the group's nodes read."""
    inside = {v for n in group.nodes for v in n.outputs}
    return {uses.roots.get(x, x) for n in group.nodes for x in n.inputs if x not in inside}
