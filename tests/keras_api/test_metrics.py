"""Metrics against formulas in float64: several batches, weights, compiled updates, configs, mistakes."""

import numpy as np
import pytest

import tenfold as tf

M = tf.keras.metrics
RANDOM = np.random.RandomState(2)
N = 40
LABELS, HOT = (lambda labels: (labels, np.eye(5, dtype="float32")[labels]))(RANDOM.randint(0, 5, N))
SCORES = RANDOM.random_sample((N, 5)).astype("float32")
BITS, PROBABILITY = RANDOM.randint(0, 2, N).astype("float32"), RANDOM.random_sample(N).astype("float32")
A, B = RANDOM.standard_normal((2, N, 3)).astype("float32")
WEIGHT = RANDOM.random_sample(N).astype("float32")


def weighted_mean(values, w):
    return (values * w).sum() / w.sum()


def ranks(labels):
    own = SCORES[np.arange(N), labels]
    return (SCORES > own[:, None]).sum(-1)


def counted(what, t=0.5):
    called, true = t < PROBABILITY, BITS == 1
    return {"tp": called & true, "fp": called & ~true, "tn": ~called & ~true, "fn": ~called & true}[what].astype(float)


def ratio(top, *bottom):
    return lambda w: (counted(top) * w).sum() / sum((counted(b) * w).sum() for b in bottom)


FORMULAS = {
    "Mean": (None, PROBABILITY, lambda w: weighted_mean(PROBABILITY, w)),
    "Sum": (None, PROBABILITY, lambda w: (PROBABILITY * w).sum()),
    "Accuracy": (LABELS, SCORES.argmax(-1), lambda w: weighted_mean(SCORES.argmax(-1) == LABELS, w)),
    "BinaryAccuracy": (BITS, PROBABILITY, lambda w: weighted_mean((PROBABILITY > 0.5) == BITS, w)),
    "CategoricalAccuracy": (HOT, SCORES, lambda w: weighted_mean(SCORES.argmax(-1) == LABELS, w)),
    "SparseCategoricalAccuracy": (LABELS, SCORES, lambda w: weighted_mean(SCORES.argmax(-1) == LABELS, w)),
    "TopKCategoricalAccuracy": (HOT, SCORES, lambda w: weighted_mean(ranks(LABELS) < 5, w)),
    "SparseTopKCategoricalAccuracy": (LABELS, SCORES, lambda w: weighted_mean(ranks(LABELS) < 5, w)),
    "MeanSquaredError": (A, B, lambda w: weighted_mean(((A - B) ** 2).mean(-1), w)),
    "RootMeanSquaredError": (A, B, lambda w: np.sqrt(weighted_mean(((A - B) ** 2).mean(-1), w))),
    "MeanAbsoluteError": (A, B, lambda w: weighted_mean(np.abs(A - B).mean(-1), w)),
    "CosineSimilarity": (A, B, lambda w: weighted_mean((A * B).sum(-1) / np.linalg.norm(A, axis=-1) / np.linalg.norm(B, axis=-1), w)),
    "TruePositives": (BITS, PROBABILITY, lambda w: (counted("tp") * w).sum()),
    "FalsePositives": (BITS, PROBABILITY, lambda w: (counted("fp") * w).sum()),
    "TrueNegatives": (BITS, PROBABILITY, lambda w: (counted("tn") * w).sum()),
    "FalseNegatives": (BITS, PROBABILITY, lambda w: (counted("fn") * w).sum()),
    "Precision": (BITS, PROBABILITY, ratio("tp", "tp", "fp")),
    "Recall": (BITS, PROBABILITY, ratio("tp", "tp", "fn")),
    "BinaryCrossentropy": (BITS[:, None], PROBABILITY[:, None],
                           lambda w: weighted_mean(-np.log(np.where(BITS == 1, PROBABILITY, 1 - PROBABILITY)), w)),
}  # fmt: skip


