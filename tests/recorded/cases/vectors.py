"""Layers that compute with whole vectors: dense, embedding, activation, normalization, regularization, reshaping, merging."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, integers, normal, uniform, with_gradients
from recorded.cases.layer_runs import TOLERANCES, Table, path, policy_of

TABLE = Table()
CASES, add = TABLE.cases, TABLE.add
X, A, B, RANK4 = normal(1, 6, 7), normal(14, 3, 4), normal(15, 3, 4), normal(13, 2, 3, 4, 5)
SEQUENCE, IMAGE, VOLUME = normal(2, 2, 9, 4), normal(11, 3, 4, 5, 6) * 2 + 0.5, normal(3, 2, 5, 4, 6, 3)
WORDS = integers(7, 0, 9, 3, 5)

# --- dense, embedding ---
add("dense", lambda L: L.Dense(5), X)
add("dense_relu", lambda L: L.Dense(5, activation="relu", kernel_regularizer="l2", bias_constraint="non_neg"), X)
add("dense_no_bias_tanh", lambda L: L.Dense(4, activation="tanh", use_bias=False), X)
add("dense_softmax", lambda L: L.Dense(10, activation="softmax"), X)
add("dense_rank3", lambda L: L.Dense(5), normal(2, 2, 3, 7))
add("dense_rank4", lambda L: L.Dense(3, activation="gelu"), normal(2, 2, 3, 2, 5))
add("dense_one_row", lambda L: L.Dense(128), normal(3, 1, 33))
add("dense_lora", lambda L: L.Dense(5, lora_rank=2), X)
add("embedding", lambda L: L.Embedding(11, 4), integers(19, 0, 11, 3, 7))
add("embedding_mask_zero", lambda L: L.Embedding(11, 4, mask_zero=True, embeddings_constraint="unit_norm"), integers(20, 0, 11, 3, 7))
add("reversible_embedding", lambda L: L.ReversibleEmbedding(9, 4), WORDS)
add("reversible_embedding_untied", lambda L: L.ReversibleEmbedding(9, 4, tie_weights=False), WORDS)
EINSUMS: dict[str, tuple[Any, ...]] = {
    "relu": ("ab,bc->ac", 5, "relu", "c", normal(7, 4, 6)),
    "steps": ("abc,cd->abd", (None, 5), None, "d", SEQUENCE),
    "heads": ("abc,cde->abde", (None, 2, 4), None, "de", SEQUENCE),
    "back": ("abcd,cde->abe", (None, 7), None, "e", normal(8, 2, 5, 3, 4)),
    "left": ("...x,xy->...y", 4, None, "y", RANK4),
    "right": ("abc...,bcd->ad...", (5,), None, "d", normal(5, 2, 3, 4, 6, 2)),
    "steps_bias": ("abc,cd->abd", (9, 5), None, "bd", SEQUENCE),
    "over_steps": ("abc,bd->adc", (5, 4), None, "d", SEQUENCE),
    "swapped": ("abc,dc->adb", (5, 9), None, None, SEQUENCE),
}
for name, (equation, shape, act, axes, x) in EINSUMS.items():
    add(f"einsum_dense_{name}", lambda L, e=equation, s=shape, a=act, b=axes: L.EinsumDense(e, s, activation=a, bias_axes=b), x)

# --- activations ---
RANGE = np.concatenate([np.linspace(-8, 8, 33), [-3.0, 0.0, 3.0, 6.0, 50.0, -50.0, 0.5]]).astype("float32").reshape(5, 8)
ACTIVATIONS = ("relu", "relu6", "sigmoid", "tanh", "softplus", "softsign", "softmax", "log_softmax", "elu", "selu", "exponential", "leaky_relu",
               "silu", "swish", "gelu", "hard_sigmoid", "hard_silu", "mish", "linear", "celu", "hard_shrink", "soft_shrink", "hard_tanh",
               "log_sigmoid", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh_shrink", "glu")  # fmt: skip
for name in ACTIVATIONS:
    add(f"activation_{name}", lambda L, n=name: L.Activation(n), RANGE, every=True)
add("relu_layer", lambda L: L.ReLU(), RANGE)
add("relu_layer_options", lambda L: L.ReLU(max_value=4.0, negative_slope=0.2, threshold=0.5), RANGE)
add("softmax_layer", lambda L: L.Softmax(), RANGE)
add("softmax_axis1", lambda L: L.Softmax(axis=1), normal(23, 2, 3, 4))
add("softmax_two_axes", lambda L: L.Softmax(axis=[1, 2]), normal(23, 2, 3, 4))
add("softmax_mask", lambda L: L.Softmax(), normal(23, 2, 3, 4), options={"mask": integers(24, 0, 2, 2, 3, 4).astype(bool)}, spread=False)
add("prelu", lambda L: L.PReLU(), IMAGE)
add("prelu_shared", lambda L: L.PReLU(shared_axes=[1, 2]), IMAGE)
add("leaky_relu", lambda L: L.LeakyReLU(0.2), IMAGE)
add("leaky_relu_plain", lambda L: L.LeakyReLU(), RANGE)
add("elu", lambda L: L.ELU(0.7), IMAGE)
add("elu_plain", lambda L: L.ELU(), RANGE)

# --- normalization ---
SPREAD = 2 * normal(10, 4, 5, 6) + 1
for name, options, x in (
    ("2d", {}, normal(12, 16, 7)), ("4d", {}, IMAGE), ("axis1", {"axis": 1}, IMAGE), ("plain", {"center": False, "scale": False}, IMAGE),
    ("momentum", {"momentum": 0.7, "epsilon": 0.01}, IMAGE), ("frozen", {"trainable": False}, IMAGE),
):  # fmt: skip
    add(f"batch_norm_{name}", lambda L, o=options: L.BatchNormalization(**o), x, 2e-5, changes=True)
add("batch_norm_inference", lambda L: L.BatchNormalization(), IMAGE, 2e-5, random=True)
add("batch_norm_masked", lambda L: L.BatchNormalization(), SPREAD, 2e-5, changes=True, options={"mask": integers(25, 0, 2, 4, 5).astype(bool)})
add("layer_norm", lambda L: L.LayerNormalization(), SPREAD, 2e-5)
add("layer_norm_two_axes", lambda L: L.LayerNormalization(axis=[1, 2]), SPREAD, 2e-5)
add("layer_norm_axis1", lambda L: L.LayerNormalization(axis=1), SPREAD, 2e-5)
add("layer_norm_plain", lambda L: L.LayerNormalization(center=False, scale=False, epsilon=1e-6), SPREAD, 2e-5)
add("layer_norm_4d", lambda L: L.LayerNormalization(), IMAGE, 2e-5)
add("group_norm", lambda L: L.GroupNormalization(2), IMAGE, 2e-5)
add("group_norm_all", lambda L: L.GroupNormalization(-1, epsilon=1e-5), IMAGE, 2e-5)
add("group_norm_axis1", lambda L: L.GroupNormalization(2, axis=1, center=False), IMAGE, 2e-5)
add("unit_norm", lambda L: L.UnitNormalization(), IMAGE)
add("unit_norm_axes", lambda L: L.UnitNormalization(axis=(1, 2)), IMAGE)
add("rms_norm", lambda L: L.RMSNormalization(), IMAGE)
add("rms_norm_axis", lambda L: L.RMSNormalization(epsilon=1e-2), SEQUENCE)
SPECTRAL = {"changes": True, "mixed": {"mixed_float16": 0.02, "mixed_bfloat16": 0.05}}
add("spectral_dense", lambda L: L.SpectralNormalization(L.Dense(5)), SEQUENCE, 5e-5, **SPECTRAL)
add("spectral_conv", lambda L: L.SpectralNormalization(L.Conv2D(5, 3), power_iterations=3), IMAGE, 5e-5, **SPECTRAL)
add("normalization", lambda L: L.Normalization(mean=np.arange(6.0), variance=[1.0, 4, 9, 2, 3, 1]), IMAGE)
add("normalization_invert", lambda L: L.Normalization(mean=2.0, variance=3.0, invert=True, axis=None), IMAGE)

# --- regularization: what chance decides is in distributions.py ---
CHANCE: dict[str, tuple[Any, Any]] = {
    "Dropout": ((0.4,), A), "AlphaDropout": ((0.4,), SEQUENCE), "GaussianDropout": ((0.3,), A), "GaussianNoise": ((0.5,), A),
    "SpatialDropout1D": ((0.4,), SEQUENCE), "SpatialDropout2D": ((0.4,), IMAGE), "SpatialDropout3D": ((0.4,), VOLUME),
}  # fmt: skip
for kind, (arguments, x) in CHANCE.items():
    add(f"{kind}_inference", lambda L, k=kind, a=arguments: getattr(L, k)(*a), x, random=True)
    add(f"{kind}_zero", lambda L, k=kind: getattr(L, k)(0.0, seed=3), x)
add("activity_regularization", lambda L: L.ActivityRegularization(0.1, 0.2), A)
add("activity_regularization_l1", lambda L: L.ActivityRegularization(l1=0.1), SEQUENCE)

# --- reshaping, core ---
add("flatten", lambda L: L.Flatten(), RANK4)
add("flatten_channels_first", lambda L: L.Flatten(data_format="channels_first"), RANK4)
add("reshape", lambda L: L.Reshape((6, 10)), RANK4)
add("reshape_open", lambda L: L.Reshape((-1, 4)), RANK4)
add("permute", lambda L: L.Permute((3, 1, 2)), RANK4)
add("permute_rank3", lambda L: L.Permute((2, 1)), SEQUENCE)
add("repeat_vector", lambda L: L.RepeatVector(3), normal(4, 2, 5))
add("repeat_vector_once", lambda L: L.RepeatVector(1), X)
add("identity", lambda L: L.Identity(), X)
add("identity_images", lambda L: L.Identity(), IMAGE)
add("lambda", lambda L: L.Lambda(lambda x: x * 2 + 1), X)
add("lambda_arguments", lambda L: L.Lambda(lambda x, power: x**power, arguments={"power": 3}), X)
add("masking", lambda L: L.Masking(), SEQUENCE * (SEQUENCE[..., :1] > 0))
add("masking_value", lambda L: L.Masking(1.0), np.where(SEQUENCE[..., :1] > 0, SEQUENCE, np.float32(1)))
add("rescaling", lambda L: L.Rescaling(1 / 255.0, offset=-0.5), integers(21, 0, 256, 2, 5, 5, 3).astype("float32"))
add("rescaling_channels", lambda L: L.Rescaling([0.5, 1.0, 2.0, 3.0], offset=[0.0, 1.0, 0.5, 2.0]), SEQUENCE)

# --- merging ---
for kind in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
    add(kind, lambda L, k=kind: getattr(L, k)(), [A, B])
    add(f"{kind}_broadcast", lambda L, k=kind: getattr(L, k)(), [A, normal(16, 3, 1)] + ([B] if kind != "Subtract" else []))
add("concatenate", lambda L: L.Concatenate(), [A, normal(17, 3, 2)])
add("concatenate_axis1", lambda L: L.Concatenate(axis=1), [RANK4, normal(18, 2, 2, 4, 5)])
add("dot", lambda L: L.Dot(axes=1), [A, B])
add("dot_cosine", lambda L: L.Dot(axes=-1, normalize=True), [A, B])
add("dot_axes", lambda L: L.Dot(axes=(2, 1)), [normal(9, 3, 2, 4), normal(10, 3, 4, 5)])
add("dot_rank4", lambda L: L.Dot(axes=(3, 1)), [normal(9, 2, 3, 2, 4), normal(10, 2, 4, 5)])


# --- what one call does not show ---
def embedding_mask(tf: Any) -> Arrays:
    layer = tf.keras.layers.Embedding(9, 3, mask_zero=True)
    return {"mask": array(layer.compute_mask(tf.constant(integers(22, 0, 4, 3, 6))))}


def in_reverse(tf: Any, policy: str, **options: Any) -> Arrays:
    """A language model's two ends: words -> vectors -> logits, and the gradients of the tables."""
    with policy_of(tf, policy):
        layer = tf.keras.layers.ReversibleEmbedding(9, 4, **options)
        layer(tf.constant(WORDS))
        fill_weights(layer.weights, seed=31)
        with tf.GradientTape() as tape:
            logits = layer(layer(tf.constant(WORDS)), reverse=True)
            loss = tf.reduce_sum(tf.cast(logits, "float32") * tf.constant(normal(32, *logits.shape)))
        grads = tape.gradient(loss, layer.trainable_variables)
        found = {"logits": array(tf.cast(logits, "float32")), "kind": np.array(str(tf.as_dtype(logits.dtype).name))}
        return found | {f"g{i}": array(tf.convert_to_tensor(g)) for i, g in enumerate(grads)}


