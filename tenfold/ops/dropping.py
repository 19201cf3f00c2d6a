"""Dropout and biases."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ
from tenfold.ops.activation import floating
from tenfold.ops.random import next_seed
from tenfold.primitives import arithmetic as a
from tenfold.primitives.define import tensors
from tenfold.primitives.gather import as_sizes
from tenfold.primitives.movement import reshape
from tenfold.primitives.random import as_seed, bernoulli
from tenfold.tensor.tensor import Tensor, as_tensor


def dropped(x: Any, rate: Any, noise_shape: Any, seed: Tensor) -> Tensor:
    """`x` with a random share `rate` of its elements set to 0 and the others divided by 1 - rate."""
    shape = x.sizes if noise_shape is None else tuple(n if given is None else given for n, given in zip(x.sizes, noise_shape, strict=True))
    kept = bernoulli(seed, as_sizes(list(shape)), 1.0 - rate)
    return a.select(kept, x / (1.0 - rate), 0)


def _checked(x: Any, rate: Any) -> tuple[Tensor, Any]:
    x = floating("dropout", x)
    if isinstance(rate, (int, float)) and not 0 <= rate < 1:
        raise InvalidArgumentError(f"[dropout] expected 0 <= rate < 1; received {rate}.")
    if not isinstance(rate, (int, float)):
        rate = as_tensor(rate)
        if rate.ndim:
            raise ShapeError(f"[dropout] expected a scalar rate; received shape {rate.shape}.")
        rate = a.cast(rate, x.dtype)
    return x, rate


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: str | None = None) -> Tensor:
    """Sets a random share `rate` of the elements to 0 and divides the others by 1 - rate (Srivastava et al., 2014).

    Args:
        x: floating-point elements.
        rate: 0 <= rate < 1.
        noise_shape: the shape of the random decisions, which broadcast to `x`; None sizes are those of `x`.
        seed: an integer for numbers of one's own.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.dropout([1.0, 2.0], rate=0.0).numpy()
        array([1., 2.], dtype=float32)
    """
    t, rate = _checked(x, rate)
    return t if isinstance(rate, (int, float)) and rate == 0 else dropped(t, rate, noise_shape, next_seed(seed))


def stateless_dropout(x: Any, rate: Any, seed: Any, rng_alg: Any = None, noise_shape: Any = None, name: str | None = None) -> Tensor:
    """As `dropout`, with decisions that follow from `seed`, two integers."""
    t, rate = _checked(x, rate)
    return t if isinstance(rate, (int, float)) and rate == 0 else dropped(t, rate, noise_shape, as_seed(seed))


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """`value` with one bias per channel added.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.bias_add([[1.0, 2.0]], [10.0, 20.0]).numpy()
        array([[11., 22.]], dtype=float32)
    """
    x, b = tensors("bias_add", (value, bias))
    if data_format is not None and not data_format.startswith("N"):
        raise InvalidArgumentError(f"[bias_add] expected data_format 'N...C' or 'NC...'; received {data_format!r}.")
    first = bool(data_format) and str(data_format).startswith("NC") and x.ndim > 2
    if b.ndim != 1 or x.ndim < 2:
        raise ShapeError(f"[bias_add] expected data of rank 2 or more and a vector of biases; received {x.shape} and {b.shape}.")
    if differ(x.sizes[1 if first else -1], b.sizes[0]):
        raise ShapeError(f"[bias_add] expected one bias per channel; received data {x.shape} and {b.shape} biases.")
    return a.add(x, reshape(b, (-1, *(1,) * (x.ndim - 2))) if first else b)
