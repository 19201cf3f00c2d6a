"""Kernels for chosen rows of a matrix: one copies them, one writes where they are."""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.codegen.text import Text
from tenfold.runtime.native import Target

LINE = 64  # bytes; rows have as many at least
AHEAD = 2  # rows that are asked for early: each begins somewhere else, where no prefetcher of the processor expects it
COPY_ARGS = ("source", "rows", "target", "count", "bytes", "grain")
PLACES_ARGS = ("rows", "table", "count", "bytes", "entry")


@dataclass(frozen=True, slots=True)
class RowCopy:
    """target[i] = source[rows[i]] for `count` rows of `bytes`, `grain` in a task: each row while the ones after it are on their way from
    memory."""

    @property
    def key(self) -> str:
        """There is one such kernel."""
        return "copy of rows 1"

    def emit(self, name: str, target: Target) -> str:
        """LLVM text."""
        t = Text()
        a = t.arguments(COPY_ARGS, frozenset(("source", "rows", "target")))
        first = t.mul("%task", a["grain"])
        last, whole = t.sub(a["count"], 1), t.sub(a["bytes"], LINE)
        with t.loop(first, t.min(t.add(first, a["grain"]), a["count"])) as i:
            here, later = (t.at(a["source"], distance(t, a, k)) for k in (i.index, t.min(t.add(i.index, AHEAD), last)))
            there = t.at(a["target"], t.mul(i.index, a["bytes"]))
            with t.loop(0, whole, LINE) as line:
                t.do(f"call void @llvm.prefetch.p0(ptr {t.at(later, line.index)}, i32 0, i32 3, i32 1)")
                self._line(t, t.at(here, line.index), t.at(there, line.index))
            self._line(t, t.at(here, whole), t.at(there, whole))  # the last bytes, some of them again
        return t.function(name)

    def _line(self, t: Text, source: str, target: str) -> None:
        t.store(f"<{LINE} x i8>", t.load(f"<{LINE} x i8>", source, 1), target, 1)


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """The first word of each of `count` entries, of `entry` bytes, of a table: how many bytes rows[i] is from the first row; in one task."""

    @property
    def key(self) -> str:
        """There is one such kernel."""
        return "places of rows 1"

    def emit(self, name: str, target: Target) -> str:
        """LLVM text."""
        t = Text()
        a = t.arguments(PLACES_ARGS, frozenset(("rows", "table")))
        with t.loop(0, a["count"]) as i:
            t.store("i64", distance(t, a, i.index), t.at(a["table"], t.mul(i.index, a["entry"])), 8)
        return t.function(name)


def distance(t: Text, a: dict[str, str], i: str) -> str:
    """How many bytes row number `i` of those chosen is from the first one there is."""
    return t.mul(t.load("i64", t.at(a["rows"], t.mul(i, 8)), 8), a["bytes"])
