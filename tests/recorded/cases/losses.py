"""Losses: value for every reduction, sample weights, logits, label smoothing; gradient by the prediction."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, normal, uniform

CASES: dict[str, Case] = {}
Make = Callable[..., Any]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")


def run_loss(tf: Any, make: Make, y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None) -> Arrays:
    prediction = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = make(tf.keras.losses)(tf.constant(y_true), prediction, sample_weight=weight)
        total = tf.reduce_sum(value)
    return {"value": array(value), "gradient": array(tape.gradient(total, prediction))}


def add(name: str, make: Make, y_true: np.ndarray, y_pred: np.ndarray) -> None:
    """The loss with its default reduction, then every reduction with and without weights."""
    weight = uniform(50, 0.1, 2.0, y_pred.shape[0])
    for reduction in REDUCTIONS:
        for tag, w in (("", None), ("_weighted", weight)):
            CASES[f"{name}_{reduction}{tag}"] = Case(
                lambda tf, r=reduction, w=w: run_loss(tf, lambda losses: make(losses, reduction=r), y_true, y_pred, w)
            )


def add_one(name: str, make: Make, y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None = None) -> None:
    CASES[name] = Case(lambda tf: run_loss(tf, make, y_true, y_pred, weight))


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return (e / e.sum(-1, keepdims=True)).astype(x.dtype)


LOGITS = 3 * normal(1, 8, 5)
PROBABILITIES = softmax(LOGITS)
LABELS = integers(2, 0, 5, 8)
ONE_HOT = np.eye(5, dtype="float32")[LABELS]
BINARY = integers(3, 0, 2, 8, 3).astype("float32")
BINARY_LOGITS = 3 * normal(4, 8, 3)
BINARY_PROBABILITIES = (1 / (1 + np.exp(-BINARY_LOGITS))).astype("float32")
TARGETS, PREDICTIONS = normal(5, 8, 4), normal(6, 8, 4) * 2

add("mse", lambda L, **k: L.MeanSquaredError(**k), TARGETS, PREDICTIONS)
add("mae", lambda L, **k: L.MeanAbsoluteError(**k), TARGETS, PREDICTIONS)
add("huber", lambda L, **k: L.Huber(**k), TARGETS, PREDICTIONS)
add("binary_crossentropy", lambda L, **k: L.BinaryCrossentropy(**k), BINARY, BINARY_PROBABILITIES)
add("categorical_crossentropy", lambda L, **k: L.CategoricalCrossentropy(**k), ONE_HOT, PROBABILITIES)
add("sparse_categorical_crossentropy", lambda L, **k: L.SparseCategoricalCrossentropy(**k), LABELS, PROBABILITIES)

add_one("huber_delta", lambda L: L.Huber(delta=0.3), TARGETS, PREDICTIONS)
add_one("binary_logits", lambda L: L.BinaryCrossentropy(from_logits=True), BINARY, BINARY_LOGITS)
add_one("binary_smoothing", lambda L: L.BinaryCrossentropy(label_smoothing=0.2), BINARY, BINARY_PROBABILITIES)
add_one("binary_logits_smoothing", lambda L: L.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), BINARY, BINARY_LOGITS)
add_one("categorical_logits", lambda L: L.CategoricalCrossentropy(from_logits=True), ONE_HOT, LOGITS)
add_one("categorical_smoothing", lambda L: L.CategoricalCrossentropy(label_smoothing=0.1), ONE_HOT, PROBABILITIES)
add_one("categorical_logits_smoothing", lambda L: L.CategoricalCrossentropy(True, 0.1), ONE_HOT, LOGITS)
add_one("categorical_not_normalized", lambda L: L.CategoricalCrossentropy(), ONE_HOT, PROBABILITIES * 3)
add_one("sparse_logits", lambda L: L.SparseCategoricalCrossentropy(from_logits=True), LABELS, LOGITS)
add_one("sparse_column_labels", lambda L: L.SparseCategoricalCrossentropy(), LABELS[:, None], PROBABILITIES)
add_one("sparse_float_labels", lambda L: L.SparseCategoricalCrossentropy(), LABELS.astype("float32"), PROBABILITIES)
add_one("sparse_ignore_class", lambda L: L.SparseCategoricalCrossentropy(ignore_class=2), LABELS, PROBABILITIES)
add_one("sparse_images", lambda L: L.SparseCategoricalCrossentropy(from_logits=True), integers(7, 0, 5, 2, 3, 4), normal(8, 2, 3, 4, 5))
add_one(
    "saturated_binary",
    lambda L: L.BinaryCrossentropy(),
    np.array([[0.0], [1.0], [1.0], [0.0]], "float32"),
    np.array([[0.0], [1.0], [0.0], [1.0]], "float32"),
)
add_one(
    "saturated_categorical", lambda L: L.CategoricalCrossentropy(), np.eye(3, dtype="float32"), np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1]], "float32")
)
add_one("large_logits", lambda L: L.SparseCategoricalCrossentropy(from_logits=True), LABELS, LOGITS * 300)
add_one("large_binary_logits", lambda L: L.BinaryCrossentropy(from_logits=True), BINARY, BINARY_LOGITS * 300)
add_one("mse_weights_per_step", lambda L: L.MeanSquaredError(), normal(9, 4, 6, 2), normal(10, 4, 6, 2), uniform(11, 0, 1, 4, 6))
add_one("mse_float64", lambda L: L.MeanSquaredError(dtype="float64"), TARGETS.astype("float64"), PREDICTIONS.astype("float64"))


def functions(tf: Any) -> Arrays:
    L = tf.keras.losses
    values = {
        "mse": L.mse(TARGETS, PREDICTIONS),
        "mae": L.mae(TARGETS, PREDICTIONS),
        "huber": L.huber(TARGETS, PREDICTIONS, delta=0.5),
        "binary": L.binary_crossentropy(BINARY, BINARY_PROBABILITIES),
        "categorical": L.categorical_crossentropy(ONE_HOT, PROBABILITIES),
        "categorical_axis": L.categorical_crossentropy(ONE_HOT.T, PROBABILITIES.T, axis=0),
        "sparse": L.sparse_categorical_crossentropy(LABELS, LOGITS, from_logits=True),
    }
    return {name: array(value) for name, value in values.items()}


CASES["functions"] = Case(functions)
