"""Random blur and sharpness."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras import ops
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import bounds
from tenfold.keras.layers.preprocessing.images.base import count_of, images_of, per_image
from tenfold.keras.layers.preprocessing.images.colors import ColorLayer

SMOOTH = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13


@register(MODULE)
class RandomSharpness(ColorLayer):
    """Mixes each image with a smoothed version: factor 0 is smooth, 0.5 the image itself, 1 sharper.

    Args:
        factor: the largest factor, or a range.
        value_range: the least and largest value of a channel.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    _low = 0.0

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed, data_format=data_format, **kwargs)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        first = self.data_format == "channels_first"
        x = ops.moveaxis(images, -3, -1) if first else images
        kernel = ops.cast(np.tile(SMOOTH[:, :, None, None], (1, 1, x.shape[-1], 1)), self.compute_dtype)
        smooth = ops.depthwise_conv(x, kernel, strides=1, padding="same", data_format="channels_last")
        y = self._clipped(x + (1 - 2 * self._factors(transformation)) * (smooth - x))
        return ops.moveaxis(y, -1, -3) if first else y


@register(MODULE)
class RandomGaussianBlur(ColorLayer):
    """Blurs some of the images.

    Args:
        factor: the probability, or a range that it is drawn from for each image.
        kernel_size: an odd number, or two.
        sigma: the largest standard deviation of the blur, between 0 and 1, or a range.
        value_range: the least and largest value of a channel.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    _low = 0.0

    def __init__(self, factor: Any = 1.0, kernel_size: Any = 3, sigma: Any = 1.0, value_range: Any = (0, 255), data_format: str | None = None,
                 seed: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(factor, value_range, seed, data_format=data_format, **kwargs)
        self.kernel_size = _odd(kernel_size)
        self.sigma = bounds(sigma, "sigma", 0.0, 1.0, floor=0.0, lax=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        chosen = self._chosen(count_of(images_of(data)), self.factor, seed)
        return {"should_apply_blur": chosen, "blur_factor": self._uniform((2,), self.sigma, seed, self.compute_dtype) + 1e-6}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        blurred = ops.image.gaussian_blur(images, kernel_size=self.kernel_size, sigma=transformation["blur_factor"], data_format=self.data_format)
        return self._clipped(ops.where(per_image(transformation["should_apply_blur"]), blurred, images))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernel_size": self.kernel_size, "sigma": self.sigma}


def _odd(kernel_size: Any) -> tuple[int, int]:
    sizes = (kernel_size, kernel_size) if isinstance(kernel_size, (int, float)) else tuple(kernel_size)
    if len(sizes) != 2:
        raise ValueError(f"The `kernel_size` argument should be a number (or a list of two numbers) Received: kernel_size={kernel_size}")
    if any(n % 2 == 0 for n in sizes):
        raise ValueError(f"kernel_size must be an odd number. Received: kernel_size={kernel_size}")
    return sizes[0], sizes[1]
