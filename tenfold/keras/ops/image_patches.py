"""Patches of images and volumes, in `keras.ops.image`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.ops.convolutions import checked_padding, spatial
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.image_batches import channels_first
from tenfold.ops.image_filters import patches
from tenfold.ops.spatial import to_first, to_last
from tenfold.primitives.movement import expand_dims, reshape
from tenfold.tensor.tensor import Tensor


def _extracted(images: Tensor, size: tuple[int, ...], strides: Any, dilation: Any, padding: str, data_format: Any) -> Any:
    single, first = images.ndim == len(size) + 1, channels_first(data_format)
    if not single and images.ndim != len(size) + 2:
        raise ValueError(f"Invalid images rank: expected rank {len(size) + 1} or {len(size) + 2}, with a batch. "
                         f"Received input with shape: images.shape={images.shape}")  # fmt: skip
    x = expand_dims(images, 0) if single else images
    step, gaps = spatial("strides", size if strides is None else strides, len(size)), spatial("dilation_rate", dilation, len(size))
    y: Any = patches(to_last(x) if first else x, size, step, gaps, checked_padding(padding))
    y = to_first(y) if first else y
    return reshape(y, y.sizes[1:]) if single else y


@operation("image")
def extract_patches(images: Array, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid", data_format: Any = None) -> Array:
    """Windows of images (or, with a size of three numbers, volumes) as the channels of one pixel.

    Args:
        images: [height, width, channels], [depth, height, width, channels], or a batch of them; or the channels first.
        size: the window's; a number, or a tuple of 2 or 3.
        strides: how far apart windows are; default: their size.
        dilation_rate: distance of the elements in a window.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> extract_patches(tf.ones([1, 8, 8, 3]), 4).shape
        TensorShape([1, 2, 2, 48])
    """
    if not isinstance(size, (int, tuple, list)):
        raise TypeError(f"Invalid `size` argument. Expected an int or a tuple. Received: size={size} of type {type(size).__name__}")
    window = (size, size) if isinstance(size, int) else tuple(size)
    if len(window) not in (2, 3):
        raise ValueError(f"Invalid `size` argument. Expected a tuple of length 2 or 3. Received: size={size} with length {len(window)}")
    return _extracted(images, window, strides, dilation_rate, padding, data_format)


@operation("image", kind="ExtractPatches3D")
def extract_patches_3d(volumes: Array, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid",
                       data_format: Any = None) -> Array:  # fmt: skip
    """Windows of volumes [depth, height, width, channels] (or a batch of them) as channels; arguments as in `extract_patches`.

    Example:
        >>> extract_patches_3d(tf.ones([1, 8, 8, 8, 1]), 4).shape
        TensorShape([1, 2, 2, 2, 64])
    """
    window = (size, size, size) if isinstance(size, int) else tuple(size)
    if len(window) != 3:
        raise TypeError(f"Invalid `size` argument. Expected an int or a tuple of length 3. Received: size={size}")
    if strides is not None and not isinstance(strides, int) and len(strides) != 3:
        raise ValueError(f"Invalid `strides` argument. Got: {strides}")
    return _extracted(volumes, window, strides, dilation_rate, padding, data_format)
