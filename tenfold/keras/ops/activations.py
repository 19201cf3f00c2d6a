"""Activation functions in `keras.ops`."""

from __future__ import annotations

from tenfold.keras.ops.define import Array, operation
from tenfold.ops import nn
from tenfold.ops.elementwise import expm1
from tenfold.primitives.arithmetic import select


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
    return nn.leaky_relu(x, negative_slope)


@operation("nn")
def elu(x: Array, alpha: float = 1.0) -> Array:
    """x where positive, else alpha * (exp(x) - 1)."""
    return nn.elu(x) if alpha == 1 else select(x > 0, x, alpha * expm1(x))


@operation("nn")
def gelu(x: Array, approximate: bool = True) -> Array:
    """x times the normal distribution function of x, or its approximation by tanh."""
    return nn.gelu(x, approximate)


@operation("nn")
def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum(exp(x)) along an axis."""
    return nn.softmax(x, axis)


@operation("nn")
def log_softmax(x: Array, axis: int = -1) -> Array:
    """log(softmax(x)), without overflow."""
    return nn.log_softmax(x, axis)
