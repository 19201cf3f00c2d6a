"""TensorBoard: writes what happens in training as event files."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import socket
import time
import warnings
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from tenfold import summary
from tenfold.core.events import FunctionGraphs, RunMetadata
from tenfold.keras.base.variables import path_of
from tenfold.keras.callbacks.base import Callback
from tenfold.keras.callbacks.rates import rates
from tenfold.keras.layers.embedding import Embedding
from tenfold.runtime.profiler import Profile
from tenfold.saving.archive import write_atomically
from tenfold.saving.graph_messages import graph_message, trace_message

_EMBEDDINGS = "layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"  # the name that TensorBoard's projector expects


class TensorBoard(Callback):
    """Writes event files that `tensorboard --logdir logs` shows: figures, histograms and pictures of weights, the graph, a profile.

    Args:
        log_dir: where; the runs are `train` and `validation` in it.
        histogram_freq: every how many epochs to write the distributions of the weights; 0: never.
        write_graph: whether to write the model's layers and the traced training step.
        write_images: whether to write weights as pictures along with the histograms.
        write_steps_per_second: whether to write the speed.
        update_freq: "epoch", "batch", or every how many batches to write the figures of batches too.
        profile_batch: a batch, or a pair (first, last) of batches, to profile; 0: none.
        embeddings_freq: every how many epochs to save the weights for the projector; 0: never.
        embeddings_metadata: a file with the names of an embedding's rows, or {layer: file}.

    Example:
        >>> TensorBoard("logs", histogram_freq=1).update_freq
        'epoch'
    """

    def __init__(self, log_dir: Any = "logs", histogram_freq: int = 0, write_graph: bool = True, write_images: bool = False,
                 write_steps_per_second: bool = False, update_freq: Any = "epoch", profile_batch: Any = 0, embeddings_freq: int = 0,
                 embeddings_metadata: Any = None) -> None:  # fmt: skip
        super().__init__()
        self.log_dir = str(log_dir)
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._start_batch, self._stop_batch = _batches(profile_batch)
        self._train_dir, self._val_dir = os.path.join(self.log_dir, "train"), os.path.join(self.log_dir, "validation")
        self._writers: dict[str, summary.SummaryWriter] = {}
        self._contexts: list[contextlib.ExitStack] = []
        self._profile: Profile | None = None
        self._train_batch = self._test_batch = self._steps_before = 0
        self._epoch_start = self._batch_start = 0.0
        self._graph_due = False

    # --- writers ---
    def set_model(self, model: Any) -> None:
        self._model = model
        self._writers = {}
        self._graph_due = self.write_graph
        if self.write_graph and getattr(model, "_graph", None) is not None:
            try:
                text = model.to_json()
            except (ValueError, TypeError, NotImplementedError) as error:
                warnings.warn(f"Model failed to serialize as JSON. Ignoring... {error}", stacklevel=2)
            else:
                self._train_writer.events.value("keras", text, 0, "graph_keras_model", b"1")
        if self.embeddings_freq:
            self._write_projector_config()

    def _writer(self, folder: str) -> summary.SummaryWriter:
        if folder not in self._writers:
            self._writers[folder] = summary.create_file_writer(folder)
        return self._writers[folder]

    @property
    def _train_writer(self) -> summary.SummaryWriter:
        return self._writer(self._train_dir)

    @property
    def _val_writer(self) -> summary.SummaryWriter:
        return self._writer(self._val_dir)

    def _enter(self, writer: summary.SummaryWriter, step: int) -> None:
        """Makes the writer the default for summaries that layers write in this batch."""
        if self.update_freq == "epoch":
            return
        context = contextlib.ExitStack()
        context.enter_context(writer.as_default(step))
        context.enter_context(summary.record_if(lambda: step % self.update_freq == 0))
        self._contexts.append(context)

    def _leave(self) -> None:
        if self._contexts:
            self._contexts.pop().close()

    # --- training ---
    def on_train_begin(self, logs: Any = None) -> None:
        self._train_batch = self._test_batch = self._steps_before = 0
        self._enter(self._train_writer, 0)

    def on_train_end(self, logs: Any = None) -> None:
        self._leave()
        self._stop_profile()
        for writer in self._writers.values():
            writer.close()

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._train_batch += 1
        if self.update_freq != "epoch":
            self._leave()
            self._enter(self._train_writer, self._train_batch)
        self._batch_start = time.perf_counter()
        if self._train_batch == self._start_batch and self._profile is None:
            self._profile = Profile().__enter__()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._graph_due:
            self._graph_due = False
            self._write_graph()
        if self.update_freq != "epoch":
            if self.write_steps_per_second:
                summary.scalar("batch_steps_per_second", 1 / max(time.perf_counter() - self._batch_start, 1e-9), self._train_batch)
            if self._train_batch % self.update_freq == 0:
                for name, value in (logs or {}).items():
                    summary.scalar(f"batch_{name}", value, self._train_batch)
        if self._profile is not None and self._train_batch >= self._stop_batch:
            self._stop_profile()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.write_steps_per_second:
            self._steps_before, self._epoch_start = int(np.asarray(self.model.optimizer.iterations)), time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs:
            self._write_epoch(epoch, logs)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self.model.save_weights(os.path.join(self._made(self._train_dir), f"keras_embedding.ckpt-{epoch}.weights.h5"))

    def _write_epoch(self, epoch: int, logs: Mapping[str, Any]) -> None:
        figures = {k: v for k, v in logs.items() if not k.startswith("val_")}
        if getattr(self.model, "optimizer", None) is not None:
            figures |= rates(getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer))
        if self.write_steps_per_second:
            steps = int(np.asarray(self.model.optimizer.iterations)) - self._steps_before
            figures["steps_per_second"] = steps / max(time.perf_counter() - self._epoch_start, 1e-9)
        self._write_scalars(self._train_writer, {f"epoch_{k}": v for k, v in figures.items()}, epoch)
        self._write_scalars(self._val_writer, {f"epoch_{k[4:]}": v for k, v in logs.items() if k.startswith("val_")}, epoch)

    def _write_scalars(self, writer: summary.SummaryWriter, figures: Mapping[str, Any], step: int) -> None:
        for name, value in figures.items():
            writer.events.value(name, np.float32(np.asarray(value)), step, "scalars")
        writer.flush()

    # --- evaluation ---
    def on_test_begin(self, logs: Any = None) -> None:
        self._enter(self._val_writer, self._test_batch)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._test_batch += 1
        if self.update_freq != "epoch":
            self._leave()
            self._enter(self._val_writer, self._test_batch)

    def on_test_end(self, logs: Any = None) -> None:
        if logs and getattr(self.model, "optimizer", None) is not None:
            step = int(np.asarray(self.model.optimizer.iterations))
            self._write_scalars(self._val_writer, {f"evaluation_{k}_vs_iterations": v for k, v in logs.items()}, step)
        self._leave()

    # --- weights ---
    def _write_weights(self, epoch: int) -> None:
        with self._train_writer.as_default(), summary.record_if(True):
            for layer in self.model.layers:
                for weight in layer.weights:
                    name = path_of(weight).replace(":", "_")
                    summary.histogram(f"{name}/histogram", weight, epoch)
                    picture = _as_pictures(weight.numpy()) if self.write_images else None
                    if picture is not None:
                        summary.image(f"{name}/image", picture, epoch)

    def _write_projector_config(self) -> None:
        """Tells TensorBoard's projector which tensors are embeddings."""
        names = self.embeddings_metadata
        embeddings = [layer.name for layer in self.model.layers if isinstance(layer, Embedding)]
        unknown = [] if names is None or isinstance(names, str) else [n for n in names if n not in embeddings]
        if unknown:
            raise ValueError("Unrecognized `Embedding` layer names passed to `keras.callbacks.TensorBoard` `embeddings_metadata` argument: "
                             f"{unknown}. The model's embeddings are {embeddings}.")  # fmt: skip
        text = ""
        for name in embeddings:
            file = names if isinstance(names, str) else (names or {}).get(name)
            line = "" if file is None else f"  metadata_path: {json.dumps(str(file))}\n"
            text += f'embeddings {{\n  tensor_name: "{_EMBEDDINGS}"\n{line}}}\n'
        _save(os.path.join(self._made(self.log_dir), "projector_config.pbtxt"), text.encode())

    @staticmethod
    def _made(folder: str) -> str:
        os.makedirs(folder, exist_ok=True)
        return folder

    # --- graph and profile ---
    def _traced(self) -> Any:
        """The traced training step; None if it runs eagerly."""
        compiled = getattr(self.model, "_compiled", None)
        step = None if compiled is None else compiled.steps.get("train")
        return None if step is None or step._concrete is None else step._concrete.traced

    def _write_graph(self) -> None:
        traced = self._traced()
        if traced is not None:
            self._train_writer.events.graph(graph_message(traced.graph))

    def _stop_profile(self) -> None:
        """Writes what was recorded as TensorBoard's profiler reads it, and the step's graph beside it."""
        if self._profile is None:
            return
        profile, self._profile = self._profile, None
        profile.__exit__(None, None, None)
        now = datetime.datetime.now().strftime("%Y_%m_%d_%H_%M_%S")
        folder = self._made(os.path.join(self._train_dir, "plugins", "profile", now))
        _save(os.path.join(folder, f"{socket.gethostname()}.xplane.pb"), trace_message(profile.events).SerializeToString())
        traced = self._traced()
        graphs = [] if traced is None else [FunctionGraphs(pre_optimization_graph=graph_message(traced.graph))]
        data = RunMetadata(function_graphs=graphs).SerializeToString()
        self._train_writer.events.value(f"batch_{self._stop_batch}", data, self._stop_batch, "graph_run_metadata_graph", b"1")


