"""Running sums, products and log-sum-exps along an axis."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import normalize_axis
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import host as h
from tenfold.primitives.movement import pad, slice_
from tenfold.primitives.movement import reverse as reverse_
from tenfold.tensor.tensor import Tensor, as_tensor


def scanned(x: Tensor, axis: int, combine: Any, start: float, exclusive: bool, reverse: bool) -> Tensor:
    """Running results of an associative function along `axis`, by doubling the stride (Hillis and Steele, 1986)."""
    at = normalize_axis("scan", axis, x.ndim)
    n = x.sizes[at]
    if not isinstance(n, int):
        raise InvalidArgumentError(f"[scan] the size of axis {axis} must be known while tracing. Received shape {x.shape}. Try tf.scan.")
    if reverse:
        x = reverse_(x, [at])
    step = 1
    while step < n:
        x = combine(_shifted(x, at, step, start), x)
        step *= 2
    if exclusive and n:
        x = _shifted(x, at, 1, start)
    return reverse_(x, [at]) if reverse else x


def _shifted(x: Tensor, axis: int, by: int, fill: float) -> Tensor:
    kept = slice_(x, [0] * x.ndim, [n - by if i == axis else n for i, n in enumerate(x.sizes)])
    return pad(kept, [by if i == axis else 0 for i in range(x.ndim)], [0] * x.ndim, value=fill)


def cumsum(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Running sums along `axis`; `exclusive`: of the elements before each; `reverse`: from the end.

    Example:
        >>> import tenfold as tf
        >>> tf.cumsum([1, 2, 3]).numpy(), tf.cumsum([1, 2, 3], exclusive=True).numpy()
        (array([1, 3, 6], dtype=int32), array([0, 1, 3], dtype=int32))
    """
    result: Tensor = h.cumsum(x, axis, exclusive, reverse)
    return result


def cumprod(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Running products along `axis`, with the options of `cumsum`.

    Example:
        >>> import tenfold as tf
        >>> tf.math.cumprod([1, 2, 3, 4]).numpy()
        array([ 1,  2,  6, 24], dtype=int32)
    """
    result: Tensor = h.cumprod(x, axis, exclusive, reverse)
    return result


def _logaddexp(x: Tensor, y: Tensor) -> Tensor:
    top = e.stop_gradient(a.maximum(x, y))
    top = a.select(e.is_finite(top), top, 0)
    return a.log(e.exp(x - top) + e.exp(y - top)) + top


def cumulative_logsumexp(x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Tensor:
    """Running log(sum(exp(x))) along `axis`."""
    return scanned(as_tensor(x), axis, _logaddexp, float("-inf"), exclusive, reverse)
