"""Random distortions that are no affine maps: other perspectives, elastic deformations."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import bounds, plain
from tenfold.keras.layers.preprocessing.images.base import count_of, images_of, per_image
from tenfold.keras.layers.preprocessing.images.warps import WarpLayer
from tenfold.keras.ops.image_warps import displaced, homography


@register(MODULE)
class RandomPerspective(WarpLayer):
    """Shows some of the images in another perspective: their corners move.

    Args:
        factor: the probability, or a range that it is drawn from for each image.
        scale: how far corners may move; 1: half the image.
        interpolation: "bilinear" or "nearest".
        fill_value: for what is outside.
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, factor: Any = 1.0, scale: float = 1.0, interpolation: str = "bilinear", fill_value: float = 0.0, seed: Any = None,
                 data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__("constant", interpolation, seed, fill_value, data_format=data_format, **kwargs)
        self.factor = bounds(factor, low=0.0, floor=0.0, lax=True)
        if not 0 <= scale <= 1:
            raise ValueError(f"The `scale` argument should be a number in the range [0,1]. Received: scale={scale}")
        self.scale = scale

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        count = count_of(images)
        height, width = self._size(ops.shape(images))
        chosen = self._chosen(count, self.factor, seed)
        moves = self._uniform((count, 4, 2), (-0.5 * self.scale, 0.5 * self.scale), seed, self.compute_dtype)
        corners = [[0.0, 0.0], [width - 1.0, 0.0], [0.0, height - 1.0], [width - 1.0, height - 1.0]]
        start = moves * 0 + ops.convert_to_tensor(corners, dtype=self.compute_dtype)
        end = ops.where(chosen[:, None, None], start + start * moves, start)
        return {"apply_perspective": chosen, "start_points": start, "end_points": end, "input_shape": ops.shape(images)}

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        images = ops.convert_to_tensor(images)
        single = len(images.shape) == 3
        x = images[None] if single else images
        y = ops.image.perspective_transform(x, transformation["start_points"], transformation["end_points"], interpolation=interpolation,
                                            fill_value=self.fill_value, data_format=self.data_format)  # fmt: skip
        y = ops.where(per_image(transformation["apply_perspective"]), y, x)
        return y[0] if single else y

    def _moved(self, boxes: Any, size: Any, transformation: Any) -> Any:
        start, end = (ops.cast(transformation[k], "float32") for k in ("start_points", "end_points"))
        a0, a1, a2, b0, b1, b2, c0, c1 = (c[:, None, None] for c in ops.unstack(homography(end, start), 8, axis=1))
        left, top, right, bottom = ops.split(boxes, 4, axis=-1)
        x, y = ops.concatenate([left, right, left, right], axis=-1), ops.concatenate([top, bottom, bottom, top], axis=-1)
        k = c0 * x + c1 * y + 1
        new_x, new_y = (a0 * x + a1 * y + a2) / k, (b0 * x + b1 * y + b2) / k
        around = ops.stack([ops.min(new_x, -1), ops.min(new_y, -1), ops.max(new_x, -1), ops.max(new_y, -1)], axis=-1)
        return ops.where(ops.cast(transformation["apply_perspective"], "bool")[:, None, None], around, boxes)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["fill_mode"]
        return {**config, "factor": self.factor, "scale": self.scale}


@register(MODULE)
class RandomElasticTransform(WarpLayer):
    """Deforms some of the images as if they were drawn on rubber (Simard et al., 2003).

    Args:
        factor: the probability, or a range that it is drawn from for each image.
        scale: the largest strength, between 0 and 1, or a range.
        interpolation: "bilinear" or "nearest".
        fill_mode: what comes in: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: for "constant".
        value_range: the least and largest value of a channel.
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    _fill_modes = ("constant", "nearest", "wrap", "mirror", "reflect")

    def __init__(self, factor: Any = 1.0, scale: Any = 1.0, interpolation: str = "bilinear", fill_mode: str = "reflect", fill_value: float = 0.0,
                 value_range: Any = (0, 255), seed: Any = None, data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format=data_format, **kwargs)
        self.factor = bounds(factor, low=0.0, floor=0.0, lax=True)
        self.scale = bounds(scale, "scale", low=0.0, floor=0.0, lax=True)
        self.value_range = plain(value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        chosen = self._chosen(count_of(images_of(data)), self.factor, seed)
        strength = self._uniform((), self.scale, seed, self.compute_dtype)
        return {"apply_transform": chosen, "distortion_factor": strength, "seed": self._noise_seed(seed)}

    def _noise_seed(self, seed: Any) -> Any:
        """A seed that images and masks share."""
        return (self.generator if seed is None else seed).next()

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        images = ops.convert_to_tensor(images)
        height, width = self._size(images.sizes)
        strength = ops.cast(transformation["distortion_factor"], "float32")
        reach = min(height, width) * 0.05
        moved = displaced(images, alpha=max(height, width) * 0.1 * strength, sigma=reach * strength, reach=reach * self.scale[1],
                          interpolation=interpolation, fill_mode=self.fill_mode, fill_value=self.fill_value, seed=transformation["seed"],
                          data_format=self.data_format)  # fmt: skip
        chosen = ops.cast(transformation["apply_transform"], "bool")
        return ops.where(chosen[:, None, None] if len(images.shape) == 3 else per_image(chosen), moved, images)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = super().transform_images(images, transformation, training)
        return ops.clip(images, self.value_range[0], self.value_range[1]) if training and transformation is not None else images

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes as they are: deformations are small."""
        return bounding_boxes

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor, "scale": self.scale, "value_range": self.value_range}
