"""Losses: values for reductions, weights and options, gradients by the prediction, predictions in half precision, twenty steps down each."""

from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, normal, uniform
from recorded.cases.layer_runs import Names, mapped

CASES: dict[str, Case] = {}
Make = Callable[..., Any]
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")
STEPS = 20


def run_loss(tf: Any, make: Make, y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None, dtype: str = "", steps: int = 0) -> Arrays:
    """`dtype`: of the prediction, which a model in mixed precision gives; `steps`: down the gradient from there."""
    loss = make(tf.keras.losses)
    prediction = tf.cast(tf.constant(y_pred), dtype) if dtype else tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(prediction)
        value = loss(mapped(tf.constant, y_true), prediction, sample_weight=weight)
        total = tf.reduce_sum(value)
    gradient = tape.gradient(total, prediction)
    found = {"value": array(value), "gradient": array(gradient), "dtype": np.array([array(gradient).dtype.name])}
    found["gradient"] = found["gradient"].astype("float32") if dtype else found["gradient"]
    return found | (descent(tf, loss, y_true, y_pred, weight, dtype, steps) if steps else {})


def descent(tf: Any, loss: Any, y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None, dtype: str, steps: int) -> Arrays:
    prediction, optimizer, losses = tf.Variable(y_pred), tf.keras.optimizers.SGD(0.01), []
    for _ in range(steps):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(loss(tf.constant(y_true), tf.cast(prediction, dtype or y_pred.dtype), sample_weight=weight))
        optimizer.apply_gradients([(tape.gradient(value, prediction), prediction)])
        losses.append(float(value))
    return {"losses": np.array(losses, "float32"), "end": array(prediction)}


def add(name: str, make: Make, y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray | None = None, tolerance: float = 1e-5,
        full: bool = True) -> None:  # fmt: skip
    """The loss alone and, if `full`, under mixed precision and going down."""
    kind = make(Names())
    for policy, dtype, allowed in (("float32", "", tolerance), ("mixed_bfloat16", "bfloat16", 0.02), ("mixed_float16", "float16", 4e-3)):
        if full or not dtype:
            CASES[name + (f"_{policy}" if dtype else "")] = Case(
                lambda tf, d=dtype: run_loss(tf, make, y_true, y_pred, weight, d, STEPS if full else 0), allowed, kind, policy
            )


def reductions(name: str, make: Make, y_true: np.ndarray, y_pred: np.ndarray) -> None:
    """Every reduction, with weights and without."""
    weight = uniform(50, 0.1, 2.0, y_pred.shape[0])
    for reduction in REDUCTIONS:
        for tag, w in (("", None), ("_weighted", weight)):
            made = lambda losses, r=reduction, **k: make(losses, reduction=r, **k)  # noqa: E731
            add(f"{name}_{reduction}{tag}", made, y_true, y_pred, w, full=reduction == "sum_over_batch_size")


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

reductions("mse", lambda L, **k: L.MeanSquaredError(**k), TARGETS, PREDICTIONS)
reductions("mae", lambda L, **k: L.MeanAbsoluteError(**k), TARGETS, PREDICTIONS)
reductions("huber", lambda L, **k: L.Huber(**k), TARGETS, PREDICTIONS)
reductions("binary_crossentropy", lambda L, **k: L.BinaryCrossentropy(**k), BINARY, BINARY_PROBABILITIES)
reductions("categorical_crossentropy", lambda L, **k: L.CategoricalCrossentropy(**k), ONE_HOT, PROBABILITIES)
reductions("sparse_categorical_crossentropy", lambda L, **k: L.SparseCategoricalCrossentropy(**k), LABELS, PROBABILITIES)

