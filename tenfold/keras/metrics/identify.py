"""From names and configs to metrics, and back."""

from __future__ import annotations

import inspect
from typing import Any

from tenfold.keras.base import identifiers
from tenfold.keras.base.naming import to_snake_case
from tenfold.keras.base.registry import named
from tenfold.keras.metrics.base import MODULE

SHORT = {"bce": "BinaryCrossentropy", "mse": "MeanSquaredError", "mae": "MeanAbsoluteError", "mape": "MeanAbsolutePercentageError",
         "msle": "MeanSquaredLogarithmicError"}  # fmt: skip


def class_of(name: str) -> Any:
    """The metric class that a name means: its own, in snake case, or an abbreviation; None if there is none."""
    classes = {n: c for n, c in named(MODULE).items() if inspect.isclass(c)}
    if name in classes:
        return classes[name]
    if name.lower() in SHORT and name in (name.lower(), name.upper()):
        return classes[SHORT[name.lower()]]
    return {to_snake_case(n): c for n, c in classes.items()}.get(name)


def get(identifier: Any) -> Any:
    """The metric that `identifier` means: None, a name, a config, a class or a callable.

    Raises:
        ValueError: nothing of this name exists.

    Example:
        >>> get("mse"), get("binary_accuracy")
        (<MeanSquaredError name=mean_squared_error>, <BinaryAccuracy name=binary_accuracy>)
    """
    found = class_of(identifier) if isinstance(identifier, str) else None
    return identifiers.get(MODULE, "metric", identifier if found is None else found)


def serialize(metric: Any) -> Any:
    """The config of a metric."""
    return identifiers.serialize(metric)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The metric of a config or name."""
    return identifiers.deserialize(MODULE, "metric", config, custom_objects)
