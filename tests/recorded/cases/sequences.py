"""Attention and recurrent layers in mixed precision, and trained for twenty steps; attention.py and recurrent.py have their options."""

from typing import Any

import numpy as np

from recorded.cases.common import normal
from recorded.cases.layer_runs import Table

TABLE = Table()
CASES = TABLE.cases
Q, V, X, STATE = normal(1, 2, 5, 8), normal(2, 2, 7, 8), normal(3, 3, 3, 4), normal(9, 3, 3)
FILM = normal(4, 2, 2, 4, 3)
MASK = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], bool)
MIXED = {"mixed_bfloat16": 0.05, "mixed_float16": 0.015}  # sums of many roundings


def add(name: str, make: Any, inputs: Any, **how: Any) -> None:
    TABLE.add(name, make, inputs, 2e-5, MIXED, **({"compiled": False} | how))


# --- attention ---
add("attention", lambda L: L.Attention(), [Q, V])
add("attention_scale", lambda L: L.Attention(use_scale=True, score_mode="concat"), [Q, V])
add("additive", lambda L: L.AdditiveAttention(), [Q, V])
add("additive_plain", lambda L: L.AdditiveAttention(use_scale=False), [Q, V])
add("heads", lambda L: L.MultiHeadAttention(2, 4), [Q, V], spread=True)
add("heads_options", lambda L: L.MultiHeadAttention(3, 4, value_dim=3, use_bias=False), [Q, V], spread=True)
add("groups", lambda L: L.GroupQueryAttention(3, 4, 2), [Q, V], spread=True)
add("groups_plain", lambda L: L.GroupQueryAttention(4, 2, 1, use_bias=False), [Q, V], spread=True)

# --- recurrence ---
for kind, count in (("SimpleRNN", 1), ("GRU", 1), ("LSTM", 2)):
    add(f"{kind}Cell", lambda L, k=kind: getattr(L, f"{k}Cell")(3), [X[:, 0], [STATE] * count], spread=True)
    add(f"{kind}Cell_plain", lambda L, k=kind: getattr(L, f"{k}Cell")(3, use_bias=False), [X[:, 1], [STATE] * count], spread=True)
    add(kind, lambda L, k=kind: getattr(L, k)(5), X)
    add(f"{kind}_sequences", lambda L, k=kind: getattr(L, k)(4, return_sequences=True, go_backwards=True), X)
    states = {"initial_state": [STATE + i for i in range(count)]}
    how = {"every": True, "steps": 20}
    add(f"{kind}_masked", lambda L, k=kind: getattr(L, k)(3, return_state=True), X, options={"mask": MASK, **states}, **how)
    add(f"{kind}_stateful", lambda L, k=kind: getattr(L, k)(3, stateful=True, return_sequences=True, return_state=True), X, calls=2, **how)
add("RNN", lambda L: L.RNN(L.LSTMCell(3, unit_forget_bias=False), return_state=True), X)
add("RNN_masked", lambda L: L.RNN([L.GRUCell(3), L.SimpleRNNCell(2)], return_sequences=True), X, options={"mask": MASK})
add("stacked", lambda L: L.StackedRNNCells([L.LSTMCell(3), L.GRUCell(3)]), [X[:, 0], [[STATE, STATE + 1], [STATE + 2]]], spread=True)
add("stacked_one", lambda L: L.StackedRNNCells([L.SimpleRNNCell(3, use_bias=False)]), [X[:, 0], [[STATE]]], spread=True)
add("Bidirectional", lambda L: L.Bidirectional(L.LSTM(3)), X, options={"mask": MASK})
add("Bidirectional_sum", lambda L: L.Bidirectional(L.GRU(2, return_sequences=True), merge_mode="sum"), X)
add("TimeDistributed", lambda L: L.TimeDistributed(L.Dense(3, activation="tanh")), X)
add("TimeDistributed_lstm", lambda L: L.TimeDistributed(L.LSTM(2)), FILM)
