"""EfficientNet (Tan and Le, 2019), and blocks that its second version shares; images come with values between 0 and 255."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications.building import (
    NAMED_POOLS,
    Frame,
    Pretrained,
    activated,
    convolved,
    divisible,
    normalized,
    padding_for,
)
from tenfold.keras.applications.imagenet_utils import DEVIATION
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional

FOLDER = "https://storage.googleapis.com/keras-applications/"
KERNEL = {"class_name": "VarianceScaling", "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"}}
DENSE = {"class_name": "VarianceScaling", "config": {"scale": 1.0 / 3.0, "mode": "fan_out", "distribution": "uniform"}}
# kernel, repeats, filters in and out, expansion, stride
BLOCKS = ((3, 1, 32, 16, 1, 1), (3, 2, 16, 24, 6, 2), (5, 2, 24, 40, 6, 2), (3, 3, 40, 80, 6, 2), (5, 3, 80, 112, 6, 1), (5, 4, 112, 192, 6, 2),
          (3, 1, 192, 320, 6, 1))  # fmt: skip
# width, depth, size, dropout, hash with the top, hash without
VARIANTS = {
    "b0": (1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "b1": (1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "b2": (1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "b3": (1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "b4": (1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "b5": (1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "b6": (1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "b7": (2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
}


def swish(x: Any, prefix: str, convolution: str = "", bn: str | None = None, **options: Any) -> Any:
    """Batch normalization and swish, named after what they follow."""
    return activated(normalized(x, bn or f"{prefix}{convolution}bn", **options), "swish", f"{prefix}{convolution}activation")


def kernel(x: Any, filters: int, size: int, name: str, **options: Any) -> Any:
    """A convolution without bias."""
    return convolved(x, filters, size, name, use_bias=False, kernel_initializer=KERNEL, **{"padding": "same", **options})


def weighted(x: Any, filters: int, inner: int, prefix: str, first: bool) -> Any:
    """Each channel times a number that all channels' means decide."""
    y = layers.GlobalAveragePooling2D(name=f"{prefix}se_squeeze")(x)
    y = layers.Reshape((filters, 1, 1) if first else (1, 1, filters), name=f"{prefix}se_reshape")(y)
    y = convolved(y, inner, 1, f"{prefix}se_reduce", padding="same", activation="swish", kernel_initializer=KERNEL)
    y = convolved(y, filters, 1, f"{prefix}se_expand", padding="same", activation="sigmoid", kernel_initializer=KERNEL)
    return layers.multiply([x, y], name=f"{prefix}se_excite")


def residual(x: Any, before: Any, drop: float, prefix: str) -> Any:
    """x, in training sometimes dropped, added to what was before."""
    if drop > 0:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{prefix}drop")(x)
    return layers.add([x, before], name=f"{prefix}add")


def block(x: Any, size: int, channels: int, filters: int, expansion: int, stride: int, drop: float, prefix: str, first: bool) -> Any:
    """Pointwise, depthwise, weights of channels, pointwise; with a shortcut where shapes allow it."""
    before, inner = x, channels * expansion
    if expansion != 1:
        x = swish(kernel(x, inner, 1, f"{prefix}expand_conv"), prefix, "expand_")
    if stride == 2:
        x = layers.ZeroPadding2D(padding_for(x, size), name=f"{prefix}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(size, strides=stride, padding="valid" if stride == 2 else "same", use_bias=False, depthwise_initializer=KERNEL,
                               name=f"{prefix}dwconv")(x)  # fmt: skip
    x = weighted(swish(x, prefix), inner, max(1, int(channels * 0.25)), prefix, first)
    x = normalized(kernel(x, filters, 1, f"{prefix}project_conv"), f"{prefix}project_bn")
    return residual(x, before, drop, prefix) if stride == 1 and channels == filters else x


def efficientnet(frame: Frame, variant: str) -> Functional:
    """The variant's model."""
    width, depth, size, dropout, top, no_top = VARIANTS[variant]
    x = layers.Normalization(axis=frame.axis)(layers.Rescaling(1.0 / 255.0)(frame.images(size)))
    if frame.weights == "imagenet":  # the weights were trained on values divided by the deviation's square root once more
        x = layers.Rescaling([1.0 / math.sqrt(deviation) for deviation in DEVIATION])(x)
    x = layers.ZeroPadding2D(padding_for(x, 3), name="stem_conv_pad")(x)
    x = swish(kernel(x, divisible(32 * width), 3, "stem_conv", strides=2, padding="valid"), "stem_")
    repeats = [math.ceil(depth * b[1]) for b in BLOCKS]
    done = 0
    for i, ((kernel_size, _, channels, filters, expansion, stride), count) in enumerate(zip(BLOCKS, repeats, strict=True), 1):
        for j in range(count):
            entering = divisible((filters if j else channels) * width)
            x = block(x, kernel_size, entering, divisible(filters * width), expansion, 1 if j else stride, 0.2 * done / sum(repeats),
                      f"block{i}{chr(97 + j)}_", frame.first)  # fmt: skip
            done += 1
    x = swish(kernel(x, divisible(1280 * width), 1, "top_conv"), "top_")
    x = frame.classified(x, pools=NAMED_POOLS, dropout=dropout, kernel_initializer=DENSE)
    stem = f"efficientnet{variant}"
    return frame.model(x, Pretrained(FOLDER, (f"{stem}.h5", top), (f"{stem}_notop.h5", no_top)))


def EfficientNetB0(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb0") -> Functional:  # fmt: skip
    """EfficientNet of size B0; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b0")


def EfficientNetB1(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb1") -> Functional:  # fmt: skip
    """EfficientNet of size B1; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b1")


def EfficientNetB2(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb2") -> Functional:  # fmt: skip
    """EfficientNet of size B2; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b2")


def EfficientNetB3(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb3") -> Functional:  # fmt: skip
    """EfficientNet of size B3; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b3")


def EfficientNetB4(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb4") -> Functional:  # fmt: skip
    """EfficientNet of size B4; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b4")


def EfficientNetB5(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb5") -> Functional:  # fmt: skip
    """EfficientNet of size B5; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b5")


def EfficientNetB6(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb6") -> Functional:  # fmt: skip
    """EfficientNet of size B6; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b6")


def EfficientNetB7(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                   classes: int = 1000, classifier_activation: Any = "softmax", name: str = "efficientnetb7") -> Functional:  # fmt: skip
    """EfficientNet of size B7; the arguments are those of `keras.applications.building.Frame`."""
    return efficientnet(Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name), "b7")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """The images as they are: the model rescales them itself."""
    return x