add("huber_delta", lambda L: L.Huber(delta=0.3), TARGETS, PREDICTIONS, full=False)
add("binary_logits", lambda L: L.BinaryCrossentropy(from_logits=True), BINARY, BINARY_LOGITS)
add("binary_smoothing", lambda L: L.BinaryCrossentropy(label_smoothing=0.2), BINARY, BINARY_PROBABILITIES, full=False)
add("binary_logits_smoothing", lambda L: L.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), BINARY, BINARY_LOGITS, full=False)
add("categorical_logits", lambda L: L.CategoricalCrossentropy(from_logits=True), ONE_HOT, LOGITS)
add("categorical_smoothing", lambda L: L.CategoricalCrossentropy(label_smoothing=0.1), ONE_HOT, PROBABILITIES, full=False)
add("categorical_logits_smoothing", lambda L: L.CategoricalCrossentropy(True, 0.1), ONE_HOT, LOGITS, full=False)
add("categorical_not_normalized", lambda L: L.CategoricalCrossentropy(), ONE_HOT, PROBABILITIES * 3, full=False)
add("sparse_logits", lambda L: L.SparseCategoricalCrossentropy(from_logits=True), LABELS, LOGITS)
add("sparse_column_labels", lambda L: L.SparseCategoricalCrossentropy(), LABELS[:, None], PROBABILITIES, full=False)
add("sparse_float_labels", lambda L: L.SparseCategoricalCrossentropy(), LABELS.astype("float32"), PROBABILITIES, full=False)
add("sparse_ignore_class", lambda L: L.SparseCategoricalCrossentropy(ignore_class=2), LABELS, PROBABILITIES, full=False)
add("sparse_images", lambda L: L.SparseCategoricalCrossentropy(from_logits=True), integers(7, 0, 5, 2, 3, 4), normal(8, 2, 3, 4, 5), full=False)
SURE, WRONG = np.array([[0.0], [1.0], [1.0], [0.0]], "float32"), np.array([[0.0], [1.0], [0.0], [1.0]], "float32")
add("saturated_binary", lambda L: L.BinaryCrossentropy(), SURE, WRONG, full=False)
SURE3 = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 1]], "float32")
add("saturated_categorical", lambda L: L.CategoricalCrossentropy(), np.eye(3, dtype="float32"), SURE3, full=False)
add("large_logits", lambda L: L.SparseCategoricalCrossentropy(from_logits=True), LABELS, LOGITS * 300, full=False)
add("large_binary_logits", lambda L: L.BinaryCrossentropy(from_logits=True), BINARY, BINARY_LOGITS * 300, full=False)
add("mse_weights_per_step", lambda L: L.MeanSquaredError(), normal(9, 4, 6, 2), normal(10, 4, 6, 2), uniform(11, 0, 1, 4, 6), full=False)
add("mse_float64", lambda L: L.MeanSquaredError(dtype="float64"), TARGETS.astype("float64"), PREDICTIONS.astype("float64"), full=False)

