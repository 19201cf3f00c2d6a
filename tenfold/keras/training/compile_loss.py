"""`compile(loss=...)` -> the loss of a step: one for each output, or several, or some that take several outputs together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras import losses, metrics
from tenfold.keras.losses.formulas import sparse_categorical_crossentropy
from tenfold.keras.training.compile_utils import align, make_loss, outputs_of, per_output
from tenfold.primitives.arithmetic import cast


class UnknownOutputError(InvalidArgumentError, KeyError):
    """A loss is given for an output that the model does not have."""


@dataclass(slots=True)
class Part:
    """A loss, the place in the outputs that it is for, its factor, and its name."""

    path: tuple[Any, ...]
    loss: Any
    weight: Any
    name: str


class CompileLoss:
    """The weighted sum of the losses that `compile` was given."""

    def __init__(self, loss: Any, loss_weights: Any, output_names: list[str] | None) -> None:
        if loss_weights is not None and not isinstance(loss_weights, (list, tuple, Mapping, int, float)):
            raise InvalidArgumentError(f"[compile] Expected `loss_weights` to be a float, list or dict: loss_weights must be a float, list or dict. "
                                       f"Received: loss_weights={loss_weights!r}.")  # fmt: skip
        self._loss, self._weights, self._names = loss, loss_weights, output_names
        self.parts: list[Part] = []
        self.built = False
        self.sparse: list[Any] = []  # of each part whose targets are class numbers: (classes, ignored class, name of the loss)
        self.metrics: list[Any] = []
        self._form: Any = None  # the structure of the outputs

    @property
    def variables(self) -> list[Any]:
        """The state of the losses' means."""
        return [v for metric in self.metrics for v in metric.variables]

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Makes the Loss objects, and one Mean for each if there are several."""
        loss, weights = self._by_output(y_pred)
        self.parts = list(self._find(loss, weights, y_true, y_pred, _names(y_pred, self._names), ()))
        self.sparse = [_sparse(part.loss, _at(part.path, y_pred)) for part in self.parts]
        self.metrics = [metrics.Mean(name=f"{part.name}_loss") for part in self.parts] if len(self.parts) > 1 else []
        self._form, self.built = nest.map_structure(lambda _: None, y_pred), True

    def _by_output(self, y_pred: Any) -> tuple[Any, Any]:
        """The losses and their factors in the structure of the outputs: names become places in a list, one loss becomes one of each output."""
        loss, weights = self._loss, self._weights
        if isinstance(loss, Mapping) and not isinstance(y_pred, Mapping):
            outputs = outputs_of(y_pred, self._names)
            found = per_output(loss, outputs, "loss")
            weights = None if weights is None else per_output(weights, outputs, "loss_weights")
            return (found, weights) if nest.is_nested(y_pred) else (found[0], None if weights is None else weights[0])
        if not nest.is_nested(loss):
            count = len(nest.flatten(y_pred))
            if isinstance(weights, (list, tuple)) and len(weights) == count:
                weights = nest.pack(y_pred, list(weights)) if nest.is_nested(y_pred) else weights[0]
            return nest.map_structure(lambda _: loss, y_pred), weights
        return loss, weights

    def _find(self, loss: Any, weight: Any, y_true: Any, y_pred: Any, names: Any, path: tuple[Any, ...]) -> Iterator[Part]:
        """The parts of a (nested) loss for (nested) outputs."""
        if not nest.is_nested(loss):
            if loss is not None:
                made = make_loss(loss, y_true, y_pred)
                yield Part(path, made, _factor(weight), _name(made, names, path))
            return
        if isinstance(loss, (list, tuple)) and not any(map(nest.is_nested, loss)) and len(loss) == len(nest.flatten(y_pred)):
            flat = nest.flatten(weight) if nest.is_nested(weight) else [weight] * len(loss)
            if len(flat) != len(loss):
                raise InvalidArgumentError(f"[compile] `loss_weights` has {len(flat)} entries: it must match the number of losses, {len(loss)}.")
            if not nest.is_nested(y_pred):
                yield from self._find(loss[0], flat[0], y_true, y_pred, names, path)
                return
            loss, weight = nest.pack(y_pred, list(loss)), nest.pack(y_pred, flat)
        elif isinstance(loss, (list, tuple)) and not isinstance(y_pred, type(loss)):
            for i, one in enumerate(loss):
                yield from self._find(one, _entry(weight, i), y_true, y_pred, names, path)
            return
        for key, one in loss.items() if isinstance(loss, Mapping) else enumerate(loss):
            if one is None:
                continue
            if not (_has(y_pred, key) and _has(y_true, key)):
                raise UnknownOutputError(f"[compile] the path {(*path, key)}, in the `loss` argument, can't be found in either the model's output "
                                         f"(`y_pred`) or in the labels (`y_true`). Expected names among {self._names}.")  # fmt: skip
            yield from self._find(one, _entry(weight, key), y_true[key], y_pred[key], _entry(names, key), (*path, key))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The total; None if no output has a loss."""
        targets = self._fit(y_true, y_pred)
        if not self.built:
            self.build(targets, y_pred)
        if sample_weight is not None and nest.is_nested(y_pred) and nest.is_nested(sample_weight):
            sample_weight = self._fit(sample_weight, y_pred, "sample_weight")
        total: Any = None
        for i, part in enumerate(self.parts):
            weight = _at(part.path, sample_weight) if nest.is_nested(sample_weight) else sample_weight
            value = part.loss(_at(part.path, targets), _at(part.path, y_pred), weight)
            if self.metrics:
                self.metrics[i].update_state(value)  # every batch counts the same, as in Keras on TensorFlow
            value = value if part.weight is None else value * part.weight
            total = value if total is None else total + cast(value, total.dtype)
        return total

    def targets(self, y_true: Any) -> list[Any]:
        """The targets of the parts, as arrays; only after `build`."""
        fitted = self._fit(y_true, self._form)
        return [_at(part.path, fitted) for part in self.parts]

    def _fit(self, y_true: Any, y_pred: Any, what: str = "y") -> Any:
        """Targets (or weights) in the structure of the outputs, where they have the same in another form.

        Raises:
            ValueError: their number or names do not fit.
        """
        if not nest.is_nested(y_pred):
            flat = nest.flatten(y_true)
            return flat[0] if len(flat) == 1 else align(y_true, outputs_of(y_pred, self._names), what)[0]
        outputs = outputs_of(y_pred, self._names)
        flat_count = len(nest.flatten(y_pred))
        if len(outputs) != flat_count or any(nest.is_nested(y) for _, y in outputs):  # deeper than a list or dict
            return nest.pack(y_pred, nest.flatten(y_true))
        found = self._where_losses_are(y_true, flat_count) or align(y_true, outputs, what)
        if isinstance(y_pred, Mapping):
            return {key: value for (key, _), value in zip(outputs, found, strict=True)}
        return nest.pack(y_pred, list(found))

    def _where_losses_are(self, y_true: Any, count: int) -> list[Any] | None:
        """Targets that are given only for the outputs that have a loss, with None for the others."""
        if isinstance(y_true, Mapping) or not nest.is_nested(self._loss):
            return None
        flat = nest.flatten(y_true)
        specs = [self._loss.get(n) for n in self._names or ()] if isinstance(self._loss, Mapping) else list(self._loss)
        wanted = [i for i, s in enumerate(specs) if s is not None]
        if len(specs) != count or len(flat) == count or len(flat) != len(wanted):
            return None
        filled: list[Any] = [None] * count
        for i, t in zip(wanted, flat, strict=True):
            filled[i] = t
        return filled


