"""Dot-product attention of many heads."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.dtypes import bool_, float32, float64
from tenfold.core.shapes import differ
from tenfold.ops.activation import softmax
from tenfold.ops.products import einsum
from tenfold.primitives.arithmetic import cast, less_equal, logical_and, select
from tenfold.primitives.attention import MASKED, attention
from tenfold.primitives.define import tensors
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor, as_tensor


def causal(rows: Any, columns: Any) -> Tensor:
    """[rows, columns], true where the column is not behind the row."""
    return less_equal(reshape(iota(columns), (1, columns)), reshape(iota(rows), (rows, 1)))


def dot_product_attention(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None,
                          is_causal: bool = False) -> Tensor:  # fmt: skip
    """softmax(query @ key.T * scale + bias) @ value for each head; operands are [batch, steps, heads, size].

    It is computed in blocks: the scores are never in memory. Key and value may have fewer heads than the query, each serving several.

    Args:
        bias: added to the scores [batch, heads, steps of the query, steps of the key].
        mask: of the scores' shape (or broadcast to it); keys are left out where it is false.
        scale: default: 1 / sqrt(size).
        is_causal: whether a step of the query sees only keys of the same number and earlier.
    """
    q, k, v = tensors("dot_product_attention", (query, key, value))
    scale = 1 / math.sqrt(int(q.sizes[-1])) if scale is None else scale
    dtype = v.dtype
    wide = float64 if q.dtype is float64 else float32
    if mask is not None and is_causal:
        mask, is_causal = logical_and(cast(mask, bool_), causal(q.sizes[1], k.sizes[1])), False
    if (mask is not None and bias is not None) or differ(q.sizes[0], k.sizes[0]) or not isinstance(scale, (int, float)):
        return _plain(q, k, v, bias, mask, scale, is_causal)
    left_out = _rank_four(cast(mask, bool_) if bias is None else cast(bias, wide)) if mask is not None or bias is not None else None
    return cast(attention(cast(q, wide), cast(k, wide), cast(v, wide), left_out, scale=scale, causal=is_causal)[0], dtype)


def _rank_four(x: Any) -> Tensor:
    x = as_tensor(x)
    return x if x.ndim == 4 else reshape(x, ((1,) * (4 - x.ndim) + tuple(x.sizes)))


def _plain(q: Tensor, k: Tensor, v: Tensor, bias: Any, mask: Any, scale: Any, is_causal: bool) -> Tensor:
    """The same with the scores in memory, for what the primitive does not take."""
    scores: Any = cast(einsum("btnh,bsnh->bnts", q, k), float32) * scale
    if bias is not None:
        scores = scores + cast(bias, float32)
    if is_causal:
        lower = causal(scores.sizes[-2], scores.sizes[-1])
        mask = lower if mask is None else logical_and(cast(mask, bool_), lower)
    if mask is not None:
        scores = select(cast(mask, bool_), scores, MASKED)
    return einsum("bnts,bsnh->btnh", cast(softmax(scores), v.dtype), v)
