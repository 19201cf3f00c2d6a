"""IMDB: 50,000 reviews of films, as lists of word numbers, and whether they are positive."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.data.datasets import sequences, store
from tenfold.data.datasets.formats import read_corpus
from tenfold.data.datasets.sequences import Corpus

FOLDER = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"
SOURCE = store.Source(f"{FOLDER}/imdb.npz", "imdb.npz", "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f")
INDEX = store.Source(f"{FOLDER}/imdb_word_index.json", "imdb_word_index.json", "bfafd718b763782e994055a2d397834f")


def load_data(path: str = "imdb.npz", num_words: int | None = None, skip_top: int = 0, maxlen: int | None = None, seed: int = 113,
              start_char: int | None = 1, oov_char: int | None = 2, index_from: int = 3, **kwargs: Any) -> tuple[Corpus, Corpus]:  # fmt: skip
    """Loads IMDB's reviews: 25,000 to train on, 25,000 to test with, half of each positive (Maas et al., ACL 2011).

    A word's number is its rank by frequency, plus `index_from`. The file is looked for in the folder `TENFOLD_DATA_DIR` and its
    subfolders, then in Keras's cache; else it is downloaded. It holds pickled lists; they are read without running a pickle.

    Args:
        path: the file's name in these folders, or its absolute path.
        num_words: only words whose number is smaller; all by default.
        skip_top: leaves out the words with smaller numbers.
        maxlen: only reviews of fewer words.
        seed: of the order in which the reviews come.
        start_char: the number that begins each review; None for none.
        oov_char: the number of the words that were left out; None to drop them.
        index_from: what is added to each word's rank.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: lists of numbers in an array of objects, labels as int64 (1: positive).

    Raises:
        DataLossError: The file is truncated, corrupted or something else.
        UnavailableError: There is no file, and it could not be downloaded; the message says where to put it.
        ValueError: `maxlen` leaves no review.
    """
    if kwargs.keys() - {"nb_words"}:
        raise TypeError(f"Unrecognized keyword arguments: {', '.join(sorted(kwargs))}.")
    num_words = kwargs.get("nb_words", num_words)
    arrays = read_corpus(sequences.located(path, SOURCE), ("x_train", "y_train", "x_test", "y_test"))
    rng = np.random.RandomState(seed)
    parts = [sequences.shuffled(arrays[f"x_{part}"], arrays[f"y_{part}"], rng) for part in ("train", "test")]
    parts = [sequences.shorter(sequences.numbered(texts, start_char, index_from), labels, maxlen) for texts, labels in parts]
    limit = num_words or max(sequences.largest(texts) for texts, _ in parts)
    train, test = ((sequences.as_array(sequences.within(texts, limit, skip_top, oov_char)), labels) for texts, labels in parts)
    return train, test


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Word -> its rank by frequency, from 1; `load_data` adds `index_from`."""
    return sequences.word_index(path, INDEX)
