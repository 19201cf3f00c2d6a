"""Sparse data given to fit, evaluate and predict: it stays sparse, and each batch is made dense when its turn comes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenfold.ops.sparse import SparseTensor

Array = np.ndarray[Any, Any]


class SparseRows:
    """Rows [n, ...] of which only what is given is kept: row i has `values[splits[i]:splits[i + 1]]`, at `places` in the flat row.

    Slices and `copy` give dense arrays; `part` gives fewer sparse rows.

    Args:
        splits: where each row begins (the last number: where the last one ends).
        places: positions in the flat row, all different within one.
        values: what stands there.
        shape: of one row.

    Example:
        >>> rows = SparseRows(np.array([0, 1, 1, 3]), np.array([2, 0, 1]), np.array([5.0, 6.0, 7.0]), (3,))
        >>> rows[:2].tolist(), rows.copy(np.array([2, 0])).tolist()
        ([[0.0, 0.0, 5.0], [0.0, 0.0, 0.0]], [[6.0, 7.0, 0.0], [0.0, 0.0, 5.0]])
    """

    def __init__(self, splits: Array, places: Array, values: Array, shape: tuple[int, ...]) -> None:
        self._splits, self._places, self._values, self._row = splits, places, values, shape
        self.shape = (len(splits) - 1, *shape)
        self.ndim, self.dtype = len(self.shape), values.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Array:
        return self.copy(np.arange(len(self))[rows])

    def part(self, rows: slice) -> SparseRows:
        """Rows next to each other."""
        start, stop, _ = rows.indices(len(self))
        return SparseRows(self._splits[start : stop + 1], self._places, self._values, self._row)

    def copy(self, rows: Array) -> Array:
        """The rows with these numbers, dense."""
        starts = self._splits[rows]
        counts = self._splits[rows + 1] - starts
        before = np.cumsum(counts) - counts
        entries = np.arange(counts.sum()) + np.repeat(starts - before, counts)
        dense = np.zeros((len(rows), math.prod(self._row)), self.dtype)
        dense[np.repeat(np.arange(len(rows)), counts), self._places[entries]] = self._values[entries]
        return dense.reshape(len(rows), *self._row)


def is_sparse(value: Any) -> bool:
    """Whether `value` is a SparseTensor of rows, or a sparse matrix of SciPy's."""
    return (isinstance(value, SparseTensor) and len(value.shape) > 1) or hasattr(value, "tocsr")


def sparse_rows(value: Any, floats: str) -> SparseRows:
    """The rows of what `is_sparse`; floating-point numbers as `floats`."""
    splits, places, values, shape = _of_tensor(value) if isinstance(value, SparseTensor) else _of_scipy(value)
    return SparseRows(splits, places, values.astype(floats) if values.dtype.kind == "f" else values, shape)


def _of_tensor(x: SparseTensor) -> tuple[Array, Array, Array, tuple[int, ...]]:
    indices, shape = x.indices._elements(), tuple(x.shape)
    order = np.argsort(indices[:, 0], kind="stable")
    splits = np.concatenate([[0], np.cumsum(np.bincount(indices[:, 0], minlength=shape[0]))])
    places = np.ravel_multi_index(tuple(indices[order, 1:].T), shape[1:])
    return splits, places, x.values._elements()[order], shape[1:]


def _of_scipy(x: Any) -> tuple[Array, Array, Array, tuple[int, ...]]:
    rows = x.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows.indptr.astype(np.int64), rows.indices, rows.data, (rows.shape[1],)
