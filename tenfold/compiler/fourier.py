"""Fourier transforms of many rows, by a compiled kernel."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from tenfold.codegen.cpu import compile_kernel
from tenfold.codegen.fourier import LEAST, PLANES, Fourier, radices
from tenfold.core.dtypes import float32, float64
from tenfold.runtime.executor import Address, Executable, Launch
from tenfold.runtime.memory import address_of, empty, empty_array

MOST = 1 << 16  # elements of a row: longer ones leave the cache in every pass
TASKS = 16


def takes(n: int) -> bool:
    """Whether `fourier` transforms rows of n."""
    return LEAST <= n <= MOST and radices(n) is not None


def fourier(x: npt.NDArray[Any], inverse: bool = False) -> npt.NDArray[Any]:
    """The transforms of rows [..., n] of complex numbers, n as `takes` it; of real ones the first n // 2 + 1 terms."""
    x, n = np.ascontiguousarray(x), x.shape[-1]
    halved = x.dtype.kind == "f"
    part = float32 if x.dtype in (np.float32, np.complex64) else float64
    result = empty_array((*x.shape[:-1], n // 2 + 1 if halved else n), np.dtype(np.complex64 if part is float32 else np.complex128))
    plan, scratch, twiddles = _plan(Fourier(part, n, inverse, halved), x.size // n)
    table = np.array([0, address_of(x), address_of(result), address_of(twiddles), address_of(held := empty(scratch))], np.int64)
    plan.run(table)
    del held
    return result


@lru_cache(64)
def _plan(kernel: Fourier, count: int) -> tuple[Executable, int, npt.NDArray[Any]]:
    """For `count` rows, the bytes of scratch memory, and the twiddles."""
    grain = -(-count // TASKS)
    tasks = -(-count // grain)
    args = (Address(1), Address(2), Address(3), Address(4), count, grain)
    launch = Launch(compile_kernel(kernel), tasks, args, "fourier")
    return Executable([launch]), tasks * PLANES * kernel.n * kernel.dtype.size, np.array(kernel.twiddles, kernel.dtype.numpy)