def batches(*arrays):
    return [tuple(None if a is None else a[i : i + 16] for a in arrays) for i in range(0, N, 16)]


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("with_weights", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", FORMULAS)
def test_metric(name, with_weights, compiled):
    y_true, y_pred, formula = FORMULAS[name]
    metric = getattr(M, name)()
    w = WEIGHT if with_weights else np.ones(N)

    def update(*batch):
        metric.update_state(*batch[:-1], sample_weight=batch[-1] if with_weights else None)

    step = tf.function(update) if compiled else update
    for y, p, weight in batches(y_true, y_pred, w.astype("float32")):
        step(*([p] if y is None else [y, p]), weight)
    np.testing.assert_allclose(float(metric.result()), formula(w.astype("float64")), rtol=2e-5)
    metric.reset_state()
    assert all((v.numpy() == 0).all() for v in metric.variables)
    again = M.deserialize(M.serialize(metric))
    assert again.get_config() == metric.get_config()


def exact_auc(weight):
    positive, negative = PROBABILITY[BITS == 1], PROBABILITY[BITS == 0]
    wins = (positive[:, None] > negative[None]) * weight[BITS == 1][:, None] * weight[BITS == 0][None]
    return wins.sum() / (weight[BITS == 1].sum() * weight[BITS == 0].sum())


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["plain", "weighted"])
def test_auc_is_the_chance_that_a_positive_ranks_above_a_negative(weight):
    metric = M.AUC(num_thresholds=2000)
    metric.update_state(BITS, PROBABILITY, sample_weight=weight)
    assert abs(float(metric.result()) - exact_auc(np.ones(N) if weight is None else weight)) < 2e-3


def test_auc_of_logits_and_of_several_labels():
    logits = np.log(PROBABILITY / (1 - PROBABILITY)).astype("float32")
    a, b = M.AUC(), M.AUC(from_logits=True)
    a.update_state(BITS, PROBABILITY)
    b.update_state(BITS, logits)
    np.testing.assert_allclose(float(a.result()), float(b.result()), rtol=1e-4)
    several = M.AUC(multi_label=True)
    several.update_state(np.stack([BITS, BITS], 1), np.stack([PROBABILITY, 1 - PROBABILITY], 1))
    assert abs(float(several.result()) - 0.5) < 0.01


def test_thresholds_and_classes():
    several = M.Precision(thresholds=[0.25, 0.75])
    several.update_state(BITS, PROBABILITY)
    expected = [counted("tp", t).sum() / (counted("tp", t) + counted("fp", t)).sum() for t in (0.25, 0.75)]
    np.testing.assert_allclose(several.result().numpy(), expected, rtol=1e-5)
    one = M.Recall(class_id=2, top_k=2)
    one.update_state(HOT, SCORES)
    mine = LABELS == 2
    np.testing.assert_allclose(float(one.result()), (ranks(np.full(N, 2)) < 2)[mine].mean(), rtol=1e-5)


@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
def test_f1(average):
    metric = M.F1Score(average=average)
    metric.update_state(HOT, SCORES)
    called = np.eye(5)[SCORES.argmax(-1)]
    tp, fp, fn = (called * HOT).sum(0), (called * (1 - HOT)).sum(0), ((1 - called) * HOT).sum(0)
    f1 = 2 * tp / np.maximum(2 * tp + fp + fn, 1e-9)
    expected = {
        None: f1, "macro": f1.mean(), "weighted": (f1 * HOT.mean(0)).sum(), "micro": 2 * tp.sum() / (2 * tp + fp + fn).sum(),
    }[average]  # fmt: skip
    np.testing.assert_allclose(metric.result().numpy(), expected, rtol=1e-5)


def test_r2():
    metric = M.R2Score()
    for a, b in batches(A, B):
        metric.update_state(a, b)
    expected = (1 - ((A - B) ** 2).sum(0) / ((A - A.mean(0)) ** 2).sum(0)).mean()
    np.testing.assert_allclose(float(metric.result()), expected, rtol=1e-4)


def test_a_mask_on_the_predictions_counts_as_weight():
    scores = tf.constant(SCORES)
    scores._keras_mask = tf.constant(np.arange(N) < 10)
    metric = M.SparseCategoricalAccuracy()
    metric.update_state(LABELS, scores)
    np.testing.assert_allclose(float(metric.result()), (SCORES.argmax(-1) == LABELS)[:10].mean(), rtol=1e-6)


