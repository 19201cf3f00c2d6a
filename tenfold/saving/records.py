"""TFRecord files: a length, its checksum, the data, and their checksum, record after record."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from tenfold.core.errors import DataLossError

_POLYNOMIAL = 0x82F63B78  # CRC-32C, bits reversed
_LANES = 1 << 12  # bytes: longer data are taken as many lanes side by side


def _table() -> np.ndarray[Any, Any]:
    crc = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        crc = np.where(crc & 1, (crc >> 1) ^ np.uint32(_POLYNOMIAL), crc >> 1)
    return crc


_TABLE = _table()
_BYTES = _TABLE.tolist()


def crc32c(data: bytes) -> int:
    """The CRC-32C checksum (Castagnoli).

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    crc = 0xFFFFFFFF
    if len(data) >= _LANES:
        crc, data = _by_lanes(data)
    for byte in data:
        crc = _BYTES[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _by_lanes(data: bytes) -> tuple[int, bytes]:
    """(register after as much of `data` as fills equal lanes, the rest): lanes run side by side, then each is moved past those after it.

    The register is linear in the data: that of two pieces one after the other is that of the first, sent through as many zeros as the second has
    bytes, xor that of the second started at zero.
    """
    length = int(len(data) ** 0.5)
    count = len(data) // length
    lanes = np.frombuffer(data, np.uint8, count * length).reshape(count, length)
    crc = np.zeros(count, np.uint32)
    crc[0] = 0xFFFFFFFF
    unit = np.uint32(1) << np.arange(32, dtype=np.uint32)  # what `length` zeros make of each bit
    for i in range(length):
        crc = _TABLE[(crc ^ lanes[:, i]) & 0xFF] ^ (crc >> 8)
        unit = _TABLE[unit & 0xFF] ^ (unit >> 8)
    moved, total = unit.tolist(), 0
    for lane in crc.tolist():
        through = 0
        for bit in range(32):
            if total >> bit & 1:
                through ^= moved[bit]
        total = through ^ lane
    return total, data[count * length :]


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecord files keep it: rotated and shifted, since checksums of checksums are weak."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def write_record(file: BinaryIO, data: bytes) -> None:
    """Appends a record."""
    length = struct.pack("<Q", len(data))
    file.write(length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", masked_crc32c(data)))


def read_records(path: Any) -> Iterator[bytes]:
    """The records of a file.

    Raises:
        DataLossError: the file is damaged or cut off.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        while head := file.read(12):
            length, check = struct.unpack("<QI", head) if len(head) == 12 else (0, -1)
            if check != masked_crc32c(head[:8]):
                raise DataLossError(f"[TFRecord] {path!r} is damaged or cut off at byte {file.tell() - len(head)}.")
            data, end = file.read(min(length, size)), file.read(4)
            if len(data) != length or len(end) != 4 or struct.unpack("<I", end)[0] != masked_crc32c(data):
                raise DataLossError(f"[TFRecord] the record at byte {file.tell() - len(end) - len(data) - 12} of {path!r} is damaged or cut off.")
            yield data
