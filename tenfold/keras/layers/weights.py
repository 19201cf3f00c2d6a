"""The part of a layer that knows its weights: own and nested, trainable or not, to and from lists and files."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from tenfold.keras.base.trackable import Trackable
from tenfold.keras.layers.call import context
from tenfold.keras.layers.stateless import stateless_call
from tenfold.keras.layers.tracking import SKIPPED, Held, held, kind_of, remembered, restructured
from tenfold.keras.metrics.base import Mean
from tenfold.tensor.bind import state
from tenfold.tensor.variable import Variable
from tenfold.transform.trace import init_scope


class Weights(Trackable):
    """Variables, nested layers, losses and metrics of a layer."""

    name: str
    built: bool
    _trainable: bool
    _made_weights: list[Any]
    _losses: list[Any]

    def _held(self) -> Held:
        return held(self, Weights)

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        object.__setattr__(self, name, value)
        if "_plans" in self.__dict__:
            self.__dict__["_plans"].forget()
        if before is not value and name not in SKIPPED and (kind_of(type(value), Weights) or kind_of(type(before), Weights)):
            restructured()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        if "_plans" in self.__dict__:
            self.__dict__["_plans"].forget()
        restructured()

    @property
    def _layers(self) -> list[Any]:
        """The layers that it holds itself."""
        return self._held().layers

    @property
    def _metrics(self) -> list[Any]:
        """The metrics that it holds itself."""
        return self._held().metrics

    @property
    def _trainable_variables(self) -> list[Any]:
        """Its own variables that were born trainable."""
        return [v for v in self._own_variables() if v._born_trainable]  # type: ignore[attr-defined]

    @property
    def _non_trainable_variables(self) -> list[Any]:
        """Its own variables that were not born trainable."""
        return [v for v in self._own_variables() if not v._born_trainable]  # type: ignore[attr-defined]

    @property
    def _seed_generators(self) -> list[Any]:
        """The random generators that it holds itself."""
        return self._held().seeds

    def _own_variables(self) -> list[Variable]:
        """Its own variables, without those of nested layers: those born trainable, then the others."""
        return _in_order(self._held().variables)

    def _sublayers(self) -> list[Any]:
        """The layers that it holds itself; models say it anew."""
        return self._layers

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Any]:
        """It and the layers in it, each once, outer ones first."""
        inner = remembered(self, "layers", self._found_layers) if recursive else self._sublayers()
        return [self, *inner] if include_self else inner

    def _found_layers(self) -> list[Any]:
        return _once([inner for layer in self._sublayers() for inner in layer._flatten_layers()])

    @property
    def weights(self) -> list[Any]:
        """All weights, nested ones too; without the state of metrics and random generators."""
        return remembered(self, "weights", self._found_weights)

    def _found_weights(self) -> list[Any]:
        here = self._held()
        return _once([*_in_order(here.variables), *(w for layer in here.layers for w in layer.weights)])

    @property
    def variables(self) -> list[Any]:
        """All state but that of metrics: weights and random generators."""
        return remembered(self, "variables", self._found_variables)

    def _found_variables(self) -> list[Any]:
        here = self._held()
        own = [*_in_order(here.variables), *(s.state for s in here.seeds)]
        return _once([*own, *(v for layer in here.layers for v in layer.variables)])

    @property
    def trainable_weights(self) -> list[Any]:
        """The weights that training changes."""
        return [w for w in self.weights if w.trainable] if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The weights that training leaves alone."""
        return [w for w in self.weights if not w.trainable] if self.trainable else self.weights

    @property
    def trainable_variables(self) -> list[Any]:
        """The same as `trainable_weights`."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The state that training does not change by gradients, that of random generators included."""
        return [v for v in self.variables if not v.trainable] if self.trainable else self.variables

    @property
    def trainable(self) -> bool:
        """Whether training changes its weights. Setting it sets it for all nested layers."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = checked_boolean(value)
        for v in self._own_variables():
            if v._born_trainable and not getattr(v, "_stays_frozen", False):  # type: ignore[attr-defined]
                v.trainable = bool(value)
        for layer in self._sublayers():
            layer.trainable = value

    @property
    def metrics(self) -> list[Any]:
        """The metrics that it and nested layers hold."""
        return remembered(self, "metrics", self._found_metrics)

    def _found_metrics(self) -> list[Any]:
        return _once([m for layer in self._flatten_layers() for m in layer._metrics])

    @property
    def metrics_variables(self) -> list[Any]:
        """The state of the metrics."""
        return [v for m in self.metrics for v in m.variables]

    # --- when weights may be made ---
    @property
    def _tracker(self) -> Tracker:
        """Opens and closes the layer for new weights."""
        return self.__dict__.setdefault("_tracker_object", Tracker())  # type: ignore[no-any-return]

    def _check_open(self) -> None:
        """Raises ValueError in the call of a layer that is built: what is made there would be made again in each call."""
        calling = bool(state.scope) and state.scope[-1] == self.name
        if calling and self.built and not self.__dict__.get("_in_build") and not self._tracker.open:
            raise ValueError(f"In layer '{self.name}', you cannot add new elements of state (variables or sub-layers) to a layer that is already "
                             "built. All state must be created in the `__init__()` method or in the `build()` method.")  # fmt: skip

    def _untrack_variable(self, variable: Any) -> None:
        """Forgets a weight; to be assigned to the attribute that held it."""
        self._made_weights[:] = [w for w in self._made_weights if w is not variable]
        restructured()

    def stateless_call(self, trainable_variables: Any, non_trainable_variables: Any, *args: Any, return_losses: bool = False, **kwargs: Any) -> Any:
        """The call with these values of the variables, which it leaves as they are: (outputs, new values of the non-trainable ones).

        Args:
            trainable_variables, non_trainable_variables: one value for each of the layer's.
            return_losses: whether to return the losses too.
        """
        return stateless_call(self, trainable_variables, non_trainable_variables, args, kwargs, return_losses)

    # --- losses ---
    def add_loss(self, loss: Any) -> None:
        """Adds a scalar (or a list of them) to what training minimizes; to be called in `call`."""
        context.losses = True
        self._losses.extend(loss if isinstance(loss, (list, tuple)) else [loss])

    @property
    def losses(self) -> list[Any]:
        """Penalties: from `add_loss` and activity regularizers in the last call, and of the weights."""
        made = [loss for layer in self._flatten_layers() for loss in layer._losses if _alive(loss)]
        return made + [w.regularizer(w) for w in self.trainable_weights if getattr(w, "regularizer", None) is not None]

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._losses.clear()

    def add_metric(self, value: Any, name: str | None = None, aggregation: Any = "mean") -> None:
        """Keras 2's way to report a figure of `call`: its mean over the batches, as a metric of this name.

        Raises:
            ValueError: there is no name, or another aggregation than the mean is asked for.
        """
        warnings.warn("Layer.add_metric is of Keras 2. Try a keras.metrics.Mean made in __init__, and its update_state in call.",
                      DeprecationWarning, stacklevel=2)  # fmt: skip
        if not name or aggregation not in ("mean", None):
            raise ValueError("[add_metric] expected a name, and the mean as aggregation. "
                             f"Received: name={name!r}, aggregation={aggregation!r}.")  # fmt: skip
        if "_added_metrics" not in self.__dict__:
            self._added_metrics: dict[str, Mean] = {}
        added = self._added_metrics
        if name not in added:
            with init_scope():
                added[name] = Mean(name)
        added[name].update_state(value)

    # --- values ---
    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """The values of `weights`."""
        return [w.numpy() for w in self.weights]

    def set_weights(self, weights: Iterable[Any]) -> None:
        """Sets the values of `weights`.

        Raises:
            ValueError: their number or shapes differ.
        """
        values, mine = list(weights), self.weights
        if len(values) != len(mine):
            hint = "" if self.built else " The layer is not built yet: call it on data, or build(shape), first."
            raise ValueError(f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of length {len(values)}, but the layer "
                             f"was expecting {len(mine)} weights.{hint}")  # fmt: skip
        for w, value in zip(mine, values, strict=True):
            if tuple(w.shape) != tuple(np.shape(value)):
                raise ValueError(f"Layer {self.name} weight shape {tuple(w.shape)} is not compatible with provided weight shape {np.shape(value)}.")
        for w, value in zip(mine, values, strict=True):
            w.assign(np.asarray(value).astype(w.dtype.numpy))

    def count_params(self) -> int:
        """The number of elements of all weights.

        Raises:
            ValueError: the layer is not built.
        """
        if not self.built:
            raise ValueError(f"You tried to call `count_params` on layer '{self.name}', but the layer isn't built. You can build it manually via: "
                             f"`layer.build(input_shape)`.")  # fmt: skip
        return sum(int(np.prod(tuple(w.shape), dtype=np.int64)) for w in self.weights)

    def save_own_variables(self, store: Any) -> None:
        """Writes its own variables into `store`, under "0", "1", ..."""
        for i, v in enumerate(self._own_variables()):
            store[str(i)] = v.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Reads its own variables from `store`.

        Raises:
            ValueError: their number or shapes differ.
        """
        mine = self._own_variables()
        if len(store.keys()) != len(mine):
            hint = ""
            if not mine and not self.built:
                hint = " The layer was never built: it has no weights yet. Try calling the model on data before loading."
            raise ValueError(f"Layer '{self.name}' expected {len(mine)} variables, but received {len(store.keys())} variables during loading. "
                             f"Expected: {[v.name for v in mine]}.{hint}")  # fmt: skip
        for i, v in enumerate(mine):
            value = np.asarray(store[str(i)])
            if tuple(value.shape) != tuple(v.shape):
                raise ValueError(f"Layer '{self.name}': the file's value for '{v.name}' has shape {tuple(value.shape)}; it must match: "
                                 f"expected {tuple(v.shape)}.")  # fmt: skip
            v.assign(value.astype(v.dtype.numpy))


class Tracker:
    """Whether a layer takes new weights in its call."""

    open = False

    def unlock(self) -> None:
        """It does from now on."""
        self.open = True

    def lock(self) -> None:
        """It does no more."""
        self.open = False


def checked_boolean(trainable: Any) -> bool:
    """`trainable`, if it is a boolean."""
    if not isinstance(trainable, bool):
        raise ValueError(f"Expected `trainable` argument to be a boolean, but got: {trainable}")
    return trainable


def _in_order(variables: list[Any]) -> list[Any]:
    """Those born trainable, then the others."""
    for v in variables:
        if not hasattr(v, "_born_trainable"):
            v._born_trainable = v.trainable
    return [v for v in variables if v._born_trainable] + [v for v in variables if not v._born_trainable]


def _alive(loss: Any) -> bool:
    """Whether a loss has a value here: those of a function that was traced before have none."""
    trace = getattr(loss, "_trace", None)
    now = state.trace
    return trace is None or (now is not None and any(trace is t for t in (now, *now.ancestors())))


def _once(things: list[Any]) -> list[Any]:
    seen: set[int] = set()
    return [t for t in things if not (id(t) in seen or seen.add(id(t)))]  # type: ignore[func-returns-value]
