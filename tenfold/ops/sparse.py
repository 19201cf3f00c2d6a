"""`tf.sparse` and `tf.SparseTensor`: the elements that are not zero, and where they are. A form to hand data over in; to compute, make it dense."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import DType
from tenfold.core.errors import ShapeError
from tenfold.core.missing import missing as _missing
from tenfold.core.shapes import TensorShape
from tenfold.primitives.arithmetic import mul
from tenfold.primitives.gather import gather, scatter_add
from tenfold.primitives.movement import expand_dims, transpose
from tenfold.tensor.tensor import CONVERTERS, Tensor, as_tensor, wrap


class SparseTensor:
    """The elements `values` at the places `indices` (one row each) of a tensor of shape `dense_shape` that is zero elsewhere.

    Example:
        >>> x = SparseTensor([[0, 1], [2, 0]], [5.0, 6.0], (3, 2))
        >>> to_dense(x).numpy().tolist()
        [[0.0, 5.0], [0.0, 0.0], [6.0, 0.0]]
    """

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self.values: Tensor = as_tensor(values)
        places = np.asarray(as_tensor(indices)._elements(), np.int64)
        sizes = np.asarray([int(n) for n in dense_shape], np.int64)
        if places.ndim != 2 or places.shape != (self.values.sizes[0], len(sizes)):
            raise ShapeError(f"[SparseTensor] expected indices of shape ({self.values.sizes[0]}, {len(sizes)}), one row for each value; "
                             f"received {places.shape}.")  # fmt: skip
        self.indices, self.dense_shape = wrap(places), wrap(sizes)

    @property
    def shape(self) -> TensorShape:
        """The shape of the dense tensor."""
        return TensorShape(self.dense_shape._elements().tolist())

    def get_shape(self) -> TensorShape:
        """The same as `.shape`."""
        return self.shape

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.values.dtype

    def with_values(self, values: Any) -> SparseTensor:
        """Other values at the same places."""
        return SparseTensor(self.indices, values, self.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(to_dense(self)._elements(), dtype)

    def __repr__(self) -> str:
        return f"SparseTensor(indices={self.indices}, values={self.values}, dense_shape={tuple(self.shape)})"


def from_dense(tensor: Any, name: str | None = None) -> SparseTensor:
    """The elements of `tensor` that are not zero (or empty).

    Example:
        >>> from_dense([0, 7, 0]).indices.numpy().tolist()
        [[1]]
    """
    x = as_tensor(tensor)
    elements = x._elements()
    kept = elements != x.dtype.zero
    return SparseTensor(wrap(np.argwhere(kept).astype(np.int64)), wrap(elements[kept]), elements.shape)


def to_dense(sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: str | None = None) -> Tensor:
    """The dense tensor, with `default_value` (default: zero) where nothing is given."""
    default = sp_input.dtype.zero if default_value is None else default_value
    result = np.full(tuple(sp_input.shape), default, sp_input.dtype.numpy)
    places, values = sp_input.indices._elements(), sp_input.values._elements()
    result[tuple(places.T)] = values if places.shape[1] else values.sum(dtype=values.dtype)
    return wrap(result)


def reorder(sp_input: SparseTensor, name: str | None = None) -> SparseTensor:
    """The elements in row-major order of their places."""
    order = np.lexsort(sp_input.indices._elements().T[::-1])
    return SparseTensor(wrap(sp_input.indices._elements()[order]), wrap(sp_input.values._elements()[order]), sp_input.shape)


def sparse_dense_matmul(sp_a: SparseTensor, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None) -> Tensor:
    """The product of a sparse matrix and a dense one: every number of the sparse one adds a multiple of a row of `b` to a row of the result.

    It takes as long as there are numbers, and its gradient by `b` is IndexedSlices: the rows of `b` that were multiplied.

    Args:
        sp_a: of rank 2.
        b: of rank 2.
        adjoint_a: whether `sp_a` is transposed first.
        adjoint_b: whether `b` is.
        name: accepted and not used.

    Example:
        >>> sparse_dense_matmul(SparseTensor([[0, 1], [2, 0]], [5.0, 6.0], (3, 2)), [[1.0, 2.0], [3.0, 4.0]]).numpy().tolist()
        [[15.0, 20.0], [0.0, 0.0], [6.0, 12.0]]
    """
    dense = as_tensor(b, sp_a.dtype)
    if len(sp_a.shape) != 2 or dense.ndim != 2:
        raise ShapeError(f"[sparse_dense_matmul] expected two matrices; received a sparse tensor of shape {sp_a.shape} and one of {dense.shape}.")
    if sp_a.dtype.is_complex and (adjoint_a or adjoint_b):
        raise ShapeError("[sparse_dense_matmul] adjoints of complex matrices are not supported. Try conjugating and transposing first.")
    dense = transpose(dense, (1, 0)) if adjoint_b else dense
    (rows, columns), places = tuple(sp_a.shape), sp_a.indices._elements().T
    if adjoint_a:
        rows, columns, places = columns, rows, places[::-1]
    if columns != dense.sizes[0]:
        raise ShapeError(
            f"[sparse_dense_matmul] expected as many rows in `b` as the sparse matrix has columns, {columns}; received {dense.sizes[0]}."
        )
    row, column = (wrap(np.ascontiguousarray(place)) for place in places)
    result: Tensor = scatter_add(row, mul(expand_dims(sp_a.values, 1), gather(dense, column, sparse=True)), rows)
    return result


CONVERTERS.append((SparseTensor, lambda value, dtype: to_dense(value)))
__all__ = ["SparseTensor", "from_dense", "reorder", "sparse_dense_matmul", "to_dense"]
__getattr__ = _missing("tf.sparse", "Try tf.sparse.to_dense(x) and an operation on dense tensors.")
