"""What layers for images share: batches and single images, images alone or in a dict with labels, bounding boxes and masks."""

from __future__ import annotations

from typing import Any

from tenfold.keras import ops, random
from tenfold.keras.base import defaults
from tenfold.keras.layers.base import Layer
from tenfold.keras.utils.bounding_boxes.formats import convert_format


class Operations:
    """Keras's operations under the names that augmentation layers know them by: `self.backend.numpy`, `.random`, `.image`, `.nn`, `.cast`, ..."""

    name = "tenfold"
    random = random

    def __getattr__(self, name: str) -> Any:
        return ops if name in ("core", "math") else getattr(ops, name)


OPERATIONS = Operations()


class ImageLayer(Layer):
    """A layer that transforms images: by itself a base class.

    Its input is a batch of images or one image, or a dict with "images" and perhaps "labels", "bounding_boxes" (a dict of "boxes" and
    "labels") and "segmentation_masks", which follow the images.

    Args:
        bounding_box_format: as in `keras.utils.bounding_boxes.convert_format`; needed where there are boxes.
        data_format: "channels_last" or "channels_first".
    """

    _stateless = True
    interpolation = "bilinear"

    def __init__(self, *, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format = defaults.data_format(data_format)
        first = self.data_format == "channels_first"
        self.height_axis, self.width_axis, self.channel_axis = (-2, -1, -3) if first else (-3, -2, -1)

    @property
    def backend(self) -> Any:
        """Keras's operations, for subclasses."""
        return OPERATIONS

    # --- to be defined by subclasses ---
    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is drawn once for images, boxes and masks alike."""
        return None

    def _transform_images(self, images: Any, transformation: Any, interpolation: str) -> Any:
        raise NotImplementedError(f"[{self.name}] defines no `_transform_images`.")

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """A batch of images, transformed."""
        images = ops.cast(images, self.compute_dtype)
        return self._transform_images(images, transformation, self.interpolation) if training else images

    def transform_labels(self, labels: Any, transformation: Any = None, training: bool = True) -> Any:
        """The labels of a batch."""
        return labels

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """The boxes of a batch, a dict of "boxes" [batch, boxes, 4] and "labels" [batch, boxes]."""
        return bounding_boxes

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        """The masks of a batch."""
        return segmentation_masks

    # --- single images are batches of one ---
    def _alone(self, function: Any, value: Any, transformation: Any, training: bool) -> Any:
        batch = {k: _first(v) for k, v in value.items()} if isinstance(value, dict) else _first(value)
        result = function(batch, transformation=transformation, training=training)
        return {k: ops.squeeze(v, 0) for k, v in result.items()} if isinstance(result, dict) else ops.squeeze(result, 0)

    def transform_single_image(self, image: Any, transformation: Any, training: bool = True) -> Any:
        """One image, transformed."""
        return self._alone(self.transform_images, image, transformation, training)

    def transform_single_label(self, label: Any, transformation: Any, training: bool = True) -> Any:
        """The label of one image."""
        return self._alone(self.transform_labels, label, transformation, training)

    def transform_single_bounding_box(self, bounding_box: Any, transformation: Any, training: bool = True) -> Any:
        """The boxes of one image."""
        return self._alone(self.transform_bounding_boxes, bounding_box, transformation, training)

    def transform_single_segmentation_mask(self, segmentation_mask: Any, transformation: Any, training: bool = True) -> Any:
        """The mask of one image."""
        return self._alone(self.transform_segmentation_masks, segmentation_mask, transformation, training)

    def call(self, data: Any, training: bool = True) -> Any:
        transformation = self.get_random_transformation(data, training=training)
        images = images_of(data)
        batched = is_batch(images)

        def apply(function: Any, value: Any) -> Any:
            if batched:
                return function(value, transformation=transformation, training=training)
            return self._alone(function, value, transformation, training)

        images = apply(self.transform_images, images)
        if not isinstance(data, dict):
            return images
        result = {**data, "images": images}
        if "bounding_boxes" in data:
            result["bounding_boxes"] = apply(self.transform_bounding_boxes, self._checked_boxes(data["bounding_boxes"]))
        if "labels" in data:
            result["labels"] = apply(self.transform_labels, ops.convert_to_tensor(data["labels"]))
        if "segmentation_masks" in data:
            result["segmentation_masks"] = apply(self.transform_segmentation_masks, ops.convert_to_tensor(data["segmentation_masks"]))
        return result

    def _checked_boxes(self, boxes: Any) -> Any:
        if not self.bounding_box_format:
            raise ValueError(
                "You passed an input with a 'bounding_boxes' key, but you didn't specify a bounding box format. Pass a `bounding_box_format` "
                f"argument to your {type(self).__name__} layer, e.g. `bounding_box_format='xyxy'`."
            )
        if not isinstance(boxes, dict) or not {"boxes", "labels"} <= set(boxes):
            raise ValueError(f"Expected `bounding_boxes` argument to be a dict with keys 'boxes' and 'labels'. Received: bounding_boxes={boxes}")
        return {**boxes, "boxes": ops.convert_to_tensor(boxes["boxes"], "float32"), "labels": ops.convert_to_tensor(boxes["labels"])}

    def _converted_boxes(self, boxes: Any, target: str, size: Any, back: bool = False) -> Any:
        """Boxes from the layer's format to `target`, or back, in images of this height and width."""
        own = self.bounding_box_format or "xyxy"
        source, target = (target, own) if back else (own, target)
        return convert_format(boxes, source, target, height=size[0], width=size[1])

    def _size(self, shape: Any) -> tuple[Any, Any]:
        """Height and width of a shape: integers, or tensors where a function that is traced does not know them."""
        return shape[self.height_axis], shape[self.width_axis]

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The input's shape."""
        return input_shape

    def _resized_shape(self, input_shape: Any, size: tuple[int, int]) -> tuple[Any, ...]:
        if len(input_shape) not in (3, 4) or isinstance(input_shape[0], (list, tuple)):
            raise ValueError("`input_shape` must be a non-nested tuple or list of rank-1 with size 3 (unbatched) or 4 (batched). "
                             f"Received: input_shape={input_shape}")  # fmt: skip
        sizes = list(input_shape)
        sizes[self.height_axis], sizes[self.width_axis] = size
        return tuple(sizes)

    def get_config(self) -> dict[str, Any]:
        boxes = {} if self.bounding_box_format is None else {"bounding_box_format": self.bounding_box_format}
        return {**super().get_config(), "data_format": self.data_format, **boxes}


class RandomImageLayer(ImageLayer):
    """A layer with a generator of random numbers."""

    def __init__(self, seed: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def _uniform(self, shape: Any, bounds: tuple[float, float], seed: Any = None, dtype: Any = "float32") -> Any:
        return random.uniform(shape=shape, minval=bounds[0], maxval=bounds[1], dtype=dtype, seed=self.generator if seed is None else seed)

    def _chosen(self, count: Any, probability: tuple[float, float], seed: Any) -> Any:
        """Which images are transformed, [count]: with a probability that is drawn itself."""
        chance = self._uniform((count,), probability, seed)
        return self._uniform((count,), (0.0, 1.0), seed) < chance

    def _order(self, count: Any, seed: Any) -> Any:
        """The numbers of `count` images in random order; the count may be unknown."""
        return ops.argsort(self._uniform((count,), (0.0, 1.0), seed))

    def _signs(self, shape: Any, seed: Any, dtype: Any = "float32") -> Any:
        """1 or -1."""
        return ops.where(self._uniform(shape, (0.0, 1.0), seed, dtype) > 0.5, ops.cast(-1, dtype), ops.cast(1, dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def _first(x: Any) -> Any:
    return ops.expand_dims(x, 0)


def images_of(data: Any) -> Any:
    """The images of a layer's input."""
    return ops.convert_to_tensor(data["images"] if isinstance(data, dict) else data)


def is_batch(images: Any) -> bool:
    """Whether these are several images.

    Raises:
        ValueError: they are no images.
    """
    if images.ndim not in (3, 4):
        raise ValueError(f"Expected the input image to be rank 3 or 4. Received: inputs.shape={images.shape}")
    return bool(images.ndim == 4)


def count_of(images: Any) -> Any:
    """How many images these are."""
    return images.sizes[0] if is_batch(images) else 1


def per_image(values: Any) -> Any:
    """[batch] as [batch, 1, 1, 1]."""
    return ops.reshape(values, (-1, 1, 1, 1))
