"""CIFAR-10: 60,000 photographs of ten kinds of things, 32x32 colour pixels each."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tenfold.data.datasets import store
from tenfold.data.datasets.formats import Part, Split, bad_file, checked, read_at_most, read_split
from tenfold.data.datasets.pickled import read_batch

SOURCE = store.Source(
    url="https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
    name="cifar-10-python.tar.gz",
    digest="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
)
ARCHIVES = (SOURCE.name, "cifar-10-batches-py.tar.gz")  # the second is what Keras calls it
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = "test_batch"
BATCHES = (*TRAIN, TEST)
MAX_BATCH = 64 << 20
MAX_ARCHIVE = 512 << 20


def load_data() -> Split:
    """Loads CIFAR-10: 50,000 photographs to train on and 10,000 to test with.

    The classes are airplane, automobile, bird, cat, deer, dog, frog, horse, ship and truck. In `TENFOLD_DATA_DIR` and its
    subfolders, then in Keras's cache, it looks for a folder with the published batches (`data_batch_1` to `5` and `test_batch`),
    for `cifar-10-python.tar.gz`, and for `cifar10.npz` (arrays x_train, y_train, x_test, y_test); else it downloads the archive.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: pixels as uint8 arrays of shape (n, 32, 32, 3), labels as uint8 arrays of shape (n, 1).

    Raises:
        DataLossError: A file is truncated, corrupted or something else.
        UnavailableError: There is no file, and it could not be downloaded; the message says where to put it.

    Example:
        >>> import tenfold as tf
        >>> (x_train, y_train), (x_test, y_test) = tf.keras.datasets.cifar10.load_data()  # doctest: +SKIP
        >>> x_train.shape, y_test.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (10000, 1))
    """
    (x_train, y_train), (x_test, y_test) = read_found() or read_archive(store.fetch(SOURCE))
    return (x_train, y_train.reshape(-1, 1)), (x_test, y_test.reshape(-1, 1))


def read_found() -> Split | None:
    """The data set from the first folder that has it in some form."""
    for folder in store.folders():
        if all((folder / name).is_file() for name in BATCHES):
            return read_folder(folder)
        for name in ARCHIVES:
            if (folder / name).is_file():
                return read_archive(folder / name)
        if (folder / "cifar10.npz").is_file():
            return read_split(folder / "cifar10.npz", (32, 32, 3), classes=10)
    return None


def read_folder(folder: Path) -> Split:
    parts = {}
    for name in BATCHES:
        with open(folder / name, "rb") as stream:
            parts[name] = read_part(folder / name, read_at_most(stream, folder / name, MAX_BATCH))
    return join(parts)


def read_archive(path: Path) -> Split:
    return join({name: read_part(f"{path}, member {name}", content) for name, content in unpacked(path, BATCHES, MAX_BATCH)})


def unpacked(path: Path, names: tuple[str, ...], limit: int) -> Iterator[tuple[str, bytes]]:
    """The members of the published archive that are called so; nothing is unpacked to disk."""
    missing = set(names)
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in members(path, archive):
                name = member.name.rsplit("/", 1)[-1]
                stream = archive.extractfile(member) if member.isfile() and name in names else None
                if stream is not None:
                    yield name, read_at_most(stream, path, limit)
                    missing.discard(name)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise bad_file(path, f"it is not a whole .tar.gz file ({error})") from error
    if missing:
        raise bad_file(path, f"it lacks {', '.join(sorted(missing))}")


def members(path: Path, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for member in archive:
        if member.offset_data + member.size > MAX_ARCHIVE:
            raise bad_file(path, f"it unpacks to more than {MAX_ARCHIVE:,} bytes")
        yield member


def read_part(path: Path | str, content: bytes, labels_key: str = "labels", classes: int = 10) -> Part:
    """Pixels and labels of one batch, channels last."""
    try:
        rows, labels = read_batch(content, labels_key)
        x = np.ascontiguousarray(rows.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        y = np.asarray(labels, np.int64)
    except (ValueError, TypeError, OverflowError) as error:
        raise bad_file(path, f"it is no CIFAR-10 batch: {error}") from error
    return checked(path, x, y, (32, 32, 3), classes)


def join(parts: dict[str, Part]) -> Split:
    pixels, labels = zip(*(parts[name] for name in TRAIN), strict=True)
    return (np.concatenate(pixels), np.concatenate(labels)), parts[TEST]
