"""Data sets that are cut into batches by number: what those from folders and those from time series share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.core import nest
from tenfold.data.dataset import Dataset
from tenfold.keras.training.data_adapter import PyDataset
from tenfold.tensor.spec import TensorSpec

STEPS = frozenset({
    "apply", "as_numpy_iterator", "batch", "cache", "cardinality", "concatenate", "element_spec", "enumerate", "filter", "map", "prefetch", "reduce",
    "repeat", "shuffle", "skip", "take", "unbatch", "with_options",
})  # fmt: skip


class CutBatches(PyDataset):
    """Batches of examples in some order. It can be iterated again and again, and given to `fit`; subclasses say what a batch holds.

    It has the steps of a `tf.data.Dataset` too (`map`, `take`, `prefetch`, ...), which give one.

    Args:
        order: the examples' numbers.
        batch_size: examples per batch; None: one at a time, without a batch dimension.
        rng: makes another order for each pass; None: they stay in order.
    """

    varying: tuple[int, ...] = ()  # the axes whose size differs between batches, besides that of the batch

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

    def _dataset(self) -> Dataset:
        """The same batches as a `tf.data.Dataset`."""
        unknown = (0, *self.varying)

        def spec(x: Any) -> TensorSpec:
            shape = [None if axis in unknown else size for axis, size in enumerate(x.shape)]
            return TensorSpec(shape[1:] if self.batch_size is None else shape, x.dtype)

        return Dataset(lambda: iter(self), nest.map_structure(spec, self.examples(self.order[:1])), len(self))

    def __getattr__(self, name: str) -> Any:
        if name in STEPS:
            return getattr(self._dataset(), name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}. Besides the attributes of a PyDataset, it has these of a "
                             f"tf.data.Dataset: {', '.join(sorted(STEPS))}.")  # fmt: skip
