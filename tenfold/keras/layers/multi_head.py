"""MultiHeadAttention and GroupedQueryAttention: attention between projections, with several heads."""

from __future__ import annotations

import math
import string
from typing import Any

from tenfold.keras import constraints, initializers, regularizers
from tenfold.keras.layers.activation import Softmax
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.call import mask_of
from tenfold.keras.layers.einsum_dense import EinsumDense
from tenfold.keras.layers.regularization import Dropout
from tenfold.keras.registry import register
from tenfold.keras.untyped import array
from tenfold.ops import math as numbers
from tenfold.ops.attention import causal, dot_product_attention
from tenfold.ops.products import einsum
from tenfold.primitives.arithmetic import cast, less, logical_and
from tenfold.primitives.gather import iota

OPTIONS = ("kernel_initializer", "bias_initializer", "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint",
           "bias_constraint")  # fmt: skip


def attention_equations(rank: int, axes: tuple[int, ...]) -> tuple[str, str, int]:
    """The einsum equations of scores and of their use for projected operands [batch.., steps.., heads, size], and the rank of the scores."""
    target = string.ascii_lowercase[:rank]
    fresh = iter(string.ascii_lowercase[rank:])
    batch = [i for i in range(rank - 1) if i not in axes]
    source = "".join(target[i] if i in batch or i == rank - 1 else next(fresh) for i in range(rank))
    scores = "".join([target[i] for i in batch] + [target[i] for i in axes] + [source[i] for i in axes])
    return f"{source},{target}->{scores}", f"{scores},{source}->{target}", len(scores)


def projection(free: int, bound: int, new: int) -> tuple[str, str, int]:
    """The equation of a projection that keeps `free` axes and turns `bound` into `new` ones, the bias's axes, and the result's rank."""
    letters = string.ascii_lowercase
    kept, inner, made = letters[:free], letters[free : free + bound], letters[free + bound : free + bound + new]
    return f"{kept}{inner},{inner}{made}->{kept}{made}", made, free + new


class _Heads(Layer):
    """What the attention layers with several heads share."""

    def _take_options(self, options: dict[str, Any], flash_attention: Any, dropout: float, sliding_window: Any) -> None:
        modules = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
        for name in OPTIONS:
            setattr(self, f"_{name}", modules[name.rpartition("_")[2]].get(options[name]))
        if sliding_window is not None and (not isinstance(sliding_window, int) or sliding_window <= 0):
            raise ValueError(f"`sliding_window` must be `None` or a positive integer. Received: sliding_window={sliding_window}")
        if flash_attention and dropout > 0:
            raise ValueError("Dropout is not supported when flash attention is enabled. Please set dropout to 0.0 to use flash attention.")
        self._dropout, self._sliding_window, self._flash_attention = dropout, sliding_window, flash_attention
        self.supports_masking = True

    def _dense(self, name: str, equation: str, sizes: tuple[Any, ...], bias_axes: str, use_bias: bool, activation: Any = None) -> EinsumDense:
        shared = {n: getattr(self, f"_{n}") for n in OPTIONS}
        return EinsumDense(equation, sizes, activation, bias_axes if use_bias else None, name=name, dtype=self.dtype_policy, **shared)

    def _window(self, query: Any, value: Any) -> Any:
        rows, columns = query.sizes[1], value.sizes[1]
        distance = array.reshape(iota(rows), (1, rows, 1)) - array.reshape(iota(columns), (1, 1, columns))
        return less(numbers.abs(distance), self._sliding_window)

    def _merged_mask(self, query: Any, value: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any,
                     use_causal_mask: bool) -> Any:  # fmt: skip
        """[batch, steps of the query, steps of the key]: what all masks allow; None if there are none."""
        found = [array.expand_dims(query_mask, -1)] if query_mask is not None else []
        found += [array.expand_dims(m, -2) for m in (value_mask, key_mask) if m is not None]
        if use_causal_mask:
            found.append(array.expand_dims(causal(query.sizes[1], value.sizes[1]), 0))
        if self._sliding_window is not None:
            found.append(self._window(query, value))
        mask = None if attention_mask is None else cast(attention_mask, "bool")
        for m in found:
            mask = cast(m, "bool") if mask is None else logical_and(mask, cast(m, "bool"))
        return mask

    def _attend(self, q: Any, k: Any, v: Any, equations: tuple[str, ...], axes: int, scale: float, mask: Any, training: Any, is_causal: bool,
                wants_scores: bool) -> tuple[Any, Any]:  # fmt: skip
        """The heads' results and, unless nobody asks, the weights."""
        if self._flash_attention and wants_scores:
            raise ValueError("Returning attention scores is not supported when flash attention is enabled. Please disable flash attention to access "
                             "attention scores.")  # fmt: skip
        plain = self._dropout == 0 and not wants_scores and q.ndim == 4
        if not plain and is_causal:
            lower = array.expand_dims(causal(q.sizes[1], v.sizes[1]), 0)
            mask = lower if mask is None else logical_and(mask, lower)
            is_causal = False
        while mask is not None and mask.ndim < (4 if plain else equations[1].index(",")):
            mask = array.expand_dims(mask, -2 * axes - 1)
        if plain:
            return dot_product_attention(q, k, v, mask=mask, scale=scale, is_causal=is_causal), None
        if self.num_repeats > 1:
            k, v = array.repeat(k, self.num_repeats, axis=2), array.repeat(v, self.num_repeats, axis=2)
        q = q * scale
        first, second = (k, q) if equations[0][0] != "!" else (q, k)
        weights = self._softmax(einsum(equations[0].lstrip("!"), first, second), mask=mask)
        dropped = self._dropout_layer(weights, training=training) if self._dropout > 0 else weights
        return einsum(equations[1], dropped, v), weights

    _softmax: Any
    _dropout_layer: Any
    num_repeats: int = 1  # how many of the query's heads share one of the key's
    _gate_dense: Any = None

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The query's mask."""
        return previous_mask


