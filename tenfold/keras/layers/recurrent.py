"""Recurrent layers: a cell applied to the steps of sequences, one after the other, in one native loop."""

from __future__ import annotations

import inspect
from typing import Any

from tenfold.core import nest
from tenfold.core.shapes import Sym, TensorShape
from tenfold.keras import regularizers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import array, as_tensor
from tenfold.keras.base.variables import Variable, name_scope
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.building import first_shape, map_shapes
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.recurrent_cells import Cell, GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from tenfold.keras.layers.recurrent_program import CompiledLoops
from tenfold.keras.saving.serialization import deserialize_keras_object as deserialize
from tenfold.keras.saving.serialization import serialize_keras_object as serialize
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import reshape
from tenfold.transform.trace import init_scope


@register(MODULE)
class RNN(Layer):
    """A cell applied to each step of [batch, steps, ...]; inputs, states and outputs may be nested, if the cell takes and gives such.

    Args:
        cell: a cell, or a list of cells to stack: objects with `state_size` and `call(inputs, states) -> output, new states`.
        return_sequences: whether to return the outputs of all steps, not of the last one only.
        return_state: whether to return the last states too.
        go_backwards: from the last step to the first; outputs come in that order.
        stateful: whether the states of one batch are where the next one starts.
        unroll: whether to write all steps one after the other instead of a loop.
        zero_output_for_mask: whether the output is 0 at masked steps, not that of the step before.

    Example:
        >>> import numpy as np
        >>> RNN(LSTMCell(4), return_sequences=True)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 5, 4])
    """

    def __init__(self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any) -> None:  # fmt: skip
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "call"):
            raise ValueError(f"Argument `cell` should have a `call` method. Received: cell={cell}")
        if getattr(cell, "state_size", None) is None:
            raise ValueError("The RNN cell should have a `state_size` attribute (single integer or list of integers, one integer per RNN state). "
                             f"Received: cell={cell}")  # fmt: skip
        size: Any = cell.state_size
        if not isinstance(size, (list, tuple, int, TensorShape)):
            raise ValueError("state_size must be an integer, or a list/tuple of integers (one for each state tensor).")
        super().__init__(**kwargs)
        self.zero_output_for_mask = zero_output_for_mask
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.single_state = isinstance(size, int)
        self.state_size: list[Any] = list(size) if isinstance(size, (list, tuple)) else [size]
        self.supports_masking = True
        self._states: Any = None
        self._batch_size: Any = None
        self._loops = CompiledLoops()

    @property
    def states(self) -> Any:
        """The variables that keep the states of a stateful layer, or None."""
        return self._states

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build(map_shapes(lambda shape: (shape[0], *shape[2:]), sequences_shape))
            self.cell.built = True
        if not self.stateful:
            return
        sequences_shape = first_shape(sequences_shape)
        if self._states is not None:
            self.reset_state()
        elif sequences_shape[0] is None or isinstance(sequences_shape[0], Sym):
            raise ValueError("When using `stateful=True` in a RNN, the batch size must be static. Found dynamic batch size: "
                             f"sequence.shape={tuple(sequences_shape)}. Try Input(batch_shape=...).")  # fmt: skip
        else:
            self._batch_size = sequences_shape[0]
            with init_scope(), name_scope(self.name):
                self._states = nest.map_structure(lambda v: Variable(v, trainable=False, dtype=self.variable_dtype, name="rnn_state"),
                                                  self.get_initial_state(self._batch_size))  # fmt: skip

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """Zeros, as the cell wants them."""
        get = getattr(self.cell, "get_initial_state", None)
        if get is None:
            dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
            return [array.zeros((batch_size, *(n if isinstance(n, (list, tuple, TensorShape)) else (n,))), dtype=dtype) for n in self.state_size]
        found = get(batch_size=batch_size)
        return list(found) if nest.is_nested(found) else [found]

    def reset_state(self) -> None:
        """Sets the states of a stateful layer to 0."""
        for v in nest.flatten(self._states) if self._states is not None else ():
            v.assign(array.zeros_like(v))

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    def start(self, sequences: Any, initial_state: Any) -> list[Any]:
        """The states to begin with, in the type that the cell computes in."""
        if initial_state is None:
            initial_state = self._states if self.stateful else self.get_initial_state(nest.flatten(sequences)[0].sizes[0])
        start = list(initial_state) if nest.is_nested(initial_state) else [initial_state]
        dtype = getattr(self.cell, "compute_dtype", self.compute_dtype)
        return nest.map_structure(lambda s: cast(as_tensor(s), dtype), start)  # type: ignore[no-any-return]

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool = False) -> Any:
        if self.unroll and isinstance(nest.flatten(sequences)[0].sizes[1], Sym):
            raise ValueError("Cannot unroll a RNN if the time dimension is undefined. Try Input(shape=...) with a fixed number of steps.")
        if self.stateful and self._batch_size is not None:
            sequences = nest.map_structure(self._of_known_batch, sequences)
        zeros = initial_state is None and not self.stateful
        mask = nest.flatten(mask)[0] if nest.is_nested(mask) else mask
        outputs, states = self._loops(self, sequences, None if zeros else self.start(sequences, initial_state), mask, training)
        if self.stateful:
            for v, s in zip(nest.flatten(self._states), nest.flatten(states), strict=True):
                v.assign(cast(s, v.dtype))
        outputs = nest.map_structure(lambda y: cast(y, self.compute_dtype), outputs)
        return (outputs, *nest.map_structure(lambda s: cast(s, self.compute_dtype), list(states))) if self.return_state else outputs

    def _of_known_batch(self, sequences: Any) -> Any:
        n = sequences.sizes[0]
        if isinstance(n, Sym):
            return reshape(sequences, (self._batch_size, *sequences.sizes[1:]))
        if n != self._batch_size:
            raise ValueError("If an RNN is stateful, the batch size of the input sequences must be the same as the batch size of the initial "
                             f"state. \n- Expected batch size: {self._batch_size}\n- Received batch size: {n}")  # fmt: skip
        return sequences

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        flat = nest.flatten(mask)
        kept = flat[0] if self.return_sequences and flat else None
        return [kept] + [None] * len(nest.flatten(self.state_size)) if self.return_state else kept

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._own_config(), "cell": serialize(self.cell)}

    def _own_config(self) -> dict[str, Any]:
        names = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        return cls(deserialize(config.pop("cell"), custom_objects), **config)


