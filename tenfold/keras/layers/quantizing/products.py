"""Products with inputs that a quantizer rounds: what they give is of integers, their gradients are those of floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.keras.quantizers.quantizer import AbsMaxQuantizer
from tenfold.primitives.arithmetic import cast
from tenfold.transform.custom import custom_gradient
from tenfold.transform.tape import GradientTape


def in_bytes(quantizer: Any) -> bool:
    """Whether a quantizer makes eight-bit integers of which each is its input times a scale."""
    return type(quantizer) is AbsMaxQuantizer and quantizer.output_dtype == "int8"


def rounded(x: Any, quantizer: Any, axes: Any) -> Any:
    """Inputs as a quantizer, if there is one, leaves them; gradients pass."""
    if not quantizer:
        return x

    @custom_gradient
    def through(x: Any) -> Any:
        q, scale = quantizer(x, axis=axes)
        return cast(q, x.dtype) / scale, lambda g: g

    return through(x)


def passing(product: Callable[[Any], Any], floats: Callable[[Any], Any], x: Any) -> Any:
    """`product(x)`, with the gradient of `floats(x)`."""

    @custom_gradient
    def through(x: Any) -> Any:
        def grad(g: Any) -> Any:
            with GradientTape() as tape:
                tape.watch(x)
                y = floats(x)
            return tape.gradient(y, x, g)

        return product(x), grad

    return through(x)
