"""Metrics: the result after each of four updates, with and without weights, of predictions in half precision, and after reset_state."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, normal, uniform
from recorded.cases.layer_runs import Names, policy_of
from recorded.cases.losses import softmax

CASES: dict[str, Case] = {}
Batches = list[tuple[np.ndarray, ...]]
Make = Callable[[Any], Any]


def run_metric(tf: Any, make: Make, batches: Batches, weighted: bool, policy: str = "float32", weights: tuple[int, ...] = ()) -> Arrays:
    """`policy`: the global one, whose 16-bit type the predictions have; `weights`: their shape, if there is not one for a sample."""
    with policy_of(tf, policy):
        metric = make(tf.keras.metrics)
    results = []
    for i, (*labels, values) in enumerate(batches):
        weight = uniform(80 + i, 0.1, 2, *(weights or values.shape[:1])) if weighted else None
        low = policy != "float32" and values.dtype == "float32"
        metric.update_state(*labels, tf.cast(tf.constant(values), policy.removeprefix("mixed_")) if low else values, sample_weight=weight)
        results.append(array(metric.result()))
    found = {"results": np.stack(results), "dtype": np.array([metric.dtype])}
    metric.reset_state()
    found["after_reset"] = array(metric.result())
    return found | {"name": np.array([re.sub(r"_\d+$", "", metric.name)], dtype="U")}


def add(name: str, make: Make, batches: Batches, tolerance: float = 1e-5, weights: tuple[int, ...] = (), weighted: bool = True,
        low: bool = True) -> None:  # fmt: skip
    """`low`: predictions in 16-bit types too, where Keras computes step by step in that type, and Tenfold in float32."""
    for policy, allowed in (("float32", tolerance), ("mixed_bfloat16", 0.03), ("mixed_float16", 4e-3))[: 3 if low else 1]:
        for heavy in (False, True)[: 2 if policy == "float32" and weighted else 1]:
            label = name + ("_weighted" if heavy else "") + (f"_{policy}" if policy != "float32" else "")
            CASES[label] = Case(
                lambda tf, w=heavy, p=policy: run_metric(tf, make, batches, w, p, weights), allowed, make(Names()), policy
            )


def batches(make: Callable[[int], tuple[np.ndarray, ...]]) -> Batches:
    return [make(seed) for seed in (1, 20, 40, 60)]


VALUES = batches(lambda s: (normal(s, 6),))
REGRESSION = batches(lambda s: (normal(s, 6, 3), normal(s + 1, 6, 3)))
SPARSE = batches(lambda s: (integers(s, 0, 4, 9), softmax(normal(s + 1, 9, 4) * 2)))
SPARSE_COLUMN = [(labels[:, None], p) for labels, p in SPARSE]
ONE_HOT = [(np.eye(4, dtype="float32")[labels], p) for labels, p in SPARSE]
BINARY = batches(lambda s: (integers(s, 0, 2, 10, 1).astype("float32"), uniform(s + 1, 0, 1, 10, 1)))

add("mean", lambda M: M.Mean(), VALUES)
add("sum", lambda M: M.Sum(), VALUES)
add("accuracy", lambda M: M.Accuracy(), batches(lambda s: (integers(s, 0, 3, 12), integers(s + 1, 0, 3, 12))))
add("binary_accuracy", lambda M: M.BinaryAccuracy(), BINARY)
add("binary_accuracy_threshold", lambda M: M.BinaryAccuracy(threshold=0.7), BINARY)
add("categorical_accuracy", lambda M: M.CategoricalAccuracy(), ONE_HOT)
add("sparse_categorical_accuracy", lambda M: M.SparseCategoricalAccuracy(), SPARSE)
add("sparse_categorical_accuracy_column", lambda M: M.SparseCategoricalAccuracy(), SPARSE_COLUMN)
add("top_k", lambda M: M.TopKCategoricalAccuracy(k=2), ONE_HOT, low=False)  # TensorFlow has no kernel
add("sparse_top_k", lambda M: M.SparseTopKCategoricalAccuracy(k=2), SPARSE, low=False)
add("mse", lambda M: M.MeanSquaredError(), REGRESSION)
add("mae", lambda M: M.MeanAbsoluteError(), REGRESSION)
add("rmse", lambda M: M.RootMeanSquaredError(), REGRESSION)
add("binary_crossentropy", lambda M: M.BinaryCrossentropy(), BINARY)
add("categorical_crossentropy", lambda M: M.CategoricalCrossentropy(), ONE_HOT)
add("sparse_categorical_crossentropy", lambda M: M.SparseCategoricalCrossentropy(), SPARSE)
add("precision", lambda M: M.Precision(), BINARY)
add("precision_thresholds", lambda M: M.Precision(thresholds=[0.2, 0.5, 0.8]), BINARY)
add("recall", lambda M: M.Recall(), BINARY)
add("recall_threshold", lambda M: M.Recall(thresholds=0.3), BINARY)
add("recall_class", lambda M: M.Recall(class_id=1), ONE_HOT)
add("precision_top_k", lambda M: M.Precision(top_k=2), ONE_HOT)
add("auc", lambda M: M.AUC(), BINARY)
add("auc_pr", lambda M: M.AUC(curve="PR"), BINARY)
add("auc_few", lambda M: M.AUC(num_thresholds=5), BINARY)
add("auc_majoring", lambda M: M.AUC(num_thresholds=50, summation_method="majoring"), BINARY)
add("auc_multi_label", lambda M: M.AUC(multi_label=True, num_labels=4), ONE_HOT)
add("auc_flat", lambda M: M.AUC(), [(y[:, 0], p[:, 0]) for y, p in BINARY])

# --- the metrics that are used less ---
HOT = batches(lambda s: (np.eye(4, dtype="float32")[integers(s, 0, 4, 9)], softmax(normal(s + 1, 9, 4) * 2)))
YES_NO = batches(lambda s: (integers(s, 0, 2, 10, 1).astype("float32"), uniform(s + 1, 0, 1, 10, 1)))
POSITIVE = batches(lambda s: (uniform(s, 0.1, 3, 6, 3), uniform(s + 1, 0.1, 3, 6, 3)))
SORTED = batches(lambda s: (integers(s, 0, 9, 12), integers(s + 1, 0, 9, 12, 6)))
ROWS = batches(lambda s: (normal(s, 6, 10), normal(s + 1, 6, 10) + 0.5 * normal(s, 6, 10)))
MAPS = batches(lambda s: (integers(s, 0, 4, 5, 6), integers(s + 1, 0, 4, 5, 6)))
HOT_MAPS = [(np.eye(4, dtype="float32")[a], uniform(7 + i, 0, 1, 5, 6, 4)) for i, (a, _) in enumerate(MAPS)]
YES_NO_MAPS = [(y[..., 0] > 0, p[..., 0]) for y, p in HOT_MAPS]
for average in (None, "micro", "macro", "weighted"):
    add(f"f1_{average}", lambda M, a=average: M.F1Score(average=a), HOT, 2e-5)
add("f1_threshold", lambda M: M.F1Score("macro", threshold=0.4), HOT)
add("fbeta", lambda M: M.FBetaScore(average="macro", beta=2.0, threshold=0.4), HOT, 2e-5)
add("fbeta_plain", lambda M: M.FBetaScore(), HOT, 2e-5)
add("r2", lambda M: M.R2Score(), REGRESSION, 2e-5)
add("r2_variance", lambda M: M.R2Score(class_aggregation="variance_weighted_average"), REGRESSION, 2e-5)
for kind in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
    add(kind, lambda M, k=kind: getattr(M, k)(name="count"), YES_NO, 2e-5)
    add(f"{kind}_thresholds", lambda M, k=kind: getattr(M, k)(thresholds=[0.2, 0.7], name="count"), YES_NO, 2e-5)
for kind in ("LogCoshError", "CosineSimilarity", "MeanAbsolutePercentageError", "Hinge", "SquaredHinge"):
    add(kind, lambda M, k=kind: getattr(M, k)(), REGRESSION, 2e-5)
add("MeanSquaredLogarithmicError", lambda M: M.MeanSquaredLogarithmicError(), POSITIVE, 2e-5)
add("CategoricalHinge", lambda M: M.CategoricalHinge(), HOT, 2e-5)
add("KLDivergence", lambda M: M.KLDivergence(), HOT, 2e-5)
add("Poisson", lambda M: M.Poisson(), HOT, 2e-5)
add("cosine_axis", lambda M: M.CosineSimilarity(axis=1), ROWS, 2e-5)
add("binary_crossentropy_logits", lambda M: M.BinaryCrossentropy(from_logits=True, label_smoothing=0.1), [
    (y, 3 * p - 1) for y, p in YES_NO], 2e-5)  # fmt: skip
add("categorical_crossentropy_logits", lambda M: M.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1), HOT, 2e-5)
add("sparse_crossentropy_ignored", lambda M: M.SparseCategoricalCrossentropy(ignore_class=2), SPARSE)
add("auc_prgain", lambda M: M.AUC(curve="PRGAIN", num_thresholds=20, name="auc"), YES_NO, 2e-5)
add("auc_minoring_pr", lambda M: M.AUC(curve="PR", num_thresholds=20, summation_method="minoring", name="auc"), YES_NO, 2e-5)
add("auc_thresholds", lambda M: M.AUC(thresholds=[0.1, 0.35, 0.8], name="auc"), YES_NO, 2e-5)
add("auc_logits", lambda M: M.AUC(from_logits=True), [(y, 3 * p - 1) for y, p in YES_NO], 2e-5, low=False)  # roundings at thresholds
add("sensitivity_at_specificity", lambda M: M.SensitivityAtSpecificity(0.6), BINARY)
add("sensitivity_at_specificity_class", lambda M: M.SensitivityAtSpecificity(0.3, num_thresholds=20, class_id=1), HOT)
add("specificity_at_sensitivity", lambda M: M.SpecificityAtSensitivity(0.4, num_thresholds=30), BINARY)
add("specificity_at_sensitivity_class", lambda M: M.SpecificityAtSensitivity(0.7, class_id=1), HOT)
add("precision_at_recall", lambda M: M.PrecisionAtRecall(0.5), BINARY)
add("precision_at_recall_few", lambda M: M.PrecisionAtRecall(0.3, num_thresholds=7), BINARY)
add("recall_at_precision", lambda M: M.RecallAtPrecision(0.6, num_thresholds=1), BINARY)
add("recall_at_precision_class", lambda M: M.RecallAtPrecision(0.3, class_id=2), ONE_HOT)
add("pearson", lambda M: M.PearsonCorrelation(), ROWS)
add("pearson_axis", lambda M: M.PearsonCorrelation(axis=0), ROWS, weighted=False)
add("concordance", lambda M: M.ConcordanceCorrelation(), ROWS)
add("concordance_axis", lambda M: M.ConcordanceCorrelation(axis=0), ROWS, weighted=False)
add("sorted_ids", lambda M: M.SparseTopKCategoricalAccuracy(k=3, from_sorted_ids=True), SORTED)
add("wrapper", lambda M: M.MeanMetricWrapper(lambda y, p: (y - p) ** 3, name="cubes"), REGRESSION)
add("wrapper_arguments", lambda M: M.MeanMetricWrapper(lambda y, p, power: abs(y - p) ** power, name="powers", power=3), REGRESSION)
add("iou", lambda M: M.IoU(4, [0, 2]), MAPS, weights=(5, 6))
MIXED_MAPS = [(a, p) for (a, _), (_, p) in zip(MAPS, HOT_MAPS, strict=True)]
add("iou_probabilities", lambda M: M.IoU(4, [1], sparse_y_pred=False), MIXED_MAPS, weights=(5, 6))
add("iou_mean", lambda M: M.MeanIoU(4, ignore_class=3), MAPS, weights=(5, 6))
add("iou_mean_float", lambda M: M.MeanIoU(4, dtype="float32"), MAPS, weights=(5, 6))
add("iou_mean_out_of_range", lambda M: M.MeanIoU(3), MAPS, weights=(5, 6))
add("iou_one_hot", lambda M: M.OneHotIoU(4, [1, 3]), HOT_MAPS, weights=(5, 6))
add("iou_one_hot_ignored", lambda M: M.OneHotIoU(4, [0], ignore_class=1), HOT_MAPS, weights=(5, 6))
add("iou_one_hot_mean", lambda M: M.OneHotMeanIoU(4), HOT_MAPS, weights=(5, 6))
add("iou_one_hot_mean_ignored", lambda M: M.OneHotMeanIoU(4, ignore_class=0), HOT_MAPS, weights=(5, 6))
add("iou_binary", lambda M: M.BinaryIoU(threshold=0.3, target_class_ids=[1]), YES_NO_MAPS, weighted=False)
add("iou_binary_both", lambda M: M.BinaryIoU(), YES_NO_MAPS, weighted=False)
# A second configuration of the metrics above.
add("mean_dtype", lambda M: M.Mean(name="m", dtype="float64"), VALUES)
add("mean_rows", lambda M: M.Mean(), [(a,) for a, _ in REGRESSION])
add("sum_rows", lambda M: M.Sum(), [(a,) for a, _ in REGRESSION])
add("accuracy_rows", lambda M: M.Accuracy(), MAPS)
add("categorical_accuracy_maps", lambda M: M.CategoricalAccuracy(), HOT_MAPS, weights=(5, 6))
add("top_k_default", lambda M: M.TopKCategoricalAccuracy(), ONE_HOT, low=False)
for kind in ("MeanSquaredError", "MeanAbsoluteError", "RootMeanSquaredError"):
    add(f"{kind}_ints", lambda M, k=kind: getattr(M, k)(), MAPS)
for kind in ("MeanAbsolutePercentageError", "MeanSquaredLogarithmicError", "KLDivergence", "Poisson", "LogCoshError", "Hinge", "SquaredHinge",
             "CategoricalHinge"):  # fmt: skip
    add(f"{kind}_positive", lambda M, k=kind: getattr(M, k)(), POSITIVE, 2e-5)
