"""A kernel that copies chosen rows of a matrix: each row while the ones after it are on their way from memory."""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.codegen.text import Text
from tenfold.runtime.native import Target

LINE = 64  # bytes; rows have as many at least
AHEAD = 2  # rows that are asked for early: each begins somewhere else, where no prefetcher of the processor expects it
ARGS = ("source", "rows", "target", "count", "bytes", "grain")


@dataclass(frozen=True, slots=True)
class RowCopy:
    """target[i] = source[rows[i]] for `count` rows of `bytes`, `grain` in a task."""

    @property
    def key(self) -> str:
        """There is one such kernel."""
        return "copy of rows 1"

    def emit(self, name: str, target: Target) -> str:
        """LLVM text."""
        t = Text()
        a = t.arguments(ARGS, frozenset(("source", "rows", "target")))
        first = t.mul("%task", a["grain"])
        last, whole = t.sub(a["count"], 1), t.sub(a["bytes"], LINE)
        with t.loop(first, t.min(t.add(first, a["grain"]), a["count"])) as i:
            here, later = (self._row(t, a, k) for k in (i.index, t.min(t.add(i.index, AHEAD), last)))
            there = t.at(a["target"], t.mul(i.index, a["bytes"]))
            with t.loop(0, whole, LINE) as line:
                t.do(f"call void @llvm.prefetch.p0(ptr {t.at(later, line.index)}, i32 0, i32 3, i32 1)")
                self._line(t, t.at(here, line.index), t.at(there, line.index))
            self._line(t, t.at(here, whole), t.at(there, whole))  # the last bytes, some of them again
        return t.function(name)

    def _row(self, t: Text, a: dict[str, str], i: str) -> str:
        return t.at(a["source"], t.mul(t.load("i64", t.at(a["rows"], t.mul(i, 8)), 8), a["bytes"]))

    def _line(self, t: Text, source: str, target: str) -> None:
        t.store(f"<{LINE} x i8>", t.load(f"<{LINE} x i8>", source, 1), target, 1)
