"""What IMDB and Reuters share: texts as lists of word numbers, in Keras's numbering and order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tenfold.data.datasets import store
from tenfold.data.datasets.formats import bad_file

Texts: TypeAlias = list[list[int]]
Labels: TypeAlias = NDArray[np.int64]
Corpus: TypeAlias = tuple[NDArray[np.object_], Labels]

MAX_INDEX = 64 << 20


def located(path: str, source: store.Source) -> Path:
    """The file: an absolute path, one of that name in the usual folders, or a download."""
    given = Path(path).expanduser()
    return given if given.is_absolute() and given.is_file() else store.find(given.name) or store.fetch(source)


def shuffled(texts: NDArray[np.object_], labels: Labels, rng: np.random.RandomState) -> tuple[Texts, Labels]:
    order = np.arange(len(texts))
    rng.shuffle(order)
    return [texts[i] for i in order], labels[order]


def numbered(texts: Texts, start_char: int | None, index_from: int) -> Texts:
    """Words count from `index_from`; `start_char` begins each text."""
    start = [] if start_char is None else [start_char]
    return [start + [word + index_from for word in text] for text in texts]


def shorter(texts: Texts, labels: Labels, maxlen: int | None) -> tuple[Texts, Labels]:
    """The texts of fewer than `maxlen` words, and their labels."""
    if not maxlen:
        return texts, labels
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen.")
    return [texts[i] for i in kept], labels[kept]


def within(texts: Texts, num_words: int, skip_top: int, oov_char: int | None) -> Texts:
    """Words from `skip_top` to `num_words`; `oov_char` stands for the others, or they are left out."""
    if oov_char is None:
        return [[word for word in text if skip_top <= word < num_words] for text in texts]
    return [[word if skip_top <= word < num_words else oov_char for word in text] for text in texts]


def largest(texts: Texts) -> int:
    return max(max(text, default=0) for text in texts)


def as_array(texts: Sequence[list[int]]) -> NDArray[np.object_]:
    """An array of lists, also where all have the same length."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


def word_index(path: str, source: store.Source) -> dict[str, int]:
    """Word -> number, from a JSON file."""
    found = located(path, source)
    if found.stat().st_size > MAX_INDEX:
        raise bad_file(found, f"it is larger than {MAX_INDEX:,} bytes")
    try:
        index: Any = json.loads(found.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise bad_file(found, f"it is no JSON file ({error})") from error
    if not isinstance(index, dict) or not all(type(number) is int for number in index.values()):
        raise bad_file(found, "it is no table from words to numbers")
    return index
