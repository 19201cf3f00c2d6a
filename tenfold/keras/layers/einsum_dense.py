"""EinsumDense: a dense layer over the axes that an equation names."""

from __future__ import annotations

import math
import re
import string
from dataclasses import dataclass
from typing import Any

from tenfold.keras import activations, constraints, initializers, regularizers
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.quantizing.matrix import QuantizedMatrix
from tenfold.ops.products import einsum, integer_einsum
from tenfold.primitives.movement import reshape, transpose

FORMS = re.compile(r"(?P<left>0?)(?P<input>[a-zA-Z]+)(?P<right>0?),(?P<kernel>[a-zA-Z]+)->(?P=left)(?P<output>[a-zA-Z]+)(?P=right)")


@dataclass(frozen=True, slots=True)
class Shapes:
    """What an equation says about an input of some shape."""

    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    output: tuple[Any, ...]
    input_axes: tuple[int, ...]
    output_axes: tuple[int, ...]


def analyze(equation: str, bias_axes: str | None, input_shape: Any, output_shape: Any) -> Shapes:
    """The shapes of the weights and of the output.

    Raises:
        ValueError: the equation has another form, or shapes do not fit it.
    """
    form = FORMS.fullmatch(equation.replace(" ", "").replace("...", "0"))
    if form is None or (form["left"] and form["right"]):
        raise ValueError(f"Invalid einsum equation '{equation}'. Equations must be in the form [X],[Y]->[Z], ...[X],[Y]->...[Z], or "
                         "[X]...,[Y]->[Z]....")  # fmt: skip
    inputs, kernel, outputs = form["input"], form["kernel"], form["output"]
    hidden = len(input_shape) - len(inputs)
    before = hidden if form["left"] else 0
    whole: list[Any] = [input_shape[0], *(input_shape[1:before] if hidden > 0 and before else ()), *output_shape]
    if hidden > 0 and not before:
        whole += input_shape[len(input_shape) - hidden :]
    size_in = {c: input_shape[before + i] for i, c in enumerate(inputs)}
    size_out = {c: whole[before + i] for i, c in enumerate(outputs)}
    _check(equation, inputs, kernel, outputs, size_in, size_out)
    bias = None
    if bias_axes is not None:
        if missing := [c for c in bias_axes if c not in outputs]:
            raise ValueError(f"Bias dimension '{missing[0]}' was requested, but is not part of the output spec '{outputs}'")
        start = min(outputs.find(c) for c in bias_axes)
        bias = tuple(size_out[c] if c in bias_axes else 1 for c in outputs[start:]) + (1,) * (0 if before else max(hidden, 0))
    made = tuple(size_out[c] if c in size_out else size_in[c] for c in kernel)
    return Shapes(made, bias, tuple(whole), tuple(i for i, c in enumerate(kernel) if c not in size_out),
                  tuple(i for i, c in enumerate(kernel) if c in size_out))  # fmt: skip


def letters(equation: str, rank: int) -> tuple[str, str, str]:
    """The letters of the input, the kernel and the output, those of "..." too, for an input of this rank."""
    form = FORMS.fullmatch(equation.replace(" ", "").replace("...", "0"))
    assert form is not None
    inputs, kernel, outputs = form["input"], form["kernel"], form["output"]
    hidden = [c for c in string.ascii_letters if c not in inputs + kernel + outputs][: rank - len(inputs)]
    more = "".join(hidden)
    return (more + inputs, kernel, more + outputs) if form["left"] else (inputs + more, kernel, outputs + more)


def _check(equation: str, inputs: str, kernel: str, outputs: str, size_in: dict[str, Any], size_out: dict[str, Any]) -> None:
    for c in inputs:
        if c in size_out and size_out[c] is not None and size_out[c] != size_in[c]:
            raise ValueError(f"Input shape and output shape do not match at shared dimension '{c}'. Input shape is {size_in[c]}, and output shape "
                             f"is {size_out[c]}.")  # fmt: skip
    for c in outputs:
        if c not in inputs and c not in kernel:
            raise ValueError(f"Dimension '{c}' was specified in the output '{outputs}' but has no corresponding dim in the input spec '{inputs}' or "
                             f"weight spec '{kernel}'")  # fmt: skip
    for c in kernel:
        if c not in size_in and c not in size_out:
            raise ValueError(f"Weight dimension '{c}' did not have a match in either the input spec '{inputs}' or the output spec '{outputs}'. "
                             f"For this layer, the weight must be fully specified. Received: equation={equation!r}")  # fmt: skip