class OfCell(RNN):
    """A layer that makes its cell itself, from its own arguments."""

    cell_class: type[Cell]
    cell_name: str
    cell_arguments: tuple[str, ...]
    input_rank = 3
    last_arguments: tuple[str, ...] = ()  # those that Keras has at the end
    takes_cudnn = False  # whether it has an argument `use_cudnn`, which is accepted and means nothing

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cell = [p for p in inspect.signature(cls.cell_class.__init__).parameters.values() if p.name not in ("self", "kwargs")]
        cls.cell_arguments = tuple(p.name for p in cell)
        place = cls.cell_arguments.index("bias_regularizer") + 1
        loop = list(inspect.signature(RNN.__init__).parameters.values())[2:7]  # return_sequences to unroll
        cudnn = [inspect.Parameter("use_cudnn", loop[0].kind, default="auto")] if cls.takes_cudnn else []
        known = [*cell[:place], inspect.Parameter("activity_regularizer", loop[0].kind, default=None), *cell[place:], *loop]
        known = [p for p in known if p.name not in cls.last_arguments] + [p for p in cell if p.name in cls.last_arguments]
        cls.__signature__ = inspect.Signature([*known, *cudnn, inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)])  # type: ignore[attr-defined]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        by_place = inspect.Signature.bind_partial(self.__signature__, *args).arguments
        twice = sorted(by_place.keys() & kwargs)
        if twice:
            raise TypeError(f"{type(self).__name__} got multiple values for argument {twice[0]!r}")
        kwargs = {**by_place, **kwargs}
        given = {k: kwargs.pop(k) for k in (*self.cell_arguments, "implementation") if k in kwargs}
        use_cudnn = kwargs.pop("use_cudnn", "auto") if self.takes_cudnn else "auto"
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"Invalid value received for argument `use_cudnn`. Expected one of {{'auto', True, False}}. "
                             f"Received: use_cudnn={use_cudnn}")  # fmt: skip
        cell = self.cell_class(**given, dtype=kwargs.get("dtype"), trainable=kwargs.get("trainable", True), name=self.cell_name)
        super().__init__(cell, **kwargs)
        if self.takes_cudnn:
            self.use_cudnn = use_cudnn
        self.input_spec = InputSpec(ndim=self.input_rank)

    def __getattr__(self, name: str) -> Any:
        cell = self.__dict__.get("cell")
        if cell is not None and name in self.cell_arguments:
            return getattr(cell, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def get_config(self) -> dict[str, Any]:
        base = super().get_config()
        del base["cell"]
        return {**base, **self.cell.own_config(), "activity_regularizer": regularizers.serialize(self.activity_regularizer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        return cls(**config)


@register(MODULE)
class SimpleRNN(OfCell):
    """Each step's output, activation(x @ kernel + output of the step before @ recurrent_kernel + bias), goes into the next step.

    Args:
        units: size of the output.
        activation: a name or a function.
        use_bias: whether to add a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: initial values.
        kernel_regularizer, recurrent_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after each update.
        dropout, recurrent_dropout: share of the inputs and of the state to drop in training, the same at all steps.
        seed: of the dropout.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: see RNN.
    """

    cell_class = SimpleRNNCell
    cell_name = "simple_rnn_cell"
    last_arguments = ("seed",)


@register(MODULE)
class LSTM(OfCell):
    """Long short-term memory (Hochreiter 1997). For the arguments that are not here see SimpleRNN.

    Args:
        units: size of the output.
        recurrent_activation: of the gates.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        use_cudnn: has no effect: there is one native loop, and no cuDNN.

    Example:
        >>> import numpy as np
        >>> y, h, c = LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3), "float32"))
        >>> y.shape, h.shape, c.shape
        (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    cell_class = LSTMCell
    cell_name = "lstm_cell"
    takes_cudnn = True


@register(MODULE)
class GRU(OfCell):
    """Gated recurrent unit (Cho 2014). For the arguments that are not here see SimpleRNN.

    Args:
        units: size of the output.
        recurrent_activation: of the gates.
        reset_after: whether the reset gate is applied after the product with the state.
        use_cudnn: has no effect: there is one native loop, and no cuDNN.

    Example:
        >>> import numpy as np
        >>> GRU(4)(np.ones((2, 5, 3), "float32")).shape
        TensorShape([2, 4])
    """

    cell_class = GRUCell
    cell_name = "gru_cell"
    last_arguments = ("reset_after",)
    takes_cudnn = True
