"""`.keras` and `.weights.h5` files, as Keras 3 writes and reads them. `keras.saving`."""

from __future__ import annotations

import datetime
import json
import os
import warnings
from collections.abc import Mapping
from typing import Any

from tenfold.core.errors import DataLossError, InvalidArgumentError, NotFoundError, OpError
from tenfold.keras.assets import FOLDER, MAX_ASSET, assets_of, restore_assets
from tenfold.keras.budget import loading
from tenfold.keras.lazy import load_everything
from tenfold.keras.serialization import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from tenfold.keras.weights_file import load_weights_from_bytes, weights_to_bytes
from tenfold.saving.archive import SafeZip, write_atomically, write_zip

KERAS_VERSION = "3.15.1"  # whose file format this is
MAX_CONFIG = 64 << 20
_WEIGHTS = "model.weights.h5"


def _path(filepath: Any, method: str) -> str:
    try:
        return str(os.fspath(filepath))
    except TypeError:
        raise InvalidArgumentError(
            f"[{method}] expected a path. Received: {filepath!r} of type {type(filepath).__name__}. Try 'model.keras'."
        ) from None


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Writes the whole model: structure, weights, and how it was compiled with the optimizer's state.

    Args:
        model: the model.
        filepath: ends in `.keras`.
        overwrite: whether a file that exists may be replaced.

    Raises:
        ValueError: the path has another ending, or exists and must not be replaced.
    """
    path = _path(filepath, "save")
    if kwargs:
        raise InvalidArgumentError(f"[save] unknown arguments {sorted(kwargs)}. Expected filepath and overwrite.")
    if not path.endswith(".keras"):
        raise InvalidArgumentError(f"[save] Invalid filepath extension for saving. Expected a path that ends in '.keras'; received: filepath={path}. "
                                   f"Try {os.path.splitext(path)[0] + '.keras'!r}.")  # fmt: skip
    _may_write(path, overwrite)
    config = json.dumps(serialize_keras_object(model))
    metadata = {"keras_version": KERAS_VERSION, "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S"), "written_by": "tenfold"}
    described = {"metadata.json": json.dumps(metadata).encode(), "config.json": config.encode()}
    write_zip(path, {**described, _WEIGHTS: weights_to_bytes(model), **assets_of(model)})


def _may_write(path: str, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise InvalidArgumentError(f"[save] {path!r} exists and overwrite=False. Try another name, or overwrite=True.")


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """Reads a `.keras` file, of Tenfold or of Keras 3.

    Args:
        filepath: the file.
        custom_objects: {name: class or function} for classes of your own.
        compile: whether to compile the model as it was, with its optimizer's state.
        safe_mode: accepted; code in a file is never run, safe or not.

    Raises:
        DataLossError: the file is truncated, damaged or hostile. ValueError: it names an unknown class, or does not fit together.
    """
    path = _path(filepath, "load_model")
    load_everything()
    if os.path.isfile(path) and path.endswith((".h5", ".hdf5")):
        raise InvalidArgumentError(
            f"[load_model] {path!r} is a legacy HDF5 file. Expected a '.keras' file. Try loading it in Keras and saving it as '.keras'."
        )
    with SafeZip(path) as archive:
        config = _json(archive.read("config.json", MAX_CONFIG), path)
        if "metadata.json" in archive.names():
            _json(archive.read("metadata.json", 1 << 20), path)
        available = archive.size(_WEIGHTS)
        weights = archive.read(_WEIGHTS, min(available, os.path.getsize(path) * 1000))
        assets = {name: archive.read(name, MAX_ASSET) for name in archive.names() if name.startswith(f"{FOLDER}/") and not name.endswith("/")}
    if not isinstance(config, dict) or "class_name" not in config:
        raise DataLossError(f"[load_model] {path!r} is not a model: its config.json has no class_name.")
    if not compile:
        config = {k: v for k, v in config.items() if k != "compile_config"}
    try:
        with loading(available), CustomObjectScope(custom_objects or {}):
            model = deserialize_keras_object(config)
    except (RecursionError, MemoryError, OverflowError) as error:
        raise DataLossError(f"[load_model] {path!r}: the config describes an impossible model ({type(error).__name__}).") from None
    except OpError as error:
        raise type(error)(f"{error.message} (in {path!r})") from None
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, IndexError, RuntimeError) as error:
        raise InvalidArgumentError(f"[load_model] {path!r}: the model cannot be made from its config: {error}") from None
    if not hasattr(model, "load_own_variables"):
        raise DataLossError(f"[load_model] {path!r} does not hold a model, but a {type(model).__name__}.")
    skipped = load_weights_from_bytes(model, weights, path, with_optimizer=compile)
    restore_assets(model, assets, path)
    for problem in skipped:
        warnings.warn(problem, stacklevel=2)
    return model


def model_to_state(model: Any) -> tuple[str, bytes, dict[str, type], dict[str, bytes]]:
    """What `copy.deepcopy` and `pickle` keep of a model: its config, its weights, the classes that are not Tenfold's, and assets."""
    classes = {type(layer).__name__: type(layer) for layer in [model, *model._flatten_layers()]}
    custom = {name: cls for name, cls in classes.items() if not cls.__module__.startswith("tenfold.")}
    return json.dumps(serialize_keras_object(model)), weights_to_bytes(model), custom, assets_of(model)


