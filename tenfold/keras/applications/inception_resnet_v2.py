"""Inception-ResNet, the second version (Szegedy et al., 2016): branches of convolutions that are added to their input."""

from __future__ import annotations

from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import Frame, activated, convolved, named, normalized
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import Layer
from tenfold.keras.models.model import Functional

HALVED: dict[str, Any] = {"strides": 2, "padding": "valid"}
# the branches of residual blocks: (filters, kernel) one after the other
BRANCHES: dict[str, Any] = {
    "block35": (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    "block17": (((192, 1),), ((128, 1), (160, [1, 7]), (192, [7, 1]))),
    "block8": (((192, 1),), ((192, 1), (224, [1, 3]), (256, [3, 1]))),
}


@register("keras.applications.inception_resnet_v2")
class CustomScaleLayer(Layer):
    """The first input plus the second times `scale`."""

    def __init__(self, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        return inputs[0] + inputs[1] * self.scale

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The first input's shape."""
        return input_shape[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale}


def unit(x: Any, filters: int, kernel: Any, strides: int = 1, padding: str = "same", name: str | None = None) -> Any:
    """A convolution, its normalization and ReLU."""
    x = convolved(x, filters, kernel, name, strides=strides, padding=padding, use_bias=False)
    return activated(normalized(x, name and f"{name}_bn", scale=False), name=name and f"{name}_ac")


def chain(x: Any, *steps: tuple[int, Any], **last: Any) -> Any:
    """Units one after the other; `last`: options of the last one."""
    for i, step in enumerate(steps, 1):
        x = unit(x, *step, **(last if i == len(steps) else {}))
    return x


def block(x: Any, kind: str, number: int, scale: float, axis: int, activation: str | None = "relu") -> Any:
    """Branches, joined, brought to x's channels and added to it."""
    name = f"{kind}_{number}"
    mixed = layers.Concatenate(axis=axis, name=f"{name}_mixed")([chain(x, *steps) for steps in BRANCHES[kind]])
    up = convolved(mixed, x.shape[axis], 1, f"{name}_conv", strides=1, padding="same", use_bias=True)
    x = CustomScaleLayer(scale)([x, up])
    return x if activation is None else activated(x, activation, f"{name}_ac")


def halved_pool(x: Any) -> Any:
    """The largest of 3x3 pixels, in steps of 2."""
    return layers.MaxPooling2D(3, strides=2)(x)


def InceptionResNetV2(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                      classes: int = 1000, classifier_activation: Any = "softmax", name: str = "inception_resnet_v2") -> Functional:  # fmt: skip
    """Inception-ResNet V2; the arguments are those of `keras.applications.building.Frame`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    x = unit(unit(unit(frame.images(299, 75), 32, 3, **HALVED), 32, 3, padding="valid"), 64, 3)
    x = halved_pool(x)
    x = halved_pool(unit(unit(x, 80, 1, padding="valid"), 192, 3, padding="valid"))

    def joined(branches: list[Any], number: str) -> Any:
        return layers.Concatenate(axis=frame.axis, name=f"mixed_{number}")(branches)

    branches = [unit(x, 96, 1), chain(x, (48, 1), (64, 5)), chain(x, (64, 1), (96, 3), (96, 3))]
    x = joined([*branches, unit(layers.AveragePooling2D(3, strides=1, padding="same")(x), 64, 1)], "5b")
    for i in range(1, 11):
        x = block(x, "block35", i, 0.17, frame.axis)
    x = joined([unit(x, 384, 3, **HALVED), chain(x, (256, 1), (256, 3), (384, 3), **HALVED), halved_pool(x)], "6a")
    for i in range(1, 21):
        x = block(x, "block17", i, 0.1, frame.axis)
    x = joined([chain(x, (256, 1), (384, 3), **HALVED), chain(x, (256, 1), (288, 3), **HALVED),
                chain(x, (256, 1), (288, 3), (320, 3), **HALVED), halved_pool(x)], "7a")  # fmt: skip
    for i in range(1, 10):
        x = block(x, "block8", i, 0.2, frame.axis)
    x = block(x, "block8", 10, 1.0, frame.axis, activation=None)
    x = frame.classified(unit(x, 1536, 1, name="conv_7b"))
    return frame.model(x, named("inception_resnet_v2", "inception_resnet_v2/", "e693bd0210a403b3192acc6073ad2e96",
                                "d19885ff4a710c122648d3b5c3b684e4"))  # fmt: skip


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between -1 and 1."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
