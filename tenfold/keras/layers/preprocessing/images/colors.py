"""Random changes of colors, drawn for each image; labels, boxes and masks stay."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import bounds, plain, rescaled, value_range
from tenfold.keras.layers.preprocessing.images.base import ImageLayer, RandomImageLayer, count_of, images_of, is_batch, per_image


class ColorLayer(RandomImageLayer):
    """A layer that draws a factor for each image."""

    _low = -1.0

    def __init__(self, factor: Any, value_range_: Any, seed: Any, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self._set_factor(factor or 0.0)
        self.value_range = value_range(value_range_)

    def _set_factor(self, factor: Any) -> None:
        self.factor = bounds(factor, low=self._low, floor=self._low, lax=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return {"factor": self._uniform((count_of(images_of(data)),), self.factor, seed)}

    def _factors(self, transformation: Any) -> Any:
        return per_image(ops.cast(transformation["factor"], self.compute_dtype))

    def _clipped(self, images: Any) -> Any:
        return ops.cast(ops.clip(images, self.value_range[0], self.value_range[1]), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "value_range": self.value_range}


def _one_for_each(images: Any) -> tuple[Any, ...]:
    return (images.sizes[0], 1, 1, 1) if is_batch(images) else (1, 1, 1)


@register(MODULE)
class RandomBrightness(ColorLayer):
    """Adds a random share of the value range to each image.

    Args:
        factor: the largest share, between -1 and 1, or a range of shares.
        value_range: the least and largest value of a channel.
        seed: an integer.

    Example:
        >>> import numpy as np
        >>> RandomBrightness((0.5, 0.5), value_range=(0, 1))(np.full((1, 2, 2, 1), 0.25, "float32")).numpy().ravel()
        array([0.75, 0.75, 0.75, 0.75], dtype=float32)
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        shape = _one_for_each(images_of(data))
        low, high = self.value_range
        return {"rgb_delta": self._uniform(shape, self.factor, seed) * (high - low) if training else ops.zeros(shape)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        return self._clipped(images + ops.cast(transformation["rgb_delta"], images.dtype)) if training else images


@register(MODULE)
class RandomContrast(ColorLayer):
    """Multiplies each channel's distance from its mean by a random factor.

    Args:
        factor: f, between 0 and 1: factors lie between 1 and 1 + f; or (a, b): between 1 - a and 1 + b.
        value_range: the least and largest value of a channel.
        seed: an integer.
    """

    _low = 0.0

    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        shape = _one_for_each(images_of(data))
        factors = (1.0 - self.factor[0], 1.0 + self.factor[1])
        return {"contrast_factor": self._uniform(shape, factors, seed, self.compute_dtype) if training else ops.zeros(shape)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        mean = ops.mean(images, axis=(self.height_axis, self.width_axis), keepdims=True)
        return self._clipped((images - mean) * ops.cast(transformation["contrast_factor"], images.dtype) + mean)


@register(MODULE)
class RandomSaturation(ColorLayer):
    """Makes colors stronger or weaker.

    Args:
        factor: a number or a range between 0 and 1: 0 takes all color away, 0.5 keeps it as it is, 1 makes it as strong as can be.
        value_range: the least and largest value of a channel.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed, data_format=data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        factor = super().get_random_transformation(data, training, seed)["factor"]
        return {"factor": factor / (1 - factor + defaults.epsilon())}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        hue, saturation, value = ops.split(ops.image.rgb_to_hsv(images, data_format=self.data_format), 3, axis=self.channel_axis)
        saturation = ops.clip(saturation * self._factors(transformation), self.value_range[0], self.value_range[1])
        return ops.image.hsv_to_rgb(ops.concatenate([hue, saturation, value], axis=self.channel_axis), data_format=self.data_format)


@register(MODULE)
class RandomHue(ColorLayer):
    """Turns the hues, by half the circle at most.

    Args:
        factor: a number or a range between 0 and 1; 1 is half the circle.
        value_range: the least and largest value of a channel.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    _low = 0.0

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed, data_format=data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        count = count_of(images_of(data))
        return {"factor": self._signs((count,), seed) * self._uniform((count,), self.factor, seed) * 0.5}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        hsv = ops.image.rgb_to_hsv(rescaled(images, self.value_range, (0, 1), self.compute_dtype), data_format=self.data_format)
        hue, saturation, value = ops.split(hsv, 3, axis=self.channel_axis)
        hue = hue + self._factors(transformation)
        hue = ops.where(hue > 1, hue - 1, ops.where(hue < 0, hue + 1, hue))
        rgb = ops.image.hsv_to_rgb(ops.concatenate([hue, saturation, value], axis=self.channel_axis), data_format=self.data_format)
        return rescaled(ops.clip(rgb, 0, 1), (0, 1), self.value_range, self.compute_dtype)


@register(MODULE)
class RandomColorDegeneration(ColorLayer):
    """Mixes each image with its gray version.

    Args:
        factor: the largest share of gray, or a range of shares.
        value_range: the least and largest value of a channel.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed, data_format=data_format, **kwargs)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        gray = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        return self._clipped(images + self._factors(transformation) * (gray - images))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape, checked."""
        if len(input_shape) not in (3, 4):
            raise ValueError("Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). "
                             f"Received: input_shape={input_shape}")  # fmt: skip
        channels = input_shape[self.channel_axis]
        if channels not in (None, 3):
            raise ValueError(f"Input images must have 3 channels, but received images with {channels} channels.")
        return input_shape


@register(MODULE)
class RandomGrayscale(RandomImageLayer):
    """Makes some of the images gray; they keep their three channels.

    Args:
        factor: the probability.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    def __init__(self, factor: float = 0.5, data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        if not 0 <= factor <= 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={factor}")
        self.factor = factor

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return per_image(self._uniform((count_of(images_of(data)),), (0.0, 1.0), seed) < self.factor)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        gray = self.get_random_transformation(images) if transformation is None else transformation
        return ops.where(gray, ops.image.rgb_to_grayscale(images, data_format=self.data_format), images)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@register(MODULE)
class RandomInvert(ColorLayer):
    """Inverts some of the images: the largest value minus theirs.

    Args:
        factor: the probability, or a range that it is drawn from for each image.
        value_range: the least and largest value of a channel.
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    _low = 0.0

    def __init__(self, factor: Any = 1.0, value_range: Any = (0, 255), seed: Any = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(factor, value_range, seed, data_format=data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return {"apply_inversion": self._chosen(count_of(images_of(data)), self.factor, seed)} if training else None

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        return ops.where(per_image(transformation["apply_inversion"]), self.value_range[1] - images, images) if training else images


@register(MODULE)
class RandomColorJitter(RandomImageLayer):
    """RandomBrightness, RandomContrast, RandomSaturation and RandomHue, those of them that have a factor.

    Args:
        value_range: the least and largest value of a channel.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: the factors; None: that property stays.
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, value_range: Any = (0, 255), brightness_factor: Any = None, contrast_factor: Any = None, saturation_factor: Any = None,
                 hue_factor: Any = None, seed: Any = None, data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(seed, data_format=data_format, **kwargs)
        self.value_range = plain(value_range)
        self.brightness_factor, self.contrast_factor = plain(brightness_factor), plain(contrast_factor)
        self.saturation_factor, self.hue_factor = plain(saturation_factor), plain(hue_factor)
        kinds = ((RandomBrightness, brightness_factor), (RandomContrast, contrast_factor), (RandomSaturation, saturation_factor),
                 (RandomHue, hue_factor))  # fmt: skip
        made: list[ImageLayer] = [
            kind(factor=factor, value_range=value_range, seed=seed, data_format=self.data_format) for kind, factor in kinds if factor is not None
        ]
        self._steps = made

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        for step in self._steps if training else ():
            images = step.transform_images(images, step.get_random_transformation(images, seed=self.generator))
        return ops.cast(images, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        factors = {f"{k}_factor": getattr(self, f"{k}_factor") for k in ("brightness", "contrast", "saturation", "hue")}
        return {**super().get_config(), "value_range": self.value_range, **factors}
