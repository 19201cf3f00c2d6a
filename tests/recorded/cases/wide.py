"""The layers that are used less: values, gradients and a few training steps, in float32 and in mixed precision."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, integers, normal
from recorded.cases.layers import run_layer
from recorded.cases.mixed import TOLERANCE
from recorded.cases.mixed import layer as run_mixed

CASES: dict[str, Case] = {}
SEQUENCE, IMAGE, VOLUME = normal(1, 2, 9, 4), normal(2, 2, 7, 6, 4), normal(3, 2, 5, 4, 6, 3)
FILMS = {1: normal(4, 2, 3, 7, 3), 2: normal(5, 2, 3, 5, 6, 3), 3: normal(6, 2, 2, 4, 3, 4, 2)}
WORDS = integers(7, 0, 9, 3, 5)


def train(tf: Any, make: Any, inputs: np.ndarray) -> Arrays:
    """The losses of four steps of momentum, and the weights after them."""
    layer = make(tf.keras.layers)
    x = tf.constant(inputs)
    target = tf.constant(normal(99, *layer(x, training=False).shape))
    fill_weights(layer.weights, seed=21)
    optimizer = tf.keras.optimizers.SGD(0.05, momentum=0.9)
    losses = []
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((layer(x, training=True) - target) ** 2)
        variables = layer.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        losses.append(float(loss))
    return {"losses": np.array(losses, "float32")} | {f"w{i}_{w.name}": array(w) for i, w in enumerate(layer.weights)}


def layer(name: str, make: Any, inputs: Any, training: bool | None = None, tolerance: float = 1e-5, steps: bool = False,
          mixed: float = TOLERANCE) -> None:  # fmt: skip
    """`make(L, p)`: a layer with the policy p; `mixed`: the tolerance in mixed precision, 0 to leave that out."""
    CASES[name] = Case(lambda tf: run_layer(tf, lambda L: make(L, None), inputs, training), tolerance)
    if mixed:
        CASES[f"{name}_mixed"] = Case(lambda tf: run_mixed(tf, lambda L: make(L, "mixed_bfloat16"), inputs), mixed)
    if steps:
        CASES[f"{name}_steps"] = Case(lambda tf: train(tf, lambda L: make(L, None), inputs), 10 * tolerance)


for kind in ("Average", "Max"):
    for rank, x, size in ((1, SEQUENCE, 4), (2, IMAGE, (3, 4)), (3, VOLUME, (2, 4, 3))):
        layer(f"adaptive_{kind}{rank}d", lambda L, p, k=kind, r=rank, s=size: getattr(L, f"Adaptive{k}Pooling{r}D")(s, dtype=p), x,
              mixed=0 if (kind, rank) == ("Max", 3) else TOLERANCE)  # fmt: skip
    layer(f"adaptive_{kind}_even", lambda L, p, k=kind: getattr(L, f"Adaptive{k}Pooling2D")((7, 2), dtype=p), IMAGE)
    layer(f"adaptive_{kind}_larger", lambda L, p, k=kind: getattr(L, f"Adaptive{k}Pooling1D")(13, dtype=p), SEQUENCE)
    layer(f"adaptive_{kind}_first", lambda L, p, k=kind: getattr(L, f"Adaptive{k}Pooling2D")(3, "channels_first", dtype=p), IMAGE)

for rank, film in FILMS.items():
    layer(f"conv_lstm{rank}d", lambda L, p, r=rank: getattr(L, f"ConvLSTM{r}D")(3, 2, dtype=p), film, None, 2e-5, steps=rank < 3)
    layer(f"conv_lstm{rank}d_same", lambda L, p, r=rank: getattr(L, f"ConvLSTM{r}D")(
        2, 3, padding="same", return_sequences=True, unit_forget_bias=False, dtype=p), film, None, 2e-5, mixed=2 * TOLERANCE)  # fmt: skip
for name, options in {
    "strides": {"strides": 2, "padding": "same"},
    "dilation": {"dilation_rate": 2, "use_bias": False},
    "backwards": {"go_backwards": True, "return_sequences": True, "activation": "relu", "recurrent_activation": "hard_sigmoid"},
}.items():
    layer(f"conv_lstm_{name}", lambda L, p, o=options: L.ConvLSTM2D(3, (3, 2), dtype=p, **o), FILMS[2], None, 2e-5)

layer("up_sampling3d", lambda L, p: L.UpSampling3D((2, 1, 3), dtype=p), VOLUME)
layer("up_sampling3d_first", lambda L, p: L.UpSampling3D(2, data_format="channels_first", dtype=p), VOLUME)
for how, tolerance in (("bicubic", 5e-3), ("lanczos3", 1e-5), ("lanczos5", 1e-5)):  # TensorFlow reads bicubic weights from a coarse table
    layer(f"up_sampling2d_{how}", lambda L, p, h=how: L.UpSampling2D((2, 3), interpolation=h, dtype=p), IMAGE, None, tolerance, mixed=0)
layer("alpha_dropout", lambda L, p: L.AlphaDropout(0.4, dtype=p), SEQUENCE, False)
layer("reversible_embedding", lambda L, p: L.ReversibleEmbedding(9, 4, dtype=p), WORDS)
for training in (True, False):
    tag = "training" if training else "inference"
    layer(f"spectral_dense_{tag}", lambda L, p: L.SpectralNormalization(L.Dense(5)), SEQUENCE, training, 2e-5)
    layer(f"spectral_conv_{tag}", lambda L, p: L.SpectralNormalization(L.Conv2D(5, 3), power_iterations=3), IMAGE, training, 2e-5)


def in_reverse(tf: Any, policy: Any, **options: Any) -> Arrays:
    """A language model's two ends: words -> vectors -> logits, and the gradients of the tables."""
    layer = tf.keras.layers.ReversibleEmbedding(9, 4, dtype=policy, **options)
    layer(tf.constant(WORDS))
    fill_weights(layer.weights, seed=31)
    with tf.GradientTape() as tape:
        logits = layer(layer(tf.constant(WORDS)), reverse=True)
        loss = tf.reduce_sum(tf.cast(logits, "float32") * tf.constant(normal(32, *logits.shape)))
    grads = tape.gradient(loss, layer.trainable_variables)
    found = {"logits": array(tf.cast(logits, "float32")), "kind": np.array(str(tf.as_dtype(logits.dtype).name))}
    return found | {f"g{i}": array(tf.convert_to_tensor(g)) for i, g in enumerate(grads)}


for name, options in {"tied": {}, "untied": {"tie_weights": False}, "capped": {"logit_soft_cap": 2.0}, "wide": {"reverse_dtype": "float32"}}.items():
    for policy in (None, "mixed_bfloat16"):
        CASES[f"reverse_{name}_{policy}"] = Case(lambda tf, p=policy, o=options: in_reverse(tf, p, **o), TOLERANCE if policy else 1e-5)


def states(tf: Any) -> Arrays:
    """A stateful ConvLSTM over two batches, its states returned."""
    layer = tf.keras.layers.ConvLSTM2D(3, 2, return_state=True, stateful=True)
    x = tf.constant(FILMS[2])
    layer(x)
    layer.reset_state()
    fill_weights(layer.weights, seed=41)
    found = [*layer(x), *layer(x)]
    return {f"y{i}": array(y) for i, y in enumerate(found)}


CASES["conv_lstm_states"] = Case(states, 2e-5)
