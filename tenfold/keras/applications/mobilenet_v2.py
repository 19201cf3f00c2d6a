"""MobileNetV2 (Sandler et al., 2018): residual blocks that are wide inside."""

from __future__ import annotations

from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import (
    CHECKS,
    STORE,
    Frame,
    Pretrained,
    convolved,
    divisible,
    last_axis,
    normalized,
    padding_for,
)
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.applications.mobilenet import relu6, rows_for_weights, sizes_of, usual_size
from tenfold.keras.models.model import Functional
from tenfold.keras.utils.symbolic_sources import is_keras_tensor

BLOCKS = ((16, 1, 1), (24, 2, 6), (24, 1, 6), (32, 2, 6), (32, 1, 6), (32, 1, 6), (64, 2, 6), *((64, 1, 6),) * 3, *((96, 1, 6),) * 3, (160, 2, 6),
          (160, 1, 6), (160, 1, 6), (320, 1, 6))  # filters, stride, expansion  # fmt: skip
SIZES = (96, 128, 160, 192, 224)
ALPHAS = (0.35, 0.50, 0.75, 1.0, 1.3, 1.4)
NORMAL = {"epsilon": 1e-3, "momentum": 0.999}


def checked_tensor(frame: Frame) -> None:
    """Raises ValueError where an input tensor and a shape contradict each other."""
    tensor, shape = frame.input_tensor, frame.input_shape
    if tensor is None:
        return
    if not is_keras_tensor(tensor):
        raise ValueError(f"input_tensor is not a Keras tensor; Received `input_tensor={tensor}`")
    axis = 1 if frame.first else 2
    if shape is not None and tensor.shape[axis] != shape[1]:
        raise ValueError(f"input_tensor.shape[{axis}] must equal input_shape[1]; "
                         f"Received `input_tensor.shape={tensor.shape}`, `input_shape={shape}`")  # fmt: skip


def block(x: Any, filters: int, stride: int, expansion: int, alpha: float, number: int) -> Any:
    """Pointwise, depthwise, pointwise; with a shortcut where shapes allow it."""
    before, channels = x, x.shape[last_axis()]
    wanted = divisible(int(filters * alpha))
    prefix = f"block_{number}_" if number else "expanded_conv_"
    if number:
        x = convolved(x, expansion * channels, 1, f"{prefix}expand", padding="same", use_bias=False)
        x = relu6(x, f"{prefix}expand_BN", f"{prefix}expand_relu", **NORMAL)
    if stride == 2:
        x = layers.ZeroPadding2D(padding_for(x, 3), name=f"{prefix}pad")(x)
    x = layers.DepthwiseConv2D(3, strides=stride, use_bias=False, padding="same" if stride == 1 else "valid", name=f"{prefix}depthwise")(x)
    x = relu6(x, f"{prefix}depthwise_BN", f"{prefix}depthwise_relu", **NORMAL)
    x = convolved(x, wanted, 1, f"{prefix}project", padding="same", use_bias=False)
    x = normalized(x, f"{prefix}project_BN", last_axis(), **NORMAL)
    return layers.Add(name=f"{prefix}add")([before, x]) if channels == wanted and stride == 1 else x


def MobileNetV2(input_shape: Any = None, alpha: float = 1.0, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
                pooling: Any = None, classes: int = 1000, classifier_activation: Any = "softmax", name: str | None = None) -> Functional:  # fmt: skip
    """MobileNetV2.

    Args:
        input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation, name: as in
            `keras.applications.building.Frame`.
        alpha: a factor of all numbers of channels.
    """
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    checked_tensor(frame)
    wanted = sizes_of(frame)
    if input_shape is None and input_tensor is not None:
        wanted = tuple(input_tensor.shape[2:4] if frame.first else input_tensor.shape[1:3])
    x = frame.images(usual_size(*wanted, SIZES))
    if weights == "imagenet" and alpha not in ALPHAS:
        raise ValueError(f"If imagenet weights are being loaded, alpha must be one of {ALPHAS} only; Received `alpha={alpha}`")
    rows = rows_for_weights(frame, SIZES)
    x = convolved(x, divisible(32 * alpha), 3, "Conv1", strides=(2, 2), padding="same", use_bias=False)
    x = relu6(x, "bn_Conv1", "Conv1_relu", **NORMAL)
    for number, (filters, stride, expansion) in enumerate(BLOCKS):
        x = block(x, filters, stride, expansion, alpha, number)
    x = convolved(x, divisible(1280 * alpha) if alpha > 1 else 1280, 1, "Conv_1", use_bias=False)
    x = relu6(x, "Conv_1_bn", "out_relu", **NORMAL)
    stem = f"mobilenet_v2_weights_{CHECKS}_{float(alpha)}_{rows}"
    source = Pretrained(STORE + "mobilenet_v2/", (f"{stem}.h5", None), (f"{stem}_no_top.h5", None))
    return frame.model(frame.classified(x, pool=None), source, name or f"mobilenetv2_{alpha:0.2f}_{rows}")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between -1 and 1."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
