"""Attention layers and EinsumDense: outputs, weights, gradients, scores and masks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, integers, normal, outputs
from recorded.cases.layer_runs import Names

CASES: dict[str, Case] = {}
Q, V, K = normal(1, 2, 5, 8), normal(2, 2, 7, 6), normal(3, 2, 7, 10)
X, WIDE = normal(4, 2, 6, 12), normal(5, 2, 3, 4, 6, 8)
ALLOWED = integers(6, 0, 2, 2, 5, 7).astype(bool)
STEPS = np.array([[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]], bool)
KEYS = np.array([[1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 0]], bool)


def run(tf: Any, make: Callable[[Any], Any], inputs: list[np.ndarray], as_list: bool = False, **options: Any) -> Arrays:
    """Calls the layer under a tape, with its inputs as arguments or in one list."""
    layer = make(tf.keras.layers)
    xs = [tf.constant(x) for x in inputs]
    options = {k: tf.constant(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    if "mask" in options:
        options["mask"] = [None if m is None else tf.constant(m) for m in options["mask"]]

    def call() -> Any:
        return layer(xs, **options) if as_list else layer(*xs, **options)

    call()
    fill_weights(layer.weights, seed=21)
    mixed = layer.compute_dtype != "float32"
    with tf.GradientTape() as tape:
        for x in xs:
            tape.watch(x)
        ys = outputs(call())
        loss = sum(tf.reduce_sum(tf.cast(y, "float32") * tf.constant(normal(70 + i, *y.shape))) for i, y in enumerate(ys))
    found = {f"y{i}": array(y) for i, y in enumerate(ys)}
    found["weights"] = np.array([f"{w.path.split('/', 1)[1]}{tuple(w.shape)}" for w in layer.weights], dtype="U")
    grads = tape.gradient(loss, xs + list(layer.trainable_variables))
    names = [f"dx{i}" for i in range(len(xs))] + [f"dw{i}" for i in range(len(layer.trainable_variables))]
    pairs = [(n, g) for n, g in zip(names, grads, strict=True) if g is not None and not (mixed and n == "dw3")]
    found |= {n: without_noise(array(tf.convert_to_tensor(g))) for n, g in pairs}
    return {n: v.astype("float32") if v.dtype.name == "bfloat16" else v for n, v in found.items()}


def without_noise(gradient: np.ndarray) -> np.ndarray:
    """Zeros if there is nothing but rounding errors, as in the gradient of the key's bias, which moves all scores alike."""
    return gradient if np.abs(gradient).max() > (1e-4 if gradient.dtype == "float32" else 0) else np.zeros_like(gradient)


def add(name: str, make: Callable[[Any], Any], inputs: list[np.ndarray], tolerance: float = 2e-5, **options: Any) -> None:
    CASES[name] = Case(lambda tf: run(tf, make, inputs, **options), tolerance, make(Names()))


add("einsum_dense", lambda L: L.EinsumDense("ab,bc->ac", 5, bias_axes="c", activation="relu"), [normal(7, 4, 6)])
add("einsum_dense_steps", lambda L: L.EinsumDense("abc,cd->abd", (None, 5), bias_axes="d"), [X])
add("einsum_dense_heads", lambda L: L.EinsumDense("abc,cde->abde", (None, 2, 4), bias_axes="de"), [X])
add("einsum_dense_back", lambda L: L.EinsumDense("abcd,cde->abe", (None, 7), bias_axes="e"), [normal(8, 2, 5, 3, 4)])
add("einsum_dense_left", lambda L: L.EinsumDense("...x,xy->...y", 4, bias_axes="y"), [WIDE])
add("einsum_dense_right", lambda L: L.EinsumDense("abc...,bcd->ad...", (5,), bias_axes="d"), [WIDE])
add("einsum_dense_steps_bias", lambda L: L.EinsumDense("abc,cd->abd", (6, 5), bias_axes="bd"), [X])
add("einsum_dense_over_steps", lambda L: L.EinsumDense("abc,bd->adc", (5, 12), bias_axes="d"), [X])
add("einsum_dense_swapped", lambda L: L.EinsumDense("abc,dc->adb", (5, 6)), [X])

