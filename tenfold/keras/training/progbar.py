"""The progress bar of fit, evaluate and predict."""

from __future__ import annotations

import math
import os
import shutil
import sys
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from tenfold.keras.base import switches

INTERVAL = 0.2  # seconds between repaints: metrics are fetched only then


def _write(text: str) -> None:
    """To standard output, if there is one, in the characters that it knows; to the log if interactive logging is disabled."""
    if not switches.is_interactive_logging_enabled():
        switches.log.info(text.strip())
        return
    out = sys.stdout
    if out is None:
        return
    try:
        out.write(text)
    except UnicodeEncodeError:
        out.write(text.replace("━", "=").encode("ascii", "replace").decode())
    out.flush()


class Progbar:
    """Draws progress: a live line in a terminal or notebook; elsewhere one line at the end, or lines at an interval that is asked for.

    Args:
        target: the number of steps; None while unknown.
        verbose: 0 nothing, 1 a bar, 2 one line at the end.
        interval: seconds between repaints; by default 0.2, and only the end where no line can be redrawn.
        stateful_metrics: the names of values that are shown as they are; all others are averaged over the steps.
        stateless_metrics: the names of values that are averaged; all others are shown as they are.
        unit_name: what a step is called.

    Raises:
        ValueError: both lists of names are given.

    Example:
        >>> bar = Progbar(2, width=4, dynamic=False); bar.update(2, [("loss", 0.5)])  # doctest: +ELLIPSIS
        2/2 ━━━━ ... - loss: 0.5000
    """

    def __init__(self, target: int | None, width: int = 20, verbose: int = 1, interval: float | None = None, stateful_metrics: Any = None,
                 stateless_metrics: Any = None, unit_name: str = "step", dynamic: bool | None = None) -> None:  # fmt: skip
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Only one of `stateful_metrics` and `stateless_metrics` can be set.")
        self._as_is, self._averaged = stateful_metrics or (), stateless_metrics
        self._sums: dict[str, tuple[float, int]] = {}  # of the values that are averaged: sum over the steps, steps
        self.target, self.width, self.verbose, self.unit_name = target, width, verbose, unit_name
        self.dynamic = is_dynamic() if dynamic is None else dynamic
        self.interval = interval if interval is not None else INTERVAL if self.dynamic else math.inf
        self.start = time.perf_counter()
        self._first: float | None = None  # when the first step ended: it may include compilation
        self._last = 0.0
        self._painted = False
        self.seen = 0

    def due(self, current: int) -> bool:
        """Whether the bar wants to be repainted now."""
        self.seen = current
        now = time.perf_counter()
        if self._first is None:
            self._first = now
        return self.verbose == 1 and now - self._last >= self.interval

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Shows step `current` with `values`, a dict or list of (name, number)."""
        pairs = self._means(list(values.items()) if isinstance(values, Mapping) else list(values or []), max(1, current - self.seen))
        self.seen = current
        if self._first is None:
            self._first = time.perf_counter()
        finalize = current == self.target if finalize is None else finalize
        if finalize and self.target is None:
            self.target = current
        now = time.perf_counter()
        if self.verbose not in (1, 2) or not (finalize or (self.verbose == 1 and now - self._last >= self.interval)):
            return
        self._last = now
        line = self._line(current, pairs, finalize)
        if self.verbose == 1 and self.dynamic:
            _write("\r" + _cut(line, finalize) + ("\n" if finalize else ""))
        else:
            _write(line + "\n")
        self._painted = not finalize

    def _means(self, pairs: list[tuple[str, Any]], steps: int) -> list[tuple[str, Any]]:
        """The values to show: those that are averaged, as their means over all steps so far."""
        shown = []
        for name, value in pairs:
            if name in self._averaged if self._averaged is not None else name not in self._as_is:
                total, count = self._sums.get(name, (0.0, 0))
                total, count = self._sums[name] = total + float(np.mean(value)) * steps, count + steps
                value = total / count
            shown.append((name, value))
        return shown

    def add(self, n: int, values: Any = None) -> None:
        """Shows `n` steps more."""
        self.update(self.seen + n, values)

    def interrupt(self) -> None:
        """Leaves the line that is being drawn."""
        if self._painted:
            _write("\n")

    def _line(self, current: int, pairs: list[tuple[str, Any]], finalize: bool) -> str:
        elapsed = time.perf_counter() - self.start
        if self.verbose == 2:
            head = f"{current}/{self.target} - {elapsed:.0f}s - {self._pace(current, elapsed)}"
        else:
            head = f"{self._count(current)} {self._bar(current)} {self._time(current, elapsed, finalize)}"
        return head + "".join(f" - {name}: {_number(value)}" for name, value in pairs)

    def _count(self, current: int) -> str:
        if self.target is None:
            return f"{current:7d}/Unknown"
        digits = len(str(self.target))
        count = f"{current:{digits}d}/{self.target}"
        return f"\033[1m{count}\033[0m" if self.dynamic else count

    def _bar(self, current: int) -> str:
        done = self.width if self.target is None else min(self.width, int(self.width * current / max(1, self.target)))
        if not self.dynamic:
            return "━" * self.width
        return f"\033[32m{'━' * done}\033[0m\033[37m{'━' * (self.width - done)}\033[0m"

    def _time(self, current: int, elapsed: float, finalize: bool) -> str:
        if finalize or self.target is None or not current:
            text = f"{elapsed:.0f}s"
        else:
            text = _clock(self._per_step(current, elapsed) * (self.target - current))
        return f"\033[1m{text}\033[0m {self._pace(current, elapsed)}" if self.dynamic else f"{text} {self._pace(current, elapsed)}"

    def _per_step(self, current: int, elapsed: float) -> float:
        """Seconds per step, without the first one, which includes compilation."""
        if current > 1 and self._first is not None:
            return max(0.0, (elapsed - (self._first - self.start)) / (current - 1))
        return elapsed / max(1, current)

    def _pace(self, current: int, elapsed: float) -> str:
        seconds = self._per_step(current, elapsed)
        amount = f"{seconds:.0f}s" if seconds >= 1 or seconds == 0 else f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
        return f"{amount}/{self.unit_name}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}" if minutes else f"{rest}s"


def _number(value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:.4f}" if abs(number) > 1e-3 or number == 0 or math.isnan(number) else f"{number:.4e}"


def _cut(line: str, finalize: bool) -> str:
    """The line, not longer than the terminal is wide while it is being redrawn, and erasing what stood there before."""
    width = shutil.get_terminal_size((80, 24)).columns
    if finalize or "ipykernel" in sys.modules:
        return line + "\033[K"
    shown, visible, i = [], 0, 0
    while i < len(line) and visible < width - 1:
        if line[i] == "\033":
            end = line.index("m", i) + 1
            shown.append(line[i:end])
            i = end
        else:
            shown.append(line[i])
            visible += 1
            i += 1
    return "".join(shown) + "\033[0m\033[K"


def is_dynamic() -> bool:
    """Whether standard output can redraw a line: a terminal or a notebook."""
    if not switches.is_interactive_logging_enabled():
        return False
    if "ipykernel" in sys.modules or os.environ.get("PYCHARM_HOSTED"):
        return True
    try:
        return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    except (AttributeError, ValueError):
        return False


def resolve_verbose(verbose: Any, method: str) -> int:
    """0, 1 or 2 from what the user gave; "auto" is 1.

    Raises:
        ValueError: it is none of these.
    """
    if verbose == "auto":
        return 1
    if verbose is None or verbose not in (0, 1, 2):
        raise ValueError(f"[{method}] verbose must be 'auto', 0, 1 or 2. Received: verbose={verbose!r}.")
    return int(verbose)
