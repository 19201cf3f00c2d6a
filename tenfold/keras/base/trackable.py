"""How TensorFlow's checkpoints name what Keras's objects hold: by attributes, as Keras 2 and Keras 3 do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tenfold.saving.checkpoint.objects import attributes

_SKIPPED = frozenset({
    "_auto_config", "_build_shapes", "_compiled", "_first_shapes", "_functional", "_graph", "_graph_layers", "_inbound_nodes", "_losses",
    "_made_weights", "_metrics", "_predictor", "_stack", "_states", "_variables",
})  # fmt: skip


class Trackable:
    """An object whose attributes hold its variables, and other objects with variables."""

    _other_names: ClassVar[dict[str, tuple[str, ...]]] = {"_kernel": ("kernel",), "_embeddings": ("embeddings",)}  # of an attribute, in other Kerases

    def _trackable_children(self) -> dict[str, Any]:
        """{name: object}, as checkpoints are written."""
        found: dict[str, Any] = {}
        for name, value in attributes(self, _SKIPPED).items():
            found.update(dict.fromkeys((*self._other_names.get(name, ()), name), value))
        return found

    def _trackable_named(self, names: Sequence[str]) -> Mapping[str, Any]:
        """{name: object} for the names in a checkpoint, of whichever Keras."""
        held = self._trackable_children()
        spellings = {name: (name, f"_{name}", name.removeprefix("_")) for name in names}
        return {name: next(held[s] for s in tried if s in held) for name, tried in spellings.items() if any(s in held for s in tried)}


class TrackableOptimizer(Trackable):
    """An optimizer: what it keeps is found by the names of its lists, or as the slots of Keras 2.10.

    Where a file has no lists, the order of all variables must do. That of Keras 2 is another, so it is written only if Keras 3 has no lists either.
    """

    _known_by_order = False
    _iterations: Any
    _learning_rate: Any
    _variables: list[Any]
    _trainable_variables_indices: dict[int, int]

    def _trackable_named(self, names: Sequence[str]) -> Mapping[str, Any]:
        found = {"iter": self._iterations, **super()._trackable_named(names)}
        lists = [name for name, value in found.items() if isinstance(value, list) and value and name != "_trainable_variables"]
        if not lists:
            of_keras_3 = "_trainable_variables" in names
            found["_variables"] = [v for v in self._variables if of_keras_3 or v is not self._learning_rate]
        return found

    def _trackable_children(self) -> dict[str, Any]:
        found = super()._trackable_children()
        return {**found, "_variables": self._variables} if self._known_by_order else found

    def _trackable_slot(self, name: str, variable: Any) -> Any:
        """What Keras 2.10 called the slot `name` of a variable; None if it is not there."""
        place = self._trainable_variables_indices.get(id(variable))
        lists = [vars(self).get(attribute) for attribute in _SLOTS.get(name, ())]
        return next((slots[place] for slots in lists if slots and place is not None), None)


_SLOTS = {  # Keras 2.10's name -> the attributes that may hold it
    "m": ("_momentums", "_m"), "v": ("_velocities", "_u"), "vhat": ("_velocity_hats",), "momentum": ("momentums", "_momentums"),
    "rms": ("_velocities",), "mg": ("_average_gradients",), "accumulator": ("_accumulators",), "linear": ("_linears",),
    "accum_grad": ("_accumulated_grads",), "accum_var": ("_accumulated_delta_vars",),
}  # fmt: skip
