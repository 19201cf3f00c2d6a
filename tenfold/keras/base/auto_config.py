"""Remembers the arguments that an object was made with, so that simple layers need no `get_config`."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

from tenfold.core import nest

PLAIN = (str, int, float, bool, type(None))


@cache
def _signature(cls: Any) -> inspect.Signature:
    return inspect.signature(cls.__init__)


def captured(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any] | None:
    """The arguments by name, defaults included, without `name`; None if some cannot be written to a file."""
    signature = _signature(cls)
    try:
        bound = signature.bind(None, *args, **kwargs)
    except TypeError:
        return None
    bound.apply_defaults()
    config: dict[str, Any] = {}
    for i, (name, parameter) in enumerate(signature.parameters.items()):
        if i == 0:
            continue
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            config.update(bound.arguments[name])
        elif parameter.kind is inspect.Parameter.VAR_POSITIONAL or parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            if bound.arguments[name]:
                return None
        else:
            config[name] = bound.arguments[name]
    config.pop("name", None)
    return config if all(isinstance(v, PLAIN) for v in nest.flatten(config)) else None


def restored(thing: Any) -> dict[str, Any]:
    """The config of an object whose class defines none.

    Raises:
        NotImplementedError: it was made with arguments that cannot be written to a file.
    """
    config = thing._auto_config
    if config is None:
        raise NotImplementedError(
            f"Object {type(thing).__name__} was created by passing non-serializable argument values in `__init__()`, "
            "and therefore the object must override `get_config()` in order to be serializable. Please implement `get_config()`, e.g.:\n"
            "    def get_config(self):\n        return {**super().get_config(), 'units': self.units}"
        )
    cls: Any = type(thing)
    parameters = _signature(cls).parameters
    takes_name = "name" in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return {**({"name": thing.name} if takes_name else {}), **config}