@register(MODULE)
class EinsumDense(QuantizedMatrix):
    """activation(einsum(equation, inputs, kernel) + bias).

    Args:
        equation: e.g. "abc,cd->abd", or "...x,xy->...y"; names the axes of the input, of the kernel and of the output.
        output_shape: the output's sizes but for the batch; None where the input's holds.
        activation: a name or a function; None: linear.
        bias_axes: the output's axes along which the bias varies; None: no bias.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer: penalties.
        kernel_constraint, bias_constraint: applied after each update.
        lora_rank, lora_alpha: for `enable_lora` when the layer is built.
        quantization_config: how it is quantized, if its dtype says that it is. gptq_unpacked_column_size: of files; found anew when it is built.

    Example:
        >>> import numpy as np
        >>> EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de")(np.ones((5, 3, 8), "float32")).shape
        TensorShape([5, 3, 2, 4])
    """

    _repeats = True

    def __init__(self, equation: str, output_shape: Any, activation: Any = None, bias_axes: str | None = None,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None, lora_rank: int | None = None,
                 lora_alpha: float | None = None, gptq_unpacked_column_size: int | None = None, quantization_config: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        self.gptq_unpacked_column_size, self.quantization_config = gptq_unpacked_column_size, quantization_config
        self._take_lora(lora_rank, lora_alpha)
        self.bias: Any = None

    kernel = property(QuantizedMatrix._shown_weight, doc="The matrix.")

    def build(self, input_shape: Any) -> None:
        shapes = analyze(self.equation, self.bias_axes, input_shape, self.partial_output_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        start = self.kernel_initializer
        if isinstance(start, initializers.VarianceScaling):
            start = start.clone()
            start.input_axes, start.output_axes = shapes.input_axes, shapes.output_axes
        self._letters = letters(self.equation, len(input_shape))
        self._add_matrix(shapes.kernel, start)
        if shapes.bias is not None:
            self.bias = self.add_weight(shapes.bias, self.bias_initializer, regularizer=self.bias_regularizer, constraint=self.bias_constraint,
                                        name="bias")  # fmt: skip
        self._adapted_at_build()

    # --- what is summed over, and how scales lie: kept as they multiply the output ---
    def _apply(self, x: Any, weight: Any) -> Any:
        return einsum(self.equation, x, weight)

    def _apply_integers(self, x: Any, weight: Any) -> Any:
        return integer_einsum(self.equation, x, weight)

    def _reduced_axes(self) -> Any:
        _, kernel, output = self._letters
        return tuple(i for i, c in enumerate(kernel) if c not in output)

    def _input_axes(self) -> Any:
        inputs, _, output = self._letters
        return tuple(i for i, c in enumerate(inputs) if c not in output)

    def quantized_build(self, input_shape: Any, mode: Any, config: Any = None) -> None:
        super().quantized_build(input_shape, mode, config)
        self._int4_block_size = None if self._int4_block_size == -1 else self._int4_block_size

    def _as_two(self, shape: tuple[int, ...]) -> tuple[int, int]:
        reduced = self._reduced_axes()
        return math.prod(n for i, n in enumerate(shape) if i in reduced), math.prod(n for i, n in enumerate(shape) if i not in reduced)

    def _kept_scale(self, scale: Any) -> Any:
        _, kernel, output = self._letters
        size = dict(zip(kernel, scale.shape, strict=True))
        order = [kernel.index(c) for c in output if c in kernel] + list(self._reduced_axes())
        return scale.transpose(order).reshape([size.get(c, 1) for c in output])

    def _spread_scale(self, scale: Any) -> Any:
        _, kernel, output = self._letters
        free = [c for c in output if c in kernel]
        size = dict(zip(output, scale.sizes, strict=True))
        inner = transpose(reshape(scale, [size[c] for c in free]), [free.index(c) for c in kernel if c in free])
        return reshape(inner, [size[c] if c in free else 1 for c in kernel])

    def _scale_of_output(self, scale: Any) -> Any:
        inputs, _, output = self._letters
        kept = [c for c in output if c in inputs]
        size = dict(zip(inputs, scale.sizes, strict=True))
        turned = transpose(scale, [*(inputs.index(c) for c in kept), *(i for i, c in enumerate(inputs) if c not in kept)])
        return reshape(turned, [size.get(c, 1) for c in output])

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = self._linear(self._as_compute(inputs), training)
        if self.bias is not None:
            x = x + self.bias
        return x if self.activation is None else self.activation(x)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "output_shape": self.partial_output_shape,
            "equation": self.equation,
            "activation": activations.serialize(self.activation),
            "bias_axes": self.bias_axes,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            **self._compression_config(),
            **({"gptq_unpacked_column_size": self.gptq_unpacked_column_size} if self.gptq_unpacked_column_size else {}),
        }
