"""Sequences of different lengths as one array."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError


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
    if isinstance(value, str) and np.dtype(dtype).kind not in "USO":
        raise InvalidArgumentError(f"[pad_sequences] `dtype` {dtype} is not compatible with `value`'s type: {type(value)}. "
                                   "Try dtype=object for strings of any length.")  # fmt: skip
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
