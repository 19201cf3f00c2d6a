"""Reading of HDF5 files that trusts nothing in them: no links, no data outside of the file, no shape that is larger than what is stored."""

from __future__ import annotations

import io
from typing import Any

import ml_dtypes
import numpy as np

from tenfold.core.errors import DataLossError

FAILURES = (OSError, ValueError, TypeError, RuntimeError, KeyError, OverflowError, MemoryError)  # what h5py raises for damaged files


def opened(data: bytes, source: str) -> Any:
    """The file that these bytes are.

    Raises:
        DataLossError: they are none.
    """
    import h5py

    try:
        return h5py.File(io.BytesIO(data), "r")
    except FAILURES as error:
        raise DataLossError(f"[load] {source!r}: the weights are damaged: {first_line(error)}. Try a backup, or saving again.") from None


def has(group: Any, name: str) -> bool:
    """Whether a group has a member of this name. Links are not followed, as `name in group` does."""
    return group.get(name, getlink=True) is not None


def member(group: Any, name: str, kind: Any, source: str) -> Any:
    """A member of a group, if it is a plain one of the right kind; None: of any kind."""
    import h5py

    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise DataLossError(f"[load] {source!r}: {group.name}/{name} is a link to elsewhere. Expected plain data. Not allowed: H5 file with "
                            f"{type(link).__name__}.")  # fmt: skip
    if kind is not None and group.get(name, getclass=True) is not kind:
        raise DataLossError(f"[load] {source!r}: {group.name}/{name} is not a {kind.__name__.lower()}.")
    return group[name]


def find(file: Any, path: str, source: str) -> Any:
    """The group at `path`, each step of the way checked; None if there is none."""
    import h5py

    group = file
    for part in path.split("/"):
        if part:
            if not has(group, part):
                return None
            group = member(group, part, h5py.Group, source)
    return group


def array(group: Any, name: str, where: str, source: str, budget: int) -> np.ndarray[Any, Any]:
    """The elements of a dataset.

    Args:
        group: that holds it. name: its name there.
        where: the group, for messages. source: the file, for messages.
        budget: the most bytes that it may have: those of the file.

    Raises:
        KeyError: there is no such dataset. DataLossError: it is not plain data.
    """
    import h5py

    if group is None or not has(group, name):
        raise KeyError(f"{where} has no variable {name!r}")
    dataset = member(group, name, h5py.Dataset, source)
    layout = dataset.id.get_create_plist()
    if dataset.is_virtual or layout.get_external_count() or layout.get_nfilters():
        kind = "stored outside of the file (virtual)" if dataset.is_virtual else "stored outside of the file or compressed"
        raise DataLossError(f"[load] {source!r}: {where}/{name} is {kind}. Expected plain data.")
    size = int(np.prod(dataset.shape, dtype=object)) * dataset.dtype.itemsize if dataset.shape is not None else -1
    if size < 0 or size > budget or dataset.id.get_storage_size() < size:
        raise DataLossError(f"[load] {source!r}: {where}/{name} declares {size} bytes in shape {dataset.shape}, which the file does not hold.")
    if dataset.attrs.get("dtype") == "bfloat16" and dataset.dtype.itemsize == 2:
        return np.asarray(dataset[()]).view(np.uint16).view(ml_dtypes.bfloat16)
    if dataset.dtype.kind not in "fiub":
        raise DataLossError(f"[load] {source!r}: {where}/{name} holds {dataset.dtype}, which is no number type.")
    return np.asarray(dataset[()])


def write_array(group: Any, name: str, value: Any) -> None:
    """Makes a dataset; bfloat16, which HDF5 does not know, as two bytes each."""
    if value.dtype == ml_dtypes.bfloat16:
        group.create_dataset(name, data=value.view(np.uint16).view("V2")).attrs["dtype"] = "bfloat16"
    else:
        group.create_dataset(name, data=value)


def first_line(error: Exception) -> str:
    """The first line of an error's message."""
    text = error.args[0] if isinstance(error, KeyError) and error.args else str(error)
    return str(text).split("\n")[0]
