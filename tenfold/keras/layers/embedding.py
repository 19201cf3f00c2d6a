"""Embedding: rows of a table; and ReversibleEmbedding, which also projects back onto the table."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras import constraints, initializers, regularizers
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.registry import register
from tenfold.keras.untyped import math
from tenfold.primitives.arithmetic import cast, not_equal
from tenfold.primitives.contraction import matmul
from tenfold.primitives.gather import gather


@register(MODULE)
class Embedding(Layer):
    """Turns integers into vectors: row i of the table for each i.

    Args:
        input_dim: number of rows; indices are less than this.
        output_dim: size of the vectors.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 is padding, to be masked in the layers that follow.
        weights: the table's initial value.

    Example:
        >>> import numpy as np
        >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
        TensorShape([1, 3, 4])
    """

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
                 embeddings_constraint: Any = None, mask_zero: bool = False, weights: Any = None, lora_rank: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        if lora_rank is not None:
            raise NotImplementedError("Embedding: `lora_rank` is not supported. Try training a small layer after the embedding.")
        input_length = kwargs.pop("input_length", None)
        if input_length is not None:
            kwargs.setdefault("input_shape", (input_length,))
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = int(input_dim), int(output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = self.supports_masking = mask_zero
        self.autocast = False
        if weights is not None:
            self.build(None)
            self.set_weights(weights if isinstance(weights, list) else [weights])

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight((self.input_dim, self.output_dim), self.embeddings_initializer, regularizer=self.embeddings_regularizer,
                                          constraint=self.embeddings_constraint, name="embeddings")  # fmt: skip

    def call(self, inputs: Any) -> Any:
        if not inputs.dtype.is_integer:
            inputs = cast(inputs, "int32")
        if getattr(inputs, "_array", None) is not None and inputs._array.size and (inputs._array.max() >= self.input_dim or inputs._array.min() < 0):
            raise InvalidArgumentError(f"[Embedding] an index is out of range. Expected 0 <= index < {self.input_dim} (input_dim); received values "
                                       f"from {inputs._array.min()} to {inputs._array.max()}. Try a larger input_dim.")  # fmt: skip
        table = self.embeddings.value
        return cast(gather(table, inputs, sparse=True), self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return not_equal(inputs, 0) if self.mask_zero else None

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            "embeddings_initializer": initializers.serialize(self.embeddings_initializer),
            "embeddings_regularizer": regularizers.serialize(self.embeddings_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "embeddings_constraint": constraints.serialize(self.embeddings_constraint),
            "mask_zero": self.mask_zero,
        }


@register(MODULE)
class ReversibleEmbedding(Embedding):
    """An embedding that can be called in reverse: vectors -> a number for each row of the table, as language models need.

    Called with `reverse=True` it multiplies by the table (or by another one, if weights are not tied).

    Args:
        input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: see Embedding.
        tie_weights: whether both directions share one table.
        reverse_dtype: the type of the product in reverse.
        logit_soft_cap: if given, results in reverse stay within this bound: tanh(x / bound) * bound.

    Example:
        >>> import numpy as np
        >>> layer = ReversibleEmbedding(10, 4)
        >>> layer(layer(np.array([[1, 2]])), reverse=True).shape
        TensorShape([1, 2, 10])
    """

    def __init__(self, input_dim: int, output_dim: int, tie_weights: bool = True, embeddings_initializer: Any = "uniform",
                 embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False, reverse_dtype: Any = None,
                 logit_soft_cap: float | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero, **kwargs)
        self.tie_weights, self.reverse_dtype, self.logit_soft_cap = tie_weights, reverse_dtype, logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight((self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings")

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            vectors = super().call(inputs)
            mask = super().compute_mask(inputs)
            if mask is not None:
                vectors._keras_mask = mask
            return vectors
        table = self.embeddings.value if self.tie_weights else self.reverse_embeddings.value
        if self.reverse_dtype is not None:
            inputs, table = cast(inputs, self.reverse_dtype), cast(table, self.reverse_dtype)
        logits: Any = matmul(inputs, table, transpose_b=self.tie_weights)
        return logits if self.logit_soft_cap is None else math.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None  # call attaches it, for one direction

    def get_config(self) -> dict[str, Any]:
        options = {"tie_weights": self.tie_weights, "reverse_dtype": self.reverse_dtype, "logit_soft_cap": self.logit_soft_cap}
        return {**super().get_config(), **options}
