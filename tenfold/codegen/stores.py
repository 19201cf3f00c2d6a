"""Writes the stores of a kernel: contiguous, scattered, guarded, accumulating."""

from __future__ import annotations

from tenfold.codegen.evaluate import BASE, VECTOR, Evaluator
from tenfold.codegen.flatten import FlatStore
from tenfold.codegen.instructions import memory, register
from tenfold.codegen.scopes import Scope
from tenfold.core.dtypes import DType


class Storer(Evaluator):
    """Performs stores in the innermost scope."""

    def prepare(self, store: FlatStore, u: int) -> None:
        """Computes all that `store` needs, before any store of this iteration happens."""
        contiguous = self.coefficient(store.index) == 1
        self.get(store.index, BASE if contiguous else VECTOR, u)
        for n in (store.value, *([] if store.guard is None else [store.guard])):
            self.operand(n, u) if self.bases else self.get(n, BASE, u)

    def store(self, store: FlatStore, u: int) -> None:
        """Performs `store`, in the innermost scope."""
        bit, depends = self.vector_bit if self.bases else 0, self.program.depends
        if store.guard is not None and not depends[store.guard] & bit:
            with self.scopes.condition(self.get(store.guard, BASE, 0)):
                self._store(store, None, u)
        else:
            self._store(store, None if store.guard is None else self.operand(store.guard, u), u)

    def _store(self, store: FlatStore, guard: str | None, u: int) -> None:
        dtype, w, depends = self.program.kernel.buffers[store.buffer], self.scopes.top, self.program.depends
        mask = self.with_mask(w, guard)
        varies = guard is not None or (depends[store.index] | depends[store.value]) & self.vector_bit
        if not self.bases or not (varies or store.accumulate):
            pointer = self.pointer(w, store.buffer, dtype, self.get(store.index, BASE, u))
            self._store_scalar(w, dtype, pointer, self.get(store.value, BASE, u), store.accumulate)
        elif self.coefficient(store.index) == 1:
            self._store_contiguous(w, store, dtype, mask, u)
        elif store.accumulate:
            self._accumulate_lanes(store, dtype, mask, u)
        else:
            self._scatter(w, store, dtype, mask, u)

    def _scatter(self, w: Scope, store: FlatStore, dtype: DType, mask: str | None, u: int) -> None:
        pointers = self.pointers(w, store.buffer, dtype, self.operand(store.index, u))
        value = self.vector_ops.to_memory(w, dtype, self.operand(store.value, u))
        typed = f"{self.vector_ops.type(memory(dtype))} {value}"
        mask = mask or self.vector_ops.const("i1", "true")
        self.intrinsic(w, "scatter", dtype, "void", [typed, f"<{self.lanes} x ptr> {pointers}", "i32 {align}", self.mask_text(mask)])

    def _store_scalar(self, w: Scope, dtype: DType, pointer: str, value: str, accumulate: bool) -> None:
        mem = memory(dtype)
        if accumulate:
            old = self.scalar_ops.from_memory(w, dtype, w(f"load {mem}, ptr {pointer}"))
            value = self.scalar_ops.binary(w, "add", dtype, old, value)
        w.do(f"store {mem} {self.scalar_ops.to_memory(w, dtype, value)}, ptr {pointer}")

    def _store_contiguous(self, w: Scope, store: FlatStore, dtype: DType, mask: str | None, u: int) -> None:
        ops, ty = self.vector_ops, self.vector_ops.type(memory(dtype))
        pointer = self.pointer(w, store.buffer, dtype, self.get(store.index, BASE, u))
        value = self.operand(store.value, u)
        if store.accumulate:
            old = ops.from_memory(w, dtype, self.load_contiguous(w, dtype, pointer, mask))
            value = ops.binary(w, "add", dtype, old, value)
        value = ops.to_memory(w, dtype, value)
        if mask is None:
            w.do(f"store {ty} {value}, ptr {pointer}, align {dtype.size}")
        else:
            self.intrinsic(w, "store", dtype, "void", [f"{ty} {value}", f"ptr {pointer}", "i32 {align}", self.mask_text(mask)])

    def _accumulate_lanes(self, store: FlatStore, dtype: DType, mask: str | None, u: int) -> None:
        """Adds lane after lane: several lanes may have the same index."""
        index, value, scalar = self.operand(store.index, u), self.operand(store.value, u), register(dtype)
        with self.scopes.loop("0", str(self.lanes), 1) as lane:
            w = self.scopes.top
            active = "true" if mask is None else w(f"extractelement <{self.lanes} x i1> {mask}, i64 {lane}")
            with self.scopes.condition(active) as w:
                at = w(f"extractelement <{self.lanes} x i64> {index}, i64 {lane}")
                one = w(f"extractelement <{self.lanes} x {scalar}> {value}, i64 {lane}")
                self._store_scalar(w, dtype, self.pointer(w, store.buffer, dtype, at), one, True)