def adapted(tf: Any) -> Arrays:
    norm = tf.keras.layers.Normalization()
    norm.adapt(normal(11, 50, 3) * 3 + 1)
    return {"y": array(norm(normal(12, 4, 3)))}


def wrapped(tf: Any) -> Arrays:
    layer = tf.keras.layers.Wrapper(tf.keras.layers.Dense(3, name="inside"), name="around")
    layer.build((None, 4))
    return {"weights": np.array([f"{path(w)} {tuple(w.shape)}" for w in layer.weights]), "config": np.array(sorted(layer.get_config()))}


def uniformly_regularized(tf: Any) -> Arrays:
    """The losses that layers add."""
    L = tf.keras.layers
    layers = [L.Dense(3, kernel_regularizer="l1", bias_regularizer="l2"), L.ActivityRegularization(0.1, 0.2), L.Dense(2, activity_regularizer="l2")]
    model = tf.keras.Sequential([tf.keras.Input((4,)), *layers])
    fill_weights(model.weights, seed=5)
    model(tf.constant(uniform(6, -1, 1, 5, 4)))
    return {"losses": np.sort([float(loss) for loss in model.losses]).astype("float32")}


def activations(tf: Any) -> Arrays:
    """Functions with options that a layer has no name for."""
    A = tf.keras.activations
    return with_gradients(tf, lambda x: (A.gelu(x, approximate=True), A.threshold(x, 0.6, -1.0)), RANGE)


CASES |= {"activations": Case(activations), "embedding_mask": Case(embedding_mask), "normalization_adapted": Case(adapted), "wrapper": Case(wrapped),
          "regularized": Case(uniformly_regularized)}  # fmt: skip
for name, options in {"tied": {}, "untied": {"tie_weights": False}, "capped": {"logit_soft_cap": 2.0}, "wide": {"reverse_dtype": "float32"}}.items():
    for policy, tolerance in TOLERANCES.items():
        CASES[f"reverse_{name}_{policy}"] = Case(lambda tf, p=policy, o=options: in_reverse(tf, p, **o), tolerance)
