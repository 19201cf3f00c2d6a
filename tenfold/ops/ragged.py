"""`tf.ragged` and `tf.RaggedTensor`: rows of different lengths, as `tf.strings.split` gives them. Few operations take them: make them dense first."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, as_dtype, int32, int64
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.missing import missing as _missing
from tenfold.core.shapes import TensorShape
from tenfold.ops.running import cumsum
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import concat
from tenfold.primitives.strings import rows_to_dense
from tenfold.tensor.tensor import Tensor, as_tensor, wrap


class RaggedTensor:
    """Rows of different lengths: the `values` of all rows, and `row_splits`, where each begins (and the last one ends).

    Example:
        >>> rows = constant([[1, 2], [], [3]])
        >>> rows.shape, rows.to_list(), rows.to_tensor().numpy().tolist()
        (TensorShape([3, None]), [[1, 2], [], [3]], [[1, 2], [0, 0], [3, 0]])
    """

    def __init__(self, values: Any, row_splits: Any) -> None:
        self.values: Tensor = as_tensor(values)
        self.row_splits: Tensor = as_tensor(row_splits)

    # --- making one ---
    @classmethod
    def from_row_splits(cls, values: Any, row_splits: Any, name: str | None = None, validate: bool = True) -> RaggedTensor:
        """From values and where each row begins (the last number: where the last one ends)."""
        made = cls(values, cast(as_tensor(row_splits), int64))
        edges = made.row_splits._array
        if validate and edges is not None and (edges.size == 0 or edges[0] != 0 or (np.diff(edges) < 0).any() or edges[-1] != made.values.sizes[0]):
            raise InvalidArgumentError(f"[RaggedTensor] row_splits must rise from 0 to the number of values; received {edges.tolist()}.")
        return made

    @classmethod
    def from_row_lengths(cls, values: Any, row_lengths: Any, name: str | None = None, validate: bool = True) -> RaggedTensor:
        """From values and the length of each row."""
        edges = concat([wrap(np.zeros(1, np.int64)), cumsum(cast(as_tensor(row_lengths), int64))], 0)
        return cls.from_row_splits(values, edges, validate=validate)

    @classmethod
    def from_tensor(cls, tensor: Any, padding: Any = None, name: str | None = None) -> RaggedTensor:
        """The rows of a matrix; without what equals `padding` at their ends."""
        elements = as_tensor(tensor)._elements()
        rows = [list(row) for row in elements]
        for row in rows:
            while padding is not None and row and np.all(row[-1] == padding):
                row.pop()
        lengths = [len(row) for row in rows]
        kept = np.arange(elements.shape[1]) < np.array(lengths, np.int64)[:, None]
        return cls.from_row_lengths(wrap(elements[kept]), lengths)

    # --- what it is ---
    @property
    def flat_values(self) -> Tensor:
        """The same as `values`: rows of rows are not supported."""
        return self.values

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.values.dtype

    @property
    def shape(self) -> TensorShape:
        """The number of rows, then None."""
        return TensorShape((self.row_splits.sizes[0] - 1, None, *self.values.sizes[1:]))

    @property
    def ragged_rank(self) -> int:
        """How many dimensions have rows of different lengths: 1."""
        return 1

    def nrows(self, out_type: Any = None, name: str | None = None) -> Tensor:
        """The number of rows."""
        return as_tensor(len(self), as_dtype(out_type or int64))

    def row_lengths(self, axis: int = 1, name: str | None = None) -> Tensor:
        """The length of each row."""
        result: Any = self.row_splits
        return result[1:] - result[:-1]

    def with_values(self, values: Any) -> RaggedTensor:
        """Rows of the same lengths with other values."""
        return RaggedTensor(values, self.row_splits)

    with_flat_values = with_values

    # --- as something else ---
    def to_tensor(self, default_value: Any = None, name: str | None = None, shape: Any = None) -> Tensor:
        """The rows under each other, filled up with `default_value` (default: zeros, or empty strings).

        Args:
            default_value: what to fill with.
            name: accepted and not used.
            shape: (number of rows, width, ...): rows are cut or filled to `width`; None: to the longest row.
        """
        width = None if shape is None else list(shape)[1]
        default = self.dtype.zero if default_value is None else default_value
        result: Tensor = rows_to_dense(self.values, self.row_splits, default, width)
        return result

    def to_list(self) -> list[Any]:
        """The rows as lists."""
        return [row.tolist() for row in self._rows()]

    def numpy(self) -> Any:
        """An array of the rows' arrays; a matrix if they are equally long."""
        rows = self._rows()
        if len({len(r) for r in rows}) <= 1:
            return np.array(rows)
        result = np.empty(len(rows), object)
        result[:] = rows
        return result

    def _rows(self) -> list[Any]:
        edges = self.row_splits._elements().tolist()
        values = self.values._elements()
        return [values[a:b] for a, b in itertools.pairwise(edges)]

    def __len__(self) -> int:
        return len(self.row_splits) - 1

    def __iter__(self) -> Iterator[Tensor]:
        return (wrap(row) for row in self._rows())

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, int):
            return wrap(self._rows()[key])
        if isinstance(key, slice):
            rows = self._rows()[key]
            return RaggedTensor.from_row_lengths(wrap(np.concatenate(rows) if rows else self.values._elements()[:0]), [len(r) for r in rows])
        raise InvalidArgumentError(f"[RaggedTensor] expected the number of a row or a slice of rows; received {key!r}. Try .to_tensor() first.")

    def __array__(self, *unused: Any, **also_unused: Any) -> Any:
        raise InvalidArgumentError("[RaggedTensor] rows of different lengths are no array. Try .to_tensor() for filled rows, or .to_list().")

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list() if self.values._array is not None else self.shape}>"


def constant(pylist: Any, dtype: Any = None, ragged_rank: int | None = None, inner_shape: Any = None, name: str | None = None,
             row_splits_dtype: Any = int64) -> RaggedTensor:  # fmt: skip
    """A RaggedTensor of a list of lists.

    Example:
        >>> constant([["a", "b"], ["c"]]).to_list()
        [[b'a', b'b'], [b'c']]
    """
    rows: Sequence[Any] = list(pylist)
    if not all(isinstance(row, (list, tuple, np.ndarray)) for row in rows):
        raise ShapeError("[ragged.constant] expected a list of lists. Try tf.constant for a plain list.")
    values = [e for row in rows for e in row]
    if any(isinstance(e, (list, tuple)) for e in values):
        raise ShapeError("[ragged.constant] rows of rows are not supported. Try padding the inner ones, or tf.keras.utils.pad_sequences.")
    made = as_tensor(values, dtype) if values else as_tensor(np.zeros(0, as_dtype(dtype or "float32").numpy))
    return RaggedTensor.from_row_lengths(made, as_tensor([len(row) for row in rows], int32))


__all__ = ["RaggedTensor", "constant"]
__getattr__ = _missing("tf.ragged", "Try .to_tensor() and an operation on dense tensors.")
