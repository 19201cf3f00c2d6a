"""TFRecord files: a length, its checksum, the data, and their checksum, record after record."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from tenfold.core.errors import DataLossError
from tenfold.runtime.checksum import crc32c, masked


def masked_crc32c(data: bytes) -> int:
    """The checksum as TFRecord files keep it."""
    return masked(crc32c(data))


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
