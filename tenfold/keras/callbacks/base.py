"""What happens around training: the callbacks, their list, and logs that are fetched only if somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tenfold.keras.base.switches import tell
from tenfold.keras.callbacks.rates import parts_of, rates
from tenfold.keras.training.progbar import Progbar

_BATCH_HOOKS = tuple(f"on_{kind}_batch_{when}" for kind in ("train", "test", "predict") for when in ("begin", "end"))


class Callback:
    """Base class: override the hooks that you need; `self.model` and `self.params` are set before the first.

    Setting `self.model.stop_training = True` ends training after the step (from a batch hook) or the epoch.

    Example:
        >>> class Shout(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"epoch {epoch}: {logs}")
    """

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self._model: Any = None

    @property
    def model(self) -> Any:
        """The model being trained."""
        return getattr(self, "_model", None)

    def set_params(self, params: dict[str, Any]) -> None:
        """Receives `verbose`, `epochs` and `steps`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Receives the model."""
        self._model = model

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The same as `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """The same as `on_train_batch_end`."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Before each epoch of training."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """After each epoch of training; `logs` holds metrics, those of validation as `val_...`."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before each training step."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After each training step; `logs` holds the metrics so far."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before each step of evaluation."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After each step of evaluation."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Before each step of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """After each step of prediction; `logs["outputs"]` holds what it gave."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Before training."""

    def on_train_end(self, logs: Any = None) -> None:
        """After training."""

    def on_test_begin(self, logs: Any = None) -> None:
        """Before evaluation."""

    def on_test_end(self, logs: Any = None) -> None:
        """After evaluation."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: Any = None) -> None:
        """After prediction."""


class LazyLogs(dict[str, Any]):
    """The logs of a step, fetched from the metrics when somebody looks at them."""

    def __init__(self, fetch: Callable[[], dict[str, Any]]) -> None:
        super().__init__()
        self._fetch: Callable[[], dict[str, Any]] | None = fetch

    def _fill(self) -> LazyLogs:
        if self._fetch is not None:
            fetch, self._fetch = self._fetch, None
            super().update(fetch())
        return self


def _filled(name: str) -> Callable[..., Any]:
    original = getattr(dict, name)
    return lambda self, *args, **kwargs: original(self._fill(), *args, **kwargs)


for _name in ("__getitem__ __setitem__ __delitem__ __iter__ __len__ __contains__ __repr__ __eq__ __or__ __ror__ __ior__ "
              "get items keys values pop popitem setdefault update copy clear").split():  # fmt: skip
    setattr(LazyLogs, _name, _filled(_name))


class CallbackList:
    """Calls the same hook of several callbacks.

    Args:
        callbacks: a callback or a list of them.
        add_history, add_progbar: whether to add these if they are missing.
        model: set on all of them.
        params: `verbose`, `epochs`, `steps`.
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False, model: Any = None, **params: Any) -> None:
        given = [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
        for callback in given:
            if isinstance(callback, type) or not (hasattr(callback, "on_epoch_end") or hasattr(callback, "on_train_batch_end")):
                hint = f" Try {callback.__name__}(...)." if isinstance(callback, type) else ""
                raise ValueError(f"[fit] callbacks must be instances of keras.callbacks.Callback. Received: {callback!r}.{hint}")
        self.callbacks: list[Any] = given
        progbar = next((c for c in given if isinstance(c, ProgbarLogger)), None)
        if add_progbar and progbar is None:
            self.callbacks.append(ProgbarLogger())
        found = next((c for c in given if isinstance(c, History)), None)
        self.history = found
        if add_history and found is None:
            self.history = History()
            self.callbacks.append(self.history)
        for callback in self.callbacks:
            if model is not None:
                callback.set_model(model)
            callback.set_params(params)
        self.params = params
        self.model = model
        self.hooks = {name: [getattr(c, name) for c in self.callbacks if _overrides(c, name)] for name in _BATCH_HOOKS}

    def append(self, callback: Any) -> None:
        """Adds a callback."""
        self.callbacks.append(callback)
        for name in _BATCH_HOOKS:
            if _overrides(callback, name):
                self.hooks[name].append(getattr(callback, name))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.callbacks)

    def __getattr__(self, name: str) -> Any:
        if name in _BATCH_HOOKS:
            chosen = self.hooks[name]
        elif name.startswith("on_"):
            chosen = [getattr(c, name) for c in self.callbacks if hasattr(c, name)]
        else:
            raise AttributeError(name)

        def call(*place: Any, logs: Any = None) -> None:
            if place and place[-1] is None:
                place = place[:-1]
            given = place if place and isinstance(place[-1], dict) else (*place, {} if logs is None else logs)
            for hook in chosen:
                hook(*given)

        return call


