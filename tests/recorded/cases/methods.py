"""Losses, metrics and initializers beyond the common ones; what they keep and how they are written down."""

from typing import Any

import numpy as np

from recorded.cases import initializers, optimizers
from recorded.cases import mixed as mixed_cases
from recorded.cases.common import Arrays, Case, array, integers, normal, uniform
from recorded.cases.losses import LABELS, PROBABILITIES, run_loss
from recorded.cases.metrics import BINARY, ONE_HOT, REGRESSION, SPARSE, batches, run_metric

CASES: dict[str, Case] = {}


# --- losses ---
def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


EMBEDDINGS = unit(normal(60, 8, 5))
MASKS, FOUND = integers(61, 0, 2, 4, 3, 3, 1).astype("float32"), uniform(62, 0, 1, 4, 3, 3, 1)
WORDS = np.array([[1, 2, 1, 0], [3, 3, 0, 0], [2, 0, 0, 0], [4, 1, 2, 3]])
SPOKEN = normal(63, 4, 9, 5)
WEIGHT8, WEIGHT4 = uniform(64, 0.1, 2.0, 8), uniform(65, 0.1, 2.0, 4)
for tag, weights in (("", False), ("_weighted", True)):
    for name, make, y, p, w in (
        ("circle", lambda L: L.Circle(gamma=8.0, margin=0.3), LABELS, EMBEDDINGS, WEIGHT8),
        ("circle_with_diagonal", lambda L: L.Circle(gamma=8.0, remove_diagonal=False, reduction="none"), LABELS, EMBEDDINGS, WEIGHT8),
        ("generalized", lambda L: L.CategoricalGeneralizedCrossEntropy(q=0.3), LABELS, PROBABILITIES, WEIGHT8),
        ("ctc", lambda L: L.CTC(), WORDS, SPOKEN, WEIGHT4),
        ("ctc_none", lambda L: L.CTC(reduction=None), WORDS, SPOKEN, WEIGHT4),
        ("dice", lambda L: L.Dice(axis=(1, 2, 3), reduction="sum"), MASKS, FOUND, WEIGHT4),
        ("tversky", lambda L: L.Tversky(axis=(1, 2, 3)), MASKS, FOUND, WEIGHT4),
    ):
        CASES[f"loss_{name}{tag}"] = Case(lambda tf, m=make, y=y, p=p, w=w if weights else None: run_loss(tf, m, y, p, w), 2e-5)


def functions(tf: Any) -> Arrays:
    L = tf.keras.losses
    return {
        "cosine": array(L.cosine_similarity(normal(1, 4, 3), normal(2, 4, 3))),
        "dice": array(L.dice(MASKS, FOUND)),
        "circle": array(L.circle(LABELS, EMBEDDINGS, ref_labels=LABELS[:5], ref_embeddings=EMBEDDINGS[3:], remove_diagonal=False, gamma=4)),
        "pearson": array(tf.keras.metrics.pearson_correlation(normal(1, 4, 6), normal(2, 4, 6), axis=0)),
    }


CASES["functions"] = Case(functions)


# --- metrics ---
MAPS = batches(lambda s: (integers(s, 0, 4, 5, 6), integers(s + 1, 0, 4, 5, 6)))
HOT_MAPS = [(np.eye(4, dtype="float32")[a], uniform(7 + i, 0, 1, 5, 6, 4)) for i, (a, _) in enumerate(MAPS)]
SORTED = batches(lambda s: (integers(s, 0, 9, 12), integers(s + 1, 0, 9, 12, 6)))
ROWS = batches(lambda s: (normal(s, 6, 10), normal(s + 1, 6, 10) + 0.5 * normal(s, 6, 10)))
for name, make, data in (
    ("sensitivity_at_specificity", lambda M: M.SensitivityAtSpecificity(0.6), BINARY),
    ("specificity_at_sensitivity", lambda M: M.SpecificityAtSensitivity(0.4, num_thresholds=30), BINARY),
    ("precision_at_recall", lambda M: M.PrecisionAtRecall(0.5), BINARY),
    ("recall_at_precision", lambda M: M.RecallAtPrecision(0.6, num_thresholds=1), BINARY),
    ("recall_at_precision_class", lambda M: M.RecallAtPrecision(0.3, class_id=2), ONE_HOT),
    ("pearson", lambda M: M.PearsonCorrelation(), ROWS),
    ("concordance", lambda M: M.ConcordanceCorrelation(), ROWS),
    ("sorted_ids", lambda M: M.SparseTopKCategoricalAccuracy(k=3, from_sorted_ids=True), SORTED),
    ("sparse_ignored", lambda M: M.SparseCategoricalCrossentropy(ignore_class=2), SPARSE),
    ("r2_adjusted", lambda M: M.R2Score("variance_weighted_average"), REGRESSION),
    ("f1_threshold", lambda M: M.F1Score("macro", threshold=0.4), ONE_HOT),
):
    for tag, weighted in (("", False), ("_weighted", True)):
        CASES[f"metric_{name}{tag}"] = Case(lambda tf, m=make, d=data, w=weighted: run_metric(tf, m, d, w))


