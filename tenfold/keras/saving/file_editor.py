"""`keras.saving.KerasFileEditor`: looks into files of weights, and changes them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.switches import tell
from tenfold.keras.saving.model_file import MAX_CONFIG, WEIGHTS, parsed
from tenfold.keras.saving.weights_file import entries
from tenfold.saving.archive import SafeZip, write_bytes
from tenfold.saving.hdf5 import array, has, member, opened, write_array


class KerasFileEditor:
    """The weights in a `.keras` or `.weights.h5` file, as nested dictionaries of arrays that can be renamed, added and deleted.

    Args:
        filepath: the file. It is read at once, and stays as it is until `save` writes another one.

    Attributes:
        weights_dict: {object: {...: {"0": array}}}.
        config, metadata: those of a `.keras` file.
    """

    def __init__(self, filepath: Any) -> None:
        self.filepath = os.fspath(filepath)
        self.config: Any = None
        self.metadata: Any = None
        self.model = None
        if self.filepath.endswith(".keras"):
            with SafeZip(self.filepath) as archive:
                self.config = parsed(archive.read("config.json", MAX_CONFIG), self.filepath)
                self.metadata = parsed(archive.read("metadata.json", 1 << 20), self.filepath)
                data = archive.read(WEIGHTS, archive.size(WEIGHTS))
        elif self.filepath.endswith(".weights.h5"):
            with open(self.filepath, "rb") as file:
                data = file.read()
        else:
            raise InvalidArgumentError("[KerasFileEditor] Invalid filename: expected a `.keras` or `.weights.h5` extension. "
                                       f"Received: filepath={self.filepath}")  # fmt: skip
        self.object_metadata: dict[str, dict[str, Any]] = {}
        with opened(data, self.filepath) as file:
            self.weights_dict = self._read(file, "", len(data))
        tell(f"Keras model file {self.filepath!r}")
        if isinstance(self.metadata, dict):
            tell(f"Saved with Keras {self.metadata.get('keras_version')} - date: {self.metadata.get('date_saved')}")

    def _read(self, group: Any, path: str, budget: int) -> dict[str, Any]:
        import h5py

        if len(group.attrs):
            self.object_metadata[path] = dict(group.attrs)
        found: dict[str, Any] = {}
        for key in group:
            child = member(group, key, None, self.filepath)
            if isinstance(child, h5py.Group):
                inner = member(child, "vars", h5py.Group, self.filepath) if has(child, "vars") else None
                content = self._read(child, f"{path}/{key}", budget) if inner is None else self._read(inner, f"{path}/{key}", budget)
                if inner is not None:
                    content |= {k: v for k, v in self._read(child, f"{path}/{key}", budget).items() if k != "vars"}
                if content:
                    found[key] = content
            elif isinstance(child, h5py.Dataset):
                found[key] = array(group, key, path or "the model", self.filepath, budget)
        return found

    # --- looking ---
    def summary(self) -> None:
        """Prints what is in the file."""
        tell("Weights structure")
        for line in _lines(self.weights_dict, "  "):
            tell(line)

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Compares with a model and prints each difference.

        Returns:
            {"status": "success" or "error", "error_count": ..., "match_count": ...}.
        """
        expected: dict[str, Any] = {}
        for path, _, values in entries(reference_model):
            place = expected
            for part in (path or "vars").split("/") if values else ():
                place = place.setdefault(part, {})
            place.update(values)
        problems, matches = _differences(self.weights_dict, expected, "")
        for problem in problems:
            tell(f"...{problem}")
        tell(
            f"Comparison successful: {matches} matching weights" if not problems else f"Found {len(problems)} errors: the file does not fit the model"
        )
        return {"status": "error" if problems else "success", "error_count": len(problems), "match_count": matches}

    # --- changing ---
    def _holders(self, name: str) -> Iterator[tuple[dict[str, Any], str]]:
        """(dictionary, key) of the object with this name or path.

        Raises:
            ValueError: there is none, or several have the name.
        """
        if "/" in name:
            *folders, key = name.split("/")
            place: Any = self.weights_dict
            for part in folders:
                place = place.get(part) if isinstance(place, dict) else None
            found = [(place, key)] if isinstance(place, dict) and key in place else []
            if not found:
                raise InvalidArgumentError(f"[KerasFileEditor] Path '{name}' not found in model. Try summary().")
        else:
            found = [(d, name) for d in _dictionaries(self.weights_dict) if name in d]
            if len(found) > 1:
                raise InvalidArgumentError(f"[KerasFileEditor] Name '{name}' occurs more than once in the model; try passing a complete path.")
            if not found:
                raise InvalidArgumentError(f"[KerasFileEditor] Source name '{name}' does not appear in the model. Try summary() to list all objects.")
        yield from found

    def _edit(self, name: str, change: Callable[[dict[str, Any], str], Any]) -> None:
        for place, key in self._holders(name):
            change(place, key)

    def rename_object(self, object_name: str, new_name: str) -> None:
        """Gives an object (a name or path) another name."""
        if "/" in new_name:
            raise InvalidArgumentError(f"[KerasFileEditor] `new_name` should be a leaf name, not a full path name. Received: {new_name!r}")
        self._edit(object_name, lambda place, key: place.update({new_name: place.pop(key)}))

    def delete_object(self, object_name: str) -> None:
        """Deletes an object (a name or path)."""
        self._edit(object_name, lambda place, key: place.pop(key))

    def add_object(self, object_path: str, weights: Any) -> None:
        """Adds an object with weights {"0": array, ...} at a path whose folders exist."""
        *folders, key = object_path.split("/")
        place: Any = self.weights_dict
        for part in folders:
            if part not in place:
                raise InvalidArgumentError(f"[KerasFileEditor] Path '{'/'.join(folders)}' not found in model. Try summary().")
            place = place[part]
        place[key] = _checked(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Deletes a weight of an object."""

        def delete(place: dict[str, Any], key: str) -> None:
            if weight_name not in place[key]:
                raise InvalidArgumentError(f"[KerasFileEditor] Weight {weight_name} not found in object {object_name}. "
                                           f"Weights found: {list(place[key])}")  # fmt: skip
            del place[key][weight_name]

        self._edit(object_name, delete)

    def add_weights(self, object_name: str, weights: Any) -> None:
        """Adds weights {"0": array, ...} to an object."""
        self._edit(object_name, lambda place, key: place[key].update(_checked(weights)))

    def save(self, filepath: Any) -> None:
        """Writes the weights to a `.weights.h5` file."""
        import h5py

        path = os.fspath(filepath)
        if not path.endswith(".weights.h5"):
            raise InvalidArgumentError(f"[KerasFileEditor] Invalid `filepath` argument: expected a `.weights.h5` extension. Received: {path}")
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            _write(file, self.weights_dict)
        write_bytes(path, buffer.getvalue())

    resave_weights = save


def _checked(weights: Any) -> dict[str, Any]:
    if not isinstance(weights, dict):
        raise InvalidArgumentError("[KerasFileEditor] `weights` should be a dict from names (usually '0', '1', ...) to arrays. "
                                   f"Received: {type(weights).__name__}")  # fmt: skip
    return {str(k): np.asarray(v) for k, v in weights.items()}


def _dictionaries(place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield place
    for value in place.values():
        if isinstance(value, dict):
            yield from _dictionaries(value)


def _lines(place: dict[str, Any], indent: str) -> Iterator[str]:
    for i, (key, value) in enumerate(place.items()):
        last = i == len(place) - 1
        mark = f"{indent}{'└─' if last else '├─'} {key}"
        if isinstance(value, dict):
            yield mark
            yield from _lines(value, indent + ("    " if last else "│   "))
        else:
            yield f"{mark}: shape={value.shape}, dtype={value.dtype}"


def _differences(found: dict[str, Any], expected: dict[str, Any], path: str) -> tuple[list[str], int]:
    """(what differs, how many weights fit)."""
    problems, matches = [], 0
    for key in dict.fromkeys([*expected, *found]):
        where = f"{path}/{key}"
        ours, theirs = found.get(key), expected.get(key)
        if ours is None or theirs is None:
            problems.append(f"{where} is missing from the {'file' if ours is None else 'model'}")
        elif isinstance(ours, dict) and isinstance(theirs, dict):
            inner, count = _differences(ours, theirs, where)
            problems, matches = problems + inner, matches + count
        elif isinstance(ours, dict) or isinstance(theirs, dict) or ours.shape != theirs.shape:
            shapes = [getattr(v, "shape", "an object") for v in (ours, theirs)]
            problems.append(f"{where} differs: {shapes[0]} in the file, {shapes[1]} in the model")
        else:
            matches += 1
    return problems, matches


def _write(group: Any, place: dict[str, Any]) -> None:
    arrays = {k: v for k, v in place.items() if not isinstance(v, dict)}
    holder = group if group.name.rpartition("/")[2] == "vars" else group.create_group("vars") if arrays else None
    for key, value in arrays.items():
        write_array(holder, key, np.asarray(value))
    for key, value in place.items():
        if isinstance(value, dict) and value:
            _write(group.create_group(key), value)
