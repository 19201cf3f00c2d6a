"""MobileNet (Howard et al., 2017): depthwise and pointwise convolutions."""

from __future__ import annotations

import warnings
from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import STORE, Frame, Pretrained, activated, convolved, last_axis, normalized
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional

BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))  # filters, stride
SIZES = (128, 160, 192, 224)
ALPHAS = {0.25: "2_5", 0.50: "5_0", 0.75: "7_5", 1.0: "1_0"}


def usual_size(rows: Any, columns: Any, known: tuple[int, ...]) -> int:
    """The size of square images that there are weights for; else 224."""
    return int(rows) if rows == columns and rows in known else 224


def sizes_of(frame: Frame) -> tuple[Any, Any]:
    """Height and width that the caller wants, if any."""
    shape = frame.input_shape
    return (None, None) if shape is None else tuple(shape[1:3] if frame.first else shape[:2])


def rows_for_weights(frame: Frame, known: tuple[int, ...]) -> Any:
    """The height that names the model and its weights."""
    rows, columns = frame.sizes
    if frame.weights == "imagenet" and (rows != columns or rows not in known):
        warnings.warn(f"`input_shape` is undefined or non-square, or `rows` is not in {list(known)}. "
                      "Weights for input shape (224, 224) will be loaded as the default.", stacklevel=3)  # fmt: skip
        return 224
    return rows


def relu6(x: Any, bn: str, relu: str, **options: Any) -> Any:
    """Batch normalization and ReLU up to 6."""
    return layers.ReLU(6.0, name=relu)(normalized(x, bn, last_axis(), **options))


def block(x: Any, filters: int, depth_multiplier: int, stride: int, number: int) -> Any:
    """A depthwise and a pointwise convolution."""
    if stride > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = layers.DepthwiseConv2D((3, 3), padding="same" if stride == 1 else "valid", depth_multiplier=depth_multiplier, strides=(stride, stride),
                               use_bias=False, name=f"conv_dw_{number}")(x)  # fmt: skip
    x = relu6(x, f"conv_dw_{number}_bn", f"conv_dw_{number}_relu")
    x = convolved(x, filters, (1, 1), f"conv_pw_{number}", padding="same", use_bias=False, strides=(1, 1))
    return relu6(x, f"conv_pw_{number}_bn", f"conv_pw_{number}_relu")


def MobileNet(input_shape: Any = None, alpha: float = 1.0, depth_multiplier: int = 1, dropout: float = 1e-3, include_top: bool = True,
              weights: Any = "imagenet", input_tensor: Any = None, pooling: Any = None, classes: int = 1000, classifier_activation: Any = "softmax",
              name: str | None = None) -> Functional:  # fmt: skip
    """MobileNet.

    Args:
        input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation, name: as in
            `keras.applications.building.Frame`.
        alpha: a factor of all numbers of channels.
        depth_multiplier: how many channels a depthwise convolution makes of one.
        dropout: before the classifier.
    """
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    x = frame.images(usual_size(*sizes_of(frame), SIZES))
    if weights == "imagenet" and depth_multiplier != 1:
        raise ValueError(f"If imagenet weights are being loaded, depth multiplier must be 1. Received depth_multiplier={depth_multiplier}")
    if weights == "imagenet" and alpha not in ALPHAS:
        raise ValueError(f"If imagenet weights are being loaded, alpha can be one of {list(ALPHAS)} only. Received alpha={alpha}")
    rows = rows_for_weights(frame, SIZES)
    x = convolved(x, int(32 * alpha), (3, 3), "conv1", padding="same", use_bias=False, strides=(2, 2))
    x = relu6(x, "conv1_bn", "conv1_relu")
    for number, (filters, stride) in enumerate(BLOCKS, 1):
        x = block(x, int(filters * alpha), depth_multiplier, stride, number)
    if include_top:
        x = layers.Dropout(dropout, name="dropout")(layers.GlobalAveragePooling2D(keepdims=True)(x))
        x = layers.Reshape((classes,), name="reshape_2")(convolved(x, classes, (1, 1), "conv_preds", padding="same"))
        x = activated(x, frame.checked_activation(), "predictions")
    else:
        x = frame.pooled(x)
    stem = f"mobilenet_{ALPHAS.get(alpha)}_{rows}_tf"
    source = Pretrained(STORE + "mobilenet/", (f"{stem}.h5", None), (f"{stem}_no_top.h5", None))
    return frame.model(x, source, name or f"mobilenet_{alpha:0.2f}_{rows}")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between -1 and 1."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
