"""Means and variances, and what is brought to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.untyped import math
from tenfold.ops.reducing import count
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.elementwise import rsqrt
from tenfold.primitives.movement import reshape
from tenfold.transform.custom import with_rule
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
    """x, whose moments over `axes` are `mean` and `variance`, brought to mean 0 and variance 1, times gamma, plus beta."""
    given = [w for w in (gamma, beta) if w is not None]
    return _normalized(x, mean, variance, *given, axes=tuple(axes), epsilon=epsilon, scaled=gamma is not None, shifted=beta is not None)


def _gradient(
    g: Any, x: Any, _mean: Any, _variance: Any, *given: Any, axes: tuple[int, ...], epsilon: float, scaled: bool, shifted: bool
) -> list[Any]:  # fmt: skip
    """Written out it needs two sums and one pass, where the chain rule would go through mean and variance one by one."""
    mean, variance = moments(x, list(axes), None)  # the same nodes again where a graph is recorded, so that second gradients are right
    centered, factor = x - mean, rsqrt(variance + epsilon)
    number = count(x, axes, x.dtype)
    total, along = (math.reduce_sum(v, axis=axes, keepdims=True) for v in (g, g * centered))
    dx = (g - total / number - centered * (along * factor * factor / number)) * (factor * given[0] if scaled else factor)
    return [dx, None, None, *([along * factor] if scaled else []), *([total] if shifted else [])]


@with_rule(_gradient, "normalized", "What has mean 0 and variance 1, scaled and shifted.")
def _normalized(x: Any, mean: Any, variance: Any, *given: Any, axes: tuple[int, ...], epsilon: float, scaled: bool, shifted: bool) -> Any:
    centered, factor = x - mean, rsqrt(variance + epsilon)
    y = centered * (factor * given[0] if scaled else factor)
    return y + given[-1] if shifted else y
