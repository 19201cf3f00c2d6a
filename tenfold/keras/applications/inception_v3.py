"""InceptionV3 (Szegedy et al., 2015): branches of convolutions of several shapes, joined."""

from __future__ import annotations

from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import Frame, activated, convolved, named, normalized
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional

HALVED: dict[str, Any] = {"strides": (2, 2), "padding": "valid"}
Step = tuple[int, int, int]  # filters, rows, columns


def unit(x: Any, filters: int, rows: int, columns: int, padding: str = "same", strides: tuple[int, int] = (1, 1)) -> Any:
    """A convolution, its normalization and ReLU."""
    x = convolved(x, filters, (rows, columns), strides=strides, padding=padding, use_bias=False)
    return activated(normalized(x, scale=False))


def chain(x: Any, *steps: Step, **last: Any) -> Any:
    """Units one after the other; `last`: options of the last one."""
    for i, step in enumerate(steps, 1):
        x = unit(x, *step, **(last if i == len(steps) else {}))
    return x


def mean_branch(x: Any, filters: int) -> Any:
    """Means of neighbours, and a pointwise unit."""
    return unit(layers.AveragePooling2D((3, 3), strides=(1, 1), padding="same")(x), filters, 1, 1)


def halved_pool(x: Any) -> Any:
    """The largest of 3x3 pixels, in steps of 2."""
    return layers.MaxPooling2D((3, 3), strides=(2, 2))(x)


def _square(x: Any, pooled: int) -> list[Any]:
    return [unit(x, 64, 1, 1), chain(x, (48, 1, 1), (64, 5, 5)), chain(x, (64, 1, 1), (96, 3, 3), (96, 3, 3)), mean_branch(x, pooled)]


def _crossed(x: Any, n: int) -> list[Any]:
    return [unit(x, 192, 1, 1), chain(x, (n, 1, 1), (n, 1, 7), (192, 7, 1)),
            chain(x, (n, 1, 1), (n, 7, 1), (n, 1, 7), (n, 7, 1), (192, 1, 7)), mean_branch(x, 192)]  # fmt: skip


def _wide(x: Any, axis: int, number: int) -> list[Any]:
    first = unit(x, 320, 1, 1)
    second = unit(x, 384, 1, 1)
    second = layers.concatenate([unit(second, 384, 1, 3), unit(second, 384, 3, 1)], axis=axis, name=f"mixed9_{number}")
    third = chain(x, (448, 1, 1), (384, 3, 3))
    third = layers.concatenate([unit(third, 384, 1, 3), unit(third, 384, 3, 1)], axis=axis)
    return [first, second, third, mean_branch(x, 192)]


def InceptionV3(include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, input_shape: Any = None, pooling: Any = None,
                classes: int = 1000, classifier_activation: Any = "softmax", name: str = "inception_v3") -> Functional:  # fmt: skip
    """InceptionV3; the arguments are those of `keras.applications.building.Frame`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    x = chain(unit(unit(frame.images(299, 75), 32, 3, 3, **HALVED), 32, 3, 3, padding="valid"), (64, 3, 3))
    x = halved_pool(x)
    x = halved_pool(unit(unit(x, 80, 1, 1, padding="valid"), 192, 3, 3, padding="valid"))

    def joined(branches: list[Any], number: int) -> Any:
        return layers.concatenate(branches, axis=frame.axis, name=f"mixed{number}")

    for number, pooled in enumerate((32, 64, 64)):
        x = joined(_square(x, pooled), number)
    x = joined([unit(x, 384, 3, 3, **HALVED), chain(x, (64, 1, 1), (96, 3, 3), (96, 3, 3), **HALVED), halved_pool(x)], 3)
    for number, n in enumerate((128, 160, 160, 192), 4):
        x = joined(_crossed(x, n), number)
    x = joined([chain(x, (192, 1, 1), (320, 3, 3), **HALVED), chain(x, (192, 1, 1), (192, 1, 7), (192, 7, 1), (192, 3, 3), **HALVED),
                halved_pool(x)], 8)  # fmt: skip
    for number in (0, 1):
        x = joined(_wide(x, frame.axis, number), 9 + number)
    source = named("inception_v3", "inception_v3/", "9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")
    return frame.model(frame.classified(x), source)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between -1 and 1."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
