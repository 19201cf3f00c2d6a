"""`split_dataset`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.tensor.tensor import Tensor, as_tensor


class Part:
    """Some of a data set's elements, in memory; it can be iterated again and again."""

    def __init__(self, elements: list[Any]) -> None:
        self._elements = elements

    def __len__(self) -> int:
        return len(self._elements)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._elements)


def split_dataset(dataset: Any, left_size: float | None = None, right_size: float | None = None, shuffle: bool = False, seed: int | None = None,
                  preferred_backend: str | None = None) -> tuple[Any, Any]:  # fmt: skip
    """A data set as two.

    Args:
        dataset: arrays of one length (an array, or a list, tuple or dictionary of them), or anything to iterate.
        left_size: how many elements, or which part of them (0 to 1), the first gets.
        right_size: the same for the second; what is left over by default.
        shuffle: whether to mix first.
        seed: of the order.
        preferred_backend: None or "tensorflow".

    Returns:
        Two things to iterate, which give one element at a time, with a length.

    Raises:
        ValueError: the sizes make no sense.
        TypeError: `dataset` is none.

    Example:
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> len(left), len(right)
        (8, 2)
    """
    if preferred_backend not in (None, "tensorflow"):
        raise ValueError(f"[split_dataset] preferred_backend must be None or 'tensorflow'. Received: preferred_backend={preferred_backend!r}.")
    elements = listed(dataset)
    left, right = sizes(len(elements), left_size, right_size)
    if shuffle:
        elements = [elements[i] for i in np.random.default_rng(seed).permutation(len(elements))]
    return Part(elements[:left]), Part(elements[len(elements) - right :])


def listed(dataset: Any) -> list[Any]:
    """The elements: rows of arrays, or what iterating gives."""
    if isinstance(dataset, (np.ndarray, Tensor, list, tuple, dict)):
        arrays = [np.asarray(x) for x in nest.flatten(dataset)]
        if len({len(x) for x in arrays}) != 1:
            raise ValueError(f"[split_dataset] expected arrays of one length; received lengths {[len(x) for x in arrays]}.")
        structure = tuple(dataset) if isinstance(dataset, list) else dataset
        return [nest.pack(structure, [as_tensor(x[i]) for x in arrays]) for i in range(len(arrays[0]))]
    if not hasattr(dataset, "__iter__"):
        raise TypeError(f"The `dataset` argument must be arrays or something to iterate. Received: {dataset} of type {type(dataset)}")
    return list(dataset)


def sizes(total: int, left: float | None, right: float | None) -> tuple[int, int]:
    """Both sizes as numbers of elements."""
    if left is None and right is None:
        raise ValueError("At least one of the `left_size` or `right_size` must be specified. Received: left_size=None and right_size=None")
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            continue
        if not isinstance(size, (int, float)):
            raise TypeError(f"Invalid `{name}` argument. Expected int or float. Received: {name}={size} of type {type(size)}")
        if size <= 0 or size >= (1 if isinstance(size, float) else total):
            raise ValueError(
                f"`{name}` should be either a positive integer smaller than {total}, or a float within the range `[0, 1]`. Received: {name}={size}"
            )
    counts = [None if n is None else round(n * total) if isinstance(n, float) else n for n in (left, right)]
    first = total - counts[1] if counts[0] is None else counts[0]  # type: ignore[operator]
    second = total - first if counts[1] is None else counts[1]
    if first + second > total:
        raise ValueError(f"The sum of `left_size` and `right_size` should not be greater than {total}. Received: {first} and {second}")
    if not (first and second):
        raise ValueError(f"With `dataset` of length={total}, {first} and {second} elements: one side would be empty. Adjust the sizes.")
    return first, second
