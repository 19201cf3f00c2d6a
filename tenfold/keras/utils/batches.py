"""Data sets that are cut into batches by number: what those from folders and those from time series share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.data_adapter import PyDataset


class CutBatches(PyDataset):
    """Batches of examples in some order. It can be iterated again and again, and given to `fit`; subclasses say what a batch holds.

    Args:
        order: the examples' numbers.
        batch_size: examples per batch; None: one at a time, without a batch dimension.
        rng: makes another order for each pass; None: they stay in order.
    """

    def __init__(self, order: NDArray[Any], batch_size: int | None, rng: np.random.Generator | None) -> None:
        super().__init__()
        self.order, self.batch_size, self._rng = order, batch_size, rng

    def examples(self, rows: NDArray[Any]) -> Any:
        """The batch of these examples."""
        raise NotImplementedError

    def single(self, row: NDArray[Any]) -> Any:
        """One example without a batch dimension."""
        batch = self.examples(row[None])
        return tuple(x[0] for x in batch) if isinstance(batch, tuple) else batch[0]

    def __len__(self) -> int:
        return math.ceil(len(self.order) / (self.batch_size or 1))

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} batches; received number {index}.")
        if self.batch_size is None:
            return self.single(self.order[index])
        return self.examples(self.order[index * self.batch_size : (index + 1) * self.batch_size])

    def __iter__(self) -> Iterator[Any]:
        self.on_epoch_end()
        return (self[i] for i in range(len(self)))

    def on_epoch_end(self) -> None:
        """Another order, if examples are to be shuffled."""
        if self._rng is not None:
            self._rng.shuffle(self.order)

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return len(self)
