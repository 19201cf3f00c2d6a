"""How TensorFlow's checkpoints name the layers of a model that is made of a graph or a stack."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.trackable import Trackable


class TrackableModel(Trackable):
    """A model: its layers are found by the numbers that Keras 2 and Keras 3 give them, besides attributes."""

    layers: Any
    _graph: Any

    def _trackable_children(self) -> dict[str, Any]:
        stacked = hasattr(self, "_stack")
        if not stacked and self._graph is None:
            return super()._trackable_children()
        return {**layer_names(self), **operation_names(self, nested=stacked), **super()._trackable_children()}


def layer_names(model: Any) -> dict[str, Any]:
    """{name: layer} as Keras 2 numbers them: all layers, and those with weights apart, so that others may be put between them."""
    found: dict[str, Any] = {}
    weighted = 0
    complete = all(layer.built for layer in model.layers)  # else those with weights cannot be counted yet
    for i, layer in enumerate(model.layers):
        if complete and layer.weights:
            found[f"layer_with_weights-{weighted}"] = layer
            weighted += 1
        found[f"layer-{i}"] = layer
    return found


def operation_names(model: Any, nested: bool) -> dict[str, Any]:
    """{name: operations} as Keras 3 numbers them: all nodes of the graph; `nested`, where a Sequential holds a functional model."""
    if model._graph is None:
        return {}
    operations = {"_operations": list(model._graph.operations)}
    return {"_functional": operations} if nested else operations
