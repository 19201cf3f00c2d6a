"""`keras.datasets.california_housing`."""

from tenfold.data.datasets.housing import load_california as load_data

__all__ = ["load_data"]
