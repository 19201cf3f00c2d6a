"""Numbers as integers from 0 on: (integer - zero point) * scale, with a scale and a zero point for each group of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, slots=True)
class Affine:
    """Scales and zero points [rows, groups], and the largest integer."""

    scale: Array
    zero: Array
    largest: int

    def rounded(self, x: Array, groups: Any = slice(None)) -> Array:
        """The integers nearest to `x` [rows, columns], whose columns belong to these groups (one, or one for each column)."""
        return np.clip(np.round(x / self.scale[:, groups] + self.zero[:, groups]), 0, self.largest)

    def restored(self, q: Array, groups: Any = slice(None)) -> Array:
        """What these integers stand for."""
        return (q - self.zero[:, groups]) * self.scale[:, groups]


def fitted(x: Array, bits: int, group_size: int = -1, symmetric: bool = False, per_channel: bool = True) -> Affine:
    """The finest scales with which the integers reach from the smallest to the largest of each group of `group_size` columns (-1: all),
    and to zero, so that the zero point is one of them.

    Args:
        x: [rows, columns].
        bits: of an integer.
        group_size: columns of a group; the last one may have fewer.
        symmetric: whether the range is as large on both sides of zero.
        per_channel: whether each row has its own; else all rows share one scale, and there is but one group.
    """
    rows, columns = x.shape
    size = columns if group_size == -1 or not per_channel else group_size
    begins = np.arange(0, columns, size)
    low, high = (np.minimum(np.minimum.reduceat(x, begins, axis=1), 0), np.maximum(np.maximum.reduceat(x, begins, axis=1), 0))
    if not per_channel:
        low, high = np.broadcast_to(low.min(), (rows, 1)), np.broadcast_to(high.max(), (rows, 1))
    if symmetric:
        high = np.maximum(-low, high)
        low = -high
    flat = low == high
    low, high = np.where(flat, low - 1, low), np.where(flat, high + 1, high)
    largest = 2**bits - 1
    scale = ((high - low) / np.float32(largest)).astype(x.dtype)
    zero = np.full_like(scale, (largest + 1) / 2) if symmetric else np.round(-low / scale)
    return Affine(scale, zero, largest)
