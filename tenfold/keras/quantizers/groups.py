"""Groups of rows that share a scale and a zero point."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.defaults import epsilon as default_epsilon
from tenfold.keras.base.untyped import as_tensor
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.gather import gather


def abs_max_quantize_grouped_with_zero_point(inputs: Any, block_size: int, value_range: Any = (-8, 7), dtype: str = "int8",
                                             epsilon: float | None = None, to_numpy: bool = False) -> tuple[Any, Any, Any]:  # fmt: skip
    """(integers, scales, zero points) of a matrix: each block of rows has its own scale and zero point in each column.

    An element is (integer - zero point) * scale.

    Args:
        inputs: [rows, columns].
        block_size: how many rows a block has; the last one may have fewer.
        value_range: the smallest and the largest integer.
        dtype: the type of the integers.
        epsilon: keeps divisions finite.
        to_numpy: accepted; it is computed at once in any case.

    Example:
        >>> q, scale, zero = abs_max_quantize_grouped_with_zero_point(np.ones((6, 2), "float32"), 4)
        >>> q.shape, scale.shape, zero.shape
        (TensorShape([6, 2]), TensorShape([2, 2]), TensorShape([2, 2]))
    """
    epsilon = default_epsilon() if epsilon is None else epsilon
    x = as_tensor(inputs).numpy()
    (rows, columns), (low, high) = x.shape, value_range
    count = -(-rows // block_size)
    padded = np.zeros((count * block_size, columns), x.dtype)
    padded[:rows] = x
    blocks = padded.reshape(count, block_size, columns)
    least, most = blocks.min(axis=1, keepdims=True), blocks.max(axis=1, keepdims=True)
    scale = (most - least + epsilon) / (high - low)
    zero = np.clip(np.round(-least / scale) + low, low, high)
    q = np.clip(np.round(blocks / scale) + zero, low, high).reshape(padded.shape)[:rows]
    return (as_tensor(q.astype(as_dtype(dtype).numpy)), as_tensor(scale[:, 0].astype(x.dtype)), as_tensor(zero[:, 0].astype(np.int8)))


def dequantized(values: Any, scale: Any, zero: Any, groups: Any, axis: int) -> Any:
    """(values - zero point) * scale, those of the group that each place along `axis` belongs to."""
    places = cast(groups, "int32")
    factor, shift = gather(scale, places, axis=axis), gather(zero, places, axis=axis)
    return (cast(values, factor.dtype) - cast(shift, factor.dtype)) * factor
