"""Where the time goes: start and duration of every launch of the runs inside a `Profile`."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

CAPACITY = 1 << 16  # launches of one run that are kept


@dataclass(frozen=True, slots=True)
class Event:
    """One launch: its name, when it began and how long it took, in seconds of `time.perf_counter`, and the thread that ran it.

    `source` is what the launch was made from: the compiler's Call.
    """

    name: str
    start: float
    duration: float
    thread: int
    source: Any = None


class Profile:
    """Collects events while it is open.

    Example:
        >>> with Profile() as profile:
        ...     pass
        >>> profile.events
        []
    """

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __enter__(self) -> Profile:
        _open.append(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _open.remove(self)

    def totals(self) -> dict[str, tuple[int, float]]:
        """Number of launches and seconds by name, the longest first."""
        sums: dict[str, tuple[int, float]] = {}
        for event in self.events:
            count, seconds = sums.get(event.name, (0, 0.0))
            sums[event.name] = (count + 1, seconds + event.duration)
        return dict(sorted(sums.items(), key=lambda item: -item[1][1]))

    def save(self, path: str | Path) -> None:
        """Writes the events for a trace viewer (chrome://tracing, Perfetto)."""
        rows = [{"name": e.name, "ph": "X", "ts": e.start * 1e6, "dur": e.duration * 1e6, "pid": 0, "tid": e.thread} for e in self.events]
        Path(path).write_text(json.dumps({"traceEvents": rows, "displayTimeUnit": "ms"}), encoding="utf-8")


_open: list[Profile] = []
_ticks = [float("inf")]  # seconds of one tick


def mark(name: str, start: float, end: float, source: Any) -> None:
    """Adds an event that Python saw to the open Profiles."""
    for profile in list(_open):
        profile.events.append(Event(name, start, end - start, threading.get_ident(), source))


def active() -> bool:
    """Whether any Profile is open."""
    return bool(_open)


@contextmanager
def recording(names: Mapping[int, tuple[str, Any]]) -> Iterator[int]:
    """Gives one run a buffer to write its launches to, and hands them to the open Profiles.

    The native loop counts in ticks of the processor. The run's own duration says how long one is, and too long by what happens before the
    first launch and after the last: the shortest found so far is the best.
    """
    buffer = np.zeros(2 + 3 * CAPACITY, np.int64)
    buffer[1] = CAPACITY
    begin = time.perf_counter()
    yield buffer.ctypes.data
    end = time.perf_counter()
    count = min(int(buffer[0]), CAPACITY)
    rows = buffer[2 : 2 + 3 * count].reshape(count, 3)
    if not count:
        return
    first, last = int(rows[:, 1].min()), int(rows[:, 2].max())
    tick = _ticks[0] = min(_ticks[0], (end - begin) / max(last - first, 1))
    thread = threading.get_ident()
    events = []
    for pc, a, b in rows.tolist():
        name, source = names.get(pc, ("", None))
        events.append(Event(name, begin + (a - first) * tick, (b - a) * tick, thread, source))
    for profile in list(_open):
        profile.events += events
