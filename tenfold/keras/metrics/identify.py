"""From names and configs to metrics, and back."""

from __future__ import annotations

from typing import Any

from tenfold.keras import identifiers
from tenfold.keras.metrics.base import MODULE


def get(identifier: Any) -> Any:
    """The metric that `identifier` means: None, a name, a config, a class or a callable.

    Raises:
        ValueError: nothing of this name exists.
    """
    return identifiers.get(MODULE, "metric", identifier)


def serialize(metric: Any) -> Any:
    """The config of a metric."""
    return identifiers.serialize(metric)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The metric of a config or name."""
    return identifiers.deserialize(MODULE, "metric", config, custom_objects)
