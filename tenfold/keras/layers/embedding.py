"""Embedding: rows of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras import constraints, initializers, regularizers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.quantizing import storage
from tenfold.keras.layers.quantizing.matrix import QuantizedMatrix
from tenfold.keras.quantizers.groups import dequantized
from tenfold.keras.quantizers.packing import unpack_int4
from tenfold.primitives.arithmetic import cast, not_equal
from tenfold.primitives.contraction import matmul
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import expand_dims


@register(MODULE)
class Embedding(QuantizedMatrix):
    """Turns integers into vectors: row i of the table for each i.

    Args:
        input_dim: number of rows; indices are less than this.
        output_dim: size of the vectors.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 is padding, to be masked in the layers that follow.
        weights: the table's initial value.
        lora_rank, lora_alpha: for `enable_lora` when the layer is built.
        quantization_config: how it is quantized, if its dtype says that it is.

    Example:
        >>> import numpy as np
        >>> Embedding(10, 4)(np.array([[1, 2, 3]])).shape
        TensorShape([1, 3, 4])
    """

    _repeats = True
    weight_name = "embeddings"
    modes = ("int8", "int4")
    group_axis = 1

    def __init__(self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform", embeddings_regularizer: Any = None,
                 embeddings_constraint: Any = None, mask_zero: bool = False, weights: Any = None, lora_rank: int | None = None,
                 lora_alpha: float | None = None, quantization_config: Any = None, **kwargs: Any) -> None:  # fmt: skip
        input_length = kwargs.pop("input_length", None)
        if input_length is not None:
            kwargs.setdefault("input_shape", (input_length,))
        for name, size in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size <= 0:
                raise ValueError(f"`{name}` must be a positive integer. Received: {name}={size}")
        super().__init__(**kwargs)
        self.input_dim, self.output_dim = int(input_dim), int(output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = self.supports_masking = mask_zero
        self.autocast = False
        self.quantization_config = quantization_config
        self._take_lora(lora_rank, lora_alpha)
        if weights is not None:
            self.build(None)
            self.set_weights(weights if isinstance(weights, list) else [weights])

    embeddings = property(QuantizedMatrix._shown_weight, doc="The table.")

    def build(self, input_shape: Any = None) -> None:
        if self.built:
            return
        self._add_matrix((self.input_dim, self.output_dim), self.embeddings_initializer)
        self._adapted_at_build()

    def call(self, inputs: Any) -> Any:
        if not inputs.dtype.is_integer:
            inputs = cast(inputs, "int32")
        if getattr(inputs, "_array", None) is not None and self._refuses(inputs):
            raise InvalidArgumentError(f"[Embedding] an index is out of range. Expected 0 <= index < {self.input_dim} (input_dim); received values "
                                       f"from {inputs._array.min()} to {inputs._array.max()}. Try a larger input_dim.")  # fmt: skip
        rows = self._rows(inputs)
        if self.lora_enabled:
            rows = rows + matmul(gather(self.lora_embeddings_a.value, inputs, sparse=True), self.lora_embeddings_b.value) * self._lora_scale
        return cast(rows, self.compute_dtype)

    def _refuses(self, inputs: Any) -> bool:
        places = inputs._array
        return places.size > 0 and bool(places.max() >= self.input_dim or places.min() < 0)

    lora_embeddings_a: Any
    lora_embeddings_b: Any

    def _rows(self, indices: Any) -> Any:
        """Rows of the table; of a quantized one only these are brought back to floats."""
        mode = self.quantization_mode
        if mode is None:
            return gather(self._weight.value, indices, sparse=True)
        kept = gather(storage.plain(self._weight), indices)
        scale = gather(storage.plain(self.embeddings_scale), indices)
        if mode == "int8":
            return cast(kept, scale.dtype) / expand_dims(scale, -1)
        integers = unpack_int4(kept, self.output_dim, axis=-1)
        if self._int4_block_size in (None, -1):
            return cast(integers, scale.dtype) / expand_dims(scale, -1)
        return dequantized(integers, scale, gather(storage.plain(self.embeddings_zero), indices), storage.plain(self.g_idx), -1)

    embeddings_scale: Any
    embeddings_zero: Any
    g_idx: Any

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return not_equal(as_tensor(inputs), 0) if self.mask_zero else None

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
            **self._compression_config(),
        }