def run_iou(tf: Any, make: Any, data: Any, weighted: bool) -> Arrays:
    metric = make(tf.keras.metrics)
    results = []
    for i, (y, p) in enumerate(data):
        metric.update_state(y, p, sample_weight=uniform(80 + i, 0.1, 2, 5, 6) if weighted else None)
        results.append(array(metric.result()))
    matrix = array(metric.variables[0])
    return {"results": np.stack(results), "matrix": matrix, "dtype": np.array([metric.dtype])}


for name, make, data in (
    ("iou", lambda M: M.IoU(4, [0, 2]), MAPS),
    ("mean", lambda M: M.MeanIoU(4, ignore_class=3), MAPS),
    ("mean_float", lambda M: M.MeanIoU(4, dtype="float32"), MAPS),
    ("mean_out_of_range", lambda M: M.MeanIoU(3), MAPS),
    ("one_hot", lambda M: M.OneHotIoU(4, [1, 3]), HOT_MAPS),
    ("one_hot_mean", lambda M: M.OneHotMeanIoU(4), HOT_MAPS),
    ("binary", lambda M: M.BinaryIoU(threshold=0.3, target_class_ids=[1]), [(y[..., 0] > 0, p[..., 0]) for y, p in HOT_MAPS]),
):
    CASES[f"metric_iou_{name}"] = Case(lambda tf, m=make, d=data: run_iou(tf, m, d, False))
CASES["metric_iou_weighted"] = Case(lambda tf: run_iou(tf, lambda M: M.MeanIoU(4, dtype="float32"), MAPS, True))


# --- initializers ---
def spectral(tf: Any) -> Arrays:
    I = tf.keras.initializers
    names = ("hann", "hamming", "blackman", "bartlett", "nuttall", "blackmanharris", "flattop", "tukey", "bohman", "barthann", "cosine", "triang",
             "boxcar")  # fmt: skip
    found = {f"{n}_{p}": array(I.STFT("real", n, None, p)((9, 1, 5))) for n in names for p in (False, True)}
    return found | {s: array(I.STFT("imag", "hann", s)((8, 1, 9))) for s in ("density", "spectrum")}


CASES["spectral"] = Case(spectral, 2e-6)
for mode in ("fan_in", "fan_out", "fan_avg"):
    options = {"scale": 2.0, "mode": mode, "seed": 7, "input_axes": [0], "output_axes": [1, 2]}
    CASES[f"axes_{mode}"] = Case(
        lambda tf, o=options: initializers.run_initializer(tf, "VarianceScaling", o, (300, 20, 30)), initializers.STATISTICAL
    )  # fmt: skip


# --- optimizers ---
def add_optimizer(kind: str, tag: str = "", tolerance: float = 5e-6, **options: Any) -> None:
    CASES[f"optimizer_{kind}{'_' + tag if tag else ''}"] = Case(lambda tf: optimizers.run_optimizer(tf, kind, options), tolerance)


add_optimizer("Adafactor")
add_optimizer("Adafactor", "options", learning_rate=0.3, beta_2_decay=-0.6, clip_threshold=0.5, relative_step=False, weight_decay=0.01)
add_optimizer("Adafactor", "schedule", learning_rate=lambda tf: tf.keras.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5))
add_optimizer("Ftrl")
add_optimizer("Ftrl", "l1", learning_rate=0.1, l1_regularization_strength=0.2, l2_regularization_strength=0.1, beta=0.3)
add_optimizer("Ftrl", "shrinkage", learning_rate=0.1, l2_shrinkage_regularization_strength=0.1, learning_rate_power=-0.7)
add_optimizer("Lamb")
add_optimizer("Lamb", "decay", learning_rate=0.05, beta_1=0.8, weight_decay=0.1, clipnorm=1.0)
add_optimizer("Adamax", "rate", learning_rate=0.02, weight_decay=0.01)
add_optimizer("Nadam", "rate", learning_rate=0.02, clipvalue=1.0)
add_optimizer("Adagrad", "rate", learning_rate=0.1, initial_accumulator_value=0.3)
add_optimizer("Adadelta", "rate", learning_rate=0.5)
add_optimizer("Lion", "rate", learning_rate=0.02, beta_1=0.8, weight_decay=0.05)
for kind in ("SGD", "Adafactor", "Ftrl", "Lamb", "RMSprop"):
    add_optimizer(kind, "accumulation", learning_rate=0.1, gradient_accumulation_steps=3, weight_decay=0.02)
add_optimizer("Adam", "accumulation_ema", learning_rate=0.1, gradient_accumulation_steps=3, use_ema=True, ema_overwrite_frequency=2, ema_momentum=0.7)
add_optimizer("SGD", "accumulation_schedule", gradient_accumulation_steps=4,
              learning_rate=lambda tf: tf.keras.optimizers.schedules.CosineDecay(0.1, 20))  # fmt: skip


