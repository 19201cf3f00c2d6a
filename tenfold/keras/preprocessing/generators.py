"""Keras 2's `TimeseriesGenerator`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tenfold.keras.training.data_adapter import PyDataset


class TimeseriesGenerator(PyDataset):
    """Batches of windows `(samples, targets)`; the target of a window is the step after it. New programs use `timeseries_dataset_from_array`.

    Args:
        data: the series; time is axis 0.
        targets: as long as `data`.
        length: steps in a window.
        sampling_rate: steps between two samples of a window.
        stride: steps between the ends of two windows.
        start_index: the first step that is used.
        end_index: the last one.
        shuffle: whether windows are drawn at random.
        reverse: whether windows run backwards.
        batch_size: windows per batch.

    Example:
        >>> x, y = TimeseriesGenerator(np.arange(6), np.arange(6), length=2, batch_size=2)[0]
        >>> x.tolist(), y.tolist()
        ([[0, 1], [1, 2]], [2, 3])
    """

    def __init__(self, data: Any, targets: Any, length: int, sampling_rate: int = 1, stride: int = 1, start_index: int = 0,
                 end_index: int | None = None, shuffle: bool = False, reverse: bool = False, batch_size: int = 128) -> None:  # fmt: skip
        super().__init__()
        if len(data) != len(targets):
            raise ValueError(f"Data and targets have to be of same length. Data length is {len(data)} while target length is {len(targets)}")
        self.data, self.targets = np.asarray(data), np.asarray(targets)
        self.length, self.sampling_rate, self.stride, self.batch_size = length, sampling_rate, stride, batch_size
        self.start_index, self.end_index = start_index + length, len(data) - 1 if end_index is None else end_index
        self.shuffle, self.reverse = shuffle, reverse
        if self.start_index > self.end_index:
            raise ValueError(
                f"`start_index+length={self.start_index} > end_index={self.end_index}` is disallowed, as no part of the sequence would be left to "
                "be used as current step."
            )

    def __len__(self) -> int:
        return math.ceil((self.end_index - self.start_index + self.stride) // self.stride / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        if self.shuffle:
            rows = np.random.randint(self.start_index, self.end_index + 1, size=self.batch_size)
        else:
            first = self.start_index + self.batch_size * self.stride * index
            rows = np.arange(first, min(first + self.batch_size * self.stride, self.end_index + 1), self.stride)
        samples = np.array([self.data[row - self.length : row : self.sampling_rate] for row in rows])
        return (samples[:, ::-1] if self.reverse else samples), self.targets[rows]

    @property
    def num_batches(self) -> int:
        """The number of batches."""
        return len(self)
