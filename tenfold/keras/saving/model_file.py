"""`.keras` files and folders: config, weights and assets of a whole model; and the state that pickle keeps."""

from __future__ import annotations

import datetime
import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

from tenfold.core.errors import DataLossError, InvalidArgumentError, OpError
from tenfold.keras.saving.assets import FOLDER, MAX_ASSET, assets_of, restore_assets
from tenfold.keras.saving.budget import loading
from tenfold.keras.saving.serialization import CustomObjectScope, deserialize_keras_object, serialize_keras_object
from tenfold.keras.saving.weights_file import load_weights_from_bytes, weights_to_bytes
from tenfold.saving.archive import Folder, SafeZip, write_folder, write_zip

KERAS_VERSION = "3.15.1"  # whose file format this is
MAX_CONFIG = 64 << 20
WEIGHTS = "model.weights.h5"
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, IndexError, RuntimeError)  # configs that make no model


# --- writing ---
def write_model(model: Any, path: str, zipped: bool) -> None:
    """Writes the whole model into an archive or a folder."""
    if not model.built:
        warnings.warn("You are saving a model that has not yet been built. It might not contain any weights yet. Consider building the model first "
                      "by calling it on some data.", stacklevel=4)  # fmt: skip
    config = json.dumps(serialize_keras_object(model))
    metadata = {"keras_version": KERAS_VERSION, "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"), "written_by": "tenfold"}
    members = {"metadata.json": json.dumps(metadata).encode(), "config.json": config.encode(), WEIGHTS: weights_to_bytes(model), **assets_of(model)}
    (write_zip if zipped else write_folder)(path, members)


# --- reading ---
def read_model(path: str, custom_objects: Any, compile: bool, safe_mode: bool) -> Any:
    """The model in an archive or a folder."""
    with Folder(path) if os.path.isdir(path) else SafeZip(path) as archive:
        config = parsed(archive.read("config.json", MAX_CONFIG), path)
        if "metadata.json" in archive.names():
            parsed(archive.read("metadata.json", 1 << 20), path)
        available = archive.size(WEIGHTS)
        weights = archive.read(WEIGHTS, available)
        assets = {n: archive.read(n, MAX_ASSET) for n in archive.names() if n.startswith(f"{FOLDER}/") and not n.endswith("/")}
    if not isinstance(config, dict) or "class_name" not in config:
        raise DataLossError(f"[load_model] {path!r} is not a model: its config.json has no class_name.")
    if not compile:
        config = {k: v for k, v in config.items() if k != "compile_config"}
    model = made_from(config, path, available, custom_objects, safe_mode)
    for problem in load_weights_from_bytes(model, weights, path, with_optimizer=compile):
        warnings.warn(problem, stacklevel=4)
    restore_assets(model, assets, path)
    return model


def made_from(config: Any, path: str, available: int, custom_objects: Any = None, safe_mode: bool = True) -> Any:
    """The model of a config that stands in a file with so many bytes of weights.

    Raises:
        DataLossError: the file is hostile. ValueError: the config names something unknown or does not fit together.
    """
    try:
        with loading(2 * available), CustomObjectScope(custom_objects or {}):
            model = deserialize_keras_object(config, safe_mode=safe_mode)
    except (RecursionError, MemoryError, OverflowError) as error:
        raise DataLossError(f"[load_model] {path!r}: the config describes an impossible model ({type(error).__name__}).") from None
    except OpError as error:
        raise type(error)(f"{error.message} (in {path!r})") from None
    except MALFORMED as error:
        raise InvalidArgumentError(f"[load_model] {path!r}: the model cannot be made from its config: {error}") from None
    if not hasattr(model, "load_own_variables"):
        raise DataLossError(f"[load_model] {path!r} does not hold a model, but a {type(model).__name__}.")
    return model


def parsed(data: bytes | str, path: str) -> Any:
    """The JSON value in a file."""
    try:
        return json.loads(data.decode("utf-8") if isinstance(data, bytes) else data)
    except (ValueError, RecursionError) as error:
        raise DataLossError(f"[load_model] {path!r} is damaged: its JSON cannot be read ({type(error).__name__}).") from None


# --- pickle and copy ---
def model_to_state(model: Any) -> tuple[str, bytes, dict[str, type], dict[str, bytes]]:
    """What `copy.deepcopy` and `pickle` keep of a model: its config, its weights, the classes that are not Tenfold's, and assets."""
    classes = {type(layer).__name__: type(layer) for layer in [model, *model._flatten_layers()]}
    custom = {name: cls for name, cls in classes.items() if not cls.__module__.startswith("tenfold.")}
    return json.dumps(serialize_keras_object(model)), weights_to_bytes(model), custom, assets_of(model)


def model_from_state(config: str, weights: bytes, custom: dict[str, type], assets: Mapping[str, bytes] | None = None) -> Any:
    """The model that `model_to_state` described."""
    with CustomObjectScope(custom):
        model = deserialize_keras_object(json.loads(config))
    load_weights_from_bytes(model, weights, "the copy", with_optimizer=True)
    restore_assets(model, assets or {}, "the copy")
    return model
