"""Optimizers under mixed policies; what names mean, and what Keras writes down."""

from typing import Any

import numpy as np

from recorded.cases import mixed as mixed_cases
from recorded.cases.common import Arrays, Case, integers, normal

CASES: dict[str, Case] = {}


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
