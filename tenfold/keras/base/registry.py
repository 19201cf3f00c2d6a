"""The closed table of classes and functions that a file may name: public module and name -> object.

Every Keras module registers its own; `serialization` reads the table and knows no other way from a name to an object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tenfold.keras.base.lazy import load_all

T = TypeVar("T")
OBJECTS: dict[tuple[str, str], Any] = {}  # ("keras.layers", "Dense") -> Dense
MODULES: dict[Any, str] = {}  # Dense -> "keras.layers"


def register(module: str, *aliases: str) -> Callable[[T], T]:
    """Makes a class or function known under `module` (e.g. "keras.losses") by its own name and by `aliases`."""

    def add(thing: T) -> T:
        for name in (thing.__name__, *aliases):  # type: ignore[attr-defined]
            OBJECTS[module, name] = thing
        MODULES[thing] = module
        return thing

    return add


def public_module(thing: Any) -> str | None:
    """The public module of a class or function, e.g. "keras.layers"; None if it is not Tenfold's."""
    return MODULES.get(thing)


def named(module: str) -> dict[str, Any]:
    """All registered names of one public module, whose files are loaded."""
    load_all(module)
    return {name: thing for (where, name), thing in OBJECTS.items() if where == module}
