"""Activation functions, written as formulas of the elementwise primitives, so that they fuse into their neighbours."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.errors import DTypeError, InvalidArgumentError
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import reduction as r
from tenfold.primitives.elementwise import erf, exp, expm1
from tenfold.primitives.elementwise import tanh as tanh_
from tenfold.primitives.movement import concat
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.whole import whole

SELU_ALPHA = 1.6732632423543772  # Klambauer et al., Self-Normalizing Neural Networks, 2017
SELU_SCALE = 1.0507009873554805


def floating(name: str, x: Any) -> Any:
    """`x` as a tensor of floating-point (or complex) elements.

    Raises:
        TypeError: it has others.
    """
    tensor = as_tensor(x, name=name)
    if not tensor.dtype.is_differentiable:
        raise DTypeError(f"[{name}] expected floating-point elements; received {tensor.dtype.name}. Try tf.cast(x, tf.float32).")
    return tensor


def relu(features: Any, name: str | None = None) -> Tensor:
    """max(x, 0); the gradient at 0 is 0.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.relu([-1.0, 2.0]).numpy()
        array([0., 2.], dtype=float32)
    """
    result: Tensor = e.relu(features)
    return result


def relu6(features: Any, name: str | None = None) -> Tensor:
    """min(max(x, 0), 6).

    Example:
        >>> import tenfold as tf
        >>> tf.nn.relu6([-1.0, 2.0, 9.0]).numpy()
        array([0., 2., 6.], dtype=float32)
    """
    result: Tensor = a.minimum(6, e.relu(features))  # at the tie the constant takes the gradient
    return result


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """x where x > 0, else alpha * x.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.leaky_relu([-1.0, 2.0], alpha=0.5).numpy()
        array([-0.5,  2. ], dtype=float32)
    """
    x = floating("leaky_relu", features)
    return a.select(x > 0, x, alpha * x)


def elu(features: Any, name: str | None = None) -> Tensor:
    """x where x >= 0, else exp(x) - 1.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.elu([0.0, 2.0]).numpy()
        array([0., 2.], dtype=float32)
    """
    x = floating("elu", features)
    return a.select(x < 0, expm1(a.minimum(x, 0)), x)


def selu(features: Any, name: str | None = None) -> Tensor:
    """The scaled exponential linear unit of self-normalizing networks (Klambauer et al., 2017).

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.selu(0.0))
        0.0
    """
    x = floating("selu", features)
    return SELU_SCALE * a.select(x < 0, SELU_ALPHA * expm1(a.minimum(x, 0)), x)


def gelu(features: Any, approximate: bool = False, name: str | None = None) -> Tensor:
    """x times the normal distribution function of x (Hendrycks and Gimpel, 2016), or its approximation by tanh.

    Example:
        >>> import tenfold as tf
        >>> round(float(tf.nn.gelu(1.0)), 4)
        0.8413
    """
    x = floating("gelu", features)
    if approximate:
        return 0.5 * x * (1 + tanh_(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))
    return 0.5 * x * (1 + erf(x * math.sqrt(0.5)))


def silu(features: Any, beta: Any = 1.0) -> Tensor:
    """x * sigmoid(beta * x), also known as swish.

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.silu(0.0))
        0.0
    """
    x = floating("silu", features)
    return x * e.sigmoid(x if isinstance(beta, (int, float)) and beta == 1 else beta * x)


swish = silu


def softplus(features: Any, name: str | None = None) -> Tensor:
    """log(1 + exp(x)).

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.softplus(100.0))
        100.0
    """
    result: Tensor = e.softplus(features)
    return result


def softsign(features: Any, name: str | None = None) -> Tensor:
    """x / (1 + |x|).

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.softsign(1.0))
        0.5
    """
    x = floating("softsign", features)
    return x / (1 + e.abs(x))


def sigmoid(x: Any, name: str | None = None) -> Tensor:
    """1 / (1 + exp(-x)).

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.sigmoid(0.0))
        0.5
    """
    result: Tensor = e.sigmoid(x)
    return result


def tanh(x: Any, name: str | None = None) -> Tensor:
    """The hyperbolic tangent.

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.tanh(0.0))
        0.0
    """
    result: Tensor = tanh_(x)
    return result


def _shifted(name: str, logits: Any, axis: Any) -> tuple[Any, Any]:
    """Logits minus their largest, so that no exponential overflows; and the axis."""
    x = floating(name, logits)
    if x.ndim == 0:
        raise InvalidArgumentError(f"[{name}] expected at least one dimension; received a scalar. Try tf.nn.sigmoid.")
    return x - e.stop_gradient(r.max(x, axis, True)), axis


@whole
def softmax(logits: Any, axis: Any = -1, name: str | None = None) -> Tensor:
    """exp(x) / sum(exp(x)) along `axis`.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.softmax([0.0, 0.0]).numpy()
        array([0.5, 0.5], dtype=float32)
    """
    shifted, axis = _shifted("softmax", logits, -1 if axis is None else axis)
    weights = exp(shifted)
    return weights / r.sum(weights, axis, True)


@whole
def log_softmax(logits: Any, axis: Any = -1, name: str | None = None) -> Tensor:
    """log(softmax(x)), accurate where softmax underflows.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.log_softmax([0.0, -500.0]).numpy()
        array([   0., -500.], dtype=float32)
    """
    shifted, axis = _shifted("log_softmax", logits, -1 if axis is None else axis)
    return shifted - a.log(r.sum(exp(shifted), axis, True))


def crelu(features: Any, axis: int = -1, name: str | None = None) -> Tensor:
    """relu of x and of -x, side by side along `axis` (Shang et al., 2016)."""
    x = floating("crelu", features)
    return e.relu(concat([x, -x], axis))
