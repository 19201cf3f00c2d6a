"""NASNet-A (Zoph et al., 2017): cells that were found by search."""

from __future__ import annotations

from typing import Any

from tenfold.keras import layers
from tenfold.keras.applications import imagenet_utils
from tenfold.keras.applications.building import STORE, Frame, Pretrained, activated, convolved, last_axis, padding_for
from tenfold.keras.applications.building import normalized as batch_normalized
from tenfold.keras.applications.imagenet_utils import decode_predictions as decode_predictions
from tenfold.keras.models.model import Functional


def normalized(x: Any, name: str) -> Any:
    """Batch normalization that learns slowly."""
    return batch_normalized(x, name, last_axis(), momentum=0.9997, epsilon=1e-3)


def pointwise(x: Any, filters: int, name: str, **options: Any) -> Any:
    """A 1x1 convolution."""
    return convolved(x, filters, (1, 1), name, padding="same", use_bias=False, kernel_initializer="he_normal", **options)


def separable(x: Any, filters: int, size: int, name: str, halved: bool = False) -> Any:
    """ReLU, a separable convolution, normalization; twice."""
    x = activated(x)
    options: dict[str, Any] = {"strides": (1, 1), "padding": "same"}
    if halved:
        x = layers.ZeroPadding2D(padding_for(x, size), name=f"separable_conv_1_pad_{name}")(x)
        options = {"strides": (2, 2), "padding": "valid"}
    x = layers.SeparableConv2D(filters, (size, size), name=f"separable_conv_1_{name}", use_bias=False, **options)(x)
    x = activated(normalized(x, f"separable_conv_1_bn_{name}"))
    x = layers.SeparableConv2D(filters, (size, size), name=f"separable_conv_2_{name}", padding="same", use_bias=False)(x)
    return normalized(x, f"separable_conv_2_bn_{name}")


