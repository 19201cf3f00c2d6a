"""What layers keep in files of their own inside a `.keras` archive: vocabularies."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

from tenfold.core.errors import DataLossError, InvalidArgumentError, OpError
from tenfold.keras.saving.weights_tree import walk

FOLDER = "assets"
MAX_ASSET = 1 << 30


def assets_of(model: Any) -> dict[str, bytes]:
    """The files of all layers that have some: their names in the archive, and what they hold."""
    found: dict[str, bytes] = {}
    for path, thing in walk(model):
        if not hasattr(thing, "save_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            thing.save_assets(folder)
            for root, _, names in os.walk(folder):
                for name in sorted(names):
                    full = os.path.join(root, name)
                    inside = os.path.relpath(full, folder).replace(os.sep, "/")
                    with open(full, "rb") as file:
                        found["/".join(filter(None, (FOLDER, path, inside)))] = file.read()
    return found


def restore_assets(model: Any, files: Mapping[str, bytes], source: str) -> None:
    """Gives each layer its files.

    Args:
        model: the model.
        files: as `assets_of` made them.
        source: the archive's name, for messages.

    Raises:
        DataLossError: a layer cannot read its files.
    """
    for path, thing in walk(model):
        if not hasattr(thing, "load_assets"):
            continue
        start = "/".join(filter(None, (FOLDER, path))) + "/"
        own = {name.removeprefix(start): data for name, data in files.items() if name.startswith(start)}
        direct = {name: data for name, data in own.items() if "/" not in name}
        if direct:
            _load(thing, direct, source, path)


def _load(thing: Any, files: Mapping[str, bytes], source: str, path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as file:
                file.write(data)
        try:
            thing.load_assets(folder)
        except OpError:
            raise
        except (OSError, ValueError, KeyError, IndexError, UnicodeError) as error:
            raise DataLossError(f"[load] {source!r}: the assets of {path!r} cannot be read: {error}.") from None
        except RuntimeError as error:
            raise InvalidArgumentError(f"[load] {source!r} does not fit the model at {path!r}: {error}") from None
