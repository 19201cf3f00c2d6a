"""Order: sort, argsort, searchsorted, top_k."""

from __future__ import annotations

from typing import Any, NamedTuple

from tenfold.core.dtypes import as_dtype, bool_, int32
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ
from tenfold.ops.shaping import integers
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import host as h
from tenfold.primitives import reduction as r
from tenfold.primitives import sorting as s
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import expand_dims
from tenfold.tensor.tensor import Tensor, as_tensor


class TopK(NamedTuple):
    """What `top_k` returns."""

    values: Tensor
    indices: Tensor


def _descending(name: str, direction: str) -> bool:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise InvalidArgumentError(f"[{name}] expected direction 'ASCENDING' or 'DESCENDING'; received {direction!r}.")
    return direction == "DESCENDING"


def sort(values: Any, axis: int = -1, direction: str = "ASCENDING", name: str | None = None) -> Tensor:
    """The elements along `axis` in order.

    Example:
        >>> import tenfold as tf
        >>> tf.sort([3, 1, 2], direction="DESCENDING").numpy()
        array([3, 2, 1], dtype=int32)
    """
    result: Tensor = s.sort(values, axis, _descending("sort", direction))
    return result


def argsort(values: Any, axis: int = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = None) -> Tensor:
    """The positions that bring the elements along `axis` into order; equal elements keep their order.

    Example:
        >>> import tenfold as tf
        >>> tf.argsort([3, 1, 2]).numpy()
        array([1, 2, 0], dtype=int32)
    """
    result: Tensor = s.argsort(values, axis, _descending("argsort", direction))
    return result


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = int32, name: str | None = None) -> Tensor:
    """Where each of `values` belongs in the ascending `sorted_sequence`, row by row.

    Example:
        >>> import tenfold as tf
        >>> tf.searchsorted([1, 3, 5], [0, 3, 9]).numpy()
        array([0, 1, 3], dtype=int32)
    """
    result: Tensor = h.searchsorted(sorted_sequence, values, side, out_type)
    return result


def top_k(input: Any, k: Any = 1, sorted: bool = True, index_type: Any = int32, name: str | None = None) -> TopK:
    """The k largest elements of the last dimension, in descending order, and where they are; of equal ones the first.

    Example:
        >>> import tenfold as tf
        >>> values, indices = tf.math.top_k([1, 5, 3], k=2)
        >>> values.numpy().tolist(), indices.numpy().tolist()
        ([5, 3], [1, 2])
    """
    values, indices = s.top_k(input, integers("top_k", k)[0])
    return TopK(values, a.cast(indices, as_dtype(index_type)))


def in_top_k(targets: Any, predictions: Any, k: Any, name: str | None = None) -> Tensor:
    """Whether the target class of each row is among the k classes with the largest predictions; all at a tie count.

    Example:
        >>> import tenfold as tf
        >>> tf.math.in_top_k([0, 1], [[0.1, 0.9], [0.2, 0.8]], k=1).numpy()
        array([False,  True])
    """
    classes, x = as_tensor(targets), as_tensor(predictions)
    if not classes.dtype.is_integer or classes.dtype is bool_:
        raise DTypeError(f"[in_top_k] expected integer targets; received {classes.dtype.name}.")
    if x.ndim != 2 or classes.ndim != 1 or differ(x.sizes[0], classes.sizes[0]):
        raise ShapeError(f"[in_top_k] expected targets [batch] and predictions [batch, classes]; received {classes.shape} and {x.shape}.")
    mine = gather(x, expand_dims(classes, 1), 1, 1)
    larger = r.sum(a.cast(a.less(mine, x), int32), 1)
    sane = a.logical_and(r.all(e.is_finite(mine), 1), a.less(larger, integers("in_top_k", k)[0]))
    return sane
