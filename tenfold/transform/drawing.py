"""Random tensors of many elements: drawn by one compiled kernel, where single operations would each pass over memory.

The weights of BERT-base, 110 million numbers, take about a second instead of ten. Inside traced functions, and for few elements,
these are the functions of `primitives/random.py`; the numbers are the same, but for the rounding of their last bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from tenfold.core.dtypes import DType, as_dtype, float32
from tenfold.primitives import random
from tenfold.primitives.gather import as_sizes
from tenfold.primitives.movement import reshape
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.function import Function

LARGE = 1 << 16  # elements, from which compiling pays

Draw = Callable[..., Tensor]


@lru_cache(maxsize=64)
def _compiled(draw: Draw, count: int, dtype: DType) -> Function:
    """A function of the seed and the distribution's two parameters."""
    return Function(lambda seed, first, second: draw(seed, (count,), first, second, dtype))


def _in_one_pass(draw: Draw, first: float, second: float) -> Draw:
    """`draw`, compiled where that pays; `first` and `second` are what its parameters are if they are not given."""

    @wraps(draw)
    def call(seed: Any, shape: Any, low: Any = first, high: Any = None, dtype: Any = float32) -> Tensor:
        want, sizes = as_dtype(dtype), as_sizes(shape)
        if want.is_integer or not _pays(sizes, low, high):
            return draw(seed, sizes, low, high if high is not None or want.is_integer else second, want)
        parameters = (as_tensor(value, hint=want) for value in (low, second if high is None else high))
        drawn = _compiled(draw, math.prod(sizes), want)(random.as_seed(seed), *parameters)
        whole: Tensor = reshape(drawn, sizes)
        return whole

    return call


def _pays(sizes: tuple[Any, ...], *parameters: Any) -> bool:
    """Whether many elements are wanted now, by plain numbers."""
    now = state.trace is None and not state.tapes and all(isinstance(n, int) for n in sizes)
    return now and math.prod(sizes) >= LARGE and all(p is None or isinstance(p, (int, float)) for p in parameters)


normal = _in_one_pass(random.normal, 0.0, 1.0)
truncated_normal = _in_one_pass(random.truncated_normal, 0.0, 1.0)
uniform = _in_one_pass(random.uniform, 0, 1)
