"""Activation functions in `keras.ops`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from tenfold.core.shapes import normalize_axis
from tenfold.keras.base.defaults import floatx
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import nn, running
from tenfold.ops.shaping import split
from tenfold.ops.sorting import sort
from tenfold.primitives.arithmetic import cast, complex_, maximum, minimum, select
from tenfold.primitives.elementwise import abs as abs_
from tenfold.primitives.elementwise import cos, expm1, sin, sqrt, tanh
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import reshape, transpose
from tenfold.primitives.reduction import sum as sum_


@operation("nn")
def relu(x: Array) -> Array:
    """max(x, 0)."""
    return nn.relu(x)


@operation("nn")
def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return nn.relu6(x)


@operation("nn")
def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return nn.sigmoid(x)


@operation("nn")
def softplus(x: Array) -> Array:
    """log(exp(x) + 1)."""
    return nn.softplus(x)


@operation("nn")
def softsign(x: Array) -> Array:
    """x / (|x| + 1)."""
    return nn.softsign(x)


@operation("nn")
def silu(x: Array) -> Array:
    """x * sigmoid(x); also called swish."""
    return nn.silu(x)


swish = silu


@operation("nn")
def selu(x: Array) -> Array:
    """Scaled exponential linear units."""
    return nn.selu(x)


@operation("nn")
def log_sigmoid(x: Array) -> Array:
    """log(sigmoid(x)), without overflow."""
    return nn.log_sigmoid(x)


@operation("nn")
def leaky_relu(x: Array, negative_slope: float = 0.2) -> Array:
    """x where positive, else `negative_slope` * x."""
    return nn.leaky_relu(x if x.dtype.is_floating else cast(x, floatx()), negative_slope)


@operation("nn")
def elu(x: Array, alpha: float = 1.0) -> Array:
    """x where positive, else alpha * (exp(x) - 1)."""
    return nn.elu(x) if alpha == 1 else select(x > 0, x, alpha * expm1(x))


@operation("nn")
def gelu(x: Array, approximate: bool = True) -> Array:
    """x times the normal distribution function of x, or its approximation by tanh."""
    return nn.gelu(x, approximate)


def _over(function: Callable[..., Any], x: Any, axis: Any) -> Any:
    """`function` over one axis, over several as if they were one, or (None) over all."""
    if isinstance(axis, int):
        return function(x, axis)
    over = list(range(x.ndim)) if axis is None else [normalize_axis("softmax", a, x.ndim) for a in axis]
    order = [*(a for a in range(x.ndim) if a not in over), *over]
    moved = transpose(x, order)
    flat = function(reshape(moved, (*moved.sizes[: x.ndim - len(over)], -1)), -1)
    return transpose(reshape(flat, moved.sizes), sorted(range(x.ndim), key=order.__getitem__))


@operation("nn")
def softmax(x: Array, axis: Any = -1) -> Array:
    """exp(x) / sum(exp(x)) along an axis, several axes, or (None) all of them.

    Example:
        >>> softmax([[0.0, 0.0], [0.0, 0.0]], axis=(0, 1)).numpy().tolist()
        [[0.25, 0.25], [0.25, 0.25]]
    """
    if isinstance(axis, int) and x.shape[normalize_axis("softmax", axis, x.ndim)] == 1:
        warnings.warn(f"You are using a softmax over axis {axis} of a tensor of shape {tuple(x.shape)}. This axis has size 1. The softmax operation "
                      "will always return the value 1, which is likely not what you intended. Did you mean to use a sigmoid instead?",
                      stacklevel=3)  # fmt: skip
    return _over(nn.softmax, x, axis)


@operation("nn")
def log_softmax(x: Array, axis: Any = -1) -> Array:
    """log(softmax(x)), without overflow."""
    return _over(nn.log_softmax, x, axis)


@operation("nn")
def sparse_sigmoid(x: Array) -> Array:
    """0 up to -1, 1 from 1 on, (x + 1) / 2 between."""
    return select(x <= -1, 0, select(x >= 1, 1, 0.5 * (x + 1)))


@operation("nn")
def sparse_plus(x: Array) -> Array:
    """0 up to -1, x from 1 on, (x + 1)² / 4 between."""
    return select(x <= -1, 0, select(x < 1, 0.25 * (x + 1) * (x + 1), x))


@operation("nn")
def soft_shrink(x: Array, threshold: float = 0.5) -> Array:
    """x moved toward 0 by `threshold`, and 0 where it would cross it."""
    return select(x > threshold, x - threshold, select(x < -threshold, x + threshold, 0))


@operation("nn")
def hard_shrink(x: Array, threshold: float = 0.5) -> Array:
    """x where |x| > threshold, else 0."""
    return select(abs_(x) > threshold, x, 0)


@operation("nn")
def tanh_shrink(x: Array) -> Array:
    """x - tanh(x)."""
    return x - tanh(x)


@operation("nn")
def threshold(x: Array, threshold: float, default_value: float) -> Array:
    """x where it is above `threshold`, else `default_value`.

    Example:
        >>> threshold([-1.0, 0.5, 2.0], 1.0, 0.0).numpy()
        array([0., 0., 2.], dtype=float32)
    """
    return select(x > threshold, x, default_value)


@operation("nn")
def squareplus(x: Array, b: float = 4) -> Array:
    """(x + sqrt(x² + b)) / 2."""
    return (x + sqrt(x * x + b)) / 2


@operation("nn")
def hard_sigmoid(x: Array) -> Array:
    """relu6(x + 3) / 6."""
    return nn.relu6(x + 3) / 6


@operation("nn")
def hard_silu(x: Array) -> Array:
    """x * hard_sigmoid(x); also called hard_swish."""
    return x * (nn.relu6(x + 3) / 6)


hard_swish = hard_silu


@operation("nn")
def hard_tanh(x: Array) -> Array:
    """x, at least -1 and at most 1."""
    return minimum(maximum(x, -1), 1)


@operation("nn")
def celu(x: Array, alpha: float = 1.0) -> Array:
    """max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)."""
    return maximum(x, 0) + alpha * expm1(minimum(x, 0) / alpha)


@operation("nn")
def glu(x: Array, axis: int = -1) -> Array:
    """The first half of an axis times the sigmoid of the second.

    Raises:
        ValueError: the axis has an odd size.
    """
    n = x.sizes[normalize_axis("glu", axis, x.ndim)]
    if isinstance(n, int) and n % 2:
        raise ValueError(f"[glu] axis size must be divisible by 2. Received: x.shape={x.shape} with axis={axis}")
    first, second = split(x, 2, axis)
    return first * nn.sigmoid(second)


@operation("nn")
def sparsemax(x: Array, axis: int = -1) -> Array:
    """The nearest probabilities (Martins and Astudillo, 2016): max(x - tau, 0), with the tau for which they sum to 1.

    Example:
        >>> sparsemax([-1.0, 0.0, 1.0]).numpy()
        array([0., 0., 1.], dtype=float32)
    """
    at = normalize_axis("sparsemax", axis, x.ndim)
    largest = sort(x, at, "DESCENDING")
    above = running.cumsum(largest, at) - 1
    rank = reshape(cast(iota(x.sizes[at]), x.dtype) + 1, [x.sizes[at] if i == at else 1 for i in range(x.ndim)])
    support = largest * rank > above
    count = sum_(cast(support, x.dtype), at, True)
    tau = (sum_(select(support, largest, 0), at, True) - 1) / count
    return maximum(x - tau, 0)


@operation("nn")
def polar(abs_: Array, angle: Array) -> Array:
    """The complex numbers with these moduli and angles.

    Example:
        >>> polar([2.0], [0.0]).numpy()
        array([2.+0.j], dtype=complex64)
    """
    return complex_(abs_ * cos(angle), abs_ * sin(angle))
