"""Model: a Layer that can be trained, saved and summarized; Functional: one made from a graph of layers."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

from tenfold.core import nest
from tenfold.core.dtypes import string
from tenfold.core.errors import DTypeError, InvalidArgumentError
from tenfold.keras import saving
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor, is_symbolic
from tenfold.keras.export import refuse_export
from tenfold.keras.layers.base import Layer
from tenfold.keras.layers.call import context
from tenfold.keras.layers.quantizing.whole import quantize_model
from tenfold.keras.models.graph import LayerGraph
from tenfold.keras.models.graph_config import graph_from_config, graph_to_config
from tenfold.keras.models.state_tree import set_state_tree, state_tree, variable_map
from tenfold.keras.models.summary import print_summary
from tenfold.keras.models.trackable import TrackableModel
from tenfold.keras.saving.serialization import CustomObjectScope, serialize_keras_object
from tenfold.keras.training.trainer import Trainer
from tenfold.ops import array
from tenfold.primitives.arithmetic import cast
from tenfold.tensor.tensor import Tensor, as_tensor


def _given_graph(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    return len(args) == 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


@register("keras")
class Model(Trainer, TrackableModel, Layer):
    """Layers put together, with training and saving.

    Three ways to make one: `Model(inputs, outputs)` from symbolic tensors, `Sequential([...])`, or a subclass with `call`.

    Example:
        >>> class Linear(Model):
        ...     def build(self, input_shape):
        ...         self.w = self.add_weight((input_shape[-1], 1), "ones", name="w")
        ...     def call(self, inputs):
        ...         return inputs @ self.w
        >>> import numpy as np
        >>> Linear()(np.ones((2, 3), "float32")).shape
        TensorShape([2, 1])
    """

    _graph: LayerGraph | None = None
    _told_structure = False

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        chosen = Functional if cls is Model and _given_graph(args, kwargs) else cls
        return super().__new__(chosen, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if _given_graph(args, kwargs):
            self._init_from_graph(*args, **kwargs)
            return
        if args or "inputs" in kwargs or "outputs" in kwargs:
            raise InvalidArgumentError(
                f"[Model] a functional model needs both inputs and outputs. Received: args={args}, kwargs={kwargs}. Try "
                f"keras.Model(inputs=x, outputs=y)."
            )
        super().__init__(**kwargs)

    def _init_from_graph(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._set_graph(LayerGraph(inputs, outputs))
        self.__dict__["_from_graph"] = True
        if trainable is not None:
            self.trainable = trainable

    def _set_graph(self, graph: LayerGraph | None) -> None:
        self._graph = graph
        self.built = graph is not None
        self._convert_input_args = graph is None
        self._allow_non_tensor_positional_args = graph is not None
        self._graph_layers = [] if graph is None else [operation for operation in graph.operations if isinstance(operation, Layer)]

    # --- calling ---
    def build(self, input_shape: Any = None) -> None:
        """Makes the weights of the nested layers, for inputs of this shape (or a list or dict of shapes)."""
        if context.depth or self._graph is not None or input_shape is None:
            return
        if type(self).call is Model.call:
            raise NotImplementedError(f"Model {type(self).__name__} does not have a `call()` method implemented.")
        self.compute_output_spec(_placeholders(input_shape))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """What the model computes; to be written in subclasses."""
        if self._graph is None:
            raise NotImplementedError(
                f"Model {type(self).__name__} does not have a `call()` method implemented. Try defining call(self, inputs), or "
                f"keras.Model(inputs, outputs)."
            )
        flat = self._standardized(inputs)
        if mask is not None:
            for x, m in zip(flat, nest.flatten(mask), strict=True):
                if m is not None:
                    x._keras_mask = m
        outputs = self._graph.run(flat)
        return outputs[0] if isinstance(outputs, (list, tuple)) and len(outputs) == 1 else outputs

    def _standardized(self, inputs: Any) -> list[Any]:
        """The flat input tensors, in the order, type and rank that the graph expects."""
        assert self._graph is not None
        expected = self._graph.inputs_struct
        if type(inputs) is Tensor and isinstance(expected, KerasTensor):
            return [self._fit(inputs, expected, 0)]
        names = [x.name for x in self._graph.inputs]
        self._check_structure(inputs, expected)
        if isinstance(inputs, Mapping) and not isinstance(expected, Mapping):
            missing = [n for n in names if n not in inputs]
            if missing:
                raise InvalidArgumentError(f"[{self.name}] missing data for input {missing[0]!r}. Expected a dictionary with the keys {names}; "
                                           f"received {list(inputs)}. Try naming them as the keras.Input layers are named.")  # fmt: skip
            flat = [inputs[n] for n in names]
        elif isinstance(inputs, Mapping):
            missing = [k for k in expected if k not in inputs]
            if missing:
                raise InvalidArgumentError(f"[{self.name}] missing data for input {missing[0]!r}. Expected a dictionary with the keys "
                                           f"{sorted(expected)}; "
                                           f"received {sorted(inputs)}.")  # fmt: skip
            flat = nest.flatten({k: inputs[k] for k in expected})
        else:
            flat = nest.flatten(inputs)
        if len(flat) != len(names):
            raise InvalidArgumentError(f"[{self.name}] expects {len(names)} input(s), but it received {len(flat)} input tensors. "
                                       f"Expected: {names}. Try a list with one array per input, or a dict by name.")  # fmt: skip
        return [self._fit(value, x, i) for i, (value, x) in enumerate(zip(flat, self._graph.inputs, strict=True))]

    def _check_structure(self, inputs: Any, expected: Any) -> None:
        """Warns where the inputs come in another structure than that of the model.

        Raises:
            ValueError: they come in a list, and it is not clear in which order.
        """
        if not isinstance(expected, Mapping):
            return
        text = f"The structure of `inputs` doesn't match the expected structure. Expected the named input(s) with keys {list(expected)}; received "
        if not isinstance(inputs, Mapping):
            text += f"{type(inputs).__name__}. Try a dict."
            if len(nest.flatten(inputs)) != len(expected) or list(expected) != sorted(expected):
                raise InvalidArgumentError(text)
        elif set(inputs) > set(expected):
            text += f"keys {list(inputs)}."
        else:
            return
        if not self._told_structure:
            self._told_structure = True
            warnings.warn(text, stacklevel=2)

    def _fit(self, value: Any, expected: KerasTensor, index: int) -> Any:
        """An input as the graph expects it: converted, and with or without a last axis of size 1."""
        if type(value) is Tensor and value.dtype is expected.dtype and _alike(value.sizes, expected.sizes):
            return value
        if value is None:
            if expected._keras_history is not None and getattr(expected._keras_history.operation, "optional", False):
                return None
            raise InvalidArgumentError(f"[{self.name}] the input {expected.name!r} is not optional, but None was passed. Try a tensor.")
        given = as_tensor(value)
        if (given.dtype is string) != (expected.dtype is string):
            raise DTypeError(f"[{self.name}] the input {expected.name!r} expects {expected.dtype.name}; it received {given.dtype.name}. "
                             "Try keras.Input(..., dtype='string') for text that a TextVectorization or StringLookup layer reads, or "
                             "x.astype('float32') for numbers that are written as strings.")  # fmt: skip
        tensor: Any = given if given.dtype is expected.dtype else cast(given, expected.dtype)
        rank = expected.ndim
        if tensor.ndim == rank + 1 and tensor.sizes[-1] == 1:
            tensor = array.squeeze(tensor, -1)
        elif tensor.ndim == rank - 1 and expected.shape[-1] == 1:
            tensor = array.expand_dims(tensor, -1)
        if not _alike(tensor.sizes, expected.sizes):
            path = _paths(self._symbolic("input").inputs_struct)[index]
            hint = " Try x[None, ...] for a batch of one row." if tensor.ndim == rank - 1 else ""
            raise InvalidArgumentError(
                f"[{self.name}] the input with name {expected.name!r} and path {path!r} has an incompatible shape: expected "
                f"shape={tuple(expected.shape)}, found shape={tuple(given.shape)}.{hint}"
            )
        mask = getattr(given, "_keras_mask", None)
        if mask is not None and tensor is not given:
            tensor._keras_mask = mask
        return tensor

    # --- structure ---
    @property
    def layers(self) -> list[Any]:
        """The layers, without those nested in them."""
        if self._graph is not None:
            return list(self._graph_layers)
        return self._flatten_layers(include_self=False, recursive=False)

    @layers.setter
    def layers(self, value: Any) -> None:
        raise AttributeError("`Model.layers` attribute is reserved and should not be used. Please use another name.")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of this name, or at this place.

        Raises:
            ValueError: there is none.
        """
        if (name is None) == (index is None):
            raise InvalidArgumentError(f"[get_layer] expected either a name or an index. Received: name={name!r}, index={index!r}.")
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise InvalidArgumentError(f"[get_layer] was asked for layer {index}, but the model only has {len(self.layers)} layers.")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise InvalidArgumentError(f"[get_layer] No such layer: {name}. Existing layers are: {[layer.name for layer in self.layers]}.")

    def _symbolic(self, what: str) -> LayerGraph:
        if self._graph is None:
            raise AttributeError(f"{type(self).__name__} {self.name!r} has no symbolic {what}: it is not built, or not made from keras.Input. "
                                 f"Try keras.Input as its first layer.")  # fmt: skip
        return self._graph

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return self._symbolic("inputs").inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return self._symbolic("outputs").outputs

    @property
    def input(self) -> Any:
        """The symbolic inputs in their structure."""
        return self._symbolic("input").inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs in their structure."""
        return self._symbolic("output").outputs_struct

    @property
    def operations(self) -> list[Any]:
        """Layers and operations of the graph."""
        return list(self._symbolic("operations").operations)

    @property
    def _operations(self) -> list[Any]:
        return self.operations

    @property
    def input_shape(self) -> Any:
        """The inputs' shapes; that of a single input itself."""
        return _single([tuple(x.shape) for x in self.inputs])

    @property
    def output_shape(self) -> Any:
        """The outputs' shapes; that of a single output itself."""
        return _single([tuple(x.shape) for x in self.outputs])

    @property
    def input_names(self) -> list[str]:
        """The inputs' names."""
        return [x.name for x in self.inputs]

    @property
    def output_names(self) -> list[str] | None:
        """The names of the layers that give the outputs; None if there is no graph."""
        return None if self._graph is None else [x._keras_history.operation.name for x in self._graph.outputs if x._keras_history is not None]

    def summary(self, line_length: int | None = None, positions: Any = None, print_fn: Any = None, expand_nested: bool = False,
                show_trainable: bool = False, layer_range: Any = None) -> None:  # fmt: skip
        """Prints a table of the layers, `line_length` wide; `positions` says where its columns end, as parts of the width or as places."""
        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def quantize(self, mode: Any = None, config: Any = None, filters: Any = None, type_check: bool = True,  # type: ignore[override]
                 **kwargs: Any) -> None:  # fmt: skip
        """Brings the matrices of its layers to few bits.

        Args:
            mode: "int8", "int4" or "float8"; "gptq" and "awq" with a config.
            config: a QuantizationConfig, for more than the mode's defaults; a GPTQConfig or AWQConfig names the data to calibrate with.
            filters: a regular expression for names, a list of them, or a function of a layer; None: all layers that can be quantized.
            type_check: whether to leave out subclasses that Keras does not know.

        Example:
            >>> import tenfold as tf
            >>> model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(4)])
            >>> model.quantize("int8", filters="dense")
            >>> model.layers[0].dtype_policy
            <QuantizedDTypePolicy "int8_from_float32">
        """
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        quantize_model(self, mode, config, filters, type_check)
        self._forget_compiled()

    def get_quantization_layer_structure(self, mode: Any = None) -> Any:
        """{"pre_block_layers": layers, "sequential_blocks": layers}, for models that override this: the order in which GPTQ and AWQ go."""
        return None

    # --- files ---
    def save(self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any) -> None:
        """Writes the whole model to a `.keras` file."""
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    def save_weights(self, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any) -> None:
        """Writes the weights to a `.weights.h5` file, or to several of at most `max_shard_size` GB; to a checkpoint, if the path has no ending."""
        saving.save_weights(self, filepath, overwrite=overwrite, max_shard_size=max_shard_size, **kwargs)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> Any:
        """Reads the weights from a `.weights.h5`, `.keras` or `.h5` file, or a checkpoint of TensorFlow (then gives its status)."""
        return saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def export(self, filepath: Any, format: str = "tf_saved_model", verbose: Any = None, input_signature: Any = None, **kwargs: Any) -> None:
        """Refused: formats of other programs are not written yet."""
        refuse_export(filepath, format)

    # --- state ---
    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Any]:
        """The values of all variables, as nested dictionaries by their paths, under "trainable_variables", "optimizer_variables", ..."""
        return state_tree(self, value_format)

    def set_state_tree(self, state_tree: Any) -> None:
        """Sets variables to what `get_state_tree` gave."""
        set_state_tree(self, state_tree)

    def _get_variable_map(self) -> dict[str, Any]:
        """All variables by their paths."""
        return variable_map(self)

    def __reduce__(self) -> Any:
        return saving.model_from_state, saving.model_to_state(self)

    def to_json(self, **kwargs: Any) -> str:
        """The model's structure as JSON; `keras.models.model_from_json` reads it."""
        return json.dumps(serialize_keras_object(self), **kwargs)

    def get_config(self) -> dict[str, Any]:
        if self._graph is None:
            return super().get_config()
        config = graph_to_config(self._graph, lambda operation: isinstance(operation, Functional))
        return {"name": self.name, "trainable": self.trainable, **config}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """A model from its config."""
        if "layers" not in config or "input_layers" not in config:
            return super().from_config(config)
        with CustomObjectScope(custom_objects or {}):
            inputs, outputs = graph_from_config(config, None, lambda layer: isinstance(layer, Functional))
        rest = {k: v for k, v in config.items() if k not in ("layers", "input_layers", "output_layers")}
        return cls(inputs=inputs, outputs=outputs, **rest)

    def get_build_config(self) -> dict[str, Any] | None:
        return {"input_shape": None} if self._graph is not None else super().get_build_config()


