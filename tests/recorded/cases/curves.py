"""Loss curves over 50 training steps from the same weights and data: a hand-written tf.function loop, and `fit`.

Float32 rounding grows from step to step (Adam divides by small numbers), so each float32 curve has a float64 twin that is held tightly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, distinct, fill_weights, integers, normal

CASES: dict[str, Case] = {}
STEPS, BATCH, EXAMPLES = 50, 16, 64
Build = Callable[[Any, str], list[Any]]


def batch_at(step: int) -> slice:
    start = step * BATCH % EXAMPLES
    return slice(start, start + BATCH)


def make_model(tf: Any, build: Build, shape: tuple[int, ...], dtype: str) -> Any:
    model = tf.keras.Sequential([tf.keras.Input(shape, dtype=dtype if shape != (9,) else "int32"), *build(tf.keras.layers, dtype)])
    fill_weights(model.weights, seed=31)
    return model


def loop(tf: Any, build: Build, loss: Callable[[Any, str], Any], optimizer: Callable[[Any], Any], data: tuple[Any, Any], dtype: str) -> Arrays:
    """The custom training loop of the TensorFlow guides."""
    x, y = data
    model = make_model(tf, build, x.shape[1:], dtype)
    loss_fn, opt = loss(tf.keras.losses, dtype), optimizer(tf.keras.optimizers)

    @tf.function
    def step(xs: Any, ys: Any) -> Any:
        with tf.GradientTape() as tape:
            value = loss_fn(ys, model(xs, training=True))
        variables = model.trainable_variables
        opt.apply_gradients(zip(tape.gradient(value, variables), variables, strict=True))
        return value

    losses = [array(step(tf.constant(x[b]), tf.constant(y[b]))) for b in map(batch_at, range(STEPS))]
    final = np.concatenate([array(w).ravel() for w in model.weights])[::97]
    return {"losses": np.stack(losses), "some_weights": final, "prediction": array(model(tf.constant(x[:3]), training=False))}


def fit(tf: Any, build: Build, compiled: Callable[[Any], dict[str, Any]], data: tuple[Any, Any], dtype: str) -> Arrays:
    """`fit` for 13 epochs of 4 batches: what a callback sees after every batch, the History, evaluate and predict."""
    x, y = data
    model = make_model(tf, build, x.shape[1:], dtype)
    model.compile(**compiled(tf.keras))
    seen: list[dict[str, float]] = []
    watch = tf.keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(dict(logs)))
    history = model.fit(x, y, batch_size=BATCH, epochs=13, shuffle=False, verbose=0, callbacks=[watch]).history
    scores = model.evaluate(x, y, batch_size=BATCH, verbose=0, return_dict=True)
    found = {f"batch_{k}": np.array([float(logs[k]) for logs in seen], "float32") for k in sorted(seen[0])}
    found |= {f"epoch_{k}": np.array(v, "float32") for k, v in history.items()}
    found |= {f"evaluate_{k}": np.array(v, "float32") for k, v in scores.items()}
    return found | {"prediction": model.predict(x[:5], verbose=0)}


def mlp(L: Any, dtype: str) -> list[Any]:
    return [L.Dense(128, activation="relu", dtype=dtype), L.Dense(10, activation="softmax", dtype=dtype)]


def mlp_logits(L: Any, dtype: str) -> list[Any]:
    return [L.Dense(64, activation="tanh", dtype=dtype), L.Dense(32, activation="gelu", dtype=dtype), L.Dense(10, dtype=dtype)]


def cnn(L: Any, dtype: str) -> list[Any]:
    return [
        L.Conv2D(8, 3, activation="relu", dtype=dtype),
        L.MaxPooling2D(dtype=dtype),
        L.Conv2D(16, 3, activation="relu", dtype=dtype),
        L.Flatten(dtype=dtype),
        L.Dense(10, activation="softmax", dtype=dtype),
    ]


def cnn_batch_norm(L: Any, dtype: str) -> list[Any]:
    return [
        L.Conv2D(8, 3, padding="same", use_bias=False, dtype=dtype),
        L.BatchNormalization(dtype=dtype),
        L.ReLU(dtype=dtype),
        L.AveragePooling2D(2, dtype=dtype),
        L.Conv2D(12, 3, strides=2, padding="same", dtype=dtype),
        L.BatchNormalization(dtype=dtype),
        L.Activation("relu", dtype=dtype),
        L.GlobalAveragePooling2D(dtype=dtype),
        L.Dense(10, dtype=dtype),
    ]


def words(L: Any, dtype: str) -> list[Any]:
    return [
        L.Embedding(600, 12, dtype=dtype),
        L.LayerNormalization(dtype=dtype),
        L.Conv1D(16, 3, padding="causal", activation="silu", dtype=dtype),
        L.LayerNormalization(dtype=dtype),
        L.Flatten(dtype=dtype),
        L.Dense(10, dtype=dtype),
    ]


def regression(L: Any, dtype: str) -> list[Any]:
    return [L.Dense(16, activation="tanh", dtype=dtype), L.Dense(2, dtype=dtype)]


def binary(L: Any, dtype: str) -> list[Any]:
    return [L.Dense(16, activation="relu", dtype=dtype), L.Dense(1, activation="sigmoid", dtype=dtype)]


LABELS = integers(3, 0, 10, EXAMPLES)


def floats(seed: int, dtype: str, *shape: int) -> np.ndarray:
    return normal(seed, EXAMPLES, *shape, dtype=dtype)


def one_hot(dtype: str) -> np.ndarray:
    return np.eye(10, dtype=dtype)[LABELS]


DATA: dict[str, Callable[[str], tuple[np.ndarray, np.ndarray]]] = {
    "digits": lambda d: (np.abs(floats(1, d, 784)) * 0.3, LABELS),
    "images": lambda d: (floats(2, d, 12, 12, 1), one_hot(d)),
    "sparse_images": lambda d: (floats(2, d, 12, 12, 3), LABELS),
    "words": lambda d: (distinct(4, 600, EXAMPLES, 9), LABELS),
    "regression": lambda d: (floats(5, d, 8), floats(6, d, 2)),
    "binary": lambda d: (floats(7, d, 8), integers(8, 0, 2, EXAMPLES, 1).astype(d)),
}


def sparse(L: Any, dtype: str) -> Any:
    return L.SparseCategoricalCrossentropy(dtype=dtype)


def sparse_logits(L: Any, dtype: str) -> Any:
    return L.SparseCategoricalCrossentropy(from_logits=True, dtype=dtype)


LOOPS: dict[str, tuple[Build, str, Callable[[Any, str], Any], Callable[[Any], Any]]] = {
    "mlp_adam": (mlp, "digits", sparse, lambda O: O.Adam()),
    "mlp_adamw": (mlp_logits, "digits", sparse_logits, lambda O: O.AdamW(weight_decay=0.01)),
    "mlp_rmsprop": (mlp_logits, "digits", sparse_logits, lambda O: O.RMSprop()),
    "mlp_nesterov": (mlp, "digits", sparse, lambda O: O.SGD(0.05, momentum=0.9, nesterov=True)),
    "mlp_adam_clipped_schedule": (
        mlp,
        "digits",
        sparse,
        lambda O: O.Adam(O.schedules.CosineDecay(0.003, 50), global_clipnorm=0.5),
    ),
    "cnn_adam": (cnn, "images", lambda L, d: L.CategoricalCrossentropy(dtype=d), lambda O: O.Adam()),
    "cnn_batch_norm_sgd": (cnn_batch_norm, "sparse_images", sparse_logits, lambda O: O.SGD(0.05, momentum=0.9)),
    "words_adam": (words, "words", sparse_logits, lambda O: O.Adam(0.005)),
    "regression_mse": (regression, "regression", lambda L, d: L.MeanSquaredError(dtype=d), lambda O: O.Adam(0.01)),
    "regression_mae": (regression, "regression", lambda L, d: L.MeanAbsoluteError(dtype=d), lambda O: O.SGD(0.05)),
    "regression_huber": (regression, "regression", lambda L, d: L.Huber(dtype=d), lambda O: O.RMSprop(0.01, centered=True)),
    "binary_adam": (binary, "binary", lambda L, d: L.BinaryCrossentropy(dtype=d), lambda O: O.Adam(0.01)),
}
for name, (build, data, loss, optimizer) in LOOPS.items():
    for dtype, tolerance in (("float32", 2e-4), ("float64", 1.0)):
        CASES[f"loop_{name}_{dtype}"] = Case(lambda tf, b=build, l=loss, o=optimizer, d=data, t=dtype: loop(tf, b, l, o, DATA[d](t), t), tolerance)

FITS: dict[str, tuple[Build, str, Callable[[Any], dict[str, Any]]]] = {
    "mlp": (mlp, "digits", lambda k: {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}),
    "cnn": (cnn, "images", lambda k: {"optimizer": "adam", "loss": "categorical_crossentropy", "metrics": ["accuracy"]}),
    "cnn_batch_norm": (
        cnn_batch_norm,
        "sparse_images",
        lambda k: {
            "optimizer": k.optimizers.SGD(0.05, momentum=0.9),
            "loss": k.losses.SparseCategoricalCrossentropy(from_logits=True),
            "metrics": [k.metrics.SparseCategoricalAccuracy(), k.metrics.SparseTopKCategoricalAccuracy(k=3, name="top3")],
        },
    ),
    "words": (
        words,
        "words",
        lambda k: {"optimizer": k.optimizers.Adam(0.005), "loss": k.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["acc"]},
    ),
    "regression": (regression, "regression", lambda k: {"optimizer": k.optimizers.Adam(0.01), "loss": "mse", "metrics": ["mae"]}),
    "binary": (
        binary,
        "binary",
        lambda k: {
            "optimizer": k.optimizers.Adam(0.01),
            "loss": "binary_crossentropy",
            "metrics": ["accuracy", k.metrics.AUC(name="auc"), k.metrics.Precision(name="precision"), k.metrics.Recall(name="recall")],
        },
    ),
}
for name, (build, data, compiled) in FITS.items():
    CASES[f"fit_{name}"] = Case(lambda tf, b=build, c=compiled, d=data: fit(tf, b, c, DATA[d]("float32"), "float32"), 3e-4)
