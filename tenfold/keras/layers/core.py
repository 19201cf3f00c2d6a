"""Dense and the layers that wrap one function."""

from __future__ import annotations

from typing import Any

from tenfold.core.shapes import product
from tenfold.keras import activations, constraints, initializers, regularizers
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.quantizing.matrix import QuantizedMatrix
from tenfold.keras.layers.sparsity import KeepsSparse
from tenfold.keras.saving import serialization
from tenfold.primitives.arithmetic import cast, not_equal
from tenfold.primitives.contraction import integer_matmul, matmul
from tenfold.primitives.movement import reshape
from tenfold.primitives.reduction import any as any_
from tenfold.tensor.tensor import Tensor, as_tensor

PLAIN = (None, activations.linear, activations.relu, activations.gelu, activations.silu, activations.tanh, activations.elu, activations.selu)


@register(MODULE)
class Dense(QuantizedMatrix):
    """activation(inputs @ kernel + bias).

    Args:
        units: size of the output's last axis.
        activation: a name or a function; None: linear.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: applied after each update.
        lora_rank, lora_alpha: for `enable_lora` when the layer is built.
        quantization_config: how it is quantized, if its dtype says that it is.

    Example:
        >>> import numpy as np
        >>> Dense(5, activation="relu")(np.ones((2, 3), "float32")).shape
        TensorShape([2, 5])
    """

    _repeats = True

    def __init__(self, units: int, activation: Any = None, use_bias: bool = True, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, lora_rank: int | None = None, lora_alpha: float | None = None,
                 quantization_config: Any = None, **kwargs: Any) -> None:  # fmt: skip
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"Received an invalid value for `units`, expected a positive integer. Received: units={units}")
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer, self.bias_initializer = initializers.get(kernel_initializer), initializers.get(bias_initializer)
        self.kernel_regularizer, self.bias_regularizer = regularizers.get(kernel_regularizer), regularizers.get(bias_regularizer)
        self.kernel_constraint, self.bias_constraint = constraints.get(kernel_constraint), constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self.quantization_config = quantization_config
        self._take_lora(lora_rank, lora_alpha)
        self.bias: Any = None

    in_nibbles = True
    kernel = property(QuantizedMatrix._shown_weight, doc="The matrix.")

    def build(self, input_shape: Any) -> None:
        size = input_shape[-1]
        self._add_matrix((size, self.units), self.kernel_initializer)
        if self.use_bias:
            self.bias = self.add_weight((self.units,), self.bias_initializer, regularizer=self.bias_regularizer,
                                        constraint=self.bias_constraint, name="bias")  # fmt: skip
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        self._adapted_at_build()

    def _apply(self, x: Any, weight: Any) -> Any:
        return matmul(x, weight)

    def _apply_integers(self, x: Any, weight: Any) -> Any:
        return integer_matmul(x, weight)

    def call(self, inputs: Any, training: Any = None) -> Any:
        x = self._as_compute(inputs)
        lead = x.sizes[:-1]
        flat = x.ndim > 2 and self.activation in PLAIN  # one matrix, so that bias and activation end the product
        x = self._linear(reshape(x, (product(lead), x.sizes[-1])) if flat else x, training)
        if self.bias is not None:
            x = x + self.bias
        y = x if self.activation is None else self.activation(x)
        return reshape(y, (*lead, self.units)) if flat else y

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
            **self._compression_config(),
        }


@register(MODULE)
class Identity(KeepsSparse):
    """Gives its input."""

    _stateless = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@register(MODULE)
class Lambda(Layer):
    """Calls a Python function. For more than experiments write a subclass of Layer: functions without a registered name cannot be saved.

    Args:
        function: takes the inputs; `mask` and `training` too, if it has such parameters.
        output_shape: not needed: shapes are found by tracing.
        mask: the output's mask, or a function of (inputs, previous mask).
        arguments: more keyword arguments of the function.
    """

    _stateless = True

    def __init__(self, function: Any, output_shape: Any = None, mask: Any = None, arguments: dict[str, Any] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"Lambda: expected a function. Received: function={function!r}")
        self.function, self.arguments, self.mask = function, arguments or {}, mask
        self._output_shape = output_shape
        self.supports_masking = mask is not None

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        code = getattr(self.function, "__code__", None)
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount] if code is not None else ()
        offered = {"mask": mask, "training": training}
        return self.function(inputs, **{**self.arguments, **{k: v for k, v in offered.items() if k in names and k not in self.arguments}})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def get_config(self) -> dict[str, Any]:
        more = {"output_shape": self._output_shape, "mask": self.mask}
        written = {k: serialization.serialize_keras_object(v) if k == "mask" or callable(v) else v for k, v in more.items() if v is not None}
        function = serialization.serialize_keras_object(self.function)
        return {**super().get_config(), "function": function, "arguments": self.arguments, **written}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None, safe_mode: Any = None) -> Any:
        config = dict(config)
        if isinstance(config.get("function"), (list, tuple)):  # as Keras 2 wrote it down
            serialization.refuse_code()
        for name in ("function", "mask", "output_shape"):
            if isinstance(config.get(name), dict):
                config[name] = serialization.deserialize_keras_object(config[name], custom_objects=custom_objects)
        if isinstance(config.get("output_shape"), list):
            config["output_shape"] = tuple(config["output_shape"])
        return super().from_config(config)


@register(MODULE)
class Masking(Layer):
    """Masks the steps at which all features equal `mask_value`, and sets them to 0."""

    _stateless = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return any_(self._differs(inputs), axis=-1)

    def _differs(self, inputs: Any) -> Tensor:
        x = as_tensor(inputs)
        return not_equal(x, cast(as_tensor(self.mask_value), x.dtype))  # type: ignore[no-any-return]

    def call(self, inputs: Any) -> Tensor:
        return inputs * cast(any_(self._differs(inputs), axis=-1, keepdims=True), inputs.dtype)  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_value": self.mask_value}
