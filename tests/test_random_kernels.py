"""Kernels made at random, on every kind of vector axis, against the NumPy interpreter."""

import itertools

import numpy as np
import pytest

from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.kernel.loops import (
    Expr,
    Kernel,
    Reduction,
    Stage,
    Store,
    axis,
    binary,
    cast,
    const,
    fma,
    load,
    param,
    result,
    select,
    unary,
)
from tests.test_codegen import check, numbers

TYPES = (dtypes.float32, dtypes.int32, dtypes.float64, dtypes.uint8, dtypes.bfloat16, dtypes.bool_, dtypes.int64)


class Maker:
    """Random kernels: three axes, four inputs that each may be broadcast along some of them or strided, and one output."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.extents = [int(n) for n in self.rng.permutation([self.rng.integers(1, 4), self.rng.integers(1, 4), self.rng.choice([1, 16, 33, 70])])]
        self.types = [TYPES[self.rng.integers(len(TYPES))] for _ in range(4)]
        self.inputs: list[np.ndarray] = []
        self.loads: list[Expr] = []
        for k, dtype in enumerate(self.types):
            index, size = self.index([a for a in range(3) if self.rng.random() < 0.7])
            guard = (axis(int(self.rng.integers(3))) < int(self.rng.integers(1, 40))) if self.rng.random() < 0.2 else None
            self.inputs.append(numbers(dtype, size, k))
            self.loads.append(load(k, index, dtype, guard))

    def index(self, axes: list[int]) -> tuple[Expr, int]:
        """A row-major index over `axes` in random order, with params or constants for strides."""
        self.rng.shuffle(axes)
        index, stride = const(0, dtypes.int64), 1
        for a in axes:
            index = index + axis(a) * (param(a + 3) if stride == self.extents[a] else stride) if stride > 1 else axis(a) + index
            stride *= self.extents[a]
        return index, stride

    def pick(self, pool: list[Expr], dtype: DType | None = None) -> Expr:
        chosen = pool[self.rng.integers(len(pool))]
        return chosen if dtype is None else cast(chosen, dtype)

    def grow(self, pool: list[Expr], steps: int) -> Expr:
        for _ in range(steps):
            x = self.pick(pool)
            y = self.pick(pool, x.dtype)
            choice = self.rng.integers(6)
            if x.dtype.is_bool:
                made = binary(["and", "or", "xor"][choice % 3], x, y)
            elif choice == 0:
                made = select(binary(["lt", "le", "eq", "ne"][self.rng.integers(4)], x, y), x, y)
            elif choice == 1:
                made = unary(["abs", "neg"][self.rng.integers(2)], x)
            elif choice == 2 and x.dtype is dtypes.float32:
                made = fma(x, y, x)
            elif choice == 3 and x.dtype.is_integer:
                made = binary(["div", "rem", "and", "xor", "shr"][self.rng.integers(5)], x, y)
            else:
                made = binary(["add", "sub", "mul", "min", "max"][self.rng.integers(5)], x, y)
            pool.append(made)
        return pool[-1]

    def kernel(self) -> tuple[Kernel, list[np.ndarray]]:
        order = [int(a) for a in self.rng.permutation(3)]
        cut = int(self.rng.integers(0, 4))
        outer, inner = order[:cut], order[cut:]
        vector = [None, outer[-1] if outer else None, inner[-1] if inner else None][self.rng.integers(3)]
        stages, pool = [], list(self.loads)
        if inner:
            ops = ["min", "max", "sum"]
            value = self.grow(list(pool), 4)
            op = ["and", "or"][self.rng.integers(2)] if value.dtype.is_bool else ops[self.rng.integers(3)]
            stages.append(Stage(tuple(inner), (Reduction(op, value),)))
            pool.append(result(0, 0, value.dtype))
        within = bool(inner) and self.rng.random() < 0.5
        own = list(range(3)) if within or not inner else outer
        if not within and inner:  # what does not move along the inner axes
            pool = [pool[-1]]
        value = self.grow(pool, 5)
        index, size = self.index(list(own))
        stages.append(Stage(tuple(inner) if within else (), (), (Store(4, index, value),)))
        out = np.zeros(size, value.dtype.numpy)
        extents = tuple(const(n, dtypes.int64) if k % 2 else param(k) for k, n in enumerate(self.extents))
        kernel = Kernel((*self.types, value.dtype), 6, extents, tuple(outer), vector, tuple(stages))
        return kernel, [*self.inputs, out]


@pytest.mark.parametrize("seed", range(120))
def test_random_kernel(seed: int) -> None:
    maker = Maker(seed)
    kernel, buffers = maker.kernel()
    params = (*maker.extents, *maker.extents)
    exact = all(t.size != 2 and not t.is_floating for t in kernel.buffers)
    only = [a for a in kernel.outer if a != kernel.vector]
    total = int(np.prod([maker.extents[a] for a in (only or kernel.outer)]))
    grain = 64 if not only else int(maker.rng.integers(1, total + 1))
    with np.errstate(all="ignore"):
        check(kernel, buffers, params, exact, grain, -(-total // grain) if kernel.outer else 1)


def test_shapes_cover_each_kind_of_vector_axis() -> None:
    kernels = [Maker(seed).kernel()[0] for seed in range(120)]
    kinds = {(k.vector is None, k.vector in k.outer, len(k.stages)) for k in kernels}
    assert kinds >= set(itertools.product([False], [True, False], [2])) | {(True, False, 1), (True, False, 2)}