class _MadeOfGraph(type):
    """Makes models of subclasses that were made as `super().__init__(inputs, outputs)` instances of Functional."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls.__dict__.get("_any_graph", False) and isinstance(instance, Model) and instance.__dict__.get("_from_graph", False)


@register("keras")
class Functional(Model, metaclass=_MadeOfGraph):
    """What `Model(inputs, outputs)` makes."""

    _any_graph = _repeats = True


def _single(shapes: list[Any]) -> Any:
    return shapes[0] if len(shapes) == 1 else shapes


def _alike(sizes: tuple[Any, ...], expected: tuple[Any, ...]) -> bool:
    """Whether the ranks are the same, and all sizes after the first that are known."""
    return len(sizes) == len(expected) and not any([type(a) is type(b) is int and a != b for a, b in zip(sizes[1:], expected[1:], strict=True)])


def _paths(structure: Any, path: str = "") -> list[str]:
    """The places of the leaves of a structure, as "0.name"."""
    items = structure.items() if isinstance(structure, Mapping) else enumerate(structure) if isinstance(structure, (list, tuple)) else None
    return [path] if items is None else [p for key, value in items for p in _paths(value, f"{path}.{key}".lstrip("."))]


def _placeholders(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {k: _placeholders(v) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)) and not all(n is None or isinstance(n, int) for n in shape):
        return [_placeholders(s) for s in shape]
    return KerasTensor(shape)


__all__ = ["Functional", "Model", "is_symbolic"]