def several(tf: Any) -> Arrays:
    """Two optimizers by the names of the variables, with a scaled loss; a part excluded from decay."""
    tf.keras.backend.clear_session()
    O = tf.keras.optimizers
    chosen = O.OptimizerMap(O.Adam(0.05), {"a.*": O.SGD(0.1, momentum=0.5, weight_decay=0.1)})
    optimizer = O.MultiOptimizer(chosen, loss_scale_factor=4.0)
    variables = [tf.keras.Variable(normal(1, 5), name="a1"), tf.keras.Variable(normal(2, 3, 2), name="b")]
    history = []
    for step in range(6):
        optimizer.apply_gradients(zip([tf.constant(normal(10 + step, *v.shape)) for v in variables], variables, strict=True))
        history.append(np.concatenate([array(v).ravel() for v in variables]))
    return {"history": np.stack(history), "names": np.array([v.path for v in optimizer.variables])}


def matrices(tf: Any, **options: Any) -> Arrays:
    """Keras variables, as Muon looks at paths."""
    tf.keras.backend.clear_session()
    optimizer = tf.keras.optimizers.Muon(**options)
    shapes = {"wide": (3, 6), "tall": (7, 2), "bias": (5,), "embeddings": (4, 3)}
    variables = [tf.keras.Variable(normal(i, *s), name=n) for i, (n, s) in enumerate(shapes.items())]
    history = []
    for step in range(20):
        optimizer.apply_gradients(zip([tf.constant(normal(10 * step + i, *v.shape)) for i, v in enumerate(variables)], variables, strict=True))
        history.append(np.concatenate([array(v).ravel() for v in variables]))
    return {"history": np.stack(history), "names": np.array([v.path for v in optimizer.variables])}


CASES["optimizer_Muon"] = Case(matrices, 1e-4)
PLAIN = {"learning_rate": 0.05, "nesterov": False, "rms_rate": None, "ns_steps": 3, "adam_lr_ratio": 0.1, "weight_decay": None}
CASES["optimizer_Muon_plain"] = Case(lambda tf: matrices(tf, exclude_layers=["ta"], **PLAIN), 1e-4)
CASES["optimizer_several"] = Case(several)


def mixed(tf: Any, kind: str, policy: str) -> Arrays:
    """Training under a 16-bit policy; float16 scales the loss."""
    K = tf.keras
    K.mixed_precision.set_global_policy(policy)
    try:
        model = mixed_cases.model_of(tf)
        model.compile(getattr(K.optimizers, kind)(0.02), "sparse_categorical_crossentropy")
        x, y = normal(11, 64, 8), integers(12, 0, 3, 64)
        losses = model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0).history["loss"]
        return {"loss": np.array(losses, "float32"), "kind": np.array(type(model.optimizer).__name__)}
    finally:
        K.mixed_precision.set_global_policy("float32")


for kind in ("Adafactor", "Ftrl", "Lamb", "Muon", "Lion", "Nadam"):
    for policy in mixed_cases.POLICIES:
        CASES[f"optimizer_{kind}_{policy}"] = Case(lambda tf, k=kind, p=policy: mixed(tf, k, p), 0.03)


# --- names and configs ---
def names(tf: Any) -> Arrays:
    """What strings mean, and what Keras writes down."""
    K = tf.keras
    K.backend.clear_session()
    found = {
        "metrics": [type(K.metrics.get(n)).__name__ for n in ("mse", "MAE", "accuracy", "auc", "cosine_similarity", "f1_score", "bce")],
        "initializers": [type(K.initializers.get(n)).__name__ for n in ("normal", "uniform", "one", "zero", "IdentityInitializer", "he_normal")],
        "regularizers": [type(K.regularizers.get(n)).__name__ for n in ("l1", "l2", "L1L2", "l1l2")],
        "optimizers": [type(K.optimizers.get(n)).__name__ for n in ("sgd", "Adam", "ADAMW", "ftrl", "schedulefreeadamw", "adafactor")],
        "optimizer_names": [getattr(K.optimizers, n)().name for n in ("SGD", "Adam", "AdamW", "RMSprop", "Ftrl", "Adafactor", "AdamW", "Muon")],
        "optimizer_configs": [repr(sorted(getattr(K.optimizers, n)(name="o").get_config().items())) for n in (
            "SGD", "Adam", "AdamW", "RMSprop", "Ftrl", "Adafactor", "Lamb", "Muon", "Lion", "Nadam", "Adamax", "Adagrad", "Adadelta",
            "ScheduleFreeAdamW")],
        "configs": [repr(sorted(m.get_config().items())) for m in (
            K.losses.Circle(), K.losses.CategoricalGeneralizedCrossEntropy(), K.losses.CTC(), K.metrics.BinaryIoU(), K.metrics.OneHotIoU(3, [1]),
            K.metrics.MeanIoU(3), K.metrics.OneHotMeanIoU(3), K.metrics.PrecisionAtRecall(0.5), K.metrics.PearsonCorrelation(),
            K.metrics.AUC(curve="PR", name="auc"), K.metrics.SparseTopKCategoricalAccuracy(), K.metrics.FBetaScore(), K.metrics.R2Score(),
            K.initializers.STFT(), K.initializers.HeNormal(seed=1), K.initializers.VarianceScaling(seed=1))],
    }  # fmt: skip
    return {k: np.array(v) for k, v in found.items()}


CASES["names"] = Case(names)
