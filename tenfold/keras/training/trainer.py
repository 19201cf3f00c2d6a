"""Trainer: what a model can do beside being a layer: compile, fit, evaluate, predict."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras import optimizers
from tenfold.keras.saving.serialization import deserialize_keras_object, serialize_keras_object
from tenfold.keras.training import loops, profiling
from tenfold.keras.training.batch_structure import leaves
from tenfold.keras.training.compile_utils import CompileMetrics, check_names, total_of
from tenfold.keras.training.compiled import Compiled
from tenfold.keras.training.data_adapter import as_array, class_weights, unpack_x_y_sample_weight
from tenfold.keras.training.step import Step
from tenfold.keras.training.trainer_names import TrainerNames
from tenfold.ops import array
from tenfold.ops.module import name_scope as op_scope
from tenfold.ops.roofline_report import Report
from tenfold.primitives.arithmetic import cast
from tenfold.tensor.tensor import Tensor
from tenfold.transform.tape import GradientTape


class Trainer(TrainerNames):
    """Training, evaluation and prediction, which `Model` inherits.

    Override `train_step`, `test_step`, `predict_step`, `compute_loss` or `compute_metrics` to change a step; it is compiled as a whole.
    """

    optimizer: Any = None
    stop_training = stop_evaluating = stop_predicting = False
    history: Any = None
    name: str
    _compiled: Compiled | None = None
    _predictor: Step | None = None
    _runs_eagerly = False  # before `compile`
    output_names: Any

    # --- compile ---
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Says how the model is to be trained.

        Args:
            optimizer: a name or an object.
            loss: a name, function or object; for several outputs a list or dict of them.
            loss_weights: factors of the outputs' losses.
            metrics: a list of names, functions or objects; for several outputs a list of lists or a dict.
            weighted_metrics: the same, for metrics that `sample_weight` and `class_weight` apply to.
            run_eagerly: whether to run operation by operation, for debugging.
            steps_per_execution: how many steps are one batch to callbacks and the progress bar.
            jit_compile: accepted; every step is compiled as a whole.
            auto_scale_loss: whether a model with the policy "mixed_float16" gets its optimizer wrapped in a LossScaleOptimizer.

        Raises:
            ValueError: a name is unknown, or an argument of the wrong kind.
        """
        check_names(loss, metrics, weighted_metrics)
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise InvalidArgumentError(f"[compile] steps_per_execution must be a positive integer. Received: {steps_per_execution!r}. Try 1.")
        self.optimizer = None if optimizer is None else optimizers.get(optimizer)
        policy = self.dtype_policy.name  # type: ignore[attr-defined]
        if auto_scale_loss and policy == "mixed_float16" and optimizer is not None and not isinstance(self.optimizer, optimizers.LossScaleOptimizer):
            self.optimizer = optimizers.LossScaleOptimizer(self.optimizer, name="loss_scale_optimizer")
        arguments = {
            "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, "jit_compile": bool(jit_compile and jit_compile != "auto"),
        }  # fmt: skip
        self._compiled = Compiled(arguments, getattr(self, "output_names", None))
        self._forget_compiled()
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    @property
    def loss(self) -> Any:
        """The loss that `compile` was given."""
        return None if self._compiled is None else self._compiled.arguments["loss"]

    @property
    def steps_per_execution(self) -> int:
        """How many steps are one batch to callbacks."""
        return 1 if self._compiled is None else int(self._compiled.arguments["steps_per_execution"])

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run operation by operation."""
        return self._runs_eagerly if self._compiled is None else self._compiled.eager

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._runs_eagerly = bool(value)
        if self._compiled is not None:
            self._compiled.eager = bool(value)
        self._forget_compiled()

    def _checked(self, method: str) -> Compiled:
        if self._compiled is None:
            raise InvalidArgumentError(
                f"[{method}] You must call `compile()` before using the model. Try model.compile(optimizer='adam', loss='mse')."
            )
        return self._compiled

    def _forget_compiled(self) -> None:
        """Steps are traced anew when they are needed next."""
        self._predictor = None
        if self._compiled is not None:
            self._compiled.forget()

    def _step(self, kind: str, logged: bool = False) -> Step:
        """The compiled step for "train" or "test"; one that is `logged` gives its figures, if they depend on variables alone."""
        compiled = self._checked("fit" if kind == "train" else "evaluate")
        if kind == "train" and self.optimizer is None:
            raise InvalidArgumentError("[fit] the model was compiled without an optimizer. Try model.compile(optimizer='adam', ...).")
        trainable = tuple(map(id, self.trainable_variables))  # type: ignore[attr-defined]
        if trainable != compiled.trainable:  # layers were frozen, or built
            compiled.forget()
            compiled.trainable = trainable
        key = f"{kind}, logged" if logged else kind
        if key not in compiled.steps:
            method = f"{kind}_step"
            keeps_logs = self._returns_own_logs(method)

            def run(data: Any) -> Any:
                logs = getattr(self, method)(data[0] if len(data) == 1 and not isinstance(data[0], tuple) else data)
                return logs if keeps_logs or (logged and not compiled.reads_more(self)) else None

            compiled.steps[key] = Step(run, method, compiled.eager)
        return compiled.steps[key]

    def _returns_own_logs(self, method: str) -> bool:
        """Whether the logs of a step come from the user's code; otherwise they can be read from the metrics when needed."""
        own = (method, "compute_metrics", "get_metrics_result")
        return any(getattr(type(self), name) is not getattr(Trainer, name) for name in own)

    # --- what a step does ---
    def train_step(self, data: Any) -> Any:
        """One step of training on a batch; returns the logs."""
        compiled = self._checked("train_step")
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)  # type: ignore[operator]
            loss = self._loss_of(x, y, y_pred, sample_weight, True)
            if isinstance(self.optimizer, optimizers.LossScaleOptimizer):
                self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]
            scaled = self.optimizer.scale_loss(loss) if hasattr(self.optimizer, "scale_loss") else loss
        with op_scope("metrics"):
            compiled.loss_tracker.update_state(loss, sample_weight=_batch_size(x, loss))
        variables = self.trainable_variables  # type: ignore[attr-defined]
        if variables:
            self.optimizer.apply_gradients(list(zip(tape.gradient(scaled, variables), variables, strict=True)))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> Any:
        """One step of evaluation on a batch; returns the logs."""
        compiled = self._checked("test_step")
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)  # type: ignore[operator]
        loss = self._loss_of(x, y, y_pred, sample_weight, False)
        with op_scope("metrics"):
            compiled.loss_tracker.update_state(loss, sample_weight=_batch_size(x, loss))
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """One step of prediction on a batch."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)  # type: ignore[operator]

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
        options = {"training": training} if "training" in inspect.signature(self.compute_loss).parameters else {}
        with op_scope("loss"):
            return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """The loss of a batch: that of `compile`, and penalties (`self.losses`).

        Raises:
            ValueError: there is none, or there are no targets.
        """
        compiled = self._checked("compute_loss")
        found = []
        if compiled.loss is not None:
            if y is None:
                raise InvalidArgumentError("[fit] the loss needs targets, but none were given. Expected (x, y). Try model.fit(x, y), or "
                                           "compile(loss=None) "
                                           "with add_loss or your own train_step.")  # fmt: skip
            value = compiled.loss(y, y_pred, sample_weight)
            found = [] if value is None else [value]
        found += self.losses  # type: ignore[attr-defined]
        if not found:
            raise InvalidArgumentError("[fit] No loss to compute. Provide a `loss` argument in `compile()`. Try compile(loss='mse').")
        return total_of(found)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Updates the metrics with a batch and returns all results."""
        compiled = self._checked("compute_metrics")
        if compiled.metrics is not None:
            with op_scope("metrics"):
                compiled.metrics.update_state(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        found: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            found.update(result if isinstance(result, dict) else {metric.name: result})
        return found

    def _results(self) -> dict[str, Any]:
        """The same after a step, by a shorter way if it is asked for often."""
        return self._checked("get_metrics_result").figures(self)

    @property
    def metrics(self) -> list[Any]:
        """All metrics: the loss, those that layers hold, those of `compile`."""
        held = list(super().metrics)  # type: ignore[misc]
        compiled = self._compiled
        if compiled is None:
            return held
        own = [] if compiled.metrics is None else [compiled.metrics]
        losses_of = [] if compiled.loss is None else compiled.loss.metrics
        return [compiled.loss_tracker, *own, *losses_of, *held]

    @property
    def metrics_names(self) -> list[str]:
        """The names in the order in which `evaluate` returns the figures."""
        names: list[str] = []
        for metric in self.metrics:
            names += metric.named() if isinstance(metric, CompileMetrics) else [metric.name]
        return names

    def reset_metrics(self) -> None:
        """Sets all metrics to zero."""
        for metric in self.metrics:
            metric.reset_state()

    # --- loops ---
    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto", callbacks: Any = None,
            validation_split: float = 0.0, validation_data: Any = None, shuffle: Any = True, class_weight: Any = None, sample_weight: Any = None,
            initial_epoch: int = 0, steps_per_epoch: int | None = None, validation_steps: int | None = None, validation_batch_size: int | None = None,
            validation_freq: Any = 1) -> Any:  # fmt: skip
        """Trains the model.

        Args:
            x: inputs: arrays (a list or dict of them for several), or a source of (x, y) batches: generator, PyDataset, iterable.
            y: targets, if `x` is arrays.
            batch_size: rows per step; default 32.
            epochs: up to which epoch to train.
            verbose: "auto" or 1: a progress bar; 2: a line per epoch; 0: silent.
            callbacks: a list of callbacks.
            validation_split: the share of the last rows that is kept for validation.
            validation_data: (x, y) or (x, y, sample_weight), or a source of batches.
            shuffle: whether rows are drawn in random order; "batch": whole batches.
            class_weight: {class: weight} of the rows' losses.
            sample_weight: one weight per row.
            initial_epoch: the epoch to start from.
            steps_per_epoch: batches per epoch; default: all.
            validation_steps, validation_batch_size, validation_freq: likewise for validation; every how many epochs, or a list of epochs.

        Returns:
            A History: `.history` holds the figures of each epoch by name.

        Raises:
            ValueError: the model is not compiled, or the data do not fit together or to it.
        """
        self._checked("fit")
        return loops.fit(self, x, y, loops.FitOptions(
            batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight, sample_weight, initial_epoch,
            steps_per_epoch, validation_steps, validation_batch_size, validation_freq,
        ))  # fmt: skip

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto", sample_weight: Any = None,
                 steps: int | None = None, callbacks: Any = None, return_dict: bool = False) -> Any:  # fmt: skip
        """The loss and metrics on data: a list in the order of `metrics_names` (or a number if there is only the loss), or a dict."""
        self._checked("evaluate")
        logs = loops.evaluate(self, x, y, sample_weight, batch_size, verbose, steps, callbacks)
        return logs if return_dict else self._in_order(logs)

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None) -> Any:
        """The model's outputs for data, as NumPy arrays."""
        return loops.predict(self, x, batch_size, verbose, steps, callbacks)

    def profile(self, x: Any, y: Any = None, batch_size: int | None = None, sample_weight: Any = None, training: bool | None = None,
                steps: int = 20, verbose: bool = True) -> Report:  # fmt: skip
        """Measures one step, layer by layer and kernel by kernel, and compares it with what this machine can do. The model stays as it is.

        Args:
            x, y, sample_weight: arrays, of which the first `batch_size` (default: 32) rows are taken.
            training: whether to take a step of training; default: if there is a `y`. Without it and without `y`, a step of prediction.
            steps: how often the step runs; of each kernel the shortest time counts, which other programs disturbed least.
            verbose: whether to print the table.

        Returns:
            A report: `.save("roofline.html")` writes a page, `.save("trace.json")` a trace for Perfetto; `.layers` and `.kernels` are the figures.

        Raises:
            ValueError: the model does not run compiled, or is not compiled and there is a `y`.
        """
        report = profiling.profile(self, x, y, batch_size, sample_weight, training, steps)
        if verbose:
            report.show()
        return report

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """One step of training; the metrics of this batch."""
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """One step of evaluation; the metrics of this batch."""
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def _on_batch(self, kind: str, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
        compiled = self._checked(f"{kind}_on_batch")
        if class_weight is not None:
            sample_weight = class_weights(y, class_weight, sample_weight)
        batches = loops.one_batch(x, y, sample_weight, f"{kind}_on_batch")
        step = self._step(kind, logged=True)
        self.reset_metrics()
        arrays, structure = batches.whole()
        step.prepare(arrays, structure)
        loops.check_labels(compiled.loss, structure, arrays)
        result = step(arrays, structure)
        logs = loops.python_logs(result if isinstance(result, dict) else self._results())
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The model's outputs for one batch, as NumPy arrays."""
        data = (nest.map_structure(lambda a: as_array(a, "x"), x),)
        return nest.map_structure(_numpy, self._predict_step()(leaves(data), data))

    def _predict_step(self) -> Step:
        if self._predictor is None:
            self._predictor = Step(lambda data: self.predict_step(data), "predict_step", self.run_eagerly)
        return self._predictor

    def _in_order(self, logs: dict[str, Any]) -> Any:
        compiled = self._checked("evaluate")
        compiled.order = compiled.order or self.metrics_names
        names = [n for n in compiled.order if n in logs]
        values = [logs[n] for n in [*names, *(k for k in sorted(logs) if k not in names)]]
        return values[0] if len(values) == 1 else values

    # --- files ---
    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, for files; an empty dict if it was not called."""
        if self._compiled is None:
            return {}
        return {"optimizer": serialize_keras_object(self.optimizer), **{k: serialize_keras_object(v) for k, v in self._compiled.arguments.items()}}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles with what `get_compile_config` gave; not if `compile` is the user's own, whose arguments the file does not have."""
        if config and type(self).compile is not Trainer.compile and type(self).compile_from_config is Trainer.compile_from_config:
            warnings.warn("`compile()` was not called as part of model loading because the model's `compile()` method is custom. All subclassed "
                          "Models that have `compile()` overridden should also override `get_compile_config()` and `compile_from_config(config)`. "
                          "Alternatively, you can call `compile()` manually after loading.", stacklevel=2)  # fmt: skip
            return
        revived = {k: deserialize_keras_object(v) for k, v in config.items() if k in inspect.signature(Trainer.compile).parameters}
        self.compile(**revived)
        if self.optimizer is not None and getattr(self, "built", False):
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]


def _numpy(value: Any) -> Any:
    return value._elements() if isinstance(value, Tensor) else np.asarray(value)


def _batch_size(x: Any, like: Any) -> Any:
    return cast(array.shape(leaves(x)[0])[0], like.dtype)