def _overrides(callback: Any, name: str) -> bool:
    """Whether a batch hook does anything: hooks that nobody wrote are never called."""
    if name in vars(callback):
        return True
    aliases = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
    names = [name] + ([aliases[name]] if name in aliases else [])
    return any(hasattr(callback, n) and (getattr(type(callback), n, None) is not getattr(Callback, n) or n in vars(callback)) for n in names)


class History(Callback):
    """Records the logs of every epoch in `.history`; fit returns it."""

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


class ProgbarLogger(Callback):
    """Prints progress and metrics."""

    def __init__(self) -> None:
        super().__init__()
        self.bar: Progbar | None = None
        self.epochs: int | None = None
        self._evaluating = False  # whether it is a test outside of training

    def _begin(self) -> None:
        self.bar = Progbar(self.params.get("steps"), verbose=self.params.get("verbose", 0), stateless_metrics=())

    def on_train_begin(self, logs: Any = None) -> None:
        self.epochs = self.params.get("epochs")

    def on_test_begin(self, logs: Any = None) -> None:
        self._evaluating = self.bar is None
        if self._evaluating:
            self._begin()

    def on_predict_begin(self, logs: Any = None) -> None:
        self._begin()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.params.get("verbose") and self.epochs and self.epochs > 1:
            tell(f"Epoch {epoch + 1}/{self.epochs}")
        self._begin()

    def _batch(self, batch: int, logs: Any) -> None:
        if self.bar is not None and self.bar.due(batch + 1):
            self.bar.update(batch + 1, logs, finalize=False)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._batch(batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._evaluating:
            self._batch(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._batch(batch, None)

    def _finish(self, logs: Any) -> None:
        if self.bar is not None:
            self.bar.target = self.bar.seen if self.bar.target is None or self.bar.seen > self.bar.target else self.bar.target
            self.bar.update(self.bar.seen, logs, finalize=True)
        self.bar = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._finish(logs)

    def on_test_end(self, logs: Any = None) -> None:
        if self._evaluating:
            self._finish(logs)

    def on_predict_end(self, logs: Any = None) -> None:
        self._finish(None)

    def interrupt(self) -> None:
        """Training was interrupted in the middle of an epoch."""
        if self.bar is not None:
            self.bar.interrupt()
        self.bar = None


class LambdaCallback(Callback):
    """A callback from functions, one per hook: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))`."""

    def __init__(self, on_epoch_begin: Any = None, on_epoch_end: Any = None, on_train_begin: Any = None, on_train_end: Any = None,
                 on_train_batch_begin: Any = None, on_train_batch_end: Any = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end, **kwargs,
        }  # fmt: skip
        for name, function in hooks.items():
            if name.startswith("on_") and not hasattr(Callback, name):
                raise TypeError(f"[LambdaCallback] unknown hook {name!r}. Expected one of {sorted(n for n in dir(Callback) if n.startswith('on_'))}.")
            if function is not None:
                setattr(self, name, function)


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    Args:
        raise_error: whether to raise RuntimeError at once, so that no callback's `on_train_end` tidies up what may be needed.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or np.isfinite(float(loss)):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}. Loss value: {loss}. Terminating training immediately.")
        tell(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Args:
        schedule: `schedule(epoch, rate)` (or `schedule(epoch)`) gives the new rate.
        verbose: 1 prints it.
    """

    def __init__(self, schedule: Callable[..., Any], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        for optimizer in parts_of(self.model.optimizer):
            try:
                rate = self.schedule(epoch, float(np.asarray(optimizer.learning_rate)))
            except TypeError:
                rate = self.schedule(epoch)
            rate = float(np.asarray(rate)) if hasattr(rate, "__array__") else rate
            if not isinstance(rate, (float, np.floating)):
                raise ValueError(f"The output of the `schedule` function should be a float. Got: {rate!r}")
            optimizer.learning_rate = rate
            if self.verbose:
                which = "" if optimizer is self.model.optimizer else f"{optimizer.name} "
                tell(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {which}learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs is not None:
            logs.update(rates(self.model.optimizer))
