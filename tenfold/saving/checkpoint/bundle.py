"""Named tensors in files, as TensorFlow's checkpoints: `PREFIX.index`, a table of entries, and `PREFIX.data-00000-of-00001`, the elements.

An index always points at whole data. The elements are written first, to another name if there is a checkpoint of this prefix already, then
the index is replaced at once: whatever happens, the old checkpoint or the new one is there.
"""

from __future__ import annotations

import glob
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from tenfold.core.dtypes import BY_NUMPY, DType, as_dtype, string
from tenfold.core.errors import DataLossError, DTypeError, InvalidArgumentError, NotFoundError, OpError, UnimplementedError
from tenfold.core.events import Dimension, TensorShapeProto, VersionDef
from tenfold.core.protobuf import read_varint, varint
from tenfold.runtime.checksum import crc32c, masked
from tenfold.saving.archive import write_atomically, write_bytes
from tenfold.saving.checkpoint.messages import BundleEntry, BundleHeader
from tenfold.saving.checkpoint.table import read_table, write_table

HEADER = b""  # the key of what the index says of the checkpoint as a whole
MAX_RANK = 254


def index_file(prefix: str) -> str:
    """The file with the table."""
    return f"{prefix}.index"


def data_file(prefix: str, shard: int, shards: int) -> str:
    """The file with the elements."""
    return f"{prefix}.data-{shard:05d}-of-{shards:05d}"


def data_files(prefix: str) -> list[str]:
    """All files with elements that are there."""
    return glob.glob(f"{glob.escape(prefix)}.data-?????-of-?????")