# --- the losses that are used less, plainly and with weights ---
POSITIVE, POSITIVE_PREDICTIONS = uniform(15, 0.1, 3, 8, 4), uniform(23, 0.1, 3, 8, 4)
P, Q = softmax(normal(16, 8, 4)), softmax(normal(17, 8, 4))
SIGNS, BITS, CHANCES = np.sign(normal(18, 8, 4)), integers(19, 0, 2, 8, 4).astype("float32"), uniform(25, 0.05, 0.95, 8, 4)
HOT = np.eye(4, dtype="float32")[integers(20, 0, 4, 8)]
WEIGHT = uniform(21, 0.1, 2, 8)
EMBEDDINGS = normal(60, 8, 5)
EMBEDDINGS /= np.linalg.norm(EMBEDDINGS, axis=-1, keepdims=True)
MASKS, FOUND = integers(61, 0, 2, 4, 3, 3, 1).astype("float32"), uniform(62, 0, 1, 4, 3, 3, 1)
WORDS, SPOKEN = np.array([[1, 2, 1, 0], [3, 3, 0, 0], [2, 0, 0, 0], [4, 1, 2, 3]]), normal(63, 4, 9, 5)
OTHERS: dict[str, tuple[Make, np.ndarray, np.ndarray]] = {
    "mape": (lambda L: L.MeanAbsolutePercentageError(), TARGETS, normal(22, 8, 4)),
    "msle": (lambda L: L.MeanSquaredLogarithmicError(), POSITIVE, POSITIVE_PREDICTIONS),
    "log_cosh": (lambda L: L.LogCosh(), TARGETS, 3 * normal(22, 8, 4)),
    "kl": (lambda L: L.KLDivergence(), P, Q),
    "poisson": (lambda L: L.Poisson(), POSITIVE, uniform(24, 0.1, 3, 8, 4)),
    "cosine": (lambda L: L.CosineSimilarity(), TARGETS, normal(22, 8, 4)),
    "cosine_axis": (lambda L: L.CosineSimilarity(axis=0, reduction="sum"), TARGETS, normal(22, 8, 4)),
    "hinge": (lambda L: L.Hinge(), SIGNS, normal(22, 8, 4)),
    "squared_hinge": (lambda L: L.SquaredHinge(), BITS, normal(22, 8, 4)),
    "categorical_hinge": (lambda L: L.CategoricalHinge(), HOT, normal(22, 8, 4)),
    "binary_focal": (lambda L: L.BinaryFocalCrossentropy(), BITS, CHANCES),
    "binary_focal_logits": (lambda L: L.BinaryFocalCrossentropy(True, 0.3, 1.5, from_logits=True, label_smoothing=0.1), BITS, normal(22, 8, 4)),
    "categorical_focal": (lambda L: L.CategoricalFocalCrossentropy(), HOT, P),
    "categorical_focal_logits": (lambda L: L.CategoricalFocalCrossentropy(0.4, 3.0, True, 0.1), HOT, normal(22, 8, 4)),
    "generalized": (lambda L: L.CategoricalGeneralizedCrossEntropy(q=0.3), LABELS, PROBABILITIES),
    "generalized_plain": (lambda L: L.CategoricalGeneralizedCrossEntropy(), LABELS, PROBABILITIES),
    "circle": (lambda L: L.Circle(gamma=8.0, margin=0.3), LABELS, EMBEDDINGS),
    "circle_with_diagonal": (lambda L: L.Circle(gamma=8.0, remove_diagonal=False, reduction="none"), LABELS, EMBEDDINGS),
    "ctc": (lambda L: L.CTC(), WORDS, SPOKEN),
    "ctc_none": (lambda L: L.CTC(reduction=None), WORDS, SPOKEN),
    "dice": (lambda L: L.Dice(axis=(1, 2, 3), reduction="sum"), MASKS, FOUND),
    "tversky": (lambda L: L.Tversky(axis=(1, 2, 3)), MASKS, FOUND),
}  # fmt: skip
for name, (make, y_true, y_pred) in OTHERS.items():
    add(name, make, y_true, y_pred, tolerance=2e-5)
    if name != "cosine_axis":  # its losses belong to columns
        add(f"{name}_weighted", make, y_true, y_pred, WEIGHT[: len(y_true)], tolerance=2e-5, full=False)
add("dice_flat", lambda L: L.Dice(), BITS, CHANCES, tolerance=2e-5)
add("tversky_flat", lambda L: L.Tversky(0.3, 0.7), BITS, CHANCES, tolerance=2e-5)


# --- functions ---
def functions(tf: Any, dtype: str) -> Arrays:
    """What they give in the type of the prediction."""
    L = tf.keras.losses

    def low(x: np.ndarray) -> Any:
        return tf.cast(tf.constant(x), dtype)

    found = {
        "mse": L.mse(TARGETS, low(PREDICTIONS)),
        "mae": L.mae(TARGETS, low(PREDICTIONS)),
        "huber": L.huber(TARGETS, low(PREDICTIONS), delta=0.5),
        "binary": L.binary_crossentropy(BINARY, low(BINARY_PROBABILITIES)),
        "categorical": L.categorical_crossentropy(ONE_HOT, low(PROBABILITIES)),
        "categorical_axis": L.categorical_crossentropy(ONE_HOT.T, low(PROBABILITIES.T), axis=0),
        "sparse": L.sparse_categorical_crossentropy(LABELS, low(LOGITS), from_logits=True),
        "cosine": L.cosine_similarity(TARGETS, low(PREDICTIONS)),
        "dice": L.dice(MASKS, low(FOUND)),
        "poisson": L.poisson(POSITIVE, low(POSITIVE_PREDICTIONS)),
        "hinge": L.squared_hinge(SIGNS, low(PREDICTIONS)),
        "circle": L.circle(LABELS, low(EMBEDDINGS), ref_labels=LABELS[:5], ref_embeddings=low(EMBEDDINGS[3:]), remove_diagonal=False, gamma=4),
    }
    kinds = {f"{name}_dtype": np.array([array(value).dtype.name]) for name, value in found.items()}
    return {name: array(value).astype("float32") for name, value in found.items()} | kinds


CASES["functions"] = Case(lambda tf: functions(tf, "float32"), 2e-5)
CASES["functions_bfloat16"] = Case(lambda tf: functions(tf, "bfloat16"), 0.02)
CASES["functions_float16"] = Case(lambda tf: functions(tf, "float16"), 4e-3)
