"""`keras.datasets.imdb`."""

from tenfold.data.datasets.imdb import get_word_index, load_data

__all__ = ["get_word_index", "load_data"]
