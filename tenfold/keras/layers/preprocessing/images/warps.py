"""Random movements of images: shifted, zoomed, sheared, turned."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras import ops
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import bounds, one_of, plain
from tenfold.keras.layers.preprocessing.images.base import RandomImageLayer, count_of, images_of
from tenfold.keras.utils.bounding_boxes.geometry import affine_transform, clip_to_image_size, clipped, shifted

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


def rows_of(*columns: Any) -> Any:
    """Coefficients (a0, a1, a2, b0, b1, b2, c0, c1) of each image, [batch, 8]; numbers hold for all images."""
    tensor = next(c for c in columns if not isinstance(c, (int, float)))
    return ops.stack([tensor * 0 + c for c in columns], axis=-1)


def middle(n: Any) -> Any:
    """Where the middle of `n` pixels is; n may be a tensor."""
    return (n - 1) / 2 if isinstance(n, int) else (ops.cast(n, "float32") - 1) / 2


def for_boxes(values: Any, boxes: Any) -> Any:
    """[batch, 1], or [batch, 1, 1] where boxes have a batch."""
    values = ops.convert_to_tensor(values)
    return values[..., None] if len(boxes.shape) == 3 else values


class WarpLayer(RandomImageLayer):
    """A layer that reads each image at other places."""

    _fill_modes: tuple[str, ...] = FILL_MODES

    def __init__(self, fill_mode: str, interpolation: str, seed: Any, fill_value: float, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.fill_mode = one_of("fill_mode", fill_mode, self._fill_modes)
        self.interpolation = one_of("interpolation", interpolation, INTERPOLATIONS)
        self.fill_value = fill_value

    def _transform(self, transformation: Any, images: Any) -> Any:
        """The coefficients, [batch, 8]."""
        raise NotImplementedError(f"[{self.name}] defines no `_transform`.")

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        if transformation is None:
            return images
        images = ops.convert_to_tensor(images)
        return ops.image.affine_transform(images, self._transform(transformation, images), interpolation=interpolation, fill_mode=self.fill_mode,
                                          fill_value=self.fill_value, data_format=self.data_format)  # fmt: skip

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._transform_images(segmentation_masks, transformation, "nearest") if training else segmentation_masks

    def _moved(self, boxes: Any, size: Any, transformation: Any) -> Any:
        """What becomes of boxes (left, top, right, bottom) in images of this size."""
        raise NotImplementedError(f"[{self.name}] defines no `_moved`.")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = self._size(transformation["input_shape"])
        boxes = self._converted_boxes(bounding_boxes, "xyxy", size)
        boxes["boxes"] = self._moved(boxes["boxes"], size, transformation)
        return self._converted_boxes(clip_to_image_size(boxes, *size), "xyxy", size, back=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fill_mode": self.fill_mode, "interpolation": self.interpolation, "fill_value": self.fill_value}


@register(MODULE)
class RandomTranslation(WarpLayer):
    """Moves each image by random shares of its height and width.

    Args:
        height_factor: the largest share downwards, between -1 and 1, or a range.
        width_factor: the largest share to the right, or a range.
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an integer.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, height_factor: Any, width_factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: Any = None,
                 fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = plain(height_factor), plain(width_factor)
        self.height_lower, self.height_upper = bounds(height_factor, "height_factor")
        self.width_lower, self.width_upper = bounds(width_factor, "width_factor")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        height, width = self._size(ops.shape(images))
        shape = (count_of(images), 1)
        down = self._uniform(shape, (self.height_lower, self.height_upper), seed) * ops.cast(height, "float32")
        right = self._uniform(shape, (self.width_lower, self.width_upper), seed) * ops.cast(width, "float32")
        return {"translations": ops.concatenate([right, down], axis=1), "input_shape": ops.shape(images)}

    def _transform(self, transformation: Any, images: Any) -> Any:
        moves = ops.convert_to_tensor(transformation["translations"])
        return rows_of(1.0, 0.0, -moves[:, 0], 0.0, 1.0, -moves[:, 1], 0.0, 0.0)

    def _moved(self, boxes: Any, size: Any, transformation: Any) -> Any:
        moves = ops.cast(transformation["translations"], boxes.dtype)
        return shifted(boxes, for_boxes(moves[:, 1:], boxes), for_boxes(moves[:, :1], boxes))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}


