"""StringLookup and IntegerLookup: tokens as their numbers in a vocabulary."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.index_lookup import IndexLookup


@register(MODULE)
class StringLookup(IndexLookup):
    """Strings as their numbers in a vocabulary, given or learnt by `adapt`.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included; None: no limit.
        num_oov_indices: how many numbers unknown strings have; several are chosen between by a hash.
        mask_token: the string that means "nothing": number 0 with output_mode="int", left out otherwise.
        oov_token: what unknown strings are shown as.
        vocabulary: the strings in order, or the path of a text file with one on each line.
        idf_weights: a weight for each, for "tf_idf".
        invert: whether numbers are turned into strings instead.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        pad_to_max_tokens: whether vectors have `max_tokens` elements whatever the vocabulary's size.
        sparse: whether eager calls return a SparseTensor (not with "int").
        encoding: of the vocabulary; only UTF-8.
        salt: for several numbers of unknown strings: the key of another hash.

    Example:
        >>> layer = StringLookup(vocabulary=["a", "b", "c"])
        >>> layer([["a", "c"], ["z", "b"]]).numpy()
        array([[1, 3],
               [0, 2]])
        >>> StringLookup(vocabulary=["a", "b"], invert=True)([2, 0]).numpy().tolist()
        [b'b', b'[UNK]']
    """

    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: str | None = None, oov_token: str = "[UNK]",
                 vocabulary: Any = None, idf_weights: Any = None, invert: bool = False, output_mode: str = "int",
                 pad_to_max_tokens: bool = False, sparse: bool = False, encoding: str = "utf-8", name: str | None = None, salt: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        if encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
            raise NotImplementedError(f"[StringLookup] only encoding='utf-8' is supported; received {encoding!r}.")
        self.encoding = encoding
        super().__init__(max_tokens, num_oov_indices, mask_token, oov_token, "string", vocabulary, idf_weights, invert, output_mode, sparse,
                         pad_to_max_tokens, name=name, salt=salt, **kwargs)  # fmt: skip

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "encoding": self.encoding}
        del config["vocabulary_dtype"]  # there is but one
        return config


@register(MODULE)
class IntegerLookup(IndexLookup):
    """Integers as their numbers in a vocabulary, given or learnt by `adapt`.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included; None: no limit.
        num_oov_indices: how many numbers unknown integers have.
        mask_token: the integer that means "nothing": number 0 with output_mode="int", left out otherwise.
        oov_token: what unknown integers become with `invert`.
        vocabulary: the integers in order, or the path of a text file with one on each line.
        vocabulary_dtype: only "int64".
        idf_weights: a weight for each, for "tf_idf".
        invert: whether numbers are turned back into integers.
        output_mode: "int", "one_hot", "multi_hot", "count" or "tf_idf".
        sparse: whether eager calls return a SparseTensor (not with "int").
        pad_to_max_tokens: whether vectors have `max_tokens` elements whatever the vocabulary's size.
        oov_method: for several numbers of unknown integers: "floormod" (the remainder) or "farmhash".
        salt: the key of another hash (with "farmhash").

    Example:
        >>> IntegerLookup(vocabulary=[12, 36, 1138], output_mode="count")([[12, 1138, 1138], [7, 7, 36]]).numpy()
        array([[0., 1., 0., 2.],
               [2., 0., 1., 0.]], dtype=float32)
    """

    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: int | None = None, oov_token: int = -1,
                 vocabulary: Any = None, vocabulary_dtype: Any = "int64", idf_weights: Any = None, invert: bool = False,
                 output_mode: str = "int", sparse: bool = False, pad_to_max_tokens: bool = False, oov_method: str = "floormod",
                 salt: Any = None, name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"If `max_tokens` is set for `IntegerLookup`, it must be greater than 1. Received: max_tokens={max_tokens}")
        if num_oov_indices < 0:
            raise ValueError(f"The value of `num_oov_indices` argument for `IntegerLookup` must >= 0. Received: num_oov_indices={num_oov_indices}")
        if vocabulary_dtype != "int64":
            raise ValueError(f"Only `vocabulary_dtype='int64'` is supported at this time. Received: vocabulary_dtype={vocabulary_dtype}")
        super().__init__(max_tokens, num_oov_indices, mask_token, oov_token, vocabulary_dtype, vocabulary, idf_weights, invert, output_mode, sparse,
                         pad_to_max_tokens, oov_method, name, salt, **kwargs)  # fmt: skip
