"""Convolutions of one, two and three spatial axes: plain, depthwise, separable and transposed."""

from __future__ import annotations

from typing import Any, ClassVar

from tenfold.keras import activations, constraints, initializers, regularizers
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.layers.arguments import padding as checked_padding
from tenfold.keras.layers.arguments import tuple_of
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.quantizing.lora import LowRank
from tenfold.primitives.contraction import conv_padding, conv_sizes, convolution, convolution_input_gradient
from tenfold.primitives.movement import reshape, transpose
from tenfold.tensor.tensor import Tensor


class BaseConv(LowRank):
    """What all convolutions share: arguments, weights, data formats, bias and activation."""

    _repeats = True
    rank: int
    kernel = property(LowRank._shown_weight, doc="The filters.")

    def __init__(self, filters: int | None, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None,
                 dilation_rate: Any = 1, groups: int = 1, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, lora_rank: int | None = None, lora_alpha: float | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._take_lora(lora_rank, lora_alpha)
        name = type(self).__name__
        if filters is not None and (not isinstance(filters, int) or isinstance(filters, bool) or filters <= 0):
            raise ValueError(f"Invalid value for argument `filters`. Expected a strictly positive value. Received filters={filters}.")
        if not isinstance(groups, int) or groups <= 0:
            raise ValueError(f"The number of groups must be a positive integer. Received: groups={groups}.")
        if filters is not None and filters % groups:
            raise ValueError(f"The number of filters must be evenly divisible by the number of groups. Received: groups={groups}, filters={filters}.")
        self.filters, self.groups = filters, groups
        self.kernel_size = tuple_of(kernel_size, self.rank, "kernel_size")
        self.strides = tuple_of(strides, self.rank, "strides")
        self.dilation_rate = tuple_of(dilation_rate, self.rank, "dilation_rate")
        self.padding = checked_padding(padding, ("valid", "same", "causal") if self.rank == 1 and name == "Conv1D" else ("valid", "same"))
        self.data_format = defaults.data_format(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"`strides > 1` not supported in conjunction with `dilation_rate > 1`. Received: strides={self.strides} and "
                             f"dilation_rate={self.dilation_rate}")  # fmt: skip
        self.activation, self.use_bias = activations.get(activation), use_bias
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2)
        self.bias: Any = None

    @property
    def _channel_axis(self) -> int:
        return -1 if self.data_format == "channels_last" else 1

    def _channels(self, input_shape: Any) -> int:
        channels = input_shape[self._channel_axis]
        if channels is None:
            raise ValueError(f"The channel dimension of the inputs should be defined. Found None in input_shape={input_shape} "
                             f"(data_format={self.data_format!r}).")  # fmt: skip
        if channels % self.groups:
            raise ValueError(f"The number of input channels must be evenly divisible by the number of groups. Received groups={self.groups}, but the "
                             f"input has {channels} channels (full input shape is {input_shape}).")  # fmt: skip
        return int(channels)

    def _add_bias(self, size: int) -> None:
        if self.use_bias:
            self.bias = self.add_weight((size,), self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint,
                                        name="bias")  # fmt: skip

    def _add_kernel(self, shape: tuple[int, ...]) -> Any:
        return self.add_weight(shape, self.kernel_initializer, regularizer=self.kernel_regularizer, constraint=self.kernel_constraint, name="kernel")

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        assert self.filters is not None
        self._kernel = self._add_kernel((*self.kernel_size, channels // self.groups, self.filters))
        self._add_bias(self.filters)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={self._channel_axis: channels})
        self._adapted_at_build()

    def _convolve(self, x: Tensor) -> Tensor:
        pads = conv_padding(self.padding, x.sizes[1:-1], self.kernel_size, self.strides, self.dilation_rate)
        self._check_size(x, pads)
        return convolution(x, self.kernel, self.strides, pads, self.dilation_rate, self.groups)  # type: ignore[no-any-return]

    def _check_size(self, x: Tensor, pads: Any) -> None:
        sizes = conv_sizes(x.sizes[1:-1], self.kernel_size, self.strides, pads, self.dilation_rate)
        if any(isinstance(n, int) and n <= 0 for n in sizes):
            raise ValueError(f"Computed output size would be zero or negative. Received: inputs with spatial shape {tuple(x.shape)[1:-1]}, "
                             f"kernel_size={self.kernel_size}, dilation_rate={self.dilation_rate}. "
                             "Try padding='same', or a smaller kernel.")  # fmt: skip

    def call(self, inputs: Any) -> Any:
        x = self._as_compute(inputs)
        first = self.data_format == "channels_first"
        if first:
            x = transpose(x, (0, *range(2, x.ndim), 1))
        y = self._convolve(x)
        if self.use_bias:
            y = y + self.bias
        if first:
            y = transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1)))
        return self.activation(y)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            **self._lora_config(),
        }


