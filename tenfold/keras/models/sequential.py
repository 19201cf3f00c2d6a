"""Sequential: a stack of layers."""

from __future__ import annotations

import inspect
from typing import Any

from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.layers.base import Layer
from tenfold.keras.models.graph import LayerGraph
from tenfold.keras.models.input_layer import InputLayer
from tenfold.keras.models.model import Functional, Model
from tenfold.keras.saving.serialization import CustomObjectScope, deserialize_keras_object, serialize_keras_object


@register("keras")
class Sequential(Model):
    """Layers one after the other, each with one input and one output.

    Args:
        layers: the layers; a `keras.Input` first, or `input_shape=` in the first layer, builds the model at once.
        trainable: whether the weights are to be trained.
        name: default: made from the class's name.

    Example:
        >>> from tenfold.keras.models.input_layer import Input
        >>> model = Sequential([Input((4,))]); len(model.layers)
        0
    """

    _repeats = True

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None) -> None:
        Layer.__init__(self, trainable=trainable, name=name)
        self._stack: list[Any] = []
        self._set_graph(None)
        if layers is not None:
            for layer in layers if isinstance(layers, (list, tuple)) else [layers]:
                self.add(layer, rebuild=False)
            self._rebuild()

    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Puts a layer on top.

        Raises:
            ValueError: it is no layer, or its name is taken.
        """
        if isinstance(layer, KerasTensor) and layer._keras_history is not None:
            layer = layer._keras_history.operation
        if not isinstance(layer, Layer):
            hint = f" Try {layer.__name__}(...)." if isinstance(layer, type) else ""
            raise InvalidArgumentError(f"[Sequential] Only instances of `keras.Layer` can be added to a Sequential model. Received: {layer!r} "
                                       f"(of type {type(layer).__name__}).{hint}")  # fmt: skip
        shape = getattr(layer, "_input_shape_arg", None)
        if not self._stack and shape is not None and not isinstance(layer, InputLayer):
            self._stack.append(InputLayer(shape=shape, batch_size=getattr(layer, "_batch_size_arg", None), dtype=layer.input_dtype))
        if any(other.name == layer.name and other is not layer for other in self._stack):
            raise InvalidArgumentError(f"[Sequential] All layers added to a Sequential model should have unique names. Name {layer.name!r} "
                                       f"is already the "
                                       "name of a layer in this model. Try layer(..., name=...) with another name.")  # fmt: skip
        if isinstance(layer, InputLayer) and self._stack:
            raise InvalidArgumentError(f"[Sequential] an Input must be the first layer of {self.name!r}, and there can be one only: it has already "
                                       f"been configured, with {len(self._stack)} layers.")  # fmt: skip
        self._stack.append(layer)
        if rebuild:
            self._rebuild()

    def pop(self, rebuild: bool = True) -> Any:
        """Removes the top layer and returns it."""
        if not self._stack:
            raise InvalidArgumentError(f"[Sequential] {self.name!r} has no layers to remove.")
        layer = self._stack.pop()
        self._set_graph(None)
        if rebuild and self._stack:
            self._rebuild()
        return layer

    def _rebuild(self) -> None:
        self._set_graph(None)
        self._forget_compiled()
        if not self._stack:
            return
        first = self._stack[0]
        if isinstance(first, InputLayer):
            if len(self._stack) > 1:
                self.build(first.batch_shape)
        elif isinstance(first, Model) and first._graph is not None and len(first.inputs) == 1:
            self.build(first.input_shape)

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights, for inputs of this shape (with the batch size first).

        Raises:
            ValueError: the model has no layers, or another input shape already.
        """
        if not isinstance(input_shape, (list, tuple)) or not all(n is None or isinstance(n, int) for n in input_shape):
            return
        if self._graph is not None and not self._differs(tuple(input_shape)):
            return
        if not self._stack:
            raise InvalidArgumentError(f"[Sequential] {self.name!r} cannot be built because it has no layers. Try model.add(layer).")
        shape = tuple(input_shape)
        first = self._stack[0]
        if not isinstance(first, InputLayer):
            dtype = first.inputs[0].dtype if isinstance(first, Model) and first._graph is not None else first.input_dtype
            self._stack.insert(0, InputLayer(batch_shape=(None, *shape[1:]), dtype=dtype))
            self._learnt_input = True
        elif self._differs(shape):
            raise InvalidArgumentError(f"[Sequential] {self.name!r} has already been configured to use input shape {first.batch_shape}. "
                                       f"You cannot build it with input_shape {shape}.")  # fmt: skip
        start = self._stack[0].output
        x = start
        for layer in self._stack[1:]:
            _check_arguments(layer)
            x = layer(x)
        self._set_graph(LayerGraph(start, x))

    _learnt_input = False  # whether the Input is of the shape that came first: then layers that take other shapes may get them

    def _differs(self, shape: tuple[Any, ...]) -> bool:
        """Whether the model's Input has another shape."""
        own = self._stack[0].batch_shape
        return len(own) != len(shape) or any(None not in (a, b) and a != b for a, b in zip(own, shape, strict=True))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if self._graph is not None and not (self._learnt_input and self._differs(tuple(getattr(inputs, "shape", ())))):
            return super().call(inputs, training=training, mask=mask)
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    @property
    def layers(self) -> list[Any]:
        """The layers, without the Input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError("`Sequential.layers` attribute is reserved and should not be used. Use `add()` and `pop()` to change the layers.")

    @property
    def _functional(self) -> Any:
        """The functional model of the same layers; None before it is built."""
        graph = self._graph
        return None if graph is None else Functional(graph.inputs_struct, graph.outputs_struct, name=self.name)

    def get_config(self) -> dict[str, Any]:
        config = {**Layer.get_config(self), "name": self.name, "layers": [serialize_keras_object(layer) for layer in self._stack]}
        if self._graph is not None:
            config["build_input_shape"] = list(self._stack[0].batch_shape)
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A model from its config.

        Raises:
            ValueError: the config has no layers.
        """
        if "name" not in config or not isinstance(config.get("layers"), (list, tuple)):
            raise InvalidArgumentError(f"[Sequential] A Sequential model configuration must be a dictionary containing the 'name' and 'layers' keys. "
                                       f"Received keys {sorted(config)}.")  # fmt: skip
        if any(isinstance(layer, dict) and "config" not in layer for layer in config["layers"]):
            raise InvalidArgumentError("[Sequential] a layer's configuration is malformed. Expected a dictionary containing a 'config' key.")
        model = cls(name=config.get("name"))
        with CustomObjectScope(custom_objects or {}):
            for layer in config["layers"]:
                model.add(deserialize_keras_object(layer), rebuild=False)
        model._rebuild()
        if model._graph is None and config.get("build_input_shape"):
            model.build(tuple(config["build_input_shape"]))
        if config.get("trainable") is False:
            model.trainable = False
        return model

    def get_build_config(self) -> dict[str, Any] | None:
        return None if self._graph is None else {"input_shape": list(self._stack[0].batch_shape)}


def _check_arguments(layer: Any) -> None:
    """Raises ValueError for a layer that needs more than its input."""
    parameters = list(inspect.signature(layer.call).parameters.values())
    needed = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty]
    if len(needed) > 1:
        raise InvalidArgumentError(f"[Sequential] Layers added to a Sequential model can only have a single positional argument, the input tensor. "
                                   f"Layer {type(layer).__name__} has multiple positional arguments: {needed}. Try default values.")  # fmt: skip
