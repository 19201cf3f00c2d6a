"""A part of MNIST that comes with Tenfold, so that a first program needs no network."""

from __future__ import annotations

from pathlib import Path

from tenfold.data.datasets.formats import Split, read_split

FILE = Path(__file__).parents[1] / "digits" / "digits.npz"


def bundled_digits() -> Split:
    """Loads 10,000 digits of MNIST to train on and 2,000 to test with, as many of each kind.

    They were drawn at random, the first from MNIST's training set and the others from its test set. Yann LeCun and Corinna Cortes
    hold the copyright of MNIST; its licence, CC BY-SA 3.0, lies beside the file.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: pixels as uint8 arrays of shape (n, 28, 28), labels as uint8 arrays of shape (n,).

    Example:
        >>> (x_train, y_train), (x_test, y_test) = bundled_digits()
        >>> x_train.shape, x_test.shape
        ((10000, 28, 28), (2000, 28, 28))
    """
    return read_split(FILE, (28, 28), classes=10)
