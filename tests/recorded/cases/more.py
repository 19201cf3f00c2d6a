"""Further layers, activations, losses, metrics and optimizers, recorded as the first ones are."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, integers, normal, uniform, with_gradients
from recorded.cases.layers import run_layer
from recorded.cases.losses import run_loss, softmax
from recorded.cases.metrics import batches, run_metric
from recorded.cases.optimizers import run_optimizer

CASES: dict[str, Case] = {}


def layer(name: str, make: Any, inputs: Any, training: bool | None = None, tolerance: float = 1e-5) -> None:
    CASES[f"layer_{name}"] = Case(lambda tf: run_layer(tf, make, inputs, training), tolerance)


IMAGE, SEQUENCE, VOLUME = normal(1, 2, 7, 6, 4), normal(2, 2, 9, 4), normal(3, 2, 5, 4, 6, 3)
layer("conv3d", lambda L: L.Conv3D(5, 3, padding="same"), VOLUME)
layer("conv3d_strides", lambda L: L.Conv3D(5, 2, strides=2), VOLUME)
layer("depthwise2d", lambda L: L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu"), IMAGE)
layer("depthwise2d_same_strides", lambda L: L.DepthwiseConv2D(3, strides=2, padding="same"), IMAGE)
layer("depthwise1d", lambda L: L.DepthwiseConv1D(3, padding="same"), SEQUENCE)
layer("separable2d", lambda L: L.SeparableConv2D(6, 3, padding="same", depth_multiplier=2), IMAGE)
layer("separable1d", lambda L: L.SeparableConv1D(6, 3, strides=2), SEQUENCE)
for padding in ("valid", "same"):
    for strides in (1, 2, 3):
        layer(f"transpose2d_{padding}_{strides}", lambda L, p=padding, s=strides: L.Conv2DTranspose(5, 3, strides=s, padding=p), IMAGE)
    layer(f"transpose2d_{padding}_even", lambda L, p=padding: L.Conv2DTranspose(5, (4, 2), strides=2, padding=p), IMAGE)
    layer(f"transpose1d_{padding}", lambda L, p=padding: L.Conv1DTranspose(5, 3, strides=2, padding=p), SEQUENCE)
    layer(f"transpose3d_{padding}", lambda L, p=padding: L.Conv3DTranspose(2, 2, strides=2, padding=p), VOLUME)
layer("transpose2d_output_padding", lambda L: L.Conv2DTranspose(5, 3, strides=2, padding="same", output_padding=1), IMAGE)
layer("transpose2d_short_kernel", lambda L: L.Conv2DTranspose(5, 1, strides=2, padding="same"), IMAGE)
for rank, x in ((1, SEQUENCE), (3, VOLUME)):
    for kind in ("Max", "Average"):
        layer(f"{kind}_pooling{rank}d", lambda L, k=kind, r=rank: getattr(L, f"{k}Pooling{r}D")(2), x)
        layer(f"{kind}_pooling{rank}d_same", lambda L, k=kind, r=rank: getattr(L, f"{k}Pooling{r}D")(3, strides=2, padding="same"), x)
        layer(f"global_{kind}{rank}d", lambda L, k=kind, r=rank: getattr(L, f"Global{k}Pooling{r}D")(), x)
layer("group_norm", lambda L: L.GroupNormalization(2), IMAGE, None, 2e-5)
layer("group_norm_all", lambda L: L.GroupNormalization(-1, epsilon=1e-5), IMAGE, None, 2e-5)
layer("unit_norm", lambda L: L.UnitNormalization(), IMAGE)
layer("rms_norm", lambda L: L.RMSNormalization(), IMAGE)
layer("batch_norm_not_trainable", lambda L: L.BatchNormalization(trainable=False), IMAGE, True, 2e-5)
layer("prelu", lambda L: L.PReLU(), IMAGE)
layer("prelu_shared", lambda L: L.PReLU(shared_axes=[1, 2]), IMAGE)
layer("leaky_relu", lambda L: L.LeakyReLU(0.2), IMAGE)
layer("elu", lambda L: L.ELU(0.7), IMAGE)
layer("permute", lambda L: L.Permute((3, 1, 2)), IMAGE)
layer("repeat_vector", lambda L: L.RepeatVector(3), normal(4, 2, 5))
layer("zero_padding2d", lambda L: L.ZeroPadding2D(((1, 2), (0, 3))), IMAGE)
layer("zero_padding1d", lambda L: L.ZeroPadding1D((1, 2)), SEQUENCE)
layer("cropping2d", lambda L: L.Cropping2D(((1, 2), (0, 3))), IMAGE)
layer("cropping1d", lambda L: L.Cropping1D((1, 2)), SEQUENCE)
layer("up_sampling2d", lambda L: L.UpSampling2D((2, 3)), IMAGE)
layer("up_sampling2d_bilinear", lambda L: L.UpSampling2D((2, 3), interpolation="bilinear"), IMAGE)
layer("up_sampling1d", lambda L: L.UpSampling1D(3), SEQUENCE)
layer("normalization", lambda L: L.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 4, 9, 2]), IMAGE)
layer("normalization_invert", lambda L: L.Normalization(mean=2.0, variance=3.0, invert=True, axis=None), IMAGE)
for kind in ("Subtract", "Multiply", "Average", "Maximum", "Minimum"):
    layer(kind, lambda L, k=kind: getattr(L, k)(), [normal(5, 3, 4), normal(6, 3, 4)])
layer("dot", lambda L: L.Dot(axes=1), [normal(7, 3, 4), normal(8, 3, 4)])
layer("dot_cosine", lambda L: L.Dot(axes=-1, normalize=True), [normal(7, 3, 4), normal(8, 3, 4)])
layer("dot_axes", lambda L: L.Dot(axes=(2, 1)), [normal(9, 3, 2, 4), normal(10, 3, 4, 5)])
layer("dot_rank4", lambda L: L.Dot(axes=(3, 1)), [normal(9, 2, 3, 2, 4), normal(10, 2, 4, 5)])


def adapted(tf: Any) -> Arrays:
    norm = tf.keras.layers.Normalization()
    norm.adapt(normal(11, 50, 3) * 3 + 1)
    return {"y": array(norm(normal(12, 4, 3)))}


CASES["layer_normalization_adapted"] = Case(adapted)

X = np.concatenate([np.linspace(-6, 6, 25), [0.0, 0.5, -0.5, 1.0, -1.0]]).astype("float32").reshape(5, 6)
for name in ("celu", "hard_shrink", "soft_shrink", "hard_tanh", "log_sigmoid", "sparse_plus", "sparse_sigmoid", "squareplus", "tanh_shrink", "glu"):
    CASES[f"activation_{name}"] = Case(lambda tf, n=name: with_gradients(tf, getattr(tf.keras.activations, n), X))
CASES["activation_gelu_approximate"] = Case(lambda tf: with_gradients(tf, lambda x: tf.keras.activations.gelu(x, approximate=True), X))
CASES["activation_threshold"] = Case(lambda tf: with_gradients(tf, lambda x: tf.keras.activations.threshold(x, 0.6, -1.0), X))

TARGETS, POSITIVE = normal(14, 8, 4), uniform(15, 0.1, 3, 8, 4)
P, Q = softmax(normal(16, 8, 4)), softmax(normal(17, 8, 4))
SIGNS, BITS = np.sign(normal(18, 8, 4)), integers(19, 0, 2, 8, 4).astype("float32")
HOT = np.eye(4, dtype="float32")[integers(20, 0, 4, 8)]
WEIGHT = uniform(21, 0.1, 2, 8)
TABLE: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "MeanAbsolutePercentageError": (TARGETS, normal(22, 8, 4)), "MeanSquaredLogarithmicError": (POSITIVE, uniform(23, 0.1, 3, 8, 4)),
    "LogCosh": (TARGETS, 3 * normal(22, 8, 4)), "KLDivergence": (P, Q), "Poisson": (POSITIVE, uniform(24, 0.1, 3, 8, 4)),
    "CosineSimilarity": (TARGETS, normal(22, 8, 4)), "Hinge": (SIGNS, normal(22, 8, 4)), "SquaredHinge": (BITS, normal(22, 8, 4)),
    "CategoricalHinge": (HOT, normal(22, 8, 4)), "BinaryFocalCrossentropy": (BITS, uniform(25, 0.05, 0.95, 8, 4)),
    "CategoricalFocalCrossentropy": (HOT, P), "Dice": (BITS, uniform(25, 0.05, 0.95, 8, 4)), "Tversky": (BITS, uniform(25, 0.05, 0.95, 8, 4)),
}  # fmt: skip
for name, (y_true, y_pred) in TABLE.items():
    for tag, weight in (("", None), ("_weighted", WEIGHT)):
        if tag and name in ("Dice", "Tversky"):
            continue
        CASES[f"loss_{name}{tag}"] = Case(
            lambda tf, n=name, t=y_true, p=y_pred, w=weight: run_loss(tf, lambda losses: getattr(losses, n)(), t, p, w), 2e-5
        )  # fmt: skip

for name in ("Adagrad", "Adadelta", "Adamax", "Nadam", "Lion"):
    CASES[f"optimizer_{name}"] = Case(lambda tf, n=name: run_optimizer(tf, n, {"learning_rate": 0.05}), 1e-5)
CASES["optimizer_SGD_accumulation"] = Case(
    lambda tf: run_optimizer(tf, "SGD", {"learning_rate": 0.05, "momentum": 0.9, "gradient_accumulation_steps": 4}), 5e-6
)

ONE_HOT = batches(lambda s: (np.eye(4, dtype="float32")[integers(s, 0, 4, 9)], softmax(normal(s + 1, 9, 4) * 2)))
REGRESSION = batches(lambda s: (normal(s, 6, 3), normal(s + 1, 6, 3)))
YES_NO = batches(lambda s: (integers(s, 0, 2, 10, 1).astype("float32"), uniform(s + 1, 0, 1, 10, 1)))


def metric(name: str, make: Any, data: Any) -> None:
    for tag, weighted in (("", False), ("_weighted", True)):
        CASES[f"metric_{name}{tag}"] = Case(lambda tf, w=weighted: run_metric(tf, make, data, w), 2e-5)


for average in (None, "micro", "macro", "weighted"):
    metric(f"f1_{average}", lambda M, a=average: M.F1Score(average=a), ONE_HOT)
metric("fbeta", lambda M: M.FBetaScore(average="macro", beta=2.0, threshold=0.4), ONE_HOT)
metric("r2", lambda M: M.R2Score(), REGRESSION)
metric("r2_variance", lambda M: M.R2Score(class_aggregation="variance_weighted_average"), REGRESSION)
for kind in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"):
    metric(kind, lambda M, k=kind: getattr(M, k)(name="count"), YES_NO)
metric("true_positives_thresholds", lambda M: M.TruePositives(thresholds=[0.2, 0.7], name="count"), YES_NO)
for kind in ("LogCoshError", "CosineSimilarity", "MeanAbsolutePercentageError", "Hinge"):
    metric(kind, lambda M, k=kind: getattr(M, k)(), REGRESSION)
metric("KLDivergence", lambda M: M.KLDivergence(), ONE_HOT)
metric("Poisson", lambda M: M.Poisson(), ONE_HOT)
metric("auc_prgain", lambda M: M.AUC(curve="PRGAIN", num_thresholds=20, name="auc"), YES_NO)
metric("auc_minoring_pr", lambda M: M.AUC(curve="PR", num_thresholds=20, summation_method="minoring", name="auc"), YES_NO)
metric("auc_thresholds", lambda M: M.AUC(thresholds=[0.1, 0.35, 0.8], name="auc"), YES_NO)