@register(MODULE, "Convolution1D")
class Conv1D(BaseConv):
    """Convolution along steps: (batch, steps, channels) -> (batch, new steps, filters).

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: integers.
        padding: "valid", "same", or "causal" (no output depends on later steps).
        data_format, groups, activation, use_bias and the rest: as in Conv2D.

    Example:
        >>> import numpy as np
        >>> Conv1D(8, 3, padding="causal")(np.ones((2, 10, 4), "float32")).shape
        TensorShape([2, 10, 8])
    """

    rank = 1


@register(MODULE, "Convolution2D")
class Conv2D(BaseConv):
    """Convolution over images: (batch, rows, columns, channels) -> (batch, new rows, new columns, filters).

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: one integer, or one per axis.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
        groups: the channels are split into this many groups, each with its own filters.
        activation: a name or a function.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: applied after each update.
        lora_rank, lora_alpha: for `enable_lora` when the layer is built.

    Example:
        >>> import numpy as np
        >>> Conv2D(32, 3, activation="relu")(np.ones((1, 28, 28, 1), "float32")).shape
        TensorShape([1, 26, 26, 32])
    """

    rank = 2


@register(MODULE, "Convolution3D")
class Conv3D(BaseConv):
    """Convolution over volumes; arguments as in Conv2D."""

    rank = 3


class BaseDepthwiseConv(BaseConv):
    """Each channel convolved by itself with `depth_multiplier` filters."""

    _other_names: ClassVar[dict[str, tuple[str, ...]]] = {"_kernel": ("kernel", "depthwise_kernel")}

    def __init__(self, kernel_size: Any, strides: Any = 1, padding: str = "valid", depth_multiplier: int = 1, data_format: Any = None,
                 dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", depthwise_regularizer: Any = None, bias_regularizer: Any = None,
                 activity_regularizer: Any = None, depthwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(None, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias, depthwise_initializer,
                         bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint,
                         **kwargs)  # fmt: skip
        self.depth_multiplier = _checked_multiplier(depth_multiplier)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self._kernel = self._add_kernel((*self.kernel_size, channels, self.depth_multiplier))
        self._add_bias(channels * self.depth_multiplier)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={self._channel_axis: channels})

    def _convolve(self, x: Tensor) -> Tensor:
        return depthwise(self, x, self.kernel)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for key in ("filters", "groups"):
            del config[key]
        renamed = {k.replace("kernel_", "depthwise_") if k != "kernel_size" else k: v for k, v in config.items()}
        return {**renamed, "depth_multiplier": self.depth_multiplier}


def _checked_multiplier(value: int) -> int:
    if value is None or value <= 0:
        raise ValueError(f"Invalid value for argument `depth_multiplier`. Expected a strictly positive value. Received depth_multiplier={value}.")
    return value


def depthwise(layer: Any, x: Tensor, kernel: Any) -> Tensor:
    """Each channel convolved by itself."""
    kernel = as_tensor(kernel)
    channels, multiplier = kernel.sizes[-2:]
    pads = conv_padding(layer.padding, x.sizes[1:-1], layer.kernel_size, layer.strides, layer.dilation_rate)
    layer._check_size(x, pads)
    filters = reshape(kernel, (*layer.kernel_size, 1, channels * multiplier))
    return convolution(x, filters, layer.strides, pads, layer.dilation_rate, channels)  # type: ignore[no-any-return]


@register(MODULE)
class DepthwiseConv1D(BaseDepthwiseConv):
    """Each channel of a sequence convolved by itself; arguments as in DepthwiseConv2D."""

    rank = 1


@register(MODULE)
class DepthwiseConv2D(BaseDepthwiseConv):
    """Each channel of an image convolved by itself.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate: as in Conv2D.
        depth_multiplier: output channels per input channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
    """

    rank = 2


