"""Pipeline: layers one after the other, as one layer."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.call import mask_of, signature
from tenfold.keras.saving import serialization


@register(MODULE)
class Pipeline(Layer):
    """Layers one after the other: a Sequential that is no model, for preprocessing and augmentation.

    Example:
        >>> import numpy as np
        >>> from tenfold.keras.layers.preprocessing.rescaling import Rescaling
        >>> Pipeline([Rescaling(2.0), Rescaling(1.0, offset=1.0)])(np.array([1.0, 2.0])).numpy()
        array([3., 5.], dtype=float32)
    """

    _convert_input_args = False
    _allow_non_tensor_positional_args = True

    def __init__(self, layers: Any, name: str | None = None) -> None:
        super().__init__(name=name)
        self._pipeline_layers = layers

    @property
    def layers(self) -> Any:
        """The layers in their order."""
        return self._pipeline_layers

    def call(self, inputs: Any, training: Any = True, mask: Any = None) -> Any:
        outputs = inputs
        for layer in self._pipeline_layers:
            info = signature(type(layer).call)
            options = {"mask": mask} if info.has_mask else {}
            if info.has_training and training is not None:
                options["training"] = training
            outputs = layer(outputs, **options)
            mask = nest.map_structure(mask_of, outputs)
        return outputs

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A pipeline from its config."""
        layers = config.get("layers")
        if not isinstance(layers, (list, tuple)):
            raise ValueError(f"`Pipeline` config must contain a `layers` key mapping to a list of serialized layers. Received: layers={layers}.")
        return cls(**{**config, "layers": [serialization.deserialize_keras_object(x) for x in layers]})

    def get_config(self) -> dict[str, Any]:
        return {"layers": serialization.serialize_keras_object(self._pipeline_layers), "name": self.name}
