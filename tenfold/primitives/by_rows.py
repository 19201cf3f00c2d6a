"""NumPy functions of the last dimension, in blocks of rows, and by several threads where there is enough to do."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

WORTH = 1 << 17  # elements that are worth threads
BLOCK = 1 << 17  # elements that are taken at once, so that what is made of them between stays in the cache


def by_rows(function: Callable[[Any], Any], x: Any, inner: tuple[int, ...], dtype: Any) -> Any:
    """`function(rows)`, which makes `inner` sizes of each row by itself, of all the rows of `x`, as an array [..., *inner] of `dtype`."""
    lead, n = x.shape[:-1], x.shape[-1]
    count = math.prod(lead)
    result = np.empty((count, *inner), dtype)
    rows, step = x.reshape(count, n), max(BLOCK // max(n, 1), 1)

    def work(start: int, end: int) -> None:
        for first in range(start, end, step):
            block = slice(first, min(first + step, end))
            result[block] = function(rows[block])

    if x.size < WORTH:
        work(0, count)
    else:
        importlib.import_module("tenfold.runtime.rows").in_pieces(work, count)  # loads what small arrays do without
    return result.reshape(*lead, *inner)
