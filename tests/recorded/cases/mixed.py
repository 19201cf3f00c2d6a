"""Mixed precision: layers with an own policy, training, and the scaled loss of float16. (The global policy: layer_runs.py.)"""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, fill_weights, integers, normal

CASES: dict[str, Case] = {}
POLICIES = ("mixed_bfloat16", "mixed_float16")
X, IMAGES, WORDS = normal(1, 6, 8), normal(2, 2, 6, 6, 3), integers(3, 0, 9, 3, 5)
TOLERANCE = 0.03  # a few roundings to 8 bits


def plain(values: Arrays) -> Arrays:
    """Arrays that a file can hold: bfloat16 as float32, and what the type was."""
    wide = {n: v.astype("float32") if v.dtype.name in ("bfloat16", "float16") else v for n, v in values.items()}
    return wide | {f"{n}_dtype": np.array(v.dtype.name) for n, v in values.items()}


def layer(tf: Any, make: Any, x: np.ndarray) -> Arrays:
    made, inputs = make(tf.keras.layers), tf.constant(x)
    made(inputs)
    fill_weights(made.weights, seed=5)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        y = made(inputs)
        loss = tf.reduce_sum(tf.cast(y, "float32") * tf.constant(normal(7, *y.shape)))
    found = {"y": array(y)}
    grads = tape.gradient(loss, [inputs, *made.trainable_variables] if x.dtype == "float32" else list(made.trainable_variables))
    found |= {f"g{i}": array(tf.convert_to_tensor(g)) for i, g in enumerate(grads)}
    kinds = np.array([made.compute_dtype, made.variable_dtype, made.dtype_policy.name, *(str(np.dtype(w.dtype if isinstance(w.dtype, str)
                      else w.dtype.name)) for w in made.weights)])  # fmt: skip
    return plain(found) | {"kinds": kinds}


for policy in POLICIES:
    for name, make, x in (
        ("dense", lambda L, p: L.Dense(5, activation="gelu", dtype=p), X),
        ("softmax_float32", lambda L, p: L.Activation("softmax", dtype="float32"), X),
        ("batch_norm", lambda L, p: L.BatchNormalization(dtype=p), IMAGES),
        ("embedding", lambda L, p: L.Embedding(9, 4, dtype=p), WORDS),
    ):
        CASES[f"{name}_{policy}"] = Case(lambda tf, m=make, p=policy, x=x: layer(tf, lambda L: m(L, p), x), TOLERANCE)


def model_of(tf: Any) -> Any:
    L = tf.keras.layers
    layers = [L.Dense(16, activation="relu"), L.LayerNormalization(), L.Dense(3), L.Activation("softmax", dtype="float32")]
    model = tf.keras.Sequential([tf.keras.Input((8,)), *layers])
    fill_weights(model.weights, seed=9)
    return model


def training(tf: Any, policy: str) -> Arrays:
    """A small model under the global policy: types, the wrapped optimizer, losses of fit."""
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        model = model_of(tf)
        model.compile(tf.keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
        x, y = normal(11, 64, 8), integers(12, 0, 3, 64)
        losses = model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"]
        kinds = [type(model.optimizer).__name__, model.predict(x[:2], verbose=0).dtype.name, tf.keras.mixed_precision.global_policy().name]
        kinds += [str(tuple(v.shape)) for v in model.optimizer.variables]
        return {"loss": np.array(losses, "float32"), "kinds": np.array(kinds)}
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


for policy in POLICIES:
    CASES[f"training_{policy}"] = Case(lambda tf, p=policy: training(tf, p), TOLERANCE)


def scaled(tf: Any, **options: Any) -> Arrays:
    """Steps with finite gradients and others: the factor, the counter, the variables."""
    optimizer = tf.keras.optimizers.LossScaleOptimizer(tf.keras.optimizers.Adam(0.1), **options)
    v = tf.Variable([1.0, 2.0])
    before = array(optimizer.scale_loss(tf.constant(3.0)))
    seen = []
    for g in ([1.0, 2.0], [float("inf"), 1.0], [3.0, 4.0], [1.0, float("nan")], [1.0, 1.0], [8.0, 8.0], [2.0, 2.0]):
        optimizer.apply_gradients([(tf.constant(g), v)])
        seen.append([*array(v), float(optimizer.dynamic_scale.numpy()), float(optimizer.step_counter.numpy()), float(array(optimizer.iterations)),
                     float(array(optimizer.scale_loss(tf.constant(1.0))))])  # fmt: skip
    return {"before": before, "seen": np.array(seen, "float32"), "names": np.array([w.name for w in optimizer.variables])}


CASES["loss_scale"] = Case(lambda tf: scaled(tf, initial_scale=8.0, dynamic_growth_steps=2), kind="LossScaleOptimizer")
CASES["loss_scale_default"] = Case(scaled, kind="LossScaleOptimizer")
