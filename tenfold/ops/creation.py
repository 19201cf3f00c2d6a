"""Tensors from nothing, from Python and from NumPy: constant, zeros, range, one_hot and their like."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype, bool_, float32, int32, int64
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, TensorShape, broadcast, normalize_axis, show
from tenfold.primitives import arithmetic as a
from tenfold.primitives.gather import as_sizes, iota, scalar_size, sizes
from tenfold.primitives.movement import broadcast_to, expand_dims, reshape
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.tensor.variable import Variable


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor with the elements of `value`.

    Args:
        value: a number, list, array or tensor.
        dtype: the element type; default: float32 for Python floats, int32 for ints.
        shape: the shape to bring the elements into; a single one fills it.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf
        >>> tf.constant([1, 2, 3, 4], shape=(2, 2)).numpy()
        array([[1, 2],
               [3, 4]], dtype=int32)
    """
    tensor = as_tensor(value, dtype, name="constant")
    if shape is None:
        return tensor
    wanted = as_sizes(shape)
    if tensor.sizes == wanted:
        return tensor
    count = math.prod(wanted)
    if math.prod(tensor.sizes) == 1:
        return broadcast_to(reshape(tensor, ()), wanted)
    if math.prod(tensor.sizes) != count:
        raise ShapeError(f"[constant] expected {count} elements for shape {TensorShape(wanted)}; received a value of shape {tensor.shape}.")
    return reshape(tensor, wanted)


def convert_to_tensor(value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None) -> Tensor:
    """`value` as a tensor: of `dtype` if given, else of `dtype_hint` if that loses nothing.

    Example:
        >>> import tenfold as tf
        >>> tf.convert_to_tensor([1.5, 2]).dtype
        tf.float32

    Raises:
        TypeError: `value` has another element type than `dtype`.
        ValueError: there is no tensor for `value`.
    """
    return as_tensor(value, dtype, None if dtype_hint is None else as_dtype(dtype_hint))


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor or a variable.

    Example:
        >>> import tenfold as tf
        >>> tf.is_tensor(tf.zeros(2)), tf.is_tensor([0.0, 0.0])
        (True, False)
    """
    return isinstance(x, (Tensor, Variable))


def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor:
    """`x` converted to `dtype`: floats to integers toward zero.

    Example:
        >>> import tenfold as tf
        >>> tf.cast([1.8, -1.8], tf.int32).numpy()
        array([ 1, -1], dtype=int32)
    """
    result: Tensor = a.cast(x, dtype)
    return result


def bitcast(input: Any, type: Any, name: str | None = None) -> Tensor:
    """The bits of `input` read as another type of the same size.

    Example:
        >>> import tenfold as tf
        >>> int(tf.bitcast(1.0, tf.int32))
        1065353216
    """
    result: Tensor = a.bitcast(input, type)
    return result


def identity(input: Any, name: str | None = None) -> Tensor:
    """The same tensor; the current value of a variable."""
    return as_tensor(input)


def full(shape: Any, value: Any, dtype: DType) -> Tensor:
    """A tensor of `shape` with one value everywhere."""
    wanted = as_sizes(shape)
    if any(isinstance(n, int) and n < 0 for n in wanted):
        raise ShapeError(f"[fill] sizes must not be negative. Received shape {show(wanted)}.")
    if state.trace is None and not any(isinstance(n, Sym) for n in wanted):
        return wrap(np.full(wanted, value, dtype.numpy))
    return broadcast_to(wrap(np.asarray(value, dtype.numpy)), wanted)


def zeros(shape: Any, dtype: Any = float32, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of zeros.

    Example:
        >>> import tenfold as tf
        >>> tf.zeros([2, 2]).numpy()
        array([[0., 0.],
               [0., 0.]], dtype=float32)
    """
    return full(shape, as_dtype(dtype).zero, as_dtype(dtype))


def ones(shape: Any, dtype: Any = float32, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of ones.

    Example:
        >>> import tenfold as tf
        >>> tf.ones([3], tf.int32).numpy()
        array([1, 1, 1], dtype=int32)
    """
    return full(shape, 1, as_dtype(dtype))


def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of shape `dims` with `value` everywhere.

    Example:
        >>> import tenfold as tf
        >>> tf.fill([2], 7).numpy()
        array([7, 7], dtype=int32)
    """
    x = as_tensor(value)
    if x.ndim:
        raise ShapeError(f"[fill] expected a scalar value; received shape {x.shape}.")
    return broadcast_to(x, as_sizes(dims))


def zeros_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None, optimize: bool = True) -> Tensor:
    """Zeros in the shape (and, unless given, the type) of `input`.

    Example:
        >>> import tenfold as tf
        >>> tf.zeros_like([1, 2]).numpy()
        array([0, 0], dtype=int32)
    """
    if hasattr(input, "with_values"):
        return input.with_values(zeros_like(input.values, dtype))
    x = as_tensor(input)
    wanted = x.dtype if dtype is None else as_dtype(dtype)
    return full(x.sizes, wanted.zero, wanted)


