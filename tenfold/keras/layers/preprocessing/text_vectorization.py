"""TextVectorization: texts as the numbers of their words."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.base.untyped import array
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.categories import CategoryLayer, as_values, batches, is_data, one_of
from tenfold.keras.layers.preprocessing.index_lookup import MODES, listed
from tenfold.keras.layers.preprocessing.lookups import StringLookup
from tenfold.keras.saving import serialization
from tenfold.ops import strings
from tenfold.ops.ragged import RaggedTensor
from tenfold.primitives.movement import reshape
from tenfold.primitives.strings import as_strings, each_string
from tenfold.tensor.tensor import Tensor, as_tensor

_STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_PUNCTUATION = rb"""!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'"""
_FUNCTIONS = {  # in UTF-8, ASCII's characters stand for nothing else
    "lower": bytes.lower,
    "strip_punctuation": lambda s: s.translate(None, _PUNCTUATION),
    "lower_and_strip_punctuation": lambda s: s.lower().translate(None, _PUNCTUATION),
}
_OLD_NAMES = {"binary": "multi_hot", "tf-idf": "tf_idf"}


@register(MODULE)
class TextVectorization(CategoryLayer):
    """Texts cut into words (or characters, or runs of words), and these as their numbers in a vocabulary.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included; None: no limit.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", None, or a function of a string tensor.
        split: "whitespace", "character", None, or a function from strings to a RaggedTensor (or tensor) of tokens.
        ngrams: up to how many neighbours are joined to tokens; a tuple: exactly so many.
        output_mode: "int" (0 fills up), "one_hot", "multi_hot", "count" or "tf_idf".
        output_sequence_length: for "int": the number of tokens to which all texts are cut or filled; None: that of the longest. (With it a
            compiled model serves all batches.)
        pad_to_max_tokens: whether vectors have `max_tokens` elements whatever the vocabulary's size.
        vocabulary: the tokens in order, or the path of a text file with one on each line.
        idf_weights: a weight for each, for "tf_idf".
        sparse: whether eager calls return a SparseTensor (not with "int").
        ragged: whether eager calls return a RaggedTensor instead of filling up (only with "int").
        encoding: only UTF-8.

    Example:
        >>> layer = TextVectorization()
        >>> layer.adapt(["the cat sat", "the dog"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'the', 'sat', 'dog', 'cat']
        >>> layer(["The cat!", "a dog sat there"]).numpy()
        array([[2, 5, 0, 0],
               [1, 4, 3, 1]])
    """

    def __init__(self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation", split: Any = "whitespace",
                 ngrams: Any = None, output_mode: str = "int", output_sequence_length: int | None = None, pad_to_max_tokens: bool = False,
                 vocabulary: Any = None, idf_weights: Any = None, sparse: bool = False, ragged: bool = False, encoding: str = "utf-8",
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        if standardize is not None and not callable(standardize):
            one_of(self, "standardize", standardize, _STANDARDS)
        if split is not None and not callable(split):
            one_of(self, "split", split, ("whitespace", "character"))
        output_mode = one_of(self, "output_mode", _OLD_NAMES.get(output_mode, output_mode), MODES)
        if not (ngrams is None or isinstance(ngrams, int) or (isinstance(ngrams, tuple) and all(isinstance(n, int) for n in ngrams))):
            raise ValueError(f"`ngrams` must be None, an integer, or a tuple of integers. Received: ngrams={ngrams}")
        if output_mode == "int" and not (output_sequence_length is None or isinstance(output_sequence_length, int)):
            raise ValueError("`output_sequence_length` must be either None or an integer when `output_mode` is 'int'. "
                             f"Received: output_sequence_length={output_sequence_length}")  # fmt: skip
        if output_mode != "int" and output_sequence_length is not None:
            raise ValueError("`output_sequence_length` must not be set if `output_mode` is not 'int'. "
                             f"Received output_sequence_length={output_sequence_length}.")  # fmt: skip
        if ragged and output_mode != "int":
            raise ValueError(f"`ragged` must not be true if `output_mode` is not `'int'`. Received: ragged={ragged} and output_mode={output_mode}")
        given = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        size = kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        self._standardize, self._split, self._ngrams, self._ragged = standardize, split, ngrams, ragged
        self._output_mode, self._output_sequence_length = output_mode, output_sequence_length
        self._has_input_vocabulary = given
        self._lookup_layer = StringLookup(max_tokens, mask_token="", vocabulary=vocabulary, idf_weights=idf_weights, output_mode=output_mode,
                                          pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, encoding=encoding, has_input_vocabulary=given,
                                          vocabulary_size=size)  # fmt: skip

    @property
    def compute_dtype(self) -> str:
        """The type of its input."""
        return "string"

    variable_dtype = input_dtype = compute_dtype

    # --- the vocabulary ---
    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learns the vocabulary from texts, or from (the first `steps`) batches of them: the most frequent tokens come first."""
        self.reset_state()
        if is_data(data, lists=True):
            x = as_values(data)
            self.update_state(reshape(x, (*x.sizes, 1)) if x.ndim == 1 else x)
        else:
            for batch in batches(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Counts the tokens of a batch of texts."""
        self._lookup_layer.update_state(self._tokens(data))

    def finalize_state(self) -> None:
        """Makes the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forgets what was counted; the vocabulary stays."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their numbers, with or without the special ones."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """The number of tokens, the special ones too."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Sets the vocabulary (and, for "tf_idf", the weight of each token), instead of `adapt`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # --- the layer ---
    def _tokens(self, inputs: Any) -> Any:
        """The tokens: rows of different lengths, or a dense tensor if nothing is split."""
        x = self._standardized(as_values(inputs))
        if self._split is not None:
            if isinstance(x, Tensor) and x.ndim > 1:
                if x.ndim > 2 or x.sizes[-1] != 1:
                    raise InvalidArgumentError("When using `TextVectorization` to tokenize strings, the input rank must be 1 or the last shape "
                                               f"dimension must be 1. Received: inputs.shape={x.shape} with rank={x.ndim}")  # fmt: skip
                x = reshape(x, x.sizes[:-1])
            if callable(self._split):
                x = self._split(x)
            else:
                x = strings.split(x) if self._split == "whitespace" else strings.unicode_split(x, "UTF-8")
        if self._ngrams is None:
            return x
        widths = tuple(range(1, self._ngrams + 1)) if isinstance(self._ngrams, int) else self._ngrams
        return strings.ngrams(x, widths)

    def _standardized(self, x: Any) -> Any:
        if callable(self._standardize):
            return self._standardize(x)
        if self._standardize is None:
            return x
        if isinstance(x, RaggedTensor):
            return x.with_values(self._standardized(x.values))
        return each_string(as_strings("TextVectorization", x), function=_FUNCTIONS[self._standardize], dtype="string")

    def call(self, inputs: Any) -> Any:
        tokens = self._tokens(inputs)
        if not isinstance(tokens, (RaggedTensor, Tensor)):
            tokens = as_tensor(tokens)
        if self._output_mode != "int":
            ranked = isinstance(tokens, RaggedTensor) or tokens.ndim > 1 or self._split is not None
            return self._lookup_layer.call(tokens if ranked else reshape(tokens, (*tokens.sizes, 1)))
        found = self._lookup_layer.call(tokens)
        length = self._output_sequence_length
        if isinstance(found, RaggedTensor):
            return (found if length is None else _shortened(found, length)) if self._ragged else found.to_tensor(0, shape=(None, length))
        if length is None or found.ndim == 0:
            return found
        width = found.sizes[-1]
        kept = found[..., : min(width, length)]
        return array.pad(kept, [[0, 0]] * (found.ndim - 1) + [[0, max(length - width, 0)]])

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_mode == "int":
            return (input_shape[0], self._output_sequence_length)
        shape = tuple(input_shape)
        if self._split is not None:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        elif len(shape) <= 1:
            shape = (*shape, 1)
        return self._lookup_layer.compute_output_shape(shape)

    def compute_output_spec(self, inputs: Any) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), "int64" if self._output_mode == "int" else floatx(), self._lookup_layer.sparse)

    # --- files ---
    def get_config(self) -> dict[str, Any]:
        lookup = self._lookup_layer
        keep = serialization.serialize_keras_object
        return {**super().get_config(), "max_tokens": lookup.max_tokens, "standardize": keep(self._standardize), "split": keep(self._split),
                "ngrams": self._ngrams, "output_mode": self._output_mode, "output_sequence_length": self._output_sequence_length,
                "pad_to_max_tokens": lookup.pad_to_max_tokens, "sparse": lookup.sparse, "ragged": self._ragged,
                "vocabulary": listed(lookup.input_vocabulary), "idf_weights": listed(lookup.input_idf_weights), "encoding": lookup.encoding,
                "vocabulary_size": self.vocabulary_size()}  # fmt: skip

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        made = dict(config)
        for key in ("standardize", "split"):
            if isinstance(made.get(key), dict):
                made[key] = serialization.deserialize_keras_object(made[key])
        if isinstance(made.get("ngrams"), list):
            made["ngrams"] = tuple(made["ngrams"])
        return cls(**made)

    def save_own_variables(self, store: Any) -> None:
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Writes the vocabulary, if it does not stand in the config, into a folder."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Reads the vocabulary that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)


def _shortened(rows: RaggedTensor, length: int) -> RaggedTensor:
    """The first `length` elements of each row."""
    return RaggedTensor.from_tensor(rows.to_tensor(-1, shape=(None, length)), padding=-1)
