"""Dot-product attention of many heads."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.dtypes import float32
from tenfold.ops.activation import softmax
from tenfold.ops.products import einsum
from tenfold.primitives.arithmetic import cast, less_equal, logical_and, select
from tenfold.primitives.define import tensors
from tenfold.primitives.gather import iota
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor

LOWEST = -0.7 * 3.4028234663852886e38  # what a masked score is, as in Keras: finite, so that a row without any key gives numbers


def causal(rows: Any, columns: Any) -> Tensor:
    """[rows, columns], true where the column is not behind the row."""
    return less_equal(reshape(iota(columns), (1, columns)), reshape(iota(rows), (rows, 1)))


def dot_product_attention(query: Any, key: Any, value: Any, bias: Any = None, mask: Any = None, scale: float | None = None,
                          is_causal: bool = False) -> Tensor:  # fmt: skip
    """softmax(query @ key.T * scale + bias) @ value for each head; operands are [batch, steps, heads, size].

    Args:
        bias: added to the scores [batch, heads, steps of the query, steps of the key].
        mask: of the scores' shape (or broadcast to it); keys are left out where it is false.
        scale: default: 1 / sqrt(size).
        is_causal: whether a step of the query sees only keys of the same number and earlier.
    """
    q, k, v = tensors("dot_product_attention", (query, key, value))
    scores: Any = cast(einsum("btnh,bsnh->bnts", q, k), float32) * (1 / math.sqrt(int(q.sizes[-1])) if scale is None else scale)
    if bias is not None:
        scores = scores + cast(bias, float32)
    if is_causal:
        lower = causal(scores.sizes[-2], scores.sizes[-1])
        mask = lower if mask is None else logical_and(cast(mask, "bool"), lower)
    if mask is not None:
        scores = select(cast(mask, "bool"), scores, LOWEST)
    return einsum("bnts,bsnh->btnh", cast(softmax(scores), v.dtype), v)
