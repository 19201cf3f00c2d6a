"""Two four-bit integers in a byte."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras.base.untyped import as_tensor
from tenfold.ops.bitwise import right_shift
from tenfold.primitives.arithmetic import bitwise_and, bitwise_xor, cast
from tenfold.primitives.movement import reshape, slice_, stack

BYTES = ("int8", "uint8")


def _check(dtype: str) -> None:
    if dtype not in BYTES:
        raise ValueError(f"Expected dtype to be 'int8' or 'uint8', but got '{dtype}'.")


def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> tuple[Any, tuple[int, ...], int]:
    """(packed, its shape, the length before): pairs of neighbours along `axis` share a byte, the first in its low half.

    Args:
        arr: integers from -8 to 7 (or from 0 to 15), of type `dtype`.
        axis: along which to pack.
        dtype: "int8" or "uint8".

    Example:
        >>> packed, shape, length = pack_int4(np.array([1, -1, 2], np.int8))
        >>> packed.numpy(), shape, length
        (array([-15,   2], dtype=int8), (2,), 3)
    """
    _check(dtype)
    x = as_tensor(arr)
    if x.dtype.name != dtype:
        raise TypeError(f"Expected {dtype} tensor for packing, got {x.dtype.name}.")
    rows = np.moveaxis(x.numpy(), axis, 0)
    length = rows.shape[0]
    if length % 2:
        rows = np.concatenate([rows, np.zeros_like(rows[:1])])
    halves = rows.view(np.uint8) & 0x0F
    packed = np.ascontiguousarray(np.moveaxis((halves[::2] | halves[1::2] << 4).astype(np.uint8).view(dtype), 0, axis))
    return as_tensor(packed), packed.shape, length


def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Any:
    """What `pack_int4` packed.

    Args:
        packed: bytes.
        orig_len: the length along `axis` before packing.
        axis: along which it was packed.
        dtype: "int8" for integers from -8 to 7, "uint8" for 0 to 15.
    """
    _check(dtype)
    x: Any = as_tensor(packed)
    if x.dtype.name not in BYTES:
        raise TypeError(f"Expected int8 or uint8 tensor for unpacking, got {x.dtype.name}")
    axis %= x.ndim
    low, high = bitwise_and(x, 15), bitwise_and(right_shift(x, 4), 15)
    if dtype == "int8":  # 0..15 -> 0..7, -8..-1
        low, high = (bitwise_xor(cast(half, "int8"), 8) - 8 for half in (low, high))
    pairs = stack([cast(low, dtype), cast(high, dtype)], axis + 1)
    wide = reshape(pairs, (*x.sizes[:axis], 2 * x.sizes[axis], *x.sizes[axis + 1 :]))
    return slice_(wide, [0] * x.ndim, [orig_len if i == axis else n for i, n in enumerate(x.sizes)])
