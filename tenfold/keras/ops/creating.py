"""Tensors from a shape or a few numbers, in `keras.ops`."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.dtypes import as_dtype, int32
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.dtypes import standardize_dtype
from tenfold.keras.base.promotion import floating, result_type
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import bitwise, creation, shaping
from tenfold.ops import elementwise as e
from tenfold.ops.reducing import reduce_sum
from tenfold.primitives import arithmetic as a
from tenfold.primitives.gather import iota, scalar_size


def zeros(shape: Any, dtype: Any = None) -> Array:
    """Zeros."""
    return creation.zeros(shape, standardize_dtype(dtype))


def ones(shape: Any, dtype: Any = None) -> Array:
    """Ones."""
    return creation.ones(shape, standardize_dtype(dtype))


def empty(shape: Any, dtype: Any = None) -> Array:
    """A tensor of which only the shape counts; it holds zeros."""
    return creation.zeros(shape, standardize_dtype(dtype))


@operation(option=True, of="fill_value")
def full(shape: Any, fill_value: Array, dtype: Any = None) -> Array:
    """`fill_value` everywhere."""
    return shaping.broadcast_to(creation.cast(fill_value, standardize_dtype(dtype)), shape)


@operation()
def zeros_like(x: Array, dtype: Any = None) -> Array:
    """Zeros in the shape of `x`."""
    return creation.zeros_like(x, dtype=_kept(x, dtype))


@operation()
def ones_like(x: Array, dtype: Any = None) -> Array:
    """Ones in the shape of `x`."""
    return creation.ones_like(x, dtype=_kept(x, dtype))


@operation()
def empty_like(x: Array, dtype: Any = None) -> Array:
    """A tensor in the shape of `x`; it holds zeros."""
    return creation.zeros_like(x, dtype=_kept(x, dtype))


@operation(option=True, of="fill_value")
def full_like(x: Array, fill_value: Array, dtype: Any = None) -> Array:
    """`fill_value` in the shape of `x`."""
    return shaping.broadcast_to(creation.cast(fill_value, _kept(x, dtype)), x.sizes)


def _kept(x: Array, dtype: Any) -> str:
    return x.dtype.name if dtype is None else standardize_dtype(dtype)


@operation(option=True)
def array(x: Array, dtype: Any = None) -> Array:
    """`x` as a tensor."""
    return creation.cast(x, _kept(x, dtype))


@operation()
def copy(x: Array) -> Array:
    """The same elements."""
    return creation.identity(x)


@operation()
def view(x: Array, dtype: Any = None) -> Array:
    """The same bytes read as another type; its size changes the last axis.

    Raises:
        ValueError: the last axis has not enough bytes, or some are left.
    """
    want = as_dtype(_kept(x, dtype))
    old, new = x.dtype.size, want.size
    last = x.sizes[-1] if x.ndim else None
    if (last is None and old != new) or (isinstance(last, int) and last * old % new):
        raise InvalidArgumentError(
            f"Cannot view array of shape {x.shape} and dtype {x.dtype.name} as dtype {want.name} because the total number of bytes is not "
            "divisible by the new itemsize."
        )
    bits = x if old == new else _cut(x, old, new) if old > new else _joined(x, old, new)
    return creation.bitcast(bits, want)


def _cut(x: Array, old: int, new: int) -> Array:
    """Integers of `old` bytes as several of `new` bytes, the lowest bits first."""
    bits = shaping.expand_dims(creation.bitcast(x, f"uint{8 * old}"), -1)
    parts = bitwise.right_shift(bits, creation.cast(creation.range(old // new) * (8 * new), bits.dtype))
    return shaping.reshape(creation.cast(parts, f"uint{8 * new}"), [*x.sizes[:-1], x.sizes[-1] * (old // new)])


def _joined(x: Array, old: int, new: int) -> Array:
    """Neighbours of `old` bytes as one integer of `new` bytes, the lowest bits first."""
    ratio = new // old
    bits = creation.cast(creation.bitcast(x, f"uint{8 * old}"), f"uint{8 * new}")
    parts = shaping.reshape(bits, [*x.sizes[:-1], x.sizes[-1] // ratio, ratio])
    return reduce_sum(bitwise.left_shift(parts, creation.cast(creation.range(ratio) * (8 * old), parts.dtype)), axis=-1)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Array:
    """Numbers in equal steps, from `start` (0 if it is the only number) up to but without `stop`."""
    if dtype is None:
        dtype = result_type(*(getattr(n, "dtype", type(n)) for n in (start, stop, step) if n is not None))
    return creation.range(start, stop, 1 if step is None else step, standardize_dtype(dtype))


@operation(dtype=floating, option=True)
def linspace(start: Array, stop: Array, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: int = 0) -> Any:
    """`num` numbers in equal steps from `start` to `stop`, along a new axis.

    Args:
        start: the first number.
        stop: the last one.
        num: how many.
        endpoint: whether `stop` itself is the last number, or the one that would come next.
        retstep: whether to return the step, too.
        dtype: the type of the result; integers are rounded down.
        axis: where the new axis is.
    """
    num = int(num)
    if num < 0:
        raise InvalidArgumentError(f"`num` must be a non-negative integer. Received: num={num}")
    kept = floating(start.dtype, stop.dtype) if dtype is None else standardize_dtype(dtype)
    first, last = (creation.cast(x, floating(kept)) for x in (start, stop))
    intervals = num - 1 if endpoint else num
    step = (last - first) / intervals if intervals > 0 else first * math.nan
    wide = first + (last - first) * 0
    if num == 0:
        found = shaping.expand_dims(wide, axis)[(*[slice(None)] * (axis % (wide.ndim + 1)), slice(0, 0))]
    else:
        found = creation.linspace(wide, last if endpoint else last - step, num, axis=axis)
    found = creation.cast(e.floor(found) if "int" in kept else found, kept)
    return (found, step) if retstep else found


@operation(dtype=floating, option=True)
def logspace(start: Array, stop: Array, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0) -> Array:
    """`num` numbers from base**start to base**stop, whose logarithms have equal steps."""
    exponents = linspace(start, stop, num, endpoint, dtype=floating(start.dtype, stop.dtype), axis=axis)
    found = e.pow(creation.cast(base, exponents.dtype), exponents)
    return found if dtype is None else creation.cast(found, standardize_dtype(dtype))


@operation(dtype=floating, option=True)
def geomspace(start: Array, stop: Array, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Array:
    """`num` numbers from `start` to `stop`, each the same multiple of the one before."""
    first, last = (creation.cast(x, floating(start.dtype, stop.dtype)) for x in (start, stop))
    exponents = linspace(e.log(e.abs(first)), e.log(e.abs(last)), num, endpoint, axis=axis)
    found = e.exp(exponents) * e.sign(shaping.expand_dims(first + last * 0, axis))
    return found if dtype is None else creation.cast(found, standardize_dtype(dtype))


@operation()
def meshgrid(*x: Array, indexing: str = "xy") -> list[Array]:
    """The coordinates of all points of a grid, from those along its axes.

    Raises:
        ValueError: `indexing` is neither "xy" nor "ij".
    """
    if indexing not in ("xy", "ij"):
        raise InvalidArgumentError(f"Valid values for `indexing` are 'xy' and 'ij', but received {indexing}.")
    return list(creation.meshgrid(*x, indexing=indexing))


@operation()
def vander(x: Array, N: int | None = None, increasing: bool = False) -> Array:
    """The powers of each number, as rows: highest first, or last."""
    count = x.sizes[0] if N is None else N
    powers = iota(count) if increasing else scalar_size(count - 1, int32) - iota(count)
    wide = result_type(x.dtype, "float32")
    return creation.cast(e.pow(creation.cast(shaping.expand_dims(x, -1), wide), creation.cast(powers, wide)), x.dtype)


def identity(n: int, dtype: Any = None) -> Array:
    """The identity matrix of n rows."""
    return eye(n, dtype=dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Ones on the k-th diagonal of a matrix of N rows and M columns.

    Raises:
        TypeError: N or M is no integer.
    """
    for size in (N, M):
        if size is not None and not getattr(size, "dtype", as_dtype(type(size))).is_integer:
            raise TypeError(f"Arguments `N` and `M` must be integers. Received: N={N} and M={M}")
    rows, columns = creation.range(N), creation.range(N if M is None else M)
    return creation.cast(a.equal(shaping.expand_dims(rows, 1) + k, columns), standardize_dtype(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Array:
    """Ones on and below the k-th diagonal of a matrix of N rows and M columns."""
    rows, columns = creation.range(N), creation.range(N if M is None else M)
    return creation.cast(shaping.expand_dims(rows, 1) + k >= columns, standardize_dtype(dtype))
