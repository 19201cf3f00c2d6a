"""The cells of recurrent layers: one step of SimpleRNN, LSTM and GRU.

A cell's step is in two parts. `project` is what depends on the inputs alone; a layer applies it to all steps at once, before its loop.
`advance` is the rest, the body of the loop; the weights that it needs are read once (`recurrent_weights`).
"""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.core.shapes import product as size_of
from tenfold.keras import activations, constraints, initializers, random, regularizers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import array
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.call import signature
from tenfold.keras.saving.serialization import deserialize_keras_object as deserialize
from tenfold.keras.saving.serialization import serialize_keras_object as serialize
from tenfold.primitives.contraction import matmul
from tenfold.primitives.movement import concat, reshape

WEIGHTS = ("kernel", "recurrent", "bias")


class Cell(Layer):
    """What the cells share: their arguments, weights and dropout masks."""

    gates: int  # how many blocks of `units` columns the weights have
    state_count = 1

    def __init__(self, units: int, activation: Any, use_bias: bool, settings: dict[str, Any], dropout: float, recurrent_dropout: float,
                 seed: Any, implementation: int, **kwargs: Any) -> None:  # fmt: skip
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"Received an invalid value for argument `units`, expected a positive integer, got {units}.")
        super().__init__(**kwargs)
        self.units, self.output_size = units, units
        self.state_size: Any = units if self.state_count == 1 else [units] * self.state_count
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        for name in WEIGHTS:
            setattr(self, f"{name}_initializer", initializers.get(settings[f"{name}_initializer"]))
            setattr(self, f"{name}_regularizer", regularizers.get(settings[f"{name}_regularizer"]))
            setattr(self, f"{name}_constraint", constraints.get(settings[f"{name}_constraint"]))
        self.dropout, self.recurrent_dropout = min(1.0, max(0.0, dropout)), min(1.0, max(0.0, recurrent_dropout))
        self.implementation = 1 if self.recurrent_dropout else implementation
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self._mask: Any = None
        self._recurrent_mask: Any = None
        self.bias: Any = None

    def build(self, input_shape: Any) -> None:
        columns = self.units * self.gates
        self.kernel = self._weight("kernel", "kernel", (input_shape[-1], columns))
        self.recurrent_kernel = self._weight("recurrent_kernel", "recurrent", (self.units, columns))
        if self.use_bias:
            self.bias = self._weight("bias", "bias", self._bias_shape())

    def _weight(self, name: str, kind: str, shape: tuple[int, ...]) -> Any:
        initializer = self._bias_initializer() if kind == "bias" else getattr(self, f"{kind}_initializer")
        return self.add_weight(shape, initializer, regularizer=getattr(self, f"{kind}_regularizer"),
                               constraint=getattr(self, f"{kind}_constraint"), name=name)  # fmt: skip

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.units * self.gates,)

    def _bias_initializer(self) -> Any:
        return self.bias_initializer  # type: ignore[attr-defined]

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros, one tensor per state."""
        return [array.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(self.state_count)]

    # --- dropout: the same masks at all steps of a sequence ---
    def _mask_count(self) -> int:
        return self.gates if self.implementation == 1 else 1

    def _draw(self, like: Any, rate: float) -> Any:
        ones = array.ones_like(like)
        masks = [random.dropout(ones, rate, seed=self.seed_generator) for _ in range(self._mask_count())]
        return masks if len(masks) > 1 else masks[0]

    def get_dropout_mask(self, step_input: Any) -> Any:
        """The mask (or one per gate) of the inputs, drawn at the first call after `reset_dropout_mask`."""
        if self._mask is None and self.dropout > 0:
            self._mask = self._draw(step_input, self.dropout)
        return self._mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """The mask (or one per gate) of the state, drawn at the first call after `reset_recurrent_dropout_mask`."""
        if self._recurrent_mask is None and self.recurrent_dropout > 0:
            self._recurrent_mask = self._draw(step_input, self.recurrent_dropout)
        return self._recurrent_mask

    def reset_dropout_mask(self) -> None:
        """Forgets the inputs' mask."""
        self._mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Forgets the state's mask."""
        self._recurrent_mask = None

    # --- one step ---
    def project(self, inputs: Any, training: Any = False, step_input: Any = None) -> Any:
        """What the step adds for its inputs: [..., features] -> [..., gates * units]. `step_input` is the inputs of one step."""
        masks = self.get_dropout_mask(inputs if step_input is None else step_input) if training and 0 < self.dropout < 1 else None
        lead = inputs.sizes[:-1]
        if masks is None and len(lead) > 1:  # all steps are the rows of one product, which adds the bias as it stores them
            inputs = reshape(inputs, (size_of(lead), inputs.sizes[-1]))
        x = product(inputs, self.kernel.value, masks, self.gates)
        x = x if self.bias is None else x + self._input_bias()
        return reshape(x, (*lead, x.sizes[-1]))

    def _input_bias(self) -> Any:
        return self.bias

    def recurrent_weights(self) -> tuple[Any, ...]:
        """The weights that `advance` needs."""
        return (self.recurrent_kernel.value,)

    def recurrent_masks(self, state: Any, training: Any) -> Any:
        """The state's dropout masks, or None."""
        return self.get_recurrent_dropout_mask(state) if training and 0 < self.recurrent_dropout < 1 else None

    def advance(self, x: Any, states: list[Any], weights: tuple[Any, ...], masks: Any) -> list[Any]:
        """The next states, the output first, from the projected inputs of a step."""
        raise NotImplementedError

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        nested = nest.is_nested(states)
        old = list(states) if nested else [states]
        x = self._as_compute(inputs)
        new = self.advance(self.project(x, training), old, self.recurrent_weights(), self.recurrent_masks(old[0], training))
        return new[0], new if nested else new[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self.own_config()}

    def own_config(self) -> dict[str, Any]:
        """The arguments of the cell, without those of every layer."""
        config: dict[str, Any] = {"units": self.units, "activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        for name in WEIGHTS:
            config[f"{name}_initializer"] = initializers.serialize(getattr(self, f"{name}_initializer"))
            config[f"{name}_regularizer"] = regularizers.serialize(getattr(self, f"{name}_regularizer"))
            config[f"{name}_constraint"] = constraints.serialize(getattr(self, f"{name}_constraint"))
        return {**config, "dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, "seed": self.seed}


def product(x: Any, kernel: Any, masks: Any, count: int) -> Any:
    """x @ kernel; with a mask (x * mask) @ kernel; with one mask for each of `count` blocks of columns, each its own."""
    if not isinstance(masks, list):
        return matmul(x if masks is None else x * masks, kernel)
    blocks = array.split(kernel, count, axis=1)
    return concat([matmul(x * mask, block) for mask, block in zip(masks, blocks, strict=True)], axis=-1)


def part(x: Any, k: int, units: int) -> Any:
    """Columns of gate k."""
    return x[..., k * units : (k + 1) * units]


@register(MODULE)
class SimpleRNNCell(Cell):
    """One step of SimpleRNN: activation(x @ kernel + state @ recurrent_kernel + bias). For the arguments see SimpleRNN."""

    gates = 1

    def __init__(self, units: int, activation: Any = "tanh", use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 recurrent_regularizer: Any = None, bias_regularizer: Any = None, kernel_constraint: Any = None,
                 recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0, recurrent_dropout: float = 0.0,
                 seed: Any = None, **kwargs: Any) -> None:  # fmt: skip
        settings = dict(locals())
        implementation = kwargs.pop("implementation", 2)
        super().__init__(units, activation, use_bias, settings, dropout, recurrent_dropout, seed, implementation, **kwargs)

    def advance(self, x: Any, states: list[Any], weights: tuple[Any, ...], masks: Any) -> list[Any]:
        return [self.activation(x + product(states[0], weights[0], masks, 1))]


@register(MODULE)
class LSTMCell(Cell):
    """One step of LSTM. For the arguments see LSTM.

    Example:
        >>> import numpy as np
        >>> h, (h, c) = LSTMCell(4)(np.ones((2, 3), "float32"), [np.zeros((2, 4), "float32")] * 2)
        >>> h.shape
        TensorShape([2, 4])
    """

    gates = 4
    state_count = 2

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 unit_forget_bias: bool = True, kernel_regularizer: Any = None, recurrent_regularizer: Any = None,
                 bias_regularizer: Any = None, kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None,
                 dropout: float = 0.0, recurrent_dropout: float = 0.0, seed: Any = None, **kwargs: Any) -> None:  # fmt: skip
        settings = dict(locals())
        implementation = kwargs.pop("implementation", 2)
        super().__init__(units, activation, use_bias, settings, dropout, recurrent_dropout, seed, implementation, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def _bias_initializer(self) -> Any:
        initial = self.bias_initializer  # type: ignore[attr-defined]
        if not self.unit_forget_bias:
            return initial

        def with_forget_bias(shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
            n = self.units
            return concat([initial((n,), dtype=dtype), array.ones((n,), dtype=dtype), initial((2 * n,), dtype=dtype)], axis=0)

        return with_forget_bias

    def advance(self, x: Any, states: list[Any], weights: tuple[Any, ...], masks: Any) -> list[Any]:
        h, c = states
        n, gate = self.units, self.recurrent_activation
        z = x + product(h, weights[0], masks, 4)
        c = gate(part(z, 1, n)) * c + gate(part(z, 0, n)) * self.activation(part(z, 2, n))
        return [gate(part(z, 3, n)) * self.activation(c), c]

    def own_config(self) -> dict[str, Any]:
        gate = activations.serialize(self.recurrent_activation)
        return {**super().own_config(), "recurrent_activation": gate, "unit_forget_bias": self.unit_forget_bias}


@register(MODULE)
class GRUCell(Cell):
    """One step of GRU. For the arguments see GRU."""

    gates = 3

    def __init__(self, units: int, activation: Any = "tanh", recurrent_activation: Any = "sigmoid", use_bias: bool = True,
                 kernel_initializer: Any = "glorot_uniform", recurrent_initializer: Any = "orthogonal", bias_initializer: Any = "zeros",
                 kernel_regularizer: Any = None, recurrent_regularizer: Any = None, bias_regularizer: Any = None,
                 kernel_constraint: Any = None, recurrent_constraint: Any = None, bias_constraint: Any = None, dropout: float = 0.0,
                 recurrent_dropout: float = 0.0, reset_after: bool = True, seed: Any = None, **kwargs: Any) -> None:  # fmt: skip
        settings = dict(locals())
        implementation = kwargs.pop("implementation", 2)
        super().__init__(units, activation, use_bias, settings, dropout, recurrent_dropout, seed, implementation, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self) -> Any:
        return self.bias[0] if self.reset_after else self.bias

    def recurrent_weights(self) -> tuple[Any, ...]:
        n, kernel = self.units, self.recurrent_kernel.value
        if not self.reset_after:
            return kernel[:, : 2 * n], kernel[:, 2 * n :]
        return (kernel,) if self.bias is None else (kernel, self.bias[1])

    def advance(self, x: Any, states: list[Any], weights: tuple[Any, ...], masks: Any) -> list[Any]:
        h, n, gate = states[0], self.units, self.recurrent_activation
        if self.reset_after:
            inner = product(h, weights[0], masks, 3)
            inner = inner + weights[1] if len(weights) > 1 else inner
        else:
            inner = product(h, weights[0], masks[:2] if masks else None, 2)
        update, reset = gate(part(x, 0, n) + part(inner, 0, n)), gate(part(x, 1, n) + part(inner, 1, n))
        kept = h * masks[2] if masks else h
        candidate = reset * part(inner, 2, n) if self.reset_after else matmul(reset * kept, weights[1])
        return [update * h + (1 - update) * self.activation(part(x, 2, n) + candidate)]

    def own_config(self) -> dict[str, Any]:
        gate = activations.serialize(self.recurrent_activation)
        return {**super().own_config(), "recurrent_activation": gate, "reset_after": self.reset_after}


@register(MODULE)
class StackedRNNCells(Layer):
    """Several cells as one: each gets the output of the one before.

    Args:
        cells: a list of cells.
    """

    def __init__(self, cells: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            for needed, what in (("call", "method"), ("state_size", "attribute")):
                if not hasattr(cell, needed):
                    raise ValueError(f"All cells must have a `{needed}` {what}. Received cell without a `{needed}`: {cell}")
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The sizes of each cell's states."""
        return [c.state_size for c in self.cells]

    @property
    def output_size(self) -> Any:
        """The size of the last cell's output."""
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros, for each cell."""
        return [initial_state(c, batch_size, self.compute_dtype) for c in self.cells]

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            input_shape = (input_shape[0], output_size(cell))

    def call(self, inputs: Any, states: Any, training: bool = False, **kwargs: Any) -> Any:
        new_states: list[Any] = []
        for cell, old in zip(self.cells, states, strict=True):
            given = list(old) if nest.is_nested(old) else [old]
            inputs, new = call_cell(cell, inputs, given, training, **kwargs)
            new = new if nest.is_nested(new) else [new]
            new_states.append(new[0] if len(new) == 1 and not nest.is_nested(old) else list(new))
        return inputs, new_states[0] if len(new_states) == 1 else new_states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [serialize(c) for c in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        config = dict(config)
        return cls([deserialize(c, custom_objects) for c in config.pop("cells")], **config)


def output_size(cell: Any) -> Any:
    """The size of a cell's output."""
    size = getattr(cell, "output_size", None)
    return size if size is not None else cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size


def initial_state(cell: Any, batch_size: Any, dtype: Any) -> Any:
    """What a cell starts with: what its `get_initial_state` gives, or zeros of its `state_size`."""
    if getattr(cell, "get_initial_state", None):
        return cell.get_initial_state(batch_size=batch_size)
    size = cell.state_size
    if isinstance(size, int):
        return array.zeros((batch_size, size), dtype=dtype)
    return [array.zeros((batch_size, n), dtype=dtype) for n in size]


def call_cell(cell: Any, inputs: Any, states: Any, training: Any, **kwargs: Any) -> Any:
    """(output, new states) of any cell."""
    if isinstance(cell, Layer) and signature(type(cell).call).has_training:
        kwargs["training"] = training
    return (cell if callable(cell) else cell.call)(inputs, states, **kwargs)
