"""What `compile` is given -> the loss of a step, and the metrics of each output."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras import losses, metrics
from tenfold.ops import math
from tenfold.primitives.arithmetic import cast


def outputs_of(y_pred: Any, names: list[str] | None) -> list[tuple[str | None, Any]]:
    """The model's outputs in order, with their names; a single output has none."""
    if isinstance(y_pred, Mapping):
        order = names if names and set(names) == set(y_pred) else sorted(y_pred)
        return [(str(k), y_pred[k]) for k in order]
    if isinstance(y_pred, (list, tuple)):
        flat = nest.flatten(y_pred)
        if len(flat) == 1:
            return [(None, flat[0])]
        return [(names[i] if names and len(names) == len(flat) else f"output_{i + 1}", y) for i, y in enumerate(flat)]
    return [(None, y_pred)]


def align(values: Any, outputs: list[tuple[str | None, Any]], what: str) -> list[Any]:
    """One entry of `values` (targets or weights: an array, list or dict) per output.

    Raises:
        ValueError: their number or names do not fit.
    """
    names = [name for name, _ in outputs]
    if isinstance(values, Mapping):
        if len(outputs) == 1 and len(values) == 1:
            return [next(iter(values.values()))]
        unknown = [k for k in values if k not in names]
        missing = [n for n in names if n not in values]
        if unknown or (missing and what == "y"):
            raise InvalidArgumentError(f"[fit] the keys of `{what}` do not match the model's outputs. Expected {names}; received {list(values)}.")
        return [values.get(n) for n in names]
    flat = nest.flatten(values)
    if what == "sample_weight" and len(flat) == 1:
        return flat * len(outputs)
    if len(flat) != len(outputs):
        raise InvalidArgumentError(f"[fit] the model has {len(outputs)} output(s) {'' if names[0] is None else names}, but `{what}` has "
                                   f"{len(flat)} part(s). "
                                   "Try one array per output, as a list or as a dict by output name.")  # fmt: skip
    return flat


