"""A functional model's graph <-> its config, in Keras 3's form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.symbolic import KerasTensor, nodes_of
from tenfold.keras.models.graph import LayerGraph
from tenfold.keras.saving.legacy_names import modern
from tenfold.keras.saving.serialization import deserialize_keras_object, serialize_keras_object


def graph_to_config(graph: LayerGraph, is_functional: Any) -> dict[str, Any]:
    """`layers`, `input_layers` and `output_layers` of a functional model's config.

    Args:
        graph: the model's.
        is_functional: whether a layer is a functional model (whose calls Keras counts from 1 in input_layers and output_layers).
    """
    own = {id(n) for n in graph.nodes}
    layers = []
    for operation in graph.operations:
        config = serialize_keras_object(operation)
        config["name"] = operation.name
        config["inbound_nodes"] = [
            {"args": [_shown(a, own) for a in node.args], "kwargs": {k: _shown(v, own) for k, v in node.kwargs.items()}}
            for node in nodes_of(operation)
            if id(node) in own and not node.is_input
        ]
        layers.append(config)

    def place(x: KerasTensor) -> list[Any]:
        assert x._keras_history is not None
        operation = x._keras_history.operation
        return [operation.name, _index(x, own) + (1 if is_functional(operation) else 0), x._keras_history.tensor_index]

    return {"layers": layers, "input_layers": _mapped(place, graph.inputs_struct), "output_layers": _mapped(place, graph.outputs_struct)}


def _mapped(place: Any, structure: Any) -> Any:
    if isinstance(structure, Mapping):
        return {k: _mapped(place, v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        mapped = [_mapped(place, v) for v in structure]
        return tuple(mapped) if type(structure) is tuple else mapped
    return place(structure)


def _index(x: KerasTensor, own: set[int]) -> int:
    """Which of the calls that belong to the model made `x`."""
    assert x._keras_history is not None
    earlier = nodes_of(x._keras_history.operation)[: x._keras_history.node_index]
    return sum(id(node) in own for node in earlier)


def _shown(value: Any, own: set[int]) -> Any:
    """An argument in JSON, its KerasTensors with their place in this model."""
    if isinstance(value, KerasTensor):
        shown = serialize_keras_object(value)
        shown["config"]["keras_history"][1] = _index(value, own)
        return shown
    if isinstance(value, (list, tuple)):
        return [_shown(v, own) for v in value]
    if isinstance(value, Mapping):
        return {k: _shown(v, own) for k, v in value.items()}
    return serialize_keras_object(value)


class _NotYet(Exception):
    """The call that makes an argument has not been made yet."""


def graph_from_config(config: Mapping[str, Any], custom_objects: Any, is_functional: Any) -> tuple[Any, Any]:
    """Makes the layers and calls them: (inputs, outputs).

    Raises:
        ValueError: the config is malformed.
    """
    for key in ("layers", "input_layers", "output_layers"):
        if key not in config:
            raise InvalidArgumentError(f"[Model] the config of a functional model needs {key!r}. Received keys {sorted(config)}.")
    made: dict[str, Any] = {}
    start: dict[str, int] = {}
    waiting: list[tuple[str, list[Any]]] = []
    for data in [data if "module" in data else modern(data) for data in config["layers"]]:
        layer = deserialize_keras_object({k: v for k, v in data.items() if k not in ("name", "inbound_nodes")}, custom_objects)
        name = data.get("name", getattr(layer, "name", None))
        if not callable(layer) or not isinstance(name, str) or name in made:
            raise InvalidArgumentError(f"[Model] the config holds something that is no layer, or two of the name {name!r}.")
        made[name] = layer
        start[name] = len(nodes_of(layer)) if data.get("inbound_nodes") else 0
        waiting.append((name, list(data.get("inbound_nodes") or [])))
    while any(calls for _, calls in waiting):
        progress = False
        for name, calls in waiting:
            while calls:
                try:
                    args, kwargs = _arguments(calls[0], made, start)
                except _NotYet:
                    break
                made[name](*args, **kwargs)
                calls.pop(0)
                progress = True
        if not progress:
            left = [name for name, calls in waiting if calls]
            raise InvalidArgumentError(
                f"[Model] the config's graph has a loop or refers to calls that do not exist. These layers cannot be connected: {left}."
            )

    def tensors(structure: Any) -> Any:
        if isinstance(structure, list) and len(structure) == 3 and isinstance(structure[0], str):
            name, index, output = structure
            layer = _known(made, name)
            return _tensor(layer, index - (1 if is_functional(layer) else 0) + start[name], output)
        if isinstance(structure, Mapping):
            return {k: tensors(v) for k, v in structure.items()}
        if not isinstance(structure, (list, tuple)):
            raise InvalidArgumentError(f"[Model] malformed input_layers or output_layers in the config: {structure!r}.")
        found = [tensors(v) for v in structure]
        return tuple(found) if isinstance(structure, tuple) else found

    try:
        return tensors(config["input_layers"]), tensors(config["output_layers"])
    except _NotYet:
        raise InvalidArgumentError("[Model] the config's input_layers or output_layers refer to a call that does not exist.") from None


def _known(made: Mapping[str, Any], name: Any) -> Any:
    if name not in made:
        raise InvalidArgumentError(f"[Model] the config refers to a layer {name!r} that it does not hold. Missing node: {name}.")
    return made[name]


def _tensor(layer: Any, node: Any, output: Any) -> KerasTensor:
    nodes = nodes_of(layer)
    if not isinstance(node, int) or not isinstance(output, int) or node < 0 or output < 0:
        raise InvalidArgumentError(f"[Model] malformed reference to {layer.name!r} in the config: ({node!r}, {output!r}).")
    if node >= len(nodes):
        raise _NotYet
    found = nodes[node].output_tensors
    if output >= len(found):
        raise InvalidArgumentError(f"[Model] the config refers to output {output} of {layer.name!r}, which has {len(found)}.")
    return found[output]


def _arguments(call: Any, made: Mapping[str, Any], start: Mapping[str, int]) -> tuple[list[Any], dict[str, Any]]:
    """(args, kwargs) of a serialized call."""

    def revive(value: Any) -> Any:
        if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
            name, node, output = value["config"]["keras_history"]
            layer = _known(made, name)
            return _tensor(layer, node + start[name] if isinstance(node, int) else node, output)
        if isinstance(value, Mapping) and value.get("class_name") == "__tuple__":
            return tuple(revive(v) for v in value["config"]["value"])
        if isinstance(value, Mapping) and "class_name" not in value:
            return {k: revive(v) for k, v in value.items()}
        if isinstance(value, list):
            return [revive(v) for v in value]
        return deserialize_keras_object(value)

    if isinstance(call, list):  # Keras 2's form: [[name, node, tensor, kwargs], ...]
        found = [_tensor(_known(made, c[0]), c[1] + start[c[0]], c[2]) for c in call]
        return [found[0] if len(found) == 1 else found], dict(call[0][3]) if call and len(call[0]) > 3 else {}
    if not isinstance(call, Mapping):
        raise InvalidArgumentError(f"[Model] malformed inbound_nodes in the config: {call!r}.")
    args, kwargs = revive(list(call.get("args", []))), revive(dict(call.get("kwargs", {})))
    args = [tuple(a) if isinstance(a, list) and any(isinstance(s, slice) for s in a) else a for a in args]
    return args, {k: v for k, v in kwargs.items() if not (k == "mask" and v is None)}


__all__ = ["graph_from_config", "graph_to_config", "nest"]
