"""`keras.models.clone_model`: the same structure with new layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.operation import Function
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.layers.base import Layer
from tenfold.keras.models.input_layer import InputLayer
from tenfold.keras.models.model import Functional, Model
from tenfold.keras.models.sequential import Sequential
from tenfold.keras.saving.serialization import deserialize_keras_object, serialize_keras_object


@dataclass(slots=True)
class _Cloning:
    """How layers are copied; each is copied once, however often it is used."""

    copy: Callable[[Any], Any] | None
    call: Callable[..., Any] | None
    recursive: bool
    made: dict[int, Any] = field(default_factory=dict)

    def layer(self, old: Any) -> Any:
        """The copy of a layer or operation."""
        if id(old) not in self.made:
            self.made[id(old)] = self._copied(old)
        return self.made[id(old)]

    def _copied(self, old: Any) -> Any:
        if isinstance(old, Function):
            return Function(old.kind, old.name, **old.options)
        if not isinstance(old, Layer):
            return type(old).from_config(old.get_config())
        if self.recursive and isinstance(old, (Sequential, Functional)):
            return self.model(old, None)
        return type(old).from_config(old.get_config()) if self.copy is None else self.copy(old)

    def model(self, old: Any, inputs: Any) -> Any:
        """The copy of a whole model."""
        return self._sequential(old, inputs) if isinstance(old, Sequential) else self._functional(old, inputs)

    def _sequential(self, old: Any, inputs: Any) -> Any:
        flat = nest.flatten(inputs) if inputs is not None else []
        if len(flat) > 1:
            raise InvalidArgumentError(f"[clone_model] `input_tensors` must contain a single tensor for a Sequential. Received {len(flat)}.")
        start = flat or [_same_input(layer) for layer in old._stack[:1] if isinstance(layer, InputLayer)]
        return Sequential([*start, *(self.layer(layer) for layer in old.layers)], trainable=old.trainable, name=old.name)

    def _functional(self, old: Any, inputs: Any) -> Any:
        graph = old._graph
        if inputs is None:
            inputs = nest.map_structure(lambda x: _same_input(x._keras_history.operation).output, graph.inputs_struct)
        given = nest.flatten(inputs)
        if len(given) != len(graph.inputs) or (isinstance(graph.inputs_struct, Mapping) != isinstance(inputs, Mapping)):
            raise InvalidArgumentError("[clone_model] `input_tensors` must have the same structure as model.input. Reference structure: "
                                       f"{graph.inputs_struct}; received: {inputs}")  # fmt: skip
        values: dict[int, Any] = {id(x): y for x, y in zip(graph.inputs, given, strict=True)}
        for node in graph.nodes:
            if node.is_input:
                continue
            operation = self.layer(node.operation)
            target = operation if self.call is None else _Called(operation, self.call)
            result = type(node)(target, node.args, node.kwargs, node.outputs, node.index).call(values)
            values.update((id(x), y) for x, y in zip(node.output_tensors, nest.flatten(result), strict=True))
        mapped = nest.map_structure(lambda x: values[id(x)], (graph.inputs_struct, graph.outputs_struct))
        made = type(old) if type(old).__init__ is Functional.__init__ else Functional
        return made(*mapped, name=old.name)


class _Called:
    """A layer that is called through the user's function."""

    def __init__(self, operation: Any, function: Callable[..., Any]) -> None:
        self._operation, self._function = operation, function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._operation, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operation, name)


def _same_input(layer: Any) -> Any:
    return InputLayer(batch_shape=layer.batch_shape, dtype=layer.dtype, name=layer.name, optional=getattr(layer, "optional", False))


def clone_model(model: Any, input_tensors: Any = None, clone_function: Callable[[Any], Any] | None = None, call_function: Any = None,
                recursive: bool = False, **kwargs: Any) -> Any:  # fmt: skip
    """A model of the same structure with new layers and new weights, compiled as the model is.

    Args:
        model: a Sequential or functional model; a subclassed one is made anew from its config.
        input_tensors: KerasTensors to start from, in the structure of the model's inputs.
        clone_function: makes each new layer from the old one; default: `from_config(get_config())`.
        call_function: `call_function(layer, *args, **kwargs)` calls each new layer of a functional model.
        recursive: whether models inside are cloned layer by layer too.

    Raises:
        ValueError: it is no model, or an argument does not go with its kind.
    """
    if kwargs:
        raise InvalidArgumentError(f"[clone_model] Unexpected keyword argument(s): {sorted(kwargs)}.")
    if not isinstance(model, Model):
        raise InvalidArgumentError(f"[clone_model] expected a model. Received: {model!r} of type {type(model).__name__}.")
    if input_tensors is not None and not all(isinstance(x, KerasTensor) for x in nest.flatten(input_tensors)):
        raise InvalidArgumentError(f"[clone_model] all entries in `input_tensors` must be KerasTensors. Received: {input_tensors}")
    if isinstance(model, Sequential) and call_function is not None:
        raise InvalidArgumentError("[clone_model] the `call_function` argument is not supported with Sequential models, whose layers are listed and "
                                   "not called. Try a functional model.")  # fmt: skip
    own_config = type(model).get_config is not Model.get_config and not isinstance(model, Sequential)
    if isinstance(model, (Sequential, Functional)) and not (own_config and clone_function is None and input_tensors is None):
        made = _Cloning(clone_function, call_function, recursive).model(model, input_tensors)
        if model.compiled and isinstance(model, Sequential):
            made.compile_from_config(model.get_compile_config())
        return made
    if clone_function is not None or input_tensors is not None or call_function is not None:
        raise InvalidArgumentError("[clone_model] the arguments `clone_function`, `call_function` and `input_tensors` are only supported for "
                                   f"Sequential models or Functional models. Received a {type(model).__name__}. Try its get_config().")  # fmt: skip
    return deserialize_keras_object(serialize_keras_object(model), custom_objects={type(model).__name__: type(model)})
