"""Items -> Plan: every value gets its place in the table of pointers or in the arena, every kernel its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.codegen.cpu import KernelSource, named
from tenfold.compiler.calls import HostFunction, copy
from tenfold.compiler.in_place import Accesses
from tenfold.compiler.items import BranchItem, Item, LoopItem, Pointer, flat, things, without_copies
from tenfold.compiler.lower import Call, Scratch
from tenfold.compiler.memory import plan_kept, plan_memory
from tenfold.compiler.plan import Plan, Tables
from tenfold.compiler.program import Uses, known, root
from tenfold.compiler.settled import apart
from tenfold.ir.graph import Graph, Value
from tenfold.runtime.executor import Address, Assembler, Branch, HostCall, Launch, Loop, Step


@dataclass(frozen=True, slots=True, eq=False)
class Assembled:
    """A plan, the kernels that it names, the calls that it was made from, and those of the steps of its two parts."""

    plan: Plan
    kernels: dict[str, KernelSource]
    calls: list[Call]
    sources: tuple[list[Call], list[Call]]


def assemble(graph: Graph, items: list[Item], uses: Uses, targets: dict[int, int], steady: Set[int]) -> Assembled:
    """The plan of a simplified graph's items; see `lower_groups` for the rest."""
    returned = [k for k in range(len(graph.outputs)) if k not in targets]
    places, before, after = _place_outputs(graph, uses, flat(items), targets, returned)
    items = without_copies([*before, *items, *after], places)
    once, items = apart(items, {graph.inputs[i] for i in steady}, places.keys())
    again = flat(items)
    calls = [*once, *again]
    used = {thing: thing for call in calls for thing in things(call)}
    constants = {key: np.ascontiguousarray(v.constant) for key, v in used.items() if isinstance(v, Value) and v.constant is not None}
    moving = dict.fromkeys(p.value for p in used.values() if isinstance(p, Pointer))
    outside = len(graph.inputs) + len(returned) + 1
    places = {**places, **{key: Address(slot) for slot, key in enumerate((*constants, *moving), outside)}}
    last = outside + len(constants) + len(moving)
    temporary = {key for key, thing in used.items() if isinstance(thing, (Value, Scratch))} - places.keys()
    kept = plan_kept(once, again, temporary)
    places.update((key, Address(last, offset)) for key, offset in kept.offsets.items())
    layouts = [plan_memory(once, temporary - kept.offsets.keys()), plan_memory(again, temporary - kept.offsets.keys(), repeated(items))]
    encoder = Encoder(last + 1)
    parts: list[Sequence[Item]] = [once, items]
    made = [Assembler(encoder.steps(part, {**places, **layout.places})) for layout, part in zip(layouts, parts, strict=True)]
    plan = Plan(
        once=made[0].code,
        again=made[1].code,
        kernels=tuple(encoder.kernels),
        functions=tuple(f for f in made[1].functions if isinstance(f, HostFunction)),
        inputs=len(graph.inputs),
        outputs=tuple((known(graph.outputs[k]), graph.outputs[k].spec.dtype) for k in returned),
        constants=tuple(constants.values()),
        moving=len(moving),
        arena_bytes=max(layout.nbytes for layout in layouts),
        kept_bytes=kept.nbytes,
        rows=_rows_of(graph, calls, targets, [*constants]),
    )
    return Assembled(plan, encoder.kernels, calls, (made[0].sources, made[1].sources))


def _rows_of(graph: Graph, calls: list[Call], targets: dict[int, int], constants: list[Value | Scratch]) -> dict[int, Tables]:
    """The inputs that are read through tables of their rows alone, and these tables, which nothing else reads; see `Plan`."""
    used: Counter[Any] = Counter(thing for call in calls for thing in (*things(call), *call.reads))
    found = {}
    for i, v in enumerate(graph.inputs):
        readers = [call.listing for call in calls if call.listing and things(call)[0] is v]
        tables = tuple([(constants.index(table), words) for table, words in filter(None, readers)])
        alone = used[v] == 2 * len(readers) and all(used[constants[k]] == 1 for k, _ in tables)
        if readers and alone and i not in targets.values():
            found[i] = tables
    return found


