"""MobileNetV3 (Howard et al., 2019), small and large; images come with values between 0 and 255."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications.building import (
    NAMED_POOLS,
    STORE,
    Frame,
    Pretrained,
    activated,
    convolved,
    divisible,
    last_axis,
    normalized,
    padding_for,
)
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.applications.mobilenet_v2 import NORMAL, checked_tensor
from tenfold.keras.models.model import Functional

Activation = Callable[[Any], Any]
# expansion, filters, kernel (0: the model's), stride, whether channels are weighted, whether ReLU is used instead of the model's activation
SMALL = ((1, 16, 3, 2, True, True), (72 / 16, 24, 3, 2, False, True), (88 / 24, 24, 3, 1, False, True), (4, 40, 0, 2, True, False),
         *((6, 40, 0, 1, True, False),) * 2, *((3, 48, 0, 1, True, False),) * 2, (6, 96, 0, 2, True, False),
         *((6, 96, 0, 1, True, False),) * 2)  # fmt: skip
LARGE = ((1, 16, 3, 1, False, True), (4, 24, 3, 2, False, True), (3, 24, 3, 1, False, True), (3, 40, 0, 2, True, True),
         *((3, 40, 0, 1, True, True),) * 2, (6, 80, 3, 2, False, False), (2.5, 80, 3, 1, False, False), *((2.3, 80, 3, 1, False, False),) * 2,
         *((6, 112, 3, 1, True, False),) * 2, (6, 160, 0, 2, True, False), *((6, 160, 0, 1, True, False),) * 2)  # fmt: skip
HASHES = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}


def relu(x: Any) -> Any:
    """ReLU."""
    return layers.ReLU()(x)


def hard_swish(x: Any) -> Any:
    """x * hard_sigmoid(x)."""
    return layers.Activation("hard_swish")(x)


def weighted(x: Any, filters: int, prefix: str) -> Any:
    """Each channel times a number that all channels' means decide."""
    prefix = f"{prefix}squeeze_excite_"
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{prefix}avg_pool")(x)
    y = layers.ReLU(name=f"{prefix}relu")(convolved(y, divisible(filters * 0.25), 1, f"{prefix}conv", padding="same"))
    y = convolved(y, filters, 1, f"{prefix}conv_1", padding="same")
    y = layers.ReLU(6.0)(y + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{prefix}mul")([x, y])


def block(x: Any, expansion: float, filters: int, kernel: int, stride: int, squeezed: bool, activation: Activation, number: int) -> Any:
    """Pointwise, depthwise, weights of channels, pointwise; with a shortcut where shapes allow it."""
    before, channels = x, x.shape[last_axis()]
    prefix, inner = f"expanded_conv_{number}_" if number else "expanded_conv_", divisible(channels * expansion)
    if number:
        x = convolved(x, inner, 1, f"{prefix}expand", padding="same", use_bias=False)
        x = activation(normalized(x, f"{prefix}expand_bn", last_axis(), **NORMAL))
    if stride == 2:
        x = layers.ZeroPadding2D(padding_for(x, kernel), name=f"{prefix}depthwise_pad")(x)
    x = layers.DepthwiseConv2D(kernel, strides=stride, padding="same" if stride == 1 else "valid", use_bias=False, name=f"{prefix}depthwise")(x)
    x = activation(normalized(x, f"{prefix}depthwise_bn", last_axis(), **NORMAL))
    if squeezed:
        x = weighted(x, inner, prefix)
    x = convolved(x, filters, 1, f"{prefix}project", padding="same", use_bias=False)
    x = normalized(x, f"{prefix}project_bn", last_axis(), **NORMAL)
    return layers.Add(name=f"{prefix}add")([before, x]) if stride == 1 and channels == filters else x


def _shape(frame: Frame) -> Any:
    """The images' shape: any size where nothing is said."""
    if frame.input_shape is not None:
        return tuple(frame.input_shape)
    rows, columns = (None, None) if frame.input_tensor is None else tuple(frame.input_tensor.shape[2:4] if frame.first
                                                                          else frame.input_tensor.shape[1:3])  # fmt: skip
    return (3, columns, rows) if frame.first else (columns, rows, 3)


def mobilenet_v3(frame: Frame, blocks: Any, last: int, kind: str, alpha: float, minimalistic: bool, dropout_rate: float,
                 include_preprocessing: bool) -> Functional:  # fmt: skip
    """MobileNetV3 of the given blocks."""
    checked_tensor(frame)
    frame.shape = _shape(frame)
    rows, columns = frame.sizes
    if rows and columns and min(rows, columns) < 32:
        raise ValueError(f"Input size must be at least 32x32; Received `input_shape={frame.shape}`")
    if frame.weights == "imagenet":
        if alpha not in ((1.0,) if minimalistic else (0.75, 1.0)):
            raise ValueError("If imagenet weights are being loaded, alpha can be one of `0.75`, `1.0` for non minimalistic or `1.0` for minimalistic "
                             f"only. Received alpha={alpha}")  # fmt: skip
        if rows != columns or rows != 224:
            warnings.warn("`input_shape` is undefined or non-square, or `rows` is not 224. "
                          "Weights for input shape (224, 224) will be loaded as the default.", stacklevel=3)  # fmt: skip
    activation = relu if minimalistic else hard_swish
    x = frame.start(frame.shape)
    if include_preprocessing:
        x = layers.Rescaling(scale=1.0 / 127.5, offset=-1.0)(x)
    x = convolved(x, 16, 3, "conv", strides=(2, 2), padding="same", use_bias=False)
    x = activation(normalized(x, "conv_bn", last_axis(), **NORMAL))
    for number, (expansion, filters, kernel, stride, squeezed, plain) in enumerate(blocks):
        own = kernel or (3 if minimalistic else 5)
        x = block(x, expansion, divisible(filters * alpha), own, stride, squeezed and not minimalistic, relu if plain else activation, number)
    x = convolved(x, divisible(x.shape[last_axis()] * 6), 1, "conv_1", padding="same", use_bias=False)
    x = activation(normalized(x, "conv_1_bn", last_axis(), **NORMAL))
    if frame.include_top:
        x = _top(frame, x, activation, divisible(last * alpha) if alpha > 1 else last, dropout_rate)
    else:
        x = frame.pooled(x, NAMED_POOLS)
    return frame.model(x, _source(f"{kind}{'_minimalistic' if minimalistic else ''}_224_{alpha}_float"))


def _top(frame: Frame, x: Any, activation: Activation, filters: int, dropout_rate: float) -> Any:
    x = layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = activation(convolved(x, filters, 1, "conv_2", padding="same", use_bias=True))
    if dropout_rate > 0:
        x = layers.Dropout(dropout_rate)(x)
    x = layers.Flatten()(convolved(x, frame.classes, 1, "logits", padding="same"))
    return activated(x, frame.checked_activation(), "predictions")


def _source(model: str) -> Pretrained | None:
    if model not in HASHES:
        return None
    top, no_top = HASHES[model]
    stem = f"weights_mobilenet_v3_{model}"
    return Pretrained(STORE + "mobilenet_v3/", (f"{stem}.h5", top), (f"{stem}_no_top_v2.h5", no_top))


def MobileNetV3Small(input_shape: Any = None, alpha: float = 1.0, minimalistic: bool = False, include_top: bool = True, weights: Any = "imagenet",
                     input_tensor: Any = None, classes: int = 1000, pooling: Any = None, dropout_rate: float = 0.2,
                     classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "MobileNetV3Small") -> Functional:  # fmt: skip
    """The small MobileNetV3.

    Args:
        input_shape, include_top, weights, input_tensor, classes, pooling, classifier_activation, name: as in
            `keras.applications.building.Frame`.
        alpha: a factor of all numbers of channels.
        minimalistic: whether to do without weights of channels, hard swish and 5x5 convolutions.
        dropout_rate: before the classifier.
        include_preprocessing: whether images come with values between 0 and 255.
    """
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return mobilenet_v3(frame, SMALL, 1024, "small", alpha, minimalistic, dropout_rate, include_preprocessing)


def MobileNetV3Large(input_shape: Any = None, alpha: float = 1.0, minimalistic: bool = False, include_top: bool = True, weights: Any = "imagenet",
                     input_tensor: Any = None, classes: int = 1000, pooling: Any = None, dropout_rate: float = 0.2,
                     classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "MobileNetV3Large") -> Functional:  # fmt: skip
    """The large MobileNetV3; the arguments are those of `MobileNetV3Small`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return mobilenet_v3(frame, LARGE, 1280, "large", alpha, minimalistic, dropout_rate, include_preprocessing)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """The images as they are: the model rescales them itself."""
    return x
