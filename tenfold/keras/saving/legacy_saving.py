"""`keras.legacy.saving`: configs in the form of Keras 2, without modules."""

from __future__ import annotations

from typing import Any

from tenfold.keras.saving import serialization
from tenfold.keras.saving.legacy_names import modern


def serialize_keras_object(instance: Any) -> Any:
    """{"class_name", "config"} of an object; the name of a function."""
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        name = serialization.get_registered_name(type(instance))
        return {"class_name": name, "config": serialization.serialize_dict(instance.get_config())}
    if hasattr(instance, "__name__"):
        return serialization.get_registered_name(instance)
    raise ValueError(f"Cannot serialize {instance} because it doesn't implement `get_config()`.")


def deserialize_keras_object(identifier: Any, module_objects: Any = None, custom_objects: Any = None, printable_module_name: str = "object") -> Any:
    """The object of a config, a name or a function."""
    if identifier is None or callable(identifier):
        return identifier
    with serialization.CustomObjectScope({**(module_objects or {}), **(custom_objects or {})}):
        found = serialization.deserialize_keras_object(modern(identifier))
    if isinstance(found, str):
        raise ValueError(f"Unknown {printable_module_name}: '{found}'. Try custom_objects={{'{found}': ...}}.")
    return found


__all__ = ["deserialize_keras_object", "serialize_keras_object"]