def test_weights_per_step_of_sequences():
    metric = M.Mean()
    values, weight = np.arange(6, dtype="float32").reshape(2, 3), np.array([[1, 0, 0], [1, 1, 0]], "float32")
    metric.update_state(values, weight)
    assert float(metric.result()) == pytest.approx((0 + 3 + 4) / 3)
    metric.reset_state()
    metric.update_state(values, np.array([1.0, 0.0]))
    assert float(metric.result()) == 1


def test_own_metrics_compile_too():
    class Largest(M.Metric):
        def __init__(self, name="largest", **kwargs):
            super().__init__(name=name, **kwargs)
            self.top = self.add_weight(name="top", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.top.assign(tf.maximum(self.top, tf.reduce_max(y_pred)))

        def result(self):
            return self.top

    metric = Largest()
    step = tf.function(lambda v: metric.update_state(None, v))
    for value in (1.0, 5.0, 3.0):
        step(tf.constant([value]))
    assert float(metric.result()) == 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: M.get("acuracy"), "Did you mean 'accuracy'"),
        (lambda: M.Precision(thresholds=[1.5]), r"\[0, 1\]"),
        (lambda: M.AUC(num_thresholds=1), "num_thresholds"),
        (lambda: M.AUC(curve="XY"), "curve"),
        (lambda: M.F1Score(average="mean"), "average"),
        (lambda: M.BinaryAccuracy(threshold=2), "threshold"),
        (lambda: M.SparseCategoricalAccuracy().update_state(HOT, SCORES), "categorical_accuracy"),
        (lambda: M.CategoricalAccuracy().update_state(LABELS, SCORES), "sparse_categorical_accuracy"),
        (lambda: M.Precision().update_state(BITS, SCORES), "incompatible"),
    ],
)
def test_mistake(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_state_can_be_an_argument():
    m = M.MeanSquaredError()
    m.update_state(A, B)
    kept = float(m.result())
    state = m.stateless_update_state(m.stateless_reset_state(), A[:7], B[:7])
    assert float(m.result()) == kept
    np.testing.assert_allclose(float(m.stateless_result(state)), ((A[:7] - B[:7]) ** 2).mean(), rtol=1e-6)
    step = tf.function(lambda a, b: m.stateless_update_state([tf.constant(0.0), tf.constant(0.0)], a, b))
    np.testing.assert_allclose(step(A[:7], B[:7])[0].numpy(), state[0].numpy(), rtol=1e-6)
    assert float(m.result()) == kept
    with pytest.raises(ValueError, match="1:1"):
        m.stateless_result(state[:1])


def test_parts_in_lists_and_dicts_are_tracked():
    class Both(M.Metric):
        def __init__(self):
            super().__init__(name="both")
            self.parts = {"a": [M.Mean(), M.Sum()], "v": tf.keras.Variable(0.0)}

    assert len(Both().variables) == 4


def test_intersections_over_unions_are_counted_in_a_compiled_step():
    m = M.MeanIoU(3, ignore_class=1)
    step = tf.function(m.update_state)
    y, p = RANDOM.randint(0, 3, (2, 6, 50))
    for i in range(6):
        step(y[i], p[i])
    keep = y != 1
    expected = np.mean([(keep & (y == c) & (p == c)).sum() / (keep & ((y == c) | (p == c))).sum() for c in (0, 2)])
    union_of_1 = (keep & (p == 1)).sum()
    np.testing.assert_allclose(float(m.result()), expected * 2 / (2 + (union_of_1 > 0)), rtol=1e-6)
    with pytest.warns(UserWarning, match="integer weights"):
        m.update_state(y, p, sample_weight=np.ones(y.shape, "float32"))


def test_which_way_is_better():
    assert [M.get(n)._direction for n in ("accuracy", "mse", "auc", "cosine_similarity", "mean")] == ["up", "down", "up", "up", None]
