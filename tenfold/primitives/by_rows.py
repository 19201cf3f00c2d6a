"""NumPy functions of the last dimension, by several threads where there is enough to do: NumPy lets others run while it computes."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from tenfold.runtime.threads import num_threads

WORTH = 1 << 17  # elements; starting threads takes 0.1 ms
BLOCK = 1 << 17  # elements that are taken at once, so that what is made of them between stays in the cache


def by_rows(function: Callable[[Any], Any], x: Any, inner: tuple[int, ...], dtype: Any) -> Any:
    """`function(rows)`, which makes `inner` sizes of each row by itself, of all the rows of `x`, as an array [..., *inner] of `dtype`."""
    lead, n = x.shape[:-1], x.shape[-1]
    count = math.prod(lead)
    result = np.empty((count, *inner), dtype)
    rows = x.reshape(count, n)
    pieces = min(num_threads(), count) if x.size >= WORTH else 1
    ends = [count * i // max(pieces, 1) for i in range(pieces + 1)]

    step = max(BLOCK // max(n, 1), 1)

    def work(i: int) -> None:
        for start in range(ends[i], ends[i + 1], step):
            block = slice(start, min(start + step, ends[i + 1]))
            result[block] = function(rows[block])

    if pieces > 1:
        with ThreadPoolExecutor(pieces - 1, "tenfold-rows") as pool:
            others = [pool.submit(work, i) for i in range(1, pieces)]
            work(0)
            for other in others:
                other.result()
    elif pieces:
        work(0)
    return result.reshape(*lead, *inner)
