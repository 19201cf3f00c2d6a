"""ConvLSTM: LSTM whose products are convolutions."""

from __future__ import annotations

from typing import Any

from tenfold.core.shapes import product as size_of
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import array
from tenfold.keras.layers.arguments import padding as checked_padding
from tenfold.keras.layers.arguments import tuple_of
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.recurrent import OfCell
from tenfold.keras.layers.recurrent_cells import LSTMCell, part
from tenfold.primitives.contraction import conv_padding, conv_sizes, convolution
from tenfold.primitives.movement import concat, reshape, transpose


class ConvLSTMCell(LSTMCell):
    """One step of a ConvLSTM. The projection of the inputs is one convolution for all steps, over images [steps * batch, ...]."""

    rank: int

    def __init__(self, filters: int, kernel_size: Any, strides: Any = 1, padding: str = "valid", data_format: Any = None, dilation_rate: Any = 1,
                 activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", unit_forget_bias: bool = True,
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(filters, activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer, bias_initializer,
                         unit_forget_bias, kernel_regularizer, recurrent_regularizer, bias_regularizer, kernel_constraint, recurrent_constraint,
                         bias_constraint, dropout, recurrent_dropout, seed, implementation=1, **kwargs)  # fmt: skip
        self.filters = filters
        self.kernel_size = tuple_of(kernel_size, self.rank, "kernel_size")
        self.strides = tuple_of(strides, self.rank, "strides")
        self.dilation_rate = tuple_of(dilation_rate, self.rank, "dilation_rate")
        self.padding = checked_padding(padding)
        self.data_format = defaults.data_format(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError("Specifying `strides > 1` is not compatible with `dilation_rate > 1`. Please provide `strides=1` or `dilation_rate=1`. "
                             f"Received: strides={self.strides} and dilation_rate={self.dilation_rate}")  # fmt: skip
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first(self) -> bool:
        return self.data_format == "channels_first"

    def build(self, input_shape: Any) -> None:
        spatial = tuple(input_shape[2:] if self._first else input_shape[1:-1])
        channels = input_shape[1 if self._first else -1]
        if None in spatial or channels is None:
            raise ValueError("ConvLSTM layers only support static input shapes for the spatial dimension, and need the number of channels. "
                             f"Received invalid input shape: input_shape={input_shape}")  # fmt: skip
        pads = conv_padding(self.padding, spatial, self.kernel_size, self.strides, self.dilation_rate)
        self._state_sizes = tuple(conv_sizes(spatial, self.kernel_size, self.strides, pads, self.dilation_rate))
        columns = self.filters * self.gates
        self.kernel = self._weight("kernel", "kernel", (*self.kernel_size, channels, columns))
        self.recurrent_kernel = self._weight("recurrent_kernel", "recurrent", (*self.kernel_size, self.filters, columns))
        if self.use_bias:
            self.bias = self._weight("bias", "bias", (columns,))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        sizes = (self.filters, *self._state_sizes) if self._first else (*self._state_sizes, self.filters)
        return [array.zeros((batch_size, *sizes), dtype=self.compute_dtype) for _ in range(self.state_count)]

    def _convolve(self, x: Any, kernel: Any, padding: str, strides: tuple[int, ...], dilation: tuple[int, ...]) -> Any:
        """A convolution of [batch, spatial axes..., channels]."""
        pads = conv_padding(padding, x.sizes[1:-1], self.kernel_size, strides, dilation)
        return convolution(x, kernel, strides, pads, dilation)

    def _gates_of(self, x: Any, kernel: Any, masks: Any, *options: Any) -> Any:
        """The convolution for all gates; with one mask for each gate, each its own."""
        if not isinstance(masks, list):
            return self._convolve(x, kernel, *options)
        blocks = array.split(kernel, self.gates, axis=-1)
        return concat([self._convolve(x * m, k, *options) for m, k in zip(masks, blocks, strict=True)], axis=-1)

    def _last(self, x: Any) -> Any:
        """The channels last."""
        return transpose(x, (0, *range(2, x.ndim), 1)) if self._first else x

    def _back(self, x: Any) -> Any:
        """The channels where the data format has them."""
        return transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1))) if self._first else x

    def project(self, inputs: Any, training: Any = False, step_input: Any = None) -> Any:
        """[..., image] -> [..., new rows, ..., gates * filters], the channels last whatever the data format is."""
        masks = self.get_dropout_mask(inputs if step_input is None else step_input) if training and 0 < self.dropout < 1 else None
        lead = inputs.sizes[: inputs.ndim - self.rank - 1]
        images = reshape(inputs, (size_of(lead), *inputs.sizes[len(lead) :]))
        if masks is not None:  # the same at all steps
            spread = [array.broadcast_to(m, inputs.sizes) for m in masks]
            masks = [self._last(reshape(m, images.sizes)) for m in spread]
        x = self._gates_of(self._last(images), self.kernel.value, masks, self.padding, self.strides, self.dilation_rate)
        x = x if self.bias is None else x + self.bias
        return reshape(x, (*lead, *x.sizes[1:]))

    def advance(self, x: Any, states: list[Any], weights: tuple[Any, ...], masks: Any) -> list[Any]:
        n, gate, ones = self.filters, self.recurrent_activation, (1,) * self.rank
        h, c = (self._last(s) for s in states)
        masks = masks if masks is None else [self._last(m) for m in masks]
        z = x + self._gates_of(h, weights[0], masks, "same", ones, ones)
        c = gate(part(z, 1, n)) * c + gate(part(z, 0, n)) * self.activation(part(z, 2, n))
        return [self._back(gate(part(z, 3, n)) * self.activation(c)), self._back(c)]

    def own_config(self) -> dict[str, Any]:
        config = super().own_config()
        del config["units"]
        names = ("filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate")
        return {**{name: getattr(self, name) for name in names}, **config}


