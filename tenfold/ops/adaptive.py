"""Adaptive pooling: windows as large as the number of results asks for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import Sym, product
from tenfold.primitives import reduction
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.contraction import matmul
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor, wrap


@lru_cache(256)
def _windows(n: int, size: int) -> tuple[Any, Any]:
    """Where the windows begin and end: they cover [i n / size, (i + 1) n / size) and the elements that this cuts."""
    i = np.arange(size)
    return i * n // size, -(-(i + 1) * n // size)


@lru_cache(256)
def _mean_weights(n: int, size: int) -> Any:
    first, end = _windows(n, size)
    inside = (np.arange(n) >= first[:, None]) & (np.arange(n) < end[:, None])
    return (inside / (end - first)[:, None]).astype(np.float32)


@lru_cache(256)
def _members(n: int, size: int) -> Any:
    """The elements of each window, [size, widest window]; short windows name their last element again."""
    first, end = _windows(n, size)
    return np.minimum(first[:, None] + np.arange((end - first).max()), end[:, None] - 1).astype(np.int32)


def _along(x: Tensor, axis: int, size: int, largest: bool) -> Tensor:
    n = x.sizes[axis]
    if isinstance(n, Sym):
        raise InvalidArgumentError(f"[adaptive_pool] sizes must be known while the function is traced; axis {axis} of {x.shape} is not.")
    before, after = x.sizes[:axis], x.sizes[axis + 1 :]
    rows: Any = reshape(x, (product(before), n, product(after)))
    if largest:
        members = _members(n, size)
        rows = reduction.max(reshape(gather(rows, wrap(members.reshape(-1)), 1), (product(before), *members.shape, product(after))), axis=2)
    else:
        rows = matmul(cast(wrap(_mean_weights(n, size)), x.dtype), rows)
    return reshape(rows, (*before, size, *after))


def adaptive_pool(x: Tensor, sizes: Sequence[int], largest: bool) -> Tensor:
    """[batch, spatial axes..., channels] with spatial axes of `sizes`: the largest or the mean of windows that fit.

    Args:
        x: the input.
        sizes: how many results for each spatial axis.
        largest: whether to take the largest of a window, not its mean.

    Example:
        >>> import tenfold as tf
        >>> adaptive_pool(tf.reshape(tf.range(5.0), [1, 5, 1]), [2], largest=False)[0, :, 0].numpy()
        array([1., 3.], dtype=float32)
    """
    for axis, size in enumerate(sizes, 1):
        x = _along(x, axis, size, largest)
    return x
