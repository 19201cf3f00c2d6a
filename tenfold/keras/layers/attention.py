"""Attention without projections: dot-product and additive."""

from __future__ import annotations

from typing import Any

from tenfold.keras import random
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import array, as_tensor, math, nn
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.ops.attention import causal
from tenfold.primitives.arithmetic import cast, logical_and, select
from tenfold.primitives.contraction import matmul


@register(MODULE)
class Attention(Layer):
    """softmax(scores of query and key) @ value. Called with [query, value] or [query, value, key], each [batch, steps, size].

    Args:
        use_scale: whether a trained number multiplies the scores.
        score_mode: "dot": the product of query and key; "concat": the sum of tanh(query + key).
        dropout: the share of the weights that training drops.
        seed: an integer.

    Example:
        >>> import numpy as np
        >>> q, v = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 4), "float32")
        >>> Attention()([q, v]).shape
        TensorShape([2, 3, 4])
    """

    def __init__(self, use_scale: bool = False, score_mode: str = "dot", dropout: float = 0.0, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.use_scale, self.score_mode, self.dropout, self.seed = use_scale, score_mode, dropout, seed
        if dropout > 0:
            self.seed_generator = random.SeedGenerator(seed)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"Invalid value for argument score_mode. Expected one of {{'dot', 'concat'}}. Received: score_mode={score_mode}")
        self.supports_masking = True
        self.scale: Any = None
        self.concat_score_weight: Any = None

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((), "ones", name="scale")
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight")

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        query, key = self._converted(query), self._converted(key)
        if self.score_mode == "dot":
            scores: Any = matmul(query, key, transpose_b=True)
            return scores if self.scale is None else scores * self.scale
        both = array.expand_dims(query, -2) + array.expand_dims(key, -3)
        return self.concat_score_weight * math.reduce_sum(math.tanh(both if self.scale is None else self.scale * both), axis=-1)

    def _apply_scores(self, scores: Any, value: Any, scores_mask: Any = None, training: Any = False) -> tuple[Any, Any]:
        if scores_mask is not None:
            keep = scores_mask if scores_mask.ndim != 2 else array.expand_dims(scores_mask, -2)
            scores = select(cast(keep, "bool"), scores, scores - (65504.0 if scores.dtype.name == "float16" else 1e9))
        weights = nn.softmax(scores)
        if training and self.dropout > 0:
            weights = random.dropout(weights, self.dropout, None, self.seed_generator)
        return matmul(weights, value), weights

    def _calculate_score_mask(self, scores: Any, v_mask: Any, use_causal_mask: bool) -> Any:
        if not use_causal_mask:
            return v_mask
        rows, columns = as_tensor(scores).sizes[-2:]
        lower = array.expand_dims(causal(rows, columns), 0)
        return lower if v_mask is None else logical_and(cast(array.expand_dims(as_tensor(v_mask), -2), "bool"), lower)

    def call(self, inputs: Any, mask: Any = None, training: Any = False, return_attention_scores: bool = False,
             use_causal_mask: bool = False) -> Any:  # fmt: skip
        self._check(inputs, mask)
        q, v = inputs[:2]
        k = inputs[2] if len(inputs) > 2 else v
        q_mask, v_mask = (mask[0], mask[1]) if mask else (None, None)
        scores = self._calculate_scores(q, k)
        output, weights = self._apply_scores(scores, v, self._calculate_score_mask(scores, v_mask, use_causal_mask), training)
        if q_mask is not None:
            output = select(cast(array.expand_dims(q_mask, -1), "bool"), output, 0)
        return (output, weights) if return_attention_scores else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None if mask is None or mask[0] is None else as_tensor(mask[0])

    def _check(self, inputs: Any, mask: Any = None) -> None:
        name = type(self).__name__
        if not isinstance(inputs, list):
            raise ValueError(f"{name} layer must be called on a list of inputs, namely [query, value] or [query, value, key]. "
                             f"Received: inputs={inputs}.")  # fmt: skip
        if not 2 <= len(inputs) <= 3:
            raise ValueError(f"{name} layer accepts inputs list of length 2 or 3, namely [query, value] or [query, value, key]. "
                             f"Received length: {len(inputs)}.")  # fmt: skip
        if mask is not None and not isinstance(mask, list):
            raise ValueError(f"{name} layer mask must be a list, namely [query_mask, value_mask]. Received: mask={mask}.")
        if mask is not None and not 2 <= len(mask) <= 3:
            raise ValueError(f"{name} layer accepts mask list of length 2 or 3. Received length: {len(mask)}.")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "use_scale": self.use_scale, "score_mode": self.score_mode, "dropout": self.dropout, "seed": self.seed}


@register(MODULE)
class AdditiveAttention(Attention):
    """softmax(sum of scale * tanh(query + key)) @ value. Called with [query, value] or [query, value, key].

    Args:
        use_scale: whether trained numbers, one per feature, multiply the terms of the sum.
        dropout: the share of the weights that training drops.
        seed: an integer.
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        if self.use_scale:
            self.scale = self.add_weight((input_shape[0][-1],), "glorot_uniform", name="scale")

    def _calculate_scores(self, query: Any, key: Any) -> Any:
        terms = math.tanh(array.expand_dims(query, -2) + array.expand_dims(key, -3))
        return math.reduce_sum(self.scale * terms if self.use_scale else terms, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {k: v for k, v in super().get_config().items() if k != "score_mode"}
