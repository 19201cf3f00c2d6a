"""Whole models in one HDF5 file, as Keras 2 wrote them (and Keras 3 still does): `model.save("model.h5")`."""

from __future__ import annotations

import io
import json
import os
import warnings
from typing import Any

import numpy as np

from tenfold.core.errors import DataLossError, InvalidArgumentError
from tenfold.keras.base.variables import path_of
from tenfold.keras.saving.legacy_config import compile_arguments
from tenfold.keras.saving.legacy_names import modern
from tenfold.keras.saving.model_file import KERAS_VERSION, made_from, parsed
from tenfold.keras.saving.serialization import CustomObjectScope, get_registered_name, serialize_keras_object
from tenfold.saving.archive import write_bytes
from tenfold.saving.hdf5 import array, find, first_line, opened, write_array

_LIMIT = 64_000  # bytes of an attribute
_TOP = "top_level_model_weights"


# --- writing ---
def save_model_to_hdf5(model: Any, filepath: Any, include_optimizer: bool = True) -> None:
    """Writes the model's config, its weights by layers, and how it was compiled with the optimizer's state."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = KERAS_VERSION, "tensorflow"
        config = {"class_name": type(model).__name__, "config": _without_builds(serialize_keras_object(model.get_config()))}
        file.attrs["model_config"] = json.dumps(config).encode()
        optimizer = model.optimizer if include_optimizer and model.compiled else None
        if optimizer is not None:
            training = {k: v for k, v in model.get_compile_config().items() if k != "optimizer"}
            name = get_registered_name(type(optimizer))
            training["optimizer_config"] = {"class_name": name, "config": serialize_keras_object(optimizer.get_config())}
            file.attrs["training_config"] = json.dumps(training).encode()
        _write_layers(file.create_group("model_weights"), model)
        if optimizer is not None and optimizer.variables:
            _write_weights(file.create_group("optimizer_weights"), optimizer.variables)
    write_bytes(os.fspath(filepath), buffer.getvalue())


def save_weights_to_hdf5(model: Any, filepath: Any) -> None:
    """Writes the weights by layers, as `model.save_weights("weights.h5")` of Keras 2 did."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        _write_layers(file, model)
    write_bytes(os.fspath(filepath), buffer.getvalue())


def _without_builds(config: Any) -> Any:
    """The config without the shapes that layers were built with: Keras takes what has them for built, here before it has weights."""
    if isinstance(config, dict):
        return {k: _without_builds(v) for k, v in config.items() if not (k == "build_config" and "class_name" in config)}
    return [_without_builds(v) for v in config] if isinstance(config, list) else config


def _write_layers(group: Any, model: Any) -> None:
    group.attrs["backend"], group.attrs["keras_version"] = b"tensorflow", KERAS_VERSION.encode()
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    for layer in sorted(model.layers, key=lambda layer: str(layer.name)):
        _write_weights(group.create_group(layer.name), _weights(layer))
    _write_weights(group.create_group(_TOP), _own_weights(model))


def _weights(layer: Any) -> list[Any]:
    """A layer's weights in Keras 2's order: first those that are trained."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _own_weights(model: Any) -> list[Any]:
    nested = {id(w) for layer in model.layers for w in layer.weights}
    return [w for w in _weights(model) if id(w) not in nested]


def _write_weights(group: Any, weights: list[Any]) -> None:
    names: list[str] = []
    for weight in weights:
        name, count = path_of(weight), 0
        while name in names:
            count += 1
            name = f"{path_of(weight)}_{count}"
        names.append(name)
        write_array(group, name, np.asarray(weight.numpy()))
    _write_names(group, "weight_names", names)


def _write_names(group: Any, attribute: str, names: list[str]) -> None:
    """Writes a list of names; in numbered parts if it is longer than HDF5 takes."""
    data = np.asarray([n.encode() for n in names]) if names else np.zeros(0, "S1")
    count = -(-data.nbytes // _LIMIT) or 1
    for i, part in enumerate(np.array_split(data, count)):
        group.attrs[f"{attribute}{i}" if count > 1 else attribute] = part


# --- reading ---
def load_model_from_hdf5(filepath: Any, custom_objects: Any = None, compile: bool = True) -> Any:
    """The model in a file of Keras 2 or 3.

    Raises:
        DataLossError: the file is damaged or hostile. ValueError: it holds no model, or names something unknown.
    """
    path = os.fspath(filepath)
    with open(path, "rb") as stream:
        data = stream.read()
    with opened(data, path) as file:
        config = _attribute(file, "model_config", path)
        if config is None:
            raise InvalidArgumentError(f"[load_model] No model config found in the file at {path}: it holds weights only. Try making the model by "
                                       "your program, and model.load_weights.")  # fmt: skip
        model = made_from(modern(parsed(config, path)), path, len(data), custom_objects)
        _load_layers(find(file, "model_weights", path), model, path, len(data), False)
        training = _attribute(file, "training_config", path) if compile else None
        if training is not None:
            with CustomObjectScope(custom_objects or {}):
                model.compile(**compile_arguments(parsed(training, path)))
            _load_optimizer(find(file, "optimizer_weights", path), model, path, len(data))
        elif compile:
            warnings.warn("No training configuration found in the save file, so the model was *not* compiled. Compile it manually.", stacklevel=3)
    return model


def load_weights_from_hdf5(model: Any, data: bytes, path: str, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Sets the model's weights to those of the layers in the file, in order or by name; if something is wrong, it stays as it was."""
    with opened(data, path) as file:
        group = file if "layer_names" in file.attrs or "layer_names0" in file.attrs else find(file, "model_weights", path)
        _load_layers(group, model, path, len(data), skip_mismatch, by_name)


