"""Configs of Keras 2 with the spellings of Keras 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenfold.keras.saving.serialization import MAX_DEPTH

_GONE = ("time_major", "implementation", "ragged", "sparse", "module", "function_type", "output_shape_type", "output_shape_module")
_REDUCTIONS = {"auto": "sum_over_batch_size"}


def modern(config: Any, depth: int = 0) -> Any:
    """The config with the spellings of Keras 3. What has a module is of Keras 3 already."""
    if isinstance(config, list) and depth < MAX_DEPTH:
        return [modern(v, depth + 1) for v in config]
    if not isinstance(config, Mapping) or depth >= MAX_DEPTH:
        return config
    inner = config.get("config")
    if "class_name" in config and config.get("module") is None and isinstance(inner, (Mapping, list)):
        inner = {"name": "sequential", "layers": inner} if isinstance(inner, list) and config["class_name"] == "Sequential" else inner
        return {**config, "config": _renamed(str(config["class_name"]), modern(inner, depth + 1))}
    return {k: modern(v, depth + 1) for k, v in config.items()}


def _renamed(kind: str, config: Any) -> Any:
    if not isinstance(config, Mapping):
        return config
    made = {k: v for k, v in config.items() if k not in _GONE or (k in ("sparse", "ragged") and kind == "InputLayer")}
    shape = made.pop("batch_input_shape", None)
    if shape is not None:
        made["batch_shape" if kind == "InputLayer" else "batch_input_shape"] = shape
    axis = made.get("axis")
    if isinstance(axis, list) and len(axis) == 1:
        made["axis"] = axis[0]
    if kind == "Lambda" and isinstance(made.get("function"), list):
        made["function"] = {"class_name": "__lambda__", "config": {}}  # the code of a function, which is refused
    if made.get("reduction") in _REDUCTIONS:
        made["reduction"] = _REDUCTIONS[made["reduction"]]
    return made
