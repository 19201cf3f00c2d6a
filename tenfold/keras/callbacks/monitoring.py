"""Callbacks that watch a metric: EarlyStopping and ReduceLROnPlateau."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.keras.base.switches import tell
from tenfold.keras.callbacks.base import Callback
from tenfold.keras.callbacks.rates import parts_of, rates
from tenfold.keras.ops.comparing import greater, less
from tenfold.keras.training.compile_utils import CompileMetrics

_UP = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "cosine", "hits", "specificity", "sensitivity")


def value_of(logs: Any, monitor: str, name: str) -> float | None:
    """The metric's value; None, with a warning that names what there is, if it is not among the logs."""
    value = (logs or {}).get(monitor)
    if value is None:
        available = ", ".join(logs or {})
        warnings.warn(f"[{name}] conditioned on metric `{monitor}` which is not available. Available metrics are: {available}. "
                      "Try validation_data=(x, y) for val_ metrics.", stacklevel=3)  # fmt: skip
        return None
    return float(value)


class MonitorCallback(Callback):
    """Compares a metric with the best value so far.

    Args:
        monitor: the metric's name in the logs.
        mode: "min", "max", or "auto": by the metric.
        baseline: the value that the first one must improve on.
        min_delta: what counts as an improvement.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(f"{type(self).__name__} mode '{mode}' is unknown, fallback to auto mode.", stacklevel=3)
            mode = "auto"
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)
        self.monitor_op: Callable[[Any, Any], Any] | None = None

    def _set_monitor_op(self) -> None:
        """Chooses the comparison; only after the first epoch, when the metrics exist.

        Raises:
            ValueError: the mode is "auto", and nothing is known of the metric.
        """
        direction = self.mode if self.mode != "auto" else _direction(self.monitor.removeprefix("val_"), self.model)
        if direction is None:
            raise ValueError(f"{type(self).__name__} callback received monitor={self.monitor}, but it is not known whether that metric should be "
                             "maximized or minimized. Try mode='max' or mode='min'.")  # fmt: skip
        self.monitor_op = greater if direction == "max" else less

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        """Whether `value` is better than `reference`, which may be None: nothing yet."""
        if reference is None:
            return not np.isnan(value)
        if self.monitor_op is None:
            self._set_monitor_op()
        return bool(value - self.min_delta > reference if self.monitor_op is greater else value + self.min_delta < reference)


def _direction(name: str, model: Any) -> str | None:
    """ "max" or "min", as the metric says or as its name suggests; None if there is no such metric."""
    if name == "loss" or name.endswith("_loss"):
        return "min"
    known = [m for metric in getattr(model, "metrics", None) or [] for m in (metric.metrics if isinstance(metric, CompileMetrics) else [metric])]
    for metric in known:
        if metric.name == name and getattr(metric, "_direction", None) in ("up", "down"):
            return "max" if metric._direction == "up" else "min"
    if any(part in name.lower() for part in _UP):
        return "max"
    return "min" if any(name == m.name or name.endswith(f"_{m.name}") for m in known) else None


class EarlyStopping(MonitorCallback):
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
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._set_monitor_op()
        value = value_of(logs, self.monitor, "EarlyStopping")
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if self._is_improvement(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            if self.baseline is None or self._is_improvement(value, self.baseline):
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


class ReduceLROnPlateau(MonitorCallback):
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
        super().__init__(monitor, mode, min_delta=min_delta)
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
        self._set_monitor_op()
        if logs is not None:
            logs.update(rates(self.model.optimizer))
        value = value_of(logs, self.monitor, "ReduceLROnPlateau")
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and any([self._reduce(o, epoch) for o in parts_of(self.model.optimizer)]):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, optimizer: Any, epoch: int) -> bool:
        """Lowers an optimizer's rate; whether there was room."""
        rate = float(np.asarray(optimizer.learning_rate))
        if rate <= np.float32(self.min_lr):
            return False
        optimizer.learning_rate = new = max(rate * self.factor, self.min_lr)
        if self.verbose:
            tell(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True

    def in_cooldown(self) -> bool:
        """Whether a change was made so lately that nothing is counted."""
        return self.cooldown_counter > 0
