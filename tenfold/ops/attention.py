"""Dot-product attention of many heads."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.dtypes import bool_, float32, float64
from tenfold.core.shapes import differ, divide
from tenfold.ops.activation import softmax
from tenfold.ops.array import repeat
from tenfold.ops.products import einsum
from tenfold.primitives.arithmetic import cast, less_equal, logical_and, select
from tenfold.primitives.attention import MASKED, attention
from tenfold.primitives.define import tensors
from tenfold.primitives.elementwise import tanh
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor, as_tensor


def causal(rows: Any, columns: Any) -> Tensor:
    """[rows, columns], true where the column is not behind the row."""
    return less_equal(reshape(iota(columns), (1, columns)), reshape(iota(rows), (rows, 1)))


def dot_product_attention(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None,
                          is_causal: bool = False, soft_cap: float | None = None) -> Tensor:  # fmt: skip
    """softmax(query @ key.T * scale + bias) @ value for each head; operands are [batch, steps, heads, size].

    It is computed in blocks: the scores are never in memory. Key and value may have fewer heads than the query, each serving several.

    Args:
        bias: added to the scores [batch, heads, steps of the query, steps of the key].
        mask: of the scores' shape (or broadcast to it); keys are left out where it is false.
        scale: default: 1 / sqrt(size).
        is_causal: whether a step of the query sees only keys of the same number and earlier.
        soft_cap: if given, scores s become soft_cap * tanh(s / soft_cap) before anything is added.
    """
    q, k, v = tensors("dot_product_attention", (query, key, value))
    scale = 1 / math.sqrt(int(q.sizes[-1])) if scale is None else scale
    dtype = v.dtype
    wide = float64 if q.dtype is float64 else float32
    if mask is not None and is_causal:
        mask, is_causal = logical_and(cast(mask, bool_), causal(q.sizes[1], k.sizes[1])), False
    if (mask is not None and bias is not None) or differ(q.sizes[0], k.sizes[0]) or soft_cap is not None or not isinstance(scale, (int, float)):
        return _plain(q, k, v, bias, mask, scale, is_causal, soft_cap)
    left_out = _rank_four(cast(mask, bool_) if bias is None else cast(bias, wide)) if mask is not None or bias is not None else None
    return cast(attention(cast(q, wide), cast(k, wide), cast(v, wide), left_out, scale=scale, causal=is_causal)[0], dtype)


def _rank_four(x: Any) -> Tensor:
    x = as_tensor(x)
    return x if x.ndim == 4 else reshape(x, ((1,) * (4 - x.ndim) + tuple(x.sizes)))


def _plain(q: Tensor, k: Tensor, v: Tensor, bias: Any, mask: Any, scale: Any, is_causal: bool, soft_cap: float | None) -> Tensor:
    """The same with the scores in memory, for what the primitive does not take."""
    times = divide(q.sizes[2], k.sizes[2])
    if times != 1:
        k, v = repeat(k, times, axis=2), repeat(v, times, axis=2)
    scores: Any = cast(einsum("btnh,bsnh->bnts", q, k), float32) * scale
    if soft_cap is not None:
        scores = tanh(scores / soft_cap) * soft_cap
    if bias is not None:
        scores = scores + cast(bias, float32)
    if is_causal:
        lower = causal(scores.sizes[-2], scores.sizes[-1])
        mask = lower if mask is None else logical_and(cast(mask, bool_), lower)
    if mask is not None:
        scores = select(cast(mask, bool_), scores, MASKED)
    return einsum("bnts,bsnh->btnh", cast(softmax(scores), v.dtype), v)
