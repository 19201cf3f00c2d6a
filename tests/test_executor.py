"""Plans: launches, loops, branches, Python calls, and the profiler."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tenfold.codegen.cpu import compile_kernel
from tenfold.core import dtypes
from tenfold.kernel.loops import Expr, Kernel, Stage, Store, const, load
from tenfold.runtime.executor import Address, Branch, Executable, HostCall, Launch, Loop, Step
from tenfold.runtime.memory import MANY_RUNS, ArenaPool, empty, empty_array, size_class, zeros
from tenfold.runtime.profiler import Profile

I64 = dtypes.int64
ZERO = const(0, I64)


def scalar_kernel(value: Expr, *inputs: Expr) -> Kernel:
    """buffer0[0] = value."""
    return Kernel((value.dtype, I64), 0, (), (), None, (Stage((), (), (Store(0, ZERO, value),)),))


def add_to(out: Address, x: Address, amount: int) -> Launch:
    """*out = *x + amount."""
    return Launch(compile_kernel(scalar_kernel(load(1, ZERO, I64) + amount)), 1, (out, x, 1), f"add {amount}")


def less(out: Address, x: Address, limit: int) -> Launch:
    """*out = *x < limit."""
    return Launch(compile_kernel(scalar_kernel(load(1, ZERO, I64) < limit)), 1, (out, x, 1), "less")


def run(steps: Sequence[Step], memory: np.ndarray) -> np.ndarray:
    Executable(steps).run(np.array([memory.ctypes.data], np.int64))
    return memory


A, B, C, FLAG, FLAG2 = (Address(0, 8 * k) for k in range(5))


def test_steps_run_in_order() -> None:
    memory = run([add_to(A, A, 5), add_to(B, A, 2), add_to(A, B, 100)], np.zeros(5, np.int64))
    assert memory[:2].tolist() == [107, 7]


def test_no_steps_and_no_tasks() -> None:
    run([], np.zeros(1, np.int64))
    step = add_to(A, A, 5)
    assert run([Launch(step.address, 0, step.args)], np.zeros(1, np.int64))[0] == 0


@pytest.mark.parametrize("limit", [0, 1, 10])
def test_loop(limit: int) -> None:
    memory = run([Loop((less(FLAG, A, limit),), FLAG, (add_to(A, A, 1), add_to(B, B, 3))), add_to(C, C, 1)], np.zeros(5, np.int64))
    assert memory[:3].tolist() == [limit, 3 * limit, 1]


def test_nested_loops() -> None:
    inner = Loop((less(FLAG2, B, 4),), FLAG2, (add_to(B, B, 1), add_to(C, C, 1)))
    reset = Launch(compile_kernel(scalar_kernel(const(0, I64))), 1, (B, A, 1))
    memory = run([Loop((less(FLAG, A, 3),), FLAG, (reset, inner, add_to(A, A, 1)))], np.zeros(5, np.int64))
    assert memory[:3].tolist() == [3, 4, 12]


@pytest.mark.parametrize("flag", [0, 1])
def test_branch(flag: int) -> None:
    memory = np.array([0, 0, 0, flag, 1], np.int64)
    nested = Branch(FLAG2, (add_to(B, B, 7),), (add_to(B, B, 8),))
    run([Branch(FLAG, (add_to(A, A, 1), nested), (add_to(A, A, 2),)), Branch(FLAG, (add_to(C, C, 1),)), add_to(C, C, 10)], memory)
    assert memory[:3].tolist() == ([1, 7, 11] if flag else [2, 0, 10])


def test_host_call_gets_addresses() -> None:
    memory, seen = np.zeros(5, np.int64), []
    run([HostCall(lambda args: seen.append(list(args)), (A, 42, Address(0, 16), -1)), HostCall(lambda args: seen.append(len(args)))], memory)
    base = memory.ctypes.data
    assert seen == [[base, 42, base + 16, -1], 0]


def test_host_call_that_raises_ends_the_run() -> None:
    memory = np.zeros(5, np.int64)

    def fail(args: Sequence[int]) -> None:
        raise LookupError("here")

    executable = Executable([add_to(A, A, 1), HostCall(fail), add_to(A, A, 10)])
    for k in (1, 2):
        with pytest.raises(LookupError, match="here"):
            executable.run(np.array([memory.ctypes.data], np.int64))
        assert memory[0] == k


def test_table_is_checked() -> None:
    with pytest.raises(ValueError, match="int64"):
        Executable([]).run(np.zeros(3, np.int32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="contiguous"):
        Executable([]).run(np.zeros(6, np.int64)[::2])


def test_tables_may_differ_from_run_to_run() -> None:
    executable = Executable([add_to(A, A, 1)])
    first, second = np.zeros(1, np.int64), np.zeros(1, np.int64)
    one, two = (np.array([m.ctypes.data], np.int64) for m in (first, second))
    for table in (one, two, two, one, two):
        executable.run(table)
    one[0] = second.ctypes.data
    executable.run(one)
    assert (first[0], second[0]) == (2, 4)


def test_profile(tmp_path: Path) -> None:
    memory = np.zeros(5, np.int64)
    with Profile() as profile:
        run([Loop((less(FLAG, A, 3),), FLAG, (add_to(A, A, 1),)), HostCall(lambda _: None, (), "python")], memory)
    run([add_to(A, A, 1)], memory)
    assert [e.name for e in profile.events] == ["less", "add 1"] * 3 + ["less", "python"]
    assert all(e.duration >= 0 for e in profile.events)
    assert [e.start for e in profile.events] == sorted(e.start for e in profile.events)
    assert profile.totals()["add 1"][0] == 3
    profile.save(tmp_path / "trace.json")
    assert len(json.loads((tmp_path / "trace.json").read_text())["traceEvents"]) == 8


def test_memory_is_aligned_and_reused() -> None:
    for n in (1, 100, 5000):
        assert empty(n).nbytes == n and empty(n).ctypes.data % 64 == 0
        assert zeros(n).ctypes.data % 64 == 0 and not zeros(n).any()
    assert empty_array((3, 5), np.dtype(np.float32)).shape == (3, 5)
    pool = ArenaPool()
    arena = pool.take(100_000)
    assert arena.address % 64 == 0
    pool.give(arena)
    assert pool.take(99_000) is arena  # the one that is free
    assert pool.take(100_000) is not arena  # it is in use
    pool.give(arena)
    larger = pool.take(200_000)
    assert larger is not arena and larger.nbytes >= 200_000
    pool.give(larger)
    assert pool.take(10) is larger  # in the place of the smaller one
    pool.clear()
    assert all(n <= size_class(n) <= max(4096, n * 1.25 + 4096) for n in range(1, 1 << 20, 999))


def test_an_arena_that_is_much_too_large_for_long_is_given_back() -> None:
    pool = ArenaPool()
    huge = pool.take(100 << 20)
    pool.give(huge)
    for _ in range(MANY_RUNS):  # the first time, its own run is among those that are looked at
        arena = pool.take(20 << 20)
        assert arena is huge
        pool.give(arena)
    for _ in range(MANY_RUNS - 1):
        pool.give(pool.take(20 << 20))
    arena = pool.take(20 << 20)
    assert arena is not huge and arena.nbytes < 30 << 20
    small = ArenaPool()
    small.give(small.take(1 << 20))
    assert all(_given_back(small) for _ in range(3 * MANY_RUNS))  # nothing is gained by giving little back


def _given_back(pool: ArenaPool) -> bool:
    arena = pool.take(1)
    pool.give(arena)
    return pool.take(1) is arena and pool.give(arena) is None
