"""Runs Kernels in NumPy, one element at a time: the slow truth that generated code is compared with."""

import itertools
from typing import Any

import numpy as np

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.loops import Expr, Kernel

REDUCE = {
    "sum": (lambda a, b: a + b, lambda t: t.type(0)),
    "prod": (lambda a, b: a * b, lambda t: t.type(1)),
    "min": (np.minimum, lambda t: t.type(np.inf) if t.kind == "f" else np.True_ if t.kind == "b" else np.iinfo(t).max),
    "max": (np.maximum, lambda t: t.type(-np.inf) if t.kind == "f" else np.False_ if t.kind == "b" else np.iinfo(t).min),
    "and": (lambda a, b: a & b, lambda t: np.True_ if t.kind == "b" else t.type(-1 if t.kind == "i" else np.iinfo(t).max)),
    "or": (lambda a, b: a | b, lambda t: t.type(0)),
}


def compute_type(dtype: DType) -> np.dtype[Any]:
    return np.dtype(np.float32) if dtype in (dtypes.float16, dtypes.bfloat16) else dtype.numpy


class Oracle:
    def __init__(self, kernel: Kernel, buffers: list[np.ndarray], params: tuple[int, ...] = ()) -> None:
        self.kernel, self.buffers, self.params = kernel, buffers, params
        self.axes: dict[int, int] = {}
        self.results: dict[tuple[int, int], Any] = {}

    def value(self, e: Expr, memo: dict[int, Any]) -> Any:
        if id(e) not in memo:
            memo[id(e)] = self._value(e, memo)
        return memo[id(e)]

    def _value(self, e: Expr, memo: dict[int, Any]) -> Any:
        t = compute_type(e.dtype)
        if e.op == "const":
            return t.type(np.array(e.attr).astype(e.dtype.numpy))
        if e.op == "axis":
            return np.int64(self.axes[e.attr])
        if e.op == "param":
            return np.int64(self.params[e.attr])
        if e.op == "result":
            return self.results[e.attr]
        if e.op == "load":
            if len(e.args) == 2 and not self.value(e.args[1], memo):
                return t.type(0)
            return t.type(self.buffers[e.attr][self.value(e.args[0], memo)])
        if e.op == "select":
            return self.value(e.args[1 if self.value(e.args[0], memo) else 2], memo)
        args = [self.value(a, memo) for a in e.args]
        with np.errstate(all="ignore"):
            return t.type(self._apply(e, args, e.args[0].dtype))

    def _apply(self, e: Expr, a: list[Any], source: DType) -> Any:
        floating = source.is_floating
        match e.op:
            case "add" | "sub" | "mul":
                return {"add": np.add, "sub": np.subtract, "mul": np.multiply}[e.op](a[0], a[1])
            case "div" | "rem":
                if floating:
                    return a[0] / a[1] if e.op == "div" else np.fmod(a[0], a[1])
                if a[1] == 0:
                    return 0
                q = abs(int(a[0])) // abs(int(a[1])) * (1 if (a[0] < 0) == (a[1] < 0) else -1)
                r = q if e.op == "div" else int(a[0]) - q * int(a[1])
                return np.array(r & ((1 << 64) - 1), np.uint64).astype(source.numpy)
            case "min" | "max":
                return (np.minimum if e.op == "min" else np.maximum)(a[0], a[1])
            case "and" | "or" | "xor":
                return {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}[e.op](a[0], a[1])
            case "shl" | "shr":
                n = type(a[1])(int(a[1]) & (source.size * 8 - 1))
                return a[0] << n if e.op == "shl" else a[0] >> n
            case "mulhi":
                bits = source.size * 8
                mask = (1 << bits) - 1
                return np.array(((int(a[0]) & mask) * (int(a[1]) & mask)) >> bits, np.uint64).astype(source.numpy)
            case "lt" | "le" | "eq" | "ne":
                return {"lt": np.less, "le": np.less_equal, "eq": np.equal, "ne": np.not_equal}[e.op](a[0], a[1])
            case "neg":
                return -a[0]
            case "abs":
                return np.abs(a[0])
            case "not":
                return ~a[0]
            case "sqrt":
                return np.sqrt(a[0])
            case "floor" | "ceil" | "trunc" | "round":
                return {"floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "round": np.rint}[e.op](a[0]) if floating else a[0]
            case "fma":
                if source is dtypes.float32 or source.size == 2:
                    return np.float32(np.longdouble(a[0]) * np.longdouble(a[1]) + np.longdouble(a[2]))
                return a[0] * a[1] + a[2]
            case "cast":
                return self._cast(e.dtype, source, a[0])
            case "bitcast":
                return np.array(a[0], source.numpy).view(e.dtype.numpy)[()]
        raise AssertionError(e.op)

    @staticmethod
    def _cast(target: DType, source: DType, x: Any) -> Any:
        if source.is_floating and target.is_integer:
            if np.isnan(x):
                return 0
            if np.isinf(x):
                return target.max if x > 0 else target.min
            return min(max(int(x), target.min), target.max)
        return np.array(x).astype(target.numpy)

    def run(self) -> None:
        extents = [int(self.value(e, {})) for e in self.kernel.extents]
        for point in itertools.product(*(range(extents[a]) for a in self.kernel.outer)):
            self.axes = dict(zip(self.kernel.outer, point, strict=True))
            for number, stage in enumerate(self.kernel.stages):
                totals = [REDUCE[r.op][1](compute_type(r.value.dtype)) for r in stage.reductions]
                for inner in itertools.product(*(range(extents[a]) for a in stage.axes)):
                    self.axes |= dict(zip(stage.axes, inner, strict=True))
                    memo: dict[int, Any] = {}
                    for k, r in enumerate(stage.reductions):
                        with np.errstate(all="ignore"):
                            totals[k] = compute_type(r.value.dtype).type(REDUCE[r.op][0](totals[k], self.value(r.value, memo)))
                    writes = []
                    for s in stage.stores:
                        if s.guard is None or self.value(s.guard, memo):
                            writes.append((s, int(self.value(s.index, memo)), self.value(s.value, memo)))
                    for s, index, value in writes:
                        buffer = self.buffers[s.buffer]
                        buffer[index] = np.array(buffer[index] + value if s.accumulate else value).astype(buffer.dtype)
                for k, total in enumerate(totals):
                    self.results[number, k] = total
