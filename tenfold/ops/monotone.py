"""Whether a tensor's elements ascend."""

from __future__ import annotations

from typing import Any

from tenfold.primitives import arithmetic as a
from tenfold.primitives import reduction as r
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor, as_tensor


def _neighbours(x: Any) -> tuple[Any, Any]:
    flat: Any = reshape(as_tensor(x), (-1,))
    return flat[:-1], flat[1:]


def is_non_decreasing(x: Any, name: str | None = None) -> Tensor:
    """Whether no element is smaller than the one before it.

    Example:
        >>> import tenfold as tf
        >>> bool(tf.math.is_non_decreasing([1, 1, 2]))
        True
    """
    before, after = _neighbours(x)
    return r.all(a.less_equal(before, after))


def is_strictly_increasing(x: Any, name: str | None = None) -> Tensor:
    """Whether each element is larger than the one before it.

    Example:
        >>> import tenfold as tf
        >>> bool(tf.math.is_strictly_increasing([1, 1, 2]))
        False
    """
    before, after = _neighbours(x)
    return r.all(a.less(before, after))
