"""`timeseries_dataset_from_array`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tenfold.keras.utils.batches import CutBatches
from tenfold.keras.utils.image_files import check_format, made_as
from tenfold.tensor.tensor import as_tensor


class Windows(CutBatches):
    """Batches of windows that slide over a series; only the windows of one batch are copied."""

    def __init__(self, data: NDArray[Any], targets: NDArray[Any] | None, starts: NDArray[Any], offsets: NDArray[Any], batch_size: int | None,
                 rng: np.random.Generator | None) -> None:  # fmt: skip
        super().__init__(starts, batch_size, rng)
        self.data, self.targets, self.offsets = data, targets, offsets

    def examples(self, rows: NDArray[Any]) -> Any:
        """The windows that start there, and their targets if there are any."""
        x = as_tensor(self.data[rows[:, None] + self.offsets])
        return x if self.targets is None else (x, as_tensor(self.targets[rows]))


def timeseries_dataset_from_array(data: Any, targets: Any, sequence_length: int, sequence_stride: int = 1, sampling_rate: int = 1,
                                  batch_size: int | None = 128, shuffle: bool = False, seed: int | None = None, start_index: int | None = None,
                                  end_index: int | None = None, format: str = "tf") -> Any:  # fmt: skip
    """Batches of windows over a time series.

    Args:
        data: the series; time is axis 0.
        targets: `targets[i]` belongs to the window that starts at i; None for none.
        sequence_length: steps in a window.
        sequence_stride: steps between the starts of two windows.
        sampling_rate: steps between two samples of a window.
        batch_size: windows per batch; None: single windows without a batch dimension.
        shuffle: whether each pass has another order.
        seed: of these orders.
        start_index: steps before it are not used.
        end_index: steps from it on are not used.
        format: "tf"; grain's data sets are not made here.

    Returns:
        Something to iterate (again and again) or to give to `fit`: windows [batch, sequence_length, ...], and targets if there are any.

    Raises:
        ValueError: an argument makes no sense.

    Example:
        >>> windows = timeseries_dataset_from_array(np.arange(6), np.arange(6) * 10, sequence_length=3, batch_size=2)
        >>> [(x.numpy().tolist(), y.numpy().tolist()) for x, y in windows][0]
        ([[0, 1, 2], [1, 2, 3]], [0, 10])
    """
    check_format(format)
    series = np.asarray(data)
    check(len(series), sequence_stride, sampling_rate, start_index, end_index)
    first, last = start_index or 0, len(series) if end_index is None else end_index
    goals = None if targets is None else np.asarray(targets)[first:last]
    count = last - first - (sequence_length - 1) * sampling_rate
    starts = np.arange(0, count if goals is None else min(count, len(goals)), sequence_stride)
    offsets = np.arange(0, sequence_length * sampling_rate, sampling_rate)
    return made_as(format, Windows(series[first:last], goals, starts, offsets, batch_size, np.random.default_rng(seed) if shuffle else None))


def check(length: int, sequence_stride: int, sampling_rate: int, start_index: int | None, end_index: int | None) -> None:
    """Raises ValueError for numbers outside of the series."""
    if start_index and start_index < 0:
        raise ValueError(f"`start_index` must be 0 or greater. Received: start_index={start_index}")
    steps = {"sampling_rate": sampling_rate, "sequence_stride": sequence_stride, "end_index": end_index}
    for name, value in (("start_index", start_index), *steps.items()):
        if value and value >= length:
            raise ValueError(f"`{name}` must be lower than the length of the data. Received: {name}={value}, for data of length {length}")
    for name, value in steps.items():
        if value is not None and value <= 0:
            raise ValueError(f"`{name}` must be higher than 0. Received: {name}={value}")
    if start_index and end_index and end_index <= start_index:
        raise ValueError(f"`end_index` must be higher than `start_index`. Received: start_index={start_index}, and end_index={end_index}")
