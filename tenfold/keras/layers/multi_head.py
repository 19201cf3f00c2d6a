"""MultiHeadAttention: attention between projections, with several heads."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from tenfold.keras.base.registry import register
from tenfold.keras.layers.activation import Softmax
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.call import mask_of
from tenfold.keras.layers.einsum_dense import EinsumDense
from tenfold.keras.layers.heads import OPTIONS, Heads, attention_equations, check_shapes, projection, serialized, without_masks
from tenfold.keras.layers.regularization import Dropout


@register(MODULE)
class MultiHeadAttention(Heads):
    """Attention with several heads: query, key and value are projected for each head, and the heads' results back.

    Called with query and value, and with key if it is not the value: `layer(query, value, key)`.

    Args:
        num_heads: how many heads.
        key_dim: size of a head's query and key. value_dim: of its value; default: key_dim.
        dropout: the share of the weights that training drops.
        use_bias: whether projections add a bias.
        output_shape: the output's sizes after the steps; default: the query's last.
        attention_axes: over which axes to attend; default: all but batch, heads and features.
        sliding_window: if given, a step sees only others less than this far away.
        flash_attention: accepted; the way of computing is chosen by the compiler.
        kernel_initializer, bias_initializer: initial values.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties.
        kernel_constraint, bias_constraint: applied after each update.
        use_gate: whether a sigmoid of a further projection of the query multiplies the heads' results.
        seed: of the dropout.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 5, 16), "float32")
        >>> MultiHeadAttention(num_heads=4, key_dim=8)(x, x, use_causal_mask=True).shape
        TensorShape([2, 5, 16])
    """

    _repeats = True
    _other_names: ClassVar[dict[str, tuple[str, ...]]] = {f"{part}_dense": (f"_{part}_dense",) for part in ("query", "key", "value", "output")}

    def __init__(self, num_heads: int, key_dim: int, value_dim: int | None = None, dropout: float = 0.0, use_bias: bool = True,
                 output_shape: Any = None, attention_axes: Any = None, sliding_window: int | None = None, flash_attention: bool | None = None,
                 kernel_initializer: Any = "glorot_uniform", bias_initializer: Any = "zeros", kernel_regularizer: Any = None,
                 bias_regularizer: Any = None, activity_regularizer: Any = None, kernel_constraint: Any = None, bias_constraint: Any = None,
                 use_gate: bool = False, seed: Any = None, **kwargs: Any) -> None:  # fmt: skip
        options = {n: v for n, v in locals().items() if n in OPTIONS}
        for what, size in (("num_heads", num_heads), ("key_dim", key_dim), ("value_dim", value_dim)):
            if (size is not None or what != "value_dim") and (not isinstance(size, int) or size <= 0):
                other = " or `None`" if what == "value_dim" else ""
                raise ValueError(f"Received an invalid value for argument `{what}`, expected a positive integer{other}. Received: {what}={size}")
        super().__init__(**kwargs)
        self._take_options(options, flash_attention, dropout, sliding_window)
        self._num_heads, self._key_dim, self._value_dim = num_heads, key_dim, value_dim or key_dim
        self._use_bias, self._use_gate, self.seed = use_bias, use_gate, seed
        if output_shape is not None and not isinstance(output_shape, (int, list, tuple)):
            raise ValueError(f"Invalid `output_shape`: {output_shape}. Expected an integer or a tuple of integers.")
        self._output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape) if output_shape else None
        self._attention_axes = (attention_axes,) if isinstance(attention_axes, int) else tuple(attention_axes) if attention_axes else None

    num_heads = property(lambda self: self._num_heads, doc="How many heads.")
    key_dim = property(lambda self: self._key_dim, doc="Size of a head's query and key.")
    value_dim = property(lambda self: self._value_dim, doc="Size of a head's value.")
    dropout = property(lambda self: self._dropout, doc="The share of the weights that training drops.")
    use_bias = property(lambda self: self._use_bias, doc="Whether projections add a bias.")
    _query_dense = property(lambda self: self.query_dense, doc="The query's projection.")
    _key_dense = property(lambda self: self.key_dense, doc="The key's projection.")
    _value_dense = property(lambda self: self.value_dense, doc="The value's projection.")
    _output_dense = property(lambda self: self.output_dense, doc="The projection of the heads' results.")
    attention_axes = property(lambda self: self._attention_axes, doc="Over which axes it attends.")

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        key_shape = value_shape if key_shape is None else key_shape
        check_shapes(value_shape, key_shape)
        self.query_dense = self._projected("query", query_shape, self._key_dim)
        self.key_dense = self._projected("key", key_shape, self._key_dim)
        if self._use_gate:
            self._gate_dense = self._projected("gate", query_shape, self._value_dim, "sigmoid")
        self.value_dense = self._projected("value", value_shape, self._value_dim)
        rank = len(value_shape) + 1
        axes = self._attention_axes
        self._attention_axes = tuple(range(1, rank - 2)) if axes is None else tuple(a if a >= 0 else rank - 1 + a for a in axes)
        *equations, of_scores = attention_equations(rank, self._attention_axes)
        self._equations = tuple(equations)
        self._softmax = Softmax(tuple(range(of_scores - len(self._attention_axes), of_scores)), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self._dropout, dtype=self.dtype_policy, seed=self.seed)
        sizes = self._output_shape or (query_shape[-1],)
        equation, bias_axes, rank = projection(len(query_shape) - 1, 2, len(sizes))
        self.output_dense = self._dense("attention_output", equation, (None,) * (rank - 1 - len(sizes)) + sizes, bias_axes, self._use_bias)
        self.output_dense.build((*query_shape[:-1], self._num_heads, self._value_dim))

    def compute_output_shape(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> Any:
        check_shapes(value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self._output_shape or (query_shape[-1],)))

    def _projected(self, name: str, shape: Any, size: int, activation: Any = None) -> EinsumDense:
        equation, bias_axes, rank = projection(len(shape) - 1, 1, 2)
        layer = self._dense(name, equation, (None,) * (rank - 3) + (self._num_heads, size), bias_axes, self._use_bias, activation)
        layer.build(tuple(shape))
        return layer

    def _compute_attention(self, query: Any, key: Any, value: Any, attention_mask: Any = None, training: Any = None,
                           return_attention_scores: bool = False, use_causal_mask: bool = False) -> tuple[Any, Any]:  # fmt: skip
        """The heads' results and the weights, from projected operands; subclasses may define it anew."""
        assert self._attention_axes is not None
        return self._attend(query, key, value, self._equations, len(self._attention_axes), 1 / math.sqrt(self._key_dim), attention_mask,
                            training, use_causal_mask, return_attention_scores)  # fmt: skip

    def call(self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
             attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None,
             use_causal_mask: bool = False) -> Any:  # fmt: skip
        query_mask = mask_of(query)  # what is given is not looked at, as in Keras
        own = type(self)._compute_attention is not MultiHeadAttention._compute_attention
        mask, more = self._allowed(query, value, key, query_mask, value_mask, key_mask, attention_mask, use_causal_mask, own)
        key = value if key is None else key
        with without_masks(query, value, key):
            gate = self._gate_dense(query) if self._use_gate else None
            q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        output, scores = self._compute_attention(q, k, v, mask, training, return_attention_scores, **more)
        output = self.output_dense(output if gate is None else output * gate)
        return (output, scores) if return_attention_scores else output

    def get_config(self) -> dict[str, Any]:
        config = {"num_heads": self._num_heads, "key_dim": self._key_dim, "value_dim": self._value_dim, "dropout": self._dropout,
                  "use_bias": self._use_bias, "use_gate": self._use_gate, "output_shape": self._output_shape,
                  "attention_axes": self._attention_axes, "sliding_window": self._sliding_window}  # fmt: skip
        return {**super().get_config(), **config, **serialized(self), "seed": self.seed}
