"""How a string, a config, a class or an object becomes a loss, a metric, an initializer...: the `get` of each module."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from tenfold.keras.base.registry import named
from tenfold.keras.saving import serialization


def get(module: str, kind: str, identifier: Any) -> Any:
    """The object that `identifier` means among those registered under `module`; a class is instantiated; None stays None.

    Raises:
        ValueError: nothing of this name exists, or `identifier` is of another kind.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        found = deserialize(module, kind, identifier)
    elif isinstance(identifier, str):
        found = lookup(module, kind, identifier)
    else:
        found = identifier
    if inspect.isclass(found):
        found = found()
    if not callable(found):
        raise ValueError(f"Could not interpret {kind} identifier: {identifier!r}. Expected a name, a config or a callable.")
    return found


def lookup(module: str, kind: str, name: str) -> Any:
    """What is registered as `name`; custom objects count too.

    Raises:
        ValueError: nothing is; the message suggests near names.
    """
    known = named(module)
    found = known.get(name, serialization.get_registered_object(name))
    if found is None:
        near = difflib.get_close_matches(name, known, 3, 0.5)
        hint = f"Did you mean {' or '.join(repr(n) for n in near)}?" if near else f"Expected one of {sorted(known)}."
        raise ValueError(f"Unknown {kind}: {name!r}. {hint}")
    return found


def serialize(thing: Any) -> Any:
    """The config of an object, the name of a function."""
    return serialization.serialize_keras_object(thing)


def deserialize(module: str, kind: str, config: Any, custom_objects: Any = None) -> Any:
    """The object of a full config, a short one (`{"class_name": ..., "config": ...}`) or a name."""
    if isinstance(config, str):
        return lookup(module, kind, config)
    if isinstance(config, dict) and "module" not in config and config.get("class_name") in named(module):
        return named(module)[config["class_name"]].from_config(config.get("config") or {})
    return serialization.deserialize_keras_object(config, custom_objects=custom_objects)
