"""Small real data sets: a module each, and the digits that come with Tenfold."""

from tenfold.data.datasets import cifar10, fashion_mnist, mnist
from tenfold.data.datasets.digits import bundled_digits

__all__ = ["bundled_digits", "cifar10", "fashion_mnist", "mnist"]
