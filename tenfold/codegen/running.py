"""A kernel of running sums and products: of several rows at a time, since each waits for its last result; or of many neighbours at once."""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.codegen.instructions import memory
from tenfold.codegen.text import Text
from tenfold.core.dtypes import DType
from tenfold.runtime.native import Target

ROWS = 8  # whose additions overlap
WIDE = 256  # bytes of neighbours
ARGS = ("source", "target", "count", "n", "stride", "grain")


@dataclass(frozen=True, slots=True)
class Running:
    """target[o, i, c] = source[o, 0, c] op ... op source[o, i, c], for n steps i that lie `stride` elements apart.

    The columns c are taken one by one, or, if `wide`, `lanes` at a time, of which there are as many at least; the last ones then overlap those
    before. `count` is how many such parts there are for all o together, `grain` of them in a task.

    Attributes:
        op: "add" or "mul".
        start: what an exclusive result begins with, as LLVM writes it; None: each result has its own element in it.
        reverse: from the last step to the first.
    """

    op: str
    dtype: DType
    start: str | None
    reverse: bool
    wide: bool

    @property
    def lanes(self) -> int:
        """Columns of one part."""
        return WIDE // self.dtype.size if self.wide else 1

    @property
    def key(self) -> str:
        """What tells it from others."""
        return f"running {self.op} {self.dtype.name} {self.start} {self.reverse} {self.wide} 1"

    def emit(self, name: str, target: Target) -> str:
        """LLVM text."""
        t = Text()
        a = t.arguments(ARGS, frozenset(("source", "target")))
        first = t.mul("%task", a["grain"])
        end = t.min(t.add(first, a["grain"]), a["count"])
        together = 1 if self.wide else ROWS
        whole = t.add(first, t.mul(t.div(t.sub(end, first), together), together))
        with t.loop(first, whole, together) as part:
            self._steps(t, a, [self._place(t, a, t.add(part.index, k)) for k in range(together)])
        if together > 1:
            with t.loop(whole, end) as part:
                self._steps(t, a, [self._place(t, a, part.index)])
        return t.function(name)

    def _place(self, t: Text, a: dict[str, str], part: str) -> str:
        """The byte where a part begins."""
        each = t.div(t.add(a["stride"], self.lanes - 1), self.lanes)  # parts of one o
        column = t.min(t.mul(t.rem(part, each), self.lanes), t.sub(a["stride"], self.lanes))
        return t.mul(t.add(t.mul(t.mul(t.div(part, each), a["n"]), a["stride"]), column), self.dtype.size)

    def _steps(self, t: Text, a: dict[str, str], places: list[str]) -> None:
        scalar = memory(self.dtype)
        type_ = f"<{self.lanes} x {scalar}>" if self.wide else scalar
        align, apart = self.dtype.size, t.mul(a["stride"], self.dtype.size)
        combine = f"{'f' if self.dtype.is_floating else ''}{self.op} {type_}"
        sides = [(t.at(a["source"], p), t.at(a["target"], p)) for p in places]

        def distance(i: str) -> str:
            return t.mul(t.sub(t.sub(a["n"], 1), i) if self.reverse else i, apart)

        begin = distance("0")
        firsts = [t.load(type_, t.at(source, begin), align) for source, _ in sides]
        if self.start is not None:
            started = self.start if not self.wide else f"<{', '.join([f'{scalar} {self.start}'] * self.lanes)}>"
        for (_, target), x in zip(sides, firsts, strict=True):
            t.store(type_, x if self.start is None else started, t.at(target, begin), align)
        with t.loop(1, a["n"], 1, [(type_, x) for x in firsts]) as step:
            at = distance(step.index)
            for (source, target), so_far in zip(sides, step.values, strict=True):
                new = t.let(f"{combine} {so_far}, {t.load(type_, t.at(source, at), align)}")
                t.store(type_, new if self.start is None else so_far, t.at(target, at), align)
                step.next.append(new)
