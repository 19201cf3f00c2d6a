"""Convolutions under TensorFlow's names: all are one primitive, its strides, dilation and groups chosen."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ
from tenfold.ops.shaping import integers
from tenfold.ops.spatial import channels_first, in_format, per_dimension, spatial_padding, to_first, to_last
from tenfold.primitives.contraction import convolution as convolution_
from tenfold.primitives.contraction import convolution_input_gradient
from tenfold.primitives.define import tensors
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor


def _convolve(name: str, rank: int, input: Any, filters: Any, strides: Any, padding: Any, dilations: Any, data_format: str | None) -> Tensor:
    x, w = tensors(name, (input, filters))
    if w.ndim != rank + 2 or x.ndim < rank + 2:
        raise ShapeError(f"[{name}] expected data of rank {rank + 2} and filters of rank {rank + 2}; received {x.shape} and {w.shape}.")
    first = channels_first(name, data_format, rank)
    lead = x.sizes[: x.ndim - rank - 2]
    if lead:  # more than one batch dimension
        x = reshape(x, (-1, *x.sizes[len(lead) + 1 :]))
        y = _convolve(name, rank, x, w, strides, padding, dilations, data_format)
        return reshape(y, (*lead, -1, *y.sizes[1:]))
    step = per_dimension(name, "strides", strides, rank, first)
    gaps = per_dimension(name, "dilations", dilations, rank, first)

    def apply(t: Tensor) -> Tensor:
        margins = spatial_padding(name, padding, t.sizes[1:-1], w.sizes[:-2], step, gaps, first)
        channels, per_group = t.sizes[-1], w.sizes[-2]
        if not isinstance(channels, int):
            raise ShapeError(f"[{name}] the number of channels must be known. Received data of shape {x.shape}.")
        if per_group < 1 or channels % per_group:
            raise ShapeError(
                f"[{name}] channels differ. Expected a multiple of the {per_group} input channels of filters {w.shape}; "
                f"received data {x.shape} with {channels} channels."
            )
        return convolution_(t, w, step, margins, gaps, channels // per_group)

    return in_format(apply, x, first)


def conv1d(input: Any, filters: Any, stride: Any, padding: Any, data_format: str = "NWC", dilations: Any = None, name: str | None = None) -> Tensor:
    """The convolution of data [batch, width, channels] with filters [width, channels, outputs].

    Example:
        >>> import tenfold as tf
        >>> x = tf.reshape([1.0, 2.0, 3.0, 4.0], [1, 4, 1])
        >>> tf.reshape(tf.nn.conv1d(x, tf.ones([2, 1, 1]), 1, "VALID"), [-1]).numpy()
        array([3., 5., 7.], dtype=float32)
    """
    return _convolve("conv1d", 1, input, filters, stride, padding, dilations, data_format)


def conv2d(input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NHWC", dilations: Any = None,
           name: str | None = None) -> Tensor:  # fmt: skip
    """The convolution of images [batch, height, width, channels] with filters [height, width, channels / groups, outputs].

    Args:
        input: the images; of shape [batch, channels, height, width] if `data_format` is "NCHW".
        filters: their third size divides the channels: the quotient is the number of groups.
        strides: one, two or four numbers.
        padding: "SAME" (ceil(n / stride) positions), "VALID", or a list of four pairs.
        data_format: "NHWC" or "NCHW".
        dilations: one, two or four numbers.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.conv2d(tf.ones([1, 4, 4, 3]), tf.ones([3, 3, 3, 8]), strides=2, padding="SAME").shape
        TensorShape([1, 2, 2, 8])

    Raises:
        ValueError: the channels do not fit the filters.
    """
    return _convolve("conv2d", 2, input, filters, strides, padding, dilations, data_format)


def conv3d(input: Any, filters: Any, strides: Any, padding: Any, data_format: str = "NDHWC", dilations: Any = None,
           name: str | None = None) -> Tensor:  # fmt: skip
    """The convolution of data [batch, depth, height, width, channels] with filters of three spatial sizes.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.conv3d(tf.ones([1, 4, 4, 4, 1]), tf.ones([2, 2, 2, 1, 5]), [1] * 5, "VALID").shape
        TensorShape([1, 3, 3, 3, 5])
    """
    return _convolve("conv3d", 3, input, filters, strides, padding, dilations, data_format)


def convolution(input: Any, filters: Any, strides: Any = None, padding: Any = "VALID", data_format: str | None = None, dilations: Any = None,
                name: str | None = None) -> Tensor:  # fmt: skip
    """The convolution over one, two or three spatial dimensions, as many as the filters have.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.convolution(tf.ones([1, 5, 1]), tf.ones([3, 1, 2])).shape
        TensorShape([1, 3, 2])
    """
    x, w = tensors("convolution", (input, filters))
    return _convolve("convolution", w.ndim - 2, x, w, strides, padding, dilations, data_format)


def depthwise_conv2d(input: Any, filter: Any, strides: Any, padding: Any, data_format: str | None = None, dilations: Any = None,
                     name: str | None = None) -> Tensor:  # fmt: skip
    """Each channel convolved with its own filters [height, width, channels, multiplier].

    Example:
        >>> import tenfold as tf
        >>> tf.nn.depthwise_conv2d(tf.ones([1, 4, 4, 3]), tf.ones([3, 3, 3, 2]), [1, 1, 1, 1], "SAME").shape
        TensorShape([1, 4, 4, 6])
    """
    x, w = tensors("depthwise_conv2d", (input, filter))
    if w.ndim != 4:
        raise ShapeError(f"[depthwise_conv2d] expected filters [height, width, channels, multiplier]; received shape {w.shape}.")
    height, width, channels, multiplier = w.sizes
    flat = reshape(w, (height, width, 1, channels * multiplier))
    given = x.sizes[1 if channels_first("depthwise_conv2d", data_format, 2) else -1]
    if differ(given, channels):
        raise ShapeError(f"[depthwise_conv2d] channels differ. Expected {channels} as filters {w.shape} have; received data {x.shape}.")
    return _convolve("depthwise_conv2d", 2, x, flat, strides, padding, dilations, data_format)


def separable_conv2d(input: Any, depthwise_filter: Any, pointwise_filter: Any, strides: Any, padding: Any, data_format: str | None = None,
                     dilations: Any = None, name: str | None = None) -> Tensor:  # fmt: skip
    """A depthwise convolution, then one with filters of size 1 that mixes the channels.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.separable_conv2d(tf.ones([1, 4, 4, 3]), tf.ones([3, 3, 3, 1]), tf.ones([1, 1, 3, 8]), [1] * 4, "SAME").shape
        TensorShape([1, 4, 4, 8])
    """
    mixed = depthwise_conv2d(input, depthwise_filter, strides, padding, data_format, dilations)
    return _convolve("separable_conv2d", 2, mixed, pointwise_filter, 1, "VALID", None, data_format)


def _transposed(name: str, rank: int, input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any, dilations: Any,
                data_format: str | None) -> Tensor:  # fmt: skip
    """The gradient of a convolution with respect to its data, as an operation of its own."""
    x, w = tensors(name, (input, filters))
    if x.ndim != rank + 2 or w.ndim != rank + 2:
        raise ShapeError(f"[{name}] expected data and filters of rank {rank + 2}; received {x.shape} and {w.shape}.")
    first = channels_first(name, data_format, rank)
    step = per_dimension(name, "strides", strides, rank, first)
    gaps = per_dimension(name, "dilations", dilations, rank, first)
    wanted = integers(name, output_shape)
    if len(wanted) == rank + 2:
        wanted = wanted[2:] if first else wanted[1:-1]
    if len(wanted) != rank:
        raise InvalidArgumentError(f"[{name}] expected {rank + 2} numbers in output_shape; received {output_shape}.")
    margins = spatial_padding(name, padding, tuple(wanted), w.sizes[:-2], step, gaps, first)
    if differ(x.sizes[1 if first else -1], w.sizes[-1]):
        raise ShapeError(f"[{name}] channels differ. Expected {w.sizes[-1]}, the last size of filters {w.shape}; received data {x.shape}.")
    g = to_last(x) if first else x
    y = convolution_input_gradient(g, w, spatial=wanted, strides=step, padding=margins, dilation=gaps)
    return to_first(y) if first else y


def conv1d_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str = "NWC",
                     dilations: Any = None, name: str | None = None) -> Tensor:  # fmt: skip
    """The transpose of `conv1d`; filters are [width, outputs, channels].

    Example:
        >>> import tenfold as tf
        >>> tf.nn.conv1d_transpose(tf.ones([1, 4, 2]), tf.ones([3, 5, 2]), [1, 8, 5], strides=2).shape
        TensorShape([1, 8, 5])
    """
    return _transposed("conv1d_transpose", 1, input, filters, output_shape, strides, padding, dilations, data_format)


def conv2d_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str = "NHWC",
                     dilations: Any = None, name: str | None = None) -> Tensor:  # fmt: skip
    """The transpose of `conv2d` (often called a deconvolution); filters are [height, width, outputs, channels].

    Example:
        >>> import tenfold as tf
        >>> tf.nn.conv2d_transpose(tf.ones([1, 4, 4, 2]), tf.ones([3, 3, 5, 2]), [1, 8, 8, 5], strides=2).shape
        TensorShape([1, 8, 8, 5])
    """
    return _transposed("conv2d_transpose", 2, input, filters, output_shape, strides, padding, dilations, data_format)


def conv3d_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str = "NDHWC",
                     dilations: Any = None, name: str | None = None) -> Tensor:  # fmt: skip
    """The transpose of `conv3d`; filters are [depth, height, width, outputs, channels]."""
    return _transposed("conv3d_transpose", 3, input, filters, output_shape, strides, padding, dilations, data_format)


def conv_transpose(input: Any, filters: Any, output_shape: Any, strides: Any, padding: Any = "SAME", data_format: str | None = None,
                   dilations: Any = None, name: str | None = None) -> Tensor:  # fmt: skip
    """The transposed convolution over as many spatial dimensions as the data have."""
    x, w = tensors("conv_transpose", (input, filters))
    return _transposed("conv_transpose", x.ndim - 2, x, w, output_shape, strides, padding, dilations, data_format)


def atrous_conv2d(value: Any, filters: Any, rate: int, padding: Any, name: str | None = None) -> Tensor:
    """A convolution whose filters have `rate - 1` gaps between their elements."""
    return conv2d(value, filters, 1, padding, dilations=rate)
