"""The convolutions, poolings and paddings of Keras 2's `keras.backend`: `keras.ops` under older names and arguments.

Images are [batch, spatial sizes..., channels], or, with `data_format="channels_first"`, [batch, channels, spatial sizes...].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras import ops
from tenfold.keras.base.defaults import image_data_format
from tenfold.ops.resizing import resize

Pair = tuple[int, int]


def conv1d(x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None, dilation_rate: Any = 1) -> Any:
    """The convolution of sequences; "causal" padding sees no later steps."""
    if padding == "causal":
        margin = (dilation_rate * (kernel.shape[0] - 1), 0)
        x, padding = _with_margins(x, (margin,), data_format), "valid"
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv2d(x: Any, kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
           dilation_rate: Any = (1, 1)) -> Any:  # fmt: skip
    """The convolution of images."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def conv3d(x: Any, kernel: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None,
           dilation_rate: Any = (1, 1, 1)) -> Any:  # fmt: skip
    """The convolution of volumes."""
    return ops.conv(x, kernel, strides, padding, data_format, dilation_rate)


def depthwise_conv2d(x: Any, depthwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
                     dilation_rate: Any = (1, 1)) -> Any:  # fmt: skip
    """The convolution of each channel by itself."""
    return ops.depthwise_conv(x, depthwise_kernel, strides, padding, data_format, dilation_rate)


def separable_conv2d(x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid",
                     data_format: str | None = None, dilation_rate: Any = (1, 1)) -> Any:  # fmt: skip
    """`depthwise_conv2d`, then a convolution of size 1."""
    return ops.separable_conv(x, depthwise_kernel, pointwise_kernel, strides, padding, data_format, dilation_rate)


def conv2d_transpose(x: Any, kernel: Any, output_shape: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
                     dilation_rate: Any = (1, 1)) -> Any:  # fmt: skip
    """The transpose of a convolution, with results of `output_shape`, of which the spatial sizes count.

    Raises:
        ValueError: a spatial size is unknown, or no size of `x` would be convolved to it.
    """
    sizes, wanted = (_spatial(s, data_format) for s in (x.shape, output_shape))
    extra = []
    for n, size, k, stride, gap in zip(sizes, wanted, kernel.shape, strides, dilation_rate, strict=False):
        if n is None or size is None:
            raise ValueError(f"[conv2d_transpose] the spatial sizes must be known. Received: x.shape={x.shape}, output_shape={output_shape}.")
        wide = (k - 1) * gap + 1
        if n != ((size - wide) // stride + 1 if padding == "valid" else -(-size // stride)):
            raise ValueError(f"[conv2d_transpose] no convolution of {size} positions gives {n}. Received: output_shape={output_shape}, "
                             f"strides={strides}, padding={padding!r}.")  # fmt: skip
        extra.append(size - (n - 1) * stride - (wide if padding == "valid" else wide % 2))
    return ops.conv_transpose(x, kernel, strides, padding, tuple(extra), data_format, dilation_rate)


def pool2d(x: Any, pool_size: Pair, strides: Pair = (1, 1), padding: str = "valid", data_format: str | None = None,
           pool_mode: str = "max") -> Any:  # fmt: skip
    """The largest element ("max") or the mean ("avg") of each window."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def pool3d(x: Any, pool_size: tuple[int, int, int], strides: tuple[int, int, int] = (1, 1, 1), padding: str = "valid",
           data_format: str | None = None, pool_mode: str = "max") -> Any:  # fmt: skip
    """The largest element ("max") or the mean ("avg") of each window."""
    return _pool(x, pool_size, strides, padding, data_format, pool_mode)


def _pool(x: Any, size: Any, strides: Any, padding: str, data_format: str | None, mode: str) -> Any:
    if mode not in ("max", "avg"):
        raise ValueError(f"Invalid pooling mode: {mode}. Expected 'max' or 'avg'.")
    rank = len(x.shape) - 2
    for name, value in (("pool_size", size), ("strides", strides)):
        if len(value) != rank:
            raise ValueError(f"`{name}` must be a tuple of {rank} integers. Received: {value}")
    operation = ops.max_pool if mode == "max" else ops.average_pool
    return operation(x, size, strides, padding, data_format)


def resize_images(x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest") -> Any:
    """Images enlarged by whole factors; `interpolation` is a method of `tf.image.resize`.

    Raises:
        ValueError: height or width is unknown.
    """
    channels_first = _channels_first(data_format)
    height, width = _spatial(x.shape, data_format)
    if height is None or width is None:
        raise ValueError(f"[resize_images] height and width must be known. Received: x.shape={x.shape}. Try keras.layers.UpSampling2D.")
    images = ops.transpose(x, (0, 2, 3, 1)) if channels_first else x
    images = resize(images, (height * height_factor, width * width_factor), interpolation)
    return ops.transpose(images, (0, 3, 1, 2)) if channels_first else images


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Any:
    """Volumes with their elements repeated."""
    first = len(x.shape) - 3 if _channels_first(data_format) else 1
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), first):
        x = ops.repeat(x, factor, axis)
    return x


def spatial_2d_padding(x: Any, padding: tuple[Pair, Pair] = ((1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around images."""
    return _with_margins(x, _checked(padding, 2), data_format)


def spatial_3d_padding(x: Any, padding: tuple[Pair, Pair, Pair] = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None) -> Any:
    """Zeros around volumes."""
    return _with_margins(x, _checked(padding, 3), data_format)


def _checked(padding: Any, rank: int) -> Any:
    if len(padding) != rank or any(np.ndim(pair) != 1 or len(pair) != 2 for pair in padding):
        raise ValueError(f"Expected `padding` to be a tuple of {rank} tuples of 2 integers. Received: padding={padding}")
    return tuple(tuple(pair) for pair in padding)


def _with_margins(x: Any, margins: Any, data_format: str | None) -> Any:
    return ops.pad(x, ((0, 0), (0, 0), *margins) if _channels_first(data_format) else ((0, 0), *margins, (0, 0)))


def _spatial(shape: Any, data_format: str | None) -> tuple[Any, ...]:
    return tuple(shape)[2:] if _channels_first(data_format) else tuple(shape)[1:-1]


def _channels_first(data_format: str | None) -> bool:
    data_format = data_format or image_data_format()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Unknown data_format: {data_format}. Expected 'channels_first' or 'channels_last'.")
    return data_format == "channels_first"
