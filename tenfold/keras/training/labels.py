"""Labels out of range are found before training starts, not as NaN or garbage after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.training.batch_structure import leaves, packed


def check_labels(loss: Any, structure: Any, arrays: list[Any]) -> None:
    """Raises InvalidArgumentError for class numbers that the output has no place for.

    Args:
        loss: the CompileLoss, built; None: there is nothing to check.
        structure: `(x,)`, `(x, y)` or `(x, y, sample_weight)`.
        arrays: its flat arrays.
    """
    if loss is None or len(structure) < 2 or not any(loss.sparse):
        return
    first = len(leaves(structure[0]))
    count = len(leaves(structure[1]))
    targets = loss.targets(packed(structure[1], arrays[first : first + count]))
    for y, sparse in zip(targets, loss.sparse, strict=True):
        if sparse is not None and y is not None and y.size:
            _check(y, *sparse)


def _check(y: Any, width: int, ignored: int | None, name: str) -> None:
    if y.dtype.kind == "f":
        bad = y[y != np.rint(y)]
        if bad.size:
            raise InvalidArgumentError(
                f"[{name}] labels must be class numbers. Expected integers from 0 to {width - 1}; received {float(bad.flat[0])!r} of type {y.dtype}. "
                "Try y.astype('int32') if they are class numbers, 'mse' if they are measurements."
            )
    low, high = y.min(), y.max()
    if 0 <= low and high < width:
        return
    wrong = y[(y < 0) | (y >= width)]
    wrong = wrong if ignored is None else wrong[wrong != ignored]
    if wrong.size == 0:
        return
    if low > 0 and high == width:
        hint = "Try y - 1: class numbers start at 0"
    else:
        hint = f"Try Dense({int(high) + 1}) as the last layer" if high >= width else "Try labels from 0"
    raise InvalidArgumentError(
        f"[{name}] Received a label value of {wrong.flat[0]} which is outside the valid range of [0, {width}). The model's output has "
        f"{width} classes; "
        f"the labels go from {low} to {high}. {hint}."
    )
