"""`model.weights.h5`: Keras 3's layout of variables in HDF5 groups, written and read with distrust."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import ml_dtypes
import numpy as np

from tenfold.core.errors import DataLossError, InvalidArgumentError
from tenfold.keras.layers.weights import Weights
from tenfold.keras.metrics.base import Metric
from tenfold.keras.naming import to_snake_case
from tenfold.keras.random import SeedGenerator

_SKIPPED = frozenset({"_graph_layers", "_graph", "_functional", "_compiled", "_predictor", "_inbound_nodes", "_made_weights", "_losses"})


# --- where things stand in the file ---
def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """(path, object) for everything with variables, each once: Keras finds them by attribute names and class names."""
    seen: set[int] = set()

    def visit(thing: Any, path: str) -> Iterator[tuple[str, Any]]:
        if id(thing) in seen:
            return
        seen.add(id(thing))
        if not _only_holds(thing):
            yield path, thing
        for name, child in _children(thing):
            yield from enter(child, f"{path}/{name}".lstrip("/"))

    def enter(child: Any, path: str) -> Iterator[tuple[str, Any]]:
        if _is_saveable(child):
            yield from visit(child, path)
        elif isinstance(child, (list, tuple, dict)):
            counts: dict[str, int] = {}
            for item in child.values() if isinstance(child, dict) else child:
                kind = to_snake_case(type(item).__name__) if _is_saveable(item) else "container" if isinstance(item, (list, tuple, dict)) else None
                if kind is None:
                    continue
                counts[kind] = counts.get(kind, -1) + 1
                yield from enter(item, f"{path}/{kind}" + (f"_{counts[kind]}" if counts[kind] else ""))

    yield from visit(root, "")


def _is_saveable(thing: Any) -> bool:
    optimizer = hasattr(thing, "apply_gradients") and hasattr(thing, "variables")
    return isinstance(thing, (Weights, Metric, SeedGenerator)) or optimizer or _only_holds(thing)


def _only_holds(thing: Any) -> bool:
    """Whether it has no variables itself, but layers that have."""
    return bool(getattr(type(thing), "_holds_layers", False))


def _children(thing: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(thing, Weights) and not _only_holds(thing):
        return
    is_graph = getattr(thing, "_graph", None) is not None or hasattr(thing, "_stack")
    if is_graph:
        yield "layers", thing.layers
    attributes = {k: v for k, v in vars(thing).items() if k not in _SKIPPED and not (is_graph and k == "_stack")}
    if not is_graph and hasattr(thing, "save_weights"):
        attributes["layers"] = thing.layers
    for name in sorted(attributes, key=_order):
        yield name, attributes[name]


def _order(name: str) -> str:
    return f"~{name}" if name.startswith("_") else name  # private attributes come last


# --- writing ---
def weights_to_bytes(model: Any, with_optimizer: bool = True) -> bytes:
    """The HDF5 file as bytes."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, thing in walk(model):
            if not with_optimizer and path.split("/")[0] == "optimizer":
                continue
            group = file.create_group(f"{path}/vars" if path else "vars")
            if isinstance(getattr(thing, "name", None), str):
                group.attrs["name"] = thing.name
            values: dict[str, Any] = {}
            _save_own(thing, values)
            for key, value in values.items():
                _write(group, str(key), np.asarray(value))
    return buffer.getvalue()


def _save_own(thing: Any, store: dict[str, Any]) -> None:
    if hasattr(thing, "save_own_variables"):
        thing.save_own_variables(store)
    else:
        for i, v in enumerate(_variables(thing)):
            store[str(i)] = v.numpy()


def _variables(thing: Any) -> list[Any]:
    if isinstance(thing, SeedGenerator):
        return [thing.state]
    return list(thing._variables) if isinstance(thing, Metric) else list(thing.variables)


def _write(group: Any, key: str, value: Any) -> None:
    if value.dtype == ml_dtypes.bfloat16:
        group.create_dataset(key, data=value.view(np.uint16).view("V2")).attrs["dtype"] = "bfloat16"
    else:
        group.create_dataset(key, data=value)


