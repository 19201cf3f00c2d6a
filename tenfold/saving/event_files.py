"""Event files, which TensorBoard shows: summaries and graphs, one record each."""

from __future__ import annotations

import io
import itertools
import os
import socket
import threading
import time
from typing import Any

import numpy as np
from PIL import Image

from tenfold.core.events import Dimension, Event, GraphDef, PluginData, Summary, SummaryMetadata, SummaryValue, TensorProto, TensorShapeProto
from tenfold.saving.records import write_record

_TYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "complex64": 8, "int64": 9, "bool": 10,
          "uint16": 17, "complex128": 18, "float16": 19, "uint32": 22, "uint64": 23}  # fmt: skip
_STRING = 7
_numbers = itertools.count()


class EventWriter:
    """Writes event files into a folder. The file is made when there is something to write.

    Args:
        folder: where; TensorBoard takes each folder for a run.
        suffix: what the file's name ends in.
    """

    def __init__(self, folder: Any, suffix: str = "") -> None:
        self.folder, self.suffix = os.fspath(folder), suffix
        self._file: Any = None
        self._lock = threading.Lock()

    def write(self, event: Event) -> None:
        """Appends an event."""
        if not event.wall_time:
            event.wall_time = time.time()
        data = event.SerializeToString()
        with self._lock:
            write_record(self._opened(), data)

    def _opened(self) -> Any:
        if self._file is None:
            os.makedirs(self.folder, exist_ok=True)
            now = time.time()
            name = f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}.{next(_numbers)}.v2{self.suffix}"
            self._file = open(os.path.join(self.folder, name), "ab")  # noqa: SIM115
            write_record(self._file, Event(wall_time=now, file_version="brain.Event:2").SerializeToString())
        return self._file

    def graph(self, graph: GraphDef) -> None:
        """Writes a graph, for TensorBoard's page of graphs."""
        self.write(Event(graph_def=graph.SerializeToString()))

    def value(self, tag: str, tensor: Any, step: int, plugin: str = "", content: bytes = b"", metadata: SummaryMetadata | None = None) -> None:
        """Writes an array (numbers, or bytes) that a plugin shows."""
        if metadata is None:
            metadata = SummaryMetadata(plugin_data=PluginData(plugin_name=plugin, content=content))
        entry = SummaryValue(tag=tag, tensor=tensor_message(tensor), metadata=metadata)
        self.write(Event(step=int(step), summary=Summary(value=[entry])))

    def flush(self) -> None:
        """Hands everything to the operating system."""
        with self._lock:
            if self._file is not None:
                self._file.flush()

    def close(self) -> None:
        """Closes the file; a later event opens another one."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None


def tensor_message(value: Any) -> TensorProto:
    """An array, a text or a list of texts as a message."""
    if isinstance(value, (str, bytes)) or (isinstance(value, (list, tuple)) and value and isinstance(value[0], (str, bytes))):
        texts = [value] if isinstance(value, (str, bytes)) else list(value)
        sizes = [] if isinstance(value, (str, bytes)) else [len(texts)]
        return TensorProto(dtype=_STRING, tensor_shape=_shape(sizes), string_val=[t.encode() if isinstance(t, str) else t for t in texts])
    array = np.asarray(value)
    if array.dtype.name not in _TYPES:
        array = array.astype(np.float32)
    return TensorProto(dtype=_TYPES[array.dtype.name], tensor_shape=_shape(array.shape), tensor_content=np.ascontiguousarray(array).tobytes())


def _shape(sizes: Any) -> TensorShapeProto:
    return TensorShapeProto(dim=[Dimension(size=int(n)) for n in sizes])


def histogram_buckets(values: Any, buckets: int) -> np.ndarray[Any, Any]:
    """[buckets, 3]: left edge, right edge, count of each."""
    array = np.asarray(values, np.float64).reshape(-1)
    array = array[np.isfinite(array)]
    if buckets == 0 or array.size == 0:
        return np.zeros((buckets if buckets == 0 else 0, 3))
    if array.min() == array.max():
        edges = np.array([array.min() - 0.5, array.min() + 0.5])
        return np.stack([np.repeat(edges[0], buckets), np.repeat(edges[1], buckets), np.eye(buckets)[-1] * array.size], 1)
    counts, edges = np.histogram(array, buckets)
    return np.stack([edges[:-1], edges[1:], counts.astype(np.float64)], 1)


def png(image: Any) -> bytes:
    """A picture [height, width, 1, 3 or 4] as a PNG file; floating-point values are between 0 and 1."""
    array = np.asarray(image)
    if array.dtype.kind == "f":
        array = np.clip(np.nan_to_num(array.astype(np.float64)), 0, 1) * 255 + 0.5
    array = array.astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).save(buffer, "PNG")
    return buffer.getvalue()
