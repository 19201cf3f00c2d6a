"""Recurrent layers: outputs, weights' names, gradients, masks, states, and training steps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, integers, normal
from recorded.cases.layer_runs import Names, leaves, path

CASES: dict[str, Case] = {}
X = normal(1, 3, 6, 4)
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 1, 0, 1, 1], [1, 1, 0, 0, 0, 1]], bool)
STATES = [normal(2, 3, 5), normal(3, 3, 5), normal(4, 3, 5), normal(5, 3, 5)]


def run(tf: Any, make: Callable[[Any], Any], x: np.ndarray, states: int, mask: np.ndarray | None, calls: int) -> Arrays:
    """Calls the layer (several times, for what it keeps) and differentiates the last call."""
    layer, data = make(tf.keras.layers), tf.constant(x)
    options: dict[str, Any] = {} if mask is None else {"mask": tf.constant(mask)}
    if states:
        options["initial_state"] = [tf.constant(s) for s in STATES[:states]]
    layer(data, **options)
    fill_weights(layer.weights, seed=11)
    if getattr(layer, "stateful", False):
        layer.reset_states() if hasattr(layer, "reset_states") else layer.reset_state()
    for _ in range(calls - 1):
        layer(data, **options)
    with tf.GradientTape() as tape:
        tape.watch(data)
        ys = leaves(layer(data, **options))
        loss = sum(tf.reduce_sum(y * tf.constant(normal(90 + i, *y.shape))) for i, y in enumerate(ys))
    grads = tape.gradient(loss, [data, *layer.trainable_variables])
    found = {f"y{i}": array(y) for i, y in enumerate(ys)} | {f"g{i}": array(tf.convert_to_tensor(g)) for i, g in enumerate(grads)}
    names = [f"{path(w)} {tuple(w.shape)}" for w in layer.weights]
    return found | {"weights": np.array([n.replace("forward_", "f_").replace("backward_", "b_") for n in names], "U")}


def add(name: str, make: Callable[[Any], Any], x: np.ndarray = X, states: int = 0, mask: np.ndarray | None = None, calls: int = 1) -> None:
    CASES[name] = Case(lambda tf: run(tf, make, x, states, mask, calls), 2e-5, make(Names()))


KINDS: dict[str, tuple[int, dict[str, dict[str, Any]]]] = {
    "SimpleRNN": (1, {"relu": {"activation": "relu", "use_bias": False}}),
    "LSTM": (2, {"hard": {"recurrent_activation": "hard_sigmoid", "unit_forget_bias": False}, "no_bias": {"use_bias": False}}),
    "GRU": (1, {"reset_before": {"reset_after": False}, "no_bias": {"use_bias": False},
                "reset_before_no_bias": {"reset_after": False, "use_bias": False}}),
}  # fmt: skip
COMMON: dict[str, dict[str, Any]] = {
    "plain": {},
    "sequences": {"return_sequences": True},
    "state": {"return_state": True},
    "both_backwards": {"return_sequences": True, "return_state": True, "go_backwards": True},
    "unrolled": {"unroll": True, "return_sequences": True},
    "implementation1": {"implementation": 1, "return_sequences": True},
}
MASKED: dict[str, dict[str, Any]] = {
    "last": {},
    "sequences": {"return_sequences": True, "return_state": True},
    "zeros": {"return_sequences": True, "zero_output_for_mask": True},
    "zeros_last": {"zero_output_for_mask": True},
    "backwards": {"go_backwards": True, "return_sequences": True},
    "unrolled": {"unroll": True, "return_sequences": True},
}
for kind, (count, own) in KINDS.items():
    for tag, options in (COMMON | own).items():
        if (kind, tag) != ("SimpleRNN", "implementation1"):  # Keras's SimpleRNN does not know the argument
            add(f"{kind}_{tag}", lambda L, k=kind, o=options: getattr(L, k)(5, name="r", **o))
    for tag, options in MASKED.items():
        add(f"{kind}_masked_{tag}", lambda L, k=kind, o=options: getattr(L, k)(5, name="r", **o), mask=MASK)
    add(f"{kind}_initial_state", lambda L, k=kind: getattr(L, k)(5, name="r", return_state=True), states=count)
    add(f"{kind}_initial_state_masked", lambda L, k=kind: getattr(L, k)(5, name="r", return_sequences=True), states=count, mask=MASK)
    add(f"{kind}_stateful", lambda L, k=kind: getattr(L, k)(5, name="r", stateful=True, return_sequences=True), calls=3)
    for mode in ("concat", "sum", "mul", "ave"):
        options = {"merge_mode": mode, "name": "b"}
        add(f"Bidirectional_{kind}_{mode}", lambda L, k=kind, o=options: L.Bidirectional(getattr(L, k)(5, return_sequences=True, name="r"), **o))
    add(f"Bidirectional_{kind}_last", lambda L, k=kind: L.Bidirectional(getattr(L, k)(5, return_state=True, name="r"), name="b"), mask=MASK)
    add(f"Bidirectional_{kind}_masked", lambda L, k=kind: L.Bidirectional(getattr(L, k)(5, return_sequences=True, name="r"), name="b"), mask=MASK)
    add(f"RNN_of_{kind}Cell", lambda L, k=kind: L.RNN(getattr(L, f"{k}Cell")(5, name="c"), return_sequences=True, return_state=True, name="r"))
add("Bidirectional_two", lambda L: L.Bidirectional(L.LSTM(5, return_sequences=True, name="r"), None, name="b"))
add("Bidirectional_states", lambda L: L.Bidirectional(L.LSTM(5, name="r"), name="b"), states=4)
add("Bidirectional_other", lambda L: L.Bidirectional(L.LSTM(5, name="r"), backward_layer=L.GRU(3, go_backwards=True, name="q"), name="b"))
add("stacked", lambda L: L.RNN([L.LSTMCell(5, name="c"), L.GRUCell(3, name="d"), L.SimpleRNNCell(4, name="e")], return_sequences=True, name="r"))
add("stacked_state", lambda L: L.RNN([L.LSTMCell(5, name="c"), L.LSTMCell(3, name="d")], return_state=True, name="r"), mask=MASK)
add("TimeDistributed_dense", lambda L: L.TimeDistributed(L.Dense(3, activation="relu", name="d"), name="t"))
add("TimeDistributed_conv", lambda L: L.TimeDistributed(L.Conv1D(3, 2, name="d"), name="t"), normal(6, 2, 3, 5, 4))
add("TimeDistributed_lstm", lambda L: L.TimeDistributed(L.LSTM(3, name="d"), name="t"), normal(6, 2, 3, 5, 4))


def train(tf: Any, make: Callable[[Any], list[Any]]) -> Arrays:
    """20 steps of Adam on a small model; the losses and the weights. (Keras squares the gradients of repeated words one by one: words stay.)"""
    tokens, target = integers(7, 0, 11, 4, 7), normal(8, 4, 2)
    model = tf.keras.Sequential(make(tf.keras.layers))
    model(tf.constant(tokens))
    fill_weights(model.weights, seed=3)
    optimizer = tf.keras.optimizers.Adam(0.01)

    @tf.function
    def step(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - y))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True))
        return loss

    losses = [float(step(tf.constant(tokens), tf.constant(target))) for _ in range(20)]
    return {"losses": np.array(losses, "float32")} | {f"w{i}": array(w) for i, w in enumerate(model.weights)}


MODELS: dict[str, Callable[[Any], list[Any]]] = {
    "LSTM": lambda L: [L.Embedding(11, 4, trainable=False), L.LSTM(5), L.Dense(2)],
    "LSTM_masked": lambda L: [L.Embedding(11, 4, mask_zero=True, trainable=False), L.LSTM(5, return_sequences=True), L.LSTM(3), L.Dense(2)],
    "GRU_masked": lambda L: [L.Embedding(11, 4, mask_zero=True, trainable=False), L.GRU(5, return_sequences=True), L.GRU(3), L.Dense(2)],
    "Bidirectional": lambda L: [L.Embedding(11, 4, mask_zero=True, trainable=False), L.Bidirectional(L.LSTM(5, return_sequences=True)),
                                L.Bidirectional(L.GRU(3)), L.Dense(2)],
    "SimpleRNN": lambda L: [L.Embedding(11, 4, trainable=False), L.SimpleRNN(5, return_sequences=True), L.TimeDistributed(L.Dense(3)),
                            L.Flatten(), L.Dense(2)],
}  # fmt: skip
for name, make in MODELS.items():
    CASES[f"train_{name}"] = Case(lambda tf, m=make: train(tf, m), 2e-3)
