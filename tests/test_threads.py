"""The worker pool: same bits with any number of threads, forks, concurrent callers, a quiet exit."""

import ctypes
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tenfold.codegen.cpu import compile_kernel
from tenfold.core import dtypes
from tenfold.kernel.loops import Kernel, Reduction, Stage, Store, axis, const, load, param, result
from tenfold.runtime import threads
from tenfold.runtime.executor import Address, Executable, Launch

F32 = dtypes.float32


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    before = threads.num_threads()
    yield
    threads.set_num_threads(before)


def row_sums() -> Kernel:
    value = load(0, axis(0) * param(1) + axis(1), F32)
    stages = (Stage((1,), (Reduction("sum", value),)), Stage((), (), (Store(1, axis(0), result(0, 0, F32)),)))
    return Kernel((F32, F32), 2, (param(0), param(1)), (0,), 1, stages)


def sums(x: np.ndarray, grain: int = 1, repeats: int = 1) -> np.ndarray:
    out = np.zeros(len(x), np.float32)
    launch = Launch(compile_kernel(row_sums()), -(-len(x) // grain), (Address(0), Address(1), *x.shape, grain))
    executable = Executable([launch] * repeats)
    executable.run(np.array([x.ctypes.data, out.ctypes.data], np.int64))
    return out


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(count: int) -> None:
    x = np.random.default_rng(0).standard_normal((200, 77)).astype(np.float32)
    threads.set_num_threads(1)
    wanted = sums(x)
    threads.set_num_threads(count)
    for _ in range(20):
        assert sums(x).tobytes() == wanted.tobytes()
    np.testing.assert_allclose(wanted, x.sum(1), rtol=1e-4, atol=1e-4)


def counting() -> Kernel:
    one = const(1, dtypes.int64)
    return Kernel((dtypes.int64,), 1, (param(0),), (0,), None, (Stage((), (), (Store(0, axis(0), one, accumulate=True),)),))


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_task_runs_once(count: int) -> None:
    threads.set_num_threads(count)
    n, repeats = 97, 500
    hits = np.zeros(n, np.int64)
    executable = Executable([Launch(compile_kernel(counting()), n, (Address(0), n, 1))] * repeats)
    for _ in range(5):
        executable.run(np.array([hits.ctypes.data], np.int64))
    assert (hits == 5 * repeats).all()


def test_the_caller_takes_tasks_from_the_front_and_a_worker_from_the_back() -> None:
    threads.set_num_threads(2)
    done: list[tuple[int, int]] = []
    helped = threading.Event()

    def task(_: int, number: int) -> None:
        done.append((threading.get_ident(), number))
        if threading.get_ident() != caller:
            helped.set()
        assert helped.wait(60)

    caller, n = threading.get_ident(), 40
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(task)
    parallel = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)(threads.native()["tenfold_parallel"])
    parallel(threads.pool_address(), ctypes.cast(function, ctypes.c_void_p), None, n)
    front, back = ([k for thread, k in done if (thread == caller) == first] for first in (True, False))
    assert front == [*range(len(front))] and back == [*range(n - 1, len(front) - 1, -1)] and back


def test_workers_that_slept_wake_up() -> None:
    threads.set_num_threads(2)
    x = np.ones((64, 10), np.float32)
    sums(x)
    pool = threads._current.pool
    assert pool is not None
    asleep = threads.machine.SLEEPERS
    while pool._state[asleep] == 0:
        os.sched_yield()
    assert (sums(x, repeats=100) == 10).all()


def test_callers_at_the_same_time() -> None:
    threads.set_num_threads(2)
    x = np.random.default_rng(0).standard_normal((64, 33)).astype(np.float32)
    wanted, wrong = sums(x).tobytes(), []

    def call() -> None:
        for _ in range(50):
            if sums(x, repeats=5).tobytes() != wanted:
                wrong.append(1)

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not wrong


def test_number_of_threads_changes_while_plans_run() -> None:
    x = np.ones((64, 33), np.float32)
    wrong = []

    def call() -> None:
        for _ in range(100):
            if not (sums(x, repeats=5) == 33).all():
                wrong.append(1)

    caller = threading.Thread(target=call)
    caller.start()
    for k in range(20):
        threads.set_num_threads(1 + k % 3)
    caller.join()
    assert not wrong
    with pytest.raises(ValueError, match="positive"):
        threads.set_num_threads(0)


def test_environment_chooses_the_number() -> None:
    done = python("from tenfold.runtime import threads; print(threads.num_threads())", TENFOLD_NUM_THREADS="3")
    assert (done.stdout, done.stderr) == ("3\n", "")


def python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "TENFOLD_NUM_THREADS": "2", **environment},
        capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=120,
    )  # fmt: skip


HEAD = """
import os, sys, signal
import numpy as np
from tests.test_threads import *
from tenfold.runtime.executor import HostCall
x = np.ones((64, 33), np.float32)
"""


def test_exit_is_quiet() -> None:
    for ending in ("", "sys.exit(3)", "raise SystemExit(0)"):
        done = python(HEAD + "assert (sums(x) == 33).all()\n" + ending)
        assert (done.stdout, done.stderr) == ("", "")
        assert done.returncode == (3 if "3" in ending else 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_after_fork_has_its_own_pool() -> None:
    done = python(
        HEAD
        + """
assert (sums(x) == 33).all()
child = os.fork()
if child == 0:
    assert threads._current.pool is None
    assert (sums(x, repeats=20) == 33).all()
    assert threads._current.pool is not None
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert (sums(x) == 33).all()
print(status)
"""
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_interrupt_comes_after_the_native_call() -> None:
    done = python(
        HEAD
        + """
reached = []
out = np.zeros(64, np.float32)
steps = [HostCall(lambda _: os.kill(os.getpid(), signal.SIGINT)), Launch(compile_kernel(row_sums()), 64, (Address(0), Address(1), 64, 33, 1))]
table = np.array([x.ctypes.data, out.ctypes.data], np.int64)
try:
    Executable(steps).run(table)
    reached.append(1)
    for _ in range(1000):
        pass
except KeyboardInterrupt:
    print("interrupted")
assert (sums(x) == 33).all()
"""
    )
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
