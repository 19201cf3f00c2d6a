"""What the models share: images in, a classifier at the top, weights from a file."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from tenfold.keras import activations, layers
from tenfold.keras.applications.imagenet_utils import obtain_input_shape
from tenfold.keras.base import defaults
from tenfold.keras.models.input_layer import Input
from tenfold.keras.models.model import Functional
from tenfold.keras.utils.downloads import get_file
from tenfold.keras.utils.symbolic_sources import get_source_inputs, is_keras_tensor

STORE = "https://storage.googleapis.com/tensorflow/keras-applications/"
CHECKS = "tf_dim_ordering_tf_kernels"  # a part of many files' names


class Pretrained(NamedTuple):
    """Where the weights are: the folder's address, then (file, hash) with the top and without."""

    folder: str
    top: tuple[str, str | None]
    no_top: tuple[str, str | None]


def named(model: str, folder: str, top: str, no_top: str) -> Pretrained:
    """Files named as most are."""
    return Pretrained(STORE + folder, (f"{model}_weights_{CHECKS}.h5", top), (f"{model}_weights_{CHECKS}_notop.h5", no_top))


class Frame:
    """The arguments that all models take, checked, and what they mean.

    Args:
        include_top: whether the model ends with its classifier.
        weights: "imagenet", a file's path, or None for random ones.
        input_tensor: a KerasTensor to start from instead of a new input.
        input_shape: of the images, without the batch.
        pooling: how features are pooled without the top: "avg", "max" or None.
        classes: how many classes.
        classifier_activation: what the classifier ends with: "softmax", or None for logits.
        name: the model's name.
    """

    def __init__(self, include_top: bool, weights: Any, input_tensor: Any, input_shape: Any, pooling: Any, classes: int, classifier_activation: Any,
                 name: str | None) -> None:  # fmt: skip
        if weights not in ("imagenet", None) and not os.path.exists(weights):
            raise ValueError("The `weights` argument should be either `None` (random initialization), 'imagenet' (pre-training on ImageNet), or the "
                             f"path to the weights file to be loaded. Received: weights={weights}")  # fmt: skip
        if weights == "imagenet" and include_top and classes != 1000:
            raise ValueError("If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000. "
                             f"Received classes={classes}")  # fmt: skip
        self.include_top, self.weights, self.input_tensor, self.input_shape = include_top, weights, input_tensor, input_shape
        self.pooling, self.classes, self.classifier_activation, self.name = pooling, classes, classifier_activation, name
        self.first = defaults.image_data_format() == "channels_first"
        self.axis = 1 if self.first else 3

    def channels_last_only(self, model: str) -> None:
        """Raises ValueError where channels come first."""
        if self.first:
            raise ValueError(f"{model} does not support the `channels_first` image data format. "
                             "Try keras.config.set_image_data_format('channels_last').")  # fmt: skip

    def images(self, default_size: int, min_size: int = 32) -> Any:
        """The images to start from."""
        return self.start(obtain_input_shape(self.input_shape, default_size, min_size, defaults.image_data_format(), self.include_top,
                                             weights=self.weights))  # fmt: skip

    def start(self, shape: Any) -> Any:
        """Images of this shape, or the given tensor."""
        self.shape = shape
        self._start = self.input_tensor if is_keras_tensor(self.input_tensor) else Input(shape, tensor=self.input_tensor)
        return self._start

    @property
    def sizes(self) -> tuple[Any, Any]:
        """Height and width."""
        return tuple(self.shape[1:] if self.first else self.shape[:2])

    def checked_activation(self) -> Any:
        """The classifier's activation."""
        if self.weights is not None and activations.get(self.classifier_activation) not in (activations.get("softmax"), activations.get(None)):
            raise ValueError("Only `None` and `softmax` activations are allowed for the `classifier_activation` argument when using pretrained "
                             f"weights, with `include_top=True`; Received: classifier_activation={self.classifier_activation}")  # fmt: skip
        return self.classifier_activation

    def pooled(self, x: Any, names: tuple[str | None, str | None] = (None, None)) -> Any:
        """The features as the argument `pooling` says."""
        if self.pooling == "avg":
            return layers.GlobalAveragePooling2D(name=names[0])(x)
        return layers.GlobalMaxPooling2D(name=names[1])(x) if self.pooling == "max" else x

    def classified(self, x: Any, pool: str | None = "avg_pool", pools: tuple[str | None, str | None] = (None, None), dropout: float = 0.0,
                   **options: Any) -> Any:  # fmt: skip
        """The mean over all places and a dense classifier, or pooled features.

        Args:
            x: the last features.
            pool: the mean's name.
            pools: the names of what pools without the top.
            dropout: between mean and classifier.
            options: of the classifier.
        """
        if not self.include_top:
            return self.pooled(x, pools)
        x = layers.GlobalAveragePooling2D(name=pool)(x)
        if dropout > 0:
            x = layers.Dropout(dropout, name="top_dropout")(x)
        return layers.Dense(self.classes, activation=self.checked_activation(), name="predictions", **options)(x)

    def model(self, x: Any, source: Pretrained | None, name: str | None = None) -> Functional:
        """The model, with its weights."""
        inputs = self._start if self.input_tensor is None else get_source_inputs(self.input_tensor)
        model = Functional(inputs, x, name=name or self.name)
        if self.weights == "imagenet":
            if source is None:
                raise ValueError(f"There are no weights trained on ImageNet for {model.name}. Try weights=None.")
            file, digest = source.top if self.include_top else source.no_top
            model.load_weights(get_file(file, source.folder + file, cache_subdir="models", file_hash=digest))
        elif self.weights is not None:
            model.load_weights(self.weights)
        return model


NAMED_POOLS = ("avg_pool", "max_pool")


def convolved(x: Any, filters: int, size: Any = 1, name: str | None = None, **options: Any) -> Any:
    """A convolution."""
    return layers.Conv2D(filters, size, name=name, **options)(x)


def normalized(x: Any, name: str | None = None, axis: int | None = None, **options: Any) -> Any:
    """Batch normalization along the channels."""
    found = (1 if defaults.image_data_format() == "channels_first" else 3) if axis is None else axis
    return layers.BatchNormalization(axis=found, name=name, **options)(x)


def activated(x: Any, activation: Any = "relu", name: str | None = None) -> Any:
    """An activation."""
    return layers.Activation(activation, name=name)(x)


def padding_for(x: Any, size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The margins that make a convolution of stride 2 and without padding cover all pixels."""
    sizes = x.shape[2:4] if defaults.image_data_format() == "channels_first" else x.shape[1:3]
    half = size // 2
    short = (1, 1) if sizes[0] is None else tuple(1 - n % 2 for n in sizes)
    return (half - short[0], half), (half - short[1], half)


def divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` that is nearest, and no more than a tenth less."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def last_axis() -> int:
    """The channels' axis, counted as some models do."""
    return 1 if defaults.image_data_format() == "channels_first" else -1
