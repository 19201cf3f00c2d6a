"""Schedules of contractions, measured on this machine: off unless it is asked for, because the model of the machine needs no measuring.

    make(MODEL)  ->  what the model would do, which also names the contraction
                 ->  its entry in the cache of kernels, or a race of a few schedules, whose winner becomes that entry

Candidates differ in speed only, never in a bit of their results; so it does no harm that another machine, or a busy moment, chooses another.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from tenfold.codegen.contraction import Recipe, vectors
from tenfold.codegen.cpu import compile_kernel
from tenfold.core.config import config
from tenfold.core.dtypes import DType
from tenfold.kernel.contraction import TILE_ARGS, Operand, Tile
from tenfold.kernel.schedule import MODEL, TASKS, Schedule
from tenfold.kernel.tiling import tile_costs
from tenfold.runtime.device import processor
from tenfold.runtime.executor import Address, Argument, Executable, Launch
from tenfold.runtime.locks import fork_safe_lock
from tenfold.runtime.memory import empty
from tenfold.runtime.native import digest, disk_cache, host
from tenfold.runtime.threads import num_threads

VERSION = 2  # of what is measured
TILES = 5  # the best ones by the model
NEAR = 1.5  # times the model's best cost: worse tiles are not tried
LEAST = 3e-5  # seconds that a contraction takes at least to be worth it
HEAT = 0.06  # seconds for the candidates of one question, about
FEWEST, ROUNDS = 4, 100  # turns of each, at least and at most, of which the fastest counts
BEHIND = 1.25  # times the fastest: who takes longer in the first turns is out
CLEAR = 0.97  # of the other's time: what is faster by less may be chance
WINS = 0.7  # of the turns against the model that the winner has to win clearly
COLD = 1 << 21  # bytes of operands that take turns, lest they all stay in the nearest cache, as they would not in a program


class Make(Protocol):
    """A contraction whose schedule is open."""

    def __call__(self, *, schedule: Schedule) -> Recipe:
        """The contraction by a schedule."""


Operands = Mapping[str, tuple[DType, int]]  # types and numbers of elements


@dataclass(slots=True)
class Switch:
    """Whether programs that are compiled from now on measure."""

    on: bool


switch = Switch(config.autotune)
_chosen: dict[str, Schedule] = {}
_lock = fork_safe_lock()  # two races at a time would disturb each other


def schedule(make: Make, operands: Operands, settled: bool) -> Schedule:
    """The schedule for a contraction of `operands`; what is made of a `b` that is `settled` is kept from run to run."""
    if not switch.on:
        return MODEL
    model = make(schedule=MODEL)
    entry = digest(f"schedule {VERSION} {processor().model} {num_threads()} {settled} {identity(model)}")
    with _lock:
        if entry not in _chosen:
            known = decoded(disk_cache().read(entry), model)
            if known is None:
                known = race(make, model, operands, settled)
                disk_cache().write(entry, json.dumps(asdict(known)).encode())
            _chosen[entry] = known
        return _chosen[entry]


def forget() -> None:
    """Forgets what this process knows; the disk does not."""
    _chosen.clear()


def decoded(data: bytes | None, model: Recipe) -> Schedule | None:
    """The schedule of an entry; None if it is none, or none for this contraction."""
    try:
        found = json.loads(data or b"")
        tile = found["tile"]
        made = Schedule(None if tile is None else (int(tile[0]), int(tile[1])), found["a"], found["b"], found["tasks"])
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    parts = [*tiles(model), *questions()[0], *questions()[1], *questions()[2], MODEL]
    known = all(any(getattr(made, name) == getattr(part, name) for part in parts) for name in ("tile", "a", "b", "tasks"))
    return made if known else None


def tiles(model: Recipe) -> list[Schedule]:
    """Other tiles for the largest product of a contraction, the most promising first."""
    products = [(call.args, call.source.description) for call in model.calls if isinstance(call.source.description, Tile)]
    if not products:
        return []
    args, tile = max(products, key=lambda p: _rows(p[0]))
    assert isinstance(tile, Tile)
    n = args[TILE_ARGS.index("n")]
    assert isinstance(n, int)
    costs = sorted(tile_costs(_rows(args), n, tile.lanes, vectors(host()), tile.depthwise))
    return [Schedule(shape) for cost, shape in costs[:TILES] if cost < NEAR * costs[0][0] and shape != (tile.rows, tile.vectors)]


def _rows(args: Sequence[Operand | int]) -> int:
    m = args[TILE_ARGS.index("m")]
    assert isinstance(m, int)
    return m


def questions() -> tuple[list[Schedule], ...]:
    """What else is asked, one after the other: how to prepare either operand, and into how many tasks to cut."""
    return (
        [Schedule(b="copied"), Schedule(b="packed"), Schedule(b="placed")],
        [Schedule(a="copied"), Schedule(a="packed"), Schedule(a="placed")],
        [Schedule(tasks=TASKS // 4), Schedule(tasks=TASKS // 2), Schedule(tasks=TASKS * 2)],
    )


def race(make: Make, model: Recipe, operands: Operands, settled: bool) -> Schedule:
    """The fastest schedule of those tried: question by question, each with the best answers to the ones before."""
    sets = _sets(operands)
    best, first = MODEL, Trial(model, sets, settled)
    if not any(isinstance(call.source.description, Tile) for call in model.calls) or min(first.seconds() for _ in range(4)) < LEAST:
        return best
    trial, seen = first, {identity(model)}
    for answers in (tiles(model), *questions()):
        trials = {best: trial}
        for candidate in (_merged(best, answer) for answer in answers):
            recipe = make(schedule=candidate)
            if (name := identity(recipe)) not in seen:
                seen.add(name)
                trials[candidate] = Trial(recipe, sets, settled)
        times = _heat(trials)
        fastest = min(times, key=lambda s: times[s])
        if times[fastest] < CLEAR * times[best]:
            best, trial = fastest, trials[fastest]
    if best == MODEL:
        return best
    return best if _beats(trial, first) else MODEL


def _merged(best: Schedule, answer: Schedule) -> Schedule:
    """`best` with what `answer` decides."""
    default = asdict(MODEL)
    return replace(best, **{name: value for name in default if (value := getattr(answer, name)) != default[name]})


def _heat(trials: Mapping[Schedule, Trial]) -> dict[Schedule, float]:
    """The least seconds of each trial, which take turns; who is far behind leaves early."""
    times = dict.fromkeys(trials, float("inf"))
    if len(trials) == 1:
        return times
    running, start = list(trials), time.perf_counter()
    for turn in range(1, ROUNDS + 1):
        for each in running:
            times[each] = min(times[each], trials[each].seconds())
        if turn >= FEWEST:
            running = [each for each in running if times[each] < BEHIND * min(times.values())]
            if len(running) == 1 or time.perf_counter() - start > HEAT:
                break
    return times


def _beats(trial: Trial, other: Trial) -> bool:
    """Whether `trial` is faster in most turns: of many candidates one always is the fastest by chance."""
    start, wins, turns = time.perf_counter(), 0, 0
    while turns < 2 * FEWEST or (turns < ROUNDS and time.perf_counter() - start < HEAT):
        wins += trial.seconds() < CLEAR * other.seconds()
        turns += 1
    return wins > WINS * turns


def _sets(operands: Operands) -> list[dict[str, np.ndarray[Any, Any]]]:
    """Memory for the operands, several times if it is small. All is one: pages that were never written are all one page, and
    some numbers are slower than others."""
    total = sum(count * dtype.size for dtype, count in operands.values())
    copies = min(max(COLD // max(total, 1), 1), 16)
    return [{name: ones(dtype, count) for name, (dtype, count) in operands.items()} for _ in range(copies)]


def ones(dtype: DType, count: int) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = empty(max(count, 1) * dtype.size).view(dtype.numpy)
    array[...] = 1
    return array


class Trial:
    """A recipe made ready to be timed."""

    def __init__(self, recipe: Recipe, sets: Sequence[dict[str, np.ndarray[Any, Any]]], settled: bool) -> None:
        own: dict[str, np.ndarray[Any, Any]] = {f"scratch{i}": empty(size) for i, size in enumerate(recipe.scratch)}
        own.update((f"table{i}", table) for i, table in enumerate(recipe.constants))
        self._memory = [{**own, **operands} for operands in sets]
        slots = {name: slot for slot, name in enumerate(self._memory[0])}
        self._pointers = [np.array([a.ctypes.data for a in memory.values()], np.int64) for memory in self._memory]
        self._turn = 0
        kept = {name for name in own if name.startswith("table")} | ({"b"} if settled else set())
        once, again = [], []
        for call in recipe.calls:
            args: list[Argument] = [Address(slots[x.name], x.offset) if isinstance(x, Operand) else x for x in call.args]
            launch = Launch(compile_kernel(call.source), call.tasks, tuple(args))
            read = {x.name for x in call.args if isinstance(x, Operand)} - set(call.writes)
            if settled and read <= kept:
                kept.update(call.writes)
                once.append(launch)
            else:
                again.append(launch)
        self._run = Executable(again).run
        Executable(once).run(self._pointers[0])
        self._run(self._pointers[0])

    def seconds(self) -> float:
        """How long one run takes."""
        self._turn = (self._turn + 1) % len(self._pointers)
        pointers = self._pointers[self._turn]
        start = time.perf_counter()
        self._run(pointers)
        return time.perf_counter() - start


def identity(recipe: Recipe) -> str:
    """Names what a recipe does."""
    calls = [(call.source.key, call.tasks, call.args) for call in recipe.calls]
    return repr((calls, recipe.scratch, [(table.shape, table.tobytes()) for table in recipe.constants]))