# --- writing ---
def write_bundle(prefix: str, tensors: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Writes a checkpoint of arrays by name; one of strings holds Python's bytes."""
    ordered = sorted((name.encode(), np.asarray(array)) for name, array in tensors.items())
    entries: list[tuple[bytes, bytes]] = []

    def write(file: BinaryIO) -> None:
        at = 0
        for key, array in ordered:
            entry = _write_tensor(file, key, array)
            entry.offset, at = at, at + entry.size
            entries.append((key, entry.SerializeToString()))

    shards = 2 if _shards_in_use(prefix) == 1 else 1  # the files of the old index must stay until there is a new one
    write_atomically(data_file(prefix, 0, shards), write)
    _write_index(prefix, entries, shards)
    if shards == 2:
        _replace(data_file(prefix, 0, 2), data_file(prefix, 0, 1))
        _write_index(prefix, entries, 1)
    for path in data_files(prefix):
        if path != data_file(prefix, 0, 1):
            os.unlink(path)


def _shards_in_use(prefix: str) -> int:
    """In how many files the checkpoint of this prefix is; 0 if there is none that can be read."""
    try:
        return int(Bundle(prefix).shards)
    except OpError:
        return 0


def _replace(source: str, target: str) -> None:
    """Makes `target` the same as `source`, at once, with `source` staying."""
    link = f"{target}.{os.getpid()}.tmp"
    try:
        os.link(source, link)
    except OSError:  # not every file system has links
        with open(source, "rb") as file:
            write_atomically(target, lambda out: _copy(file, out))
        return
    try:
        os.replace(link, target)
    finally:
        if os.path.exists(link):
            os.unlink(link)


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    while chunk := source.read(1 << 20):
        target.write(chunk)


def _write_index(prefix: str, entries: list[tuple[bytes, bytes]], shards: int) -> None:
    header = BundleHeader(num_shards=shards, version=VersionDef(producer=1))
    write_bytes(index_file(prefix), write_table([(HEADER, header.SerializeToString()), *entries]))


def _write_tensor(file: BinaryIO, key: bytes, array: np.ndarray[Any, Any]) -> BundleEntry:
    dtype = BY_NUMPY.get(array.dtype)
    if dtype is None:
        raise DTypeError(f"[checkpoint] {key.decode()!r} holds {array.dtype}, which TensorFlow's checkpoints do not know.")
    shape = TensorShapeProto(dim=[Dimension(size=n) for n in array.shape])
    if dtype is string:
        lengths, check, text = _strings(array)
        data, crc = lengths + struct.pack("<I", check) + text, crc32c(text, crc32c(struct.pack("<I", check), _crc_of_lengths(array)))
        size = file.write(data)
    else:
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        crc, size = crc32c(array), array.nbytes
        file.write(array.reshape(-1).view(np.uint8).data)
    return BundleEntry(dtype=dtype.enum, shape=shape, size=size, crc32c=masked(crc))


def _bytes_of(array: np.ndarray[Any, Any]) -> list[bytes]:
    return [item.encode() if isinstance(item, str) else bytes(item) for item in array.ravel().tolist()]


def _crc_of_lengths(array: np.ndarray[Any, Any]) -> int:
    return crc32c(struct.pack(f"<{array.size}I", *map(len, _bytes_of(array))))


def _strings(array: np.ndarray[Any, Any]) -> tuple[bytes, int, bytes]:
    """(lengths, their checksum, all strings one after the other)."""
    texts = _bytes_of(array)
    return b"".join(varint(len(t)) for t in texts), masked(_crc_of_lengths(array)), b"".join(texts)


# --- reading ---
class Bundle:
    """A checkpoint opened for reading: tensors by name, each checked when it is read.

    Raises:
        NotFoundError: there is none of this prefix. DataLossError: its index is damaged or hostile.
    """

    def __init__(self, prefix: Any) -> None:
        self.prefix = os.fspath(prefix)
        path = index_file(self.prefix)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise NotFoundError(f"[checkpoint] Unsuccessful TensorSliceReader constructor: Failed to find any matching files for {self.prefix!r} "
                                f"({error.strerror}). Try tf.train.latest_checkpoint(folder).") from None  # fmt: skip
        table = read_table(data, path)
        if HEADER not in table:
            raise DataLossError(f"[checkpoint] the index {path!r} has no header.")
        header = BundleHeader.FromString(table.pop(HEADER))
        if header.endianness or header.version.min_consumer > 1:
            raise UnimplementedError(f"[checkpoint] {path!r} is of another byte order or of a later version of the format. Expected version 1.")
        self.shards = header.num_shards
        try:
            self.entries = {key.decode(): BundleEntry.FromString(value) for key, value in table.items() if not key.startswith(b"\0")}
        except UnicodeDecodeError:
            raise DataLossError(f"[checkpoint] the index {path!r} has a name that is no text.") from None

    def __contains__(self, name: object) -> bool:
        return name in self.entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def dtype(self, name: str) -> DType | None:
        """The type of a tensor; None if Tenfold has no such type."""
        try:
            return as_dtype(self._entry(name).dtype)
        except DTypeError:
            return None

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor."""
        return tuple(int(d.size) for d in self._entry(name).shape.dim)

    def _entry(self, name: str) -> BundleEntry:
        if name not in self.entries:
            raise InvalidArgumentError(f"[checkpoint] Key {name} not found in checkpoint {self.prefix!r}. Try tf.train.list_variables(path).")
        return self.entries[name]

    def read(self, name: str) -> np.ndarray[Any, Any]:
        """The elements of a tensor.

        Raises:
            DataLossError: they are cut off, or their checksum differs. NotFoundError: the file with them is gone.
        """
        entry, dtype, shape = self._entry(name), self.dtype(name), self.shape(name)
        if entry.slices:
            raise UnimplementedError(f"[checkpoint] {name!r} is stored in slices, as partitioned variables are. Try writing it from one variable.")
        if dtype is None:
            raise UnimplementedError(f"[checkpoint] {name!r} is of TensorFlow's type {entry.dtype}, which Tenfold has not (a tf.data iterator?).")
        count = _count(shape)
        if count < 0 or len(shape) > MAX_RANK or entry.shape.unknown_rank or (dtype is not string and count * dtype.size != entry.size):
            self._fail(name, f"it has {entry.size} bytes for the shape {shape} of {dtype.name}")
        data = self._bytes(name, entry)
        if dtype is string:
            return self._read_strings(name, data, count, entry).reshape(shape)
        if masked(crc32c(data)) != entry.crc32c:
            self._fail(name, "Checksum does not match")
        return np.frombuffer(data, dtype.numpy.newbyteorder("<")).astype(dtype.numpy, copy=False).reshape(shape)

    def _bytes(self, name: str, entry: BundleEntry) -> bytes:
        if not 0 <= entry.shard_id < self.shards:
            self._fail(name, f"it is in file {entry.shard_id} of {self.shards}")
        path = data_file(self.prefix, entry.shard_id, self.shards)
        try:
            with open(path, "rb") as file:
                available = os.fstat(file.fileno()).st_size
                if not 0 <= entry.offset <= entry.offset + entry.size <= available:
                    self._fail(name, f"it has {entry.size} bytes at {entry.offset}, but {path!r} has {available}: it is cut off")
                file.seek(entry.offset)
                data = file.read(entry.size)
        except OSError as error:
            if isinstance(error, DataLossError):
                raise
            raise NotFoundError(f"[checkpoint] the elements of {name!r} cannot be read: {path!r}: {error.strerror}.") from None
        if len(data) != entry.size:
            self._fail(name, "the file became shorter while it was read")
        return data

    def _read_strings(self, name: str, data: bytes, count: int, entry: BundleEntry) -> np.ndarray[Any, Any]:
        if count > len(data):  # each takes a byte at least
            self._fail(name, f"{count} strings in {len(data)} bytes")
        view, at, lengths = memoryview(data), 0, []
        try:
            for _ in range(count):
                length, at = read_varint(view, at)
                lengths.append(length)
            check = struct.unpack("<I", view[at : at + 4])[0]
        except (IndexError, struct.error):
            self._fail(name, "the lengths of its strings are cut off")
        at += 4
        if at + sum(lengths) != len(data):
            self._fail(name, "its strings have other lengths than it says")
        of_lengths = crc32c(b"".join(struct.pack("<I" if n < 1 << 32 else "<Q", n) for n in lengths))
        if masked(of_lengths) != check or masked(crc32c(data[at:], crc32c(struct.pack("<I", check), of_lengths))) != entry.crc32c:
            self._fail(name, "Checksum does not match")
        found = np.empty(count, object)
        for i, length in enumerate(lengths):
            found[i], at = data[at : at + length], at + length
        return found

    def _fail(self, name: str, problem: str) -> Any:
        raise DataLossError(f"[checkpoint] {self.prefix!r} is damaged at {name!r}: {problem}. Try an earlier checkpoint.")


def _count(shape: tuple[int, ...]) -> int:
    """The number of elements; -1 for a shape that is none."""
    count = 1
    for n in shape:
        count = -1 if n < 0 or count < 0 else count * n
    return count
