"""CIFAR-100: 60,000 photographs of a hundred kinds of things in twenty groups, 32x32 colour pixels each."""

from __future__ import annotations

from pathlib import Path

from tenfold.data.datasets import store
from tenfold.data.datasets.cifar10 import MAX_ARCHIVE, read_part, unpacked
from tenfold.data.datasets.formats import Split

SOURCE = store.Source(
    url="https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
    name="cifar-100-python.tar.gz",
    digest="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
)
PARTS = ("train", "test")
CLASSES = {"fine": 100, "coarse": 20}


def load_data(label_mode: str = "fine") -> Split:
    """Loads CIFAR-100: 50,000 photographs to train on and 10,000 to test with.

    In `TENFOLD_DATA_DIR` and its subfolders, then in Keras's cache, it looks for the folder `cifar-100-python` with the published
    files (`train`, `test`) and for `cifar-100-python.tar.gz`; else it downloads the archive.

    Args:
        label_mode: "fine" for the hundred classes, "coarse" for the twenty groups.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: pixels as uint8 arrays of shape (n, 32, 32, 3), labels as uint8 arrays of shape (n, 1).

    Raises:
        ValueError: `label_mode` is neither.
        DataLossError: A file is truncated, corrupted or something else.
        UnavailableError: There is no file, and it could not be downloaded; the message says where to put it.
    """
    if label_mode not in CLASSES:
        raise ValueError(f'`label_mode` must be one of `"fine"`, `"coarse"`. Received: label_mode={label_mode}.')
    folder = next((f for f in store.folders() if f.name == "cifar-100-python" and all((f / part).is_file() for part in PARTS)), None)
    if folder is not None:
        contents = {part: (folder / part).read_bytes() for part in PARTS}
        where: Path = folder
    else:
        where = store.find(SOURCE.name) or store.fetch(SOURCE)
        contents = dict(unpacked(where, PARTS, MAX_ARCHIVE))
    parts = (read_part(where / part, contents[part], f"{label_mode}_labels", CLASSES[label_mode]) for part in PARTS)
    (x_train, y_train), (x_test, y_test) = parts
    return (x_train, y_train.reshape(-1, 1)), (x_test, y_test.reshape(-1, 1))
