"""Attention in `keras.ops`."""

from __future__ import annotations

from tenfold.keras.base.promotion import result_type
from tenfold.keras.ops.define import Array, converted, operation
from tenfold.ops import attention


@operation("nn")
def dot_product_attention(query: Array, key: Array, value: Array, bias: Array | None = None, mask: Array | None = None,
                          scale: float | None = None, is_causal: bool = False, flash_attention: bool | None = None,
                          attn_logits_soft_cap: float | None = None) -> Array:  # fmt: skip
    """Attention of many heads: softmax(query key^T * scale + bias) value; operands are [batch, steps, heads, size].

    Raises:
        ValueError: `flash_attention` is asked for together with what it cannot do.
    """
    if flash_attention and (bias is not None or attn_logits_soft_cap is not None):
        raise ValueError("Flash attention takes neither `bias` nor `attn_logits_soft_cap`. Try flash_attention=None: the way of computing is chosen.")
    query, key, value = converted([query, key, value], result_type)
    return attention.dot_product_attention(query, key, value, bias, mask, scale, is_causal, attn_logits_soft_cap)
