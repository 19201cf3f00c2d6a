"""From names and configs to quantizers, and back."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import identifiers
from tenfold.keras.base.naming import to_snake_case
from tenfold.keras.base.registry import named
from tenfold.keras.quantizers.quantizer import MODULE


def serialize(initializer: Any) -> Any:
    """The config of a quantizer, its class named."""
    return identifiers.serialize(initializer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The quantizer of a config.

    Raises:
        ValueError: it names no known class.
    """
    return identifiers.deserialize(MODULE, "quantizer", config, custom_objects)


def get(identifier: Any, **kwargs: Any) -> Any:
    """A quantizer from its name, its config, its class, itself, or None.

    Raises:
        ValueError: it is nothing of these.
    """
    if isinstance(identifier, str):
        known = {**named(MODULE), **{to_snake_case(name): cls for name, cls in named(MODULE).items()}}
        identifier = known.get(identifier, identifier)
    elif isinstance(identifier, dict):
        identifier = deserialize(identifier)
    if isinstance(identifier, type):
        return identifier(**kwargs)
    if identifier is not None and not callable(identifier):
        raise ValueError(f"Could not interpret quantizer identifier: {identifier}")
    return identifier
