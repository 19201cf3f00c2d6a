"""Figures, histograms, pictures and texts for TensorBoard.

    writer = tf.summary.create_file_writer("logs/train")
    with writer.as_default():
        tf.summary.scalar("loss", 0.5, step=1)

In compiled functions a summary is written each time the function runs, to the writer that is the default then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tenfold.core.dtypes import string
from tenfold.core.events import PluginData, SummaryMetadata
from tenfold.primitives.effects import py_function
from tenfold.saving.event_files import EventWriter, histogram_buckets, png
from tenfold.summary import experimental
from tenfold.summary.state import _state
from tenfold.tensor.tensor import as_tensor


class SummaryWriter:
    """Writes summaries into a folder; `create_file_writer` makes it."""

    def __init__(self, logdir: Any, suffix: str = "") -> None:
        self.events = EventWriter(logdir, suffix)

    @contextmanager
    def as_default(self, step: Any = None) -> Iterator[SummaryWriter]:
        """Inside, summaries go to this writer; `step` is their default step."""
        before = _state.writer, _state.step
        _state.writer, _state.step = self, _state.step if step is None else step
        try:
            yield self
        finally:
            _state.writer, _state.step = before
            self.flush()

    def set_as_default(self, step: Any = None) -> None:
        """Summaries go to this writer from now on."""
        _state.writer, _state.step = self, _state.step if step is None else step

    def flush(self) -> None:
        """Hands everything to the operating system."""
        self.events.flush()

    def close(self) -> None:
        """Closes the file."""
        self.events.close()


def create_file_writer(logdir: Any, max_queue: Any = None, flush_millis: Any = None, filename_suffix: str | None = None,
                       name: str | None = None, experimental_trackable: bool = False) -> SummaryWriter:  # fmt: skip
    """A writer of event files into the folder `logdir`."""
    return SummaryWriter(logdir, filename_suffix or "")


@contextmanager
def record_if(condition: Any) -> Iterator[None]:
    """Inside, summaries are written only if the condition (a value, or a function that gives it) holds."""
    before = _state.record
    _state.record = condition if callable(condition) else lambda: condition
    try:
        yield
    finally:
        _state.record = before


def should_record_summaries() -> bool:
    """Whether summaries are written now."""
    return _state.writer is not None and bool(_state.record())


def write(tag: str, tensor: Any, step: Any = None, metadata: SummaryMetadata | None = None, name: str | None = None) -> bool:
    """Writes a tensor under a tag; True if it was, or will be when the function runs.

    Args:
        tag: its name in TensorBoard.
        tensor: numbers or text.
        step: default: that of `as_default` or `experimental.set_step`.
        metadata: which plugin of TensorBoard shows it.
    """

    def put(value: Any) -> None:
        _state.writer.events.value(tag, value, experimental.step_or_default(step, "write"), metadata=metadata or SummaryMetadata())

    return _emit(tensor, put)


def _emit(value: Any, put: Callable[[Any], None]) -> bool:
    """Calls `put(array)`, now or whenever the program comes here, if summaries are written then."""

    def act(array: Any) -> None:
        if should_record_summaries():
            put(array)

    if isinstance(value, (str, bytes, list, tuple)):
        act(value)
        return should_record_summaries()
    if getattr(value, "_keras_history", None) is not None:  # a layer is being tried out on no data
        return False
    tensor = as_tensor(value)
    if tensor._array is None:
        py_function(act, [tensor], [], [])
        return True
    act(_texts(tensor) if tensor.dtype is string else tensor.numpy())
    return should_record_summaries()


def _texts(tensor: Any) -> Any:
    found = tensor.numpy()
    return found if isinstance(found, (str, bytes)) else list(np.ravel(found))


def _plugin(name: str, content: bytes = b"", description: str | None = None) -> SummaryMetadata:
    data = SummaryMetadata(plugin_data=PluginData(plugin_name=name, content=content))
    if description:
        data.summary_description = description
    return data


def _put(name: str, step: Any, metadata: SummaryMetadata, change: Callable[[Any], Any]) -> Callable[[Any], None]:
    tag = experimental.tag_of(name)

    def put(value: Any) -> None:
        _state.writer.events.value(tag, change(value), experimental.step_or_default(step, name), metadata=metadata)

    return put


def scalar(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Writes a number."""
    return _emit(data, _put(name, step, _plugin("scalars", description=description), lambda x: np.float32(x)))


def histogram(name: str, data: Any, step: Any = None, buckets: int | None = None, description: str | None = None) -> bool:
    """Writes the distribution of the elements."""
    count = 30 if buckets is None else buckets
    return _emit(data, _put(name, step, _plugin("histograms", description=description), lambda x: histogram_buckets(x, count)))


def image(name: str, data: Any, step: Any = None, max_outputs: int = 3, description: str | None = None) -> bool:
    """Writes pictures [count, height, width, 1, 3 or 4], at most `max_outputs` of them."""

    def encoded(x: Any) -> list[bytes]:
        if x.ndim != 4 or x.shape[-1] not in (1, 2, 3, 4):
            raise ValueError(f"[summary.image] expected pictures [count, height, width, channels]. Received shape {x.shape}.")
        return [str(x.shape[2]).encode(), str(x.shape[1]).encode(), *(png(picture) for picture in x[:max_outputs])]

    return _emit(data, _put(name, step, _plugin("images", description=description), encoded))


def text(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Writes text, which TensorBoard reads as Markdown."""
    return _emit(data, _put(name, step, _plugin("text", description=description), lambda x: x))


def flush(writer: Any = None, name: str | None = None) -> None:
    """Flushes the writer, or the default one."""
    chosen = writer or _state.writer
    if chosen is not None:
        chosen.flush()


__all__ = ["SummaryWriter", "create_file_writer", "experimental", "flush", "histogram", "image", "record_if", "scalar", "should_record_summaries",
           "text", "write"]  # fmt: skip
