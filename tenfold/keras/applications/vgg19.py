"""VGG19 (Simonyan and Zisserman, 2014)."""

from __future__ import annotations

from typing import Any

from tenfold.keras.applications.building import Frame
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.applications.vgg16 import preprocess_input as preprocess_input
from tenfold.keras.applications.vgg16 import vgg
from tenfold.keras.models.model import Functional


def VGG19(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
          classes: int = 1000, classifier_activation: Any = "softmax", name: str = "vgg19") -> Functional:  # fmt: skip
    """VGG with 19 layers; the arguments are those of `keras.applications.building.Frame`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return vgg(frame, (2, 2, 4, 4, 4), "vgg19", ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"))
