"""The micro-kernel of contractions, written as LLVM IR: one task of a `kernel.contraction.Tile`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from tenfold.codegen.epilogue import Place, apply, elements
from tenfold.codegen.helpers import helper_text
from tenfold.codegen.instructions import mangle, memory, register
from tenfold.codegen.pooling import store_largest
from tenfold.codegen.text import Loop, Value
from tenfold.codegen.tile_parts import Block, Panel, Row, TileParts
from tenfold.kernel.contraction import COPY, TILE_ARGS, Pooling

POINTERS = frozenset(("a", "b", "out", "row_table", "k_table", "bounds", "runs", "places"))

# the scheduler keeps vectors in registers only while the general registers suffice, so the other rows' addresses wait on the stack
IN_REGISTERS = 8


@dataclass(slots=True)
class TileWriter(TileParts):
    """Writes one Tile."""

    def write(self, name: str) -> str:
        """The kernel's module."""
        t = self.text
        count = len(self.tile.epilogue.extras) if self.tile.epilogue else 0
        extras = [f"extra{i}" for i in range(count)]
        self.reserve()
        pooling = self.tile.epilogue.pooling if self.tile.epilogue else None
        found = ["found"] if self.tile.routed or (pooling and pooling.places) else []
        self.args = a = t.arguments((*TILE_ARGS, *extras, *found), POINTERS | {*extras, *found})
        self.extras = [a[e] for e in extras]
        n_tile, rest = t.rem("%task", a["n_tasks"]), t.div("%task", a["n_tasks"])
        m_tile, rest = t.rem(rest, a["m_tasks"]), t.div(rest, a["m_tasks"])
        piece, batch = t.rem(rest, a["pieces"]), t.div(rest, a["pieces"])
        self.base = a["out"]
        if self.tile.even:
            self.first_row = t.div(t.mul(batch, a["out_batch"]), a["out_row"])
        for operand, stride in (("a", "a_batch"), ("b", "b_batch"), ("out", "out_batch")):
            a[operand] = t.at(a[operand], t.mul(batch, a[stride]))
        a["out"] = t.at(a["out"], t.mul(piece, a["out_piece"]))
        a["column_batch"] = t.mul(batch, a["column_batch"])
        panels = t.div(t.add(a["n"], self.tile.columns - 1), self.tile.columns)
        low = t.mul(piece, a["blocks"])
        high = t.min(t.add(low, a["blocks"]), a["total_blocks"])
        m0, n0 = t.mul(m_tile, a["m_task"]), t.mul(n_tile, a["n_task"])
        m1, n1 = t.min(t.add(m0, a["m_task"]), a["m"]), t.min(t.add(n0, a["n_task"]), panels)
        fresh = t.sub(low, a["resumed"])
        if pooling:  # a task's part of the output is on the stack
            to, kept = (a["out"], a.get("found", "")), t.let(f"alloca [{COPY} x i8], align 64")
            a["out"] = t.at(kept, t.sub("0", t.mul(m0, a["out_row"])))
        with t.loop(low, high) as block:
            self.block(block.index, t.let(f"icmp eq i64 {block.index}, {fresh}"), high, (m0, m1, n0, n1))
        if pooling:
            self.pool(pooling, m0, m1, to)
        return t.function(name, helper_text(self.isa.helpers))

    def reserve(self) -> None:
        """Takes the memory on the stack that a task needs."""
        t = self.text
        self.slots = [t.let("alloca ptr, align 8") for _ in range(self.tile.rows)]
        if self.tile.copied or self.tile.copied_a:
            self.copy = t.let(f"alloca [{COPY} x i8], align 64")
        if self.tile.scattered:
            self.next_rows = t.let(f"alloca [{self.tile.rows} x ptr], align 8")

    def one_after_the_other(self, args: dict[str, str], following: str) -> None:
        """Equal problems of one block each: this one, all rows and panels; `following` are the panels of the next."""
        t, self.args, self.base, self.onward, self.first_row = self.text, args, args["out"], following, "0"
        panels = t.div(t.add(args["n"], self.tile.columns - 1), self.tile.columns)
        block = Block(args["k_table"], args["places"], "0", args["k"], t.div(args["k"], self.tile.unit), "true", "true")
        self.by_panels(block, args["a"], args["b"], ("0", args["m"], "0", panels))

    def pool(self, pooling: Pooling, m0: str, m1: str, to: tuple[str, str]) -> None:
        """Stores the maxima of the task's windows, the rows of each of which follow one another."""
        t, a, count = self.text, self.args, prod(pooling.window)
        with t.loop(t.div(m0, count), t.div(m1, count)) as window:
            first = t.at(a["out"], t.mul(t.mul(window.index, count), a["out_row"]))
            with t.loop(0, a["n"], self.tile.lanes) as c:
                here = t.at(first, t.mul(c.index, self.size))
                xs = [t.load(self.vector, t.at(here, t.mul(a["out_row"], i) if i else 0), self.size) for i in range(count)]
                store_largest(t, self.isa, self.tile.out, pooling, xs, to, t.add(t.mul(window.index, a["n"]), c.index))

    def block(self, block: str, first: str, high: str, bounds: tuple[str, str, str, str]) -> None:
        """All tiles of the task, for one block of the summed index."""
        t, a = self.text, self.args
        outer, part = t.div(block, a["k_blocks"]), t.rem(block, a["k_blocks"])
        inside = t.mul(part, a["k_block"])
        start = t.add(t.mul(outer, a["k_period"]), inside)
        length = t.min(t.min(a["k_block"], t.sub(a["k_period"], inside)), t.sub(a["k"], start))
        table = t.at(a["k_table"], t.mul(t.div(inside, self.tile.unit), self.tile.entry))
        base, b = t.at(a["a"], t.mul(outer, a["k_outer"])), t.at(a["b"], t.mul(start, a["b_k"]))
        last = t.let(f"icmp eq i64 {t.add(block, 1)}, {high}")
        part_of = Block(table, t.at(a["places"], t.mul(inside, 8)), start, length, t.div(length, self.tile.unit), first, last)
        if self.tile.copied_a:
            self.by_tiles(part_of, base, b, bounds)
        elif self.tile.copied:
            self.by_copies(part_of, base, b, bounds)
        elif self.tile.passing:
            self.by_panels(part_of, base, b, bounds)
        else:
            self.by_rows(part_of, base, b, bounds)

    def by_rows(self, block: Block, base: str, b: str, bounds: tuple[str, str, str, str]) -> None:
        """The rows of each tile stay in the first-level cache while the panels pass."""
        share = self.share(block, bounds) if self.tile.shared else ""
        with self.text.loop(bounds[0], bounds[1], self.tile.rows) as m:
            self.panels(block, m.index, self.rows(m.index, base), b, bounds, share)

    def by_tiles(self, block: Block, base: str, b: str, bounds: tuple[str, str, str, str]) -> None:
        """The same with a copy of each tile's rows."""
        t, share = self.text, self.share(block, bounds) if self.tile.shared else ""
        with t.loop(bounds[0], bounds[1], self.tile.rows) as m:
            rows = self.rows(m.index, base)
            offsets = [self.apart(rows[0].a, row.a) for row in rows]
            self.copy_rows(rows[0].a, t.add(offsets[-1], 1), block)
            rows = [Row(t.at(self.copy, t.mul(offset, self.size)), row.out, row.number) for offset, row in zip(offsets, rows, strict=True)]
            self.panels(block, m.index, rows, b, bounds, share)

    def panels(self, block: Block, m: str, rows: list[Row], b: str, bounds: tuple[str, str, str, str], share: str) -> None:
        """The rows of the tile at row `m` with all panels, of whose next blocks it asks for its share where tiles do so."""
        t, (_, _, n0, n1), runs = self.text, bounds, self.runs(m)
        with t.loop(n0, n1) as n:
            panel = self.panel(n.index, b)
            if share:
                self.ask_share(t.at(panel.b, t.mul(block.length, panel.b_k)), panel.b_k, block, t.sub(m, bounds[0]), share)
            self.one(block, rows, runs, panel)

    def share(self, block: Block, bounds: tuple[str, str, str, str]) -> str:
        """How many rows of what follows each tile asks for: all tiles of the task ask for equal parts."""
        t, rows = self.text, self.text.sub(bounds[1], bounds[0])
        return t.div(t.add(t.mul(block.length, self.tile.rows), t.sub(rows, 1)), rows)

    def ask_share(self, following: str, step: Value, block: Block, m: str, share: str) -> None:
        """Asks for a part of what follows, a block of rows of columns `step` bytes apart: that of the tile at the task's row `m`."""
        t, tile = self.text, self.tile
        begin = t.mul(t.div(m, tile.rows), share)
        with t.loop(begin, t.min(t.add(begin, share), block.length)) as k:
            later = t.at(following, t.mul(k.index, step))
            for line in range(0, tile.columns * self.source.size, 64):
                self.ask(t.at(later, line), 2)

    def by_panels(self, block: Block, base: str, b: str, bounds: tuple[str, str, str, str]) -> None:
        """Each panel is multiplied with all rows while the following one comes from memory, evenly over the products."""
        t, a, (m0, m1, n0, n1) = self.text, self.args, bounds
        tiles = t.div(t.add(t.sub(m1, m0), self.tile.rows - 1), self.tile.rows)
        step = t.div(t.add(a["b_k"], t.sub(tiles, 1)), tiles)
        part = t.mul(block.length, step)
        with t.loop(n0, n1) as n:
            panel = self.panel(n.index, b)
            begin = self.following(panel, n.index, block, b, bounds)
            with t.loop(m0, m1, self.tile.rows) as m:
                later = t.at(begin, t.mul(t.div(t.sub(m.index, m0), self.tile.rows), part))
                self.one(block, self.rows(m.index, base), self.runs(m.index), replace(panel, later=later, step=step))

    def by_copies(self, block: Block, base: str, b: str, bounds: tuple[str, str, str, str]) -> None:
        """A copy of each panel stays in the first-level cache while the rows pass, and the next panel is asked for meanwhile."""
        t, a, tile = self.text, self.args, self.tile
        m0, m1, n0, n1 = bounds
        with t.loop(n0, n1) as n:
            panel = self.panel(n.index, b)
            following = self.following(panel, n.index, block, b, bounds)
            if tile.routed:
                self.route_panel(panel, block)
            else:
                self.copy_panel(panel, block.length)
            here = Panel(panel.first, panel.masks, self.copy, tile.columns * self.size)
            for low, high in self.heights(m0, m1):
                share = self.share(block, bounds)
                with t.loop(low, high, self.tile.rows) as m:
                    self.ask_share(following, a["b_k"], block, t.sub(m.index, m0), share)
                    self.one(block, self.rows(m.index, base), self.runs(m.index), here)

    def heights(self, m0: str, m1: str) -> Iterator[tuple[str, str]]:
        """The rows of whole tiles, and those of lower ones, `self.tile` being such a one meanwhile."""
        t, tile = self.text, self.tile
        if not tile.lower:
            yield m0, m1
            return
        between = t.min(t.max(m0, self.args["m_whole"]), m1)
        yield m0, between
        self.tile = replace(tile, rows=tile.lower, lower=tile.rows)  # what depends on both remains
        yield between, m1
        self.tile = tile

    def following(self, panel: Panel, n: str, block: Block, b: str, bounds: tuple[str, str, str, str]) -> str:
        """Where what comes after a block of panel `n` lies: the next panel, or the first one's next block, or the next problem's."""
        t, a, (_, _, n0, n1) = self.text, self.args, bounds
        beside, below = t.at(panel.b, a["b_panel"]), self.onward or t.at(self.panel(n0, b).b, t.mul(block.length, a["b_k"]))
        return t.let(f"select i1 {t.less(t.add(n, 1), n1)}, ptr {beside}, ptr {below}")

    def one(self, block: Block, rows: list[Row], runs: tuple[str, str], panel: Panel) -> None:
        """One tile, for one block."""
        sums = self.products(self.initial(block.first, rows, panel), rows, panel, block, runs)
        self.finish(sums, rows, panel, block.last)

    def initial(self, first: str, rows: list[Row], panel: Panel) -> list[str]:
        """The accumulators: zeros, or what the block before left in the output."""
        t, tile = self.text, self.tile
        count = tile.rows * tile.vectors
        if tile.out is not tile.dtype:
            return ["zeroinitializer"] * count
        before, resume, go = t.block, t.name("resume"), t.name("go")
        t.do(f"br i1 {first}, label %{go}, label %{resume}")
        t.label(resume)
        loaded = []
        for row in rows:
            here = t.at(row.out, t.mul(panel.first, self.size))
            loaded += [self.read(register(tile.dtype), here, v, panel, True) for v in range(tile.vectors)]
        after = t.block
        t.do(f"br label %{go}")
        t.label(go)
        return [t.let(f"phi {self.vector} [ zeroinitializer, %{before} ], [ {x}, %{after} ]") for x in loaded]

    def products(self, sums: list[str], rows: list[Row], panel: Panel, block: Block, runs: tuple[str, str]) -> list[str]:
        """The loops over the block's runs: one product of each row and column at a time."""
        t, tile = self.text, self.tile
        if not (tile.epilogue and tile.epilogue.pooling):
            self.prefetch(rows, panel)
        self.prefetch_extras(rows, panel, block.last)
        pointers = [row.a for row in rows]
        if tile.depthwise:
            pointers = [t.at(p, t.mul(panel.first, self.size)) for p in pointers]
        for pointer, slot in zip(pointers[IN_REGISTERS:], self.slots[IN_REGISTERS:], strict=True):
            t.do(f"store volatile ptr {pointer}, ptr {slot}, align 8")
        if tile.even:
            return self.run(sums, pointers, panel, block, ("0", block.length), ("0", block.units))
        with t.loop(runs[0], runs[1], 16, [(self.vector, s) for s in sums]) as run:
            here = t.at(self.args["runs"], run.index)
            k0, k1 = (t.sub(t.load("i64", t.at(here, offset), 8), block.start) for offset in (0, 8))
            k0 = t.max(k0, 0)
            k1 = t.max(t.min(k1, block.length), k0)
            begin, end = (t.div(k, tile.unit) for k in (k0, k1))
            run.next += self.run(run.values, pointers, panel, block, (k0, k1), (begin, end))
        return run.values

    def run(
        self, sums: list[str], pointers: list[str], panel: Panel, block: Block, products: tuple[str, str], units: tuple[str, str]
    ) -> list[str]:  # fmt: skip
        """The loop over one run of the block: from the first of `products` to before the second, which are in such `units`."""
        t, tile, (k0, k1) = self.text, self.tile, products
        carried = [("ptr", t.at(panel.b, t.mul(k0, panel.b_k))), *((self.vector, s) for s in sums)]
        if panel.later:
            carried.append(("ptr", t.at(panel.later, t.mul(k0, panel.step))))
        if tile.even:
            carried.append(("i64", "0"))
        begin, end = (t.mul(u, tile.entry) for u in units)
        with t.loop(begin, end, tile.entry, carried) as k:
            self.unit(k, pointers, panel, t.at(block.table, k.index))
        if tile.unit > 1:
            first = k.values[-1] if tile.even else t.load("i64", t.at(block.table, end), 8)
            carried = [("ptr", k.values[0]), *((self.vector, s) for s in k.values[1 : 1 + len(sums)])]
            with t.loop(0, t.rem(k1, tile.unit), 1, carried) as k:
                offset = t.add(first, t.mul(k.index, self.step))
                k.next += [t.at(k.values[0], panel.b_k), *self.product(k.values[1:], k.values[0], offset, pointers, panel)]
        return k.values[1 : 1 + len(sums)]

    @property
    def step(self) -> Value:
        """Bytes in a from product to product of a unit."""
        return self.tile.step or self.args["a_step"]

    def unit(self, k: Loop, pointers: list[str], panel: Panel, entry: str) -> None:
        """One turn of the innermost loop: the products of one entry of the table. It carries where in b they begin, the sums, what is to be
        asked for later, and how far in a row of an even tile they begin."""
        t, tile, b, later = self.text, self.tile, k.values[0], k.values[-1 - self.tile.even]
        sums = k.values[1 : len(k.values) - bool(panel.later) - tile.even]
        offset = k.values[-1] if tile.even else t.load("i64", entry, 8)
        for address in self.early(entry, pointers[0]):
            self.ask(address, 3)
        for i in range(tile.unit):
            here = t.add(offset, t.mul(self.step, i)) if i else offset
            sums = self.product(sums, t.at(b, t.mul(panel.b_k, i)) if i else b, here, pointers, panel)
        k.next += [t.at(b, t.mul(panel.b_k, tile.unit)), *sums]
        if panel.later:
            asked = 0 if tile.copied_a else min(tile.unit, 2)
            for i in range(asked):
                self.ask(t.at(later, t.mul(panel.step, i * tile.unit // asked)), 3 if self.onward else 2)
            k.next.append(t.at(later, t.mul(panel.step, tile.unit)))
        if tile.even:
            k.next.append(t.add(offset, t.mul(self.step, tile.unit)))

    def product(self, sums: list[str], b: str, offset: str, pointers: list[str], panel: Panel) -> list[str]:
        """What one product makes of the sums: of the rows `offset` bytes from their beginnings with the columns at `b`."""
        t, tile = self.text, self.tile
        kind = "i32" if tile.pairs else register(tile.dtype)
        if tile.streamed and not tile.shared:
            later = t.at(b, t.mul(self.args["b_k"], self.args["k_block"]))
            for line in range(0, tile.columns * self.size, 64):
                self.ask(t.at(later, line), 2)
        columns = [self.read(kind, b, v, panel, not tile.padded and not tile.copied) for v in range(tile.vectors)]
        made = []
        for i, pointer in enumerate(pointers):
            here = t.at(t.let(f"load volatile ptr, ptr {self.slots[i]}, align 8") if i >= IN_REGISTERS else pointer, offset)
            one = None if tile.depthwise else self.splat(kind, t.load(kind, here, self.size))
            for v, column in enumerate(columns):
                x = one or self.read(kind, here, v, panel, True)
                made.append(self.multiply_add(x, column, sums[i * tile.vectors + v]))
        return made

    def prefetch_extras(self, rows: list[Row], panel: Panel, last: str) -> None:
        """Asks for what the epilogue will read of operands as large as the output, if this block is the last."""
        t, epilogue = self.text, self.tile.epilogue
        if epilogue and epilogue.uses_rows:
            with t.when(last):
                for row in rows:
                    for address, size in elements(t, self.isa, epilogue, self.place(row, panel, 0), self.extras):
                        for offset in range(0, self.tile.columns * size, 64):
                            self.ask(t.at(address, offset), 3)

    def finish(self, sums: list[str], rows: list[Row], panel: Panel, last: str) -> None:
        """Stores the tile: sums to be continued, or after the last block what the epilogue makes of them."""
        t, tile = self.text, self.tile
        if tile.epilogue is None:
            self.store(sums, rows, panel)
        elif tile.out is not tile.dtype:
            self.store(sums, rows, panel, final=True)
        else:
            partial, final, end = t.name("partial"), t.name("final"), t.name("end")
            t.do(f"br i1 {last}, label %{final}, label %{partial}")
            t.label(partial)
            self.store(sums, rows, panel)
            t.do(f"br label %{end}")
            t.label(final)
            self.store(sums, rows, panel, final=True)
            t.do(f"br label %{end}")
            t.label(end)

    def store(self, sums: list[str], rows: list[Row], panel: Panel, final: bool = False) -> None:
        """Writes the rows, through the epilogue if `final`. All values are computed first: an extra may lie under the output."""
        t, tile = self.text, self.tile
        values = []
        for i, row in enumerate(rows):
            for v in range(tile.vectors):
                x, dtype = sums[i * tile.vectors + v], tile.dtype
                if final and tile.epilogue:
                    x, dtype = apply(t, self.isa, tile.epilogue, x, self.place(row, panel, v), self.extras), tile.epilogue.value.dtype
                if dtype is not tile.out:
                    x = self.isa.cast(t.let, dtype, tile.out, x)
                values.append(self.isa.to_memory(t.let, tile.out, x))
        for i, row in enumerate(rows):
            here = t.at(row.out, t.mul(panel.first, tile.out.size))
            for v in range(tile.vectors):
                self.put(values[i * tile.vectors + v], t.at(here, v * tile.lanes * tile.out.size), panel.masks[v] if panel.masks else "")

    def place(self, row: Row, panel: Panel, v: int) -> Place:
        """Where a vector of the output stands, for the epilogue; its row by its address, since tiles may take rows in another order."""
        t, a = self.text, self.args
        number = row.number or "0"
        if self.tile.epilogue and self.tile.epilogue.uses_rows and not row.number:
            begin, here = (t.let(f"ptrtoint ptr {p} to i64") for p in (self.base, row.out))
            number = t.div(t.sub(here, begin), a["out_row"])
        column = t.add(t.add(panel.first, a["column_batch"]), v * self.tile.lanes)
        return Place(number, column, panel.masks[v] if panel.masks else "")

    def put(self, value: str, address: str, mask: str) -> None:
        """Stores a vector, or the part of it that is there."""
        tile, t = self.tile, self.text
        scalar = memory(tile.out)
        kind = f"<{tile.lanes} x {scalar}>"
        if not mask:
            return t.store(kind, value, address, tile.out.size)
        name = f"@llvm.masked.store.v{tile.lanes}{mangle(scalar)}.p0"
        t.declare(f"void {name}({kind}, ptr, i32, <{tile.lanes} x i1>)")
        t.do(f"call void {name}({kind} {value}, ptr {address}, i32 {tile.out.size}, <{tile.lanes} x i1> {mask})")
