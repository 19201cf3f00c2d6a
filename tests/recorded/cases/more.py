"""More layers, and activations."""

from typing import Any

import numpy as np

from recorded.cases.common import Arrays, Case, array, normal, with_gradients
from recorded.cases.layers import run_layer

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
