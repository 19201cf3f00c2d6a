"""Class numbers as one-hot rows, and rows of length one."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError
from tenfold.tensor.tensor import Tensor, as_tensor


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class numbers as one-hot rows: an array; a tensor for a tensor.

    Args:
        x: class numbers from 0 to num_classes - 1.
        num_classes: default: the largest number + 1.

    Raises:
        ValueError: a number is out of range.

    Example:
        >>> to_categorical([0, 2], 3)
        array([[1., 0., 0.],
               [0., 0., 1.]])
    """
    labels = np.asarray(x.numpy() if isinstance(x, Tensor) else x)
    if labels.dtype.kind == "f" and not np.all(labels == np.rint(labels)):
        raise InvalidArgumentError("[to_categorical] labels must be class numbers; received fractions. Try x.astype('int32').")
    labels = labels.astype("int64")
    shape = labels.shape[:-1] if labels.ndim > 1 and labels.shape[-1] == 1 else labels.shape
    labels = labels.reshape(-1)
    count = (int(labels.max()) + 1 if labels.size else 0) if not num_classes else int(num_classes)
    if labels.size and (labels.min() < 0 or labels.max() >= count):
        raise InvalidArgumentError(
            f"[to_categorical] labels must be from 0 to {count - 1}. Received labels from {labels.min()} to {labels.max()}. "
            f"Try num_classes={int(labels.max()) + 1}, or labels that start at 0."
        )
    rows = np.zeros((labels.size, count))
    rows[np.arange(labels.size), labels] = 1
    encoded = rows.reshape((*shape, count))
    return as_tensor(encoded.astype("float32")) if isinstance(x, Tensor) else encoded


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """`x` divided by its norm along `axis`; a tensor gives a tensor."""
    if isinstance(x, Tensor):
        return as_tensor(normalize(x.numpy(), axis, order))
    x = np.asarray(x)
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return np.asarray(x / np.expand_dims(norms, axis))
