"""The models whose archives Keras wrote: built the same way by whichever package runs this."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, array, distinct, fill_weights, integers, normal


def sequential_cnn(tf: Any) -> Any:
    L = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input((10, 10, 1), name="pixels"),
            L.Rescaling(1 / 2.0, name="scale"),
            L.Conv2D(6, 3, activation="relu", name="edges"),
            L.BatchNormalization(name="norm"),
            L.MaxPooling2D(name="pool"),
            L.Dropout(0.0, name="drop"),
            L.Flatten(name="flat"),
            L.Dense(10, activation="softmax", kernel_regularizer=tf.keras.regularizers.L2(1e-3), name="digits"),
        ],
        name="cnn",
    )
    return prepared(tf, model, tf.keras.optimizers.Adam(0.01))


def two_branches(tf: Any) -> Any:
    """Functional: a layer used twice, Add, Concatenate, a shape change and two kinds of pooling."""
    L = tf.keras.layers
    image = tf.keras.Input((8, 8, 2), name="image")
    shared = L.Conv2D(4, 3, padding="same", activation="tanh", name="shared")
    first = shared(L.Conv2D(4, 1, use_bias=False, name="widen_a")(image))
    second = shared(L.Conv2D(4, 1, name="widen_b")(image))
    total = L.Add(name="sum")([first, second])
    pooled = L.Concatenate(name="both")([L.GlobalAveragePooling2D(name="mean")(total), L.GlobalMaxPooling2D(name="top")(second)])
    normal_ = L.LayerNormalization(name="ln")(pooled)
    out = L.Dense(10, name="logits")(L.Reshape((8,), name="keep")(normal_))
    model = tf.keras.Model(image, L.Softmax(name="softmax")(out), name="two_branches")
    return prepared(tf, model, tf.keras.optimizers.SGD(tf.keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), momentum=0.9, nesterov=True))


def nested(tf: Any) -> Any:
    """A Sequential inside a functional model, and that inside a Sequential; words in."""
    L = tf.keras.layers
    encoder = tf.keras.Sequential(
        [tf.keras.Input((7, 6)), L.Conv1D(8, 3, padding="causal", activation="silu", name="conv"), L.Flatten(name="flat")], name="encoder"
    )
    words = tf.keras.Input((7,), dtype="int32", name="words")
    inner = tf.keras.Model(words, encoder(L.Embedding(256, 6, name="embed")(words)), name="inner")
    model = tf.keras.Sequential([tf.keras.Input((7,), dtype="int32"), inner, L.Dense(10, activation="softmax", name="head")], name="outer")
    return prepared(tf, model, tf.keras.optimizers.RMSprop(0.01, momentum=0.5))


def two_in_two_out(tf: Any) -> Any:
    L = tf.keras.layers
    a, b = tf.keras.Input((4,), name="a"), tf.keras.Input((3,), name="b")
    joined = L.Dense(6, activation="relu", name="join")(L.Concatenate(name="cat")([a, b]))
    return fill(tf.keras.Model([a, b], [L.Dense(2, name="left")(joined), L.Dense(1, activation="sigmoid", name="right")(joined)], name="pairs"))


def fill(model: Any) -> Any:
    fill_weights(model.weights, seed=71)
    return model


def prepared(tf: Any, model: Any, optimizer: Any) -> Any:
    fill(model).compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TRAINED = ("sequential_cnn", "two_branches", "nested")
LABELS = integers(4, 0, 10, 32)
MODELS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "sequential_cnn": (sequential_cnn, normal(1, 32, 10, 10, 1)),
    "two_branches": (two_branches, normal(2, 32, 8, 8, 2)),
    "nested": (nested, distinct(3, 256, 32, 7)),
    "two_in_two_out": (two_in_two_out, [normal(5, 6, 4), normal(6, 6, 3)]),
}


def train(model: Any, x: Any) -> np.ndarray:
    """Two more epochs of four steps; from a restored optimizer they go on where the first ones ended."""
    losses = model.fit(x, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0).history["loss"]
    return np.array(losses, "float32")


def predictions(model: Any, x: Any) -> Arrays:
    found = model.predict(x, batch_size=8, verbose=0)
    return {f"prediction{i}": array(p) for i, p in enumerate(found if isinstance(found, list) else [found])}
