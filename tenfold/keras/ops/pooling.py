"""Pooling in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.keras.ops.convolutions import checked_padding, first, spatial
from tenfold.keras.ops.define import Array, operation
from tenfold.ops.spatial import in_format
from tenfold.primitives.contraction import conv_padding, matmul
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import transpose
from tenfold.primitives.reduction import max as max_
from tenfold.primitives.windows import window_max, window_mean
from tenfold.tensor.tensor import Tensor, wrap


def _pooled(pool: Callable[..., Any], inputs: Tensor, pool_size: Any, strides: Any, padding: str, data_format: Any) -> Tensor:
    rank = inputs.ndim - 2
    window = spatial("pool_size", pool_size, rank)
    step = window if strides is None else spatial("strides", strides, rank)
    how = checked_padding(padding)

    def apply(x: Tensor) -> Tensor:
        return pool(x, window, step, conv_padding(how, x.sizes[1:-1], window, step, (1,) * rank))  # type: ignore[no-any-return]

    return in_format(apply, inputs, first(data_format))


@operation("nn")
def max_pool(inputs: Array, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None) -> Array:
    """The largest element of each window.

    Args:
        inputs: [batch, spatial sizes..., channels], or the channels second.
        pool_size: the window's size; one number, or one per spatial axis.
        strides: how far it moves; default: its size.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> max_pool(tf.ones([1, 4, 4, 3]), 2).shape
        TensorShape([1, 2, 2, 3])
    """
    return _pooled(window_max, inputs, pool_size, strides, padding, data_format)


@operation("nn")
def average_pool(inputs: Array, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: Any = None) -> Array:
    """The mean of each window, without the padding; arguments as in `max_pool`."""
    return _pooled(window_mean, inputs, pool_size, strides, padding, data_format)


def _edges(n: Any, size: int) -> tuple[Any, Any]:
    """Where the `size` windows over `n` elements begin and end; they overlap where `size` is no divisor of `n`."""
    if not isinstance(n, int):
        raise ValueError("[adaptive_pool] the spatial sizes must be known. Try keras.Input with a shape without None.")
    return np.arange(size) * n // size, -(-(np.arange(size) + 1) * n // size)


def _adaptive(along: Callable[[Tensor, int, int], Tensor], inputs: Tensor, output_size: Any, data_format: Any) -> Tensor:
    sizes = spatial("output_size", output_size, inputs.ndim - 2)

    def apply(x: Tensor) -> Tensor:
        for axis, size in enumerate(sizes, 1):
            x = along(x, axis, size)
        return x

    return in_format(apply, inputs, first(data_format))


def _largest(x: Tensor, axis: int, size: int) -> Tensor:
    start, end = _edges(x.sizes[axis], size)
    places = np.minimum(start[:, None] + np.arange(max(end - start, default=1)), end[:, None] - 1)
    return max_(gather(x, wrap(places.astype(np.int32)), axis), axis + 1)  # type: ignore[no-any-return]


def _mean(x: Tensor, axis: int, size: int) -> Tensor:
    start, end = _edges(x.sizes[axis], size)
    inside = (np.arange(x.sizes[axis]) >= start[:, None]) & (np.arange(x.sizes[axis]) < end[:, None])
    weights = wrap((inside / (end - start)[:, None]).astype(x.dtype.numpy))
    swapped = [x.ndim - 1 if i == axis else axis if i == x.ndim - 1 else i for i in range(x.ndim)]
    return transpose(matmul(transpose(x, swapped), weights, transpose_b=True), swapped)  # type: ignore[no-any-return]


@operation("nn")
def adaptive_max_pool(inputs: Array, output_size: Any, data_format: Any = None) -> Array:
    """The largest elements of as many windows as `output_size` says, which together cover the input.

    Example:
        >>> adaptive_max_pool(tf.reshape(tf.range(5.0), [1, 5, 1]), 2).numpy().ravel()
        array([2., 4.], dtype=float32)
    """
    return _adaptive(_largest, inputs, output_size, data_format)


@operation("nn")
def adaptive_average_pool(inputs: Array, output_size: Any, data_format: Any = None) -> Array:
    """The means of as many windows as `output_size` says, which together cover the input.

    Example:
        >>> adaptive_average_pool(tf.reshape(tf.range(5.0), [1, 5, 1]), 2).numpy().ravel()
        array([1., 3.], dtype=float32)
    """
    return _adaptive(_mean, inputs, output_size, data_format)
