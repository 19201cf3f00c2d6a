"""ResNet (He et al., 2015), and what its second version shares with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import NAMED_POOLS, Frame, activated, convolved, named, normalized
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional

HASHES = {
    "resnet50": ("2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ("100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
    "resnet50v2": ("3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ("6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ("a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}
EPSILON = 1.001e-5


def normalized_relu(x: Any, name: str, relu: str | None = None) -> Any:
    """Batch normalization and ReLU, named NAME_bn and NAME_relu."""
    return activated(normalized(x, f"{name}_bn", epsilon=EPSILON), name=relu or f"{name}_relu")


def resnet(frame: Frame, stacks: Callable[[Any], Any], preact: bool, weights_name: str) -> Functional:
    """A ResNet.

    Args:
        frame: the model's arguments.
        stacks: the stacks of blocks, a function of the stem.
        preact: whether blocks begin with normalization, as in the second version.
        weights_name: of the files with weights.
    """
    x = layers.ZeroPadding2D(((3, 3), (3, 3)), name="conv1_pad")(frame.images(224))
    x = convolved(x, 64, 7, "conv1_conv", strides=2)
    if not preact:
        x = normalized_relu(x, "conv1")
    x = layers.ZeroPadding2D(((1, 1), (1, 1)), name="pool1_pad")(x)
    x = stacks(layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x))
    if preact:
        x = normalized_relu(x, "post")
    return frame.model(frame.classified(x, pools=NAMED_POOLS), named(weights_name, "resnet/", *HASHES[weights_name]))


def block(x: Any, filters: int, name: str, stride: int = 1, widening: bool = False) -> Any:
    """Convolutions 1x1, 3x3 and 1x1 beside a shortcut."""
    shortcut = x
    if widening:
        shortcut = normalized(convolved(x, 4 * filters, 1, f"{name}_0_conv", strides=stride), f"{name}_0_bn", epsilon=EPSILON)
    x = normalized_relu(convolved(x, filters, 1, f"{name}_1_conv", strides=stride), f"{name}_1")
    x = normalized_relu(convolved(x, filters, 3, f"{name}_2_conv", padding="same"), f"{name}_2")
    x = normalized(convolved(x, 4 * filters, 1, f"{name}_3_conv"), f"{name}_3_bn", epsilon=EPSILON)
    return activated(layers.Add(name=f"{name}_add")([shortcut, x]), name=f"{name}_out")


def stacks_of(*counts: int) -> Callable[[Any], Any]:
    """Four stacks with these numbers of blocks."""

    def stacks(x: Any) -> Any:
        for number, count in enumerate(counts):
            for i in range(count):
                stride = 2 if i == 0 and number > 0 else 1
                x = block(x, 64 << number, f"conv{number + 2}_block{i + 1}", stride, widening=i == 0)
        return x

    return stacks


def ResNet50(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
             classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet50") -> Functional:  # fmt: skip
    """ResNet with 50 layers; the arguments are those of `keras.applications.building.Frame`.

    Example:
        >>> ResNet50(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
        (None, 1, 1, 2048)
    """
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return resnet(frame, stacks_of(3, 4, 6, 3), False, "resnet50")


def ResNet101(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
              classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet101") -> Functional:  # fmt: skip
    """ResNet with 101 layers."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return resnet(frame, stacks_of(3, 4, 23, 3), False, "resnet101")


def ResNet152(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
              classes: int = 1000, classifier_activation: Any = "softmax", name: str = "resnet152") -> Functional:  # fmt: skip
    """ResNet with 152 layers."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return resnet(frame, stacks_of(3, 8, 36, 3), False, "resnet152")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Blue, green and red, minus their means."""
    return imagenet_utils.preprocess_input(x, data_format, "caffe")
