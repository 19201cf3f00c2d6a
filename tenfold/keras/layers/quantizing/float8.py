"""Products of eight-bit floats: inputs, the matrix and the gradient of the output are rounded, each with a scale that follows what it saw.

Scales and what they follow are variables whose "gradient" is their next value; optimizers overwrite them with it.
"""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.untyped import math
from tenfold.keras.dtype_policies.quantized import QuantizedFloat8DTypePolicy
from tenfold.keras.quantizers.float8 import FORMATS, compute_float8_amax_history, compute_float8_scale, quantize_and_dequantize
from tenfold.primitives.arithmetic import cast
from tenfold.tensor.variable import Variable
from tenfold.transform.custom import custom_gradient

FORWARD, BACKWARD = "float8_e4m3fn", "float8_e5m2"


def build(layer: Any) -> None:
    """Makes the scales and histories."""
    length = getattr(layer._policy, "amax_history_length", QuantizedFloat8DTypePolicy.default_amax_history_length)
    options = {"dtype": "float32", "trainable": True, "autocast": False, "overwrite_with_gradient": True}
    for what in ("inputs", "kernel", "outputs_grad"):
        for part, shape, start in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
            name = f"{what}_{part}"
            setattr(layer, name, layer.add_weight(shape, start, name=name, **options))


def product(layer: Any, x: Any, training: Any) -> Any:
    """The layer's product of rounded operands."""
    if layer.lora_enabled:
        raise NotImplementedError("float8 and lora cannot be used together. Try int8 or int4.")
    dtype = layer.compute_dtype
    y = layer._apply(_rounded(x, *_state(layer, "inputs"), dtype, training), _rounded(layer._weight.value, *_state(layer, "kernel"), dtype, training))
    return _with_rounded_gradient(y, *_state(layer, "outputs_grad"), dtype)


def _state(layer: Any, what: str) -> tuple[Any, Any]:
    return Variable.read_value(getattr(layer, f"{what}_scale")), Variable.read_value(getattr(layer, f"{what}_amax_history"))


def _next(x: Any, scale: Any, history: Any, name: str) -> tuple[Any, Any]:
    """The scale by what was seen before, and the history with `x`."""
    return compute_float8_scale(math.reduce_max(history), scale, FORMATS[name][2]), compute_float8_amax_history(x, history)


def _rounded(x: Any, scale: Any, history: Any, dtype: str, training: Any) -> Any:
    """`x` rounded; gradients pass, and those of scale and history are their next values."""

    @custom_gradient
    def forward(x: Any, scale: Any, history: Any) -> Any:
        def grad(g: Any) -> list[Any]:
            return [g, *(_next(x, scale, history, FORWARD) if training else (None, None))]

        return quantize_and_dequantize(x, scale, FORWARD, dtype), grad

    return forward(x, scale, history)


def _with_rounded_gradient(y: Any, scale: Any, history: Any, dtype: str) -> Any:
    """`y`, whose gradient is rounded."""

    @custom_gradient
    def forward(y: Any, scale: Any, history: Any) -> Any:
        def grad(g: Any) -> list[Any]:
            rounded = cast(quantize_and_dequantize(g, scale, BACKWARD, dtype), g.dtype)
            return [rounded, *_next(cast(g, as_dtype("float32")), scale, history, BACKWARD)]

        return y, grad

    return forward(y, scale, history)
