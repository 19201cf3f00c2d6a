"""Mathematics beyond NumPy's own functions, in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core.shapes import Sym, differ
from tenfold.ir.primitive import Spec
from tenfold.keras.base.promotion import floating
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import elementwise as e
from tenfold.ops import linalg, reducing, segments, signal, sorting
from tenfold.primitives import arithmetic as a
from tenfold.primitives.host import known_elements
from tenfold.primitives.movement import expand_dims, reshape, stack
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor


@operation("math")
def rsqrt(x: Array) -> Array:
    """1 / sqrt(x)."""
    return e.rsqrt(x)


@operation("math")
def erf(x: Array) -> Array:
    """The error function."""
    return e.erf(x)


@operation("math")
def erfc(x: Array) -> Array:
    """1 - erf(x), exact for large x too."""
    return e.erfc(x)


@operation("math")
def erfinv(x: Array) -> Array:
    """The inverse of the error function."""
    return e.erfinv(x)


@operation("math")
def logsumexp(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    """log(sum(exp(x))), without overflow.

    Example:
        >>> float(logsumexp([1000.0, 1000.0]) - 1000.0) < 0.7
        True
    """
    return reducing.reduce_logsumexp(x, axis=axis, keepdims=keepdims)


@operation("math")
def logdet(x: Array) -> Array:
    """log(determinant) of positive definite matrices."""
    return linalg.logdet(x)


def _segment_spec(data: Any, segment_ids: Any, num_segments: Any = None, sorted: bool = False) -> Spec:
    return Spec((Sym.fresh("segments") if num_segments is None else int(num_segments), *data.sizes[1:]), data.dtype)


def _segments(name: str, data: Tensor, ids: Tensor, num_segments: Any, sorted: bool) -> Any:
    """How many segments there are.

    Raises:
        ValueError: the segment numbers do not fit.
    """
    if ids.ndim != 1:
        raise ValueError(f"Argument `segment_ids` should be an 1-D vector, got shape: {ids.shape}. Consider either flatten input with segment_ids or "
                         "reshaping data.")  # fmt: skip
    if data.ndim == 0 or differ(data.sizes[0], ids.sizes[0]):
        raise ValueError("Argument `segment_ids` and `data` should have same leading dimension. "
                         f"Got {ids.shape} v.s. {data.shape}.")  # fmt: skip
    if num_segments is None:
        known = known_elements(name, ids, "Try giving num_segments.")
        return int(known.max()) + 1 if known.size else 0
    if sorted:
        raise ValueError("Argument `num_segments` cannot be set when sorted is True when using the tensorflow backend. "
                         f"Received: num_segments={num_segments}, sorted={sorted}.")  # fmt: skip
    return num_segments


def _reduced(
    name: str, ascending: Callable[..., Any], any_order: Callable[..., Any], data: Tensor, ids: Tensor, num_segments: Any, sorted: bool
) -> Any:
    count = _segments(name, data, ids, num_segments, sorted)
    return ascending(data, ids) if sorted else any_order(data, ids, count)


@operation("math", spec=_segment_spec)
def segment_sum(data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False) -> Array:
    """The sum of the rows of each segment.

    Args:
        data: rows.
        segment_ids: the segment number of each row; rows with -1 are left out.
        num_segments: how many segments there are; default: one more than the largest number. Functions being traced need it.
        sorted: whether the numbers ascend.

    Example:
        >>> segment_sum([1, 2, 4], [0, 1, 0]).numpy()
        array([5, 2], dtype=int32)
    """
    return _reduced("segment_sum", segments.segment_sum, segments.unsorted_segment_sum, data, segment_ids, num_segments, sorted)


@operation("math", spec=_segment_spec)
def segment_max(data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False) -> Array:
    """The largest element of each segment's rows; arguments as in `segment_sum`."""
    return _reduced("segment_max", segments.segment_max, segments.unsorted_segment_max, data, segment_ids, num_segments, sorted)


