"""Products of matrices and tensors, and differences and sums along an axis, in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tenfold.core.dtypes import bool_, int8, int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import differ, normalize_axis
from tenfold.keras.base.promotion import floating, result_type
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.shaping import moveaxis
from tenfold.ops import creation, linalg, shaping
from tenfold.ops import products as p
from tenfold.ops.reducing import reduce_sum
from tenfold.primitives import contraction
from tenfold.primitives.arithmetic import cast


def _promoted(product: Callable[..., Array], *tensors: Array) -> Array:
    """The product in the tensors' common type; of truths: whether any sum has a term."""
    common = result_type(*(x.dtype for x in tensors))
    return cast(product(*(cast(x, int32 if common == "bool" else common) for x in tensors)), common)


@operation()
def matmul(x1: Array, x2: Array) -> Array:
    """The matrix product; that of int8 with int8 is summed in int32."""
    if x1.dtype is x2.dtype and x1.dtype is not bool_:
        return contraction.integer_matmul(x1, x2) if x1.dtype is int8 else contraction.matmul(x1, x2)
    return _promoted(contraction.matmul, x1, x2)


@operation()
def einsum(subscripts: str, *operands: Array, **kwargs: Any) -> Array:
    """Sums of products, by Einstein's notation. (`optimize` says in which order NumPy multiplies, and is a hint.)

    Example:
        >>> tf.keras.ops.einsum("ij,kj->ik", np.ones((2, 3)), np.ones((4, 3))).shape
        TensorShape([2, 4])
    """
    if kwargs.keys() - {"optimize"}:
        raise TypeError(f"[einsum] unexpected keyword arguments: {sorted(kwargs.keys() - {'optimize'})}. Expected only `optimize`.")
    if any(x.dtype is not int8 for x in operands):
        return _promoted(partial(p.einsum, subscripts), *operands)
    return p.integer_einsum(subscripts, *operands) if len(operands) == 2 else p.einsum(subscripts, *(cast(x, int32) for x in operands))


@operation(dtype=result_type)
def dot(x1: Array, x2: Array) -> Array:
    """Products summed over the last axis of x1 and the last but one of x2 (or its only one)."""
    if not x1.ndim or not x2.ndim:
        return x1 * x2
    return p.tensordot(x1, x2, [[-1], [-1 if x2.ndim == 1 else -2]])


@operation(dtype=result_type)
def vdot(x1: Array, x2: Array) -> Array:
    """The sum of the products of all elements."""
    return reduce_sum(shaping.reshape(x1, [-1]) * shaping.reshape(x2, [-1]))


@operation(dtype=result_type)
def inner(x1: Array, x2: Array) -> Array:
    """Products summed over both last axes."""
    if not x1.ndim or not x2.ndim:
        return x1 * x2
    if differ(x1.sizes[-1], x2.sizes[-1]):
        raise ShapeError(f"`inner` expects the last dimension of both to be equal. Received shapes {x1.shape} and {x2.shape}.")
    return p.tensordot(x1, x2, [[-1], [-1]])


@operation(dtype=result_type)
def outer(x1: Array, x2: Array) -> Array:
    """The products of each element of x1 with each of x2."""
    return shaping.reshape(x1, [-1, 1]) * shaping.reshape(x2, [-1])


@operation(dtype=result_type)
def tensordot(x1: Array, x2: Array, axes: Any = 2) -> Array:
    """Products summed over several axes: the last of x1 and the first of x2, or the named ones of both."""
    return p.tensordot(x1, x2, axes)


@operation(dtype=result_type)
def kron(x1: Array, x2: Array) -> Array:
    """The Kronecker product: a copy of x2 for each element of x1, times it."""
    rank = max(x1.ndim, x2.ndim)
    first, second = (shaping.reshape(x, [*[1] * (rank - x.ndim), *x.sizes]) for x in (x1, x2))
    rows, columns = [n for size in first.sizes for n in (size, 1)], [n for size in second.sizes for n in (1, size)]
    return shaping.reshape(
        shaping.reshape(first, rows) * shaping.reshape(second, columns), [m * n for m, n in zip(first.sizes, second.sizes, strict=True)]
    )


@operation(dtype=result_type)
def cross(x1: Array, x2: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Array:
    """The cross product of vectors in space, or in the plane (which count as having height 0).

    Args:
        x1: vectors of 2 or 3 numbers.
        x2: others.
        axisa: in which axis of x1 they are.
        axisb: in which axis of x2 they are.
        axisc: in which axis of the result they shall be; of two in the plane, only the height is left.
        axis: for all three.
    """
    a_, b_, c_ = (axisa, axisb, axisc) if axis is None else (axis,) * 3
    x1, x2 = moveaxis(x1, a_, -1), moveaxis(x2, b_, -1)
    sizes = {x1.shape[-1], x2.shape[-1]}
    if not sizes <= {2, 3, None}:
        raise ShapeError(f"`x1`'s dim on `axis={a_}` must be either 2 or 3, and so `x2`'s on {b_}. Received: {x1.shape} and {x2.shape}.")
    first, second = (_in_space(x) for x in (x1, x2))
    zero = (first + second) * 0
    found = linalg.cross(first + zero, second + zero)
    return found[..., 2] if sizes == {2} else moveaxis(found, -1, c_)


def _in_space(x: Array) -> Array:
    return shaping.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 1)]) if x.shape[-1] == 2 else x


@operation()
def diff(a: Array, n: int = 1, axis: int = -1) -> Array:
    """The differences of neighbours along an axis, n times.

    Raises:
        ValueError: n is negative, or there is no axis.
    """
    if n < 0:
        raise InvalidArgumentError(f"Order `n` must be non-negative. Received n={n}")
    if not a.ndim:
        raise ShapeError(f"`diff` requires input that is at least one dimensional. Received: a={a}")
    lead = [slice(None)] * normalize_axis("diff", axis, a.ndim)
    for _ in range(n):
        after, before = a[(*lead, slice(1, None))], a[(*lead, slice(None, -1))]
        a = after != before if a.dtype.is_bool else after - before
    return a


@operation(dtype=floating, of="y x")
def trapezoid(y: Array, x: Array | None = None, dx: Any = 1.0, axis: int = -1) -> Array:
    """The area below a line through points: at x, or `dx` apart."""
    lead = [slice(None)] * normalize_axis("trapezoid", axis, y.ndim)
    heights = (y[(*lead, slice(1, None))] + y[(*lead, slice(None, -1))]) / 2
    if x is None:
        return reduce_sum(heights * creation.cast(dx, y.dtype), axis=axis)
    widths = diff(x, axis=axis if x.ndim > 1 else -1)
    if x.ndim == 1:
        widths = shaping.reshape(widths, [-1 if i == len(lead) else 1 for i in range(y.ndim)])
    return reduce_sum(heights * widths, axis=axis)


@operation()
def slogdet(x: Array) -> tuple[Array, Array]:
    """The sign of the determinant, and the logarithm of its absolute value."""
    sign, logarithm = linalg.slogdet(x)
    return sign, logarithm
