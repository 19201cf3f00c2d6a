"""`keras.preprocessing.text`: Keras 2's tokenizer. New programs use `layers.TextVectorization`."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """A text's words: the characters of `filters` separate them too.

    Example:
        >>> text_to_word_sequence("Hello, world!")
        ['hello', 'world']
    """
    text = input_text.lower() if lower else input_text
    return [word for word in text.translate({ord(c): split for c in filters}).split(split) if word]


def hashing_trick(text: str, n: int, hash_function: Any = None, filters: str = FILTERS, lower: bool = True, split: str = " ",
                  analyzer: Callable[[str], list[str]] | None = None) -> list[int]:  # fmt: skip
    """Words as numbers from 1 to n - 1 by their hash: "md5" for the same numbers in every process, Python's `hash` by default."""
    if hash_function == "md5":
        hash_function = lambda word: int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)  # noqa: E731
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [(hash_function or hash)(word) % (n - 1) + 1 for word in words]


def one_hot(input_text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ",
            analyzer: Callable[[str], list[str]] | None = None) -> list[int]:  # fmt: skip
    """`hashing_trick` with Python's `hash`."""
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


class Tokenizer:
    """Texts as lists of word numbers; number 1 is the most frequent word of the texts that it was fitted to.

    Args:
        num_words: only words with smaller numbers are used; all by default.
        filters: characters that separate words.
        lower: whether case does not matter.
        split: what separates words.
        char_level: whether characters are numbered rather than words.
        oov_token: stands for words that are not known, with number 1; None: they are left out.
        analyzer: makes words of a text in its own way.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a cat and a dog", "a bird"])
        >>> tokenizer.texts_to_sequences(["a dog and a fish"])
        [[1, 4, 3, 1]]
    """

    def __init__(self, num_words: int | None = None, filters: str = FILTERS, lower: bool = True, split: str = " ", char_level: bool = False,
                 oov_token: str | None = None, analyzer: Callable[[str], list[str]] | None = None, **kwargs: Any) -> None:  # fmt: skip
        self.document_count = kwargs.pop("document_count", 0)
        kwargs.pop("nb_words", None)
        if kwargs:
            raise TypeError(f"Unrecognized keyword arguments: {kwargs}")
        self.num_words, self.filters, self.lower, self.split = num_words, filters, lower, split
        self.char_level, self.oov_token, self.analyzer = char_level, oov_token, analyzer
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: defaultdict[str, int] = defaultdict(int)
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}
        self.index_docs: defaultdict[int, int] = defaultdict(int)

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, list):
            return [t.lower() for t in text] if self.lower else list(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split) if self.analyzer is None else self.analyzer(text)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Counts and numbers the words of texts."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            for word in words:
                self.word_counts[word] = self.word_counts.get(word, 0) + 1
            for word in set(words):
                self.word_docs[word] += 1
        by_count = sorted(self.word_counts.items(), key=lambda pair: pair[1], reverse=True)
        names = ([] if self.oov_token is None else [self.oov_token]) + [word for word, _ in by_count]
        self.word_index = {word: i + 1 for i, word in enumerate(dict.fromkeys(names))}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[list[int]]) -> None:
        """Counts the numbers of sequences, for `sequences_to_matrix`."""
        for sequence in sequences:
            self.document_count += 1
            for i in set(sequence):
                self.index_docs[i] += 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Lists of numbers."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Lists of numbers, one text at a time."""
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for text in texts:
            numbers = (self.word_index.get(word) for word in self._words(text))
            known = (i if i is not None and not (self.num_words and i >= self.num_words) else unknown for i in numbers)
            yield [i for i in known if i is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Words for numbers, with blanks between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Words for numbers, one sequence at a time."""
        for sequence in sequences:
            words = (self.oov_token if self.num_words and i >= self.num_words else self.index_word.get(int(i), self.oov_token) for i in sequence)
            yield " ".join(word for word in words if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> NDArray[np.float64]:
        """A row per text, a column per number."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: list[list[int]], mode: str = "binary") -> NDArray[np.float64]:
        """A row per sequence, a column per number: "binary" whether it is there, "count" how often, "freq" how often of all, "tfidf".

        Raises:
            ValueError: nothing was fitted, or the mode is unknown.
        """
        if not self.num_words and not self.word_index:
            raise ValueError("Specify a dimension (`num_words` argument), or fit on some text data first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        if mode not in ("binary", "count", "freq", "tfidf"):
            raise ValueError(f"Unknown vectorization mode: {mode}. Try 'binary', 'count', 'freq' or 'tfidf'.")
        columns = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), columns))
        for row, sequence in zip(matrix, sequences, strict=True):
            counts = np.bincount([i for i in sequence if i < columns], minlength=columns)[:columns] if sequence else np.zeros(columns)
            if mode == "binary":
                row[:] = counts > 0
            elif mode == "tfidf":
                documents = np.array([self.index_docs.get(i, 0) for i in range(columns)])
                row[:] = np.where(counts > 0, (1 + np.log(np.maximum(counts, 1))) * np.log(1 + self.document_count / (1 + documents)), 0)
            else:
                row[:] = counts / max(1, len(sequence)) if mode == "freq" else counts
        return matrix

    def get_config(self) -> dict[str, Any]:
        """All that makes this tokenizer, in types that JSON knows."""
        tables = {name: json.dumps(getattr(self, name)) for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
        plain = {name: getattr(self, name) for name in ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")}
        return {**plain, **tables}

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as JSON, for `tokenizer_from_json`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that `to_json` wrote."""
    config = json.loads(json_string)["config"]
    tables = {name: json.loads(config.pop(name)) for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
    tokenizer = Tokenizer(**config)
    tokenizer.word_counts = OrderedDict(tables["word_counts"])
    tokenizer.word_docs.update(tables["word_docs"])
    tokenizer.index_docs.update({int(i): n for i, n in tables["index_docs"].items()})
    tokenizer.word_index = tables["word_index"]
    tokenizer.index_word = {int(i): word for i, word in tables["index_word"].items()}
    return tokenizer
