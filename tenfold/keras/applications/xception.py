"""Xception (Chollet, 2016): separable convolutions with shortcuts."""

from __future__ import annotations

from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import Frame, activated, convolved, last_axis, named, normalized
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional


def separable(x: Any, filters: int, name: str) -> Any:
    """A separable convolution and its normalization."""
    x = layers.SeparableConv2D(filters, (3, 3), padding="same", use_bias=False, name=name)(x)
    return normalized(x, f"{name}_bn", last_axis())


def narrowing(x: Any, filters: tuple[int, int], number: int, first: bool = False) -> Any:
    """Two separable convolutions and a pool, beside a convolution of stride 2."""
    beside = normalized(convolved(x, filters[1], (1, 1), strides=(2, 2), padding="same", use_bias=False), axis=last_axis())
    for i, n in enumerate(filters, 1):
        x = x if first and i == 1 else activated(x, name=f"block{number}_sepconv{i}_act")
        x = separable(x, n, f"block{number}_sepconv{i}")
    x = layers.MaxPooling2D((3, 3), strides=(2, 2), padding="same", name=f"block{number}_pool")(x)
    return layers.add([x, beside])


def Xception(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
             classes: int = 1000, classifier_activation: Any = "softmax", name: str = "xception") -> Functional:  # fmt: skip
    """Xception; the arguments are those of `keras.applications.building.Frame`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    x = frame.images(299, 71)
    for i, (filters, options) in enumerate(((32, {"strides": (2, 2)}), (64, {})), 1):
        x = normalized(convolved(x, filters, (3, 3), f"block1_conv{i}", use_bias=False, **options), f"block1_conv{i}_bn", last_axis())
        x = activated(x, name=f"block1_conv{i}_act")
    for number, filters_ in ((2, (128, 128)), (3, (256, 256)), (4, (728, 728))):
        x = narrowing(x, filters_, number, first=number == 2)
    for number in range(5, 13):
        before = x
        for i in (1, 2, 3):
            x = separable(activated(x, name=f"block{number}_sepconv{i}_act"), 728, f"block{number}_sepconv{i}")
        x = layers.add([x, before])
    x = narrowing(x, (728, 1024), 13)
    for i, filters in enumerate((1536, 2048), 1):
        x = activated(separable(x, filters, f"block14_sepconv{i}"), name=f"block14_sepconv{i}_act")
    source = named("xception", "xception/", "0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")
    return frame.model(frame.classified(x), source)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between -1 and 1."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
