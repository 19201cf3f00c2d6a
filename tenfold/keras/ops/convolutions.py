"""Convolutions in `keras.ops`: over one, two or three spatial axes, all by one primitive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core.shapes import differ, show
from tenfold.keras.base import defaults
from tenfold.keras.base.promotion import result_type
from tenfold.keras.ops.define import Array, operation
from tenfold.ops.spatial import in_format
from tenfold.primitives.contraction import conv_padding, conv_sizes, convolution, convolution_input_gradient
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor


def spatial(name: str, values: Any, rank: int) -> tuple[int, ...]:
    """One number for each spatial axis.

    Raises:
        ValueError: there are more or fewer.
    """
    given = (values,) * rank if isinstance(values, int) else tuple(int(v) for v in values)
    if len(given) != rank:
        raise ValueError(f"`{name}` must be an integer or {rank} of them, one per spatial axis. Received: {name}={values}")
    return given


def checked_padding(padding: str) -> str:
    """`padding` in capitals.

    Raises:
        ValueError: it is neither "valid" nor "same".
    """
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"`padding` must be 'valid' or 'same'. Received: padding={padding}")
    return padding.upper()


def first(data_format: Any) -> bool:
    """Whether channels come before the spatial axes."""
    return defaults.data_format(data_format) == "channels_first"


def _check_channels(name: str, inputs: Tensor, channels: Any, kernel: Tensor, per_group: Any, grouped: bool = False) -> None:
    if isinstance(channels, int) and isinstance(per_group, int) and (channels % per_group if grouped else channels != per_group):
        raise ValueError(f"[{name}] the number of input channels must match the kernel. Expected {per_group} as kernel {show(kernel.sizes)} has; "
                         f"received inputs {show(inputs.sizes)} with {channels} channels.")  # fmt: skip


def _convolved(x: Tensor, kernel: Tensor, strides: Any, padding: str, dilation: Any, groups: int) -> Tensor:
    rank = kernel.ndim - 2
    step, gaps = spatial("strides", strides, rank), spatial("dilation_rate", dilation, rank)
    margins = conv_padding(padding, x.sizes[1:-1], kernel.sizes[:-2], step, gaps)
    sizes = conv_sizes(x.sizes[1:-1], kernel.sizes[:-2], step, margins, gaps)
    if any(isinstance(n, int) and n <= 0 for n in sizes) and 0 not in x.sizes:
        raise ValueError("Computed output size would be negative. The convolution operation resulted in an empty output of spatial shape "
                         f"{show(sizes)}. Received: inputs {show(x.sizes)}, kernel {show(kernel.sizes)}. Try padding='same'.")  # fmt: skip
    return convolution(x, kernel, step, margins, gaps, groups)  # type: ignore[no-any-return]


@operation("nn", dtype=result_type)
def conv(inputs: Array, kernel: Array, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1) -> Array:
    """The convolution of data with a kernel [spatial sizes..., channels in, channels out].

    Args:
        inputs: [batch, spatial sizes..., channels], or the channels second.
        kernel: with a divisor of the channels, these are cut into groups.
        strides: how far the kernel moves; one number, or one per spatial axis.
        padding: "valid" (none) or "same" (as many outputs as inputs, if strides is 1).
        data_format: "channels_last" or "channels_first".
        dilation_rate: distance of the kernel's elements.

    Example:
        >>> conv(tf.ones([1, 6, 6, 3]), tf.ones([3, 3, 3, 8]), strides=2, padding="same").shape
        TensorShape([1, 3, 3, 8])
    """

    def apply(x: Tensor) -> Tensor:
        channels, per_group = x.sizes[-1], kernel.sizes[-2]
        _check_channels("conv", inputs, channels, kernel, per_group, grouped=True)
        groups = channels // per_group if isinstance(channels, int) and isinstance(per_group, int) else 1
        return _convolved(x, kernel, strides, checked_padding(padding), dilation_rate, groups)

    return in_format(apply, inputs, first(data_format))


def _depthwise(name: str, inputs: Tensor, kernel: Tensor, strides: Any, padding: str, dilation: Any) -> Callable[[Tensor], Tensor]:
    channels, multiplier = kernel.sizes[-2:]
    if inputs.ndim not in (3, 4):
        raise ValueError(f"[{name}] `inputs` rank must be 3 (1D conv) or 4 (2D conv). Received: inputs.shape={inputs.shape}")

    def apply(x: Tensor) -> Tensor:
        _check_channels(name, inputs, x.sizes[-1], kernel, channels)
        flat = reshape(kernel, (*kernel.sizes[:-2], 1, channels * multiplier))
        return _convolved(x, flat, strides, checked_padding(padding), dilation, channels)

    return apply


@operation("nn", dtype=result_type)
def depthwise_conv(inputs: Array, kernel: Array, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1) -> Array:
    """Each channel convolved by itself with the kernels [spatial sizes..., channels, multiplier]; the other arguments as in `conv`.

    Example:
        >>> depthwise_conv(tf.ones([1, 6, 6, 3]), tf.ones([3, 3, 3, 2])).shape
        TensorShape([1, 4, 4, 6])
    """
    return in_format(_depthwise("depthwise_conv", inputs, kernel, strides, padding, dilation_rate), inputs, first(data_format))


@operation("nn", dtype=result_type)
def separable_conv(inputs: Array, depthwise_kernel: Array, pointwise_kernel: Array, strides: Any = 1, padding: str = "valid", data_format: Any = None,
                   dilation_rate: Any = 1) -> Array:  # fmt: skip
    """`depthwise_conv`, then a convolution of size 1 that mixes the channels.

    Example:
        >>> separable_conv(tf.ones([1, 6, 6, 3]), tf.ones([3, 3, 3, 2]), tf.ones([1, 1, 6, 8])).shape
        TensorShape([1, 4, 4, 8])
    """
    mix = _depthwise("separable_conv", inputs, depthwise_kernel, strides, padding, dilation_rate)
    return in_format(lambda x: _convolved(mix(x), pointwise_kernel, 1, "VALID", 1, 1), inputs, first(data_format))


def transposed_sizes(sizes: Any, kernel: Any, strides: Any, padding: str, output_padding: Any, dilation: Any) -> tuple[Any, Any]:
    """The spatial sizes of a transposed convolution, and the margins of the convolution that it is the transpose of."""
    wanted: list[Any] = []
    margins: list[tuple[int, int]] = []
    for n, k, s, d, extra in zip(sizes, kernel, strides, dilation, output_padding, strict=True):
        wide = (k - 1) * d + 1
        if padding == "VALID":
            wanted.append((n - 1) * s + wide + (max(s - wide, 0) if extra is None else extra))
            margins.append((0, 0))
            continue
        wanted.append(n * s if extra is None else (n - 1) * s + wide % 2 + extra)
        total = max((n - 1) * s + wide - wanted[-1], 0)
        margins.append((total // 2, total - total // 2))
    return tuple(wanted), tuple(margins)


@operation("nn", dtype=result_type)
def conv_transpose(inputs: Array, kernel: Array, strides: Any = 1, padding: str = "valid", output_padding: Any = None, data_format: Any = None,
                   dilation_rate: Any = 1) -> Array:  # fmt: skip
    """The transpose of a convolution: it enlarges by `strides`. The kernel is [spatial sizes..., channels out, channels in].

    Args:
        inputs, strides, padding, data_format, dilation_rate: as in `conv`.
        kernel: its last size is the number of channels of `inputs`.
        output_padding: rows and columns added at the end.

    Example:
        >>> conv_transpose(tf.ones([1, 4, 4, 3]), tf.ones([3, 3, 8, 3]), strides=2, padding="same").shape
        TensorShape([1, 8, 8, 8])
    """
    rank = inputs.ndim - 2
    step, gaps = spatial("strides", strides, rank), spatial("dilation_rate", dilation_rate, rank)
    extra = (None,) * rank if output_padding is None else spatial("output_padding", output_padding, rank)

    def apply(x: Tensor) -> Tensor:
        if differ(x.sizes[-1], kernel.sizes[-1]):
            _check_channels("conv_transpose", inputs, x.sizes[-1], kernel, kernel.sizes[-1])
        sizes, margins = transposed_sizes(x.sizes[1:-1], kernel.sizes[:-2], step, checked_padding(padding), extra, gaps)
        return convolution_input_gradient(x, kernel, spatial=sizes, strides=step, padding=margins, dilation=gaps)  # type: ignore[no-any-return]

    return in_format(apply, inputs, first(data_format))
