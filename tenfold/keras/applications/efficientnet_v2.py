"""EfficientNetV2 (Tan and Le, 2021); images come with values between 0 and 255."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras import initializers, layers
from tenfold.keras.applications.building import NAMED_POOLS, STORE, Frame, Pretrained, normalized
from tenfold.keras.applications.efficientnet import DENSE, KERNEL, kernel, residual, swish, weighted
from tenfold.keras.applications.imagenet_utils import DEVIATION, MEAN
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional

# repeats, filters in and out, expansion, stride, whether the depthwise convolution is fused with the pointwise one before it
BASE = ((1, 32, 16, 1, 1, True), (2, 16, 32, 4, 2, True), (2, 32, 48, 4, 2, True), (3, 48, 96, 4, 2, False), (5, 96, 112, 6, 1, False),
        (8, 112, 192, 6, 2, False))  # fmt: skip
SMALL = ((2, 24, 24, 1, 1, True), (4, 24, 48, 4, 2, True), (4, 48, 64, 4, 2, True), (6, 64, 128, 4, 2, False), (9, 128, 160, 6, 1, False),
         (15, 160, 256, 6, 2, False))  # fmt: skip
MEDIUM = ((3, 24, 24, 1, 1, True), (5, 24, 48, 4, 2, True), (5, 48, 80, 4, 2, True), (7, 80, 160, 4, 2, False), (14, 160, 176, 6, 1, False),
          (18, 176, 304, 6, 2, False), (5, 304, 512, 6, 1, False))  # fmt: skip
LARGE = ((4, 32, 32, 1, 1, True), (7, 32, 64, 4, 2, True), (7, 64, 96, 4, 2, True), (10, 96, 192, 4, 2, False), (19, 192, 224, 6, 1, False),
         (25, 224, 384, 6, 2, False), (7, 384, 640, 6, 1, False))  # fmt: skip
# blocks, width, depth, size, hash with the top, hash without
VARIANTS = {
    "b0": (BASE, 1.0, 1.0, 224, "21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    "b1": (BASE, 1.0, 1.1, 240, "069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    "b2": (BASE, 1.1, 1.2, 260, "424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "b3": (BASE, 1.2, 1.4, 300, "1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    "s": (SMALL, 1.0, 1.0, 384, "e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    "m": (MEDIUM, 1.0, 1.0, 480, "a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    "l": (LARGE, 1.0, 1.0, 480, "27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
}
MOMENTUM = 0.9


def rounded(filters: float) -> int:
    """The nearest multiple of 8."""
    return max(8, int(filters + 4) // 8 * 8)


def separated(x: Any, channels: int, filters: int, expansion: int, stride: int, prefix: str, first: bool) -> Any:
    """Pointwise, depthwise, weights of channels, pointwise."""
    inner = channels * expansion
    if expansion != 1:
        x = swish(kernel(x, inner, 1, f"{prefix}expand_conv", strides=1), prefix, "expand_", momentum=MOMENTUM)
    x = layers.DepthwiseConv2D(3, strides=stride, depthwise_initializer=KERNEL, padding="same", use_bias=False, name=f"{prefix}dwconv2")(x)
    x = weighted(swish(x, prefix, momentum=MOMENTUM), inner, max(1, int(channels * 0.25)), prefix, first)
    return normalized(kernel(x, filters, 1, f"{prefix}project_conv", strides=1), f"{prefix}project_bn", momentum=MOMENTUM)


def fused(x: Any, channels: int, filters: int, expansion: int, stride: int, prefix: str) -> Any:
    """A 3x3 convolution and a pointwise one; without expansion one 3x3 convolution."""
    wide = expansion != 1
    if wide:
        x = swish(kernel(x, channels * expansion, 3, f"{prefix}expand_conv", strides=stride), prefix, "expand_", momentum=MOMENTUM)
    x = kernel(x, filters, 1 if wide else 3, f"{prefix}project_conv", strides=1 if wide else stride)
    return normalized(x, f"{prefix}project_bn", momentum=MOMENTUM) if wide else swish(x, prefix, "project_", momentum=MOMENTUM)


def _prepared(frame: Frame, x: Any, variant: str) -> Any:
    if variant.startswith("b") and frame.shape[frame.axis - 1] == 3:
        return layers.Normalization(mean=list(MEAN), variance=[d**2 for d in DEVIATION], axis=frame.axis)(layers.Rescaling(scale=1.0 / 255)(x))
    return layers.Rescaling(scale=1.0 / 128.0, offset=-1)(x)


def efficientnet_v2(frame: Frame, variant: str, include_preprocessing: bool) -> Functional:
    """The variant's model."""
    blocks, width, depth, size, top, no_top = VARIANTS[variant]
    x = frame.images(size)
    if include_preprocessing:
        x = _prepared(frame, x, variant)
    x = swish(kernel(x, rounded(blocks[0][1] * width), 3, "stem_conv", strides=2), "stem_", momentum=MOMENTUM)
    total, done = float(sum(b[0] for b in blocks)), 0
    for i, (repeats, channels, filters, expansion, stride, is_fused) in enumerate(blocks, 1):
        for j in range(math.ceil(depth * repeats)):
            prefix, step, before = f"block{i}{chr(97 + j)}_", 1 if j else stride, x
            entering, leaving = rounded((filters if j else channels) * width), rounded(filters * width)
            if is_fused:
                x = fused(x, entering, leaving, expansion, step, prefix)
            else:
                x = separated(x, entering, leaving, expansion, step, prefix, frame.first)
            if step == 1 and entering == leaving:
                x = residual(x, before, 0.2 * done / total, prefix)
            done += 1
    x = swish(kernel(x, rounded(1280 * width), 1, "top_conv", strides=1), "top_", momentum=MOMENTUM)
    x = frame.classified(x, pools=NAMED_POOLS, dropout=0.2, kernel_initializer=DENSE, bias_initializer=initializers.Constant(0.0))
    stem = f"efficientnetv2-{variant}"
    return frame.model(x, Pretrained(STORE + "efficientnet_v2/", (f"{stem}.h5", top), (f"{stem}_notop.h5", no_top)))


