"""Programs that import `tensorflow` and `keras` run on Tenfold unchanged: `tenfold run FILE`."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

ROOTS = {"tensorflow": "tenfold", "keras": "tenfold.keras"}


class Aliases(MetaPathFinder, Loader):
    """Finds `tensorflow`, `keras` and the namespaces below them: the modules are Tenfold's own, under a second name."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in ROOTS:
            return None
        if self.named(fullname) is None:  # Python would look for a file of that name in Tenfold's folder
            raise ModuleNotFoundError(f"Tenfold has no module {fullname!r} (yet).", name=fullname)
        return ModuleSpec(fullname, self, is_package=True)

    def named(self, fullname: str) -> ModuleType | None:
        """Tenfold's module for a name; None if it has none."""
        root, *rest = fullname.split(".")
        module = importlib.import_module(ROOTS[root])
        for name in rest:
            found = getattr(module, name, None)
            if not isinstance(found, ModuleType):
                return None
            module = found
        return module

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        own = self.named(module.__name__)
        assert own is not None
        sys.modules[module.__name__] = own


def install() -> None:
    """From now on `import tensorflow` and `import keras` give Tenfold.

    Raises:
        RuntimeError: the real ones are loaded already.

    Example:
        >>> install()  # doctest: +SKIP
        >>> import tensorflow  # doctest: +SKIP
    """
    for root, own in ROOTS.items():
        loaded = sys.modules.get(root)
        if loaded is not None and loaded is not importlib.import_module(own):
            raise RuntimeError(f"[compat] {root} is loaded already, from {getattr(loaded, '__file__', '?')}. Try install() before it is imported.")
    if not any(isinstance(finder, Aliases) for finder in sys.meta_path):
        sys.meta_path.insert(0, Aliases())


def run(file: str, arguments: Sequence[str] = ()) -> None:
    """Runs a program as `python file arguments...` would, with Tenfold for TensorFlow and Keras."""
    install()
    sys.argv[:] = [file, *arguments]
    sys.path.insert(0, str(Path(file).resolve().parent))
    runpy.run_path(file, run_name="__main__")
