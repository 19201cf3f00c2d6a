"""Models and weights into files and back, by the ending of the path."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

from tenfold.core.errors import InvalidArgumentError, MissingFileError
from tenfold.keras.saving import legacy_h5
from tenfold.keras.saving.model_file import WEIGHTS, parsed, read_model, write_model
from tenfold.keras.saving.older_weights import H5, exists, is_checkpoint, load_checkpoint_weights, older_format, save_older
from tenfold.keras.saving.weights_file import load_weights_from_bytes, weights_to_bytes, weights_to_shards
from tenfold.saving.archive import Folder, SafeZip, write_bytes

_SHARDED = "weights.json"


def _path(filepath: Any, method: str) -> str:
    try:
        return str(os.fspath(filepath))
    except TypeError:
        raise InvalidArgumentError(
            f"[{method}] expected a path. Received: {filepath!r} of type {type(filepath).__name__}. Try 'model.keras'."
        ) from None


def _may_write(path: str, overwrite: bool) -> None:
    if not overwrite and os.path.exists(path):
        raise InvalidArgumentError(f"[save] {path!r} exists and overwrite=False. Try another name, or overwrite=True.")


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
    """Writes the whole model: structure, weights, and how it was compiled with the optimizer's state.

    Args:
        model: the model.
        filepath: ends in `.keras`; in `.h5` for the format of Keras 2.
        overwrite: whether a file that exists may be replaced.
        zipped: False writes a folder instead of one file.
        include_optimizer: whether a `.h5` file gets the optimizer's state.
        save_format: of Keras 2: the path says it; with "tf" and a path without an ending, a folder is written.

    Raises:
        ValueError: the path has another ending, or exists and must not be replaced.
    """
    path = _path(filepath, "save")
    with_optimizer, save_format = kwargs.pop("include_optimizer", True), kwargs.pop("save_format", None)
    if save_format == "tf" and zipped is None and not path.endswith((*H5, ".keras")):
        warnings.warn("[save] save_format='tf' is deprecated. A folder in Keras 3's format is written, which load_model reads; it is no SavedModel. "
                      f"Try {path + '.keras'!r}.", DeprecationWarning, stacklevel=3)  # fmt: skip
        save_format, zipped = None, False
    if save_format:
        if not path.endswith((*H5, ".keras")):
            raise InvalidArgumentError("[save] The `save_format` argument is deprecated in Keras 3. Try leaving it out, with a path that ends in "
                                       f"'.keras' or '.h5'. Received: save_format={save_format!r}, filepath={path}")  # fmt: skip
        warnings.warn(f"[save] The `save_format` argument is deprecated in Keras 3: the path says it. Received: save_format={save_format!r}.",
                      DeprecationWarning, stacklevel=3)  # fmt: skip
    if kwargs:
        raise InvalidArgumentError(f"[save] The following argument(s) are not supported: {sorted(kwargs)}. Expected filepath, overwrite and zipped.")
    if zipped is False and path.endswith((".keras", *H5)):
        raise InvalidArgumentError(f"[save] with zipped=False a folder is written, whose name should not end in '.keras' or '.h5'. Received: {path}")
    if zipped is not False and (not path.endswith((".keras", *H5)) or path.endswith(".weights.h5")):
        raise InvalidArgumentError("[save] Invalid filepath extension for saving. Expected a path that ends in '.keras' (or in '.h5', the format of "
                                   f"Keras 2); received: filepath={path}. Try {os.path.splitext(path)[0] + '.keras'!r}.")  # fmt: skip
    _may_write(path, overwrite)
    if path.endswith(H5):
        warnings.warn("You are saving your model as an HDF5 file. This file format is considered legacy. Try the native Keras format: "
                      "model.save('my_model.keras').", stacklevel=3)  # fmt: skip
        legacy_h5.save_model_to_hdf5(model, path, with_optimizer)
    else:
        write_model(model, path, zipped is not False)


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """Reads a model: a `.keras` file or folder of Tenfold or of Keras 3, or a `.h5` file of Keras 2 or 3.

    Args:
        filepath: the file.
        custom_objects: {name: class or function} for classes of your own.
        compile: whether to compile the model as it was, with its optimizer's state.
        safe_mode: accepted; code in a file is never run, safe or not.

    Raises:
        DataLossError: the file is truncated, damaged or hostile. ValueError: it names an unknown class, or does not fit together.
    """
    path = _path(filepath, "load_model")
    is_folder = os.path.isdir(path)
    if is_folder and not os.path.isfile(os.path.join(path, "config.json")):
        kind = "a TensorFlow SavedModel" if os.path.exists(os.path.join(path, "saved_model.pb")) else "a folder without config.json"
        raise InvalidArgumentError(f"[load_model] File format not supported: filepath={path} is {kind}. Expected a '.keras' or '.h5' file. Try "
                                   "loading it in the program that wrote it, and saving it as '.keras'.")  # fmt: skip
    if not is_folder and not path.endswith((".keras", *H5)) and not _is_zip(path):
        raise InvalidArgumentError(f"[load_model] File format not supported: filepath={path}. Expected a '.keras' file, or a '.h5' file of Keras 2.")
    if not os.path.exists(path):
        raise MissingFileError(f"[load_model] File not found: filepath={path}. Please ensure the file is an accessible `.keras` zip file; current "
                            f"folder is {os.getcwd()!r}.")  # fmt: skip
    if path.endswith(H5):
        return legacy_h5.load_model_from_hdf5(path, custom_objects, compile)
    return read_model(path, custom_objects, compile, safe_mode)


def _is_zip(path: str) -> bool:
    """Whether the file begins as a zip archive does."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(2) == b"PK"