def ones_like(input: Any, dtype: Any = None, name: str | None = None, layout: Any = None, optimize: bool = True) -> Tensor:
    """Ones in the shape (and, unless given, the type) of `input`.

    Example:
        >>> import tenfold as tf
        >>> tf.ones_like([1.5, 2.0]).numpy()
        array([1., 1.], dtype=float32)
    """
    if hasattr(input, "with_values"):  # rows of different lengths, or a sparse tensor: the same places
        return input.with_values(ones_like(input.values, dtype))
    x = as_tensor(input)
    return full(x.sizes, 1, x.dtype if dtype is None else as_dtype(dtype))


def eye(num_rows: Any, num_columns: Any = None, batch_shape: Any = None, dtype: Any = float32, name: str | None = None) -> Tensor:
    """The identity matrix, or a batch of them.

    Example:
        >>> import tenfold as tf
        >>> tf.eye(2).numpy()
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """
    (rows,) = as_sizes([num_rows])
    (columns,) = as_sizes([num_rows if num_columns is None else num_columns])
    diagonal = a.cast(a.equal(expand_dims(iota(rows), 1), iota(columns)), dtype)
    return diagonal if batch_shape is None else broadcast_to(diagonal, (*as_sizes(batch_shape), rows, columns))


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None) -> Tensor:
    """Numbers from `start` up to `limit` (not included), `delta` apart. With one argument: from 0 up to it.

    Example:
        >>> import tenfold as tf
        >>> tf.range(5).numpy(), tf.range(3.0, 1.0, -0.5).numpy()
        (array([0, 1, 2, 3, 4], dtype=int32), array([3. , 2.5, 2. , 1.5], dtype=float32))

    Raises:
        ValueError: `delta` is 0 or leads away from `limit`.
    """
    if limit is None:
        start, limit = 0, start
    given = [as_tensor(v, name="range") for v in (start, limit, delta)]
    want = as_dtype(dtype) if dtype is not None else _widest([t.dtype for t in given])
    known = [t._array if t._array is not None else t._known for t in given]
    if any(k is None for k in known):
        raise InvalidArgumentError(
            "[range] the limits must be known while the function is traced, because they decide the result's shape. "
            "Try computing them from shapes (tf.shape), or pass them as Python numbers."
        )
    bounds: list[Any] = [np.asarray(k).reshape(())[()] for k in known]
    first, last, step = bounds
    if any(isinstance(n, Sym) for n in bounds):
        return _symbolic_range(first, last, step, want)
    if step == 0:
        raise InvalidArgumentError("[range] delta must not be 0.")
    if (last - first) * (1 if step > 0 else -1) < 0:
        raise InvalidArgumentError(f"[range] delta leads away from the limit. Received start={first}, limit={last}, delta={step}.")
    if want.is_integer:
        count = -(-(int(last) - int(first)) // int(step))
        return wrap((np.arange(count, dtype=np.int64) * int(step) + int(first)).astype(want.numpy))
    typed = np.float32 if want.size == 2 else want.numpy.type
    count = max(0, math.ceil((typed(last) - typed(first)) / typed(step)))  # in this type, as in TensorFlow: 1.1 - 0.1 is ten times 0.1
    return wrap((np.arange(count).astype(typed) * typed(step) + typed(first)).astype(want.numpy))


def _widest(dtypes: list[DType]) -> DType:
    order = ["int32", "int64", "float16", "bfloat16", "float32", "float64"]
    unknown = [d for d in dtypes if d.name not in order and not d.is_integer]
    if unknown:
        raise DTypeError(f"[range] expected numbers; received {unknown[0].name}.")
    return max(dtypes, key=lambda d: order.index(d.name) if d.name in order else 0)


def _symbolic_range(first: Any, last: Any, step: Any, dtype: DType) -> Tensor:
    if isinstance(step, Sym):
        raise InvalidArgumentError("[range] delta must be known while the function is traced.")
    count = (last - first + int(step) - 1) // int(step) if step > 0 else (first - last - int(step) - 1) // -int(step)
    steps: Any = iota(count)
    return a.cast(steps * int(step) + scalar_size(first, int32), dtype)


def sizes_tensor(shape: Sequence[Any], dtype: DType = int32) -> Tensor:
    """Sizes, of which some may be unknown while tracing, as a tensor."""
    if not any(isinstance(n, Sym) for n in shape):
        return wrap(np.array(shape, dtype.numpy).reshape(len(shape)))
    return sizes(shape, dtype)


def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: int = 0) -> Tensor:
    """`num` numbers from `start` to `stop` (both included), equally far apart along a new `axis`.

    Example:
        >>> import tenfold as tf
        >>> tf.linspace(0.0, 1.0, 5).numpy()
        array([0.  , 0.25, 0.5 , 0.75, 1.  ], dtype=float32)
    """
    first = as_tensor(start, name="linspace")
    last = as_tensor(stop, hint=first.dtype, name="linspace")
    if first.dtype.is_integer:
        first, last = a.cast(first, "float64"), a.cast(last, "float64")
    shape = broadcast("linspace", first.sizes, last.sizes)
    first, last = expand_dims(broadcast_to(first, shape), axis), expand_dims(broadcast_to(last, shape), axis)
    (count,) = as_sizes([num])
    if isinstance(count, int) and count < 1:
        raise InvalidArgumentError(f"[linspace] num must be positive; received {count}.")
    if count == 1:
        return first
    at = normalize_axis("linspace", axis, first.ndim)
    shape = tuple(count if i == at else 1 for i in builtins.range(first.ndim))
    index = reshape(iota(count), shape)
    fraction = a.cast(index, first.dtype) / a.cast(scalar_size(count - 1, int64), first.dtype)
    return a.select(a.equal(index, scalar_size(count - 1, int32)), last, first + (last - first) * fraction)


