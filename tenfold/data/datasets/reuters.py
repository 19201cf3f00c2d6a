"""Reuters: 11,228 newswires of 46 topics, as lists of word numbers."""

from __future__ import annotations

import numpy as np

from tenfold.data.datasets import sequences, store
from tenfold.data.datasets.formats import read_corpus
from tenfold.data.datasets.imdb import FOLDER
from tenfold.data.datasets.sequences import Corpus

SOURCE = store.Source(f"{FOLDER}/reuters.npz", "reuters.npz", "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916")
INDEX = store.Source(f"{FOLDER}/reuters_word_index.json", "reuters_word_index.json", "4d44cc38712099c9e383dc6e5f11a921")
TOPICS = (
    "cocoa grain veg-oil earn acq wheat copper housing money-supply coffee sugar trade reserves ship cotton carcass crude nat-gas cpi "
    "money-fx interest gnp meal-feed alum oilseed gold tin strategic-metal livestock retail ipi iron-steel rubber heat jobs lei bop zinc "
    "orange pet-chem dlr gas silver wpi hog lead"
)


def load_data(path: str = "reuters.npz", num_words: int | None = None, skip_top: int = 0, maxlen: int | None = None, test_split: float = 0.2,
              seed: int = 113, start_char: int | None = 1, oov_char: int | None = 2, index_from: int = 3) -> tuple[Corpus, Corpus]:  # fmt: skip
    """Loads Reuters' newswires and their topics, 0 to 45 (Lewis, Reuters-21578).

    The arguments are those of `imdb.load_data`, and `test_split`: the part that is kept to test with.

    Returns:
        `((x_train, y_train), (x_test, y_test))`: lists of numbers in an array of objects, labels as int64.

    Raises:
        DataLossError: The file is truncated, corrupted or something else.
        UnavailableError: There is no file, and it could not be downloaded; the message says where to put it.
        ValueError: `maxlen` leaves no newswire.
    """
    arrays = read_corpus(sequences.located(path, SOURCE), ("x", "y"))
    texts, labels = sequences.shuffled(arrays["x"], arrays["y"], np.random.RandomState(seed))
    texts, labels = sequences.shorter(sequences.numbered(texts, start_char, index_from), labels, maxlen)
    x = sequences.as_array(sequences.within(texts, num_words or sequences.largest(texts), skip_top, oov_char))
    cut = int(len(x) * (1 - test_split))
    return (x[:cut], labels[:cut]), (x[cut:], labels[cut:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Word -> its rank by frequency, from 1; `load_data` adds `index_from`."""
    return sequences.word_index(path, INDEX)


def get_label_names() -> tuple[str, ...]:
    """The 46 topics, in the order of their numbers."""
    return tuple(TOPICS.split())
