"""`model.weights.h5`: Keras 3's layout of variables in HDF5 groups, in one file or several, written and read with distrust."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

from tenfold.core.errors import DataLossError, InvalidArgumentError
from tenfold.keras.metrics.base import Metric
from tenfold.keras.random import SeedGenerator
from tenfold.keras.saving.weights_tree import variables_of, walk
from tenfold.saving.hdf5 import array, find, first_line, opened, write_array


# --- writing ---
def entries(model: Any, skipped: Iterable[Any] = ()) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """(path, object, {key: array}) for everything with variables."""
    for path, thing in walk(model, skipped):
        store: dict[str, Any] = {}
        if hasattr(thing, "save_own_variables"):
            thing.save_own_variables(store)
        else:
            store.update((str(i), v.numpy()) for i, v in enumerate(variables_of(thing)))
        yield path, thing, {str(key): np.asarray(value) for key, value in store.items()}


def weights_to_bytes(model: Any, skipped: Iterable[Any] = ()) -> bytes:
    """The HDF5 file as bytes."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, thing, values in entries(model, skipped):
            group = _group(file, path, thing)
            for key, value in values.items():
                write_array(group, key, value)
    return buffer.getvalue()


def _group(file: Any, path: str, thing: Any) -> Any:
    group = file.require_group(f"{path}/vars" if path else "vars")
    if isinstance(getattr(thing, "name", None), str):
        group.attrs["name"] = thing.name
    return group


def weights_to_shards(model: Any, limit: float, stem: str, skipped: Iterable[Any] = ()) -> tuple[dict[str, bytes], dict[str, Any]]:
    """({file name: HDF5 file}, the table of where each group is), each file with at most `limit` bytes of elements.

    Raises:
        ValueError: a single variable is larger.
    """
    import h5py

    shards: list[list[tuple[str, Any, str, Any]]] = [[]]
    room, total, places = limit, 0, dict[str, list[str]]()

    def name(number: int) -> str:
        return f"{stem}_{number:05}.weights.h5"

    for path, thing, values in entries(model, skipped):
        for key, value in values.items():
            if value.nbytes > limit:
                raise InvalidArgumentError(f"[save_weights] The size of {path}/{key} is {value.nbytes} bytes, which exceeds the maximum shard size "
                                           f"{limit:.0f} bytes. Try a larger max_shard_size (in GB).")  # fmt: skip
            if value.nbytes > room:
                shards.append([])
                room = limit
            room, total = room - value.nbytes, total + value.nbytes
            shards[-1].append((path, thing, key, value))
            files = places.setdefault(f"/{path}/vars" if path else "/vars", [])
            if name(len(shards) - 1) not in files:
                files.append(name(len(shards) - 1))
    made = {}
    for i, shard in enumerate(shards):
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            for path, thing, key, value in shard:
                write_array(_group(file, path, thing), key, value)
        made[name(i)] = buffer.getvalue()
    return made, {"metadata": {"total_size": total}, "weight_map": {k: v[0] if len(v) == 1 else v for k, v in places.items()}}


# --- reading ---
class Store:
    """The variables of one object in the file, as `load_own_variables` wants them."""

    def __init__(self, groups: list[Any], where: str, source: str, budget: int) -> None:
        self._groups, self._where, self._source, self._budget = groups, where, source, budget

    def keys(self) -> list[str]:
        """The variables' names: "0", "1", ..."""
        return [key for group in self._groups for key in group]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __getitem__(self, key: str) -> np.ndarray[Any, Any]:
        group = next((g for g in self._groups if key in g), None)
        return array(group, key, self._where, self._source, self._budget)


