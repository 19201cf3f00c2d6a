"""Attention and recurrent layers in mixed precision, and trained for twenty steps; attention.py and recurrent.py have their options."""

from typing import Any

from recorded.cases.common import normal
from recorded.cases.layer_runs import Table

TABLE = Table()
CASES = TABLE.cases
Q, V, X, STATE = normal(1, 2, 5, 8), normal(2, 2, 7, 8), normal(3, 3, 3, 4), normal(9, 3, 3)
MIXED = {"mixed_bfloat16": 0.05, "mixed_float16": 0.015}  # sums of many roundings


def add(name: str, make: Any, inputs: Any, **how: Any) -> None:
    TABLE.add(name, make, inputs, 2e-5, MIXED, compiled=False, **how)


add("attention", lambda L: L.Attention(), [Q, V])
add("attention_scale", lambda L: L.Attention(use_scale=True, score_mode="concat"), [Q, V])
add("additive", lambda L: L.AdditiveAttention(), [Q, V])
add("additive_plain", lambda L: L.AdditiveAttention(use_scale=False), [Q, V])
add("heads", lambda L: L.MultiHeadAttention(2, 4), [Q, V], spread=True)
add("heads_options", lambda L: L.MultiHeadAttention(3, 4, value_dim=3, use_bias=False), [Q, V], spread=True)
add("groups", lambda L: L.GroupQueryAttention(3, 4, 2), [Q, V], spread=True)
add("groups_plain", lambda L: L.GroupQueryAttention(4, 2, 1, use_bias=False), [Q, V], spread=True)
for kind in ("SimpleRNN", "GRU"):
    add(f"{kind}Cell", lambda L, k=kind: getattr(L, f"{k}Cell")(3), [X[:, 0], [STATE]], spread=True)
    add(f"{kind}Cell_plain", lambda L, k=kind: getattr(L, f"{k}Cell")(3, use_bias=False), [X[:, 1], [STATE]], spread=True)
    add(kind, lambda L, k=kind: getattr(L, k)(5), X)
    add(f"{kind}_sequences", lambda L, k=kind: getattr(L, k)(4, return_sequences=True, go_backwards=True), X)
add("LSTMCell", lambda L: L.LSTMCell(3), [X[:, 0], [STATE] * 2], spread=True)