def one_hot(indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: int | None = None, dtype: Any = None,
            name: str | None = None) -> Tensor:  # fmt: skip
    """For each index a row of `depth` numbers with `on_value` (1) at the index and `off_value` (0) elsewhere.

    An index outside 0 to depth - 1 gives a row without an `on_value`. Whole numbers in a NumPy array of floats are indices too.

    Example:
        >>> import tenfold as tf
        >>> tf.one_hot([2, 0], 3).numpy()
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)

    Raises:
        TypeError: the indices are not integers, or the values have different types.
    """
    if isinstance(indices, np.ndarray) and indices.dtype.kind == "f" and np.all(indices == np.trunc(indices)):
        indices = indices.astype(np.int64)
    indices = as_tensor(indices, name="one_hot")
    if not indices.dtype.is_integer:
        raise DTypeError(f"[one_hot] expected integer indices; received {indices.dtype.name}. Try tf.cast(indices, tf.int32).")
    if isinstance(depth, int) and depth < 0:
        raise InvalidArgumentError(f"[one_hot] depth is the number of classes and must not be negative; received {depth}.")
    given = [as_tensor(v, dtype) for v in (on_value, off_value) if v is not None]
    want = as_dtype(dtype) if dtype is not None else given[0].dtype if given else float32
    if any(v.dtype is not want for v in given):
        found = " and ".join(v.dtype.name for v in given)
        raise DTypeError(f"[one_hot] on_value, off_value and dtype disagree. Expected {want.name}; received {found}.")
    at = indices.ndim if axis in (None, -1) else normalize_axis("one_hot", axis, indices.ndim + 1)
    (count,) = as_sizes([depth])
    shape = tuple(count if i == at else 1 for i in builtins.range(indices.ndim + 1))
    hit = a.equal(expand_dims(indices, at), reshape(iota(count, indices.dtype), shape))
    if on_value is None and off_value is None:
        return a.cast(hit, want)
    on = as_tensor(True if want is bool_ else 1, want) if on_value is None else as_tensor(on_value, want)
    off = as_tensor(False if want is bool_ else 0, want) if off_value is None else as_tensor(off_value, want)
    return a.select(hit, on, off)


def meshgrid(*args: Any, indexing: str = "xy", name: str | None = None) -> list[Tensor]:
    """Coordinate grids from coordinate vectors.

    Example:
        >>> import tenfold as tf
        >>> x, y = tf.meshgrid([1, 2, 3], [4, 5])
        >>> x.numpy().tolist(), y.numpy().tolist()
        ([[1, 2, 3], [1, 2, 3]], [[4, 4, 4], [5, 5, 5]])
    """
    if indexing not in ("xy", "ij"):
        raise InvalidArgumentError(f"[meshgrid] indexing must be 'xy' or 'ij'; received {indexing!r}.")
    vectors = [reshape(as_tensor(v), (-1,)) for v in args]
    places = list(builtins.range(len(vectors)))
    if indexing == "xy" and len(places) > 1:
        places[0], places[1] = 1, 0
    shape = [vectors[places.index(i)].sizes[0] for i in builtins.range(len(vectors))]
    grids = []
    for v, place in zip(vectors, places, strict=True):
        slot = [v.sizes[0] if i == place else 1 for i in builtins.range(len(vectors))]
        grids.append(broadcast_to(reshape(v, slot), shape))
    return grids
