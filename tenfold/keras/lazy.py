"""Public namespaces whose modules are loaded when they are first used."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable
from typing import Any


def names(namespace: str, sources: dict[str, str], gone: dict[str, str] | None = None) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """(`__getattr__`, `__dir__`) of a package.

    Args:
        namespace: the package's full name.
        sources: module -> the public names that it gives, separated by blanks; "public=own" where they differ, "name=*" for the module itself.
        gone: names of Keras 2 that are not there -> what to use instead.
    """
    table = {n.partition("=")[0]: (module, n.rpartition("=")[2]) for module, text in sources.items() for n in text.split()}

    def get(name: str) -> Any:
        if gone and name in gone:
            raise AttributeError(f"{namespace.removeprefix('tenfold.')}.{name} is not in Keras 3. {gone[name]}")
        if name not in table:
            here = [n for n in vars(sys.modules[namespace]) if not n.startswith("_")]
            near = difflib.get_close_matches(name, [*table, *here], 1)
            public = namespace.removeprefix("tenfold.")
            raise AttributeError(f"Tenfold has no {public}.{name} (yet)." + (f" The closest name is {public}.{near[0]}." if near else ""))
        module, own = table[name]
        loaded = importlib.import_module(module)
        return loaded if own == "*" else getattr(loaded, own)

    def listed() -> list[str]:
        return sorted({*table, *getattr(sys.modules[namespace], "__all__", ())})

    return get, listed


def load_everything() -> None:
    """Loads all of Keras, so that files may name each of its classes."""
    importlib.import_module("tenfold.keras.models")


def load_class(name: str) -> None:
    """Loads the file that defines the layer or other class of this name, if it is one of those that are loaded when they are first used."""
    for namespace in ("tenfold.keras.layers", "tenfold.keras.utils", "tenfold.keras.distillation"):
        package = importlib.import_module(namespace)
        if name in dir(package):
            getattr(package, name)


def initializer_named(name: str) -> Any:
    """The initializer of this name."""
    return importlib.import_module("tenfold.keras.initializers").get(name)


def load_operation(kind: str) -> None:
    """Loads the file of `keras.ops` that defines the operation with this class name, if there is one."""
    ops = importlib.import_module("tenfold.keras.ops")
    wanted = _IRREGULAR.get(kind, kind).lower()
    for name in dir(ops):
        if name.replace("_", "") == wanted:
            getattr(ops, name)


_IRREGULAR = {"BatchNorm": "BatchNormalization", "LayerNorm": "LayerNormalization", "RMSNorm": "RMSNormalization"}
