"""`keras.preprocessing.sequence`."""

from tenfold.keras.preprocessing.generators import TimeseriesGenerator
from tenfold.keras.utils.padding import pad_sequences

__all__ = ["TimeseriesGenerator", "pad_sequences"]
