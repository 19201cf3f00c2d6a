"""MNIST: 70,000 handwritten digits, 28x28 grey pixels each."""

from __future__ import annotations

from pathlib import Path

from tenfold.data.datasets import store
from tenfold.data.datasets.formats import Split, read_split

SOURCE = store.Source(
    url="https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    name="mnist.npz",
    digest="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)


def load_data(path: str = "mnist.npz") -> Split:
    """Loads MNIST: 60,000 digits to train on and 10,000 to test with.

    The file is looked for in the folder `TENFOLD_DATA_DIR` and its subfolders, then in Keras's cache; else it is downloaded.
    Yann LeCun and Corinna Cortes hold the copyright of MNIST; its licence is CC BY-SA 3.0.

    Args:
        path: The file's name in these folders, or its absolute path.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: pixels as uint8 arrays of shape (n, 28, 28), labels as uint8 arrays of shape (n,).

    Raises:
        DataLossError: The file is truncated, corrupted or something else.
        UnavailableError: There is no file, and it could not be downloaded; the message says where to put it.

    Example:
        >>> import tenfold as tf
        >>> (x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()  # doctest: +SKIP
        >>> x_train.shape, y_test.shape  # doctest: +SKIP
        ((60000, 28, 28), (10000,))
    """
    given = Path(path).expanduser()
    found = given if given.is_absolute() and given.is_file() else store.find(given.name)
    return read_split(found or store.fetch(SOURCE), (28, 28), classes=10)
