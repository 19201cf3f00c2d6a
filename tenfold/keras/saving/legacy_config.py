"""How a model of a `.h5` file was compiled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenfold.keras import losses, metrics, optimizers
from tenfold.keras.saving.legacy_names import modern
from tenfold.keras.saving.serialization import deserialize_keras_object

_OPTIMIZER_GONE = ("decay", "jit_compile", "is_legacy_optimizer")


def compile_arguments(training: Any) -> dict[str, Any]:
    """The arguments of `compile` that a file's training_config means.

    Raises:
        ValueError: it names something unknown.
    """
    optimizer = dict(training.get("optimizer_config") or {})
    config = {k: v for k, v in dict(optimizer.get("config") or {}).items() if k not in _OPTIMIZER_GONE}
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    return {
        "optimizer": optimizers.deserialize({**optimizer, "config": modern(config)}) if optimizer else "rmsprop",
        "loss": _each(losses.deserialize, training.get("loss")),
        "metrics": _each(_metric, training.get("metrics")),
        "weighted_metrics": _each(_metric, training.get("weighted_metrics")),
        "loss_weights": training.get("loss_weights"),
    }


def _metric(config: Any) -> Any:
    return config if isinstance(config, str) else metrics.deserialize(config)


def _each(make: Any, config: Any) -> Any:
    """The objects in a nested config: `make` of what is an object."""
    if isinstance(config, str):
        return config
    if isinstance(config, Mapping):
        if "class_name" in config:
            return deserialize_keras_object(config) if config.get("module") else make(modern(config))
        return {k: _each(make, v) for k, v in config.items()}
    return [_each(make, v) for v in config] if isinstance(config, list) else config
