"""The files of recorded values: all arrays of a type in one row, and an index. (An archive member for each small array would be mostly headers.)"""

import json
from pathlib import Path

import numpy as np

from recorded.cases.common import Arrays


def write(path: Path, cases: dict[str, Arrays]) -> None:
    rows: dict[str, list[np.ndarray]] = {}
    index: dict[str, dict[str, list[object]]] = {}
    for case, arrays in cases.items():
        for name, array in arrays.items():
            kind = array.dtype.name if array.dtype.kind != "U" else "text"
            value = array if kind != "text" else np.frombuffer(json.dumps(array.tolist()).encode(), "uint8")
            row = rows.setdefault(kind, [])
            row.append(value.ravel())
            index.setdefault(case, {})[name] = [kind, value.size, *array.shape]
    packed = {kind: np.concatenate(parts) for kind, parts in rows.items()}
    np.savez_compressed(path, index=np.frombuffer(json.dumps(index).encode(), "uint8"), **packed)


def read(path: Path) -> dict[str, Arrays]:
    with np.load(path) as archive:
        rows = {kind: archive[kind] for kind in archive.files}
    places = dict.fromkeys(rows, 0)
    cases: dict[str, Arrays] = {}
    for case, entries in json.loads(rows.pop("index").tobytes()).items():
        for name, (kind, size, *shape) in entries.items():
            start = places[kind]
            places[kind] = start + size
            value = rows[kind][start : start + size]
            cases.setdefault(case, {})[name] = np.array(json.loads(value.tobytes()), "U") if kind == "text" else value.reshape(shape)
    return cases
