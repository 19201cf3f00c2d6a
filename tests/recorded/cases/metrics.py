"""Metrics: the result after each of four updates, with and without weights, and after reset_state."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, normal, uniform
from recorded.cases.losses import softmax

CASES: dict[str, Case] = {}
Batches = list[tuple[np.ndarray, ...]]


def run_metric(tf: Any, make: Callable[[Any], Any], batches: Batches, weighted: bool) -> Arrays:
    metric = make(tf.keras.metrics)
    results = []
    for i, batch in enumerate(batches):
        weight = uniform(80 + i, 0.1, 2, batch[0].shape[0]) if weighted else None
        metric.update_state(*batch, sample_weight=weight)
        results.append(array(metric.result()))
    found = {"results": np.stack(results)}
    metric.reset_state()
    found["after_reset"] = array(metric.result())
    return found | {"name": np.array([re.sub(r"_\d+$", "", metric.name)], dtype="U")}


def add(name: str, make: Callable[[Any], Any], batches: Batches) -> None:
    for tag, weighted in (("", False), ("_weighted", True)):
        CASES[name + tag] = Case(lambda tf, w=weighted: run_metric(tf, make, batches, w))


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
add("top_k", lambda M: M.TopKCategoricalAccuracy(k=2), ONE_HOT)
add("sparse_top_k", lambda M: M.SparseTopKCategoricalAccuracy(k=2), SPARSE)
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
