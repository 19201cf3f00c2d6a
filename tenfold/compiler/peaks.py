"""What this machine can do at most: float32 multiply-adds per second, and bytes per second by how much data they are.

Both are measured once, in a second or two, and remembered in the cache folder for this processor and number of threads. The kernels are
plain: chains of multiply-adds that never leave the registers, and sums over an array, read again and again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from tenfold.runtime.device import processor
from tenfold.runtime.executor import Address, Executable, Launch
from tenfold.runtime.memory import zeros
from tenfold.runtime.native import build, disk_cache, host
from tenfold.runtime.threads import num_threads

CHAINS = 12  # independent multiply-adds: enough to hide the latency of two units
STREAMS = 8  # vectors that are added at the same time
VERSION = 1  # of what is measured
SMALLEST, LARGEST, MOST = 1 << 15, 1 << 26, 1 << 30  # bytes of one thread's array: from, to; of all arrays: to
ROUND = 0.001  # seconds that one measurement takes at least: short, to fall between other programs' turns
ROUNDS = 60  # of which the best counts


@dataclass(frozen=True, slots=True)
class Peaks:
    """The measured peaks of a processor with a number of threads.

    Attributes:
        processor: its name.
        threads: that took part.
        flops: float32 operations per second, a multiply-add being two.
        bandwidths: pairs (bytes, bytes per second): how fast data of this many bytes, over all threads, can be read.
    """

    processor: str
    threads: int
    flops: float
    bandwidths: tuple[tuple[int, float], ...]

    @property
    def memory(self) -> float:
        """Bytes per second from main memory."""
        return self.bandwidths[-1][1]

    @property
    def cache(self) -> float:
        """Bytes per second from the fastest cache."""
        return max(rate for _, rate in self.bandwidths)

    def bandwidth(self, nbytes: float) -> float:
        """Bytes per second for this many bytes, between the measured sizes.

        Example:
            >>> Peaks("one", 1, 1e9, ((1024, 64e9), (4096, 16e9))).bandwidth(2048)
            32000000000.0
        """
        points = self.bandwidths
        if nbytes <= points[0][0]:
            return points[0][1]
        for (n0, r0), (n1, r1) in itertools.pairwise(points):
            if nbytes <= n1:
                share = math.log(nbytes / n0) / math.log(n1 / n0)
                return float(round(math.exp(math.log(r0) * (1 - share) + math.log(r1) * share)))
        return points[-1][1]

    def seconds(self, flops: float, nbytes: float) -> float:
        """The least time that so many operations on so many bytes can take: the roofline."""
        return max(flops / self.flops, nbytes / self.bandwidth(nbytes))


def peaks(again: bool = False) -> Peaks:
    """This machine's peaks, from the disk where they are known.

    Args:
        again: whether to measure once more; the better figure of each counts, so that a busy moment does no lasting harm.
    """
    text = f"peaks {VERSION} {host().key} {processor().model} {num_threads()}"
    entry = hashlib.sha256(text.encode()).hexdigest()
    known = _read(disk_cache().read(entry))
    if known is None or again:
        new = measure()
        known = new if known is None else _better(known, new)
        disk_cache().write(entry, json.dumps(asdict(known)).encode())
    return known


def _better(a: Peaks, b: Peaks) -> Peaks:
    rates = tuple((n, max(r, s)) for (n, r), (_, s) in zip(a.bandwidths, b.bandwidths, strict=True))
    return Peaks(b.processor, b.threads, max(a.flops, b.flops), rates)


def _read(data: bytes | None) -> Peaks | None:
    try:
        found = json.loads(data or b"")
        return Peaks(found["processor"], found["threads"], found["flops"], tuple((int(n), float(r)) for n, r in found["bandwidths"]))
    except (ValueError, KeyError, TypeError):
        return None


def measure() -> Peaks:
    """Measures the peaks now."""
    threads = num_threads()
    rates, size, largest = [], SMALLEST, min(LARGEST, max(MOST // threads, SMALLEST))
    array = zeros(largest * threads)
    array[:] = 0  # pages that were never written are all one page
    while size <= largest:
        rates.append((size * threads, _rate("tenfold_read", size * threads, array.ctypes.data, size // (host().lanes * 4 * STREAMS))))
        size *= 2
    flops = _rate("tenfold_fma", 2.0 * host().lanes * CHAINS * 1000 * threads, 0, 1000)
    return Peaks(processor().model, threads, flops, _falling(rates))


def _falling(rates: list[tuple[int, float]]) -> tuple[tuple[int, float], ...]:
    """More data never come faster than less: what looks so was disturbed."""
    found: list[tuple[int, float]] = []
    for n, rate in reversed(rates):
        found.append((n, max(rate, found[-1][1] if found else 0.0)))
    return tuple(reversed(found))


def _rate(name: str, work: float, data: int, steps: int) -> float:
    """Units of work per second of the kernel that does `work` in one round over all threads."""
    threads = num_threads()
    address = build("peaks\n" + _text(), _text, ("tenfold_fma", "tenfold_read"), direct=True)[name]
    sums = zeros(threads * 256)
    table = np.array([0, data, sums.ctypes.data], np.int64)

    def run(rounds: int) -> Callable[[], None]:
        plan = Executable([Launch(address, threads, (Address(1), Address(2), steps, rounds), name)])
        return lambda: plan.run(table)

    rounds, once = 1, _seconds(run(1), 3)
    while once < ROUND:
        rounds = max(rounds + 1, math.ceil(rounds * min(ROUND * 1.2 / max(once, 1e-7), 64)))
        once = _seconds(run(rounds), 3)
    return work * rounds / min(once, _seconds(run(rounds), ROUNDS))


def _seconds(run: Callable[[], None], times: int) -> float:
    """The shortest of several runs."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        found.append(time.perf_counter() - start)
    return min(found)