def per_output(spec: Any, outputs: list[tuple[str | None, Any]], what: str) -> list[Any]:
    """What `compile(loss=..., loss_weights=..., metrics=...)` says about each output."""
    count, names = len(outputs), [name for name, _ in outputs]
    if isinstance(spec, Mapping):
        if count == 1 and len(spec) == 1:
            return [next(iter(spec.values()))]
        unknown = [k for k in spec if k not in names]
        if unknown:
            near = difflib.get_close_matches(str(unknown[0]), [str(n) for n in names], 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InvalidArgumentError(
                f"[compile] Invalid `{what}`: it names an output that the model does not have: {unknown[0]!r}. Expected keys among {names}.{hint}"
            )
        return [spec.get(n) for n in names]
    if isinstance(spec, (list, tuple)):
        if what in ("metrics", "weighted_metrics"):
            if count == 1:
                return [nest.flatten(spec)]
            if len(spec) == count:
                return list(spec)
            if not any(isinstance(s, (list, tuple, Mapping)) for s in spec):
                return [list(spec)] * count
        if len(spec) != count:
            raise InvalidArgumentError(f"[compile] `{what}` has {len(spec)} entries, but the model has {count} output(s). Try one per output.")
        return list(spec)
    return [spec] * count


def _kind(y_true: Any, y_pred: Any) -> str:
    """ "binary", "sparse_categorical" or "categorical", by the shapes."""
    if y_pred.shape[-1] == 1:
        return "binary"
    sparse = len(y_true.shape) < len(y_pred.shape) or (y_true.shape[-1] == 1 and (y_pred.shape[-1] or 2) > 1)
    return "sparse_categorical" if sparse else "categorical"


def make_metric(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """The Metric that a name, function or object stands for; "accuracy" is chosen by the shapes."""
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        kinds: dict[str, Any] = {
            "binary": metrics.BinaryAccuracy,
            "sparse_categorical": metrics.SparseCategoricalAccuracy,
            "categorical": metrics.CategoricalAccuracy,
        }
        return kinds[_kind(y_true, y_pred)](name=identifier)
    found = metrics.get(identifier)
    if not isinstance(found, metrics.Metric):
        name = identifier if isinstance(identifier, str) else getattr(found, "name", None) or getattr(found, "__name__", type(found).__name__)
        return metrics.MeanMetricWrapper(found, name=name)
    if isinstance(identifier, str):
        found.name = identifier
    return found


def make_loss(identifier: Any, y_true: Any, y_pred: Any) -> Any:
    """The Loss that a name, function or object stands for; None for an output without one."""
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        identifier = f"{_kind(y_true, y_pred)}_crossentropy"
    found = losses.get(identifier)
    if not isinstance(found, losses.Loss):
        name = identifier if isinstance(identifier, str) else getattr(found, "__name__", None)
        return losses.LossFunctionWrapper(found, name=name)
    return found


class CompileMetrics:
    """The metrics of each output."""

    name = "compile_metrics"

    def __init__(self, plain: Any, weighted: Any, output_names: list[str] | None) -> None:
        for name, value in (("metrics", plain), ("weighted_metrics", weighted)):
            if value is not None and not isinstance(value, (list, tuple, Mapping)):
                raise InvalidArgumentError(
                    f"[compile] expected `{name}` to be a list, tuple, or dict. Received: {name}={value!r} of type {type(value).__name__}. "
                    f"Try [{value!r}]."
                )
        self._plain, self._weighted, self._names = plain, weighted, output_names
        self.built = False
        self._entries: list[tuple[int, str | None, Any, bool]] = []  # (output, its name, metric, weighted)

    @property
    def metrics(self) -> list[Any]:
        """The Metric objects."""
        return [metric for _, _, metric, _ in self._entries]

    @property
    def variables(self) -> list[Any]:
        """Their state."""
        return [v for metric in self.metrics for v in metric.variables]

    def build(self, y_true: list[Any], outputs: list[tuple[str | None, Any]]) -> None:
        """Makes the Metric objects, for targets and outputs of these shapes."""
        for weighted, spec, what in ((False, self._plain, "metrics"), (True, self._weighted, "weighted_metrics")):
            if not spec:
                continue
            for i, (chosen, t, (name, p)) in enumerate(zip(per_output(spec, outputs, what), y_true, outputs, strict=True)):
                for identifier in [] if chosen is None else chosen if isinstance(chosen, (list, tuple)) else [chosen]:
                    self._entries.append((i, name if len(outputs) > 1 else None, make_metric(identifier, t, p), weighted))
        self.built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Takes a batch into account."""
        outputs = outputs_of(y_pred, self._names)
        targets = align(y_true, outputs, "y") if y_true is not None else [None] * len(outputs)
        if not self.built:
            self.build(targets, outputs)
        weights = [None] * len(outputs) if sample_weight is None else align(sample_weight, outputs, "sample_weight")
        for i, _, metric, weighted in self._entries:
            if weighted:
                metric.update_state(targets[i], outputs[i][1], sample_weight=weights[i])
            else:
                metric.update_state(targets[i], outputs[i][1])

    def reset_state(self) -> None:
        """Sets all metrics to zero."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> dict[str, Any]:
        """The figures by name."""
        return {name: metric.result() for name, metric in self.named().items()}

    def named(self) -> dict[str, Any]:
        """The metrics by the names of their figures; several outputs' are called `output_metric`."""
        found: dict[str, Any] = {}
        for _, output, metric, weighted in self._entries:
            name = metric.name if output is None else f"{output}_{metric.name}"
            if name in found and weighted:
                name = f"weighted_{metric.name}" if output is None else f"{output}_weighted_{metric.name}"
            plain, count = name, 0
            while name in found:
                count += 1
                name = f"{plain}_{count}"
            found[name] = metric
        return found


def total_of(values: list[Any]) -> Any:
    """The sum of scalar losses."""
    total = values[0]
    for value in values[1:]:
        total = total + math.reduce_sum(cast(value, total.dtype))
    return total


def check_names(loss: Any, plain: Any, weighted: Any) -> None:
    """Raises ValueError for a name that means no loss or metric, at once and not only in `fit`."""
    for identifier in nest.flatten(loss):
        if isinstance(identifier, str) and identifier.lower() not in ("crossentropy", "ce"):
            losses.get(identifier)
        elif inspect.isclass(identifier):
            raise InvalidArgumentError(f"[compile] loss={identifier.__name__} is a class. Expected an object. Try {identifier.__name__}().")
    for given in (plain, weighted):
        for identifier in nest.flatten(given):
            if isinstance(identifier, str) and identifier.lower() not in ("accuracy", "acc"):
                metrics.get(identifier)
