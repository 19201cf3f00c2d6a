"""Mean and variance, and what is normalized with them."""

from __future__ import annotations

from typing import Any

from tenfold.core.shapes import normalize_axes
from tenfold.ops.activation import floating
from tenfold.ops.reducing import reduce_mean, wide
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import reduction as r
from tenfold.primitives.movement import pad, reshape, slice_
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.whole import whole


@whole
def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Mean and variance along `axes`; half precision is computed in float32.

    Example:
        >>> import tenfold as tf
        >>> [float(t) for t in tf.nn.moments([1.0, 3.0], axes=[0])]
        [2.0, 1.0]
    """
    x = floating("moments", x)
    exact: Any = wide(x)
    mean: Any = reduce_mean(exact, axes, True)
    distance = exact - e.stop_gradient(mean)
    variance = reduce_mean(distance * distance, axes, keepdims)
    if not keepdims:
        dropped = normalize_axes("moments", axes, x.ndim)
        mean = reshape(mean, [n for i, n in enumerate(x.sizes) if i not in dropped])
    return a.cast(mean, x.dtype), a.cast(variance, x.dtype)


def weighted_moments(x: Any, axes: Any, frequency_weights: Any, keepdims: bool = False, name: str | None = None) -> tuple[Tensor, Tensor]:
    """Mean and variance along `axes`, each element counted with its weight."""
    x = floating("weighted_moments", x)
    exact: Any = wide(x)
    weights = a.cast(as_tensor(frequency_weights), exact.dtype) + a.zeros_like(exact)
    total = r.sum(weights, axes, True)
    mean = r.sum(weights * exact, axes, True) / total
    variance = r.sum(weights * (exact - mean) * (exact - mean), axes, True) / total
    if not keepdims:
        kept = [n for i, n in enumerate(x.sizes) if i not in normalize_axes("weighted_moments", axes, x.ndim)]
        mean, variance = reshape(mean, kept), reshape(variance, kept)
    return a.cast(mean, x.dtype), a.cast(variance, x.dtype)


@whole
def batch_normalization(x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: Any, name: str | None = None) -> Tensor:
    """scale * (x - mean) / sqrt(variance + epsilon) + offset; `scale` and `offset` may be None.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.batch_normalization([1.0, 3.0], 2.0, 1.0, None, 2.0, 0.0).numpy()
        array([-2.,  2.], dtype=float32)
    """
    x = floating("batch_normalization", x)
    factor: Any = e.rsqrt(as_tensor(variance, hint=x.dtype) + variance_epsilon)
    if scale is not None:
        factor = factor * scale
    shift = -as_tensor(mean, hint=x.dtype) * factor
    if offset is not None:
        shift = shift + offset
    return x * a.cast(factor, x.dtype) + a.cast(shift, x.dtype)


@whole
def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None) -> Tensor:
    """x / sqrt(max(sum(x * x), epsilon)) along `axis` (None: all axes).

    Example:
        >>> import tenfold as tf
        >>> tf.math.l2_normalize([3.0, 4.0]).numpy()
        array([0.6, 0.8], dtype=float32)
    """
    x = floating("l2_normalize", x)
    if x.dtype.is_complex:
        squares = r.sum(a.real(a.conj(x) * x), axis, True)
        return x * a.cast(e.rsqrt(a.maximum(squares, epsilon)), x.dtype)
    return x * e.rsqrt(a.maximum(r.sum(x * x, axis, True), epsilon))


def local_response_normalization(input: Any, depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0, beta: float = 0.5,
                                 name: str | None = None) -> Tensor:  # fmt: skip
    """x / (bias + alpha * sum of x * x over the neighbouring channels) ** beta (Krizhevsky et al., 2012)."""
    x = floating("local_response_normalization", input)
    squares = x * x
    n = x.sizes[-1]
    total = sum_of_neighbours(squares, int(depth_radius), n)
    return x / a.pow(bias + alpha * total, beta)


def sum_of_neighbours(x: Any, radius: int, n: Any) -> Any:
    """For each channel the sum over the channels at most `radius` away."""
    lead = [0] * (x.ndim - 1)
    padded = pad(x, [*lead, radius], [*lead, radius])
    total: Any = 0
    for i in range(2 * radius + 1):
        total = slice_(padded, [*lead, i], (*x.sizes[:-1], n)) + total
    return total
