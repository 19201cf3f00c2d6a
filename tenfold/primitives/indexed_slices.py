"""IndexedSlices: a tensor that is zero but in a few rows, as the gradient of a table is of which a few rows were read.

What keeps zeros is done to the rows alone; anything else is done to the whole tensor. A row may be named several times. Its parts are added
when the whole is needed, not before: a square is the sum of the squares of the parts, as TensorFlow's and Keras's optimizers have it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core.dtypes import DType, int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Shape, TensorShape, differ, product
from tenfold.primitives import arithmetic as a
from tenfold.primitives.elementwise import abs as abs_
from tenfold.primitives.gather import as_sizes, gather, scatter_add, sizes
from tenfold.primitives.movement import concat, reshape
from tenfold.tensor.tensor import CONVERTERS, Tensor, as_tensor


class IndexedSlices:
    """`values[i]` added to row `indices[i]` of zeros, as `tf.IndexedSlices`: what the gradient of `tf.gather` is.

    `tf.convert_to_tensor` and all operations but those that keep zeros make it the whole tensor; optimizers take it as it is.

    Args:
        values: the rows.
        indices: where they belong; a row may come several times.
        dense_shape: the shape of the whole; None if it is not known.

    Example:
        >>> import tenfold as tf
        >>> tf.convert_to_tensor(IndexedSlices([[1.0], [2.0], [4.0]], [0, 2, 2], [3, 1])).numpy().tolist()
        [[1.0], [0.0], [6.0]]
    """

    __slots__ = ("_shape", "indices", "values")
    _defers_operators = True
    __array_ufunc__ = None

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values: Tensor = as_tensor(values)
        self.indices: Tensor = as_tensor(indices)
        self._shape: Shape | None = None if dense_shape is None else as_sizes(dense_shape)
        if self.indices.ndim != 1 or not self.values.ndim or differ(self.values.sizes[0], self.indices.sizes[0]):
            raise ShapeError(f"[IndexedSlices] expected one row of values per index; received values {self.values.shape} and indices "
                             f"{self.indices.shape}.")  # fmt: skip

    # --- what it is ---
    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.values.dtype

    @property
    def sizes(self) -> Shape:
        """The shape of the whole.

        Raises:
            ValueError: it was not given.
        """
        if self._shape is None:
            raise InvalidArgumentError("[IndexedSlices] the shape of the whole tensor is not known. Try giving dense_shape.")
        return self._shape

    @property
    def shape(self) -> TensorShape:
        """The shape of the whole; all but its columns may be unknown."""
        return TensorShape([None, *self.values.shape[1:]] if self._shape is None else self._shape)

    @property
    def dense_shape(self) -> Tensor | None:
        """The shape of the whole as a tensor; None if it was not given."""
        return None if self._shape is None else sizes(self._shape, int32)

    def dense(self) -> Tensor:
        """The whole tensor."""
        whole: Tensor = scatter_add(self.indices, self.values, self.sizes[0])
        return whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.dense().__array__(dtype, copy)

    def map(self, f: Callable[[Any], Any]) -> IndexedSlices:
        """`f`, which must keep zeros, applied to the values."""
        return IndexedSlices(f(self.values), self.indices, self._shape)

    def __repr__(self) -> str:
        return f"IndexedSlices(indices={self.indices}, values={self.values}, dense_shape={self._shape})"

    # --- what keeps zeros ---
    def __neg__(self) -> IndexedSlices:
        return self.map(a.neg)

    def __abs__(self) -> IndexedSlices:
        return self.map(abs_)

    def __mul__(self, other: Any) -> Any:
        return self._scaled(other, a.mul)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self.dense() / other.dense() if isinstance(other, IndexedSlices) else self._scaled(other, a.div)

    def _scaled(self, other: Any, f: Callable[..., Any]) -> Any:
        if isinstance(other, IndexedSlices):
            if other.indices is not self.indices:
                return f(self.dense(), other.dense())
            return self.map(lambda x: f(x, other.values))
        y = as_tensor(other, hint=self.dtype)
        if not y.ndim:
            return self.map(lambda x: f(x, y))
        return self.map(lambda x: f(x, gather.bare(y, self.indices, axis=0, batch_dims=0))) if y.sizes == self.sizes else f(self.dense(), y)

    # --- sums: of slices more of them, with anything else the whole tensor ---
    def __add__(self, other: Any) -> Any:
        if isinstance(other, IndexedSlices):
            index_type = self.indices.dtype
            indices = concat([self.indices, a.cast(other.indices, index_type)], 0)
            return IndexedSlices(concat([self.values, other.values], 0), indices, self._shape or other._shape)
        return self.dense() + other

    def __radd__(self, other: Any) -> Any:
        return other + self.dense()

    def __sub__(self, other: Any) -> Any:
        return self + -other if isinstance(other, IndexedSlices) else self.dense() - other

    def __rsub__(self, other: Any) -> Any:
        return other - self.dense()


def slices_of_gather(g: Tensor, indices: Tensor, shape: Shape) -> IndexedSlices:
    """The gradient of `gather(x, indices)` along the first axis by `x`, which has `shape`."""
    count = product(indices.sizes)
    return IndexedSlices(reshape(g, (count, *shape[1:])), reshape(indices, (count,)), shape)


def by_rows(f: Callable[[Any], Any], x: Any) -> Any:
    """`f(x)`, of slices `f` applied to their values; `f` must keep zeros."""
    return x.map(f) if isinstance(x, IndexedSlices) else f(as_tensor(x))


def values_of(x: Any) -> Any:
    """The values of slices; anything else as it is. Norms are of these."""
    return x.values if isinstance(x, IndexedSlices) else x


def _converted(x: IndexedSlices, dtype: DType | None) -> Tensor:
    return x.dense()


CONVERTERS.append((IndexedSlices, _converted))
