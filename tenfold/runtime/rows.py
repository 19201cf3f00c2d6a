"""Python threads for functions that let others run while they compute, as NumPy's do."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from tenfold.runtime.threads import num_threads


def in_pieces(work: Callable[[int, int], None], count: int) -> None:
    """`work(start, end)` for pieces of 0, 1, ..., count - 1, one for each thread; starting these takes 0.1 ms."""
    pieces = min(num_threads(), count)
    if pieces < 2:
        work(0, count)
        return
    ends = [count * i // pieces for i in range(pieces + 1)]
    with ThreadPoolExecutor(pieces - 1, "tenfold-rows") as pool:
        others = [pool.submit(work, ends[i], ends[i + 1]) for i in range(1, pieces)]
        work(ends[0], ends[1])
        for other in others:
            other.result()
