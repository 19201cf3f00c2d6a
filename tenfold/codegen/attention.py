"""Attention in blocks, written as LLVM IR: one task of a `kernel.attention.attention` launch."""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.codegen.attention_blocks import POINTERS, Blocks, over_units
from tenfold.kernel.contraction import ATTEND_ARGS

LOWEST = -3.4028234663852886e38  # where the running maximum begins: finite, so that a block of -inf is nothing yet
OPERANDS = (  # name, whose heads it has, size of one, steps
    ("q", "heads", "size", "queries"), ("k", "key_heads", "size", "keys"), ("v", "key_heads", "value_size", "keys"),
    ("out", "heads", "value_size", "queries"),
)  # fmt: skip


@dataclass(slots=True)
class Forward(Blocks):
    """Writes an Attend."""

    def write(self, name: str) -> str:
        """The kernel's module."""
        t = self.text
        self.args = a = t.arguments(ATTEND_ARGS, POINTERS)
        self.divide({"queries": a["size"], "sums": self.whole(a["value_size"]), "weights": a["block"], "highest": "1", "total": "1", "factor": "1"},
                    {"rows": (a["block"], "1")})  # fmt: skip
        for operand, heads, size, _ in OPERANDS:
            a[f"{operand}_row"] = t.mul(t.mul(a[size], self.bytes), a[heads])
        a["stat_row"] = t.mul(a["heads"], self.bytes)
        return over_units(self, self.unit, name)

    def unit(self, number: str) -> None:
        """Some queries of a head."""
        t, a = self.text, dict(self.args)
        piece, rest = t.rem(number, a["pieces"]), t.div(number, a["pieces"])
        head, batch = t.rem(rest, a["heads"]), t.div(rest, a["heads"])
        key_head = t.div(head, a["group"])
        for operand, heads, size, steps in OPERANDS:
            start, place = t.mul(t.mul(batch, a[steps]), a[f"{operand}_row"]), head if heads == "heads" else key_head
            self.args[operand] = t.at(a[operand], t.add(start, t.mul(place, t.mul(a[size], self.bytes))))
        for operand in ("highest", "share"):
            self.args[operand] = t.at(a[operand], t.add(t.mul(t.mul(batch, a["queries"]), a["stat_row"]), t.mul(head, self.bytes)))
        self.args["mask"] = t.at(a["mask"], t.add(t.mul(batch, a["mask_batch"]), t.mul(head, a["mask_head"])))
        low, rows = t.mul(piece, a["piece"]), t.mul(a["panels"], self.kernel.width)
        with t.loop(low, t.min(t.add(low, a["piece"]), a["queries"]), rows) as r:
            self.queries(r.index, t.min(rows, t.sub(a["queries"], r.index)))

    def queries(self, first: str, count: str) -> None:
        """All keys for a block of queries."""
        t, a, width = self.text, self.args, self.kernel.width
        panels = t.div(t.add(count, width - 1), width)
        with t.loop(0, panels) as p:
            self.pack(a["q"], a["q_row"], t.add(first, t.mul(p.index, width)), a["queries"], a["size"], self.area("queries", p.index),
                      self.kernel.scale)  # fmt: skip
            self.clear(self.area("sums", p.index), self.whole(a["value_size"]))
            self.clear(self.area("total", p.index), "1")
            self.store([self.constant(LOWEST)] * self.kernel.vectors, self.area("highest", p.index))
        limit = t.min(a["keys"], t.add(first, count)) if self.kernel.causal else a["keys"]
        with t.loop(0, limit, a["block"]) as k:
            self.keys(first, panels, k.index, t.min(a["block"], t.sub(limit, k.index)))
        with t.loop(0, panels) as p:
            self.finish(t.add(first, t.mul(p.index, width)), p.index)

    def seen(self, first: str, panel: str, key: str, count: str) -> str:
        """How many of a block's keys some query of a panel sees."""
        if not self.kernel.causal:
            return count
        t, width = self.text, self.kernel.width
        end = t.add(t.add(first, t.mul(panel, width)), width)
        return t.min(count, t.sub(end, key))

    def keys(self, first: str, panels: str, key: str, count: str) -> None:
        """One block of keys for a block of queries."""
        t, a = self.text, self.args
        row = self.copy(t.at(a["k"], t.mul(key, a["k_row"])), a["k_row"], count, a["size"], self.areas["rows"])
        with t.loop(0, panels) as p:
            self.scores(self.areas["rows"], row, ("0", self.seen(first, p.index, key, count)), self.area("queries", p.index), a["size"],
                        self.area("weights", p.index))  # fmt: skip
        row = self.copy(t.at(a["v"], t.mul(key, a["v_row"])), a["v_row"], count, a["value_size"], self.areas["rows"])
        with t.loop(0, panels) as p:
            seen = self.seen(first, p.index, key, count)
            with t.when(t.less(0, seen)):
                factor = self.soften(t.add(first, t.mul(p.index, self.kernel.width)), p.index, key, seen)
                weights, sums = self.area("weights", p.index), self.area("sums", p.index)
                self.multiply(self.areas["rows"], row, a["value_size"], ("0", seen), weights, sums, factor)

    def soften(self, first: str, panel: str, key: str, count: str) -> list[str]:
        """Scores become weights relative to the maxima of now; the result is what earlier sums must be multiplied by."""
        t, n = self.text, self.kernel.vectors
        highest, total, weights = (self.area(x, panel) for x in ("highest", "total", "weights"))
        before, sums = self.load(highest), self.load(total)
        now = self.maxima(first, panel, key, count, before)
        self.store(now, highest)
        factor = [self.exp(self.both("sub", b, m)) for b, m in zip(before, now, strict=True)]
        sums = [self.both("mul", s, f) for s, f in zip(sums, factor, strict=True)]
        with t.loop(0, count, 1, [(self.vector, s) for s in sums]) as x:
            here = t.at(weights, t.mul(x.index, self.panel))
            found = [self.exp(self.both("sub", s, m)) for s, m in zip(self.load(here), now, strict=True)]
            self.store(found, here)
            x.next += [self.both("add", x.values[v], found[v]) for v in range(n)]
        self.store(x.values, total)
        return factor

    def maxima(self, first: str, panel: str, key: str, count: str, before: list[str]) -> list[str]:
        """The greatest scores so far; masks are applied on the way."""
        t, a, weights = self.text, self.args, self.area("weights", panel)
        numbers = self.iota(first)
        free = t.max(t.min(count, t.add(t.sub(first, key), 1)), 0) if self.kernel.causal else count
        for low, high, causal in [("0", free, False), (free, count, True)][: 2 if self.kernel.causal else 1]:
            with t.loop(low, high, 1, [(self.vector, m) for m in before]) as x:
                here, number = t.at(weights, t.mul(x.index, self.panel)), t.add(key, x.index)
                scores = self.load(here)
                if self.kernel.mask:
                    base = t.at(a["mask"], t.mul(number, a["mask_key"]))
                    scores = self.masked(scores, self.mask(base, first, t.sub(a["queries"], 1), a["mask_row"]))
                if causal:
                    lower = self.constant(float("-inf"))
                    scores = [self.choose(c, s, lower) for c, s in zip(self.compare("sge", numbers, number), scores, strict=True)]
                if self.kernel.mask or causal:
                    self.store(scores, here)
                x.next += [self.greater(s, m) for s, m in zip(scores, x.values, strict=True)]
            before = x.values
        return before

    def finish(self, first: str, panel: str) -> None:
        """Divides the sums and writes them."""
        t, a, dtype = self.text, self.args, self.kernel.dtype
        count = t.min(self.kernel.width, t.sub(a["queries"], first))
        total = self.area("total", panel)
        share = [self.both("div", self.constant(1.0), s) for s in self.load(total)]
        self.store(share, total)
        with t.loop(0, count) as i:
            for operand, area in (("highest", self.area("highest", panel)), ("share", total)):
                x = self.writer.load(dtype, t.at(area, t.mul(i.index, self.bytes)), True)
                self.writer.store(dtype, x, t.at(a[operand], t.mul(t.add(first, i.index), a["stat_row"])), True)
        target = t.at(a["out"], t.mul(first, a["out_row"]))
        self.unpack(self.area("sums", panel), a["value_size"], target, a["out_row"], count, share)