def _factor(weight: Any) -> Any:
    return nest.flatten(weight)[0] if nest.is_nested(weight) else weight


def _entry(structure: Any, key: Any) -> Any:
    """An entry of a structure; what is no structure is the same for all."""
    if isinstance(structure, Mapping):
        return structure.get(key)
    return structure[key] if isinstance(structure, (list, tuple)) and isinstance(key, int) and key < len(structure) else structure


def _has(structure: Any, key: Any) -> bool:
    return (
        key in structure if isinstance(structure, Mapping) else isinstance(structure, (list, tuple)) and isinstance(key, int) and key < len(structure)
    )


def _at(path: tuple[Any, ...], structure: Any) -> Any:
    for key in path:
        structure = structure[key]
    return structure


def _names(y_pred: Any, names: list[str] | None) -> Any:
    """The outputs' names in their structure; those in a dict are its keys."""
    flat = nest.flatten(y_pred)
    if names and len(names) == len(flat) and nest.is_nested(y_pred):
        return nest.pack(y_pred, list(names))
    if isinstance(y_pred, Mapping):
        return {k: _names(y, None) if nest.is_nested(y) else str(k) for k, y in y_pred.items()}
    if not nest.is_nested(y_pred):
        return names[0] if names and len(names) == 1 else None
    if names:  # of other outputs than the loss is given: losses are called by their own names
        return nest.pack(y_pred, [None] * len(flat))
    return nest.pack(y_pred, [f"output_{i + 1}" for i in range(len(flat))])


def _name(loss: Any, names: Any, path: tuple[Any, ...]) -> str:
    if nest.is_nested(names):
        own = list(names) if isinstance(names, Mapping) else nest.flatten(names)
        return "/".join(map(str, path)) or "_".join(map(str, own))
    last = loss.name if names is None else names
    return "/".join(map(str, [*path[:-1], last])) if path and isinstance(path[-1], int) else "/".join(map(str, path)) or str(last)


def _sparse(loss: Any, y_pred: Any) -> tuple[int, int | None, str] | None:
    """(classes, ignored class, name) if the loss takes class numbers."""
    function = getattr(loss, "fn", None)
    if nest.is_nested(y_pred) or (not isinstance(loss, losses.SparseCategoricalCrossentropy) and function is not sparse_categorical_crossentropy):
        return None
    axis = getattr(loss, "_fn_kwargs", {}).get("axis", -1)
    width = y_pred.shape[axis] if y_pred.shape else None
    return None if width is None else (int(width), getattr(loss, "ignore_class", None), "sparse_categorical_crossentropy")
