"""IndexLookup: what StringLookup and IntegerLookup share, a vocabulary and the numbers of its tokens."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype, int64
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.hashing import fingerprint, siphash
from tenfold.core.strings import as_bytes
from tenfold.core.text import decoded
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.layers.preprocessing.categories import (
    NONE,
    CategoryLayer,
    as_values,
    batches,
    encode,
    encoded_shape,
    is_data,
    one_of,
    salt_of,
)
from tenfold.keras.saving.safe_mode import in_safe_mode
from tenfold.ops.ragged import RaggedTensor
from tenfold.ops.sparse import SparseTensor
from tenfold.primitives.strings import each_string
from tenfold.tensor.tensor import Tensor, as_tensor, wrap

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
_OLD_NAMES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


class IndexLookup(CategoryLayer):
    """Tokens as their numbers in a vocabulary, or (`invert`) numbers as tokens.

    Numbers begin with the mask's (0, if there is a mask and the output is "int"), go on with those of unknown tokens (`num_oov_indices` of
    them), and then follow the vocabulary.
    """

    def __init__(self, max_tokens: int | None, num_oov_indices: int, mask_token: Any, oov_token: Any, vocabulary_dtype: Any,
                 vocabulary: Any = None, idf_weights: Any = None, invert: bool = False, output_mode: str = "int", sparse: bool = False,
                 pad_to_max_tokens: bool = False, oov_method: str = "floormod", name: str | None = None, salt: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        output_mode = one_of(self, "output_mode", _OLD_NAMES.get(output_mode, output_mode), MODES)
        one_of(self, "oov_method", oov_method, ("floormod", "farmhash"))
        _check(max_tokens, num_oov_indices, idf_weights, invert, output_mode, sparse, pad_to_max_tokens)
        self.vocabulary_dtype = as_dtype(vocabulary_dtype).name
        if salt is not None and self.vocabulary_dtype != "string" and oov_method != "farmhash":
            raise ValueError(f"`salt` can only be used when `oov_method='farmhash'`. Received: oov_method={oov_method}")
        frozen = kwargs.pop("vocabulary_size", None)
        given = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        kwargs.pop("trainable", None)
        kwargs.pop("dtype", None)
        if kwargs:
            raise ValueError(f"Unrecognized keyword argument(s): {kwargs}")
        super().__init__(name=name)
        self.max_tokens, self.num_oov_indices, self.mask_token, self.oov_token = max_tokens, num_oov_indices, mask_token, oov_token
        self.invert, self.output_mode, self.sparse, self.pad_to_max_tokens = invert, output_mode, sparse, pad_to_max_tokens
        self.oov_method, self.salt = oov_method, salt_of(self, salt)
        self.input_vocabulary = None if isinstance(vocabulary, str) else vocabulary
        self.input_idf_weights = idf_weights
        self.idf_weights: Tensor | None = None  # of all numbers, for "tf_idf"
        self._frozen_vocab_size = frozen
        self._has_input_vocabulary = given
        self._tokens: list[Any] = []  # bytes, or integers
        self._numbers = self._table()
        self.reset_state()
        if vocabulary is not None:
            if output_mode == "tf_idf" and idf_weights is None:
                raise ValueError(
                    "When specifying the `vocabulary` argument, in TF-IDF output mode, the `idf_weights` argument must also be provided."
                )
            self.set_vocabulary(vocabulary, idf_weights)

    # --- the vocabulary ---
    def _oov_start(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    def _token_start(self) -> int:
        return self._oov_start() + self.num_oov_indices

    def _depth(self) -> Any:
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size

    def _key(self, token: Any) -> Any:
        """A token as tensors hold it."""
        return as_bytes(token) if self.vocabulary_dtype == "string" and isinstance(token, str) else token

    def _shown(self, token: Any) -> Any:
        return decoded(token) if isinstance(token, bytes) else token

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their numbers, with or without those of masks and unknown tokens."""
        special = [self.mask_token] * self._oov_start() + [self.oov_token] * self.num_oov_indices
        return [*(special if include_special_tokens else []), *map(self._shown, self._tokens)]

    def vocabulary_size(self) -> int:
        """The number of tokens, those of masks and unknown tokens too."""
        return self._token_start() + len(self._tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Sets the vocabulary (and, for "tf_idf", the weight of each token), instead of `adapt`.

        Args:
            vocabulary: the tokens in order, or the path of a text file with one on each line; special tokens may stand in front of them.
            idf_weights: a weight for each token.

        Raises:
            ValueError: a token comes twice, the vocabulary is too large, weights are missing, ...
        """
        if self.output_mode == "tf_idf" and idf_weights is None and not isinstance(vocabulary, str):
            raise ValueError("`idf_weights` must be set if output_mode is 'tf_idf'.")
        if self.output_mode != "tf_idf" and idf_weights is not None:
            raise ValueError(f"`idf_weights` should only be set if output_mode is `'tf_idf'`. Received: output_mode={self.output_mode} "
                             f"and idf_weights={idf_weights}")  # fmt: skip
        if isinstance(vocabulary, str):
            vocabulary = self._tokens_of_file(vocabulary)
        listed = [self._key(t) for t in np.asarray(vocabulary.numpy() if isinstance(vocabulary, Tensor) else vocabulary, object).tolist()]
        if not listed:
            raise ValueError(f"Cannot set an empty vocabulary. Received: vocabulary={vocabulary}")
        special = [self._key(self.mask_token)] * self._oov_start() + [self._key(self.oov_token)] * self.num_oov_indices
        found = bool(special) and listed[: len(special)] == special
        self._set_tokens(listed[len(special) :] if found else listed)
        if idf_weights is not None:
            self._set_weights(np.asarray(idf_weights, np.float64), len(listed), 0 if found else len(special))

    def _tokens_of_file(self, path: str) -> list[Any]:
        if in_safe_mode():
            raise InvalidArgumentError(
                f"Requested the loading of a vocabulary file outside of the model archive: {path!r}. What a file says may not have other files "
                "read. If you trust it, pass `safe_mode=False` to the loading function."
            )
        if not os.path.exists(path):
            raise ValueError(f"Vocabulary file {path} does not exist.")
        if self.output_mode == "tf_idf":
            raise ValueError("output_mode `'tf_idf'` does not support loading a vocabulary from file.")
        with open(path, encoding="utf-8") as file:
            return self._parsed(file.read())

    def _parsed(self, text: str) -> list[Any]:
        lines = text.split("\n")
        while lines and not lines[-1]:
            lines.pop()
        return lines if self.vocabulary_dtype == "string" else [int(line) for line in lines]

    def _set_tokens(self, tokens: list[Any]) -> None:
        repeated = [self._shown(t) for t, n in Counter(tokens).items() if n > 1]
        if repeated:
            raise ValueError("The passed vocabulary has at least one repeated term. Please uniquify your dataset. "
                             f"The repeated terms are: {repeated}")  # fmt: skip
        for what, token in (("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)):
            if token is not None and self._key(token) in tokens:
                raise ValueError(f"Found reserved {what} token at unexpected location in `vocabulary`. Note that passed `vocabulary` does not need "
                                 "to include the OOV and mask tokens. Either remove all mask and OOV tokens, or include them only at the start "
                                 "of the vocabulary, the mask first. "
                                 f"Received: {token!r} at vocabulary index {tokens.index(self._key(token))}")  # fmt: skip
        size = self._token_start() + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(f"Attempted to set a vocabulary larger than the maximum vocab size. Received vocabulary size is {size}; "
                             f"`max_tokens` is {self.max_tokens}.")  # fmt: skip
        self._freeze(size)
        self._tokens = tokens
        self._numbers = self._table()

    def _table(self) -> dict[Any, int]:
        """The number of each token, and of the mask."""
        mask = {} if self.mask_token is None else {self._key(self.mask_token): 0 if self.output_mode == "int" else NONE}
        return {t: i for i, t in enumerate(self._tokens, self._token_start())} | mask

    def _freeze(self, size: int) -> None:
        """Once vectors have a length, it stays."""
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self._frozen_vocab_size not in (None, size):
            raise RuntimeError(f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, the vocabulary size cannot be changed "
                               f"after the layer is called. Old vocab size is {self._frozen_vocab_size}, new vocab size is {size}")  # fmt: skip
        self._frozen_vocab_size = size

    def _set_weights(self, weights: Any, count: int, missing: int) -> None:
        if weights.ndim != 1 or len(weights) != count:
            raise ValueError(f"`idf_weights` must be the same length as vocabulary. len(idf_weights) is {len(weights)}; len(vocabulary) is {count}")
        front = np.full(missing, np.average(weights))  # what is unknown counts as what is known does on average
        back = np.zeros(max((self.max_tokens or 0) - missing - len(weights), 0) if self.pad_to_max_tokens else 0)
        self.idf_weights = wrap(np.concatenate([front, weights, back]).astype(as_dtype(floatx()).numpy))

    # --- learning it ---
    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learns the vocabulary from an array or list of tokens, or from (the first `steps`) batches: the most frequent come first."""
        self.reset_state()
        if is_data(data, lists=True):
            x = as_values(data, self.vocabulary_dtype)
            self.update_state(x[:, None] if isinstance(x, Tensor) and x.ndim == 1 else x)
        else:
            for batch in batches(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Counts the tokens of a batch; a vector is one document."""
        if self._has_input_vocabulary:
            raise ValueError(f"Cannot adapt layer '{self.name}' after setting a static vocabulary via `vocabulary` argument or "
                             "`set_vocabulary()` method.")  # fmt: skip
        x = as_values(data, self.vocabulary_dtype)
        rows = x._rows() if isinstance(x, RaggedTensor) else _documents(as_tensor(x)._elements())
        self._documents += len(rows)
        for row in rows:
            tokens = row.ravel().tolist()
            self._counts.update(tokens)
            if self.output_mode == "tf_idf":
                self._document_counts.update(set(tokens))

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        if self._has_input_vocabulary or not self._counts:
            self._freeze(self.vocabulary_size())
            return
        for token in (self.mask_token, self.oov_token):
            self._counts.pop(self._key(token), None)
        most = None if self.max_tokens is None else max(self.max_tokens - self._token_start(), 0)
        tokens = sorted(self._counts, key=lambda t: (self._counts[t], t), reverse=True)[:most]
        self._set_tokens(tokens)
        if self.output_mode == "tf_idf":
            seen = np.array([self._document_counts[t] for t in tokens], np.float64)
            self._set_weights(np.log(1 + self._documents / (1 + seen)), len(tokens), self._token_start())
        self.reset_state()

    def reset_state(self) -> None:
        """Forgets what was counted; the vocabulary stays."""
        self._counts: Counter[Any] = Counter()
        self._document_counts: Counter[Any] = Counter()
        self._documents = 0

    # --- looking up ---
    def call(self, inputs: Any) -> Any:
        if self.output_mode != "int" and self._depth() is None:
            raise RuntimeError(f"When using `output_mode={self.output_mode}` and `pad_to_max_tokens=False`, you must set the layer's vocabulary "
                               "before calling it. Either pass a `vocabulary` argument to the layer, or call `adapt` with some "
                               "sample data.")  # fmt: skip
        x = as_values(inputs, int64 if self.invert else self.vocabulary_dtype)
        if isinstance(x, (RaggedTensor, SparseTensor)):
            found: Any = x.with_values(self._looked_up(x.values))
        else:
            found = self._looked_up(x)
        if self.output_mode == "int":
            return found
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        if self.output_mode != "tf_idf":
            return encode(found, mode, self._depth(), floatx(), self.sparse)
        weights: Any = self.idf_weights
        if weights is None:
            raise ValueError("When `output_mode` is `'tf_idf'`, `idf_weights` must be provided.")
        counts = encode(found, mode, self._depth(), floatx())
        return self._as_sparse(counts * weights)

    def _looked_up(self, x: Tensor) -> Tensor:
        """The numbers (or tokens) of all elements. The vocabulary is asked when the elements are there, so a traced function follows it."""
        function: Any = self._token_of if self.invert else _Numbers(self)
        result: Tensor = each_string(x, function=function, dtype=self.vocabulary_dtype if self.invert else int64)
        return result

    def _token_of(self, number: int) -> Any:
        if self.mask_token is not None and number == 0:
            return self._key(self.mask_token)
        at = number - self._token_start()
        return self._tokens[at] if 0 <= at < len(self._tokens) else self._key(self.oov_token)

    def _numbers_of(self, tokens: list[Any]) -> list[int]:
        table, start = self._numbers, self._oov_start()
        if self.num_oov_indices == 1:
            return [table.get(t, start) for t in tokens]
        found = [table.get(t) for t in tokens]
        return [start + self._bucket(t) if n is None else n for t, n in zip(tokens, found, strict=True)]

    def _bucket(self, token: Any) -> int:
        """Which of the numbers for unknown tokens."""
        count = self.num_oov_indices
        if count == 1:
            return 0
        if count == 0:
            raise InvalidArgumentError("When `num_oov_indices=0` all inputs should be in vocabulary, found OOV values "
                                       f"[{self._shown(token)!r}], consider setting `num_oov_indices=1`.")  # fmt: skip
        if isinstance(token, int) and self.oov_method == "floormod":
            return token % count
        written = token if isinstance(token, bytes) else b"%d" % token
        return (fingerprint(written) if self.salt is None else siphash(written, (self.salt[0], self.salt[1]))) % count

    # --- shapes, files ---
    @property
    def compute_dtype(self) -> str:
        """The type of its tokens."""
        return self.vocabulary_dtype

    variable_dtype = input_dtype = compute_dtype

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        if self.output_mode in ("int", "one_hot"):
            return encoded_shape(shape, self.output_mode, self._depth())
        return (*shape[:-1], self._depth())

    def compute_output_spec(self, inputs: Any) -> Any:
        dtype = self.vocabulary_dtype if self.invert else "int64" if self.output_mode == "int" else floatx()
        return KerasTensor(self.compute_output_shape(inputs.shape), dtype, sparse=self.sparse)

    def get_build_config(self) -> dict[str, Any]:
        return {}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "invert": self.invert, "max_tokens": self.max_tokens, "num_oov_indices": self.num_oov_indices,
                "oov_token": self.oov_token, "mask_token": self.mask_token, "output_mode": self.output_mode, "sparse": self.sparse,
                "pad_to_max_tokens": self.pad_to_max_tokens, "vocabulary_dtype": self.vocabulary_dtype,
                "idf_weights": listed(self.input_idf_weights), "vocabulary": listed(self.input_vocabulary),
                "vocabulary_size": self._frozen_vocab_size, "oov_method": self.oov_method, "salt": self.salt}  # fmt: skip

    def save_own_variables(self, store: Any) -> None:
        if self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights.numpy()

    def load_own_variables(self, store: Any) -> None:
        if self.output_mode == "tf_idf":
            self.idf_weights = wrap(np.asarray(store["idf_weights"]).astype(as_dtype(floatx()).numpy))

    def save_assets(self, dir_path: str) -> None:
        """Writes the vocabulary, if it does not stand in the config, to `vocabulary.txt` in a folder."""
        if self.input_vocabulary is None:
            with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8") as file:
                file.write("\n".join(str(w) for w in self.get_vocabulary()))

    def load_assets(self, dir_path: str) -> None:
        """Reads the vocabulary that `save_assets` wrote."""
        if self.input_vocabulary is None:
            with open(os.path.join(dir_path, "vocabulary.txt"), encoding="utf-8") as file:
                tokens = self._parsed(file.read())
            special = self._token_start()
            self._set_tokens([self._key(t) for t in tokens[special:]])


class _Numbers:
    """The numbers of tokens in the vocabulary that a layer has when it is asked."""

    def __init__(self, layer: IndexLookup) -> None:
        self._layer = layer

    def many(self, tokens: list[Any]) -> list[int]:
        """The number of each token."""
        return self._layer._numbers_of(tokens)


def _documents(x: Any) -> list[Any]:
    return [x.reshape(-1)] if x.ndim < 2 else list(x)


def _check(max_tokens: Any, num_oov_indices: int, idf_weights: Any, invert: bool, output_mode: str, sparse: bool, padded: bool) -> None:
    if max_tokens is not None and max_tokens <= 1:
        raise ValueError(f"If set, `max_tokens` must be greater than 1. Received: max_tokens={max_tokens}")
    if padded and max_tokens is None:
        raise ValueError(f"If pad_to_max_tokens is True, must set `max_tokens`. Received: max_tokens={max_tokens}")
    if num_oov_indices < 0:
        raise ValueError(f"`num_oov_indices` must be greater than or equal to 0. Received: num_oov_indices={num_oov_indices}")
    if invert and output_mode != "int":
        raise ValueError(f"`output_mode` must be `'int'` when `invert` is true. Received: output_mode={output_mode}")
    if sparse and output_mode == "int":
        raise ValueError("`sparse` may only be true if `output_mode` is `'one_hot'`, `'multi_hot'`, `'count'` or `'tf_idf'`. "
                         f"Received: sparse={sparse} and output_mode={output_mode}")  # fmt: skip
    if idf_weights is not None and output_mode != "tf_idf":
        raise ValueError("`idf_weights` should only be set if `output_mode` is `'tf_idf'`. "
                         f"Received: idf_weights={idf_weights} and output_mode={output_mode}")  # fmt: skip


def listed(value: Any) -> Any:
    """Tensors and arrays as lists, for configs; bytes as text."""
    if isinstance(value, Tensor):
        value = value.numpy()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return [decoded(v) if isinstance(v, bytes) else v for v in value] if isinstance(value, (list, tuple)) else value


__all__ = ["IndexLookup", "listed"]
