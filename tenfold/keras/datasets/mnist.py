"""`keras.datasets.mnist`."""

from tenfold.data.datasets.mnist import load_data

__all__ = ["load_data"]
