"""Layers: output, weights' names and shapes, input and weight gradients, and state after the call."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, integers, normal

CASES: dict[str, Case] = {}


def run_layer(tf: Any, make: Callable[[Any], Any], inputs: Any, training: bool | None) -> Arrays:
    """Calls the layer under a tape; a list of arrays stands for a layer with several inputs."""
    layer = make(tf.keras.layers)
    several = isinstance(inputs, list)
    xs = [tf.constant(x) for x in (inputs if several else [inputs])]
    argument = xs if several else xs[0]
    layer(argument)
    fill_weights(layer.weights, seed=11)
    watched = [x for x, raw in zip(xs, inputs if several else [inputs], strict=True) if raw.dtype.kind == "f"]
    with tf.GradientTape() as tape:
        for x in watched:
            tape.watch(x)
        y = layer(argument) if training is None else layer(argument, training=training)
        loss = tf.reduce_sum(y * tf.constant(normal(99, *y.shape)))
    grads = tape.gradient(loss, watched + list(layer.trainable_variables))
    found = {"y": array(y), "weights": np.array([f"{w.name}{tuple(w.shape)}" for w in layer.weights], dtype="U")}
    names = [f"dx{i}" for i in range(len(watched))] + [f"dw_{w.name}" for w in layer.trainable_variables]
    found |= {n: array(tf.convert_to_tensor(g)) for n, g in zip(names, grads, strict=True) if g is not None}
    found |= {f"state_{w.name}": array(w) for w in layer.non_trainable_variables if "seed" not in w.name}
    found["output_shape"] = np.array(y.shape)
    return found


def add(name: str, make: Callable[[Any], Any], inputs: Any, training: bool | None = None, tolerance: float = 1e-5) -> None:
    CASES[name] = Case(lambda tf: run_layer(tf, make, inputs, training), tolerance)


def add_dense() -> None:
    x = normal(1, 6, 7)
    add("dense", lambda L: L.Dense(5), x)
    add("dense_relu", lambda L: L.Dense(5, activation="relu"), x)
    add("dense_no_bias_tanh", lambda L: L.Dense(4, activation="tanh", use_bias=False), x)
    add("dense_softmax", lambda L: L.Dense(10, activation="softmax"), x)
    add("dense_rank3", lambda L: L.Dense(5), normal(2, 2, 3, 7))
    add("dense_rank4", lambda L: L.Dense(3, activation="gelu"), normal(2, 2, 3, 2, 5))
    add("dense_one_row", lambda L: L.Dense(128), normal(3, 1, 33))


def add_conv2d() -> None:
    x = normal(4, 2, 9, 8, 4)
    table: dict[str, dict[str, Any]] = {
        "valid": {},
        "same": {"padding": "same"},
        "relu": {"padding": "same", "activation": "relu"},
        "no_bias": {"use_bias": False},
        "strides2_valid": {"strides": 2},
        "strides2_same": {"strides": 2, "padding": "same"},
        "strides_2_1_same": {"strides": (2, 1), "padding": "same"},
        "strides3_same": {"strides": 3, "padding": "same"},
        "dilation2_valid": {"dilation_rate": 2},
        "dilation_1_2_same": {"dilation_rate": (1, 2), "padding": "same"},
        "groups2": {"groups": 2, "padding": "same"},
        "groups4_strides2": {"groups": 4, "strides": 2, "padding": "same"},
    }
    for name, options in table.items():
        add(f"conv2d_{name}", lambda L, o=options: L.Conv2D(8, 3, **o), x)
    for name in ("valid", "strides2_same", "dilation2_valid"):
        options = table[name] | {"data_format": "channels_first"}
        add(f"conv2d_channels_first_{name}", lambda L, o=options: L.Conv2D(8, 3, **o), normal(4, 2, 4, 9, 8))
    add("conv2d_1x1", lambda L: L.Conv2D(6, 1), x)
    add("conv2d_2x2_same", lambda L: L.Conv2D(6, 2, padding="same"), x)
    add("conv2d_kernel_5x3", lambda L: L.Conv2D(3, (5, 3), padding="same", strides=(1, 2)), x)
    add("conv2d_7x7_strides2_same", lambda L: L.Conv2D(5, 7, strides=2, padding="same"), normal(5, 1, 15, 13, 3))
    add("conv2d_one_channel", lambda L: L.Conv2D(8, (3, 3), activation="relu"), normal(6, 3, 12, 12, 1))
    add("conv2d_wide", lambda L: L.Conv2D(33, 3, padding="same"), normal(7, 1, 6, 6, 37))
    add("conv2d_whole_image", lambda L: L.Conv2D(4, (9, 8)), x)


def add_conv1d() -> None:
    x = normal(8, 2, 11, 4)
    table: dict[str, dict[str, Any]] = {
        "valid": {},
        "same": {"padding": "same", "activation": "relu"},
        "causal": {"padding": "causal"},
        "causal_dilation2": {"padding": "causal", "dilation_rate": 2},
        "strides2_same": {"padding": "same", "strides": 2},
        "strides3_valid": {"strides": 3},
        "dilation3": {"dilation_rate": 3},
        "groups2": {"groups": 2},
    }
    for name, options in table.items():
        add(f"conv1d_{name}", lambda L, o=options: L.Conv1D(6, 3, **o), x)


def add_pooling() -> None:
    x = normal(9, 2, 7, 9, 3)
    table: dict[str, dict[str, Any]] = {
        "2": {"pool_size": 2},
        "2_same": {"pool_size": 2, "padding": "same"},
        "2_channels_first": {"pool_size": 2, "data_format": "channels_first"},
        "3_strides2_same_channels_first": {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"},
        "3_strides2_valid": {"pool_size": 3, "strides": 2},
        "3_strides2_same": {"pool_size": 3, "strides": 2, "padding": "same"},
        "3_strides1_same": {"pool_size": 3, "strides": 1, "padding": "same"},
        "2x3": {"pool_size": (2, 3)},
        "2x3_same": {"pool_size": (2, 3), "strides": (1, 2), "padding": "same"},
    }
    for name, options in table.items():
        add(f"max_pooling2d_{name}", lambda L, o=options: L.MaxPooling2D(**o), x)
        add(f"average_pooling2d_{name}", lambda L, o=options: L.AveragePooling2D(**o), x)
    for kind in ("GlobalAveragePooling2D", "GlobalMaxPooling2D"):
        add(kind, lambda L, k=kind: getattr(L, k)(), x)
        add(f"{kind}_keepdims", lambda L, k=kind: getattr(L, k)(keepdims=True), x)
        add(f"{kind}_channels_first", lambda L, k=kind: getattr(L, k)(data_format="channels_first"), x)


def add_normalization() -> None:
    x = 2 * normal(10, 4, 5, 6) + 1
    image = normal(11, 3, 4, 5, 6) * 2 + 0.5
    for training in (True, False):
        tag = "training" if training else "inference"
        add(f"batch_norm_2d_{tag}", lambda L: L.BatchNormalization(), normal(12, 16, 7), training, 2e-5)
        add(f"batch_norm_4d_{tag}", lambda L: L.BatchNormalization(), image, training, 2e-5)
        add(f"batch_norm_axis1_{tag}", lambda L: L.BatchNormalization(axis=1), image, training, 2e-5)
        add(f"batch_norm_plain_{tag}", lambda L: L.BatchNormalization(center=False, scale=False), image, training, 2e-5)
        add(f"batch_norm_momentum_{tag}", lambda L: L.BatchNormalization(momentum=0.7, epsilon=0.01), image, training, 2e-5)
    add("layer_norm", lambda L: L.LayerNormalization(), x, None, 2e-5)
    add("layer_norm_two_axes", lambda L: L.LayerNormalization(axis=[1, 2]), x, None, 2e-5)
    add("layer_norm_axis1", lambda L: L.LayerNormalization(axis=1), x, None, 2e-5)
    add("layer_norm_plain", lambda L: L.LayerNormalization(center=False, scale=False, epsilon=1e-6), x, None, 2e-5)
    add("layer_norm_4d", lambda L: L.LayerNormalization(), image, None, 2e-5)


def add_shapes_and_merging() -> None:
    x, a, b = normal(13, 2, 3, 4, 5), normal(14, 3, 4), normal(15, 3, 4)
    add("flatten", lambda L: L.Flatten(), x)
    add("flatten_channels_first", lambda L: L.Flatten(data_format="channels_first"), x)
    add("reshape", lambda L: L.Reshape((6, 10)), x)
    add("reshape_open", lambda L: L.Reshape((-1, 4)), x)
    add("add", lambda L: L.Add(), [a, b])
    add("add_broadcast", lambda L: L.Add(), [a, normal(16, 3, 1)])
    add("concatenate", lambda L: L.Concatenate(), [a, normal(17, 3, 2)])
    add("concatenate_axis1", lambda L: L.Concatenate(axis=1), [x, normal(18, 2, 2, 4, 5)])
    add("rescaling", lambda L: L.Rescaling(1 / 255.0, offset=-0.5), uniform_bytes())
    add("embedding", lambda L: L.Embedding(11, 4), integers(19, 0, 11, 3, 7))
    add("embedding_mask_zero", lambda L: L.Embedding(11, 4, mask_zero=True), integers(20, 0, 11, 3, 7))
    add("dropout_inference", lambda L: L.Dropout(0.4), a, False)
    CASES["embedding_mask"] = Case(embedding_mask)


def uniform_bytes() -> np.ndarray:
    return integers(21, 0, 256, 2, 5, 5, 3).astype("float32")


def embedding_mask(tf: Any) -> Arrays:
    layer = tf.keras.layers.Embedding(9, 3, mask_zero=True)
    return {"mask": array(layer.compute_mask(tf.constant(integers(22, 0, 4, 3, 6))))}


ACTIVATIONS = (
    "relu",
    "relu6",
    "sigmoid",
    "tanh",
    "softplus",
    "softsign",
    "softmax",
    "log_softmax",
    "elu",
    "selu",
    "exponential",
    "leaky_relu",
    "silu",
    "swish",
    "gelu",
    "hard_sigmoid",
    "hard_silu",
    "mish",
    "linear",
)


def add_activations() -> None:
    x = np.concatenate([np.linspace(-8, 8, 33), [-3.0, 0.0, 3.0, 6.0, 50.0, -50.0, 0.5]]).astype("float32").reshape(5, 8)
    for name in ACTIVATIONS:
        add(f"activation_{name}", lambda L, n=name: L.Activation(n), x)
    add("relu_layer", lambda L: L.ReLU(), x)
    add("relu_layer_options", lambda L: L.ReLU(max_value=4.0, negative_slope=0.2, threshold=0.5), x)
    add("softmax_layer", lambda L: L.Softmax(), x)
    add("softmax_axis1", lambda L: L.Softmax(axis=1), normal(23, 2, 3, 4))
    add("softmax_two_axes", lambda L: L.Softmax(axis=[1, 2]), normal(23, 2, 3, 4))


add_dense()
add_conv2d()
add_conv1d()
add_pooling()
add_normalization()
add_shapes_and_merging()
add_activations()
