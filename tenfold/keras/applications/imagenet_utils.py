"""What goes into models trained on ImageNet, and what their predictions mean."""

from __future__ import annotations

import json
import warnings
from functools import cache
from typing import Any

import numpy as np

from tenfold.keras import ops
from tenfold.keras.base import defaults
from tenfold.keras.utils.downloads import get_file

CLASSES = ("https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json", "c2c37ea517e94d9795004a39431a14cb")
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of red, green and blue, in values between 0 and 1
MEAN_BGR = (103.939, 116.779, 123.68)


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Images with values between 0 and 255 as a model wants them; arrays stay arrays, and the given one stays as it is.

    Args:
        x: [..., 3], or the channels first.
        data_format: "channels_last" or "channels_first".
        mode: "caffe": blue, green and red, minus their means; "tf": between -1 and 1; "torch": minus means, divided by deviations, all of
            values between 0 and 1.

    Raises:
        ValueError: an option is unknown.
    """
    if mode not in ("caffe", "tf", "torch"):
        raise ValueError(f"Expected mode to be one of `caffe`, `tf` or `torch`. Received: mode={mode}")
    if data_format not in (None, "channels_first", "channels_last"):
        raise ValueError(f"Expected data_format to be one of `channels_first` or `channels_last`. Received: data_format={data_format}")
    if isinstance(x, np.ndarray) and not np.issubdtype(x.dtype, np.floating):
        x = x.astype(defaults.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    first = defaults.data_format(data_format) == "channels_first"
    axis = len(x.shape) - 3 if first else len(x.shape) - 1
    shape = [1] * len(x.shape)
    shape[axis] = 3

    def channels(values: Any) -> Any:
        array = np.reshape(np.asarray(values, x.dtype if isinstance(x, np.ndarray) else "float32"), shape)
        return array if isinstance(x, np.ndarray) else ops.cast(array, x.dtype)

    if mode == "torch":
        return (x / 255.0 - channels(MEAN)) / channels(DEVIATION)
    turned = np.flip(x, axis) if isinstance(x, np.ndarray) else ops.flip(x, axis=axis)
    return turned - channels(MEAN_BGR)


@cache
def _class_names() -> dict[str, list[str]]:
    path = get_file("imagenet_class_index.json", CLASSES[0], cache_subdir="models", file_hash=CLASSES[1])
    with open(path, encoding="utf-8") as stream:
        return dict(json.load(stream))


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The most likely classes of each image: (WordNet's number, name, score), best first.

    Args:
        preds: [batch, 1000].
        top: how many.

    Raises:
        ValueError: `preds` has another shape.
    """
    if len(preds.shape) != 2 or preds.shape[1] != 1000:
        raise ValueError("`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, 1000)). "
                         f"Received array with shape: {tuple(preds.shape)}")  # fmt: skip
    scores = ops.convert_to_numpy(preds)
    names = _class_names()
    return [[(*names[str(i)], row[i]) for i in np.argsort(row)[::-1][:top]] for row in scores]


def obtain_input_shape(input_shape: Any, default_size: int, min_size: int, data_format: str, require_flatten: bool, weights: Any = None) -> Any:
    """The shape of a model's images, checked.

    Args:
        input_shape: what the caller wants, or None.
        default_size: height and width of the images that it was trained on.
        min_size: the smallest that it works with.
        data_format: "channels_last" or "channels_first".
        require_flatten: whether the size must be known, because of the layers at the top.
        weights: "imagenet", a path or None.
    """
    first = data_format == "channels_first"
    axis = 0 if first else -1

    def shaped(channels: Any, size: Any) -> tuple[Any, ...]:
        return (channels, size, size) if first else (size, size, channels)

    channels = 3
    if weights != "imagenet" and input_shape and len(input_shape) == 3:
        channels = input_shape[axis]
        if channels not in (1, 3):
            warnings.warn("This model usually expects 1 or 3 input channels. However, it was passed an input_shape with "
                          f"{channels} input channels.", stacklevel=5)  # fmt: skip
    default = shaped(channels, default_size)
    if weights == "imagenet" and require_flatten:
        if input_shape is not None and tuple(input_shape) != default:
            raise ValueError("When setting `include_top=True` and loading `imagenet` weights, "
                             f"`input_shape` should be {default}. Received: input_shape={input_shape}")  # fmt: skip
        return default
    if not input_shape:
        return default if require_flatten else shaped(3, None)
    if len(input_shape) != 3:
        raise ValueError(f"`input_shape` must be a tuple of three integers. Received: input_shape={input_shape}")
    if input_shape[axis] != 3 and weights == "imagenet":
        raise ValueError(f"The input must have 3 channels; Received `input_shape={input_shape}`")
    sizes = tuple(input_shape[1:] if first else input_shape[:2])
    if any(n is not None and n < min_size for n in sizes):
        raise ValueError(f"Input size must be at least {min_size}x{min_size}; Received: input_shape={input_shape}")
    if require_flatten and None in sizes:
        raise ValueError(f"If `include_top` is True, you should specify a static `input_shape`. Received: input_shape={input_shape}")
    return tuple(input_shape)


__all__ = ["decode_predictions", "preprocess_input"]
