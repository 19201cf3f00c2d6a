"""Pooling under TensorFlow's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core.dtypes import as_dtype, int64
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import product
from tenfold.ops.spatial import channels_first, in_format, per_dimension, spatial_padding
from tenfold.primitives import arithmetic as a
from tenfold.primitives.gather import iota, scalar_size
from tenfold.primitives.movement import reshape
from tenfold.primitives.windows import window_argmax, window_max, window_mean
from tenfold.tensor.tensor import Tensor, as_tensor


def _pooled(name: str, rank: int, pool: Callable[..., Tensor], input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None) -> Tensor:
    x = as_tensor(input, name=name)
    if x.ndim != rank + 2:
        raise ShapeError(f"[{name}] expected data of rank {rank + 2}; received shape {x.shape}.")
    first = channels_first(name, data_format, rank)
    window = per_dimension(name, "ksize", ksize, rank, first)
    step = window if strides is None else per_dimension(name, "strides", strides, rank, first)

    def apply(t: Tensor) -> Tensor:
        margins = spatial_padding(name, padding, t.sizes[1:-1], window, step, (1,) * rank, first)
        return pool(t, window, step, margins)

    return in_format(apply, x, first)


def max_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """The largest element of each window over one, two or three spatial dimensions.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.max_pool(tf.ones([1, 4, 4, 3]), ksize=2, strides=2, padding="VALID").shape
        TensorShape([1, 2, 2, 3])
    """
    x = as_tensor(input, name="max_pool")
    return _pooled("max_pool", x.ndim - 2, window_max, x, ksize, strides, padding, data_format)


def max_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC", name: str | None = None) -> Tensor:
    """The largest element of each window of [batch, width, channels].

    Example:
        >>> import tenfold as tf
        >>> x = tf.reshape([1.0, 5.0, 2.0, 4.0], [1, 4, 1])
        >>> tf.reshape(tf.nn.max_pool1d(x, 2, 2, "VALID"), [-1]).numpy()
        array([5., 4.], dtype=float32)
    """
    return _pooled("max_pool1d", 1, window_max, input, ksize, strides, padding, data_format)


def max_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """The largest element of each window of [batch, height, width, channels].

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.max_pool2d(tf.reshape([1.0, 5.0, 2.0, 4.0], [1, 2, 2, 1]), 2, 2, "VALID")[0, 0, 0, 0])
        5.0
    """
    return _pooled("max_pool2d", 2, window_max, input, ksize, strides, padding, data_format)


def max_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC", name: str | None = None) -> Tensor:
    """The largest element of each window of [batch, depth, height, width, channels]."""
    return _pooled("max_pool3d", 3, window_max, input, ksize, strides, padding, data_format)


def avg_pool(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """The mean of each window over one, two or three spatial dimensions; padding does not count.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.avg_pool(tf.ones([1, 4, 4, 3]), ksize=2, strides=2, padding="SAME").shape
        TensorShape([1, 2, 2, 3])
    """
    x = as_tensor(input, name="avg_pool")
    return _pooled("avg_pool", x.ndim - 2, window_mean, x, ksize, strides, padding, data_format)


def avg_pool1d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NWC", name: str | None = None) -> Tensor:
    """The mean of each window of [batch, width, channels]."""
    return _pooled("avg_pool1d", 1, window_mean, input, ksize, strides, padding, data_format)


def avg_pool2d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", name: str | None = None) -> Tensor:
    """The mean of each window of [batch, height, width, channels].

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.avg_pool2d(tf.reshape([1.0, 5.0, 2.0, 4.0], [1, 2, 2, 1]), 2, 2, "VALID")[0, 0, 0, 0])
        3.0
    """
    return _pooled("avg_pool2d", 2, window_mean, input, ksize, strides, padding, data_format)


def avg_pool3d(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NDHWC", name: str | None = None) -> Tensor:
    """The mean of each window of [batch, depth, height, width, channels]."""
    return _pooled("avg_pool3d", 3, window_mean, input, ksize, strides, padding, data_format)


def pool(input: Any, window_shape: Any, pooling_type: str, strides: Any = None, padding: Any = "VALID", data_format: str | None = None,
         dilations: Any = None, name: str | None = None) -> Tensor:  # fmt: skip
    """`max_pool` or `avg_pool`, as `pooling_type` says ("MAX" or "AVG").

    Example:
        >>> import tenfold as tf
        >>> tf.nn.pool(tf.ones([1, 4, 1]), [2], "MAX", strides=[2]).shape
        TensorShape([1, 2, 1])
    """
    if pooling_type not in ("MAX", "AVG"):
        raise InvalidArgumentError(f"[pool] expected pooling_type 'MAX' or 'AVG'; received {pooling_type!r}.")
    x = as_tensor(input)
    if any(d != 1 for d in per_dimension("pool", "dilations", dilations, x.ndim - 2, False)):
        raise InvalidArgumentError("[pool] windows with gaps are not supported. Expected dilations of 1.")
    step = [1] * (x.ndim - 2) if strides is None else strides
    return (max_pool if pooling_type == "MAX" else avg_pool)(x, window_shape, step, padding, data_format)


def max_pool_with_argmax(input: Any, ksize: Any, strides: Any, padding: Any, data_format: str = "NHWC", output_dtype: Any = int64,
                         include_batch_in_index: bool = False, name: str | None = None) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`max_pool2d`, and where each largest element is: its position in the flattened image (or batch).

    Example:
        >>> import tenfold as tf
        >>> y, at = tf.nn.max_pool_with_argmax(tf.reshape([1.0, 5.0, 2.0, 4.0], [1, 2, 2, 1]), 2, 2, "VALID")
        >>> int(at[0, 0, 0, 0])
        1
    """
    x = as_tensor(input)
    y = max_pool2d(x, ksize, strides, padding, data_format)
    window = per_dimension("max_pool_with_argmax", "ksize", ksize, 2, False)
    step = per_dimension("max_pool_with_argmax", "strides", strides, 2, False)
    margins = spatial_padding("max_pool_with_argmax", padding, x.sizes[1:-1], window, step, (1, 1), False)
    place = a.cast(window_argmax(x, window, step, margins), output_dtype)
    n, height, width, channels = x.sizes

    def along(axis: int, offset: Tensor) -> Tensor:
        start = iota(y.sizes[axis], output_dtype) * step[axis - 1] - scalar_size(margins[axis - 1][0], as_dtype(output_dtype))
        return reshape(start, [y.sizes[axis] if i == axis else 1 for i in range(4)]) + offset

    row, column = along(1, place // window[1]), along(2, place % window[1])
    size = as_dtype(output_dtype)
    at = (row * scalar_size(width, size) + column) * scalar_size(channels, size) + iota(channels, size)
    if include_batch_in_index:
        at = at + reshape(iota(n, size), (n, 1, 1, 1)) * scalar_size(product((height, width, channels)), size)
    return y, at
