"""Batches made ahead of time by threads or processes, in order: what `PyDataset(workers=...)` asks for."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

_Source: list[Any] = []  # in a worker process: the data set that it has a copy of


def made_ahead(source: Any, numbers: Iterable[int]) -> Iterator[Any]:
    """`source[i]` for each number, in order; up to `max_queue_size` of them are made meanwhile, if the data set wants workers."""
    if source.workers <= (0 if source.use_multiprocessing else 1):
        yield from (source[i] for i in numbers)
        return
    pool, call = _pool(source)
    waiting: deque[Future[Any]] = deque()
    try:
        for i in numbers:
            waiting.append(pool.submit(call, i))
            if len(waiting) >= max(source.max_queue_size, source.workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # also when training stops early, or is interrupted
        pool.shutdown(wait=False, cancel_futures=True)


def _pool(source: Any) -> tuple[Executor, Callable[[int], Any]]:
    if not source.use_multiprocessing:
        return ThreadPoolExecutor(source.workers, "tenfold-batches"), source.__getitem__
    # Each process gets the data set by inheritance where processes can be forked: it need not be picklable then.
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    context = multiprocessing.get_context(method)
    return ProcessPoolExecutor(source.workers, context, _hold, (source,)), _held


def _hold(source: Any) -> None:
    _Source[:] = [source]


def _held(index: int) -> Any:
    return _Source[0][index]
