"""The compiler: a Graph becomes a Program.

    simplify -> fuse -> lower -> plan memory -> launches

or, if any process did that before, the plan is read from disk (`stored`). A Program is called with arrays and returns arrays; between them
everything is one native call.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence, Set
from math import prod
from typing import Any, Protocol
from weakref import ref

import numpy as np

from tenfold.codegen.cpu import compile_kernels, load_kernels
from tenfold.compiler.alike import Alike, Lower
from tenfold.compiler.assemble import Assembled, assemble
from tenfold.compiler.calls import lower_attention, lower_contraction, lower_host, lower_scatter
from tenfold.compiler.complexes import by_parts
from tenfold.compiler.constants import large_apart
from tenfold.compiler.control import lower_control, lower_effect
from tenfold.compiler.factored import factor_gradients
from tenfold.compiler.fuse import fuse
from tenfold.compiler.items import Item, attributed
from tenfold.compiler.kept import Contents, Shared, kept_of
from tenfold.compiler.lower import Call, lower_map, lower_reduce
from tenfold.compiler.padding import absorb_pads
from tenfold.compiler.parts import join_pads
from tenfold.compiler.program import Uses, root
from tenfold.compiler.repeat import Loops, Places, Repeat
from tenfold.compiler.routed import absorb_routes
from tenfold.compiler.shared import share_packs
from tenfold.compiler.simplify import simplify
from tenfold.compiler.sparse import compact_scatters
from tenfold.compiler.staged import Staged, is_staged
from tenfold.compiler.stored import plan_name, read_plan, without_panels, write_plan
from tenfold.compiler.thin import thin_products
from tenfold.compiler.windows import by_windows
from tenfold.compiler.writers import early_writers
from tenfold.core import garbage
from tenfold.core.config import config
from tenfold.ir import reference
from tenfold.ir.graph import Graph, Value
from tenfold.runtime import profiler
from tenfold.runtime.executor import Executable
from tenfold.runtime.memory import SMALL, Allocator, ArenaPool, address_of


class Compiled(Protocol):
    """A graph made ready to run."""

    @property
    def repeats(self) -> bool:
        """Whether calls take a Repeat at the moment."""

    def __call__(self, arrays: list[Any], variables: Sequence[Any] = (), versions: Sequence[int] = (), repeat: Repeat | None = None) -> list[Any]:
        """Runs it; arrays named in `updates` are changed in place. `variables` are the last arrays; the same list again says that they
        are the same. Whenever the elements of a steady array are not those of the last call, the array or `versions`
        must be others too. With `repeat` it runs many times, and `arrays` are what the first run is given."""


LARGE = 1 << 24  # bytes that are not worth making for a single run
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


@garbage.kept()
def compile_graph(
    graph: Graph, updates: Sequence[tuple[int, int]] = (), steady: Sequence[int] = (), shared: Shared | None = None
) -> Compiled:  # fmt: skip
    """A program for a graph of known sizes.

    Args:
        graph: its inputs become the program's arguments.
        updates: (output, input) pairs: the output is written over the input's array and not returned.
        steady: inputs that seldom change from call to call (and are not updated): what depends on them alone is kept.
        shared: what is kept by programs for other sizes of the same graph.
    """
    return Staged(graph, updates, steady, _build) if is_staged(graph) else _build(graph, updates, steady, shared)


def _build(graph: Graph, updates: Sequence[tuple[int, int]], steady: Sequence[int], shared: Shared | None) -> Compiled:
    return Program(graph, updates, steady, shared) if config.compile else Reference(graph, updates)


class Program:
    """A compiled graph. Calls from several threads take turns.

    What a program keeps from run to run pays from the second run on: where it is much, the first run uses the weights as they lie, by another
    program, which is `instead` of this one, keeps no panels of them and is then forgotten. It computes the same bits.
    """

    def __init__(self, graph: Graph, updates: Sequence[tuple[int, int]] = (), steady: Sequence[int] = (), shared: Shared | None = None,
                 instead: Program | None = None) -> None:  # fmt: skip
        self._inputs = len(graph.inputs)
        self._graph: Graph
        self._constants: list[Any]
        self._graph, self._constants = large_apart(graph) if instead is None else (instead._graph, instead._constants)
        self._targets, self._keep = dict(updates), instead is None
        self._steady = (frozenset(steady) - set(self._targets.values())).union(range(self._inputs, len(self._graph.inputs)))
        self._last: list[Any] = [None] * self._inputs  # the arrays whose addresses the table holds, or weak references to them
        self._variables: Sequence[Any] | None = None  # the list of the last ones
        self._versions: Sequence[int] = ()  # of the steady inputs, at the last run
        self._stale = True  # whether any of them is another one since, or has another version
        self._contents: Contents | None = None  # what the calls made once have made, as the last run found it
        self._lock = threading.Lock()
        self._loops: dict[Any, Loops] = {}  # around this program, by what moves
        self._ready = False
        self._assembled: Assembled | None = None
        self._name: str | None = plan_name(self._graph, self._targets, self._steady) if instead is None else without_panels(instead._name)
        plan = read_plan(self._name) if self._name is not None else None
        kernels = load_kernels(plan.kernels) if plan is not None else None
        self._plan = self._compiled.plan if plan is None or kernels is None else plan
        self.arena_bytes, self.kept_bytes = self._plan.arena_bytes, self._plan.kept_bytes
        self._results = [Allocator(shape, dtype.numpy) for shape, dtype in self._plan.outputs]
        self._kept = kept_of(self._plan, self._constants, {} if shared is None else shared)
        direct = not self._keep or self.kept_bytes < LARGE or self._kept.made
        self._first = None if direct else Program(graph, updates, steady, instead=self)
        if self._first is None or kernels is not None:
            self._start(kernels)

    @property
    def _compiled(self) -> Assembled:
        """How the plan is made; a plan from disk is made again when a profile asks for it."""
        if self._assembled is None:
            self._assembled = assembled(self._graph, self._targets, self._steady, self._keep)
        return self._assembled

    @property
    def calls(self) -> list[Call]:
        """What the program does, in order."""
        return self._compiled.calls

    def _start(self, kernels: list[int] | None = None) -> None:
        """Makes all ready for the first run; without `kernels` it compiles them."""
        plan = self._plan
        if kernels is None:
            kernels = compile_kernels(self._compiled.kernels)
            if self._name is not None:
                write_plan(self._name, plan)
        fixed = len(self._constants)
        self._constants = [*self._constants, *plan.constants]
        self._table = np.zeros(plan.slots, np.int64)
        self._table[-1] = self._table.ctypes.data
        self._first_output = 1 + plan.inputs
        outside = self._first_output + len(plan.outputs)
        self._table[outside : outside + len(plan.constants)] = [address_of(c) for c in plan.constants]
        self._table[1 + self._inputs : self._first_output] = [address_of(c) for c in self._constants[:fixed]]
        self._once = Executable.of(plan.once, kernels, (), lambda: self._compiled.sources[0])
        self._again = Executable.of(plan.again, kernels, plan.functions, lambda: self._compiled.sources[1])
        self._ready = True

    @property
    def repeats(self) -> bool:
        """Once it has run, if it calls Python for errors alone, and nobody asks for a profile."""
        calls = any(f.primitive.name != "check" for f in self._plan.functions)
        return self._ready and self._first is None and not calls and not profiler.active()

    def __call__(self, arrays: list[Any], variables: Sequence[Any] = (), versions: Sequence[int] = (), repeat: Repeat | None = None) -> list[Any]:
        """Runs the program."""
        if self._first is not None:
            first, self._first = self._first, None
            return first(arrays, variables, versions)
        with self._lock:
            if not self._ready:
                self._start()
            table, last, held = self._table, self._last, []
            other = variables is not self._variables
            self._stale = self._stale or (versions is not self._versions and versions != self._versions)
            for i, a in enumerate([*arrays, *variables] if other else arrays):
                known = last[i]
                if a is not known and (type(known) is not ref or a is not known()):
                    a = a if a.flags.c_contiguous else np.ascontiguousarray(a)
                    held.append(a)  # for this run: a program lets go of what is large
                    last[i] = a if i >= len(arrays) or i in self._steady or a.nbytes <= SMALL else ref(a)
                    table[1 + i] = address_of(a)
                    self._stale = self._stale or i in self._steady
            at, outputs = self._first_output, []
            for make in self._results if repeat is None or not repeat.keep else self._many(repeat.times):
                output, table[at] = make()
                outputs.append(output)
                at += 1
            arena = ARENAS.take(self.arena_bytes)
            table[0] = arena.address
            contents = None
            try:
                contents = self._settled(versions) if self.kept_bytes else None
                self._variables = variables
                if repeat is None:
                    self._again.run(table)
                else:
                    self._repeat(repeat)
            finally:
                if contents is not None:
                    self._kept.give(contents)
                ARENAS.give(arena)
        return outputs

    def _many(self, times: int) -> list[Allocator]:
        return [Allocator((times, *shape), dtype.numpy) for shape, dtype in self._plan.outputs]

    def _repeat(self, repeat: Repeat) -> None:
        """Runs it again and again; where the arguments are that moved, has to be found anew."""
        layout = (repeat.layout, repeat.keep)
        loops = self._loops.get(layout)
        if loops is None:
            moving = [(1 + i, nbytes) for i, nbytes in repeat.moving]
            if repeat.keep:
                moving += [(i, prod(shape) * dtype.size) for i, (shape, dtype) in enumerate(self._plan.outputs, self._first_output)]
            first = self._first_output + len(self._plan.outputs)
            tables = {i: [Places(first + k, words, self._plan.constants[k]) for k, words in found] for i, found in self._plan.rows.items()}
            loops = self._loops[layout] = Loops(self._again, self._table, moving, [g.layout for g in repeat.gathers], tables)
        try:
            loops.run(repeat)
        finally:
            for i in (*[i for i, _ in repeat.moving], *[g.argument for g in repeat.gathers]):
                self._last[i] = None

    def _settled(self, versions: Sequence[int]) -> Contents:
        """What is kept, made or found."""
        contents = self._kept.take(None if self._stale else self._contents, self._steady_arrays, versions, self._settle)
        if contents is not self._contents:
            self._contents, self._table[-2] = contents, contents.address
        self._versions, self._stale = versions, False
        return contents

    def _steady_arrays(self) -> list[Any]:
        return [self._last[i] for i in sorted(self._steady) if i < self._inputs]

    def _settle(self, address: int) -> None:
        self._table[-2] = address
        self._once.run(self._table)


class Reference:
    """The same through the NumPy oracles: slow, and independent of the compiler."""

    repeats = False

    def __init__(self, graph: Graph, updates: Sequence[tuple[int, int]] = ()) -> None:
        self._graph = graph
        self._targets = dict(updates)

    def __call__(self, arrays: list[Any], variables: Sequence[Any] = (), versions: Sequence[int] = (), repeat: Repeat | None = None) -> list[Any]:
        """Runs the graph, node by node."""
        arrays = [*arrays, *variables]
        outputs = reference.run(self._graph, arrays)
        for o, i in self._targets.items():
            arrays[i][...] = outputs[o]
        return [np.array(a) for k, a in enumerate(outputs) if k not in self._targets]


def assembled(graph: Graph, targets: dict[int, int], steady: Set[int], keep: bool) -> Assembled:
    """The whole compiler but for machine code."""
    graph = simplify(by_parts(graph))
    items, uses = lower_groups(graph, targets, steady, keep)
    return assemble(graph, share_packs(items), uses, targets, steady)


def lower_groups(graph: Graph, targets: dict[int, int], steady: Set[int] = frozenset(), keep: bool = True) -> tuple[list[Item], Uses]:
    """The items that compute a simplified graph; `targets` are its outputs (by position) that overwrite inputs, `steady` the inputs that
    seldom change, `keep` whether panels of these are made for many runs."""
    graph = compact_scatters(join_pads(absorb_pads(thin_products(factor_gradients(absorb_routes(by_windows(graph)))))))
    groups, uses = fuse(graph, {graph.outputs[k] for k in targets}, steady)
    uses.keeps = keep
    if targets:  # else it trains nothing
        uses.batches = {v for i, v in enumerate(graph.inputs) if i not in steady and i not in targets.values()}
    items: list[Item] = []
    alike = Alike(uses)
    for group in early_writers(groups, uses, graph, targets):
        made: Sequence[Item] = lower_control(group, uses, _lower_inner) if group.kind == "control" else alike.lower(group, LOWER[group.kind])
        items += attributed(made, tuple(group.nodes))
    return items, uses


def _lower_inner(graph: Graph) -> tuple[list[Item], list[Value]]:
    """A branch or body: its items and the values that hold its results."""
    graph = simplify(by_parts(graph))
    items, uses = lower_groups(graph, {})
    return items, [root(v, uses) for v in graph.outputs]