class _Files:
    """The open files with the weights of a model."""

    def __init__(self, files: list[Any], source: str, budget: int) -> None:
        self._files, self._source, self._budget = files, source, budget

    def groups(self, path: str) -> list[Any]:
        """The groups at this path; in files of Keras 2.13 layers have another name."""
        found = [find(file, path, self._source) for file in self._files]
        if not any(g is not None for g in found) and "layers" in path:
            found = [find(file, path.replace("layers", "_layer_checkpoint_dependencies"), self._source) for file in self._files]
        return [g for g in found if g is not None]

    def store(self, path: str) -> Store:
        """The variables of the object at this path."""
        return Store(self.groups(f"{path}/vars"), path or "the model", self._source, self._budget)

    def without_container(self, path: str) -> str | None:
        """The list in a list that leads to this path, if the file has none: Keras before 3.15 did not look into these."""
        parts = path.split("/")
        for i, part in enumerate(parts):
            if part.partition("_")[0] == "container" and not self.groups("/".join(parts[: i + 1])):
                return "/".join(parts[: i + 1])
        return None


def load_weights_from_bytes(model: Any, data: bytes | Mapping[str, bytes], source: str, skip_mismatch: bool = False, with_optimizer: bool = True,
                            skipped: Iterable[Any] = ()) -> list[str]:  # fmt: skip
    """Sets the model's variables to what the file holds; all of them, or none if something is wrong.

    Args:
        model: the model.
        data: the HDF5 file; or several, by name.
        source: its name, for messages.
        skip_mismatch: whether to leave alone what does not fit.
        with_optimizer: whether the optimizer's state is read too.
        skipped: layers to leave alone.

    Returns:
        What was skipped.

    Raises:
        DataLossError: the file is damaged or hostile. ValueError: it does not fit the model.
    """
    found: dict[int, tuple[list[str], Any]] = {}
    for path, thing in walk(model, skipped, every=True):
        if with_optimizer or path.split("/")[0] != "optimizer":
            found.setdefault(id(thing), ([], thing))[0].append(path)
    things = list(found.values())
    before = [(v, v.numpy()) for _, t in things for v in variables_of(t)]
    parts = {source: data} if isinstance(data, bytes) else data
    try:
        with ExitStack() as stack:
            opening = [stack.enter_context(opened(part, name)) for name, part in parts.items()]
            files = _Files(opening, source, sum(map(len, parts.values())))
            return [problem for paths, thing in things if (problem := _load_one(files, paths, thing, source, skip_mismatch))]
    except BaseException:
        for v, value in before:
            v.assign(value)
        raise


def _load_one(files: _Files, paths: list[str], thing: Any, source: str, skip_mismatch: bool) -> str:
    """Loads one object's variables from the first of its paths that the file has; what is wrong, if that may be skipped."""
    optional = isinstance(thing, (SeedGenerator, Metric))
    path = paths[0]
    try:
        path = next((p for p in paths if len(files.store(p))), path)
        store = files.store(path)
        if len(store) == 0 and optional:
            return ""
        if len(store) == 0 and (missing := files.without_container(path)) is not None:
            warnings.warn(f"Skipping nested container at '{missing}': no matching group found in the saved file. It is of a version of Keras "
                          "that did not save layers in nested containers; they keep the weights that they were made with.", stacklevel=4)  # fmt: skip
            return ""
        if optional or not hasattr(thing, "load_own_variables"):
            _load_plain(thing, store)
        else:
            thing.load_own_variables(store)
    except DataLossError:
        raise
    except (OSError, RuntimeError, MemoryError, OverflowError) as error:
        raise DataLossError(f"[load] {source!r}: the weights of {path!r} cannot be read: {first_line(error)}.") from None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        text = f"[load] {source!r} does not fit the model at {path or 'the model'!r}: {first_line(error)}"
        if skip_mismatch or optional:
            return text
        raise InvalidArgumentError(f"{text} Try the model that the file was written from, or skip_mismatch=True.") from None
    return ""


def _load_plain(thing: Any, store: Store) -> None:
    variables = variables_of(thing)
    if len(store) != len(variables):
        raise ValueError(f"{getattr(thing, 'name', type(thing).__name__)} expected {len(variables)} variables, but the file has {len(store)}.")
    for i, v in enumerate(variables):
        value = store[str(i)]
        if tuple(value.shape) != tuple(v.shape):
            raise ValueError(f"{v.name} has shape {tuple(v.shape)}, but the file's value has {tuple(value.shape)}.")
        v.assign(value.astype(v.dtype.numpy))