def _text() -> str:
    """LLVM text of both kernels: args are the data, 256 bytes for results per task, and how many steps and rounds there are."""
    lanes = host().lanes
    vector = f"<{lanes} x float>"
    head = """(ptr noalias %args, i64 %task) {
entry:
  %data = load ptr, ptr %args
  %p1 = getelementptr i64, ptr %args, i64 1
  %sums = load ptr, ptr %p1
  %p2 = getelementptr i64, ptr %args, i64 2
  %steps = load i64, ptr %p2
  %p3 = getelementptr i64, ptr %args, i64 3
  %rounds = load i64, ptr %p3
  %place = mul i64 %task, 256
  %out = getelementptr i8, ptr %sums, i64 %place
"""
    return f"""
declare {vector} @llvm.fmuladd.v{lanes}f32({vector}, {vector}, {vector})

define void @tenfold_fma{head}  %total = mul i64 %steps, %rounds
  %some = load {vector}, ptr %out, align 4
  br label %body
{_loop("total", lanes, CHAINS, lambda k: _multiply_add(k, vector, lanes), ("", ""))}

define void @tenfold_read{head}  %bytes = mul i64 %steps, {lanes * 4 * STREAMS}
  %start = mul i64 %bytes, %task
  %mine = getelementptr i8, ptr %data, i64 %start
  %total = mul i64 %steps, %rounds
  br label %body
{_loop("total", lanes, STREAMS, lambda k: _load(k, vector, lanes), (_TURN, _WHERE.replace("$STRIDE", str(lanes * 4 * STREAMS))))}
"""


_TURN = "  %turn = phi i64 [ 0, %entry ], [ %again, %body ]\n"
_WHERE = """  %far = mul i64 %turn, $STRIDE
  %line = getelementptr i8, ptr %mine, i64 %far
  %following = add i64 %turn, 1
  %last = icmp eq i64 %following, %steps
  %again = select i1 %last, i64 0, i64 %following
"""


def _multiply_add(k: int, vector: str, lanes: int) -> str:
    return f"  %v{k} = call {vector} @llvm.fmuladd.v{lanes}f32({vector} %a{k}, {vector} %some, {vector} %some)"


def _load(k: int, vector: str, lanes: int) -> str:
    return (
        f"  %q{k} = getelementptr i8, ptr %line, i64 {k * lanes * 4}\n"
        f"  %x{k} = load {vector}, ptr %q{k}, align 4\n"
        f"  %v{k} = fadd {vector} %a{k}, %x{k}"
    )


def _loop(limit: str, lanes: int, count: int, step: Callable[[int], str], before: tuple[str, str]) -> str:
    """`count` accumulators, `limit` times; their sum goes to %out, so that the work cannot be left out.

    They begin with different numbers, lest they be taken for one.
    """
    vector = f"<{lanes} x float>"
    phis = "\n".join(f"  %a{k} = phi {vector} [ <{', '.join([f'float {k}.0'] * lanes)}>, %entry ], [ %v{k}, %body ]" for k in range(count))
    steps = "\n".join(step(k) for k in range(count))
    sums = "\n".join(f"  %s{k} = fadd {vector} {f'%s{k - 1}' if k > 1 else '%v0'}, %v{k}" for k in range(1, count))
    return f"""body:
  %i = phi i64 [ 0, %entry ], [ %next, %body ]
{before[0]}{phis}
{before[1]}{steps}
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %{limit}
  br i1 %more, label %body, label %done
done:
{sums}
  store {vector} %s{count - 1}, ptr %out, align 4
  ret void
}}"""