def _check_built(model: Any, doing: str) -> None:
    if not model.built:
        what = "saving a model" if doing == "save" else "loading weights into a model"
        raise InvalidArgumentError(f"[{doing}_weights] You are {what} that has not yet been built. {model.name!r} has no weights yet. Try calling it "
                                   "on data, or model.build(shape).")  # fmt: skip


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None, objects_to_skip: Any = None,
                 save_format: str | None = None) -> None:  # fmt: skip
    """Writes the weights, and the optimizer's state, to a `.weights.h5` file, or to several of at most `max_shard_size` GB.

    Args:
        model: the model.
        filepath: ends in `.weights.h5`; in `.weights.json` for several files, of which it is the table. As in Keras 2, a path that ends in `.h5`
            gets a file of layers by name, and one without an ending a checkpoint of TensorFlow.
        overwrite: whether a file that exists may be replaced.
        max_shard_size: the most gigabytes in a file; None: one file.
        objects_to_skip: layers whose weights are left out.
        save_format: of Keras 2: "h5" or "tf", where the path does not say it.

    Raises:
        ValueError: the path has another ending, the file exists, or the model has no weights yet.
    """
    path = _path(filepath, "save_weights")
    older = older_format(path, save_format) if max_shard_size is None else None
    if older is not None and not objects_to_skip:
        if not overwrite and exists(path, older):
            raise InvalidArgumentError(f"[save_weights] {path!r} exists and overwrite=False. Try another name, or overwrite=True.")
        _check_built(model, "save")
        save_older(model, path, older)
        return
    if max_shard_size is None and not path.endswith(".weights.h5"):
        raise InvalidArgumentError(f"[save_weights] The filename must end in `.weights.h5`. Received: filepath={path}. "
                                   f"Try {path.removesuffix('.h5').removesuffix('.keras') + '.weights.h5'!r}.")  # fmt: skip
    if max_shard_size is not None and not path.endswith(("weights.h5", _SHARDED)):
        raise InvalidArgumentError("[save_weights] The filename must end in `.weights.json` when `max_shard_size` is specified. "
                                   f"Received: filepath={path}")  # fmt: skip
    _may_write(path, overwrite)
    _check_built(model, "save")
    skipped = list(objects_to_skip or ())
    if max_shard_size is None:
        write_bytes(path, weights_to_bytes(model, skipped))
        return
    table = path if path.endswith(".json") else path.removesuffix(".h5") + ".json"
    if table != path:
        warnings.warn(f"[save_weights] several files need a table that ends in `.json`: {path} is renamed to {table}.", stacklevel=2)
    folder, stem = os.path.split(table.removesuffix(".json").removesuffix(".weights"))
    files, places = weights_to_shards(model, max_shard_size * 1024**3, stem, skipped)
    for name, data in files.items():
        write_bytes(os.path.join(folder, name), data)
    write_bytes(table, json.dumps(places, indent=4).encode())


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, objects_to_skip: Any = None, by_name: Any = None,
                 **kwargs: Any) -> Any:  # fmt: skip
    """Reads weights, and the optimizer's state if it is built. If something is wrong, the model stays as it was.

    Args:
        model: the model.
        filepath: a `.weights.h5`, `.weights.json`, `.keras` or (of Keras 2) `.h5` file, or a checkpoint of TensorFlow.
        skip_mismatch: whether layers that do not fit the file are left as they are.
        objects_to_skip: layers to leave alone.
        by_name: whether the layers of a `.h5` file are found by name, not by order.

    Returns:
        Nothing; for a checkpoint of TensorFlow its status, with `assert_consumed()`.

    Raises:
        DataLossError: the file is damaged or hostile. ValueError: it does not fit the model.
    """
    path = _path(filepath, "load_weights")
    if kwargs:
        raise InvalidArgumentError(f"[load_weights] Invalid keyword arguments: {kwargs}")
    if is_checkpoint(path):
        if by_name or skip_mismatch or objects_to_skip:
            raise InvalidArgumentError("[load_weights] by_name, skip_mismatch and objects_to_skip are for HDF5 files: the layers of a checkpoint of "
                                       f"TensorFlow are found by the names of attributes. Received: {path}")  # fmt: skip
        return load_checkpoint_weights(model, path)
    legacy = path.endswith(H5) and not path.endswith(".weights.h5")
    if not path.endswith((*H5, _SHARDED, ".keras")):
        raise InvalidArgumentError(f"[load_weights] File format not supported: filepath={path} has an unknown format. Expected a file that ends in "
                                   f"'.weights.h5', '.weights.json', '.keras' or '.h5', or of a checkpoint's {path}.index.")  # fmt: skip
    if objects_to_skip is not None and (legacy or path.endswith(".keras")):
        raise InvalidArgumentError(f"[load_weights] `objects_to_skip` only supports loading '.weights.h5' files. Received: {path}")
    if by_name is not None and not legacy:
        raise InvalidArgumentError(f"[load_weights] `by_name` only supports loading legacy '.h5' or '.hdf5' files. Received: {path}")
    if not os.path.exists(path):
        raise MissingFileError(f"[load_weights] File not found: {path!r}. Try checking the path; the current folder is {os.getcwd()!r}.")
    _check_built(model, "load")
    data = _read(path)
    if legacy:
        legacy_h5.load_weights_from_hdf5(model, data if isinstance(data, bytes) else b"", path, skip_mismatch, bool(by_name))
        return None
    built = getattr(getattr(model, "optimizer", None), "built", False)
    for problem in load_weights_from_bytes(model, data, path, skip_mismatch, with_optimizer=built, skipped=list(objects_to_skip or ())):
        warnings.warn(problem, stacklevel=3)
    return None


def _read(path: str) -> bytes | dict[str, bytes]:
    """The HDF5 file, or files."""
    if path.endswith(".keras"):
        with Folder(path) if os.path.isdir(path) else SafeZip(path) as archive:
            return archive.read(WEIGHTS, archive.size(WEIGHTS))
    with open(path, "rb") as file:
        data = file.read()
    if not path.endswith(_SHARDED):
        return data
    table = parsed(data, path)
    places = table.get("weight_map") if isinstance(table, dict) else None
    names = [n for place in (places if isinstance(places, dict) else {}).values() for n in (place if isinstance(place, list) else [place])]
    if not isinstance(places, dict) or not all(isinstance(n, str) and n == os.path.basename(n) and n.endswith(".h5") for n in names):
        raise InvalidArgumentError(f"[load_weights] {path!r} is no table of weights, or names files outside of its folder.")
    found = {}
    for name in sorted(set(names)):
        with open(os.path.join(os.path.dirname(path), name), "rb") as file:
            found[name] = file.read()
    return found