@register(MODULE)
class RandomZoom(WarpLayer):
    """Zooms each image by a random factor; positive factors make what it shows smaller.

    Args:
        height_factor: f: the image shows between 1 - f and 1 + f of its height; or (a, b): between 1 + a and 1 + b.
        width_factor: the same for the width; None: as the height, so that proportions stay.
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an integer.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, height_factor: Any, width_factor: Any = None, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: Any = None,
                 fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = plain(height_factor), plain(width_factor)
        self.height_lower, self.height_upper = _zooms(height_factor, "height_factor")
        if width_factor is not None:
            self.width_lower, self.width_upper = _zooms(width_factor, "width_factor")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        shape = (count_of(images), 1)
        high = self._uniform(shape, (1.0 + self.height_lower, 1.0 + self.height_upper), seed)
        wide = high if self.width_factor is None else self._uniform(shape, (1.0 + self.width_lower, 1.0 + self.width_upper), seed)
        return {"height_zoom": high, "width_zoom": wide, "input_shape": ops.shape(images)}

    def _transform(self, transformation: Any, images: Any) -> Any:
        return self._matrix(transformation, self._size(ops.shape(images)))

    @staticmethod
    def _matrix(transformation: Any, size: Any) -> Any:
        high, wide = (ops.cast(transformation[k], "float32")[:, 0] for k in ("height_zoom", "width_zoom"))
        return rows_of(wide, 0.0, middle(size[1]) * (1 - wide), 0.0, high, middle(size[0]) * (1 - high), 0.0, 0.0)

    def _moved(self, boxes: Any, size: Any, transformation: Any) -> Any:
        matrix = self._matrix(transformation, size)
        (zx, x0), (zy, y0) = ((matrix[:, i, None, None] for i in pair) for pair in ((0, 2), (4, 5)))
        height, width = size
        boxes = boxes + x0 * 0  # boxes of one image may be given without the batch
        inner = clipped(boxes, zy * height + y0, zx * width + x0, y0, x0)
        left, top, right, bottom = ops.split(inner, 4, axis=-1)
        return ops.concatenate([(left - x0) / zx, (top - y0) / zy, (right - x0) / zx, (bottom - y0) / zy], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height_factor": self.height_factor, "width_factor": self.width_factor}


def _zooms(factor: Any, name: str) -> tuple[float, float]:
    lower, upper = bounds(factor, name)
    if (factor if isinstance(factor, (int, float)) else lower) <= -1:
        raise ValueError("The `height_factor` and `width_factor` arguments should be a number (or a list of two numbers) in the range (-1.0, 1.0]. "
                         f"Received: {name}={factor}")  # fmt: skip
    return lower, upper


@register(MODULE)
class RandomShear(WarpLayer):
    """Slants each image by random amounts, in a random direction.

    Args:
        x_factor: the largest amount along the width, between 0 and 1, or a range.
        y_factor: the largest amount along the height, or a range.
        interpolation: "bilinear" or "nearest".
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    def __init__(self, x_factor: Any = 0.0, y_factor: Any = 0.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
                 fill_value: float = 0.0, data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format=data_format, **kwargs)
        self.x_factor, self.y_factor = bounds(x_factor, "x_factor", 0.0), bounds(y_factor, "y_factor", 0.0)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        shape, dtype = (count_of(images), 1), self.compute_dtype
        signs = self._signs(shape, seed, dtype)
        down, right = (self._uniform(shape, factor, seed, dtype) for factor in (self.y_factor, self.x_factor))
        return {"shear_factor": ops.concatenate([right, down], axis=1) * signs, "input_shape": ops.shape(images)}

    def _transform(self, transformation: Any, images: Any) -> Any:
        shear = ops.convert_to_tensor(transformation["shear_factor"])
        return rows_of(1.0, shear[:, 0], 0.0, shear[:, 1], 1.0, 0.0, 0.0, 0.0)

    def _moved(self, boxes: Any, size: Any, transformation: Any) -> Any:
        height, width = size
        shear = ops.cast(transformation["shear_factor"], boxes.dtype)
        x, y = shear[:, :1, None], shear[:, 1:, None]
        parts = ops.split(boxes + x * 0, 4, axis=-1)
        left, top, right, bottom = (p / n for p, n in zip(parts, (width, height) * 2, strict=True))
        left, right = left - x * ops.where(x < 0, top, bottom), right - x * ops.where(x < 0, bottom, top)
        top, bottom = top - y * ops.where(y > 0, right, left), bottom - y * ops.where(y > 0, left, right)
        return ops.concatenate([left * width, top * height, right * width, bottom * height], axis=-1)

    def get_config(self) -> dict[str, Any]:
        given = {k: v[1] if v[0] == -v[1] else v for k, v in (("x_factor", self.x_factor), ("y_factor", self.y_factor))}
        return {**super().get_config(), **given}


@register(MODULE)
class RandomRotation(WarpLayer):
    """Turns each image by a random angle around its middle.

    Args:
        factor: the largest angle as a share of the full circle, between -1 and 1 (positive: counter-clockwise), or a range.
        fill_mode: what comes in: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an integer.
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: Any = None, fill_value: float = 0.0,
                 data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format=data_format, **kwargs)
        self.factor = bounds(factor or 0.0, floor=-1.0, lax=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        count = count_of(images)
        height, width = self._size(ops.shape(images))
        angle = self._uniform((count,), (self.factor[0] * 360.0, self.factor[1] * 360.0), seed)
        matrix = _turn(angle, middle(width), middle(height))
        return {"angle": angle, "rotation_matrix": matrix, "image_height": height, "image_width": width}

    def _transform(self, transformation: Any, images: Any) -> Any:
        return transformation["rotation_matrix"]

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = transformation["image_height"], transformation["image_width"]
        boxes = self._converted_boxes(bounding_boxes, "xyxy", size)
        angle = ops.convert_to_tensor(transformation["angle"])
        zero = angle * 0
        boxes["boxes"] = affine_transform(boxes["boxes"], angle, zero, zero, zero + 1, zero, zero, *size)
        return self._converted_boxes(clip_to_image_size(boxes, *size), "xyxy", size, back=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def _turn(angle: Any, x: Any, y: Any) -> Any:
    """The rotation by angles in degrees around (x, y), [batch, 8]."""
    radians = angle * (math.pi / 180)
    cos, sin = ops.cos(radians), ops.sin(radians)
    return rows_of(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos, 0.0, 0.0)