add("self", lambda L: L.MultiHeadAttention(3, 4), [X, X])
add("cross", lambda L: L.MultiHeadAttention(2, 4, value_dim=3), [Q, V])
add("cross_key", lambda L: L.MultiHeadAttention(2, 4, value_dim=3, use_bias=False), [Q, V, K])
add("causal", lambda L: L.MultiHeadAttention(3, 4), [X, X], use_causal_mask=True)
add("causal_cross", lambda L: L.MultiHeadAttention(3, 4), [Q, V], use_causal_mask=True)
add("mask", lambda L: L.MultiHeadAttention(2, 4), [Q, V], attention_mask=ALLOWED)
add("mask_heads", lambda L: L.MultiHeadAttention(2, 4), [Q, V], attention_mask=np.stack([ALLOWED, ~ALLOWED], 1))
add("mask_ints", lambda L: L.MultiHeadAttention(2, 4), [Q, V], attention_mask=ALLOWED.astype("int32"))
add("masks", lambda L: L.MultiHeadAttention(2, 4), [Q, V], value_mask=KEYS, query_mask=STEPS)
add("mask_causal", lambda L: L.MultiHeadAttention(2, 4), [Q, V], attention_mask=ALLOWED, use_causal_mask=True)
add("nothing_allowed", lambda L: L.MultiHeadAttention(2, 4), [Q, V], attention_mask=np.zeros((2, 5, 7), bool))
add("nothing_allowed_scores", lambda L: L.MultiHeadAttention(2, 4), [Q, V], attention_mask=np.zeros((2, 5, 7), bool), return_attention_scores=True)
add("scores", lambda L: L.MultiHeadAttention(2, 4), [Q, V], return_attention_scores=True)
add("scores_mask", lambda L: L.MultiHeadAttention(2, 4), [Q, V], return_attention_scores=True, attention_mask=ALLOWED)
add("scores_causal", lambda L: L.MultiHeadAttention(2, 4), [X, X], return_attention_scores=True, use_causal_mask=True)
add("dropout_off", lambda L: L.MultiHeadAttention(2, 4, dropout=0.3), [Q, V], training=False, attention_mask=ALLOWED)
add("window", lambda L: L.MultiHeadAttention(2, 4, sliding_window=2), [X, X])
add("window_causal", lambda L: L.MultiHeadAttention(2, 4, sliding_window=3), [X, X], use_causal_mask=True)
add("gate", lambda L: L.MultiHeadAttention(2, 4, use_gate=True), [Q, V])
add("output_shape", lambda L: L.MultiHeadAttention(2, 4, output_shape=(3, 5)), [Q, V])
add("axes", lambda L: L.MultiHeadAttention(2, 4, attention_axes=(2, 3)), [WIDE, WIDE])
add("one_axis", lambda L: L.MultiHeadAttention(2, 4, attention_axes=2), [WIDE[:, 0], WIDE[:, 0]])
add("all_axes", lambda L: L.MultiHeadAttention(2, 4), [WIDE, WIDE])
for dtype in ("mixed_bfloat16", "mixed_float16"):
    add(f"self_{dtype}", lambda L, d=dtype: L.MultiHeadAttention(3, 4, dtype=d), [X, X], 0.03)
    add(f"grouped_{dtype}", lambda L, d=dtype: L.GroupQueryAttention(4, 4, 2, dtype=d), [X, X], 0.03, use_causal_mask=True)