def _batches(profile_batch: Any) -> tuple[int, int]:
    """The first and the last batch to profile; (0, 0): none.

    Raises:
        ValueError: it is no number and no pair.
    """
    try:
        given: Any = [int(n) for n in profile_batch.split(",")] if isinstance(profile_batch, str) else profile_batch
        first, last = (given[0], given[-1]) if isinstance(given, (list, tuple)) and len(given) in (1, 2) else (given, given)
        if first < 0 or last < first or isinstance(first, float):
            raise ValueError
    except (TypeError, ValueError):
        raise ValueError("profile_batch must be a non-negative integer or 2-tuple of positive integers. A pair of positive integers signifies a "
                         f"range of batches to profile. Found: {profile_batch}") from None  # fmt: skip
    return int(first), int(last)


def _as_pictures(weight: Any) -> Any:
    """A weight as gray pictures [count, height, width, channels]; None if it has too many dimensions."""
    array = np.squeeze(weight)
    if array.ndim == 1:
        return array.reshape(1, -1, 1, 1)
    if array.ndim == 2:
        array = array.T if array.shape[0] > array.shape[1] else array
        return array[None, :, :, None]
    if array.ndim == 3:
        return array.transpose(2, 0, 1)[..., None]
    return array if array.ndim == 4 and array.shape[-1] in (1, 3, 4) else None


def _save(path: str, data: bytes) -> None:
    def write(file: BinaryIO) -> None:
        file.write(data)

    write_atomically(path, write)
