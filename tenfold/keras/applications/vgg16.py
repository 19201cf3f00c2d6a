"""VGG16 (Simonyan and Zisserman, 2014), and what VGG19 shares with it."""

from __future__ import annotations

from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import Frame, convolved, named
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional


def vgg(frame: Frame, counts: tuple[int, ...], weights_name: str, hashes: tuple[str, str]) -> Functional:
    """Five blocks with these numbers of 3x3 convolutions, then dense layers."""
    x = frame.images(224)
    for number, count in enumerate(counts, 1):
        for i in range(1, count + 1):
            filters = min(32 << number, 512)
            x = convolved(x, filters, (3, 3), f"block{number}_conv{i}", activation="relu", padding="same")
        x = layers.MaxPooling2D((2, 2), strides=(2, 2), name=f"block{number}_pool")(x)
    if not frame.include_top:
        return frame.model(frame.pooled(x), named(weights_name, f"{weights_name}/", *hashes))
    x = layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = layers.Dense(4096, activation="relu", name=name)(x)
    x = layers.Dense(frame.classes, activation=frame.checked_activation(), name="predictions")(x)
    return frame.model(x, named(weights_name, f"{weights_name}/", *hashes))


def VGG16(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
          classes: int = 1000, classifier_activation: Any = "softmax", name: str = "vgg16") -> Functional:  # fmt: skip
    """VGG with 16 layers; the arguments are those of `keras.applications.building.Frame`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return vgg(frame, (2, 2, 3, 3, 3), "vgg16", ("64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"))


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Blue, green and red, minus their means."""
    return imagenet_utils.preprocess_input(x, data_format, "caffe")
