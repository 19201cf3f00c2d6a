"""What attention layers with several heads share: masks, projections, the attention itself."""

from __future__ import annotations

import string
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tenfold.keras import constraints, initializers, regularizers
from tenfold.keras.base.untyped import array, as_tensor
from tenfold.keras.layers.base import Layer
from tenfold.keras.layers.call import mask_of
from tenfold.keras.layers.einsum_dense import EinsumDense
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


class Heads(Layer):
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

    def _allowed(self, query: Any, value: Any, key: Any, query_mask: Any, value_mask: Any, key_mask: Any, attention_mask: Any,
                 use_causal_mask: bool, own: bool) -> tuple[Any, dict[str, bool]]:  # fmt: skip
        """What all masks allow together, and the option by which `_compute_attention`, unless it is a subclass's own, is told causality alone."""
        value_mask = mask_of(value) if value_mask is None else value_mask
        key_mask = mask_of(key) if key is not None and key_mask is None else key_mask
        masks = (query_mask, value_mask, key_mask, attention_mask)
        if use_causal_mask and not own and self._sliding_window is None and all(m is None for m in masks):
            return None, {"use_causal_mask": True}
        return self._merged_mask(query, value, *masks, use_causal_mask), {}

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
        """The heads' results and, unless nobody asks, the weights. Key and value may have fewer heads than the query."""
        q, k, v = as_tensor(q), as_tensor(k), as_tensor(v)
        mask = mask if mask is None else as_tensor(mask)
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
        if q.ndim == 4 and q.sizes[2] != k.sizes[2]:
            k, v = (array.repeat(t, q.sizes[2] // k.sizes[2], axis=2) for t in (k, v))
        q = q * scale
        first, second = (k, q) if equations[0][0] != "!" else (q, k)
        weights = self._softmax(einsum(equations[0].lstrip("!"), first, second), mask=mask)
        dropped = self._dropout_layer(weights, training=training) if self._dropout > 0 else weights
        return einsum(equations[1], dropped, v), weights

    _softmax: Any
    _dropout_layer: Any
    _gate_dense: Any = None

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The query's mask."""
        return previous_mask


@contextmanager
def without_masks(*tensors: Any) -> Iterator[None]:
    """Takes their masks off for a while: the projections are not to see them."""
    masked = [(x, mask_of(x)) for x in tensors if mask_of(x) is not None]
    for x, _ in masked:
        x._keras_mask = None
    try:
        yield
    finally:
        for x, mask in masked:
            x._keras_mask = mask


def serialized(layer: Heads) -> dict[str, Any]:
    """The options of a layer's projections, for its config."""
    modules: dict[str, Any] = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}
    return {n: modules[n.rpartition("_")[2]].serialize(getattr(layer, f"_{n}")) for n in OPTIONS}


def check_shapes(value_shape: Any, key_shape: Any) -> None:
    """Raises ValueError unless value and key have the same steps."""
    if tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
        raise ValueError(f"All dimensions of `value` and `key`, except the last one, must be equal. Received: value_shape={value_shape} and "
                         f"key_shape={key_shape}")  # fmt: skip