def model_from_state(config: str, weights: bytes, custom: dict[str, type], assets: Mapping[str, bytes] | None = None) -> Any:
    """The model that `model_to_state` described."""
    load_everything()
    with CustomObjectScope(custom):
        model = deserialize_keras_object(json.loads(config))
    load_weights_from_bytes(model, weights, "the copy", with_optimizer=True)
    restore_assets(model, assets or {}, "the copy")
    return model


def _json(data: bytes, path: str) -> Any:
    try:
        return json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise DataLossError(f"[load_model] {path!r} is damaged: its JSON cannot be read ({type(error).__name__}).") from None


def save_weights(model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
    """Writes the weights to a `.weights.h5` file.

    Raises:
        ValueError: the path has another ending, the file exists, or the model has no weights yet.
    """
    path = _path(filepath, "save_weights")
    if not path.endswith(".weights.h5"):
        raise InvalidArgumentError(f"[save_weights] The filename must end in '.weights.h5'. Received: filepath={path}. "
                                   f"Try {path.removesuffix('.h5') + '.weights.h5'!r}.")  # fmt: skip
    _may_write(path, overwrite)
    if not model.built:
        raise InvalidArgumentError(
            f"[save_weights] {model.name!r} has no weights yet: it is not built. Try calling it on data, or model.build(shape)."
        )
    data = weights_to_bytes(model)
    write_atomically(path, lambda file: _write_all(file, data))


def _write_all(file: Any, data: bytes) -> None:
    file.write(data)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Reads weights from a `.weights.h5` or `.keras` file. If something is wrong, the model stays as it was.

    Raises:
        DataLossError: the file is damaged or hostile. ValueError: it does not fit the model.
    """
    path = _path(filepath, "load_weights")
    if not os.path.exists(path):
        raise NotFoundError(f"[load_weights] File not found: {path!r}. Try checking the path; the current folder is {os.getcwd()!r}.")
    if not path.endswith((".weights.h5", ".keras")):
        raise InvalidArgumentError(f"[load_weights] {path!r} has an unknown format. Expected a file that ends in '.weights.h5' or '.keras'.")
    if not model.built:
        raise InvalidArgumentError(
            f"[load_weights] {model.name!r} has no weights yet: it is not built. Try calling it on data, or model.build(shape)."
        )
    if path.endswith(".keras"):
        with SafeZip(path) as archive:
            data = archive.read(_WEIGHTS, os.path.getsize(path) * 1000)
    else:
        with open(path, "rb") as file:
            data = file.read()
    for problem in load_weights_from_bytes(model, data, path, skip_mismatch, with_optimizer=False):
        warnings.warn(problem, stacklevel=3)


__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