def _attribute(group: Any, name: str, path: str) -> str | None:
    try:
        value = group.attrs.get(name)
        return value.decode("utf-8") if isinstance(value, bytes) else None if value is None else str(value)
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        raise DataLossError(f"[load] {path!r}: {name} cannot be read: {first_line(error)}.") from None


def _names(group: Any, attribute: str, path: str) -> list[str]:
    try:
        parts = [group.attrs[attribute]] if attribute in group.attrs else []
        while f"{attribute}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{attribute}{len(parts)}"])
        return [n.decode("utf-8") if isinstance(n, bytes) else str(n) for part in parts for n in part]
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise DataLossError(f"[load] {path!r}: {attribute} cannot be read: {first_line(error)}.") from None


def _arrays(group: Any, path: str, budget: int) -> list[Any]:
    """The arrays of a group in the order of its weight_names, which are paths in it."""
    found = []
    for name in _names(group, "weight_names", path):
        folder, _, last = name.rpartition("/")
        try:
            found.append(array(find(group, folder, path), last, group.name, path, budget))
        except KeyError as error:
            raise DataLossError(f"[load] {path!r}: {first_line(error)}.") from None
    return found


def _load_layers(group: Any, model: Any, path: str, budget: int, skip_mismatch: bool, by_name: bool = False) -> None:
    if group is None:
        raise DataLossError(f"[load] {path!r} holds no weights. Expected the groups of layers that Keras writes.")
    groups = {name: find(group, name, path) for name in _names(group, "layer_names", path)}
    if any(g is None for g in groups.values()):
        raise DataLossError(f"[load] {path!r} lacks the weights of layers that it names.")
    found = {name: _arrays(g, path, budget) for name, g in groups.items()}
    if by_name:
        named = {layer.name: layer for layer in model.layers}
        pairs = [(named[name], _weights(named[name]), values) for name, values in found.items() if name in named]
    else:
        layers = [layer for layer in model.layers if _weights(layer)]
        stored = [values for values in found.values() if values]
        if len(layers) != len(stored):
            raise InvalidArgumentError(f"[load] {path!r} does not fit the model: Layer count mismatch when loading weights from file. Model expected "
                                       f"{len(layers)} layers, found {len(stored)} saved layers.")  # fmt: skip
        pairs = [(layer, _weights(layer), values) for layer, values in zip(layers, stored, strict=True)]
    top = find(group, _TOP, path)
    if top is not None:
        pairs.append((model, _own_weights(model), _arrays(top, path, budget)))
    plan = [item for owner, weights, values in pairs for item in _fitting(owner, weights, values, path, skip_mismatch)]
    for weight, value in plan:
        weight.assign(value.astype(weight.dtype.numpy))


def _fitting(owner: Any, weights: list[Any], values: list[Any], path: str, skip_mismatch: bool) -> list[tuple[Any, Any]]:
    """(weight, value) pairs of a layer.

    Raises:
        ValueError: their number or shapes differ, and that may not be skipped.
    """
    problem = ""
    if len(weights) != len(values):
        problem = f"Weight count mismatch for {owner.name!r}. Layer expects {len(weights)} weight(s). Received {len(values)} saved weight(s)"
    for weight, value in zip(weights, values, strict=False):
        if not problem and tuple(weight.shape) != value.shape:
            problem = f"Shape mismatch in {owner.name!r} for weight {path_of(weight)}: it has {tuple(weight.shape)}, the file {value.shape}"
    if not problem:
        return list(zip(weights, values, strict=True))
    if not skip_mismatch:
        raise InvalidArgumentError(f"[load] {path!r} does not fit the model: {problem}. Try the model that the file was written from, or "
                                   "skip_mismatch=True.")  # fmt: skip
    warnings.warn(f"Skipping: {problem}.", stacklevel=5)
    return []


def _load_optimizer(group: Any, model: Any, path: str, budget: int) -> None:
    """Restores the optimizer's state if it has that of this version; that of Keras 2 has other variables."""
    if group is None:
        return
    model.optimizer.build(model.trainable_variables)
    values, variables = _arrays(group, path, budget), list(model.optimizer.variables)
    if [v.shape for v in values] != [tuple(v.shape) for v in variables]:
        warnings.warn(f"[load_model] the optimizer's state in {path!r} is that of another version of Keras: the optimizer starts anew.", stacklevel=4)
        return
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value.astype(variable.dtype.numpy))