# --- reading ---
class Store:
    """The variables of one object in the file, as `load_own_variables` wants them."""

    def __init__(self, group: Any, where: str, source: str, budget: int) -> None:
        self._group, self._where, self._source, self._budget = group, where, source, budget

    def keys(self) -> list[str]:
        """The variables' names: "0", "1", ..."""
        return [] if self._group is None else list(self._group.keys())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def __getitem__(self, key: str) -> np.ndarray[Any, Any]:
        import h5py

        if key not in self:
            raise KeyError(f"{self._where} has no variable {key!r}")
        dataset = _member(self._group, key, h5py.Dataset, self._source)
        layout = dataset.id.get_create_plist()
        if dataset.is_virtual or layout.get_external_count() or layout.get_nfilters():
            raise DataLossError(f"[load] {self._source!r}: {self._where}/{key} is stored outside of the file or compressed. Expected plain data.")
        size = int(np.prod(dataset.shape, dtype=object)) * dataset.dtype.itemsize if dataset.shape is not None else -1
        if size < 0 or size > self._budget or dataset.id.get_storage_size() < size:
            raise DataLossError(
                f"[load] {self._source!r}: {self._where}/{key} declares {size} bytes in shape {dataset.shape}, which the file does not hold."
            )
        if dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.itemsize == 2:
            return np.asarray(dataset[()]).view(np.uint16).view(ml_dtypes.bfloat16)
        if dataset.dtype.kind not in "fiub":
            raise DataLossError(f"[load] {self._source!r}: {self._where}/{key} holds {dataset.dtype}, which is no number type.")
        return np.asarray(dataset[()])


def _member(group: Any, name: str, kind: Any, source: str) -> Any:
    """A member of a group, if it is a plain one of the right kind."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise DataLossError(f"[load] {source!r}: {group.name}/{name} is a link to elsewhere. Expected plain data.")
    if group.get(name, getclass=True) is not kind:
        raise DataLossError(f"[load] {source!r}: {group.name}/{name} is not a {kind.__name__.lower()}.")
    return group[name]


def _find(file: Any, path: str, source: str) -> Any:
    """The group at `path`, each step of the way checked; None if there is none."""
    import h5py

    group = file
    for part in path.split("/"):
        if part:
            if part not in group:
                return None
            group = _member(group, part, h5py.Group, source)
    return group


def load_weights_from_bytes(model: Any, data: bytes, source: str, skip_mismatch: bool = False, with_optimizer: bool = True) -> list[str]:
    """Sets the model's variables to what the file holds; all of them, or none if something is wrong.

    Args:
        model: the model.
        data: the HDF5 file.
        source: its name, for messages.
        skip_mismatch: whether to leave alone what does not fit.
        with_optimizer: whether the optimizer's state is read too.

    Returns:
        What was skipped.

    Raises:
        DataLossError: the file is damaged or hostile. ValueError: it does not fit the model.
    """
    import h5py

    things = [(p, t) for p, t in walk(model) if with_optimizer or p.split("/")[0] != "optimizer"]
    before = [(v, v.numpy()) for _, t in things for v in _variables(t)]
    try:
        try:
            file = h5py.File(io.BytesIO(data), "r")
        except (OSError, ValueError, TypeError, RuntimeError, KeyError, OverflowError, MemoryError) as error:
            raise DataLossError(f"[load] {source!r}: the weights are damaged: {_first_line(error)}. Try a backup, or saving again.") from None
        with file:
            return [problem for path, thing in things if (problem := _load_one(file, path, thing, source, len(data), skip_mismatch))]
    except BaseException:
        for v, value in before:
            v.assign(value)
        raise


def _load_one(file: Any, path: str, thing: Any, source: str, budget: int, skip_mismatch: bool) -> str:
    """Loads one object's variables; what is wrong, if that may be skipped."""
    optional = isinstance(thing, (SeedGenerator, Metric))
    try:
        group = _find(file, f"{path}/vars", source)
        store = Store(group, path or "the model", source, budget)
        if group is None and optional:
            return ""
        if isinstance(thing, (SeedGenerator, Metric)) or not hasattr(thing, "load_own_variables"):
            _load_plain(thing, store)
        else:
            thing.load_own_variables(store)
    except DataLossError:
        raise
    except (OSError, RuntimeError, MemoryError, OverflowError) as error:
        raise DataLossError(f"[load] {source!r}: the weights of {path!r} cannot be read: {_first_line(error)}.") from None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        text = f"[load] {source!r} does not fit the model at {path or 'the model'!r}: {_first_line(error)}"
        if skip_mismatch or optional:
            return text
        raise InvalidArgumentError(f"{text} Try the model that the file was written from, or skip_mismatch=True.") from None
    return ""


def _load_plain(thing: Any, store: Store) -> None:
    variables = _variables(thing)
    if len(store) != len(variables):
        raise ValueError(f"{getattr(thing, 'name', type(thing).__name__)} expected {len(variables)} variables, but the file has {len(store)}.")
    for i, v in enumerate(variables):
        value = store[str(i)]
        if tuple(value.shape) != tuple(v.shape):
            raise ValueError(f"{v.name} has shape {tuple(v.shape)}, but the file's value has {tuple(value.shape)}.")
        v.assign(value.astype(v.dtype.numpy))


def _first_line(error: Exception) -> str:
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
    return str(text).split("\n")[0]
