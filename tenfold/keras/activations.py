"""Activation functions, as formulas; `get` finds one by its name."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import named, register
from tenfold.keras.base.untyped import as_tensor, math, nn
from tenfold.keras.saving import serialization
from tenfold.primitives.arithmetic import cast, maximum, minimum, select
from tenfold.primitives.elementwise import erf
from tenfold.primitives.movement import slice_, transpose
from tenfold.tensor.tensor import Tensor

MODULE = "keras.activations"


def _remembered(y: Any, activation: str, x: Any) -> Any:
    """`y`, knowing what it was computed from, so that a loss can use the logits and lose nothing to rounding."""
    y._keras_history = (activation, x)
    return y


def logits_of(y: Any, activation: str) -> Any:
    """What went into the activation that gave `y`; None if `y` is not the result of one."""
    history = getattr(y, "_keras_history", None)
    return history[1] if type(y) is Tensor and history is not None and history[0] == activation else None


@register(MODULE)
def linear(x: Any) -> Any:
    """x itself."""
    return x


@register(MODULE)
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """max(x, 0); below `threshold` the slope is `negative_slope`, above `max_value` the value stays.

    Example:
        >>> relu([-10.0, -5.0, 0.0, 5.0], negative_slope=0.5).numpy()
        array([-5. , -2.5,  0. ,  5. ], dtype=float32)
    """
    x = as_tensor(x)
    if negative_slope == 0 and threshold == 0:
        return nn.relu(x) if max_value is None else minimum(nn.relu(x), max_value)
    if max_value is None and threshold == 0:
        return leaky_relu(x, negative_slope)
    positive = select(x > threshold, x, 0) if threshold else nn.relu(x)
    if max_value is not None:
        positive = minimum(positive, max_value)
    return positive - negative_slope * nn.relu(threshold - x) if negative_slope else positive


@register(MODULE)
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where positive, else `negative_slope * x`."""
    x = as_tensor(x)
    return select(x > 0, x, negative_slope * x)


@register(MODULE)
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6)."""
    return nn.relu6(x)


@register(MODULE)
def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis` (one axis or several)."""
    x = as_tensor(x)
    if isinstance(axis, (tuple, list)) and len(axis) > 1:
        return math.exp(x - math.reduce_logsumexp(x, axis=tuple(axis), keepdims=True))
    axis = axis[0] if isinstance(axis, (tuple, list)) else axis
    y = nn.softmax(x, axis=axis)
    return _remembered(y, "softmax", x) if axis in (-1, x.ndim - 1) else y


@register(MODULE)
def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x)), computed without overflow."""
    return nn.log_softmax(x, axis=axis)


@register(MODULE)
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else alpha * (exp(x) - 1)."""
    x = as_tensor(x)
    return select(x > 0, x, alpha * math.expm1(minimum(x, 0)))


@register(MODULE)
def celu(x: Any, alpha: float = 1.0) -> Any:
    """x where positive, else alpha * (exp(x / alpha) - 1)."""
    x = as_tensor(x)
    return maximum(x, 0) + alpha * math.expm1(minimum(x, 0) / alpha)


@register(MODULE)
def selu(x: Any) -> Any:
    """Scaled elu, whose outputs keep mean 0 and variance 1."""
    return nn.selu(x)


@register(MODULE)
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return math.softplus(x)


@register(MODULE)
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return nn.softsign(x)


@register(MODULE, "swish")
def silu(x: Any) -> Any:
    """x * sigmoid(x)."""
    return nn.silu(x)


swish = silu


@register(MODULE)
def squareplus(x: Any, b: float = 4) -> Any:
    """(x + sqrt(x² + b)) / 2."""
    x = as_tensor(x)
    return (x + math.sqrt(x * x + b)) / 2


@register(MODULE)
def gelu(x: Any, approximate: bool = False) -> Any:
    """x * Φ(x), Φ the normal distribution's cumulative function; `approximate` takes tanh for it."""
    x = as_tensor(x)
    if approximate:
        return 0.5 * x * (1 + math.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + erf(x * 0.7071067811865476))


