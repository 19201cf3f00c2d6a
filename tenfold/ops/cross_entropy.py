"""Losses from logits, in forms that neither overflow nor lose the small differences."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.dtypes import int32
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.core.shapes import differ
from tenfold.ops.activation import floating, log_softmax
from tenfold.ops.reducing import reduce_mean
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import reduction as r
from tenfold.primitives.effects import check
from tenfold.primitives.gather import iota, scalar_size
from tenfold.primitives.movement import expand_dims, reshape
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.whole import whole


def _same_shape(name: str, labels: Tensor, logits: Tensor) -> None:
    if labels.ndim != logits.ndim or any(differ(m, n) for m, n in zip(labels.sizes, logits.sizes, strict=True)):
        raise ShapeError(f"[{name}] labels and logits must have one shape. Received labels {labels.shape} and logits {logits.shape}.")


def _log1p_exp_minus_abs(x: Any, negative: Any) -> Any:
    """log(1 + exp(-|x|)), whose gradient at 0 is the right one: that of x >= 0."""
    return e.log1p(e.exp(a.select(negative, x, -x)))


def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: str | None = None) -> Tensor:
    """The cross-entropy of probabilities sigmoid(x) with labels z from 0 to 1: max(x, 0) - x * z + log(1 + exp(-|x|)).

    Example:
        >>> import tenfold as tf
        >>> tf.nn.sigmoid_cross_entropy_with_logits(labels=[1.0, 0.0], logits=[500.0, 500.0]).numpy()
        array([  0., 500.], dtype=float32)
    """
    x: Any = floating("sigmoid_cross_entropy_with_logits", logits)
    z: Any = as_tensor(labels, hint=x.dtype)
    _same_shape("sigmoid_cross_entropy_with_logits", z, x)
    negative = x < 0
    return a.select(negative, 0, x) - x * z + _log1p_exp_minus_abs(x, negative)


def weighted_cross_entropy_with_logits(labels: Any = None, logits: Any = None, pos_weight: Any = None, name: str | None = None) -> Tensor:
    """As `sigmoid_cross_entropy_with_logits`, with the term of the positive labels multiplied by `pos_weight`.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.weighted_cross_entropy_with_logits([0.0], [500.0], 3.0).numpy()
        array([500.], dtype=float32)
    """
    x: Any = floating("weighted_cross_entropy_with_logits", logits)
    z: Any = as_tensor(labels, hint=x.dtype)
    _same_shape("weighted_cross_entropy_with_logits", z, x)
    weight = 1 + (as_tensor(pos_weight, hint=x.dtype) - 1) * z
    negative = x < 0
    return (1 - z) * x + weight * (_log1p_exp_minus_abs(x, negative) + a.select(negative, -x, 0))


@whole
def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: str | None = None) -> Tensor:
    """The cross-entropy of probabilities softmax(x) with probabilities `labels` along `axis`.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.softmax_cross_entropy_with_logits([[1.0, 0.0]], [[0.0, 500.0]]).numpy()
        array([500.], dtype=float32)
    """
    x: Any = floating("softmax_cross_entropy_with_logits", logits)
    z: Any = as_tensor(labels, hint=x.dtype)
    _same_shape("softmax_cross_entropy_with_logits", z, x)
    return -r.sum(z * log_softmax(x, axis), axis)


@whole
def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: str | None = None) -> Tensor:
    """The cross-entropy of probabilities softmax(x) with the class numbers `labels`.

    Example:
        >>> import tenfold as tf
        >>> tf.nn.sparse_softmax_cross_entropy_with_logits([0], [[0.0, 500.0]]).numpy()
        array([500.], dtype=float32)

    Raises:
        ValueError: a label is not in 0 <= label < number of classes. TypeError: the labels are not integers.
    """
    name = "sparse_softmax_cross_entropy_with_logits"
    x: Any = floating(name, logits)
    z: Any = as_tensor(labels, name=name)
    if not z.dtype.is_integer:
        raise DTypeError(f"[{name}] labels are class numbers. Expected integers; received {z.dtype.name}. Try tf.cast(labels, tf.int32).")
    if x.ndim == 0 or z.ndim != x.ndim - 1 or any(differ(m, n) for m, n in zip(z.sizes, x.sizes[:-1], strict=True)):
        raise ShapeError(f"[{name}] expected one label for each row of logits. Received labels {z.shape} and logits {x.shape}.")
    n = scalar_size(x.sizes[-1], z.dtype)
    message = f"[{name}] a label is out of range. Expected 0 <= label < {x.shape[-1]}."
    check(r.all(a.logical_and(a.less_equal(0, z), a.less(z, n))), message)
    shifted = x - e.stop_gradient(r.max(x, -1, True))
    hit = a.equal(expand_dims(z, -1), iota(x.sizes[-1], z.dtype))
    return a.log(r.sum(e.exp(shifted), -1)) - r.sum(a.select(hit, shifted, 0), -1)


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: str | None = None) -> Tensor:
    """exp(x) - x * z, the negative log-likelihood of counts z under a Poisson distribution of log rate x; with Stirling's approximation of
    log(z!) if `compute_full_loss`.

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.log_poisson_loss(2.0, 0.0))
        1.0
    """
    x: Any = floating("log_poisson_loss", log_input)
    z: Any = as_tensor(targets, hint=x.dtype)
    _same_shape("log_poisson_loss", z, x)
    loss = e.exp(x) - x * z
    if compute_full_loss:
        small = a.less_equal(z, 1)
        safe: Any = a.select(small, 1, z)
        loss = loss + a.select(small, 0, safe * a.log(safe) - safe + 0.5 * a.log(2 * math.pi * safe))
    return loss


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """Half the sum of squares.

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.l2_loss([3.0, 4.0]))
        12.5
    """
    x: Any = floating("l2_loss", t)
    return 0.5 * r.sum(x * x)


def compute_average_loss(per_example_loss: Any, sample_weight: Any = None, global_batch_size: Any = None) -> Tensor:
    """The sum of the losses divided by the global batch size.

    Example:
        >>> import tenfold as tf
        >>> float(tf.nn.compute_average_loss([1.0, 3.0], global_batch_size=4))
        1.0
    """
    loss: Any = floating("compute_average_loss", per_example_loss)
    if sample_weight is not None:
        weight = as_tensor(sample_weight, hint=loss.dtype)
        loss = loss * reshape(a.cast(weight, loss.dtype), (*weight.sizes, *(1,) * (loss.ndim - weight.ndim)))
    if global_batch_size is None:
        return reduce_mean(loss) if loss.ndim < 2 else r.sum(loss) / a.cast(scalar_size(loss.sizes[0], int32), loss.dtype)
    return r.sum(loss) / a.cast(as_tensor(global_batch_size), loss.dtype)


def scale_regularization_loss(regularization_loss: Any) -> Tensor:
    """The sum of the losses (divided by the number of replicas, which is one)."""
    return r.sum(floating("scale_regularization_loss", regularization_loss))
