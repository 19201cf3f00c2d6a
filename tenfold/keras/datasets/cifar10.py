"""`keras.datasets.cifar10`."""

from tenfold.data.datasets.cifar10 import load_data

__all__ = ["load_data"]