class ConvLSTM1DCell(ConvLSTMCell):
    """One step of ConvLSTM1D."""

    rank = 1


class ConvLSTM2DCell(ConvLSTMCell):
    """One step of ConvLSTM2D."""

    rank = 2


class ConvLSTM3DCell(ConvLSTMCell):
    """One step of ConvLSTM3D."""

    rank = 3


@register(MODULE)
class ConvLSTM1D(OfCell):
    """LSTM over sequences of sequences, with convolutions in the place of products; arguments as in ConvLSTM2D."""

    cell_class = ConvLSTM1DCell
    cell_name = "conv_lstm_cell"
    input_rank = 4


@register(MODULE)
class ConvLSTM2D(OfCell):
    """LSTM over sequences of images, with convolutions in the place of products (Shi 2015).

    Args:
        filters: number of output channels.
        kernel_size, strides, padding, data_format, dilation_rate: of the inputs' convolution, as in Conv2D. That of the states keeps their size.
        activation, recurrent_activation: a name or a function; of the cell and of its gates.
        use_bias: whether to add a bias. unit_forget_bias: whether the forget gate's bias starts at 1.
        kernel_initializer, recurrent_initializer, bias_initializer: initial values.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after each update.
        dropout, recurrent_dropout: share of the inputs and of the state to drop in training, the same at all steps.
        seed: of the dropout.
        return_sequences, return_state, go_backwards, stateful, unroll: see RNN.

    Example:
        >>> import numpy as np
        >>> ConvLSTM2D(4, 3, padding="same")(np.ones((2, 5, 8, 8, 3), "float32")).shape
        TensorShape([2, 8, 8, 4])
    """

    cell_class = ConvLSTM2DCell
    cell_name = "conv_lstm_cell"
    input_rank = 5


@register(MODULE)
class ConvLSTM3D(OfCell):
    """LSTM over sequences of volumes, with convolutions in the place of products; arguments as in ConvLSTM2D."""

    cell_class = ConvLSTM3DCell
    cell_name = "conv_lstm_cell"
    input_rank = 6
