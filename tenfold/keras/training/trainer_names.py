"""What programs ask a Trainer for beside compiling and running it: Keras's own attributes, and the spellings of Keras 2."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tenfold.keras.training.compile_utils import total_of
from tenfold.keras.training.data_adapter import IterableBatches
from tenfold.keras.training.loops import python_logs
from tenfold.keras.training.step import Step


class TrainerNames:
    """Attributes and methods that Trainer inherits."""

    _compiled: Any
    _jit_compile: Any = None

    # --- what compile made ---
    @property
    def _loss_tracker(self) -> Any:
        """The mean of the loss."""
        return None if self._compiled is None else self._compiled.loss_tracker

    @property
    def _compile_metrics(self) -> Any:
        """The metrics of `compile`; None if it had none."""
        return None if self._compiled is None else self._compiled.metrics

    @property
    def _compile_loss(self) -> Any:
        """The loss of `compile`; None if it had none."""
        return None if self._compiled is None else self._compiled.loss

    compiled_metrics = _compile_metrics

    @property
    def jit_compile(self) -> bool:
        """Whether steps run compiled: always, unless they run eagerly."""
        return not self.run_eagerly if self._jit_compile is None else self._jit_compile  # type: ignore[attr-defined]

    @jit_compile.setter
    def jit_compile(self, value: Any) -> None:
        self._jit_compile = bool(value)

    @property
    def distribute_strategy(self) -> None:
        """None: a model runs on one device."""
        return None

    distribute_reduction_method = "auto"

    # --- steps as functions ---
    def make_train_function(self, force: bool = False) -> Callable[[Iterator[Any]], dict[str, Any]]:
        """A function that takes an iterator of batches, trains on the next one and returns the logs."""
        return self._on_next("train")

    def make_test_function(self, force: bool = False) -> Callable[[Iterator[Any]], dict[str, Any]]:
        """A function that takes an iterator of batches, evaluates the next one and returns the logs."""
        return self._on_next("test")

    def make_predict_function(self, force: bool = False) -> Callable[[Iterator[Any]], Any]:
        """A function that takes an iterator of batches and returns the outputs for the next one."""
        return lambda iterator: _run(self._predict_step(), iterator)  # type: ignore[attr-defined]

    def _on_next(self, kind: str) -> Callable[[Iterator[Any]], dict[str, Any]]:
        def run(iterator: Iterator[Any]) -> dict[str, Any]:
            result = _run(self._step(kind), iterator)  # type: ignore[attr-defined]
            return python_logs(result if isinstance(result, dict) else self._results())  # type: ignore[attr-defined]

        return run

    def _symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        """Makes the weights, losses and metrics for batches like this one, and runs nothing."""
        data = next(iter(iterator)) if data_batch is None else data_batch
        arrays, structure, _ = next(IterableBatches([data]).epoch())
        if self._compiled is not None and not self.run_eagerly:  # type: ignore[attr-defined]
            self._step("test").prepare(arrays, structure)  # type: ignore[attr-defined]

    def stateless_compute_loss(self, trainable_variables: Any, non_trainable_variables: Any, metrics_variables: Any, x: Any = None, y: Any = None,
                               y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:  # fmt: skip
        """The loss of a batch with these values of the variables: (loss, the three lists of values after it)."""
        mine = (self.trainable_variables, self.non_trainable_variables, self.metrics_variables)  # type: ignore[attr-defined]
        kept = [[v.numpy() for v in group] for group in mine]
        try:
            for group, values in zip(mine, (trainable_variables, non_trainable_variables, metrics_variables), strict=True):
                for v, value in zip(group, values, strict=True):
                    v.assign(value)
            loss = self.compute_loss(x, y, y_pred, sample_weight, training)  # type: ignore[attr-defined]
            return (loss, *([v.numpy() for v in group] for group in mine))
        finally:
            for group, values in zip(mine, kept, strict=True):
                for v, value in zip(group, values, strict=True):
                    v.assign(value)

    # --- Keras 2 ---
    def compiled_loss(self, y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None) -> Any:
        """The loss of `compile` for a batch, and the penalties given."""
        _gone("compiled_loss", "compute_loss(x, y, y_pred, sample_weight)")
        return total_of([self._compile_loss(y, y_pred, sample_weight), *(regularization_losses or ())])

    def fit_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """The same as `fit`."""
        _gone("fit_generator", "fit")
        return self.fit(generator, **_named(args, "steps_per_epoch epochs verbose callbacks validation_data", kwargs))  # type: ignore[attr-defined]

    def evaluate_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """The same as `evaluate`."""
        _gone("evaluate_generator", "evaluate")
        return self.evaluate(generator, **_named(args, "steps callbacks", kwargs))  # type: ignore[attr-defined]

    def predict_generator(self, generator: Any, *args: Any, **kwargs: Any) -> Any:
        """The same as `predict`."""
        _gone("predict_generator", "predict")
        return self.predict(generator, **_named(args, "steps callbacks", kwargs))  # type: ignore[attr-defined]

    def predict_proba(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """The same as `predict`."""
        _gone("predict_proba", "predict")
        return self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]

    def predict_classes(self, x: Any, batch_size: int | None = None, verbose: Any = 0) -> Any:
        """The class of each row: that of the largest output; of a single output, whether it is above one half."""
        _gone("predict_classes", "predict(x).argmax(-1), or predict(x) > 0.5")
        outputs = self.predict(x, batch_size=batch_size, verbose=verbose)  # type: ignore[attr-defined]
        return outputs.argmax(-1) if outputs.shape[-1] > 1 else (outputs > 0.5).astype(np.int32)


def _run(step: Step, iterator: Iterator[Any]) -> Any:
    arrays, structure, _ = next(IterableBatches([next(iterator)]).epoch())
    return step(arrays, structure)


def _gone(name: str, instead: str) -> None:
    warnings.warn(f"Model.{name} is of Keras 2. Try Model.{instead}.", DeprecationWarning, stacklevel=3)


_UNUSED = ("workers", "use_multiprocessing", "max_queue_size")  # a PyDataset has them


def _named(args: tuple[Any, ...], names: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, without those that are the data set's now."""
    return {**dict(zip(names.split(), args, strict=False)), **{k: v for k, v in kwargs.items() if k not in _UNUSED}}
