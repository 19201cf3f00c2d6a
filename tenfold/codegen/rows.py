"""Which values of a row's elements to keep from one stage to the next, instead of computing them again.

Softmax after gelu, say, would compute gelu in each of its three sweeps. Where the row is short enough, the first sweep keeps it in a small buffer
on the stack. What is kept has the bits that it would have if computed again, so results do not depend on the length of rows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from tenfold.codegen.flatten import VOLATILE, FlatStage, Program

BYTES = 48 << 10  # of stack; some threads have little
WORTH = 6  # instructions: a value cheaper than this is computed again
MOST = 6  # values
_WEIGHT = {"const": 0, "axis": 0, "param": 0, "result": 0, "div": 4, "sqrt": 6, "rem": 20}


@dataclass(frozen=True, slots=True)
class Kept:
    """`saves[k]`: nodes that stage k stores for later; `loads[k]`: nodes that it finds stored. `limit`: the longest row."""

    saves: tuple[frozenset[int], ...]
    loads: tuple[frozenset[int], ...]
    limit: int

    @property
    def nodes(self) -> list[int]:
        """All that is kept."""
        return sorted(frozenset[int]().union(*self.saves))


def keep(program: Program) -> Kept | None:
    """What to keep; None if nothing is worth it."""
    vector = program.kernel.vector
    if vector is None or vector in program.kernel.outer:
        return None
    swept = [s.axes == (vector,) for s in program.stages]
    if sum(swept) < 2:
        return None
    _, loads = _trace(program, swept, None)
    gains: dict[int, int] = defaultdict(int)
    for found in loads:
        for n in found:
            gains[n] += cost(program, n)
    chosen = frozenset(sorted(gains, key=lambda n: (-gains[n], n))[:MOST])
    saves, loads = _trace(program, swept, chosen)
    used = frozenset[int]().union(*loads)
    if not used:
        return None
    width = sum(max(program.nodes[n].dtype.size, 4) for n in used)
    return Kept(tuple(s & used for s in saves), tuple(loads), BYTES // width // 64 * 64)


def _trace(program: Program, swept: list[bool], allowed: frozenset[int] | None) -> tuple[list[frozenset[int]], list[frozenset[int]]]:
    """For each stage, the nodes that it computes first of all stages, and the nodes that it could load."""
    bit = 1 << (program.kernel.vector or 0)
    first: dict[int, int] = {}
    saves, loads = [], []
    for number, stage in enumerate(program.stages):
        here: set[int] = set()
        found: set[int] = set()
        stack = _roots(stage) if swept[number] else []
        while stack:
            n = stack.pop()
            if n in here or n in found or not program.depends[n] & bit:
                continue
            if n in first and (allowed is None or n in allowed) and _can_keep(program, n):
                found.add(n)
                continue
            here.add(n)
            node = program.nodes[n]
            stack += node.args[1:] if node.op == "load" else node.args
        for n in here:
            first.setdefault(n, number)
        loads.append(frozenset(found))
        saves.append(frozenset(n for n in here if first[n] == number))
    return saves, loads


def _roots(stage: FlatStage) -> list[int]:
    values = [n for _, n in stage.reductions] + [s.value for s in stage.stores]
    return values + [s.guard for s in stage.stores if s.guard is not None]


def _can_keep(program: Program, n: int) -> bool:
    return not program.nodes[n].dtype.is_bool and not program.depends[n] & VOLATILE and cost(program, n) >= WORTH


def cost(program: Program, n: int, known: frozenset[int] = frozenset()) -> int:
    """Instructions on the vector axis that node n takes, its arguments included but for those `known`."""
    bit = 1 << (program.kernel.vector or 0)
    total, seen, stack = 0, set(), [n]
    while stack:
        k = stack.pop()
        if k in seen or k in known or not program.depends[k] & bit:
            continue
        seen.add(k)
        node = program.nodes[k]
        total += _WEIGHT.get(node.op, 1)
        stack += node.args[1:] if node.op == "load" else node.args
    return total
