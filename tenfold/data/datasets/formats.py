"""Readers of the files that data sets come in. They trust nothing: a bad file is a `DataLossError`, never a crash.

No reader runs a pickle or unpacks to disk; each knows how much it is prepared to read.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.core.errors import DataLossError
from tenfold.data.datasets.pickled import read_lists

Images: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.uint8]
Part: TypeAlias = tuple[Images, Labels]
Split: TypeAlias = tuple[Part, Part]

MAX_BYTES = 1 << 30  # no file of these data sets unpacks to more than a fifth of this
IDX_IMAGES, IDX_LABELS = 0x803, 0x801


def bad_file(path: Path | str, reason: str) -> DataLossError:
    return DataLossError(f"[datasets] {path} cannot be used: {reason}. Delete it and get it again.")


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` file; pickled objects are refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > MAX_BYTES:
            raise bad_file(path, f"it would unpack to {size:,} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
        odd = [name for name, value in found.items() if not isinstance(value, np.ndarray)]
        if odd:
            raise bad_file(path, f"its member {odd[0]!r} is no array")
        return found
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, MemoryError, NotImplementedError, RuntimeError, SyntaxError) as error:
        if isinstance(error, DataLossError):
            raise
        raise bad_file(path, f"it is not a whole .npz file of plain arrays ({error})") from error


def read_corpus(path: Path, keys: tuple[str, ...]) -> dict[str, NDArray[Any]]:
    """Texts (keys with x: arrays of lists of numbers, which were pickled) and as many labels (keys with y) of an `.npz` file."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {key: read_member(path, archive, f"{key}.npy") for key in keys}
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, KeyError, NotImplementedError, RuntimeError, SyntaxError) as error:
        if isinstance(error, DataLossError):
            raise
        raise bad_file(path, f"it is not a whole .npz file with {', '.join(keys)} ({error})") from error
    for key, labels in arrays.items():
        texts = arrays[key.replace("y", "x", 1)]
        if key.startswith("y") and (labels.shape != texts.shape or labels.dtype.kind not in "iu"):
            raise bad_file(path, f"expected {len(texts)} whole numbers as labels; found {labels.dtype} {labels.shape}")
    return arrays


def read_member(path: Path, archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """One array; one of objects has to hold lists of whole numbers."""
    with archive.open(name) as stream:
        content = io.BytesIO(read_at_most(stream, path, MAX_BYTES))
    if np.lib.format.read_magic(content) != (1, 0):
        raise bad_file(path, f"{name} has another version of the format than 1.0")
    shape, _, dtype = np.lib.format.read_array_header_1_0(content)
    if not dtype.hasobject:
        content.seek(0)
        return np.lib.format.read_array(content, allow_pickle=False)
    lists = read_lists(content.read())
    array = np.empty(len(lists), object)
    array[:] = lists
    if shape != array.shape:
        raise bad_file(path, f"{name} promises {shape} lists, and there are {len(lists)}")
    return array


def read_split(path: Path, image: tuple[int, ...], classes: int) -> Split:
    """`((x_train, y_train), (x_test, y_test))` of an `.npz` file with these four keys."""
    arrays = read_npz(path)
    missing = [key for key in ("x_train", "y_train", "x_test", "y_test") if key not in arrays]
    if missing:
        raise bad_file(path, f"it lacks {', '.join(missing)}; it has {', '.join(sorted(arrays)) or 'nothing'}")
    train, test = (checked(path, arrays[f"x_{part}"], arrays[f"y_{part}"], image, classes) for part in ("train", "test"))
    return train, test


def checked(path: Path | str, x: NDArray[Any], y: NDArray[Any], image: tuple[int, ...], classes: int) -> Part:
    """`x` and `y` as a part of a data set, if they can be one: labels come back flat."""
    if x.dtype != np.uint8 or x.shape[1:] != image or x.ndim != 1 + len(image):
        raise bad_file(path, f"expected images of uint8 {('n', *image)}; found {x.dtype} {x.shape}".replace("'", ""))
    if y.dtype.kind not in "iu" or y.shape not in ((len(x),), (len(x), 1)):
        raise bad_file(path, f"expected {len(x)} whole numbers as labels; found {y.dtype} {y.shape}")
    if y.size and not (0 <= y.min() and y.max() < classes):
        raise bad_file(path, f"labels go from {y.min()} to {y.max()}; expected 0 to {classes - 1}")
    return x, y.astype(np.uint8).reshape(-1)


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array of one gzipped IDX file, the format that MNIST was published in."""
    try:
        with gzip.open(path) as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise bad_file(path, f"it is not a whole gzip file ({error})") from error
    magic = struct.unpack_from(">I", content)[0] if len(content) >= 4 else 0
    if magic not in (IDX_IMAGES, IDX_LABELS):
        raise bad_file(path, "it does not begin like an IDX file of bytes")
    rank = magic & 0xFF
    start = 4 + 4 * rank
    shape = struct.unpack_from(f">{rank}I", content, 4) if len(content) >= start else ()
    if len(content) - start != math.prod(shape):
        raise bad_file(path, f"its header promises an array {shape}, and {max(0, len(content) - start)} bytes follow")
    return np.frombuffer(bytearray(content[start:]), np.uint8).reshape(shape)


def read_at_most(stream: IO[bytes], path: Path | str, limit: int) -> bytes:
    """All that `stream` holds, if that is not more than `limit` bytes."""
    content = stream.read(limit + 1)
    if len(content) > limit:
        raise bad_file(path, f"it is larger than {limit:,} bytes")
    return content
