"""Mean and variance, and what is normalized with them, in `keras.ops`."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tenfold.core.dtypes import float32
from tenfold.core.shapes import normalize_axes, normalize_axis
from tenfold.keras.base.defaults import epsilon as default_epsilon
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import clipping, normalization, reducing
from tenfold.primitives.arithmetic import cast, maximum, minimum
from tenfold.primitives.elementwise import rsqrt
from tenfold.primitives.movement import expand_dims, reshape
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor


@operation("nn")
def moments(x: Array, axes: Any, keepdims: bool = False, synchronized: bool = False) -> tuple[Array, Array]:
    """Mean and variance along `axes`. Half precision is computed in float32, and kept within its range.

    Args:
        x: the data.
        axes: a list of axes.
        keepdims: whether reduced axes stay, with size 1.
        synchronized: whether all devices count together; here there is one.

    Example:
        >>> mean, variance = moments([1.0, 3.0], axes=[0])
        >>> float(mean), float(variance)
        (2.0, 1.0)
    """
    if x.dtype.size != 2:
        return normalization.moments(x, axes, keepdims=keepdims)
    limit = float(np.finfo(np.float16).max)
    found = normalization.moments(cast(x, float32), axes, keepdims=keepdims)
    mean, variance = (cast(minimum(maximum(m, -limit), limit), x.dtype) for m in found)
    return mean, variance


def _along_axis(v: Any, axis: int, x: Tensor, name: str) -> Any:
    """A vector in the shape in which it meets `axis` of `x`."""
    if v is None:
        return None
    at = normalize_axis("batch_normalization", axis, x.ndim)
    if v.ndim != 1 or (isinstance(v.sizes[0], int) and isinstance(x.sizes[at], int) and v.sizes[0] not in (1, x.sizes[at])):
        raise ValueError(f"`{name}` must be a vector of length {x.sizes[at]}, as axis {axis} of x.shape={x.shape} has. Received: {v.shape}")
    return reshape(v, [v.sizes[0] if i == at else 1 for i in range(x.ndim)])


@operation("nn", kind="BatchNorm")
def batch_normalization(x: Array, mean: Array, variance: Array, axis: int, offset: Array | None = None, scale: Array | None = None,
                        epsilon: float = 1e-3) -> Array:  # fmt: skip
    """scale * (x - mean) / sqrt(variance + epsilon) + offset, with one number of each vector for each place on `axis`.

    Example:
        >>> batch_normalization([[1.0, 3.0]], [2.0, 2.0], [1.0, 1.0], axis=-1, epsilon=0.0).numpy()
        array([[-1.,  1.]], dtype=float32)
    """
    vectors = {"mean": mean, "variance": variance, "offset": offset, "scale": scale}
    mean, variance, offset, scale = (_along_axis(v, axis, x, name) for name, v in vectors.items())
    return normalization.batch_normalization(x, mean, variance, offset, scale, epsilon)


def _wide(x: Tensor, *others: Any) -> list[Any]:
    """Half precision as float32; the others of the same type."""
    want = float32 if x.dtype.size == 2 else x.dtype
    return [None if t is None else cast(t, want) for t in (x, *others)]


@operation("nn", kind="LayerNorm")
def layer_normalization(x: Array, gamma: Array | None = None, beta: Array | None = None, axis: Any = -1, epsilon: float | None = None,
                        **kwargs: Any) -> Array:  # fmt: skip
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, with the mean and the variance along `axis` (Ba et al., 2016).

    Example:
        >>> layer_normalization([-1.0, 0.0, 1.0]).numpy().round(3)
        array([-1.225,  0.   ,  1.225], dtype=float32)
    """
    rms_scaling = kwargs.pop("rms_scaling", False)
    if kwargs:
        raise TypeError(f"[layer_normalization] unknown arguments {sorted(kwargs)}.")
    if rms_scaling:
        warnings.warn("You passed `rms_scaling=True`, which is deprecated: it divides by the standard deviation, not by the root mean square. "
                      "Try keras.ops.rms_normalization.", stacklevel=3)  # fmt: skip
    exact, gamma, beta = _wide(x, gamma, beta)
    axes = normalize_axes("layer_normalization", axis, x.ndim)
    shape = [n if i in axes else 1 for i, n in enumerate(x.sizes)]
    gamma, beta = (v if v is None or v.ndim == x.ndim else reshape(v, shape) for v in (gamma, beta))
    mean, variance = normalization.moments(exact, axes, keepdims=True)
    small = default_epsilon() if epsilon is None else epsilon
    if rms_scaling:
        return cast(exact * rsqrt(variance + small) * (1 if gamma is None else gamma), x.dtype)
    return cast(normalization.batch_normalization(exact, mean, variance, beta, gamma, small), x.dtype)


@operation("nn", kind="RMSNorm")
def rms_normalization(x: Array, scale: Array | None = None, axis: Any = -1, epsilon: float | None = None) -> Array:
    """x / sqrt(mean(x²) + epsilon) * scale, with the mean along `axis` (Zhang and Sennrich, 2019).

    Example:
        >>> rms_normalization([3.0, 4.0]).numpy().round(3)
        array([0.849, 1.131], dtype=float32)
    """
    exact, scale = _wide(x, scale)
    exact = expand_dims(exact, 0) if x.ndim == 0 else exact
    mean = reducing.reduce_mean(exact * exact, axis, True)
    y = exact * rsqrt(mean + (default_epsilon() if epsilon is None else epsilon))
    return cast(y if scale is None else y * scale, x.dtype)


@operation("nn")
def normalize(x: Array, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Array:
    """x / max(norm of x along `axis`, epsilon), with the norm of the given order.

    Example:
        >>> normalize([3.0, 4.0]).numpy()
        array([0.6, 0.8], dtype=float32)

    Raises:
        ValueError: `order` is no integer from 1 on.
    """
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    x = expand_dims(x, 0) if x.ndim == 0 else x
    small = default_epsilon() if epsilon is None else epsilon
    if order == 2:
        return x * rsqrt(maximum(sum_(x * x, axis, True), small * small))  # squared, so that zeros have a finite gradient
    return x / maximum(clipping.norm(x, order, axis, True), small)
