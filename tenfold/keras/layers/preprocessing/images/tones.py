"""Changes of brightness by tables and thresholds: histograms equalized, contrast stretched, few levels, inverted tones."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops, random
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import bounds, rescaled, value_range
from tenfold.keras.layers.preprocessing.images.base import ImageLayer, RandomImageLayer, count_of, images_of, is_batch, per_image

BYTES = (0, 255)


@register(MODULE)
class AutoContrast(ImageLayer):
    """Stretches each channel of each image, so that it uses the whole range of values.

    Args:
        value_range: the least and largest value of a channel.

    Example:
        >>> import numpy as np
        >>> AutoContrast(value_range=(0, 1))(np.array([[[0.25], [0.5]]], "float32")).numpy().ravel()
        array([0., 1.], dtype=float32)
    """

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = _checked(value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        x = ops.cast(images, self.compute_dtype)
        axes = (self.height_axis, self.width_axis)
        low, high = ops.min(x, axis=axes, keepdims=True), ops.max(x, axis=axes, keepdims=True)
        flat = ops.equal(low, high)
        share = (x - low) / ops.where(flat, ops.ones_like(low), high - low)
        return ops.where(flat, x, ops.clip(rescaled(share, (0, 1), self.value_range, x.dtype), self.value_range[0], self.value_range[1]))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range}


_checked = value_range


def histogram(values: Any, groups: Any, count: int, bins: int) -> Any:
    """How often each of `bins` values occurs in each of `count` groups: [count, bins], float32."""
    flat = ops.reshape(groups * bins + values, (-1,))
    return ops.reshape(ops.segment_sum(ops.ones_like(flat, dtype="float32"), flat, num_segments=count * bins), (count, bins))


@register(MODULE)
class Equalization(ImageLayer):
    """Makes all values of a channel about equally frequent.

    Args:
        value_range: the least and largest value of a channel.
        bins: how many values are told apart.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.bins = bins
        self.value_range = _checked(value_range)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        x = ops.cast(images, self.compute_dtype)
        if not training:
            return x
        first = self.data_format == "channels_first"
        x = rescaled(ops.moveaxis(x, -3, -1) if first else x, self.value_range, BYTES, self.compute_dtype)
        channels = x.shape[-1]
        which = ops.arange(channels, dtype="int32")
        counts = histogram(ops.clip(ops.cast(ops.cast(x, "float32") * (self.bins - 1) / 255, "int32"), 0, self.bins - 1), which, channels, self.bins)
        total = ops.cumsum(counts, axis=1)
        lowest = ops.min(ops.where(total > 0, total, total[:, -1:]), axis=1, keepdims=True)
        span = total[:, -1:] - lowest
        table = ops.clip(ops.round((total - lowest) * 255 / ops.where(ops.equal(span, 0), ops.ones_like(span), span)), 0, 255)
        place = ops.cast(ops.clip(x / 255.0 * (self.bins - 1), 0, self.bins - 1), "int32")
        equalized = ops.cast(ops.take(ops.reshape(table, (-1,)), place + which * self.bins), x.dtype)
        plain = ops.sum(ops.cast(counts > 0, "int32"), axis=1) <= 1
        y = rescaled(ops.where(plain, x, equalized), BYTES, self.value_range, self.compute_dtype)
        return ops.moveaxis(y, -1, -3) if first else y

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "bins": self.bins, "value_range": self.value_range}


@register(MODULE)
class Solarization(RandomImageLayer):
    """Adds a random amount, then inverts the values above a random threshold.

    Args:
        addition_factor: the largest amount, between 0 and 1, or a range.
        threshold_factor: the largest threshold, between 0 and 1, or a range.
        value_range: the least and largest value of a channel.
        seed: an integer.
    """

    def __init__(self, addition_factor: Any = 0.0, threshold_factor: Any = 0.0, value_range: Any = (0, 255), seed: Any = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(seed, **kwargs)
        self.addition_factor, self.threshold_factor = (
            bounds(factor, name, 0.0, 1.0, floor=0.0, opening="The `addition_factor` and `threshold_factor` arguments")
            for name, factor in (("addition_factor", addition_factor), ("threshold_factor", threshold_factor))
        )
        self.value_range = _checked(value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        shape = (images.sizes[0], 1, 1, 1) if is_batch(images) else (1, 1, 1)
        factors = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        return {name: self._uniform(shape, (low, high * 255), seed, self.compute_dtype) for name, (low, high) in factors.items()}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        x = rescaled(images, self.value_range, BYTES, self.compute_dtype) + ops.cast(transformation["additions"], self.compute_dtype)
        x = ops.clip(x, 0, 255)
        x = ops.where(x < ops.cast(transformation["thresholds"], self.compute_dtype), x, 255 - x)
        return rescaled(x, BYTES, self.value_range, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        own = {"value_range": self.value_range, "addition_factor": self.addition_factor, "threshold_factor": self.threshold_factor}
        return {**super().get_config(), **own}


@register(MODULE)
class RandomPosterization(RandomImageLayer):
    """Keeps few bits of each value.

    Args:
        factor: how many bits, 1 to 8, or a range that the number is drawn from.
        value_range: the least and largest value of a channel.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(factor, low=1, high=8, floor=1, lax=True)
        self.value_range = _checked(value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        count = count_of(images_of(data))
        low, high = (int(f) for f in self.factor)
        bits = ops.full((count,), low, dtype="int32") if low == high else random.randint(
            (count,), low, high, seed=self.generator if seed is None else seed)  # fmt: skip
        return {"shift_factor": ops.cast(8 - bits, "uint8")}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        shift = per_image(ops.convert_to_tensor(transformation["shift_factor"]))
        levels = ops.cast(rescaled(images, self.value_range, BYTES, self.compute_dtype), "uint8")
        levels = ops.bitwise_left_shift(ops.bitwise_right_shift(levels, shift), shift)
        return rescaled(ops.cast(levels, self.compute_dtype), BYTES, self.value_range, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}
