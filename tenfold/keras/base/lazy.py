"""Public namespaces whose modules are loaded when they are first used."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from typing import Any

_TABLES: dict[str, dict[str, str]] = {}  # package -> its sources


def names(
    namespace: str, sources: dict[str, str], gone: dict[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """(`__getattr__`, `__dir__`, `__all__`) of a package.

    Args:
        namespace: the package's full name.
        sources: module -> the public names that it gives, separated by blanks; "public=own" where they differ, "name=*" for the module itself.
        gone: names of Keras 2 that are not there -> what to use instead.
    """
    _TABLES[namespace] = sources
    table = {n.partition("=")[0]: (module, n.rpartition("=")[2]) for module, text in sources.items() for n in text.split()}

    def get(name: str) -> Any:
        if gone and name in gone:
            raise AttributeError(f"{namespace.removeprefix('tenfold.')}.{name} is not in Keras 3. {gone[name]}")
        if name not in table:
            near = difflib.get_close_matches(name, table, 1)
            public = namespace.removeprefix("tenfold.")
            raise AttributeError(f"Tenfold has no {public}.{name} (yet)." + (f" The closest name is {public}.{near[0]}." if near else ""))
        module, own = table[name]
        loaded = importlib.import_module(module)
        return loaded if own == "*" else getattr(loaded, own)

    public = sorted(table)
    return get, public.copy, public


def load_all(namespace: str) -> None:
    """Loads every file of a public module such as "keras.losses", so that all it offers is registered."""
    package = f"tenfold.{namespace}"
    importlib.import_module(package)
    for module in _TABLES.get(package, ()):
        importlib.import_module(module)


def load_class(name: str) -> None:
    """Loads the file that defines the class or function of this name, if it is one of those that are loaded when they are first used."""
    for namespace in _NAMED_IN_FILES:
        package = importlib.import_module(namespace)
        if name in package.__all__:
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
_NAMED_IN_FILES = tuple(
    f"tenfold.keras{where}"
    for where in ("", ".layers", ".losses", ".metrics", ".optimizers", ".initializers", ".models", ".utils", ".distillation")
)  # fmt: skip
