"""From names and configs to optimizers, and back."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import identifiers
from tenfold.keras.base.registry import named
from tenfold.keras.optimizers.base import MODULE, Optimizer


def get(identifier: Any) -> Any:
    """The optimizer that `identifier` means: an optimizer, a name, a class or a config; None stays None.

    Raises:
        ValueError: nothing of this name exists.
    """
    if identifier is None or isinstance(identifier, Optimizer):
        return identifier
    found = deserialize(identifier) if isinstance(identifier, (dict, str)) else identifier
    found = found() if isinstance(found, type) and issubclass(found, Optimizer) else found
    if not isinstance(found, Optimizer):
        raise ValueError(f"Could not interpret optimizer identifier: {identifier!r}. Expected a name such as 'adam', or an Optimizer.")
    return found


def serialize(optimizer: Any) -> Any:
    """The config of an optimizer."""
    return identifiers.serialize(optimizer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The optimizer of a config or name; capitals do not matter in Keras's own names."""
    if isinstance(config, str):
        config = config if config in named(MODULE) else config.lower() if config.lower() in named(MODULE) else config
    elif str(config.get("class_name", "")).lower() in named(MODULE):
        config = {**config, "class_name": named(MODULE)[config["class_name"].lower()].__name__}
    found = identifiers.deserialize(MODULE, "optimizer", config, custom_objects)
    return found() if isinstance(found, type) else found
