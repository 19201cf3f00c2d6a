"""ResNet's second version (He et al., 2016): normalization before each convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import Frame, convolved
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.applications.resnet import normalized_relu, resnet
from tenfold.keras.models.model import Functional


def block(x: Any, filters: int, name: str, stride: int = 1, widening: bool = False) -> Any:
    """Normalization, convolutions 1x1, 3x3 and 1x1, beside a shortcut."""
    start = normalized_relu(x, f"{name}_preact")
    if widening:
        shortcut = convolved(start, 4 * filters, 1, f"{name}_0_conv", strides=stride)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    x = normalized_relu(convolved(start, filters, 1, f"{name}_1_conv", strides=1, use_bias=False), f"{name}_1")
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name=f"{name}_2_pad")(x)
    x = normalized_relu(convolved(x, filters, 3, f"{name}_2_conv", strides=stride, use_bias=False), f"{name}_2")
    return layers.Add(name=f"{name}_out")([shortcut, convolved(x, 4 * filters, 1, f"{name}_3_conv")])


def stacks_of(*counts: int) -> Callable[[Any], Any]:
    """Four stacks with these numbers of blocks; the last block of each but the last halves the size."""

    def stacks(x: Any) -> Any:
        for number, count in enumerate(counts):
            for i in range(count):
                stride = 2 if i == count - 1 and number < 3 else 1
                x = block(x, 64 << number, f"conv{number + 2}_block{i + 1}", stride, widening=i == 0)
        return x

    return stacks


def ResNet50V2(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
               classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet50v2") -> Functional:  # fmt: skip
    """ResNet's second version with 50 layers."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return resnet(frame, stacks_of(3, 4, 6, 3), True, "resnet50v2")


def ResNet101V2(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet101v2") -> Functional:  # fmt: skip
    """ResNet's second version with 101 layers."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return resnet(frame, stacks_of(3, 4, 23, 3), True, "resnet101v2")


def ResNet152V2(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet152v2") -> Functional:  # fmt: skip
    """ResNet's second version with 152 layers."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return resnet(frame, stacks_of(3, 8, 36, 3), True, "resnet152v2")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between -1 and 1."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
