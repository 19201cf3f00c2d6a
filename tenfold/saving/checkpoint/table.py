"""Sorted tables of keys and values: blocks of entries that share prefixes, an index of blocks, a footer. The format is LevelDB's.

    block    [shared prefix, rest of the key, value] ... restart points, their number
    trailer  one byte of compression, a checksum
    footer   handles of two blocks: the unused one and the index, then a magic number
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from tenfold.core.errors import DataLossError, UnimplementedError
from tenfold.core.protobuf import read_varint, varint
from tenfold.runtime.checksum import crc32c, masked

MAGIC = 0xDB4775248B80FB57
FOOTER = 48
RESTART_EVERY = 16  # entries
BLOCK = 1 << 18  # bytes after which a block is closed
MAX_KEYS = 1 << 26  # bytes that all keys together may have: more cannot come from a genuine table of a model


# --- writing ---
def write_table(entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The table of these entries, whose keys ascend."""
    out = bytearray()
    index: list[tuple[bytes, bytes]] = []
    block: list[tuple[bytes, bytes]] = []
    size = 0

    def close() -> None:
        nonlocal size
        if block:
            index.append((block[-1][0], _append(out, _block(block))))
            block.clear()
            size = 0

    for key, value in entries:
        block.append((key, value))
        size += len(key) + len(value) + 8
        if size >= BLOCK:
            close()
    close()
    handles = _append(out, _block([])) + _append(out, _block(index, restart_every=1))
    return bytes(out + handles.ljust(FOOTER - 8, b"\0") + struct.pack("<Q", MAGIC))


def _block(entries: list[tuple[bytes, bytes]], restart_every: int = RESTART_EVERY) -> bytes:
    out, restarts, last = bytearray(), [0], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % restart_every == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts[1:] or [0]
    return bytes(out) + struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts))


def _append(out: bytearray, block: bytes) -> bytes:
    """Appends a block, uncompressed, with its trailer; its handle."""
    handle = varint(len(out)) + varint(len(block))
    kind = b"\0"
    out += block + kind + struct.pack("<I", masked(crc32c(block + kind)))
    return handle


# --- reading ---
def read_table(data: bytes, source: str) -> dict[bytes, bytes]:
    """All entries of a table.

    Raises:
        DataLossError: it is damaged, cut off, or no table.
    """
    try:
        return dict(_entries(data, source))
    except (IndexError, struct.error) as error:
        raise DataLossError(f"[checkpoint] the index {source!r} is damaged: {error}.") from None


def _entries(data: bytes, source: str) -> Iterator[tuple[bytes, bytes]]:
    if len(data) < FOOTER or struct.unpack("<Q", data[-8:])[0] != MAGIC:
        raise DataLossError(f"[checkpoint] {source!r} is not an sstable: bad magic number. It is no index of a checkpoint, or cut off.")
    footer = memoryview(data)[-FOOTER:]
    at = 0
    for _ in range(2):  # the unused block
        _, at = read_varint(footer, at)
    offset, at = read_varint(footer, at)
    size, at = read_varint(footer, at)
    left, last = MAX_KEYS, None
    for _, handle in _walk(_read_block(data, offset, size, source), MAX_KEYS):
        view = memoryview(handle)
        offset, at = read_varint(view, 0)
        size, at = read_varint(view, at)
        for key, value in _walk(_read_block(data, offset, size, source), left):
            left -= len(key)
            if last is not None and key <= last:
                raise IndexError("its keys are not sorted")
            last = key
            yield key, value


def _read_block(data: bytes, offset: int, size: int, source: str) -> memoryview:
    if offset + size + 5 > len(data) - FOOTER:
        raise IndexError(f"a block of {size} bytes at {offset}, where the file has {len(data)}")
    end = offset + size
    if struct.unpack("<I", data[end + 1 : end + 5])[0] != masked(crc32c(data[offset : end + 1])):
        raise IndexError("block checksum mismatch")
    if data[end]:
        raise UnimplementedError(f"[checkpoint] the index {source!r} is compressed, which TensorFlow's checkpoints are not. Try writing it again.")
    return memoryview(data)[offset:end]


def _walk(block: memoryview, limit: int) -> Iterator[tuple[bytes, bytes]]:
    """The entries of a block, whose keys have at most `limit` bytes together."""
    restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise IndexError("a block with more restart points than bytes")
    at, key = 0, b""
    while at < end:
        shared, at = read_varint(block, at)
        rest, at = read_varint(block, at)
        size, at = read_varint(block, at)
        limit -= shared + rest
        if shared > len(key) or at + rest + size > end or limit < 0:
            raise IndexError("an entry that does not fit into its block")
        key = key[:shared] + bytes(block[at : at + rest])
        yield key, bytes(block[at + rest : at + rest + size])
        at += rest + size
