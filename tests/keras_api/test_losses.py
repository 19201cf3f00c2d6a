"""Losses against formulas in float64, reductions, weights, masks, and mistakes."""

import itertools

import numpy as np
import pytest

import tenfold as tf

losses = tf.keras.losses
RANDOM = np.random.RandomState(1)
A, B = RANDOM.standard_normal((6, 4)), RANDOM.standard_normal((6, 4))
P, Q = (np.exp(v) / np.exp(v).sum(-1, keepdims=True) for v in (2 * A, 2 * B))
U = 1 / (1 + np.exp(-2 * B))
LABELS = RANDOM.randint(0, 4, 6)
HOT, BITS = np.eye(4)[LABELS], RANDOM.randint(0, 2, (6, 4)).astype(float)
SIGN = 2 * BITS - 1


def log(p):
    return np.log(np.clip(p, 1e-7, None))


def norm(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


FORMULAS = {
    "mean_squared_error": (A, B, ((A - B) ** 2).mean(-1)),
    "mean_absolute_error": (A, B, np.abs(A - B).mean(-1)),
    "mean_absolute_percentage_error": (A, B, 100 * np.abs((A - B) / A).mean(-1)),
    "mean_squared_logarithmic_error": (P, Q, ((np.log1p(P) - np.log1p(Q)) ** 2).mean(-1)),
    "huber": (A, B, np.where(np.abs(A - B) < 1, (A - B) ** 2 / 2, np.abs(A - B) - 0.5).mean(-1)),
    "log_cosh": (A, B, np.log(np.cosh(A - B)).mean(-1)),
    "kl_divergence": (P, Q, (P * np.log(P / Q)).sum(-1)),
    "poisson": (P, Q, (Q - P * np.log(Q)).mean(-1)),
    "cosine_similarity": (A, B, -(norm(A) * norm(B)).sum(-1)),
    "hinge": (BITS, B, np.maximum(1 - SIGN * B, 0).mean(-1)),
    "squared_hinge": (SIGN, B, (np.maximum(1 - SIGN * B, 0) ** 2).mean(-1)),
    "categorical_hinge": (HOT, B, np.maximum(((1 - HOT) * B).max(-1) - (HOT * B).sum(-1) + 1, 0)),
    "binary_crossentropy": (BITS, U, -(BITS * log(U) + (1 - BITS) * log(1 - U)).mean(-1)),
    "categorical_crossentropy": (HOT, Q, -(HOT * log(Q)).sum(-1)),
    "sparse_categorical_crossentropy": (LABELS, Q, -log(Q[np.arange(6), LABELS])),
    "binary_focal_crossentropy": (BITS, U, -((1 - np.where(BITS == 1, U, 1 - U)) ** 2 * log(np.where(BITS == 1, U, 1 - U))).mean(-1)),
    "categorical_focal_crossentropy": (HOT, Q, -(0.25 * (1 - Q) ** 2 * HOT * log(Q)).sum(-1)),
}


def value(tensor):
    return np.asarray(tensor.numpy(), "float64")


def float32(v):
    return v if v.dtype.kind == "i" else v.astype("float32")


@pytest.mark.parametrize("name", FORMULAS)
def test_function(name):
    y_true, y_pred, expected = FORMULAS[name]
    function = losses.get(name)
    eager = function(float32(y_true), float32(y_pred))
    np.testing.assert_allclose(value(eager), expected, rtol=3e-5, atol=1e-6)
    compiled = tf.function(function)(tf.constant(float32(y_true)), tf.constant(float32(y_pred)))
    np.testing.assert_allclose(value(compiled), value(eager), rtol=2e-5, atol=1e-6)


CLASSES = {
    "MeanSquaredError": "mean_squared_error", "MeanAbsoluteError": "mean_absolute_error", "Huber": "huber", "LogCosh": "log_cosh",
    "KLDivergence": "kl_divergence", "Poisson": "poisson", "Hinge": "hinge", "BinaryCrossentropy": "binary_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy", "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
}  # fmt: skip


@pytest.mark.parametrize("name", CLASSES)
def test_class_reduces(name):
    y_true, y_pred, expected = FORMULAS[CLASSES[name]]
    y_true, y_pred = float32(y_true), float32(y_pred)
    weight = np.linspace(0, 2, 6).astype("float32")
    cls = getattr(losses, name)
    for reduction, formula in {
        "sum_over_batch_size": lambda v: v.mean(), "sum": lambda v: v.sum(), "mean": lambda v: v.mean(), "none": lambda v: v,
    }.items():  # fmt: skip
        loss = cls(reduction=reduction)
        np.testing.assert_allclose(value(loss(y_true, y_pred)), formula(expected), rtol=3e-5)
        np.testing.assert_allclose(value(loss(y_true, y_pred, sample_weight=weight)), formula(expected * weight), rtol=3e-5, atol=1e-7)
    weighted = cls(reduction="mean_with_sample_weight")(y_true, y_pred, sample_weight=weight)
    np.testing.assert_allclose(value(weighted), (expected * weight).sum() / weight.sum(), rtol=3e-5)
    again = losses.deserialize(losses.serialize(cls(reduction="sum", name="mine")))
    assert (type(again), again.reduction, again.name) == (cls, "sum", "mine")


def test_a_mask_on_the_predictions_leaves_examples_out():
    y_pred = tf.constant(float32(B))
    y_pred._keras_mask = tf.constant([True, False, True, True, False, False])
    kept = [0, 2, 3]
    np.testing.assert_allclose(value(losses.MeanSquaredError()(float32(A), y_pred)), ((A - B) ** 2)[kept].mean(), rtol=1e-5)


def test_ignored_classes_do_not_count():
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    labels = LABELS.copy()
    labels[:2] = -1
    np.testing.assert_allclose(value(loss(labels, float32(Q))), -log(Q[np.arange(2, 6), LABELS[2:]]).mean(), rtol=1e-5)


def test_logits_lose_nothing():
    big = np.array([[1000.0, -1000.0]], "float32")
    assert float(losses.SparseCategoricalCrossentropy(from_logits=True)([1], big)) == 2000
    assert float(losses.BinaryCrossentropy(from_logits=True)([[1.0, 1.0]], big)) == 500
    layer = tf.keras.layers.Activation("softmax")  # what went into the softmax is remembered
    x = tf.constant(np.array([[40.0, -40.0]], "float32"))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = losses.SparseCategoricalCrossentropy()([1], layer(x))
    assert float(loss) == 80
    assert tape.gradient(loss, x).numpy().tolist() == [[1, -1]]


def test_gradients_are_finite_where_probabilities_are_0_or_1():
    for loss, y, p in (
        (losses.BinaryCrossentropy(), [[0.0, 1.0, 1.0]], [[0.0, 1.0, 0.0]]),
        (losses.CategoricalCrossentropy(), [[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]),
        (losses.KLDivergence(), [[0.0, 1.0]], [[0.0, 1.0]]),
        (losses.CosineSimilarity(), [[0.0, 0.0]], [[0.0, 0.0]]),
    ):
        p = tf.constant(p)
        with tf.GradientTape() as tape:
            tape.watch(p)
            out = loss(y, p)
        assert np.isfinite(float(out)) and np.isfinite(tape.gradient(out, p).numpy()).all()


def test_smoothing_is_a_mixture():
    smooth = losses.CategoricalCrossentropy(label_smoothing=0.2)(float32(HOT), float32(Q))
    np.testing.assert_allclose(float(smooth), -((0.8 * HOT + 0.05) * log(Q)).sum(-1).mean(), rtol=1e-5)


MISTAKES = {
    "one-hot labels for the sparse loss": ("sparse_categorical_crossentropy", HOT, Q, r"one-hot.*categorical_crossentropy"),
    "class numbers for the one-hot loss": ("categorical_crossentropy", LABELS, Q, r"sparse_categorical_crossentropy"),
    "a column of class numbers for the one-hot loss": ("categorical_crossentropy", LABELS[:, None], Q, r"sparse_categorical_crossentropy"),
    "a label out of range": ("sparse_categorical_crossentropy", LABELS + 3, Q, r"out of range.*0 <= label < 4"),
    "a negative label": ("sparse_categorical_crossentropy", LABELS - 4, Q, r"out of range"),
    "labels with fractions": ("sparse_categorical_crossentropy", LABELS + 0.5, Q, r"whole"),
    "too few labels": ("sparse_categorical_crossentropy", LABELS[:3], Q, r"\(6,\).*received \(3,\)"),
    "one unit for many classes": ("sparse_categorical_crossentropy", LABELS, Q[:, :1], r"binary_crossentropy"),
    "other sizes": ("mean_squared_error", A[:, :3], B, r"same shape.*units"),
    "an unknown name": ("mean_squared_eror", A, B, r"Did you mean 'mean_squared_error'"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name):
    loss, y_true, y_pred, message = MISTAKES[name]
    with pytest.raises(ValueError, match=message):
        losses.get(loss)(y_true, y_pred.astype("float32"))


def test_one_class_is_warned_about():
    with pytest.warns(SyntaxWarning, match="num_classes > 1.*binary_crossentropy"):
        losses.categorical_crossentropy(float32(HOT[:, :1]), float32(Q[:, :1]))


def test_whole_targets_are_floats_unless_they_are_class_numbers():
    class Own(losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred) ** 2

    assert float(Own()(np.array([1, 0]), np.array([0.5, 0.5], "float32"))) == 0.25
    many = np.zeros((1, 300), "float32")
    many[0, 257] = 9.0
    found = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")([257], many)  # 257 is no bfloat16
    np.testing.assert_allclose(float(tf.cast(found, "float32")), np.log1p(299 * np.exp(-9.0)), rtol=0.1)


def test_weights_that_do_not_fit_and_unknown_reductions():
    with pytest.raises(ValueError, match="sample_weight"):
        losses.MeanSquaredError()(float32(A), float32(B), sample_weight=np.ones(5))
    with pytest.raises(ValueError, match="reduction"):
        losses.MeanSquaredError(reduction="average")


def test_ctc_sums_over_all_alignments():
    """By enumeration of all paths; a 0 within the length is a label of its own, as in TensorFlow (there, 2.4544)."""
    logits = np.random.default_rng(0).standard_normal((3, 4, 3)).astype("float32")
    p = np.exp(logits - np.log(np.exp(logits).sum(-1, keepdims=True)))
    targets = np.array([[1, 2, 1], [1, 1, 0], [2, 0, 0]])
    expected = []
    for q, label in zip(p, targets, strict=True):
        total = 0.0
        for path in itertools.product(range(3), repeat=4):
            kept = [c for i, c in enumerate(path) if c and (i == 0 or path[i - 1] != c)]
            total += np.prod(q[range(4), path]) if kept == [c for c in label if c] else 0.0
        expected.append(-np.log(total))
    np.testing.assert_allclose(losses.ctc(targets, logits).numpy(), expected, rtol=1e-5)
    even = (np.arange(24).reshape(2, 4, 3).astype("float32") - 12) / 100
    np.testing.assert_allclose(losses.CTC(reduction=None)([[1, 2, 1, 0], [1, 2, 0, 2]], even).numpy(), [2.4429312, 2.4543595], rtol=1e-6)
    with pytest.raises(ValueError, match=r"max_length, num_classes.*\(4, 3\)"):
        losses.CTC()(targets, logits[0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_squared_logarithmic_error_is_computed_in_float32(dtype):
    """As in Keras, whose smallest number is a float32."""
    found = losses.mean_squared_logarithmic_error([[1.0, 2.0]], tf.cast([[0.5, 1.0]], dtype))
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, [np.mean(np.log([2 / 1.5, 3 / 2]) ** 2)], rtol=1e-6)