def EfficientNetV2B0(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                     classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "efficientnetv2-b0") -> Functional:  # fmt: skip
    """EfficientNetV2 of size B0; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return efficientnet_v2(frame, "b0", include_preprocessing)


def EfficientNetV2B1(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                     classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "efficientnetv2-b1") -> Functional:  # fmt: skip
    """EfficientNetV2 of size B1; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return efficientnet_v2(frame, "b1", include_preprocessing)


def EfficientNetV2B2(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                     classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "efficientnetv2-b2") -> Functional:  # fmt: skip
    """EfficientNetV2 of size B2; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return efficientnet_v2(frame, "b2", include_preprocessing)


def EfficientNetV2B3(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                     classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "efficientnetv2-b3") -> Functional:  # fmt: skip
    """EfficientNetV2 of size B3; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return efficientnet_v2(frame, "b3", include_preprocessing)


def EfficientNetV2S(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                     classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "efficientnetv2-s") -> Functional:  # fmt: skip
    """EfficientNetV2 of size S; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return efficientnet_v2(frame, "s", include_preprocessing)


def EfficientNetV2M(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                     classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "efficientnetv2-m") -> Functional:  # fmt: skip
    """EfficientNetV2 of size M; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return efficientnet_v2(frame, "m", include_preprocessing)


def EfficientNetV2L(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                     classes: int = 1000, classifier_activation: Any = "softmax", include_preprocessing: bool = True,
                     name: str = "efficientnetv2-l") -> Functional:  # fmt: skip
    """EfficientNetV2 of size L; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return efficientnet_v2(frame, "l", include_preprocessing)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """The images as they are: the model rescales them itself."""
    return x