add("grouped", lambda L: L.GroupQueryAttention(4, 6, 2), [X, X])
add("grouped_cross", lambda L: L.GroupQueryAttention(4, 4, 2), [normal(9, 2, 5, 12), X])
add("grouped_causal", lambda L: L.GroupQueryAttention(4, 4, 1), [X, X], use_causal_mask=True)
add("grouped_scores", lambda L: L.GroupQueryAttention(4, 4, 2, use_bias=False), [X, X], return_attention_scores=True)
add("grouped_scores_causal", lambda L: L.GroupQueryAttention(4, 4, 2), [X, X], return_attention_scores=True, use_causal_mask=True)
add("grouped_mask", lambda L: L.GroupQueryAttention(4, 4, 2, use_gate=True), [X, X], attention_mask=integers(6, 0, 2, 2, 6, 6).astype(bool))
add("grouped_window", lambda L: L.GroupQueryAttention(4, 4, 2, sliding_window=2), [X, X], use_causal_mask=True)

SAME = normal(10, 2, 7, 8)
for name, make in (
    ("dot", lambda L: L.Attention()),
    ("dot_scale", lambda L: L.Attention(use_scale=True)),
    ("concat", lambda L: L.Attention(score_mode="concat")),
    ("concat_scale", lambda L: L.Attention(score_mode="concat", use_scale=True)),
    ("additive", lambda L: L.AdditiveAttention()),
    ("additive_no_scale", lambda L: L.AdditiveAttention(use_scale=False)),
):
    add(name, make, [Q, SAME], as_list=True)
    add(f"{name}_key", make, [Q, V, SAME], as_list=True, return_attention_scores=True)
    add(f"{name}_causal", make, [Q, SAME], as_list=True, use_causal_mask=True, return_attention_scores=True)
    add(f"{name}_masks", make, [Q, SAME], as_list=True, mask=[STEPS, KEYS], return_attention_scores=True)
    add(f"{name}_masks_causal", make, [Q, SAME], as_list=True, mask=[None, KEYS], use_causal_mask=True)


def embedded(tf: Any, make: Callable[[Any], Any], **options: Any) -> Arrays:
    """Masks from an Embedding travel through the layer."""
    L = tf.keras.layers
    words = integers(11, 0, 4, 3, 6)
    embedding, layer = L.Embedding(4, 8, mask_zero=True), make(L)
    x = embedding(tf.constant(words))
    layer(x, x)
    fill_weights([*embedding.weights, *layer.weights], seed=31)
    x = embedding(tf.constant(words))
    y = layer(x, x, **options)
    mask = getattr(y, "_keras_mask", None)
    return {"y": array(y), "has_mask": np.array(mask is not None)} | ({} if mask is None else {"mask": array(mask)})


CASES["embedded"] = Case(lambda tf: embedded(tf, lambda L: L.MultiHeadAttention(2, 4)))
CASES["embedded_causal"] = Case(lambda tf: embedded(tf, lambda L: L.MultiHeadAttention(2, 4), use_causal_mask=True))
CASES["embedded_grouped"] = Case(lambda tf: embedded(tf, lambda L: L.GroupQueryAttention(4, 4, 2)))


def in_model(tf: Any) -> Arrays:
    """A block of a transformer as a functional model, trained a little."""
    L, K_ = tf.keras.layers, tf.keras
    words = K_.Input((6,), dtype="int32")
    x = L.Embedding(11, 12, trainable=False)(words)  # Keras squares the gradients of repeated words one by one
    a = L.MultiHeadAttention(3, 4, name="heads")(x, x, use_causal_mask=True)
    x = L.LayerNormalization()(L.Add()([x, a]))
    y = L.Dense(11)(L.Dense(24, activation="gelu")(x))
    model = K_.Model(words, y)
    fill_weights(model.weights, seed=51)
    fill_weights(model.weights, seed=51)
    model.compile(K_.optimizers.AdamW(0.01), K_.losses.SparseCategoricalCrossentropy(from_logits=True))
    data = integers(12, 0, 11, 40, 7)
    losses = model.fit(data[:, :-1], data[:, 1:], batch_size=8, epochs=4, shuffle=False, verbose=0).history["loss"]
    predicted = model.predict(data[:3, :-1], verbose=0)
    return {"loss": np.array(losses, "float32"), "predict": predicted, "path": np.array(model.get_layer("heads").weights[0].path)}


CASES["in_model"] = Case(in_model, 1e-3)
