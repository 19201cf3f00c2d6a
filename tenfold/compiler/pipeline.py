"""The compiler: a Graph becomes a Program.

    simplify -> fuse -> lower -> plan memory -> launches

A Program is called with arrays and returns arrays; between them everything is one native call.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from tenfold.codegen.cpu import compile_kernel
from tenfold.compiler.alike import Alike, Lower
from tenfold.compiler.calls import copy, lower_attention, lower_contraction, lower_host, lower_scatter
from tenfold.compiler.control import lower_control, lower_effect
from tenfold.compiler.fuse import fuse
from tenfold.compiler.in_place import Accesses
from tenfold.compiler.items import BranchItem, Item, LoopItem, Pointer, attributed, flat, things, without_copies
from tenfold.compiler.lower import Call, Scratch, lower_map, lower_reduce
from tenfold.compiler.memory import plan_kept, plan_memory
from tenfold.compiler.parts import join_pads
from tenfold.compiler.program import Uses, known, root
from tenfold.compiler.settled import apart
from tenfold.compiler.simplify import simplify
from tenfold.compiler.sparse import compact_scatters
from tenfold.compiler.staged import Staged, is_staged
from tenfold.compiler.writers import early_writers
from tenfold.core.config import config
from tenfold.ir import reference
from tenfold.ir.graph import Graph, Value
from tenfold.runtime.executor import Address, Branch, Executable, HostCall, Launch, Loop, Step
from tenfold.runtime.memory import ArenaPool, address_of, empty, empty_array


class Compiled(Protocol):
    """A graph made ready to run."""

    def __call__(self, arrays: list[Any], variables: Sequence[Any] = (), versions: Sequence[int] = ()) -> list[Any]:
        """Runs it; arrays named in `updates` are changed in place. `variables` are the last arrays; the same list again says that they
        and `versions` are the same. Whenever the elements of a steady array are not those of the last call, the array or `versions`
        must be others too."""

    def forget(self) -> None:
        """Lets go of the arrays of the last call."""


ARENAS = ArenaPool()
LOWER: dict[str, Lower] = {
    "map": lower_map,
    "reduce": lower_reduce,
    "contraction": lower_contraction,
    "attention": lower_attention,
    "scatter": lower_scatter,
    "host": lower_host,
    "effect": lower_effect,
}


def compile_graph(graph: Graph, updates: Sequence[tuple[int, int]] = (), steady: Sequence[int] = ()) -> Compiled:
    """A program for a graph of known sizes.

    Args:
        graph: its inputs become the program's arguments.
        updates: (output, input) pairs: the output is written over the input's array and not returned.
        steady: inputs that seldom change from call to call (and are not updated): what depends on them alone is kept.
    """
    return Staged(graph, updates, steady, _build) if is_staged(graph) else _build(graph, updates, steady)


def _build(graph: Graph, updates: Sequence[tuple[int, int]], steady: Sequence[int]) -> Compiled:
    return Program(graph, updates, steady) if config.compile else Reference(graph, updates)


class Program:
    """A compiled graph. Calls from several threads take turns."""

    def __init__(self, graph: Graph, updates: Sequence[tuple[int, int]] = (), steady: Sequence[int] = ()) -> None:
        graph = simplify(graph)
        self._targets = dict(updates)
        self._steady = frozenset(steady) - set(self._targets.values())
        self._returned = [k for k in range(len(graph.outputs)) if k not in self._targets]
        items, uses = lower_groups(graph, self._targets, self._steady)
        places, before, after = self._place_outputs(graph, uses, flat(items))
        items = without_copies([*before, *items, *after], places)
        once, items = apart(items, {id(graph.inputs[i]) for i in self._steady}, places.keys())
        self._assemble(graph, once, items, places)
        self._lock = threading.Lock()

    def _place_outputs(self, graph: Graph, uses: Uses, calls: list[Call]) -> tuple[dict[int, Address], list[Call], list[Call]]:
        """Which table slot each value outside the arena has; copies to begin with, of old values that are overwritten and still wanted;
        copies to end with, of outputs that cannot be made where they belong."""
        places = {id(v): Address(1 + i) for i, v in enumerate(graph.inputs)}
        overwritten = {id(graph.inputs[i]) for i in self._targets.values()}
        accesses = Accesses(calls)
        before: list[Call] = []
        after: list[Call] = []
        for k, v in enumerate(graph.outputs):
            source = root(v, uses)
            slot = Address(1 + self._targets[k] if k in self._targets else 1 + len(graph.inputs) + self._returned.index(k))
            if (
                id(source) in accesses.writers
                and id(source) not in places
                and (k not in self._targets or accesses.safe_in_place(source, graph.inputs[self._targets[k]]))
            ):
                places[id(source)] = slot
                continue
            if id(source) in overwritten:
                old = Value(source.spec)
                before.append(copy(source, old))
                source = old
            target = Value(v.spec)
            places[id(target)] = slot
            after.append(copy(source, target))
        return places, before, after

    def _assemble(self, graph: Graph, once: list[Call], items: list[Item], places: dict[int, Address]) -> None:
        again = flat(items)
        self.calls = [*once, *again]
        used = {id(thing): thing for call in self.calls for thing in things(call)}
        constants = {key: np.ascontiguousarray(v.constant) for key, v in used.items() if isinstance(v, Value) and v.constant is not None}
        moving = dict.fromkeys(id(p.value) for p in used.values() if isinstance(p, Pointer))
        outside = len(graph.inputs) + len(self._returned) + 1
        places = {**places, **{key: Address(slot) for slot, key in enumerate((*constants, *moving), outside)}}
        last = outside + len(constants) + len(moving)
        temporary = {key for key, thing in used.items() if isinstance(thing, (Value, Scratch))} - places.keys()
        kept = plan_kept(once, again, temporary)
        places.update((key, Address(last, offset)) for key, offset in kept.offsets.items())
        layouts = [plan_memory(once, temporary - kept.offsets.keys()), plan_memory(again, temporary - kept.offsets.keys(), repeated(items))]
        self.arena_bytes, self.kept_bytes = max(layout.nbytes for layout in layouts), kept.nbytes
        self._constants = constants
        self._table = np.zeros(last + 1, np.int64)
        self._table[outside : outside + len(constants)] = [c.ctypes.data for c in constants.values()]
        self._last: list[Any] = [None] * len(graph.inputs)  # the arrays whose addresses the table holds
        self._variables: Sequence[Any] | None = None  # the list of the last ones
        self._kept: Any = None  # what the calls made once have made, from these versions of the steady inputs
        self._versions: Sequence[int] = ()
        self._stale = True  # whether that has to be made, or made again
        parts: list[Sequence[Item]] = [once, items]
        self._once, self._again = (
            Executable(Encoder({**places, **layout.places}, self._table.ctypes.data).steps(part)) for layout, part in zip(layouts, parts, strict=True)
        )
        self._output_specs = [(known(graph.outputs[k]), graph.outputs[k].spec.dtype.numpy) for k in self._returned]

    def __call__(self, arrays: list[Any], variables: Sequence[Any] = (), versions: Sequence[int] = ()) -> list[Any]:
        """Runs the program."""
        outputs = [empty_array(shape, dtype) for shape, dtype in self._output_specs]
        with self._lock:
            table, last = self._table, self._last
            other = variables is not self._variables
            self._stale = self._stale or (other and versions != self._versions)
            for i, a in enumerate([*arrays, *variables] if other else arrays):
                if a is not last[i]:  # variables keep their place from call to call
                    last[i] = a = a if a.flags.c_contiguous else np.ascontiguousarray(a)
                    table[1 + i] = address_of(a)
                    self._stale = self._stale or i in self._steady
            for i, a in enumerate(outputs, 1 + len(last)):
                table[i] = address_of(a)
            arena = ARENAS.take(self.arena_bytes)
            table[0] = arena.address
            try:
                if self._stale:
                    self._settle(versions)
                self._variables = variables
                self._again.run(table)
            finally:
                ARENAS.give(arena)
        return outputs

    def forget(self) -> None:
        """Lets go of the arrays of the last call."""
        with self._lock:
            self._last, self._variables = [None] * len(self._last), None

    def _settle(self, versions: Sequence[int]) -> None:
        """Makes what is kept."""
        if self._kept is None:
            self._kept = empty(self.kept_bytes)
            self._table[-1] = self._kept.ctypes.data
        self._once.run(self._table)
        self._versions, self._stale = versions, False


class Reference:
    """The same through the NumPy oracles: slow, and independent of the compiler."""

    def __init__(self, graph: Graph, updates: Sequence[tuple[int, int]] = ()) -> None:
        self._graph = graph
        self._targets = dict(updates)

    def __call__(self, arrays: list[Any], variables: Sequence[Any] = (), versions: Sequence[int] = ()) -> list[Any]:
        """Runs the graph, node by node."""
        arrays = [*arrays, *variables]
        outputs = reference.run(self._graph, arrays)
        for o, i in self._targets.items():
            arrays[i][...] = outputs[o]
        return [np.array(a) for k, a in enumerate(outputs) if k not in self._targets]

    def forget(self) -> None:
        """There is nothing to let go of."""


def lower_groups(graph: Graph, targets: dict[int, int], steady: Set[int] = frozenset()) -> tuple[list[Item], Uses]:
    """The items that compute a simplified graph; `targets` are its outputs (by position) that overwrite inputs, `steady` the inputs that
    seldom change."""
    graph = compact_scatters(join_pads(graph))
    groups, uses = fuse(graph, {id(graph.outputs[k]) for k in targets}, steady)
    items: list[Item] = []
    alike = Alike(uses)
    for group in early_writers(groups, uses, graph, targets):
        made: Sequence[Item] = lower_control(group, uses, _lower_inner) if group.kind == "control" else alike.lower(group, LOWER[group.kind])
        items += attributed(made, tuple(group.nodes))
    return items, uses


def _lower_inner(graph: Graph) -> tuple[list[Item], list[Value]]:
    """A branch or body: its items and the values that hold its results."""
    graph = simplify(graph)
    items, uses = lower_groups(graph, {})
    return items, [root(v, uses) for v in graph.outputs]


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


@dataclass(frozen=True, slots=True)
class Encoder:
    """Turns items into the executor's steps."""

    places: dict[int, Address]
    table: int  # its address
    addresses: dict[int, int] = field(default_factory=dict)  # of kernels, by identity: groups that are alike share them

    def argument(self, arg: Any) -> Address | int:
        """An address or an integer."""
        thing, offset = arg if isinstance(arg, tuple) else (arg, 0)
        if isinstance(thing, Pointer):
            return self.table + 8 * self.places[id(thing.value)].slot
        if isinstance(thing, (Value, Scratch)):
            place = self.places[id(thing)]
            return Address(place.slot, place.offset + offset)
        return int(thing)

    def flag(self, value: Value) -> Address:
        """Where a condition is."""
        address = self.argument(value)
        assert isinstance(address, Address)
        return address

    def steps(self, items: Sequence[Item]) -> tuple[Step, ...]:
        """The items as steps."""
        made: list[Step] = []
        for item in items:
            match item:
                case LoopItem(condition, flag, body):
                    made.append(Loop(self.steps(condition), self.flag(flag), self.steps(body)))
                case BranchItem(flag, then, otherwise):
                    made.append(Branch(self.flag(flag), self.steps(then), self.steps(otherwise)))
                case Call(code, tasks, args, name=name):
                    resolved = tuple(self.argument(a) for a in args)
                    if callable(code):
                        made.append(HostCall(code, resolved, name, item))
                    elif tasks:
                        if id(code) not in self.addresses:
                            self.addresses[id(code)] = compile_kernel(code)
                        made.append(Launch(self.addresses[id(code)], tasks, resolved, name, item))
        return tuple(made)
