"""ConvNeXt (Liu et al., 2022); images come with values between 0 and 255."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras import initializers, layers, ops, random
from tenfold.keras.applications.building import STORE, Frame, Pretrained, convolved
from tenfold.keras.applications.imagenet_utils import DEVIATION, MEAN
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import Layer
from tenfold.keras.models import Sequential
from tenfold.keras.models.model import Functional

MODULE = "keras.applications.convnext"
# blocks of each stage, channels of each stage
SIZES = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
    "xlarge": ((3, 3, 27, 3), (256, 512, 1024, 2048)),
}
HASHES = {
    "tiny": (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "small": (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "base": (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "large": (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "xlarge": (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}


@register(MODULE)
class StochasticDepth(Layer):
    """In training drops whole rows with probability `drop_path_rate`, and divides the others by what is left."""

    _stateless = True

    def __init__(self, drop_path_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop_path_rate = drop_path_rate
        self.seed_generator = random.SeedGenerator()

    def call(self, x: Any, training: Any = None) -> Any:
        return random.dropout(x, self.drop_path_rate, (None, *[1] * (x.ndim - 1)), self.seed_generator) if training else x

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "drop_path_rate": self.drop_path_rate}


@register(MODULE)
class LayerScale(Layer):
    """The input times a weight for each channel, which starts small."""

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape: Any) -> None:
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=initializers.Constant(self.init_values))

    def call(self, x: Any) -> Any:
        return x * self.gamma

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "init_values": self.init_values, "projection_dim": self.projection_dim}


def normalized(name: str | None = None) -> Any:
    """A layer normalization."""
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def block(x: Any, channels: int, drop: float, name: str) -> Any:
    """A wide depthwise convolution and two dense layers, added to the input."""
    y = normalized(f"{name}_layernorm")(convolved(x, channels, 7, f"{name}_depthwise_conv", padding="same", groups=channels))
    y = layers.Activation("gelu", name=f"{name}_gelu")(layers.Dense(4 * channels, name=f"{name}_pointwise_conv_1")(y))
    y = layers.Dense(channels, name=f"{name}_pointwise_conv_2")(y)
    y = LayerScale(1e-6, channels, name=f"{name}_layer_scale")(y)
    last = StochasticDepth(drop, name=f"{name}_stochastic_depth") if drop else layers.Activation("linear", name=f"{name}_identity")
    return ops.add(x, last(y))


def _downsampling(channels: tuple[int, ...], name: str) -> list[Any]:
    stem = Sequential([layers.Conv2D(channels[0], 4, strides=4, name=f"{name}_stem_conv"), normalized(f"{name}_stem_layernorm")], name=f"{name}_stem")
    return [stem, *(Sequential([normalized(f"{name}_downsampling_layernorm_{i}"),
                                layers.Conv2D(channels[i + 1], 2, strides=2, name=f"{name}_downsampling_conv_{i}")],
                               name=f"{name}_downsampling_block_{i}") for i in range(3))]  # fmt: skip


def convnext(frame: Frame, size: str, include_preprocessing: bool) -> Functional:
    """The model of one size."""
    frame.channels_last_only("ConvNeXt")
    counts, channels = SIZES[size]
    name = str(frame.name)
    x = frame.images(224)
    if include_preprocessing and frame.shape[-1] == 3:
        mean, variance = [m * 255 for m in MEAN], [(d * 255) ** 2 for d in DEVIATION]
        x = layers.Normalization(mean=mean, variance=variance, name=f"{name}_prestem_normalization")(x)
    drops = iter(np.linspace(0.0, 0.0, sum(counts)).tolist())
    for i, (count, narrowing) in enumerate(zip(counts, _downsampling(channels, name), strict=True)):
        x = narrowing(x)
        for j in range(count):
            x = block(x, channels[i], next(drops), f"{name}_stage_{i}_block_{j}")
    if frame.include_top:
        x = normalized(f"{name}_head_layernorm")(layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x))
        x = layers.Dense(frame.classes, activation=frame.checked_activation(), name=f"{name}_head_dense")(x)
    else:
        x = normalized()(frame.pooled(x))
    top, no_top = HASHES[size]
    if frame.weights == "imagenet" and f"convnext_{size}" not in name:
        raise ValueError(f'Model name "{name}" does not match weights variant "convnext_{size}". When using imagenet weights, '
                         "the model's name must contain it.")  # fmt: skip
    return frame.model(x, Pretrained(STORE + "convnext/", (f"convnext_{size}.h5", top), (f"convnext_{size}_notop.h5", no_top)))


def ConvNeXtTiny(include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
                 input_shape: Any = None, pooling: Any = None, classes: int = 1000, classifier_activation: Any = "softmax",
                 name: str = "convnext_tiny") -> Functional:  # fmt: skip
    """ConvNeXt of size "tiny"; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return convnext(frame, "tiny", include_preprocessing)


def ConvNeXtSmall(include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
                 input_shape: Any = None, pooling: Any = None, classes: int = 1000, classifier_activation: Any = "softmax",
                 name: str = "convnext_small") -> Functional:  # fmt: skip
    """ConvNeXt of size "small"; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return convnext(frame, "small", include_preprocessing)


def ConvNeXtBase(include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
                 input_shape: Any = None, pooling: Any = None, classes: int = 1000, classifier_activation: Any = "softmax",
                 name: str = "convnext_base") -> Functional:  # fmt: skip
    """ConvNeXt of size "base"; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return convnext(frame, "base", include_preprocessing)


def ConvNeXtLarge(include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
                 input_shape: Any = None, pooling: Any = None, classes: int = 1000, classifier_activation: Any = "softmax",
                 name: str = "convnext_large") -> Functional:  # fmt: skip
    """ConvNeXt of size "large"; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return convnext(frame, "large", include_preprocessing)


def ConvNeXtXLarge(include_top: bool = True, include_preprocessing: bool = True, weights: Any = "imagenet", input_tensor: Any = None,
                 input_shape: Any = None, pooling: Any = None, classes: int = 1000, classifier_activation: Any = "softmax",
                 name: str = "convnext_xlarge") -> Functional:  # fmt: skip
    """ConvNeXt of size "xlarge"; the arguments are those of `Frame`, and whether images come with values between 0 and 255."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    return convnext(frame, "xlarge", include_preprocessing)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """The images as they are: the model normalizes them itself."""
    return x
