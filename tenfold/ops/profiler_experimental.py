"""`tf.profiler.experimental`: recording what runs, under TensorFlow's names."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.compiler.peaks import peaks
from tenfold.core.errors import AlreadyExistsError, UnavailableError
from tenfold.ops.roofline_report import Report, report_of
from tenfold.runtime import profiler as runtime


@dataclass(frozen=True, slots=True)
class ProfilerOptions:
    """Accepted as `tf.profiler.experimental.ProfilerOptions`: every launch of a compiled program is recorded in any case."""

    host_tracer_level: int = 2
    python_tracer_level: int = 0
    device_tracer_level: int = 1
    delay_ms: int | None = None


class Profile:
    """Records what runs inside it; at the end `roofline.html` and `trace.json` are written to `logdir`, if one is given.

    Args:
        logdir: a folder, which is made if it does not exist.
        options: accepted.

    Example:
        >>> import tenfold as tf
        >>> with tf.profiler.experimental.Profile() as profile:
        ...     pass
        >>> profile.report().kernels
        []
    """

    def __init__(self, logdir: Any = None, options: Any = None) -> None:
        self.logdir = None if logdir is None else Path(logdir)
        self._inner = runtime.Profile()
        self._start = self._end = 0.0

    def __enter__(self) -> Profile:
        self._inner.__enter__()
        self._start = time.perf_counter()
        return self

    def __exit__(self, *error: Any) -> None:
        self._close(self.logdir is not None and error[0] is None)

    def _close(self, save: bool) -> None:
        self._end = time.perf_counter()
        self._inner.__exit__(None, None, None)
        if save and self.logdir is not None:
            report = self.report()
            report.save(self.logdir / "roofline.html")
            report.save(self.logdir / "trace.json")

    def report(self, title: str = "profile") -> Report:
        """The figures of what was recorded so far."""
        wall = (self._end or time.perf_counter()) - self._start
        return report_of(self._inner.events, peaks(), title, wall=wall)


_running: list[Profile] = []


def start(logdir: Any, options: Any = None) -> None:
    """Begins to record; `stop` ends it and writes the report to `logdir`.

    Raises:
        AlreadyExistsError: it was begun before.
    """
    if _running:
        raise AlreadyExistsError("[profiler] Another profiler is running. Try tf.profiler.experimental.stop() first.")
    _running.append(Profile(logdir, options).__enter__())


def stop(save: bool = True) -> None:
    """Ends what `start` began.

    Args:
        save: whether to write the report.

    Raises:
        UnavailableError: nothing was begun.
    """
    if not _running:
        raise UnavailableError("[profiler] Cannot export profiling results. No profiler is running. Try tf.profiler.experimental.start(logdir).")
    _running.pop()._close(save)


class Trace:
    """Names a stretch of Python in the trace, while a profile is open.

    Args:
        name: of the stretch.
        kwargs: shown with it, e.g. `step_num=3`.

    Example:
        >>> import tenfold as tf
        >>> with tf.profiler.experimental.Trace("train", step_num=3, _r=1):
        ...     pass
    """

    def __init__(self, name: str, **kwargs: Any) -> None:
        self._name, self._about, self._start = name, kwargs, 0.0

    def __enter__(self) -> Trace:
        self._start = time.perf_counter()
        return self

    def set_metadata(self, **kwargs: Any) -> None:
        """Adds to what is shown with it."""
        self._about |= kwargs

    def __exit__(self, *error: Any) -> None:
        runtime.mark(self._name, self._start, time.perf_counter(), {k: str(v) for k, v in self._about.items()})


__all__ = ["Profile", "ProfilerOptions", "Trace", "start", "stop"]
