"""DenseNet (Huang et al., 2016): each block reads what all blocks before it made."""

from __future__ import annotations

from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import NAMED_POOLS, Frame, convolved, named
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.applications.resnet import normalized_relu
from tenfold.keras.models.model import Functional

GROWTH = 32
HASHES = {
    "densenet121": ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}


def block(x: Any, name: str, axis: int) -> Any:
    """x, and beside it 32 channels more."""
    y = convolved(normalized_relu(x, f"{name}_0"), 4 * GROWTH, 1, f"{name}_1_conv", use_bias=False)
    y = convolved(normalized_relu(y, f"{name}_1"), GROWTH, 3, f"{name}_2_conv", padding="same", use_bias=False)
    return layers.Concatenate(axis=axis, name=f"{name}_concat")([x, y])


def transition(x: Any, name: str, axis: int) -> Any:
    """Half the channels, height and width."""
    x = convolved(normalized_relu(x, name), int(x.shape[axis] * 0.5), 1, f"{name}_conv", use_bias=False)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def densenet(frame: Frame, counts: tuple[int, ...], weights_name: str) -> Functional:
    """Four stacks with these numbers of blocks."""
    x = layers.ZeroPadding2D(((3, 3), (3, 3)))(frame.images(224))
    x = normalized_relu(convolved(x, 64, 7, "conv1_conv", strides=2, use_bias=False), "conv1")
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(layers.ZeroPadding2D(((1, 1), (1, 1)))(x))
    for number, count in enumerate(counts, 2):
        for i in range(1, count + 1):
            x = block(x, f"conv{number}_block{i}", frame.axis)
        if number < 5:
            x = transition(x, f"pool{number}", frame.axis)
    x = layers.BatchNormalization(axis=frame.axis, epsilon=1.001e-5, name="bn")(x)
    x = layers.Activation("relu", name="relu")(x)
    return frame.model(frame.classified(x, pools=NAMED_POOLS), named(weights_name, "densenet/", *HASHES[weights_name]))


def DenseNet121(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                classes: int = 1000, classifier_activation: Any = "softmax", name: str = "densenet121") -> Functional:  # fmt: skip
    """DenseNet with 121 layers; the arguments are those of `keras.applications.building.Frame`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return densenet(frame, (6, 12, 24, 16), "densenet121")


def DenseNet169(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                classes: int = 1000, classifier_activation: Any = "softmax", name: str = "densenet169") -> Functional:  # fmt: skip
    """DenseNet with 169 layers."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return densenet(frame, (6, 12, 32, 32), "densenet169")


def DenseNet201(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                classes: int = 1000, classifier_activation: Any = "softmax", name: str = "densenet201") -> Functional:  # fmt: skip
    """DenseNet with 201 layers."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return densenet(frame, (6, 12, 48, 32), "densenet201")


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between 0 and 1 minus ImageNet's means, divided by its deviations."""
    return imagenet_utils.preprocess_input(x, data_format, "torch")
