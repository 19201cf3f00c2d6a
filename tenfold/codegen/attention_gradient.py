"""The gradient of attention in blocks, written as LLVM IR: one task of a `kernel.attention.attention_gradient` launch."""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.codegen.attention_blocks import POINTERS, Blocks, over_units
from tenfold.codegen.instructions import mangle, memory
from tenfold.core import dtypes
from tenfold.kernel.contraction import ATTEND_BACK_ARGS, AttendBack

STATISTICS = ("highest", "share", "delta")
OPERANDS = (  # name, whose heads it has, size of one
    ("q", "heads", "size"), ("dq", "heads", "size"), ("g", "heads", "value_size"), ("k", "key_heads", "size"), ("v", "key_heads", "value_size"),
    ("dk", "key_heads", "size"), ("dv", "key_heads", "value_size"), *((s, "heads", "") for s in STATISTICS),
)  # fmt: skip


@dataclass(slots=True)
class Backward(Blocks):
    """Writes an AttendBack: blocks of keys, and for each all queries that see it."""

    kernel: AttendBack

    def write(self, name: str) -> str:
        """The kernel's module."""
        t = self.text
        self.args = a = t.arguments(ATTEND_BACK_ARGS, POINTERS)
        panels = {"k": a["size"], "v": a["value_size"], "weights": a["block"], "scores": a["block"]}
        panels |= {"dk": self.whole(a["size"]), "dv": self.whole(a["value_size"])}
        columns = t.mul(a["panels"], self.kernel.width)
        self.divide(panels, {"keys": (columns, a["size"]), "q": (a["block"], a["size"]), "g": (a["block"], a["value_size"])})
        for operand, heads, size in OPERANDS:
            one = t.mul(a[size], self.bytes) if size else str(self.bytes)
            a[f"{operand}_row"], a[f"{operand}_head"] = t.mul(one, a[heads]), one
        return over_units(self, self.unit, name)

    def unit(self, number: str) -> None:
        """Some keys of a head of theirs."""
        t, a = self.text, dict(self.args)
        piece, rest = t.rem(number, a["pieces"]), t.div(number, a["pieces"])
        key_head, batch = t.rem(rest, a["key_heads"]), t.div(rest, a["key_heads"])
        a["dq"] = t.at(a["dq"], t.mul(piece, a["dq_piece"]))
        for operand, heads, _ in OPERANDS:
            start = t.mul(t.mul(batch, a["queries" if heads == "heads" else "keys"]), a[f"{operand}_row"])
            self.args[operand] = t.at(a[operand], start if heads == "heads" else t.add(start, t.mul(key_head, a[f"{operand}_head"])))
        self.args["mask"] = t.at(a["mask"], t.mul(batch, a["mask_batch"]))
        first_head = t.mul(key_head, a["group"])
        low, columns = t.mul(piece, a["piece"]), t.mul(a["panels"], self.kernel.width)
        high = t.min(t.add(low, a["piece"]), a["keys"])
        if self.kernel.causal:
            self.unseen(first_head, low)
        with t.loop(low, high, columns) as k:
            self.keys(first_head, k.index, t.min(columns, t.sub(a["keys"], k.index)), t.let(f"icmp eq i64 {k.index}, {low}"))

    def unseen(self, first_head: str, low: str) -> None:
        """Zeros where queries see none of the task's keys."""
        t, a, dtype = self.text, self.args, self.kernel.dtype
        with t.loop(0, a["group"]) as g, t.loop(0, t.min(low, a["queries"])) as x:
            here = t.at(a["dq"], t.add(t.mul(x.index, a["dq_row"]), t.mul(t.add(first_head, g.index), a["dq_head"])))
            with t.loop(0, a["size"]) as d:
                zero = "0.0"
                self.writer.store(dtype, zero, t.at(here, t.mul(d.index, self.bytes)), True)

    def keys(self, first_head: str, key: str, count: str, initial: str) -> None:
        """All that a block of keys adds to the gradients; `initial`: nothing has been added to dq yet."""
        t, a, width, scale = self.text, self.args, self.kernel.width, self.kernel.scale
        panels = t.div(t.add(count, width - 1), width)
        with t.loop(0, panels) as p:
            first = t.add(key, t.mul(p.index, width))
            self.pack(a["k"], a["k_row"], first, a["keys"], a["size"], self.area("k", p.index), scale)
            self.pack(a["v"], a["v_row"], first, a["keys"], a["value_size"], self.area("v", p.index))
            self.clear(self.area("dk", p.index), self.whole(a["size"]))
            self.clear(self.area("dv", p.index), self.whole(a["value_size"]))
        self.copy(t.at(a["k"], t.mul(key, a["k_row"])), a["k_row"], count, a["size"], self.areas["keys"])
        with t.loop(0, a["group"]) as g:
            head = t.add(first_head, g.index)
            with t.loop(key if self.kernel.causal else 0, a["queries"], a["block"]) as x:
                self.queries(head, x.index, t.min(a["block"], t.sub(a["queries"], x.index)), key, count, initial)
        with t.loop(0, panels) as p:
            first = t.add(key, t.mul(p.index, width))
            left = t.min(width, t.sub(a["keys"], first))
            for name, size in (("dk", "size"), ("dv", "value_size")):
                self.unpack(self.area(name, p.index), a[size], t.at(a[name], t.mul(first, a[f"{name}_row"])), a[f"{name}_row"], left)

    def queries(self, head: str, first: str, count: str, key: str, keys: str, initial: str) -> None:
        """What a block of queries adds to the gradients of a block of keys, and the other way round."""
        t, a, width = self.text, self.args, self.kernel.width
        panels = t.div(t.add(keys, width - 1), width)
        q, g = (self.areas[x] for x in ("q", "g"))
        rows = []
        for x, size in (("q", "size"), ("g", "value_size")):
            source = t.at(a[x], t.add(t.mul(head, a[f"{x}_head"]), t.mul(first, a[f"{x}_row"])))
            rows.append(self.copy(source, a[f"{x}_row"], count, a[size], self.areas[x]))
        with t.loop(0, panels) as p:
            begin = t.add(key, t.mul(p.index, width))
            low = t.min(t.max(t.sub(begin, first), 0), count) if self.kernel.causal else "0"
            for source, row, packed, size, target in ((q, rows[0], "k", "size", "scores"), (g, rows[1], "v", "value_size", "weights")):
                self.scores(source, row, (low, count), self.area(packed, p.index), a[size], self.area(target, p.index))
            self.clear(self.area("scores", p.index), low)
            self.soften(head, first, (low, count), p.index, begin)
            self.multiply(g, rows[1], a["value_size"], (low, count), self.area("weights", p.index), self.area("dv", p.index))
            self.multiply(q, rows[0], a["size"], (low, count), self.area("scores", p.index), self.area("dk", p.index))
        self.query_gradient(head, first, count, key, keys, initial)

    def soften(self, head: str, first: str, rows: tuple[str, str], panel: str, key: str) -> None:
        """Scores and what comes back to the weights become the weights and what comes back to the scores."""
        t, a = self.text, self.args
        stats = {s: t.at(a[s], t.add(t.mul(head, a[f"{s}_head"]), t.mul(first, a[f"{s}_row"]))) for s in STATISTICS}
        scale, numbers, zero = self.constant(self.kernel.scale), self.iota(key), self.constant(0.0)
        with t.loop(*rows) as x:
            at = t.mul(x.index, self.panel)
            scores, weights = (t.at(self.area(n, panel), at) for n in ("scores", "weights"))
            highest, share, delta = (self.number(t.at(stats[s], t.mul(x.index, a[f"{s}_row"]))) for s in STATISTICS)
            found, masks, row = self.load(scores), [], t.add(first, x.index)
            if self.kernel.mask:
                base = t.at(a["mask"], t.add(t.mul(head, a["mask_head"]), t.mul(row, a["mask_row"])))
                masks = self.mask(base, key, t.sub(a["keys"], 1), a["mask_key"])
                found = self.masked(found, masks)
            share_of = [self.both("mul", self.exp(self.both("sub", s, highest)), share) for s in found]
            if self.kernel.causal:
                share_of = [self.choose(c, s, zero) for c, s in zip(self.compare("sle", numbers, row), share_of, strict=True)]
            back = []
            for s, w in zip(share_of, self.load(weights), strict=True):
                back.append(self.both("mul", self.both("mul", s, scale), self.both("sub", w, delta)))
            if self.kernel.mask is dtypes.bool_:
                back = [self.choose(m, b, zero) for m, b in zip(masks, back, strict=True)]
            self.store(share_of, weights)
            self.store(back, scores)

    def query_gradient(self, head: str, first: str, count: str, key: str, keys: str, initial: str) -> None:
        """dq[x, :] += dscores[x, :] @ k"""
        t, a, width = self.text, self.args, self.kernel.width
        target = t.at(a["dq"], t.add(t.mul(head, a["dq_head"]), t.mul(first, a["dq_row"])))
        source, row = self.areas["keys"], t.mul(a["size"], self.bytes)
        with t.loop(0, count, self.kernel.rows) as x:
            last = t.sub(count, 1)
            places = [t.min(t.add(x.index, i), last) for i in range(self.kernel.rows)]
            scores = [t.mul(p, self.panel) for p in places]
            targets = [t.at(target, t.mul(p, a["dq_row"])) for p in places]
            # panels that the last of these rows sees
            seen = t.min(keys, t.max(t.sub(t.add(t.add(first, places[-1]), 1), key), 0)) if self.kernel.causal else keys
            with t.loop(0, a["size"], width) as d:
                masks = self.columns(t.sub(a["size"], d.index))
                here = t.mul(d.index, self.bytes)
                sums = self.before(initial, [t.at(p, here) for p in targets], masks)
                carried = [(self.vector, s) for s in sums]
                with t.loop(0, seen, width, carried) as p:
                    rows = [t.at(self.area("scores", t.div(p.index, width)), s) for s in scores]
                    begin = t.at(t.at(source, t.mul(p.index, row)), here)
                    depth = t.min(width, t.sub(keys, p.index))
                    p.next += self.products(rows, self.bytes, begin, depth, p.values, row, lambda at, m=masks: self.read(at, m))  # type: ignore[misc]
                for place, values in zip(targets, self.rowwise(p.values), strict=True):
                    self.put(values, t.at(place, here), masks)

    def columns(self, left: str) -> list[str]:
        """Masks of the columns that are there; none if all are."""
        if not self.kernel.ragged:
            return []
        return self.compare("slt", self.iota("0"), left)

    def before(self, initial: str, places: list[str], masks: list[str]) -> list[str]:
        """What was added so far."""
        t = self.text
        start, resume, go = t.block, t.name("resume"), t.name("go")
        t.do(f"br i1 {initial}, label %{go}, label %{resume}")
        t.label(resume)
        loaded = [x for p in places for x in self.read(p, masks)]
        after = t.block
        t.do(f"br label %{go}")
        t.label(go)
        return [t.let(f"phi {self.vector} [ zeroinitializer, %{start} ], [ {x}, %{after} ]") for x in loaded]

    def read(self, pointer: str, masks: list[str]) -> list[str]:
        """A row of columns."""
        if not masks:
            return self.load(pointer)
        t, dtype, lanes = self.text, self.kernel.dtype, self.kernel.lanes
        name, flags = f"@llvm.masked.load.v{lanes}{mangle(memory(dtype))}.p0", f"<{lanes} x i1>"
        t.declare(f"{self.vector} {name}(ptr, i32, {flags}, {self.vector})")
        found = []
        for v, m in enumerate(masks):
            here = t.at(pointer, v * lanes * self.bytes)
            found.append(t.let(f"call {self.vector} {name}(ptr {here}, i32 {self.bytes}, {flags} {m}, {self.vector} zeroinitializer)"))
        return found

    def put(self, values: list[str], pointer: str, masks: list[str]) -> None:
        """Writes a row of columns."""
        if not masks:
            return self.store(values, pointer)
        t, dtype, lanes = self.text, self.kernel.dtype, self.kernel.lanes
        name = f"@llvm.masked.store.v{lanes}{mangle(memory(dtype))}.p0"
        t.declare(f"void {name}({self.vector}, ptr, i32, <{lanes} x i1>)")
        for v, (x, m) in enumerate(zip(values, masks, strict=True)):
            t.do(f"call void {name}({self.vector} {x}, ptr {t.at(pointer, v * lanes * self.bytes)}, i32 {self.bytes}, <{lanes} x i1> {m})")
