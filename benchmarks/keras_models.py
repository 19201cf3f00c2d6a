"""An epoch of `fit` of four usual models, and EfficientNetB0 from nothing to its first step: Keras on Tenfold and on TensorFlow."""

from collections.abc import Callable
from typing import Any

import common
from common import Run, Suite

SUITE = Suite("keras_models.py")


def epoch(model: Any, x: Any, y: Any, size: int, loss: str | Any, optimizer: Any = "adam") -> Run:
    model.compile(optimizer, loss, metrics=["accuracy"])
    return Run(lambda: model.fit(x, y, batch_size=size, epochs=1, verbose=0))


def bilstm(tf: Any) -> Run:
    """20 batches of 64 reviews of 250 words, masked."""
    import numpy as np

    layers = tf.keras.layers
    rng = np.random.default_rng(0)
    words = rng.integers(1, 20_000, (1280, 250)).astype("int32")
    words *= np.arange(250) >= rng.integers(0, 200, (1280, 1))
    model = tf.keras.Sequential([
        layers.Input((250,), dtype="int32"),
        layers.Embedding(20_000, 64, mask_zero=True),
        layers.Bidirectional(layers.LSTM(48)),
        layers.Dropout(0.4),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    return epoch(model, words, rng.integers(0, 2, 1280), 64, "binary_crossentropy")


def digits(tf: Any) -> Run:
    """5 batches of 64 spectrograms of spoken digits."""
    import numpy as np

    layers = tf.keras.layers
    rng = np.random.default_rng(0)
    inputs = x = tf.keras.Input((61, 129, 1))
    for filters in (32, 64, 128):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.Activation("relu")(layers.BatchNormalization()(x)))
    model = tf.keras.Model(inputs, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    samples = rng.normal(size=(320, 61, 129, 1)).astype("float32")
    return epoch(model, samples, rng.integers(0, 10, 320), 64, "sparse_categorical_crossentropy")


def shakespeare(tf: Any) -> Run:
    """40 batches of 12 windows of 64 letters: 4 layers, 128 wide."""
    import numpy as np

    layers = tf.keras.layers
    rng = np.random.default_rng(0)
    inputs = tf.keras.Input((64,), dtype="int32")
    x = layers.Embedding(65, 128)(inputs)
    for _ in range(4):
        h = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(4, 32)(h, h, use_causal_mask=True)
        x = x + layers.Dense(128)(layers.Dense(512, activation="gelu")(layers.LayerNormalization()(x)))
    model = tf.keras.Model(inputs, layers.Dense(65)(layers.LayerNormalization()(x)))
    letters = rng.integers(0, 65, (480, 65)).astype("int32")
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return epoch(model, letters[:, :-1], letters[:, 1:], 12, loss, tf.keras.optimizers.AdamW(1e-3))


def table(tf: Any) -> Run:
    """50 batches of 64 rows of numbers and words, encoded by a FeatureSpace inside the model."""
    import numpy as np

    layers, space_of = tf.keras.layers, tf.keras.utils.FeatureSpace
    rng = np.random.default_rng(0)
    rows = {
        "age": rng.normal(40, 10, 3200).astype("float32"),
        "fare": rng.normal(30, 20, 3200).astype("float32"),
        "sex": tf.constant(rng.choice(["male", "female"], 3200)),
        "class": tf.constant(rng.choice(["First", "Second", "Third"], 3200)),
    }
    features = {"age": "float_normalized", "fare": "float_normalized", "sex": "string_categorical", "class": "string_categorical"}
    space = space_of(features=features, crosses=[("sex", "class")], crossing_dim=16, output_mode="concat")
    space.adapt(tf.data.Dataset.from_tensor_slices(rows).batch(64) if hasattr(tf.data, "Dataset") else rows)
    x = layers.Dense(32, activation="relu")(space.get_encoded_features())
    model = tf.keras.Model(space.get_inputs(), layers.Dense(1, activation="sigmoid")(layers.Dropout(0.3)(x)))
    return epoch(model, rows, rng.integers(0, 2, 3200), 64, "binary_crossentropy")


def efficientnet(tf: Any) -> Run:
    """Building and one step; only the first sample counts."""
    import numpy as np

    x, y = np.zeros((8, 224, 224, 3), "float32"), np.zeros(8, "int32")

    def build() -> Any:
        model = tf.keras.applications.EfficientNetB0(weights=None, classes=10)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model.train_on_batch(x, y)

    return Run(build)


def register(workload: str, prepare: Callable[[Any], Run]) -> None:
    SUITE.add(workload, "tenfold")(lambda: prepare(common.tenfold()))
    SUITE.add(workload, "tensorflow")(lambda: prepare(common.tensorflow()))


for name, prepare in (("bilstm", bilstm), ("digits", digits), ("shakespeare", shakespeare), ("table", table), ("efficientnet", efficientnet)):
    register(f"keras_{name}", prepare)

if __name__ == "__main__":
    common.main(SUITE)
