"""The loops of fit, evaluate and predict: Python touches each step once, to cut the batch and call the compiled step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base import switches
from tenfold.keras.callbacks.base import CallbackList, History, LazyLogs, ProgbarLogger
from tenfold.keras.training.batch_structure import leaves
from tenfold.keras.training.batches import ArrayBatches, Batches
from tenfold.keras.training.data_adapter import are_arrays, make_batches, split, unpack_x_y_sample_weight
from tenfold.keras.training.epochs import Epochs, Interrupt, Steps
from tenfold.keras.training.labels import check_labels
from tenfold.keras.training.progbar import resolve_verbose
from tenfold.keras.training.step import Step
from tenfold.tensor.tensor import Tensor, wrap


@dataclass(slots=True)
class FitOptions:
    """The arguments of `fit`, after x and y."""

    batch_size: int | None
    epochs: int
    verbose: Any
    callbacks: Any
    validation_split: float
    validation_data: Any
    shuffle: Any
    class_weight: Any
    sample_weight: Any
    initial_epoch: int
    steps_per_epoch: int | None
    validation_steps: int | None
    validation_batch_size: int | None
    validation_freq: Any

    def check(self) -> None:
        """Raises ValueError for numbers that make no sense."""
        if isinstance(self.epochs, bool) or not isinstance(self.epochs, (int, np.integer)) or self.epochs < 0:
            raise InvalidArgumentError(f"[fit] epochs must be a non-negative integer. Received: epochs={self.epochs!r}. Try epochs=10.")
        for name in ("steps_per_epoch", "validation_steps"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1):
                raise InvalidArgumentError(f"[fit] {name} must be a positive integer or None. Received: {name}={value!r}.")
        if not isinstance(self.validation_freq, (list, tuple, set)) and (not isinstance(self.validation_freq, int) or self.validation_freq < 1):
            raise InvalidArgumentError(f"[fit] validation_freq must be a positive integer or a list of epochs. Received: {self.validation_freq!r}.")

    def validates(self, epoch: int) -> bool:
        """Whether the epoch (counted from 0) ends with validation."""
        freq = self.validation_freq
        return (epoch + 1) % freq == 0 if isinstance(freq, int) else epoch + 1 in freq


def python_logs(logs: Any) -> dict[str, Any]:
    """Plain numbers, by sorted names; nested results on the top level."""
    flat: dict[str, Any] = {}
    for name, value in (logs or {}).items():
        flat.update(value if isinstance(value, dict) else {name: value})
    return {name: _number(flat[name]) for name in sorted(flat)}


def _number(value: Any) -> Any:
    array = value._elements() if isinstance(value, Tensor) else np.asarray(value)
    return array.item() if array.size == 1 and array.dtype.kind in "fiub" else float(array.reshape(())) if array.size == 1 else array.copy()


def run(step: Step, epochs: Epochs, begin: list[Any], end: list[Any], model: Any, interrupt: Interrupt, labels: Any) -> Any:
    """One epoch of training or evaluation; what the last step returned."""
    result, checked, batches = None, False, epochs.batches
    told, together = 0, model.steps_per_execution  # the steps that callbacks know of
    steps = Steps(step, batches, [*begin, *end], together)
    for arrays, structure, repeat in epochs:
        if not checked:
            step.prepare(arrays, structure)
            check_labels(labels, structure, batches.arrays if isinstance(batches, ArrayBatches) else arrays)
            checked = isinstance(batches, ArrayBatches)
        if steps.done == told:
            for hook in begin:
                hook(told, {})
        result = steps(arrays, structure, repeat)
        if steps.done - told >= together:
            told = steps.done
            _tell(end, told - 1, model, result)
        if interrupt.asked:
            interrupt.check()
        if model.stop_training or model.stop_evaluating:
            break
    if told < steps.done:  # the last ones were fewer
        _tell(end, told + together - 1, model, result)
    return result


def _tell(hooks: list[Any], i: int, model: Any, result: Any) -> None:
    """Calls the hooks for the end of step `i`."""
    if hooks:
        logs = LazyLogs(partial(_logs, model, result))
        for hook in hooks:
            hook(i, logs)


def _logs(model: Any, result: Any) -> dict[str, Any]:
    return python_logs(result if isinstance(result, dict) else model._results())


def fit(model: Any, x: Any, y: Any, options: FitOptions) -> History:
    """See `Model.fit`."""
    options.check()
    options.epochs = switches.capped(options.epochs, switches.max_epochs(), "epochs") or 0
    verbose = resolve_verbose(options.verbose, "fit")
    training, validation = _training_data(model, x, y, options)
    epochs = Epochs(training, options.steps_per_epoch, "fit", model.steps_per_execution)
    if isinstance(options.callbacks, CallbackList):
        callbacks = options.callbacks
    else:
        callbacks = CallbackList(options.callbacks, add_history=True, add_progbar=verbose != 0, model=model, verbose=verbose, epochs=options.epochs,
                                 steps=epochs.steps, do_validation=validation is not None)  # fmt: skip
    history = callbacks.history or History()
    model.stop_training = False
    begin, end = callbacks.hooks["on_train_batch_begin"], callbacks.hooks["on_train_batch_end"]
    logs: dict[str, Any] = {}
    with Interrupt() as interrupt:
        try:
            callbacks.on_train_begin()
            for epoch in range(_first_epoch(model, options), options.epochs):
                model.reset_metrics()
                callbacks.on_epoch_begin(epoch)
                result = run(model._step("train"), epochs, begin, end, model, interrupt, model._compiled.loss)
                logs = _logs(model, result)
                callbacks.params["steps"] = epochs.steps
                if validation is not None and options.validates(epoch):
                    logs |= {f"val_{k}": v for k, v in _evaluate(model, validation, callbacks, interrupt).items()}
                callbacks.on_epoch_end(epoch, logs)
                if model.stop_training or epochs.exhausted:
                    break
        except KeyboardInterrupt:
            for callback in callbacks:
                if isinstance(callback, ProgbarLogger):
                    callback.interrupt()
            model.history = history
            raise
    if hasattr(model.optimizer, "finalize_variable_values"):
        model.optimizer.finalize_variable_values(model.trainable_weights)
    callbacks.on_train_end(logs)
    model.history = history
    return history


def _first_epoch(model: Any, options: FitOptions) -> int:
    """Where to begin: where a callback says that an interrupted training had come to, or as `fit` was told."""
    restored = model.__dict__.pop("_initial_epoch", None)
    return restored or options.initial_epoch


def _training_data(model: Any, x: Any, y: Any, options: FitOptions) -> tuple[Batches, Epochs | None]:
    """The batches for training, and those for validation if there are any."""
    weight, validation, reuse = options.sample_weight, options.validation_data, not model._compiled.eager
    if options.validation_split and validation is None:
        (x, y, weight), validation = split((x, y, weight), options.validation_split)
    training = make_batches(x, y, weight, options.batch_size, options.shuffle, options.class_weight, "fit", reuse)
    if validation is None:
        return training, None
    if isinstance(validation, (tuple, list)) and (are_arrays(validation[0]) if len(validation) else False):
        parts = unpack_x_y_sample_weight(tuple(validation))
    elif isinstance(validation, (tuple, list)) and len(validation) in (2, 3) and not isinstance(validation, list):
        parts = unpack_x_y_sample_weight(validation)
    else:
        parts = (validation, None, None)
    from_arrays = are_arrays(parts[0])
    size = (options.validation_batch_size or options.batch_size) if from_arrays else None
    batches = make_batches(*parts, size, False, None, "fit(validation_data)", reuse)
    return training, Epochs(batches, options.validation_steps, "fit(validation_data)")


def evaluate(model: Any, x: Any, y: Any, sample_weight: Any, batch_size: Any, verbose: Any, steps: Any, callbacks: Any) -> dict[str, Any]:
    """See `Model.evaluate`."""
    level = resolve_verbose(verbose, "evaluate")
    epochs = Epochs(
        make_batches(x, y, sample_weight, batch_size, False, None, "evaluate", not model._compiled.eager),
        steps,
        "evaluate",
        model.steps_per_execution,
    )
    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(callbacks, add_progbar=level != 0, model=model, verbose=level, epochs=1, steps=epochs.steps)
    with Interrupt() as interrupt:
        return _evaluate(model, epochs, callbacks, interrupt)


def _evaluate(model: Any, epochs: Epochs, callbacks: CallbackList, interrupt: Interrupt) -> dict[str, Any]:
    stopping, model.stop_training, model.stop_evaluating = model.stop_training, False, False
    callbacks.on_test_begin()
    model.reset_metrics()
    begin, end = callbacks.hooks["on_test_batch_begin"], callbacks.hooks["on_test_batch_end"]
    if not callbacks.hooks["on_test_batch_end"]:
        end = []
    result = run(model._step("test"), epochs, begin, _shown(end, callbacks), model, interrupt, model._compiled.loss)
    logs = _logs(model, result)
    callbacks.on_test_end(logs)
    model.stop_training = stopping or model.stop_training
    return logs


def _shown(hooks: list[Any], callbacks: CallbackList) -> list[Any]:
    """The hooks without those of a progress bar that shows training."""
    busy = [c for c in callbacks if isinstance(c, ProgbarLogger) and not c._evaluating]
    return [h for h in hooks if not any(h.__self__ is c for c in busy if hasattr(h, "__self__"))]


def predict(model: Any, x: Any, batch_size: Any, verbose: Any, steps: Any, callbacks: Any) -> Any:
    """See `Model.predict`."""
    level = resolve_verbose(verbose, "predict")
    step = model._predict_step()
    batches = make_batches(x, None, None, batch_size, False, None, "predict")
    if level == 0 and callbacks is None and isinstance(batches, ArrayBatches) and steps is None and batches.steps == 1:
        return nest.map_structure(_array, step([a[:] for a in batches.arrays], _inputs(batches.structure)))
    epochs = Epochs(batches, steps, "predict", model.steps_per_execution)
    if not isinstance(callbacks, CallbackList):
        callbacks = CallbackList(callbacks, add_progbar=level != 0, model=model, verbose=level, epochs=1, steps=epochs.steps)
    begin, end = callbacks.hooks["on_predict_batch_begin"], callbacks.hooks["on_predict_batch_end"]
    gathered: list[list[Any]] = []  # the outputs of each step
    form: Any = None
    told, together = 0, model.steps_per_execution  # the steps that callbacks know of
    steps = Steps(step, batches, [*begin, *end], together)
    batches.keep = True
    model.stop_predicting = False
    callbacks.on_predict_begin()
    with Interrupt() as interrupt:
        for arrays, structure, repeat in epochs:
            if len(gathered) == told:
                for hook in begin:
                    hook(told, {})
            inputs = _inputs(structure)
            form = steps(arrays[: len(leaves(inputs))], inputs, repeat)
            found = [_array(t) for t in nest.flatten(form)]
            gathered += [found] if repeat is None else [list(one) for one in zip(*found, strict=True)]
            if len(gathered) - told >= together:
                _show(end, len(gathered) - 1, form, gathered[told:])
                told = len(gathered)
            interrupt.check()
            if model.stop_predicting:
                break
        if told < len(gathered):
            _show(end, told + together - 1, form, gathered[told:])
    callbacks.on_predict_end()
    return _packed(form, gathered)


def _show(hooks: list[Any], i: int, form: Any, gathered: list[list[Any]]) -> None:
    """Calls the hooks for the end of step `i` of a prediction."""
    if hooks:
        outputs = nest.map_structure(wrap, _packed(form, gathered))
        for hook in hooks:
            hook(i, {"outputs": outputs})


def _packed(form: Any, gathered: list[list[Any]]) -> Any:
    """The outputs of several steps as those of one, in their structure."""
    return nest.pack(form, [_joined(list(column)) for column in zip(*gathered, strict=True)])


def _inputs(structure: Any) -> Any:
    """The structure of x alone: a source may give (x, y) batches to predict."""
    return structure if len(structure) == 1 else structure[:1]


def _array(value: Any) -> Any:
    return value._elements() if isinstance(value, Tensor) else np.asarray(value)


def _joined(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    if parts[0].ndim == 0:
        return np.stack(parts)
    if any(p.shape[1:] != parts[0].shape[1:] for p in parts):
        raise InvalidArgumentError(
            "[predict] the batches gave outputs of different shapes, which cannot be joined. Try model.predict_on_batch per batch."
        )
    return np.concatenate(parts)


def one_batch(x: Any, y: Any, sample_weight: Any, method: str) -> ArrayBatches:
    """All the data as one batch."""
    batches = make_batches(x, y, sample_weight, None, False, None, method)
    if not isinstance(batches, ArrayBatches):
        raise InvalidArgumentError(f"[{method}] takes one batch of arrays. Received: {type(x).__name__}. Try model.fit for sources of batches.")
    return batches


__all__ = ["FitOptions", "check_labels", "evaluate", "fit", "one_batch", "predict", "python_logs"]