def adjusted(p: Any, x: Any, filters: int, name: str) -> Any:
    """The output of the cell before the last, in the size of the last's."""
    if p is None:
        return x
    if p.shape[-2] != x.shape[-2]:
        p = activated(p, name=f"adjust_relu_1_{name}")
        one = layers.AveragePooling2D((1, 1), strides=(2, 2), padding="valid", name=f"adjust_avg_pool_1_{name}")(p)
        one = pointwise(one, filters // 2, f"adjust_conv_1_{name}")
        other = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(p))
        other = layers.AveragePooling2D((1, 1), strides=(2, 2), padding="valid", name=f"adjust_avg_pool_2_{name}")(other)
        other = pointwise(other, filters // 2, f"adjust_conv_2_{name}")
        return normalized(layers.concatenate([one, other], axis=last_axis()), f"adjust_bn_{name}")
    if p.shape[last_axis()] != filters:
        p = pointwise(activated(p), filters, f"adjust_conv_projection_{name}", strides=(1, 1))
        return normalized(p, f"adjust_bn_{name}")
    return p


def mean_of(x: Any, name: str) -> Any:
    """Means of 3x3 neighbours."""
    return layers.AveragePooling2D((3, 3), strides=(1, 1), padding="same", name=name)(x)


def normal_cell(x: Any, p: Any, filters: int, name: str) -> tuple[Any, Any]:
    """A cell that keeps the size, and its input."""
    p = adjusted(p, x, filters, name)
    h = normalized(pointwise(activated(x), filters, f"normal_conv_1_{name}", strides=(1, 1)), f"normal_bn_1_{name}")

    def summed(number: int, *parts: Any) -> Any:
        return layers.add(list(parts), name=f"normal_add_{number}_{name}")

    one = summed(1, separable(h, filters, 5, f"normal_left1_{name}"), separable(p, filters, 3, f"normal_right1_{name}"))
    two = summed(2, separable(p, filters, 5, f"normal_left2_{name}"), separable(p, filters, 3, f"normal_right2_{name}"))
    three = summed(3, mean_of(h, f"normal_left3_{name}"), p)
    four = summed(4, mean_of(p, f"normal_left4_{name}"), mean_of(p, f"normal_right4_{name}"))
    five = summed(5, separable(h, filters, 3, f"normal_left5_{name}"), h)
    return layers.concatenate([p, one, two, three, four, five], axis=last_axis(), name=f"normal_concat_{name}"), x


def reduction_cell(x: Any, p: Any, filters: int, name: str) -> tuple[Any, Any]:
    """A cell that halves the size, and its input."""
    p = adjusted(p, x, filters, name)
    h = normalized(pointwise(activated(x), filters, f"reduction_conv_1_{name}", strides=(1, 1)), f"reduction_bn_1_{name}")
    padded = layers.ZeroPadding2D(padding_for(h, 3), name=f"reduction_pad_1_{name}")(h)

    def halved(source: Any, size: int, side: str) -> Any:
        return separable(source, filters, size, f"reduction_{side}_{name}", halved=True)

    def pool(kind: Any, side: str) -> Any:
        return kind((3, 3), strides=(2, 2), padding="valid", name=f"reduction_{side}_{name}")(padded)

    one = layers.add([halved(h, 5, "left1"), halved(p, 7, "right1")], name=f"reduction_add_1_{name}")
    two = layers.add([pool(layers.MaxPooling2D, "left2"), halved(p, 7, "right2")], name=f"reduction_add_2_{name}")
    three = layers.add([pool(layers.AveragePooling2D, "left3"), halved(p, 5, "right3")], name=f"reduction_add3_{name}")
    four = layers.add([two, mean_of(one, f"reduction_left4_{name}")])
    last = separable(one, filters, 3, f"reduction_left4_{name}")
    five = layers.add([last, pool(layers.MaxPooling2D, "right5")], name=f"reduction_add4_{name}")
    return layers.concatenate([two, three, four, five], axis=last_axis(), name=f"reduction_concat_{name}"), x


def nasnet(frame: Frame, size: int, features: int, count: int, stem: int, skip_reduction: bool, source: Pretrained) -> Functional:
    """NASNet with `features` channels at the end and three times `count` normal cells."""
    frame.channels_last_only("NASNet")
    if frame.weights == "imagenet" and isinstance(frame.input_shape, tuple) and None in frame.input_shape:
        raise ValueError("When specifying the input shape of a NASNet and loading `ImageNet` weights, the input_shape argument must be static "
                         f"(no None entries). Got: `input_shape={frame.input_shape}`.")  # fmt: skip
    filters = features // 24
    x = convolved(frame.images(size), stem, (3, 3), "stem_conv1", strides=(2, 2), padding="valid", use_bias=False, kernel_initializer="he_normal")
    x, p = reduction_cell(normalized(x, "stem_bn1"), None, filters // 4, "stem_1")
    x, p = reduction_cell(x, p, filters // 2, "stem_2")
    for stage in range(3):
        if stage:
            x, reduced = reduction_cell(x, p, filters << stage, f"reduce_{stage * count}")
            p = p if skip_reduction else reduced
        for i in range(count):
            x, p = normal_cell(x, p, filters << stage, str(stage * count + i + (1 if stage else 0)))
    return frame.model(frame.classified(activated(x), pool=None), source)


def NASNetMobile(input_shape: Any = None, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, pooling: Any = None,
                 classes: int = 1000, classifier_activation: Any = "softmax", name: str = "nasnet_mobile") -> Functional:  # fmt: skip
    """The small NASNet; the arguments are those of `keras.applications.building.Frame`."""
    shape = (224, 224, 3) if not include_top and input_shape is None else input_shape
    frame = Frame(include_top, weights, input_tensor, shape, pooling, classes, classifier_activation, name)
    source = Pretrained(STORE + "nasnet/", ("NASNet-mobile.h5", "020fb642bf7360b370c678b08e0adf61"),
                        ("NASNet-mobile-no-top.h5", "1ed92395b5b598bdda52abe5c0dbfd63"))  # fmt: skip
    return nasnet(frame, 224, 1056, 4, 32, False, source)


def NASNetLarge(input_shape: Any = None, include_top: bool = True, weights: Any = "imagenet", input_tensor: Any = None, pooling: Any = None,
                classes: int = 1000, classifier_activation: Any = "softmax", name: str = "nasnet_large") -> Functional:  # fmt: skip
    """The large NASNet; the arguments are those of `keras.applications.building.Frame`."""
    frame = Frame(include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
    source = Pretrained(STORE + "nasnet/", ("NASNet-large.h5", "11577c9a518f0070763c2b964a382f17"),
                        ("NASNet-large-no-top.h5", "d81d89dc07e6e56530c4e77faddd61b5"))  # fmt: skip
    return nasnet(frame, 331, 4032, 6, 96, True, source)


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Values between -1 and 1."""
    return imagenet_utils.preprocess_input(x, data_format, "tf")
