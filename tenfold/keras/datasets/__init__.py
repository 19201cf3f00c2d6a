"""`keras.datasets`."""

from tenfold.core.missing import missing as _missing
from tenfold.keras.datasets import cifar10, fashion_mnist, mnist

__all__ = ["cifar10", "fashion_mnist", "mnist"]
__getattr__ = _missing("tf.keras.datasets", "It has mnist, fashion_mnist and cifar10.")
