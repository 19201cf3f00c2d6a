"""From configs to layers, and back."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import identifiers
from tenfold.keras.layers.base import MODULE


def serialize(layer: Any) -> Any:
    """The config of a layer, its class named."""
    return identifiers.serialize(layer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The layer of a config.

    Raises:
        ValueError: it names no known class.
    """
    return identifiers.deserialize(MODULE, "layer", config, custom_objects)
