"""Random choices among augmentations: RandAugment and AugMix."""

from __future__ import annotations

import random as python_random
from typing import Any

from tenfold.keras import ops, random
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.preprocessing.images.arguments import bounds, plain
from tenfold.keras.layers.preprocessing.images.base import ImageLayer, RandomImageLayer
from tenfold.keras.layers.preprocessing.images.colors import RandomBrightness, RandomColorDegeneration, RandomContrast
from tenfold.keras.layers.preprocessing.images.filters import RandomSharpness
from tenfold.keras.layers.preprocessing.images.tones import AutoContrast, Equalization, RandomPosterization, Solarization
from tenfold.keras.layers.preprocessing.images.warps import RandomRotation, RandomShear, RandomTranslation

GEOMETRY = ("random_shear", "random_translation", "random_rotation")
COLORS = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")
TONES = ("random_posterization", "solarization", "auto_contrast", "equalization")


class PolicyLayer(RandomImageLayer):
    """A layer that applies other layers, which it makes."""

    def __init__(self, value_range: Any, factor: Any, interpolation: str, seed: Any, names: tuple[str, ...], **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.value_range = plain(value_range)
        self.factor = bounds(factor, low=0.0, floor=0.0, lax=True)
        self.interpolation = interpolation
        self._names = names
        for name, layer in self._made(kwargs).items():
            setattr(self, name, layer)

    def _made(self, kwargs: dict[str, Any]) -> dict[str, ImageLayer]:
        common = {k: v for k, v in kwargs.items() if k != "name"}
        plain, drawn = {**common, "value_range": self.value_range}, {**common, "seed": self.seed}
        color, moving = {**plain, "seed": self.seed}, {**drawn, "interpolation": self.interpolation}
        factor = self.factor
        makers: dict[str, Any] = {
            "random_shear": lambda: RandomShear(x_factor=factor, y_factor=factor, **moving),
            "random_translation": lambda: RandomTranslation(height_factor=factor, width_factor=factor, **moving),
            "random_rotation": lambda: RandomRotation(factor=factor, **moving),
            "random_brightness": lambda: RandomBrightness(factor=factor, **color),
            "random_color_degeneration": lambda: RandomColorDegeneration(factor=factor, **color),
            "random_contrast": lambda: RandomContrast(factor=factor, **color),
            "random_sharpness": lambda: RandomSharpness(factor=factor, **color),
            "random_posterization": lambda: RandomPosterization(factor=max(1, int(8 * factor[1])), **color),
            "solarization": lambda: Solarization(addition_factor=factor, threshold_factor=factor, **color),
            "auto_contrast": lambda: AutoContrast(**plain),
            "equalization": lambda: Equalization(**plain),
        }
        return {name: makers[name]() for name in self._names}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "value_range": self.value_range, "factor": self.factor, "interpolation": self.interpolation}