@register(MODULE)
def glu(x: Any, axis: int = -1) -> Any:
    """a * sigmoid(b), where a and b are the halves of x along `axis`."""
    x = as_tensor(x)
    at = axis % x.ndim
    half = [n // 2 if i == at else n for i, n in enumerate(x.sizes)]
    second = [half[at] if i == at else 0 for i in range(x.ndim)]
    return slice_(x, [0] * x.ndim, half) * math.sigmoid(slice_(x, second, half))


@register(MODULE)
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    x = as_tensor(x)
    return _remembered(math.sigmoid(x), "sigmoid", x)


@register(MODULE)
def log_sigmoid(x: Any) -> Any:
    """log(sigmoid(x))."""
    return -math.softplus(-as_tensor(x))


@register(MODULE)
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return math.tanh(x)


@register(MODULE)
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x)."""
    x = as_tensor(x)
    return x - math.tanh(x)


@register(MODULE)
def hard_tanh(x: Any) -> Any:
    """x cut to [-1, 1]."""
    return minimum(maximum(as_tensor(x), -1.0), 1.0)


@register(MODULE)
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| > threshold, else 0."""
    x = as_tensor(x)
    return select(math.abs(x) > threshold, x, 0)


@register(MODULE)
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved toward 0 by `threshold`."""
    x = as_tensor(x)
    return select(x > threshold, x - threshold, select(x < -threshold, x + threshold, 0))


@register(MODULE)
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where it exceeds `threshold`, else `default_value`."""
    x = as_tensor(x)
    return select(x > threshold, x, default_value)


@register(MODULE)
def sparse_plus(x: Any) -> Any:
    """0 below -1, x above 1, and (x + 1)² / 4 between."""
    x = as_tensor(x)
    return select(x <= -1, 0, select(x < 1, (x + 1) * (x + 1) / 4, x))


@register(MODULE)
def sparse_sigmoid(x: Any) -> Any:
    """0 below -1, 1 above 1, and (x + 1) / 2 between."""
    x = as_tensor(x)
    return select(x <= -1, 0.0, select(x >= 1, 1.0, (x + 1) / 2))


@register(MODULE)
def exponential(x: Any) -> Any:
    """exp(x)."""
    return math.exp(x)


@register(MODULE)
def hard_sigmoid(x: Any) -> Any:
    """relu6(x + 3) / 6."""
    return nn.relu6(as_tensor(x) + 3) / 6


@register(MODULE, "hard_swish")
def hard_silu(x: Any) -> Any:
    """x * hard_sigmoid(x)."""
    x = as_tensor(x)
    return x * hard_sigmoid(x)


hard_swish = hard_silu


@register(MODULE)
def mish(x: Any) -> Any:
    """x * tanh(softplus(x))."""
    x = as_tensor(x)
    return x * math.tanh(math.softplus(x))


@register(MODULE)
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the probability simplex nearest to x, along `axis`."""
    x = as_tensor(x)
    order = [i for i in range(x.ndim) if i != axis % x.ndim] + [axis % x.ndim]
    last = transpose(x, order)
    descending = math.top_k(last, last.sizes[-1])[0]
    count = math.cumsum(descending * 0 + 1, axis=-1)
    sums = math.cumsum(descending, axis=-1)
    support = cast(1 + count * descending > sums, x.dtype)
    k = math.reduce_sum(support, axis=-1, keepdims=True)
    tau = (math.reduce_sum(support * descending, axis=-1, keepdims=True) - 1) / k
    return transpose(maximum(last - tau, 0), [order.index(i) for i in range(x.ndim)])


def get(identifier: Any) -> Any:
    """The activation that `identifier` means: None (linear), a name, a config, or a callable.

    Raises:
        ValueError: nothing of this name exists.

    Example:
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    if identifier is None:
        return linear
    if isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if isinstance(identifier, str):
        found = named(MODULE).get(identifier)
        if found is None:
            found = serialization.get_registered_object(identifier)
        if found is None:
            raise ValueError(f"Unknown activation {identifier!r}. Expected one of {sorted(named(MODULE))}, or a function.")
        identifier = found
    if callable(identifier):
        return identifier
    raise ValueError(f"Could not interpret activation function identifier: {identifier!r}. Try a name such as 'relu', or a function.")


def serialize(activation: Any) -> Any:
    """The name of a known activation; the config of any other."""
    name = getattr(activation, "__name__", None)
    if isinstance(name, str) and named(MODULE).get(name) is activation:
        return name
    return serialization.serialize_keras_object(activation)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The activation of a name or config."""
    if isinstance(config, str):
        return get(config)
    return serialization.deserialize_keras_object(config, custom_objects=custom_objects)


__all__ = [*sorted({f.__name__ for f in named(MODULE).values()}), "deserialize", "get", "hard_swish", "serialize", "swish"]
