"""Means and variances, and what is brought to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.untyped import math
from tenfold.ops.reducing import count
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.elementwise import rsqrt
from tenfold.primitives.movement import reshape
from tenfold.transform.custom import custom_gradient
from tenfold.transform.whole import whole


@whole
def moments(x: Any, axes: list[int], mask: Any) -> tuple[Any, Any]:
    """Mean and variance over `axes`, which stay with size 1; masked elements do not count."""
    if mask is None:
        mean = math.reduce_mean(x, axis=axes, keepdims=True)
        return mean, math.reduce_mean(math.square(x - mean), axis=axes, keepdims=True)
    weight = cast(reshape(mask, (*mask.sizes, *(1,) * (x.ndim - mask.ndim))), x.dtype)
    total = math.reduce_sum(weight + 0 * x, axis=axes, keepdims=True)
    mean = math.reduce_sum(x * weight, axis=axes, keepdims=True) / (total + 1e-7)
    return mean, math.reduce_sum(math.square(x - mean) * weight, axis=axes, keepdims=True) / (total + 1e-7)


@whole
def normalized(x: Any, mean: Any, variance: Any, axes: list[int], epsilon: float, gamma: Any, beta: Any) -> Any:
    """x, whose moments over `axes` are `mean` and `variance`, brought to mean 0 and variance 1, times gamma, plus beta.

    The gradient is written out: it needs two sums and one pass, where the chain rule would go through mean and variance one by one.
    """

    @custom_gradient
    def forward(*_: Any) -> Any:
        centered, factor = x - mean, rsqrt(variance + epsilon)
        y = centered * (factor if gamma is None else factor * gamma)
        return (y if beta is None else y + beta), backward

    def backward(g: Any) -> list[Any]:
        mean, variance = moments(x, axes, None)  # the same nodes again where a graph is recorded, so that second gradients are right
        centered, factor = x - mean, rsqrt(variance + epsilon)
        number = count(x, axes, x.dtype)
        total, along = (math.reduce_sum(v, axis=axes, keepdims=True) for v in (g, g * centered))
        dx = (g - total / number - centered * (along * factor * factor / number)) * (factor if gamma is None else factor * gamma)
        return [dx, *([] if gamma is None else [along * factor]), *([] if beta is None else [total])]

    return forward(x, *(v for v in (gamma, beta) if v is not None))