@register(MODULE)
class RandAugment(PolicyLayer):
    """Applies randomly chosen augmentations, one after the other (Cubuk et al., 2019).

    Args:
        value_range: the least and largest value of a channel.
        num_ops: how many.
        factor: their strength, between 0 and 1, or a range.
        interpolation: "bilinear" or "nearest".
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, value_range: Any = (0, 255), num_ops: int = 2, factor: Any = 0.5, interpolation: str = "bilinear", seed: Any = None,
                 data_format: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(value_range, factor, interpolation, seed, (*GEOMETRY, *COLORS, *TONES), data_format=data_format, **kwargs)
        self.num_ops = num_ops

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        seed = self.generator if seed is None else seed
        chosen = random.randint((self.num_ops,), 0, len(self._names), seed=seed)
        transforms = {name: getattr(self, name).get_random_transformation(data, training=training, seed=seed) for name in self._names}
        return {"transforms": transforms, "layer_idxes": chosen}

    def _applied(self, value: Any, transformation: Any, function: str) -> Any:
        """The value after the chosen steps; all are computed, and all but the chosen ones dropped."""
        for i in range(self.num_ops):
            before = value
            for number, (name, one) in enumerate(transformation["transforms"].items()):
                after = getattr(getattr(self, name), function)(before, one)
                value = _select(ops.equal(transformation["layer_idxes"][i], number), after, value)
        return value

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        return self._applied(images, transformation, "transform_images") if training else images

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        if not training:
            return bounding_boxes
        for name in GEOMETRY:
            getattr(self, name).bounding_box_format = self.bounding_box_format
        return self._applied(bounding_boxes, transformation, "transform_bounding_boxes")

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._applied(segmentation_masks, transformation, "transform_segmentation_masks") if training else segmentation_masks

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_ops": self.num_ops}


def _select(condition: Any, after: Any, before: Any) -> Any:
    if isinstance(after, dict):
        return {k: ops.where(condition, after[k], before[k]) for k in after}
    return ops.where(condition, after, before)


@register(MODULE)
class AugMix(PolicyLayer):
    """Mixes images with several chains of augmentations of them (Hendrycks et al., 2019).

    Args:
        value_range: the least and largest value of a channel.
        num_chains: how many chains.
        chain_depth: how many steps each has.
        factor: their strength, between 0 and 1, or a range.
        alpha: the parameter of the distributions of the shares.
        all_ops: whether brightness, contrast, sharpness and color are among the steps.
        interpolation: "bilinear" or "nearest".
        seed: an integer.
        data_format: "channels_last" or "channels_first".
    """

    def __init__(self, value_range: Any = (0, 255), num_chains: int = 3, chain_depth: int = 3, factor: Any = 0.3, alpha: float = 1.0,
                 all_ops: bool = True, interpolation: str = "bilinear", seed: Any = None, data_format: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        names = (*GEOMETRY, *TONES, *(COLORS if all_ops else ()))
        super().__init__(value_range, factor, interpolation, seed, names, data_format=data_format, **kwargs)
        self.num_chains, self.chain_depth, self.alpha, self.all_ops = num_chains, chain_depth, alpha, all_ops

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        seed = self.generator if seed is None else seed
        shares = random.gamma((self.num_chains,), self.alpha, seed=seed)
        chains = [[self._step(data, seed) for _ in range(self.chain_depth)] for _ in range(self.num_chains)]
        return {"chain_mixing_weights": shares / ops.sum(shares), "weight_sample": random.beta((), self.alpha, self.alpha, seed=seed),
                "chain_transforms": [[step for step in chain if step is not None] for chain in chains]}  # fmt: skip

    def _step(self, data: Any, seed: Any) -> Any:
        name = python_random.choice([*self._names, None])
        if name is None:
            return None
        return {"layer_name": name, "transformation": getattr(self, name).get_random_transformation(data, seed=seed)}

    def _mixed(self, value: Any, transformation: Any, function: str) -> Any:
        dtype = self.compute_dtype
        shares = ops.cast(transformation["chain_mixing_weights"], dtype)
        total: Any = 0
        for i, chain in enumerate(transformation["chain_transforms"]):
            one = value
            for step in chain:
                one = getattr(getattr(self, step["layer_name"]), function)(one, step["transformation"])
            total = total + ops.cast(one, dtype) * shares[i]
        share = ops.cast(transformation["weight_sample"], dtype)
        return share * ops.cast(value, dtype) + (1 - share) * total

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        return ops.clip(self._mixed(images, transformation, "transform_images"), self.value_range[0], self.value_range[1])

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._mixed(segmentation_masks, transformation, "transform_segmentation_masks") if training else segmentation_masks

    def get_config(self) -> dict[str, Any]:
        own = {"num_chains": self.num_chains, "chain_depth": self.chain_depth, "alpha": self.alpha, "all_ops": self.all_ops}
        return {**super().get_config(), **own}
