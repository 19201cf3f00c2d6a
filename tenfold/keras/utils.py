"""`keras.utils`: labels, seeds, sequences."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.backend import clear_session
from tenfold.keras.data_adapter import PyDataset, pack_x_y_sample_weight, unpack_x_y_sample_weight
from tenfold.keras.dtypes import standardize_dtype
from tenfold.keras.progbar import Progbar
from tenfold.keras.random import set_random_seed
from tenfold.keras.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from tenfold.keras.symbolic import KerasTensor
from tenfold.tensor.tensor import Tensor

Sequence = PyDataset


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray[Any, Any]:
    """Class numbers as one-hot rows.

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
    return rows.reshape((*shape, count))


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray[Any, Any]:
    """`x` divided by its norm along `axis`."""
    x = np.asarray(x)
    norms = np.atleast_1d(np.linalg.norm(x, order, axis))
    norms[norms == 0] = 1
    return np.asarray(x / np.expand_dims(norms, axis))


def pad_sequences(sequences: Any, maxlen: int | None = None, dtype: Any = "int32", padding: str = "pre", truncating: str = "pre",
                  value: Any = 0.0) -> np.ndarray[Any, Any]:  # fmt: skip
    """Sequences of different lengths as one array, padded and cut to one length.

    Example:
        >>> pad_sequences([[1], [2, 3]])
        array([[0, 1],
               [2, 3]], dtype=int32)
    """
    for name, chosen in (("padding", padding), ("truncating", truncating)):
        if chosen not in ("pre", "post"):
            raise InvalidArgumentError(f"[pad_sequences] {name} must be 'pre' or 'post'. Received: {name}={chosen!r}.")
    rows = [np.asarray(s) for s in sequences]
    if any(r.ndim == 0 for r in rows):
        raise InvalidArgumentError("[pad_sequences] expected a list of sequences; received numbers in it. Try [sequence] for a single one.")
    length = max((len(r) for r in rows), default=0) if maxlen is None else maxlen
    inner = next((r.shape[1:] for r in rows if len(r)), ())
    padded = np.full((len(rows), length, *inner), value, dtype=dtype)
    for i, row in enumerate(rows):
        cut = row[max(0, len(row) - length) :] if truncating == "pre" else row[:length]
        if len(cut):
            padded[i, -len(cut) :] = cut if padding == "pre" else padded[i, -len(cut) :]
            if padding == "post":
                padded[i, : len(cut)] = cut
    return padded


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is symbolic."""
    return isinstance(x, KerasTensor)


__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
