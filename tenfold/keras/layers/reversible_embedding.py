"""ReversibleEmbedding: an embedding that also projects vectors back onto its table."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.embedding import Embedding
from tenfold.keras.layers.quantizing import products, storage
from tenfold.keras.quantizers.packing import pack_int4, unpack_int4
from tenfold.keras.quantizers.quantizer import AbsMaxQuantizer
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.contraction import integer_matmul, matmul
from tenfold.primitives.movement import transpose


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

    reverse_embeddings: Any = None
    reverse_embeddings_scale: Any

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights and self.reverse_embeddings is None:
            self.reverse_embeddings = self.add_weight((self.output_dim, self.input_dim), self.embeddings_initializer, name="reverse_embeddings")

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            vectors = super().call(inputs)
            mask = super().compute_mask(inputs)
            if mask is not None:
                vectors._keras_mask = mask
            return vectors
        if self.quantization_mode == "int8" and products.in_bytes(self.inputs_quantizer):
            logits = cast(self._reversed_integers(cast(inputs, "float32")), self.compute_dtype)
        else:
            logits = self._reversed(inputs)
        return logits if self.logit_soft_cap is None else math.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap

    def _reversed(self, inputs: Any) -> Any:
        """The product with the table that is kept, or that is stood for."""
        mode, table = self.quantization_mode, self._reverse_table()
        plain = mode is None
        x = cast(inputs, self.compute_dtype) if plain else products.rounded(cast(inputs, "float32"), self.inputs_quantizer, -1)
        if self.reverse_dtype is not None:
            x, table = cast(x, self.reverse_dtype), cast(table, self.reverse_dtype)
        logits = matmul(x, table)
        return logits if plain else cast(logits, self.compute_dtype)

    def _reversed_integers(self, inputs: Any) -> Any:
        """The product with the integers of the table."""
        table = storage.plain(self._weight if self.tie_weights else self.reverse_embeddings)
        scale = storage.plain(self.embeddings_scale if self.tie_weights else self.reverse_embeddings_scale)

        def product(x: Any) -> Any:
            q, factor = self.inputs_quantizer(x, axis=-1)
            return cast(integer_matmul(q, table, transpose_b=self.tie_weights), x.dtype) / (scale * factor)

        return products.passing(product, lambda x: matmul(x, self._reverse_table()), inputs)

    def _reverse_table(self) -> Any:
        """[vectors, rows of the table], as floats."""
        mode = self.quantization_mode
        if self.tie_weights:
            table = as_tensor(self.embeddings) if mode is None else self._restored()
            return transpose(table, (1, 0))
        if mode is None:
            return self.reverse_embeddings.value
        integers, scale = storage.plain(self.reverse_embeddings), storage.plain(self.reverse_embeddings_scale)
        if mode == "int8":
            return cast(integers, scale.dtype) / scale
        return storage.restored_four_bits(self, "reverse_embeddings", unpack_int4(integers, self.output_dim, axis=0), 0)

    # --- quantization: the second table, if there is one, is kept as the first ---
    def quantized_build(self, input_shape: Any, mode: Any, config: Any = None) -> None:
        super().quantized_build(input_shape, mode, config)
        self.inputs_quantizer = AbsMaxQuantizer(axis=-1) if config is None else config.activation_quantizer
        if self.tie_weights:
            return
        rows, size = self.output_dim, self._int4_block_size
        groups = mode == "int4" and size not in (None, -1)
        scales = (-(-rows // size), self.input_dim) if groups and size else (self.input_dim,)
        kept = ((rows + 1) // 2 if mode == "int4" else rows, self.input_dim)
        self.reverse_embeddings = self.add_weight(kept, "zeros", "int8", trainable=False, name="reverse_embeddings")
        self.reverse_embeddings_scale = self.add_weight(scales, "ones", trainable=False, name="reverse_embeddings_scale")
        if groups:
            self.reverse_embeddings_zero = self.add_weight(scales, "zeros", trainable=False, name="reverse_embeddings_zero")

    def _quantized_values(self, config: Any) -> dict[str, Any]:
        values = super()._quantized_values(config)
        if self.tie_weights:
            return values
        matrix = storage.plain(self.reverse_embeddings).numpy()
        if config.mode == "int8":
            q, scale = (t.numpy() for t in (config.weight_quantizer or AbsMaxQuantizer(axis=0))(matrix, to_numpy=True))
            return {**values, "reverse_embeddings": q, "reverse_embeddings_scale": scale[0]}
        q, more = storage.four_bits(matrix, 0, config)
        kept = {f"reverse_embeddings_{what}": value for what, value in more.items()}
        return {**values, "reverse_embeddings": pack_int4(q, axis=0)[0].numpy(), **kept}

    @property
    def variable_serialization_spec(self) -> dict[str | None, list[str]]:
        spec = super().variable_serialization_spec
        if self.tie_weights:
            return spec
        second = {"int8": ["reverse_embeddings_scale"], "int4": ["reverse_embeddings_scale", "reverse_embeddings_zero"]}
        return {mode: [*names, "reverse_embeddings", *second.get(mode or "", [])] for mode, names in spec.items()}

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None  # call attaches it, for one direction

    def get_config(self) -> dict[str, Any]:
        options = {"tie_weights": self.tie_weights, "reverse_dtype": self.reverse_dtype, "logit_soft_cap": self.logit_soft_cap}
        return {**super().get_config(), **options}
