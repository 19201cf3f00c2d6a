"""Images at another size: resized, or parts of them; and mirrored images."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops, random
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.base import ImageLayer, RandomImageLayer, images_of
from tenfold.keras.utils.bounding_boxes.geometry import clip_to_image_size, clipped, shifted
from tenfold.primitives.gather import dynamic_slice
from tenfold.primitives.movement import slice_


class _Sized(ImageLayer):
    """A layer whose images have a given size."""

    height: int
    width: int

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape with the layer's height and width."""
        return self._resized_shape(input_shape, (self.height, self.width))

    def _part(self, images: Any, top: Any, left: Any, size: tuple[int, int]) -> Any:
        """The part of this size that starts at (top, left)."""
        starts: list[Any] = [0] * images.ndim
        sizes = list(images.sizes)
        for axis, start, n in ((self.height_axis, top, size[0]), (self.width_axis, left, size[1])):
            starts[axis], sizes[axis] = start, n
        return slice_(images, starts, sizes) if all(isinstance(n, int) for n in (top, left)) else dynamic_slice(images, starts, sizes)

    def _middle(self, images: Any, interpolation: str) -> Any:
        """The middle part of the layer's proportions, resized."""
        return ops.image.resize(images, (self.height, self.width), interpolation=interpolation, crop_to_aspect_ratio=True,
                                data_format=self.data_format)  # fmt: skip

    def _middle_box(self, size: Any) -> tuple[int, int, int, int]:
        """That part: top, left, height, width."""
        height, width = size
        high = max(min(height, int(width * self.height / self.width)), 1)
        wide = max(min(width, int(height * self.width / self.height)), 1)
        return (height - high) // 2, (width - wide) // 2, high, wide

    def _cut(self, boxes: Any, box: Any) -> Any:
        """Corners in the part (top, left, height, width) of the image, resized to the layer's size."""
        top, left, height, width = box
        parts = ops.split(clipped(shifted(boxes, -top, -left), height, width), 4, axis=-1)
        scale = (self.width / width, self.height / height) * 2
        return ops.concatenate([x * s for x, s in zip(parts, scale, strict=True)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "height": self.height, "width": self.width}


@register(MODULE)
class CenterCrop(_Sized):
    """The middle of images; where they are too small, the largest middle part of the same proportions, resized.

    Args:
        height, width: the size.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> import numpy as np
        >>> CenterCrop(2, 2)(np.ones((1, 4, 6, 3))).shape
        TensorShape([1, 2, 2, 3])
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return {"input_shape": ops.shape(images_of(data))}

    def _box(self, size: Any) -> tuple[int, int, int, int]:
        over = size[0] - self.height, size[1] - self.width
        fits = all(not isinstance(n, int) or n >= 0 for n in over)  # where the size is unknown it is taken to be enough
        return (over[0] // 2, over[1] // 2, self.height, self.width) if fits else self._middle_box(size)

    def _cropped(self, images: Any, interpolation: str) -> Any:
        top, left, *size = self._box(self._size(ops.shape(images)))
        return self._part(images, top, left, (self.height, self.width)) if size == [self.height, self.width] else self._middle(images, interpolation)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._cropped(ops.cast(images, self.compute_dtype), "bilinear")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._cropped(ops.convert_to_tensor(segmentation_masks), "nearest")

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        size, new = self._size(transformation["input_shape"]), (self.height, self.width)
        boxes = self._converted_boxes(bounding_boxes, "xyxy", size)
        boxes["boxes"] = self._cut(boxes["boxes"], self._box(size))
        return self._converted_boxes(clip_to_image_size(boxes, *new), "xyxy", new, back=True)


@register(MODULE)
class RandomCrop(_Sized):
    """In training a random part of images (one for all images of a batch); where they are too small, the middle, resized.

    Args:
        height, width: the size.
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, height: int, width: int, seed: Any = None, data_format: str | None = None, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, name=name, **kwargs)
        self.height, self.width = height, width
        self.seed = random.make_default_seed() if seed is None else seed
        self.generator = random.SeedGenerator(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        size = self._size(images_of(data).shape)
        if None in size:
            raise ValueError("RandomCrop requires the input to have a fully defined height and width. "
                             f"Received: images.shape={images_of(data).shape}")  # fmt: skip
        fits = training and size[0] > self.height and size[1] > self.width
        if not fits:
            top, left, *part = self._middle_box(size)
            return {"top": top, "left": left, "part": tuple(part), "input_size": size}
        top, left = (
            ops.cast(random.uniform((), 0.0, float(n - m + 1), seed=self.generator if seed is None else seed), "int32")
            for n, m in zip(size, (self.height, self.width), strict=True)
        )
        return {"top": top, "left": left, "part": (self.height, self.width), "input_size": size}

    def _cropped(self, images: Any, transformation: Any, interpolation: str) -> Any:
        part = self._part(images, transformation["top"], transformation["left"], transformation["part"])
        size = (self.height, self.width)
        if transformation["part"] == size:
            return part
        return ops.image.resize(part, size, interpolation=interpolation, data_format=self.data_format)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        return self._cropped(images, transformation, "bilinear") if training else images

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        masks = ops.convert_to_tensor(segmentation_masks)
        return self._cropped(masks, transformation, "nearest") if training else masks

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return bounding_boxes
        boxes = self._converted_boxes(bounding_boxes, "xyxy", transformation["input_size"])
        corner = (ops.cast(transformation[k], boxes["boxes"].dtype) for k in ("top", "left"))
        boxes["boxes"] = self._cut(boxes["boxes"], (*corner, *transformation["part"]))
        return self._converted_boxes(boxes, "xyxy", (self.height, self.width), back=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


@register(MODULE)
class Resizing(_Sized):
    """Images at another size.

    Args:
        height, width: the size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether to cut images to the new proportions instead of distorting them.
        pad_to_aspect_ratio: whether to pad them to the new proportions.
        fill_mode: how they are padded: "constant".
        fill_value: what they are padded with.
        antialias: whether kernels grow with the scale, so that fine patterns do not alias in smaller images.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> import numpy as np
        >>> Resizing(2, 3)(np.ones((1, 4, 6, 3))).shape
        TensorShape([1, 2, 3, 3])
    """

    def __init__(self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
                 pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0, antialias: bool = False,
                 data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width, self.interpolation = height, width, interpolation
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value, self.antialias = fill_mode, fill_value, bool(antialias)

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "fill_mode", "fill_value", "antialias")}

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        size = (self.height, self.width)
        return ops.image.resize(images, size, interpolation=interpolation, data_format=self.data_format, **self._options())

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._transform_images(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return self._size(ops.shape(images_of(data)))

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        given = ops.convert_to_tensor(bounding_boxes["boxes"])
        empty = ops.logical_or(ops.all(ops.equal(given, -1), axis=-1), ops.all(ops.equal(given, 0), axis=-1))
        new = (self.height, self.width)
        boxes = self._converted_boxes(bounding_boxes, "xyxy", transformation)
        boxes["boxes"] = self._resized(boxes["boxes"], transformation)
        boxes = clip_to_image_size(boxes, *new)
        boxes["boxes"] = ops.where(empty[..., None], ops.zeros_like(boxes["boxes"]), boxes["boxes"])
        return self._converted_boxes(boxes, "xyxy", new, back=True)

    def _resized(self, boxes: Any, size: Any) -> Any:
        scale = self.height / size[0], self.width / size[1]
        if self.pad_to_aspect_ratio or self.crop_to_aspect_ratio:
            common = min(scale) if self.pad_to_aspect_ratio else max(scale)
            scale = common, common
        middle = [(new - old * s) // 2 if self.pad_to_aspect_ratio else -((old * s - new) // 2)
                  for new, old, s in zip((self.height, self.width), size, scale, strict=True)]  # fmt: skip
        offsets = (middle[1], middle[0]) if self.pad_to_aspect_ratio or self.crop_to_aspect_ratio else (0, 0)
        parts = ops.split(boxes, 4, axis=-1)
        return ops.concatenate([x * s + d for x, s, d in zip(parts, (scale[1], scale[0]) * 2, offsets * 2, strict=True)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "interpolation": self.interpolation, **self._options()}


@register(MODULE)
class RandomFlip(RandomImageLayer):
    """Mirrors each image with probability 1/2.

    Args:
        mode: "horizontal" (left and right exchanged), "vertical", or "horizontal_and_vertical" (both at once).
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, mode: str = "horizontal_and_vertical", seed: Any = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        if mode not in ("horizontal", "vertical", "horizontal_and_vertical"):
            raise ValueError(f"`mode` should be 'horizontal', 'vertical' or 'horizontal_and_vertical'. Received: mode={mode!r}")
        self.mode = mode

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        shape = (images.sizes[0], 1, 1, 1) if images.ndim == 4 else (1, 1, 1)
        return {"flips": self._uniform(shape, (0.0, 1.0), seed) <= 0.5, "input_shape": ops.shape(images)}

    def _flipped(self, images: Any, transformation: Any) -> Any:
        if transformation is None:
            return images
        axes = [axis for word, axis in (("horizontal", self.width_axis), ("vertical", self.height_axis)) if word in self.mode]
        return ops.where(transformation["flips"], ops.flip(images, axis=axes), images)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        return self._flipped(images, transformation) if training else images

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._flipped(ops.convert_to_tensor(segmentation_masks), transformation) if training else segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        size = self._size(transformation["input_shape"])
        boxes = self._converted_boxes(bounding_boxes, "xyxy", size)
        left, top, right, bottom = ops.split(boxes["boxes"], 4, axis=-1)
        if "horizontal" in self.mode:
            left, right = size[1] - right, size[1] - left
        if "vertical" in self.mode:
            top, bottom = size[0] - bottom, size[0] - top
        mirrored = ops.concatenate([left, top, right, bottom], axis=-1)
        boxes["boxes"] = ops.where(ops.squeeze(transformation["flips"], axis=-1), mirrored, boxes["boxes"])
        return self._converted_boxes(clip_to_image_size(boxes, *size), "xyxy", size, back=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mode": self.mode}
