"""Running sums and products of large arrays, by a compiled kernel."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from tenfold.codegen.cpu import compile_kernel
from tenfold.codegen.running import Running
from tenfold.core.dtypes import BY_NUMPY
from tenfold.runtime.executor import Address, Executable, Launch
from tenfold.runtime.memory import address_of, empty_array

GRAIN = 1 << 16  # elements of a task, about


def running(op: str, x: np.ndarray[Any, Any], axis: int, exclusive: bool, reverse: bool) -> np.ndarray[Any, Any]:
    """The running sums ("add") or products ("mul") of `x`, integers or float32 or float64, along `axis`; it has elements."""
    x = np.ascontiguousarray(x)
    result = empty_array(x.shape, x.dtype)
    table = np.array([0, address_of(x), address_of(result)], np.int64)
    _plan(op, x.dtype, prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :]), exclusive, reverse).run(table)
    return result


@lru_cache(64)
def _plan(op: str, dtype: Any, outer: int, n: int, columns: int, exclusive: bool, reverse: bool) -> Executable:
    element = BY_NUMPY[dtype]
    one = ("0" if op == "add" else "1") + (".0" if element.is_floating else "")
    kernel = Running(op, element, one if exclusive else None, reverse, False)
    wide = Running(op, element, kernel.start, reverse, True)
    kernel = wide if columns >= wide.lanes else kernel
    count = outer * -(-columns // kernel.lanes)
    grain = max(GRAIN // (n * kernel.lanes), 1)
    args = (Address(1), Address(2), count, n, columns, grain)
    return Executable([Launch(compile_kernel(kernel), -(-count // grain), args, "running")])
