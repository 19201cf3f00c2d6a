"""Sparse tensors in `keras.ops`: which operations give a sparse result for sparse arguments. All others compute with whole tensors.

A result is sparse where zeros are sure to stay zeros. The elementwise functions of one tensor are applied to the values alone; of all others the
whole result is computed, and what is not zero in it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.ops.creation import cast, one_hot, ones_like
from tenfold.ops.reducing import reduce_sum
from tenfold.ops.selecting import gather
from tenfold.ops.sparse import SparseTensor, from_dense, sparse_dense_matmul
from tenfold.primitives.indexed_slices import IndexedSlices
from tenfold.tensor.tensor import Tensor, as_tensor, wrap

SPARSE = (SparseTensor, IndexedSlices)
_ELEMENTS = frozenset(
    "Abs Absolute Arcsin Arcsinh Arctan Arctanh Cast Ceil Conj Conjugate Copy Elu Expm1 Floor Gelu Imag LeakyRelu Log1p Negative Real Relu Relu6 "
    "Round Sign Silu Sin Sinh Softsign Sqrt Square Tan Tanh".split()
)
_OTHER = frozenset("Bincount Digitize ExpandDims Mean Reshape Squeeze Sum Transpose".split())  # of one tensor, into another shape
_ALL = frozenset("Add Concatenate Matmul Maximum Minimum Subtract".split())
_FIRST = frozenset("Divide TrueDivide".split())


def stays_sparse(kind: str, sparse: Sequence[bool]) -> bool:
    """Whether the result is sparse, given which of the tensors are."""
    if kind in _ELEMENTS or kind in _OTHER or kind == "Multiply":
        return any(sparse)
    return all(sparse) if kind in _ALL else kind in _FIRST and sparse[0] and not any(sparse[1:])


def compute(kind: str, tensors: Sequence[Any], call: Callable[[Callable[[Any], Any]], Any]) -> Any:
    """Calls an operation of which a tensor is sparse.

    Args:
        kind: the operation's class name.
        tensors: its tensors.
        call: calls the operation with each of its tensors replaced by what the argument makes of it.
    """
    sparse = [isinstance(x, SPARSE) for x in tensors]
    if kind in _ELEMENTS and isinstance(tensors[0], SparseTensor):
        return tensors[0].with_values(call(lambda x: x.values))
    if kind == "Bincount" and len(tensors) == 1:  # without weights, which are zero where nothing is given, only what is given must count
        x = tensors[0]
        return from_dense(call(lambda x: x.values) if len(x.shape) == 1 else _without_missing_zeros(as_tensor(call(as_tensor)), x))
    if kind in _ELEMENTS and isinstance(tensors[0], IndexedSlices):
        return tensors[0].map(lambda values: call(lambda x: values))
    if kind == "Matmul" and sparse == [True, False] and _multiplied(*tensors):
        return sparse_dense_matmul(*tensors)
    result = call(lambda x: as_tensor(x) if isinstance(x, SPARSE) else x)
    if not stays_sparse(kind, sparse):
        return result
    slices = [x for x in tensors if isinstance(x, IndexedSlices)]
    if len(slices) < sum(sparse):
        return from_dense(result)
    return result if kind in _OTHER else _rows(result, slices)


def _without_missing_zeros(counts: Tensor, x: SparseTensor) -> Tensor:
    """What was counted in each row of the whole tensor, less the zeros that nobody gave."""
    missing = 1 - as_tensor(x.with_values(ones_like(x.values)))
    zeros = cast(reduce_sum(missing, -1, keepdims=True), counts.dtype) * one_hot([0], counts.sizes[-1], dtype=counts.dtype)
    kept: Tensor = counts - zeros
    return kept


def _multiplied(a: Any, b: Any) -> bool:
    """Whether these are matrices whose product needs no other type."""
    return isinstance(a, SparseTensor) and len(a.shape) == 2 and len(np.shape(b)) == 2 and a.dtype.is_floating and as_tensor(b).dtype is a.dtype


def _rows(result: Tensor, slices: Sequence[IndexedSlices]) -> IndexedSlices:
    """The rows that any of the slices has, or that became something else than zero (0 / 0 is NaN)."""
    changed = np.flatnonzero((result.numpy() != 0).reshape(result.sizes[0], -1).any(1))
    named = wrap(np.unique(np.concatenate([changed, *(np.asarray(x.indices) for x in slices)])))
    return IndexedSlices(gather(result, named), named, result.sizes)