@operation("math", spec=_segment_spec)
def segment_min(data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False) -> Array:
    """The smallest element of each segment's rows; arguments as in `segment_sum`."""
    return _reduced("segment_min", segments.segment_min, segments.unsorted_segment_min, data, segment_ids, num_segments, sorted)


@operation("math", spec=_segment_spec)
def segment_prod(data: Array, segment_ids: Array, num_segments: int | None = None, sorted: bool = False) -> Array:
    """The product of each segment's rows; arguments as in `segment_sum`."""
    return _reduced("segment_prod", segments.segment_prod, segments.unsorted_segment_prod, data, segment_ids, num_segments, sorted)


@operation("math")
def top_k(x: Array, k: int, sorted: bool = True) -> tuple[Array, Array]:
    """The k largest elements of the last axis, in descending order (whatever `sorted` says), and where they are; of equal ones the first.

    Example:
        >>> values, places = top_k([1.0, 5.0, 3.0], 2)
        >>> values.numpy(), places.numpy()
        (array([5., 3.], dtype=float32), array([1, 2], dtype=int32))
    """
    return sorting.top_k(x, k)


@operation("math")
def in_top_k(targets: Array, predictions: Array, k: int) -> Array:
    """Whether each target class is among the k classes with the largest predictions; all at a tie count.

    Example:
        >>> in_top_k([2, 0], [[0.1, 0.2, 0.7], [0.1, 0.2, 0.7]], 1).numpy()
        array([ True, False])
    """
    classes = targets if targets.dtype.is_integer else a.cast(targets, "int32")
    found = sorting.in_top_k(reshape(classes, (-1,)), reshape(predictions, (-1, predictions.sizes[-1])), k)
    return reshape(found, targets.sizes)


@operation("math", kind="CDist", dtype=floating)
def cdist(x: Array, y: Array) -> Array:
    """The Euclidean distances of all rows of `x` [..., m, d] from all rows of `y` [..., n, d].

    Example:
        >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).numpy()
        array([[5., 1.]], dtype=float32)
    """
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError(f"Inputs to `cdist` must have rank >= 2. Received shapes: x.shape={x.shape}, y.shape={y.shape}")
    if differ(x.sizes[-1], y.sizes[-1]):
        raise ValueError(f"The last dimension of inputs to `cdist` must match. Received shapes: x.shape={x.shape}, y.shape={y.shape}")
    difference = expand_dims(x, -2) - expand_dims(y, -3)
    return e.sqrt(sum_(difference * difference, -1))


@operation("math")
def extract_sequences(x: Array, sequence_length: int, sequence_stride: int) -> Array:
    """Windows over the last axis, `sequence_stride` apart, as a new axis.

    Example:
        >>> extract_sequences([1, 2, 3, 4], 2, 1).numpy().tolist()
        [[1, 2], [2, 3], [3, 4]]
    """
    if x.ndim < 1:
        raise ValueError(f"Input should have rank >= 1. Received: input.shape = {x.shape}")
    return signal.frame(x, sequence_length, sequence_stride)


@operation("math")
def view_as_complex(x: Array) -> Array:
    """Pairs [..., 2] of real and imaginary parts as complex64 numbers.

    Example:
        >>> view_as_complex([[1.0, 2.0]]).numpy()
        array([1.+2.j], dtype=complex64)
    """
    if x.ndim < 1 or x.shape[-1] != 2:
        raise ValueError(f"Last dimension of input must be size 2 (real and imaginary). Received shape: {x.shape}")
    return e.complex(a.cast(x[..., 0], "float32"), a.cast(x[..., 1], "float32"))


@operation("math")
def view_as_real(x: Array) -> Array:
    """Complex numbers as pairs [..., 2] of their real and imaginary parts.

    Example:
        >>> view_as_real([1 + 2j]).numpy()
        array([[1., 2.]])
    """
    return stack([e.real(x), e.imag(x)], -1)
