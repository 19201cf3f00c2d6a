"""Operands that several products read in the same panels are packed once.

pack x -> p; dq = p @ gq; pack x -> r; dk = r @ gk    ->    pack x -> p; dq = p @ gq; dk = p @ gk
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Any

from tenfold.compiler.items import Item, flat, rename
from tenfold.compiler.lower import Call, Scratch
from tenfold.ir.graph import Value
from tenfold.kernel.contraction import Pack

NEAR = 24  # calls from one use to the next, at most: panels that are kept longer take memory from others


def share_packs(items: Sequence[Item]) -> list[Item]:
    """The items without packing what is packed already."""
    writers = Counter(w for call in flat(items) for w in call.writes)
    made: dict[Hashable, tuple[int, Scratch]] = {}
    same: dict[Value | Scratch, Value | Scratch] = {}
    kept: list[Item] = []
    for at, item in enumerate(items):
        if isinstance(item, Call) and isinstance(getattr(item.code, "description", None), Pack):
            (target,) = item.writes
            if isinstance(target, Scratch) and writers[target] == 1 and all(isinstance(v, Value) for v in item.reads):
                key = (item.code.key, item.tasks, *(_part(arg, target) for arg in item.args))
                last, panels = made.get(key, (at, target))
                made[key] = (at, panels) if at - last <= NEAR else (at, target)
                if made[key][1] is not target:
                    same[target] = panels
                    continue
        kept.append(item)
    return rename(kept, same) if same else kept


def _part(arg: Any, target: Scratch) -> Hashable:
    """What makes two arguments the same: tables by their contents, other values by themselves."""
    thing, offset = arg if isinstance(arg, tuple) else (arg, 0)
    if isinstance(thing, Value) and thing.constant is not None:
        thing = (thing.spec, thing.constant.tobytes())
    return (None if thing is target else thing, offset)