@register(MODULE)
class MultiHeadAttention(_Heads):
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
        self._output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape) if output_shape else None
        self._attention_axes = (attention_axes,) if isinstance(attention_axes, int) else tuple(attention_axes) if attention_axes else None

    num_heads = property(lambda self: self._num_heads, doc="How many heads.")
    key_dim = property(lambda self: self._key_dim, doc="Size of a head's query and key.")
    value_dim = property(lambda self: self._value_dim, doc="Size of a head's value.")
    dropout = property(lambda self: self._dropout, doc="The share of the weights that training drops.")
    use_bias = property(lambda self: self._use_bias, doc="Whether projections add a bias.")
    attention_axes = property(lambda self: self._attention_axes, doc="Over which axes it attends.")

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:  # type: ignore[override]
        key_shape = value_shape if key_shape is None else key_shape
        if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(f"All dimensions of `value` and `key`, except the last one, must be equal. Received: value_shape={value_shape} and "
                             f"key_shape={key_shape}")  # fmt: skip
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
        value_mask = mask_of(value) if value_mask is None else value_mask
        key_mask = mask_of(key) if key is not None and key_mask is None else key_mask
        key = value if key is None else key
        _without_masks(query, value, key)
        masks = (query_mask, value_mask, key_mask, attention_mask)
        own = type(self)._compute_attention is not MultiHeadAttention._compute_attention
        only_causal = use_causal_mask and not own and all(m is None for m in masks) and self._sliding_window is None
        mask = None if only_causal else self._merged_mask(query, value, *masks, use_causal_mask)
        gate = self._gate_dense(query) if self._use_gate else None
        q, k, v = self.query_dense(query), self.key_dense(key), self.value_dense(value)
        more = {"use_causal_mask": True} if only_causal else {}
        output, scores = self._compute_attention(q, k, v, mask, training, return_attention_scores, **more)
        output = self.output_dense(output if gate is None else output * gate)
        return (output, scores) if return_attention_scores else output

    def get_config(self) -> dict[str, Any]:
        config = {"num_heads": self._num_heads, "key_dim": self._key_dim, "value_dim": self._value_dim, "dropout": self._dropout,
                  "use_bias": self._use_bias, "use_gate": self._use_gate, "output_shape": self._output_shape,
                  "attention_axes": self._attention_axes, "sliding_window": self._sliding_window}  # fmt: skip
        return {**super().get_config(), **config, **_serialized(self), "seed": self.seed}


def _without_masks(*tensors: Any) -> None:
    """Takes their masks off, as Keras does: the projections are not to see them."""
    for x in tensors:
        if mask_of(x) is not None:
            x._keras_mask = None


def _serialized(layer: _Heads) -> dict[str, Any]:
    modules: dict[str, Any] = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
    return {n: modules[n.rpartition("_")[2]].serialize(getattr(layer, f"_{n}")) for n in OPTIONS}


@register(MODULE, "GroupQueryAttention")
class GroupedQueryAttention(_Heads):
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

    def call(self, query: Any, value: Any, key: Any = None, query_mask: Any = None, value_mask: Any = None, key_mask: Any = None,
             attention_mask: Any = None, return_attention_scores: bool = False, training: Any = None,
             use_causal_mask: bool = False) -> Any:  # fmt: skip
        query_mask = mask_of(query) if query_mask is None else query_mask
        value_mask = mask_of(value) if value_mask is None else value_mask
        key_mask = mask_of(key) if key is not None and key_mask is None else key_mask
        key = value if key is None else key
        _without_masks(query, value, key)
        masks = (query_mask, value_mask, key_mask, attention_mask)
        only_causal = use_causal_mask and all(m is None for m in masks) and self.sliding_window is None
        mask = None if only_causal else self._merged_mask(query, value, *masks, use_causal_mask)
        gate = self._gate_dense(query) if self.use_gate else None
        q, k, v = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        output, scores = self._attend(q, k, v, ("!bquh,bkuh->buqk", "buqk,bkuh->bquh"), 1, 1 / math.sqrt(self.head_dim), mask, training,
                                      only_causal, return_attention_scores)  # fmt: skip
        output = self._output_dense(output if gate is None else output * gate)
        return (output, scores) if return_attention_scores else output

    def get_config(self) -> dict[str, Any]:
        names = ("head_dim", "num_query_heads", "num_key_value_heads", "use_bias", "use_gate", "sliding_window", "dropout")
        return {**super().get_config(), **{n: getattr(self, n) for n in names}, **_serialized(self), "seed": self.seed}


GroupQueryAttention = GroupedQueryAttention
