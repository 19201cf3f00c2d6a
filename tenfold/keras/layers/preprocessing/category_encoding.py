"""CategoryEncoding: numbers of categories as vectors."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.categories import CategoryLayer, as_values, encode, encoded_shape


@register(MODULE)
class CategoryEncoding(CategoryLayer):
    """Integers as one-hot or multi-hot vectors, or as counts.

    Args:
        num_tokens: the number of categories; numbers outside of 0 <= n < num_tokens are left out.
        output_mode: "one_hot": a vector for each number; "multi_hot": which numbers are in a sample; "count": how often.
        sparse: whether eager calls return a SparseTensor.

    Example:
        >>> CategoryEncoding(4, output_mode="count")([[0, 1, 1], [3, 3, 3]]).numpy()
        array([[1., 2., 0., 0.],
               [0., 0., 0., 3.]], dtype=float32)
    """

    def __init__(self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        if output_mode not in ("count", "one_hot", "multi_hot"):
            raise ValueError(f"Unknown arg for output_mode: {output_mode}. Expected 'count', 'one_hot' or 'multi_hot'.")
        if num_tokens is None:
            raise ValueError("num_tokens must be set to use this layer. If the number of tokens is not known beforehand, use the IntegerLookup "
                             "layer instead.")  # fmt: skip
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}.")
        self.num_tokens, self.output_mode, self.sparse = num_tokens, output_mode, sparse

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(f"`count_weights` is not used when `output_mode` is not `'count'`. Received `count_weights={count_weights}`.")
            count_weights = as_values(as_tensor(count_weights), self.compute_dtype)
        return self._encode(inputs, count_weights)

    def _encode(self, inputs: Any, count_weights: Any = None) -> Any:
        return encode(as_values(inputs), self.output_mode, self.num_tokens, self.compute_dtype, self.sparse, count_weights)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs: Any, count_weights: Any = None) -> Any:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype, sparse=self.sparse)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode, "sparse": self.sparse}
