"""Callbacks that keep the state of training on disk: ModelCheckpoint and BackupAndRestore."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from typing import Any

import numpy as np

from tenfold.core.errors import DataLossError
from tenfold.keras.base.switches import tell
from tenfold.keras.callbacks.base import Callback
from tenfold.keras.callbacks.monitoring import MonitorCallback
from tenfold.saving.archive import write_atomically


class BatchCount:
    """Whether so many batches have passed since the last time; callbacks may hear of several batches as one."""

    def __init__(self, frequency: Any) -> None:
        self.frequency = frequency
        self.last = -1  # the last batch of this epoch that was heard of
        self._passed = 0

    def reached(self, batch: int) -> bool:
        """Counts up to this batch (numbered from 0 in each epoch)."""
        if self.frequency == "epoch" or not self.frequency:
            return False
        self._passed += batch + 1 if batch <= self.last else batch - self.last
        self.last = batch
        if self._passed < self.frequency:
            return False
        self._passed = 0
        return True


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, as training goes on.

    Args:
        filepath: where; may hold `{epoch:02d}` and metric names. Ends in `.keras`, or in `.weights.h5` for weights only;
            without an ending, weights are written as checkpoints of TensorFlow, which is deprecated.
        monitor: the metric that decides which is best.
        verbose: 1 prints what is saved.
        save_best_only: whether to save only when the metric improves.
        save_weights_only: whether to save weights only.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: a value that must be improved on first.
    """

    def __init__(self, filepath: Any, monitor: str = "val_loss", verbose: int = 0, save_best_only: bool = False, save_weights_only: bool = False,
                 mode: str = "auto", save_freq: Any = "epoch", initial_value_threshold: float | None = None) -> None:  # fmt: skip
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose, self.save_best_only, self.save_weights_only, self.save_freq = verbose, save_best_only, save_weights_only, save_freq
        self._due = BatchCount(save_freq)
        self._epoch = 0
        if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool) or save_freq < 1):
            raise ValueError(f"Unrecognized save_freq: {save_freq!r}. Expected 'epoch' or a positive number of batches.")
        if not save_weights_only and not self.filepath.endswith((".keras", ".h5")):
            raise ValueError(f"The filepath provided must end in `.keras`. Received: filepath={self.filepath}")
        if save_weights_only and self.filepath.endswith(".keras"):
            raise ValueError(f"The filepath provided must end in `.weights.h5`. Received: filepath={self.filepath}")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._due.reached(batch):
            self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_best_only:
            self._set_monitor_op()
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        path = self._path(epoch, batch, logs)
        if not self._wanted(epoch, logs, path):
            return
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if os.path.isdir(path):
            raise OSError(f"Please specify a non-directory filepath for ModelCheckpoint. Filepath used is an existing directory: {path}")
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        if self.verbose:
            tell(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _wanted(self, epoch: int, logs: Any, path: str) -> bool:
        """Whether this state is to be kept."""
        if not self.save_best_only:
            self._say(f"\nEpoch {epoch + 1}: saving model to {path}")
            return True
        value = (logs or {}).get(self.monitor)
        if value is None:
            warnings.warn(f"Can save best model only with {self.monitor} available. Available metrics are: {', '.join(logs or {})}.", stacklevel=4)
            return True
        if np.ndim(value):
            warnings.warn(f"Can save best model only when `monitor` is a scalar value. Received: {value}. Falling back to `save_best_only=False`.",
                          stacklevel=4)  # fmt: skip
            return True
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(value, self.best):
            self._say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {before}")
            return False
        self._say(f"\nEpoch {epoch + 1}: {self.monitor} improved from {before} to {value:.5f}, saving model to {path}")
        self.best = value
        return True

    def _say(self, message: str) -> None:
        if self.verbose:
            tell(message)

    def _path(self, epoch: int, batch: int | None, logs: Any) -> str:
        values: dict[str, Any] = dict(logs or {}) | {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        try:
            return str(self.filepath.format(**values))
        except (KeyError, ValueError) as error:
            raise KeyError(f"[ModelCheckpoint] cannot fill in the path {self.filepath!r}: {error}. Available names: {sorted(values)}.") from None


class BackupAndRestore(Callback):
    """Backs up the state of training, so that the same `fit` goes on where it was interrupted.

    Args:
        backup_dir: a folder of its own.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: whether to keep the backup before the last one too, in case the last one is damaged.
        delete_checkpoint: whether to delete the backup when training is finished.
    """

    def __init__(self, backup_dir: Any, save_freq: Any = "epoch", double_checkpoint: bool = False, delete_checkpoint: bool = True) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("Empty `backup_dir` argument passed. Try backup_dir='backup'.")
        if save_freq != "epoch" and not isinstance(save_freq, int):
            raise ValueError(f"Invalid value for argument `save_freq`. Received: save_freq={save_freq}. Expected either 'epoch' or an integer value.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq, self.double_checkpoint, self.delete_checkpoint = save_freq, double_checkpoint, delete_checkpoint
        self._weights_path, self._training_metadata_path = self._paths()
        self._prev_weights_path, self._prev_training_metadata_path = (f"{path}.bkp" for path in self._paths())
        self._due = BatchCount(save_freq)
        self._current_epoch = 0

    def _paths(self) -> tuple[str, str]:
        return os.path.join(self.backup_dir, "latest.weights.h5"), os.path.join(self.backup_dir, "training_metadata.json")

    @property
    def _last_batch_seen(self) -> int:
        return max(self._due.last, 0)

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.model.built:
            raise ValueError("To use the BackupAndRestore callback, your model must be built before you call `fit()`. "
                             f"{self.model.name!r} is unbuilt. Try calling it on data first, or starting it with keras.Input.")  # fmt: skip
        try:
            self._restore()
        except (OSError, DataLossError):
            if not os.path.exists(self._prev_weights_path):
                raise
            warnings.warn(f"The backup in {self.backup_dir!r} is damaged; training goes on from the one before.", stacklevel=2)
            for old, new in ((self._prev_weights_path, self._weights_path), (self._prev_training_metadata_path, self._training_metadata_path)):
                if os.path.exists(old):
                    _copy(old, new)
                elif os.path.exists(new):
                    os.remove(new)
            self._restore()

    def _restore(self) -> None:
        if os.path.exists(self._weights_path):
            if self.model.optimizer is not None:
                self.model.optimizer.build(self.model.trainable_variables)
            self.model.load_weights(self._weights_path)
        if os.path.exists(self._training_metadata_path):
            with open(self._training_metadata_path, encoding="utf-8") as file:
                self.model._initial_epoch = int(json.load(file)["epoch"])

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._due.reached(batch):
            self._save()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._current_epoch, self._due.last = epoch + 1, -1
        if self.save_freq == "epoch":
            self._save()

    def _save(self) -> None:
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint:
            for new, old in ((self._weights_path, self._prev_weights_path), (self._training_metadata_path, self._prev_training_metadata_path)):
                if os.path.exists(new):
                    _copy(new, old)
        self.model.save_weights(self._weights_path, overwrite=True)
        metadata = json.dumps({"epoch": self._current_epoch, "batch": self._last_batch_seen}).encode()
        write_atomically(self._training_metadata_path, lambda file: _write(file, metadata))

    def on_train_end(self, logs: Any = None) -> None:
        if self.delete_checkpoint and os.path.exists(self.backup_dir):
            shutil.rmtree(self.backup_dir)


def _copy(source: str, target: str) -> None:
    with open(source, "rb") as file:
        data = file.read()
    write_atomically(target, lambda out: _write(out, data))


def _write(file: Any, data: bytes) -> None:
    file.write(data)


class OrbaxCheckpoint(Callback):
    """Refused: Orbax's checkpoints are folders of JAX's array store. ModelCheckpoint and BackupAndRestore do the same with Keras's own files."""

    def __init__(self, directory: Any = None, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("OrbaxCheckpoint writes folders in the format of JAX's library Orbax, which Tenfold does not write. Try "
                                  f"keras.callbacks.ModelCheckpoint({os.path.join(str(directory or 'checkpoints'), '{epoch:04d}.keras')!r}), or "
                                  "keras.callbacks.BackupAndRestore, which also resumes an interrupted fit.")  # fmt: skip
