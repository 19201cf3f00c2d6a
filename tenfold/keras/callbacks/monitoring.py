"""Callbacks that watch a metric: EarlyStopping, ModelCheckpoint, ReduceLROnPlateau; and CSVLogger."""

from __future__ import annotations

import csv
import os
import warnings
from typing import Any

import numpy as np

from tenfold.keras.callbacks.base import Callback
from tenfold.keras.switches import tell

_UP = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "cosine", "hits", "specificity", "sensitivity")


def direction(monitor: str, mode: str, model: Any, name: str) -> str:
    """ "max" or "min": from the mode if it says so, else from the metric.

    Raises:
        ValueError: the mode is unknown.
    """
    if mode not in ("auto", "min", "max"):
        raise ValueError(f"[{name}] mode must be 'auto', 'min' or 'max'. Received: mode={mode!r}.")
    if mode != "auto":
        return mode
    plain = monitor.removeprefix("val_")
    for metric in getattr(model, "metrics", []) or []:
        if metric.name == plain and getattr(metric, "_direction", None) in ("up", "down"):
            return "max" if metric._direction == "up" else "min"
    return "max" if any(part in plain.lower() for part in _UP) and "loss" not in plain else "min"


def value_of(logs: Any, monitor: str, name: str) -> float | None:
    """The metric's value; None, with a warning that names what there is, if it is not among the logs."""
    value = (logs or {}).get(monitor)
    if value is None:
        available = ", ".join(logs or {})
        warnings.warn(f"[{name}] conditioned on metric `{monitor}` which is not available. Available metrics are: {available}. "
                      "Try validation_data=(x, y) for val_ metrics.", stacklevel=3)  # fmt: skip
        return None
    return float(value)


class _Monitor(Callback):
    """Compares a metric with the best so far."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        super().__init__()
        self.monitor, self.mode, self.min_delta = monitor, mode, abs(min_delta)
        direction(monitor, mode, None, type(self).__name__)
        self.best: float | None = None

    def _better(self, value: float, reference: float | None) -> bool:
        if reference is None:
            return not np.isnan(value)
        if direction(self.monitor, self.mode, self.model, type(self).__name__) == "max":
            return value - self.min_delta > reference
        return value + self.min_delta < reference


class EarlyStopping(_Monitor):
    """Stops training when a metric no longer improves.

    Args:
        monitor: the metric's name in the logs.
        min_delta: what counts as an improvement.
        patience: epochs without one before training stops.
        verbose: 1 prints what happens.
        mode: "min", "max" or "auto" (by the metric).
        baseline: a value that must be reached first.
        restore_best_weights: whether the model ends with the weights of its best epoch.
        start_from_epoch: epochs to wait before watching.

    Example:
        >>> EarlyStopping(patience=3).monitor
        'val_loss'
    """

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0, verbose: int = 0, mode: str = "auto",
                 baseline: float | None = None, restore_best_weights: bool = False, start_from_epoch: int = 0) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        value = value_of(logs, self.monitor, "EarlyStopping")
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._better(value, self.baseline):
                self.wait = 0
                return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self.stopped_epoch > 0 and self.verbose:
            tell(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                tell(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(_Monitor):
    """Lowers the learning rate when a metric no longer improves.

    Args:
        monitor: the metric's name in the logs.
        factor: the new rate is the old one times this.
        patience: epochs without improvement before.
        verbose: 1 prints it.
        mode: "min", "max" or "auto".
        min_delta: what counts as an improvement.
        cooldown: epochs after a change in which nothing is counted.
        min_lr: the rate is never lower than this.
    """

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10, verbose: int = 0, mode: str = "auto",
                 min_delta: float = 1e-4, cooldown: int = 0, min_lr: float = 0.0, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta)
        if kwargs:
            raise TypeError(f"[ReduceLROnPlateau] unknown arguments {sorted(kwargs)}.")
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={factor}")
        self.factor, self.patience, self.verbose, self.cooldown, self.min_lr = factor, patience, verbose, cooldown, min_lr
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.cooldown_counter = 0
        self.best = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        optimizer = self.model.optimizer
        rate = float(np.asarray(optimizer.learning_rate))
        if logs is not None:
            logs["learning_rate"] = rate
        value = value_of(logs, self.monitor, "ReduceLROnPlateau")
        if value is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self._better(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter <= 0:
            self.wait += 1
            if self.wait >= self.patience and rate > np.float32(self.min_lr):
                new = max(rate * self.factor, self.min_lr)
                optimizer.learning_rate = new
                if self.verbose:
                    tell(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
                self.cooldown_counter, self.wait = self.cooldown, 0


class ModelCheckpoint(_Monitor):
    """Saves the model, or its weights, as training goes on.

    Args:
        filepath: where; may hold `{epoch:02d}` and metric names. Ends in `.keras`, or in `.weights.h5` for weights only.
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
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose, self.save_best_only, self.save_weights_only, self.save_freq = verbose, save_best_only, save_weights_only, save_freq
        self.best = initial_value_threshold
        self._batches = 0
        self._epoch = 0
        if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool) or save_freq < 1):
            raise ValueError(f"[ModelCheckpoint] save_freq must be 'epoch' or a positive number of batches. Received: save_freq={save_freq!r}")
        ending = ".weights.h5" if save_weights_only else ".keras"
        if not self.filepath.endswith((ending, ".h5") if not save_weights_only else ending):
            raise ValueError(f"The filepath provided must end in `{ending}`. Received: filepath={self.filepath}")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.save_freq != "epoch":
            self._batches += 1
            if self._batches % self.save_freq == 0:
                self._save(self._epoch, batch, logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs)

    def _save(self, epoch: int, batch: int | None, logs: Any) -> None:
        if self.save_best_only:
            value = value_of(logs, self.monitor, "ModelCheckpoint")
            if value is None:
                return
            if not self._better(value, self.best):
                if self.verbose:
                    tell(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {self.best:.5f}")
                return
            if self.verbose:
                tell(f"\nEpoch {epoch + 1}: {self.monitor} improved to {value:.5f}")
            self.best = value
        path = self._path(epoch, batch, logs)
        if self.verbose:
            tell(f"\nEpoch {epoch + 1}: saving model to {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, epoch: int, batch: int | None, logs: Any) -> str:
        values: dict[str, Any] = dict(logs or {}) | {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1})
        try:
            return str(self.filepath.format(**values))
        except (KeyError, ValueError) as error:
            raise KeyError(f"[ModelCheckpoint] cannot fill in the path {self.filepath!r}: {error}. Available names: {sorted(values)}.") from None


class CSVLogger(Callback):
    """Writes the logs of every epoch into a CSV file.

    Args:
        filename: the file.
        separator: between the columns.
        append: whether to go on with an existing file.
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._writer: Any = None
        self._header = True

    def on_train_begin(self, logs: Any = None) -> None:
        if self.append:
            if os.path.exists(self.filename):
                with open(self.filename, newline="") as file:
                    self._header = not file.readline()
            mode = "a"
        else:
            mode = "w"
        self._file = open(self.filename, mode, newline="")  # noqa: SIM115

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = dict(logs or {})
        if self.keys is None:
            self.keys = sorted(logs)
            validation = [f"val_{k}" for k in self.keys if not k.startswith("val_") and f"val_{k}" not in self.keys]
            self.keys += validation if self.params.get("do_validation") else []
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, fieldnames=["epoch", *self.keys], delimiter=self.sep, extrasaction="ignore")
            if self._header:
                self._writer.writeheader()
        self._writer.writerow({"epoch": epoch, **{k: logs.get(k, "NA") for k in self.keys}})
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None