class BaseSeparableConv(BaseConv):
    """A depthwise convolution, then one of size 1 that mixes the channels."""

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
                 depth_multiplier: int = 1, activation: Any = None, use_bias: bool = True, depthwise_initializer: Any = "glorot_uniform",
                 pointwise_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", depthwise_regularizer: Any = None,
                 pointwise_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 depthwise_constraint: Any = None, pointwise_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias, depthwise_initializer,
                         bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint,
                         **kwargs)  # fmt: skip
        self.depth_multiplier = _checked_multiplier(depth_multiplier)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        assert self.filters is not None
        depthwise_shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.depthwise_kernel = self.add_weight(depthwise_shape, self.kernel_initializer, regularizer=self.kernel_regularizer,
                                                constraint=self.kernel_constraint, name="depthwise_kernel")  # fmt: skip
        pointwise_shape = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.pointwise_kernel = self.add_weight(pointwise_shape, self.pointwise_initializer, regularizer=self.pointwise_regularizer,
                                                constraint=self.pointwise_constraint, name="pointwise_kernel")  # fmt: skip
        self._add_bias(self.filters)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={self._channel_axis: channels})

    def _convolve(self, x: Tensor) -> Tensor:
        y = depthwise(self, x, self.depthwise_kernel)
        ones = (1,) * self.rank
        return convolution(y, self.pointwise_kernel, ones, ((0, 0),) * self.rank, ones)  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["groups"]
        renamed = {k.replace("kernel_", "depthwise_") if k != "kernel_size" else k: v for k, v in config.items()}
        return {
            **renamed, "depth_multiplier": self.depth_multiplier,
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
            "pointwise_regularizer": regularizers.serialize(self.pointwise_regularizer),
            "pointwise_constraint": constraints.serialize(self.pointwise_constraint),
        }  # fmt: skip


@register(MODULE, "SeparableConvolution1D")
class SeparableConv1D(BaseSeparableConv):
    """Depthwise, then pointwise convolution of a sequence."""

    rank = 1


@register(MODULE, "SeparableConvolution2D")
class SeparableConv2D(BaseSeparableConv):
    """Depthwise, then pointwise convolution of an image."""

    rank = 2


class BaseConvTranspose(BaseConv):
    """The gradient of a convolution by its input, as a layer: it enlarges by `strides`."""

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", output_padding: Any = None, data_format: Any = None,
                 dilation_rate: Any = 1, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(filters, kernel_size, strides, padding, data_format, dilation_rate, 1, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint,
                         **kwargs)  # fmt: skip
        self.output_padding = None if output_padding is None else tuple_of(output_padding, self.rank, "output_padding", allow_zero=True)
        if self.output_padding is not None and any(p >= s for p, s in zip(self.output_padding, self.strides, strict=True)):
            raise ValueError(f"`output_padding` must be strictly less than `strides`. Received: output_padding={output_padding}, strides={strides}")

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        assert self.filters is not None
        self._kernel = self._add_kernel((*self.kernel_size, self.filters, channels))
        self._add_bias(self.filters)
        self.input_spec = InputSpec(min_ndim=self.rank + 2, max_ndim=self.rank + 2, axes={self._channel_axis: channels})

    def _convolve(self, x: Tensor) -> Tensor:
        sizes: list[Any] = []
        pads: list[tuple[int, int]] = []
        extra = self.output_padding or (None,) * self.rank
        for n, k, s, d, out in zip(x.sizes[1:-1], self.kernel_size, self.strides, self.dilation_rate, extra, strict=True):
            wide = (k - 1) * d + 1
            if self.padding == "valid":
                size = (n - 1) * s + wide + out if out is not None else n * s + max(wide - s, 0)
                pads.append((0, 0))
            else:
                size = (n - 1) * s + wide - 2 * (wide // 2) + out if out is not None else n * s
                total = max((n - 1) * s + wide - size, 0)
                pads.append((total // 2, total - total // 2))
            sizes.append(size)
        return convolution_input_gradient(  # type: ignore[no-any-return]
            x, self.kernel, spatial=tuple(sizes), strides=self.strides, padding=tuple(pads), dilation=self.dilation_rate
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["groups"]
        return {**config, "output_padding": self.output_padding}


@register(MODULE, "Convolution1DTranspose")
class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution of a sequence; arguments as in Conv2DTranspose."""

    rank = 1


@register(MODULE, "Convolution2DTranspose")
class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution of an image: what a strided Conv2D makes small it makes large.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate: as in Conv2D.
        output_padding: rows and columns added at the end.

    Example:
        >>> import numpy as np
        >>> Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((1, 7, 7, 8), "float32")).shape
        TensorShape([1, 14, 14, 4])
    """

    rank = 2


@register(MODULE, "Convolution3DTranspose")
class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of a volume; arguments as in Conv2DTranspose."""

    rank = 3


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = Conv1DTranspose, Conv2DTranspose, Conv3DTranspose
