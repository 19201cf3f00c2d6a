"""CRC-32C, the checksum of TFRecord files and checkpoints, eight bytes at a time."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tenfold.runtime.memory import address_of
from tenfold.runtime.native import build

POLYNOMIAL = 0x82F63B78  # of Castagnoli, bits reversed
SHORT = 256  # bytes, that are not worth loading machine code for


def _tables() -> np.ndarray[Any, Any]:
    """Eight tables: the k-th says what a byte and k zeros after it make of the register."""
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, (crc >> 1) ^ np.uint32(POLYNOMIAL), crc >> 1)
    tables = [crc]
    for _ in range(7):
        tables.append(tables[0][tables[-1] & 0xFF] ^ (tables[-1] >> 8))
    return np.stack(tables)


_TABLES = _tables()
_BYTES = _TABLES[0].tolist()


def crc32c(data: Any, before: int = 0) -> int:
    """The CRC-32C checksum of bytes or of an array's elements.

    Args:
        data: bytes, or a contiguous array.
        before: the checksum of what stands before them, if it is part of the data.

    Example:
        >>> hex(crc32c(b"123456789")), crc32c(b"6789", crc32c(b"12345")) == crc32c(b"123456789")
        ('0xe3069283', True)
    """
    view = memoryview(data).cast("B") if isinstance(data, (bytes, bytearray, memoryview)) else data.reshape(-1).view(np.uint8)
    if len(view) >= SHORT:
        array = np.frombuffer(view, np.uint8)
        return int(_native()(address_of(_TABLES), address_of(array), array.size, before))
    crc = before ^ 0xFFFFFFFF
    for byte in bytes(view):
        crc = _BYTES[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def masked(crc: int) -> int:
    """A checksum as files keep it: rotated and shifted, since checksums of checksums are weak."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


@cache
def _native() -> Callable[[int, int, int, int], int]:
    address = build("crc32c", _text, ("tenfold_crc32c",))["tenfold_crc32c"]
    return ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint32)(address)


def _text() -> str:
    """(tables, data, size, checksum before) -> checksum: words of eight bytes, then single bytes."""
    lookups = []
    for i in range(8):  # the first byte has seven after it
        lookups += [
            f"  %shifted{i} = lshr i64 %mixed, {8 * i}",
            f"  %byte{i} = and i64 %shifted{i}, 255",
            f"  %place{i} = getelementptr [256 x i32], ptr %tables, i64 {7 - i}, i64 %byte{i}",
            f"  %found{i} = load i32, ptr %place{i}",
        ]
    folds = [f"  %sum{i} = xor i32 {'%found0' if i == 1 else f'%sum{i - 1}'}, %found{i}" for i in range(1, 8)]
    return f"""
define i32 @tenfold_crc32c(ptr %tables, ptr %data, i64 %size, i32 %before) {{
entry:
  %start = xor i32 %before, -1
  %words = and i64 %size, -8
  br label %word
word:
  %at = phi i64 [ 0, %entry ], [ %next, %fold ]
  %crc = phi i32 [ %start, %entry ], [ %sum7, %fold ]
  %more = icmp ult i64 %at, %words
  br i1 %more, label %fold, label %byte
fold:
  %pointer = getelementptr i8, ptr %data, i64 %at
  %eight = load i64, ptr %pointer, align 1
  %wide = zext i32 %crc to i64
  %mixed = xor i64 %eight, %wide
{chr(10).join(lookups + folds)}
  %next = add i64 %at, 8
  br label %word
byte:
  %i = phi i64 [ %words, %word ], [ %after, %step ]
  %register = phi i32 [ %crc, %word ], [ %stepped, %step ]
  %left = icmp ult i64 %i, %size
  br i1 %left, label %step, label %done
step:
  %where = getelementptr i8, ptr %data, i64 %i
  %one = load i8, ptr %where
  %extended = zext i8 %one to i32
  %low = xor i32 %register, %extended
  %masked = and i32 %low, 255
  %index = zext i32 %masked to i64
  %entry_place = getelementptr i32, ptr %tables, i64 %index
  %entry_value = load i32, ptr %entry_place
  %shifted = lshr i32 %register, 8
  %stepped = xor i32 %entry_value, %shifted
  %after = add i64 %i, 1
  br label %byte
done:
  %result = xor i32 %register, -1
  ret i32 %result
}}
"""
