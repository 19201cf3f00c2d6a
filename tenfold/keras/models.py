"""`keras.models`: models, their files and their copies. Importing it makes all of Keras's classes known to files."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras import layers, losses, metrics, ops, optimizers, schedules  # noqa: F401
from tenfold.keras.input_layer import InputLayer
from tenfold.keras.layers.base import Layer
from tenfold.keras.model import Functional, Model
from tenfold.keras.operation import Function
from tenfold.keras.saving import load_model, save_model
from tenfold.keras.sequential import Sequential
from tenfold.keras.serialization import CustomObjectScope, deserialize_keras_object
from tenfold.keras.symbolic import KerasTensor


def model_from_json(json_string: str, custom_objects: Any = None) -> Any:
    """The model that `model.to_json()` described, with new weights.

    Raises:
        ValueError: it is no description of a model.
    """
    try:
        config = json.loads(json_string)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArgumentError(f"[model_from_json] not a JSON text: {error}. Try model.to_json().") from None
    with CustomObjectScope(custom_objects or {}):
        return deserialize_keras_object(config)


def clone_model(model: Any, input_tensors: Any = None, clone_function: Callable[[Any], Any] | None = None, call_function: Any = None,
                recursive: bool = False, **kwargs: Any) -> Any:  # fmt: skip
    """A model of the same structure with new layers and new weights.

    Args:
        model: a Sequential or functional model; a subclassed one needs get_config.
        input_tensors: KerasTensors to start from.
        clone_function: makes each new layer from the old one; default: `from_config(get_config())`.
    """
    if not isinstance(model, Model):
        raise InvalidArgumentError(f"[clone_model] expected a model. Received: {model!r} of type {type(model).__name__}.")
    copy = clone_function or (lambda layer: type(layer).from_config(layer.get_config()))
    if isinstance(model, Sequential):
        made = Sequential(name=model.name, trainable=model.trainable)
        if input_tensors is not None:
            made.add(input_tensors[0] if isinstance(input_tensors, (list, tuple)) else input_tensors, rebuild=False)
        for layer in model._stack if input_tensors is None else model.layers:
            made.add(_same_input(layer) if isinstance(layer, InputLayer) else copy(layer), rebuild=False)
        made._rebuild()
        return made
    if model._graph is None:
        return type(model).from_config(model.get_config())
    return _clone_graph(model, input_tensors, copy)


def _same_input(layer: InputLayer) -> InputLayer:
    return InputLayer(batch_shape=layer.batch_shape, dtype=layer.dtype, name=layer.name)


def _clone_graph(model: Any, input_tensors: Any, copy: Callable[[Any], Any]) -> Any:
    graph = model._graph
    given = list(input_tensors) if isinstance(input_tensors, (list, tuple)) else [] if input_tensors is None else [input_tensors]
    values: dict[int, Any] = {id(x): y for x, y in zip(graph.inputs, given, strict=False)}
    new: dict[int, Any] = {}
    for node in graph.nodes:
        operation = node.operation
        if node.is_input:
            for x in node.output_tensors:
                if id(x) not in values:
                    values[id(x)] = _same_input(operation).output
            continue
        if id(operation) not in new:
            new[id(operation)] = copy(operation) if isinstance(operation, Layer) else _same_operation(operation)
        fresh = type(node)(new[id(operation)], node.args, node.kwargs, node.outputs, node.index)
        result = fresh.call(values)
        for x, y in zip(node.output_tensors, _flat(result), strict=True):
            values[id(x)] = y
    return Functional(_mapped(graph.inputs_struct, values), _mapped(graph.outputs_struct, values), name=model.name)


def _same_operation(operation: Any) -> Any:
    if isinstance(operation, Function):
        return Function(operation.kind, operation.name, **operation.options)
    return type(operation).from_config(operation.get_config())


def _flat(result: Any) -> list[Any]:
    return [result] if isinstance(result, KerasTensor) else list(result.values() if isinstance(result, dict) else result)


def _mapped(structure: Any, values: dict[int, Any]) -> Any:
    if isinstance(structure, dict):
        return {k: _mapped(v, values) for k, v in structure.items()}
    return [_mapped(v, values) for v in structure] if isinstance(structure, (list, tuple)) else values[id(structure)]


__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
