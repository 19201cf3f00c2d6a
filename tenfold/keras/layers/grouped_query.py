"""GroupedQueryAttention: attention in which several heads of the query share those of key and value."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import array
from tenfold.keras.layers.activation import Softmax
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.call import mask_of
from tenfold.keras.layers.einsum_dense import EinsumDense
from tenfold.keras.layers.heads import OPTIONS, Heads, check_shapes, serialized, without_masks
from tenfold.keras.layers.regularization import Dropout


@register(MODULE, "GroupQueryAttention")
class GroupedQueryAttention(Heads):
    """Attention in which groups of query heads share a key and value head.

    Args:
        head_dim: size of a head.
        num_query_heads: how many heads the query has; a multiple of `num_key_value_heads`.
        num_key_value_heads: how many the key and the value have.
        dropout: the share of the weights that training drops.
        use_bias: whether projections add a bias.
        sliding_window: if given, a step sees only others less than this far away.
        flash_attention: accepted; the way of computing is chosen by the compiler.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: applied after each update.
        use_gate: whether a sigmoid of a further projection of the query multiplies the heads' results.
        seed: of the dropout.
    """

    def __init__(self, head_dim: int, num_query_heads: int, num_key_value_heads: int, dropout: float = 0.0, use_bias: bool = True,
                 sliding_window: int | None = None, flash_attention: bool | None = None, kernel_initializer: Any = "glorot_uniform",
                 bias_initializer: Any = "zeros", kernel_regularizer: Any = None, bias_regularizer: Any = None, activity_regularizer: Any = None,
                 kernel_constraint: Any = None, bias_constraint: Any = None, use_gate: bool = False, seed: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        options = {n: v for n, v in locals().items() if n in OPTIONS}
        super().__init__(**kwargs)
        if num_query_heads % num_key_value_heads != 0:
            raise ValueError("`num_query_heads` must be divisible by `num_key_value_heads`.")
        self._take_options(options, flash_attention, dropout, sliding_window)
        self.head_dim, self.num_query_heads, self.num_key_value_heads = head_dim, num_query_heads, num_key_value_heads
        self.num_repeats = num_query_heads // num_key_value_heads
        self.dropout, self.use_bias, self.use_gate, self.sliding_window, self.seed = dropout, use_bias, use_gate, sliding_window, seed

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        self.feature_dim = query_shape[-1]
        queries, others = (None, self.num_query_heads, self.head_dim), (None, self.num_key_value_heads, self.head_dim)
        self._query_dense = self._built("query", "bqm,muh->bquh", queries, "uh", query_shape)
        self._key_dense = self._built("key", "bkm,mvh->bkvh", others, "vh", value_shape if key_shape is None else key_shape)
        if self.use_gate:
            self._gate_dense = self._built("gate", "bqm,muh->bquh", queries, "uh", query_shape, "sigmoid")
        self._value_dense = self._built("value", "bkm,mvh->bkvh", others, "vh", value_shape)
        self._softmax = Softmax(-1, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, dtype=self.dtype_policy, seed=self.seed)
        self._output_dense = self._built("attention_output", "bquh,uhm->bqm", (None, self.feature_dim), "m",
                                         (None, None, self.num_query_heads, self.head_dim))  # fmt: skip

    def _built(self, name: str, equation: str, sizes: tuple[Any, ...], bias_axes: str, shape: Any, activation: Any = None) -> EinsumDense:
        layer = self._dense(name, equation, sizes, bias_axes, self.use_bias, activation)
        layer.build(tuple(shape))
        return layer

    _return_attention_scores = False

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> Any:
        if query_shape[-1] != value_shape[-1]:
            raise ValueError(f"The last dimension of `query_shape` and `value_shape` must be equal, but are {query_shape[-1]}, {value_shape[-1]}. "
                             f"Received: query_shape={query_shape}, value_shape={value_shape}")  # fmt: skip
        check_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return tuple(query_shape)

    def _compute_attention(self, query: Any, key: Any, value: Any, attention_mask: Any = None, training: Any = None,
                           use_causal_mask: bool = False) -> tuple[Any, Any]:  # fmt: skip
        """The heads' results and the weights, from projected operands; subclasses may define it anew."""
        return self._attend(query, key, value, ("!bquh,bkuh->buqk", "buqk,bkuh->bquh"), 1, 1 / math.sqrt(self.head_dim), attention_mask, training,
                            use_causal_mask, self._return_attention_scores)  # fmt: skip

    def call(self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
             attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None,
             use_causal_mask: bool = False) -> Any:  # fmt: skip
        query_mask = mask_of(query) if query_mask is None else query_mask
        own = type(self)._compute_attention is not GroupedQueryAttention._compute_attention
        mask, more = self._allowed(query, value, key, query_mask, value_mask, key_mask, attention_mask, use_causal_mask, own)
        key = value if key is None else key
        with without_masks(query, value, key):
            gate = self._gate_dense(query) if self.use_gate else None
            q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        if own:
            k, v = array.repeat(k, self.num_repeats, axis=2), array.repeat(v, self.num_repeats, axis=2)
        self._return_attention_scores = return_attention_scores
        output, scores = self._compute_attention(q, k, v, mask, training, **more)
        output = self._output_dense(output if gate is None else output * gate)
        return (output, scores) if return_attention_scores else output

    def get_config(self) -> dict[str, Any]:
        names = ("head_dim", "num_query_heads", "num_key_value_heads", "use_bias", "use_gate", "sliding_window", "dropout")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}, **serialized(self), "seed": self.seed}


GroupQueryAttention = GroupedQueryAttention