def _place_outputs(
    graph: Graph, uses: Uses, calls: list[Call], targets: dict[int, int], returned: list[int]
) -> tuple[dict[Value | Scratch, Address], list[Call], list[Call]]:
    """Which table slot each value outside the arena has; copies to begin with, of old values that are overwritten and still wanted;
    copies to end with, of outputs that cannot be made where they belong."""
    places: dict[Value | Scratch, Address] = {v: Address(1 + i) for i, v in enumerate(graph.inputs)}
    overwritten = {graph.inputs[i] for i in targets.values()}
    accesses = Accesses(calls)
    before: list[Call] = []
    after: list[Call] = []
    for k, v in enumerate(graph.outputs):
        source = root(v, uses)
        slot = Address(1 + targets[k] if k in targets else 1 + len(graph.inputs) + returned.index(k))
        if source in accesses.writers and source not in places and (k not in targets or accesses.safe_in_place(source, graph.inputs[targets[k]])):
            places[source] = slot
            continue
        if source in overwritten:
            old = Value(source.spec)
            before.append(copy(source, old))
            source = old
        target = Value(v.spec)
        places[target] = slot
        after.append(copy(source, target))
    return places, before, after


def repeated(items: Sequence[Item], start: int = 0) -> list[tuple[int, int]]:
    """The ranges of calls, in their flat order, that are loops."""
    found: list[tuple[int, int]] = []
    for item in items:
        end = start + len(flat([item]))
        if isinstance(item, LoopItem):
            found += [(start, end), *repeated([*item.condition, *item.body], start)]
        elif isinstance(item, BranchItem):
            found += repeated([*item.then, *item.otherwise], start)
        start = end
    return found


class Encoder:
    """Turns items into the executor's steps; kernels are numbered, `table` is the slot of the table's own address."""

    def __init__(self, table: int) -> None:
        self.kernels: dict[str, KernelSource] = {}
        self._table = table
        self._numbers: dict[int, int] = {}  # of kernels, by identity: groups that are alike share them
        self._by_name: dict[str, int] = {}
        self._places: dict[Value | Scratch, Address] = {}

    def steps(self, items: Sequence[Item], places: dict[Value | Scratch, Address]) -> tuple[Step, ...]:
        """The items as steps, things being at `places`."""
        self._places = places
        return self._steps(items)

    def _argument(self, arg: Any) -> Address | int:
        """An address or an integer."""
        thing, offset = arg if type(arg) is tuple else (arg, 0)
        place = self._places.get(thing)
        if place is not None:
            return Address(place.slot, place.offset + offset) if offset else place
        return Address(self._table, 8 * self._places[thing.value].slot) if type(thing) is Pointer else int(thing)

    def _flag(self, value: Value) -> Address:
        """Where a condition is."""
        address = self._argument(value)
        assert isinstance(address, Address)
        return address

    def _kernel(self, code: Any) -> int:
        """The number of a kernel."""
        if id(code) not in self._numbers:
            name, source = named(code)
            self.kernels.setdefault(name, source)
            self._numbers[id(code)] = self._by_name.setdefault(name, len(self._by_name))
        return self._numbers[id(code)]

    def _steps(self, items: Sequence[Item]) -> tuple[Step, ...]:
        made: list[Step] = []
        for item in items:
            match item:
                case LoopItem(condition, flag, body):
                    made.append(Loop(self._steps(condition), self._flag(flag), self._steps(body)))
                case BranchItem(flag, then, otherwise):
                    made.append(Branch(self._flag(flag), self._steps(then), self._steps(otherwise)))
                case Call(code, tasks, args, name=name):
                    resolved = tuple(map(self._argument, args))
                    if callable(code):
                        made.append(HostCall(code, resolved, name, item))
                    elif tasks:
                        made.append(Launch(self._kernel(code), tasks, resolved, name, item))
        return tuple(made)
