"""Images mixed with others of their batch, rectangles erased; and a layer that limits the number of boxes."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops, random
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import bounds, plain
from tenfold.keras.layers.preprocessing.images.base import ImageLayer, RandomImageLayer, count_of, images_of, per_image


class RectangleLayer(RandomImageLayer):
    """A layer that marks a random rectangle of each image."""

    def _span(self, count: Any, length: int, share: Any, seed: Any) -> tuple[Any, Any]:
        """Where a part that is `share` of `length` starts and ends, [batch]."""
        part = ops.cast(share * length, self.compute_dtype)
        start = self._uniform((count,), (0.0, 1.0), seed, self.compute_dtype) * (length - part)
        return start, start + part

    def _rectangle(self, images: Any, x: tuple[Any, Any], y: tuple[Any, Any]) -> Any:
        """Which pixels are inside: [batch, height, width, 1], or the channels first."""
        inside: Any = None
        for axis, (start, end) in ((self.width_axis, x), (self.height_axis, y)):
            shape = [1, 1, 1, 1]
            shape[axis] = images.sizes[axis]
            place = ops.reshape(ops.arange(images.sizes[axis], dtype=self.compute_dtype), shape)
            here = ops.logical_and(place >= per_image(start), place < per_image(end))
            inside = here if inside is None else ops.logical_and(inside, here)
        return inside


def mixed(values: Any, weight: Any, order: Any) -> Any:
    """weight * values + (1 - weight) * the values of other rows."""
    weight = ops.cast(weight, values.dtype)
    return weight * values + (1 - weight) * ops.take(values, order, axis=0)


def _floats(labels: Any) -> Any:
    return labels if "float" in labels.dtype.name else ops.cast(labels, "float32")


@register(MODULE)
class CutMix(RectangleLayer):
    """Replaces a rectangle of each image by that of another image of the batch; labels are mixed by area (Yun et al., 2019).

    Args:
        factor: the parameter of the beta distribution of shares, between 0 and 1, or a range that it is drawn from.
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, factor: Any = 1.0, seed: Any = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(factor, low=0.0, floor=0.0, lax=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        images = images_of(data)
        if not training or images.ndim == 3:
            return None
        seed, count, (height, width) = self.generator if seed is None else seed, count_of(images), self._size(images.sizes)
        alpha = self._uniform((), self.factor, seed, self.compute_dtype) + 1e-6
        ratio = ops.sqrt(1.0 - random.beta((count,), alpha, alpha, dtype=self.compute_dtype, seed=seed))
        x, y = self._span(count, width, ratio, seed), self._span(count, height, ratio, seed)
        area = (x[1] - x[0]) * (y[1] - y[0]) / (height * width)
        order = self._order(count, seed)
        return {"permutation_order": order, "batch_masks": self._rectangle(images, x, y), "mix_weight": per_image(1.0 - area)}

    def _pasted(self, images: Any, transformation: Any) -> Any:
        return ops.where(transformation["batch_masks"], ops.take(images, transformation["permutation_order"], axis=0), images)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        return self._pasted(images, transformation) if training and transformation is not None else images

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training or transformation is None:
            return labels
        return mixed(_floats(ops.convert_to_tensor(labels)), ops.reshape(transformation["mix_weight"], (-1, 1)), transformation["permutation_order"])

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """Not defined."""
        raise NotImplementedError("[CutMix] knows nothing to do with bounding boxes. Try MixUp.")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        masks = ops.convert_to_tensor(segmentation_masks)
        return self._pasted(masks, transformation) if training and transformation is not None else masks

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@register(MODULE)
class MixUp(RandomImageLayer):
    """Mixes each image, and its label, with another of the batch (Zhang et al., 2017); boxes of both are kept.

    Args:
        alpha: the parameter of the beta distribution of shares.
        data_format: "channels_last" or "channels_first".
        seed: an integer.
    """

    def __init__(self, alpha: float = 0.2, data_format: str | None = None, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(seed, data_format=data_format, **kwargs)
        self.alpha = alpha

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        seed, count = self.generator if seed is None else seed, count_of(images_of(data))
        order = self._order(count, seed)
        return {"mix_weight": random.beta((count,), self.alpha, self.alpha, seed=seed), "permutation_order": order}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        return mixed(images, per_image(transformation["mix_weight"]), transformation["permutation_order"]) if training else images

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return labels
        labels = _floats(ops.convert_to_tensor(labels))
        return mixed(labels, ops.reshape(transformation["mix_weight"], (-1, *[1] * (labels.ndim - 1))), transformation["permutation_order"])

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return bounding_boxes
        order = transformation["permutation_order"]
        boxes, labels = (ops.convert_to_tensor(bounding_boxes[k]) for k in ("boxes", "labels"))
        axis = 1 if labels.ndim > 1 else 0
        return {"boxes": ops.concatenate([boxes, ops.take(boxes, order, axis=0)], axis=1),
                "labels": ops.concatenate([labels, ops.take(labels, order, axis=0)], axis=axis)}  # fmt: skip

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return segmentation_masks
        masks = _floats(ops.convert_to_tensor(segmentation_masks))
        return mixed(masks, per_image(transformation["mix_weight"]), transformation["permutation_order"])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}


@register(MODULE)
class RandomErasing(RectangleLayer):
    """Fills a random rectangle of some of the images (Zhong et al., 2017).

    Args:
        factor: the probability, or a range that it is drawn from for each image.
        scale: the share of the image that is erased, between 0 and 1, or a range.
        fill_value: a number, or one for each of three channels; None: noise.
        value_range: the least and largest value of a channel.
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, factor: Any = 1.0, scale: Any = (0.02, 0.33), fill_value: Any = None, value_range: Any = (0, 255), seed: Any = None,
                 data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(seed, data_format=data_format, **kwargs)
        self.factor = bounds(factor, low=0.0, floor=0.0, lax=True)
        self.scale = bounds(scale, "scale", low=0.0, floor=0.0, lax=True)
        self.fill_value, self.value_range = plain(fill_value), plain(value_range)

    def _filling(self, images: Any, seed: Any) -> Any:
        dtype, value = self.compute_dtype, self.fill_value
        if value is None:
            filling = random.normal(images.sizes, dtype=dtype, seed=seed) * self.value_range[1]
        elif isinstance(value, (int, float)):
            filling = ops.cast(value, dtype)
        elif isinstance(value, (tuple, list)) and len(value) == 3:
            shape = [1, 1, 1]
            shape[self.channel_axis] = 3
            filling = ops.reshape(ops.convert_to_tensor(value, dtype), shape)
        else:
            raise ValueError(f"The `fill_value` argument should be a number (or a list of three numbers) Received: fill_value={value}")
        return ops.clip(filling, self.value_range[0], self.value_range[1])

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = images_of(data)
        seed, count, (height, width) = self.generator if seed is None else seed, count_of(images), self._size(images.sizes)
        share = ops.sqrt(self._uniform((count, 2), self.scale, seed, self.compute_dtype))
        masks = self._rectangle(images, self._span(count, width, share[:, 0], seed), self._span(count, height, share[:, 1], seed))
        chosen = self._chosen(count, self.factor, seed)
        return {"apply_erasing": chosen, "batch_masks": masks, "fill_value": self._filling(images, seed)}

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        erased = ops.logical_and(per_image(transformation["apply_erasing"]), transformation["batch_masks"])
        return ops.where(erased, ops.cast(transformation["fill_value"], images.dtype), images)

    def get_config(self) -> dict[str, Any]:
        own = {"factor": self.factor, "scale": self.scale, "fill_value": self.fill_value, "value_range": self.value_range}
        return {**super().get_config(), **own}


@register(MODULE)
class MaxNumBoundingBoxes(ImageLayer):
    """Gives each image the same number of boxes: what is too many is dropped, what is missing is filled in.

    Args:
        max_number: how many.
        fill_value: the coordinates and labels of those that are filled in.
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number, self.fill_value = int(max_number), int(fill_value)

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return images

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        def limited(values: Any) -> Any:
            kept = ops.convert_to_tensor(values)[:, : self.max_number]
            missing = self.max_number - kept.sizes[1]
            return ops.pad(kept, [[0, 0], [0, missing], *[[0, 0]] * (kept.ndim - 2)], constant_values=self.fill_value) if missing else kept

        return {**bounding_boxes, **{k: limited(bounding_boxes[k]) for k in ("boxes", "labels")}}

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shapes, with that many boxes."""
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        shapes = input_shape["bounding_boxes"]
        extra = set(shapes) - {"boxes", "labels"}
        if extra:
            raise KeyError(f"There are unsupported keys in `bounding_boxes`: {list(extra)}. Only `boxes` and `labels` are supported.")
        return {**input_shape, "bounding_boxes": {k: (s[0], self.max_number, *s[2:]) for k, s in shapes.items()}}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "max_number": self.max_number, "fill_value": self.fill_value}
