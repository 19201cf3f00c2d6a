"""The part of a layer that knows shapes: of its outputs for given inputs, and of the KerasTensors that it was called on."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.ir.primitive import Spec
from tenfold.keras.base.symbolic import KerasTensor, nodes_of, specs_of
from tenfold.keras.layers.building import is_shape, map_shapes
from tenfold.keras.layers.calling import Calling


class Shaped(Calling):
    """Shapes of inputs and outputs."""

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The output's shape for an input's shape (or a list or dict of them), found by tracing `call`."""
        if getattr(type(self).call, "_absent", False):
            self._not_implemented("compute_output_shape")
        inputs = [self._placeholders(shape) for shape in args]
        named = {k.removesuffix("_shape"): self._placeholders(shape) for k, shape in kwargs.items()}
        if not inputs and len(named) == 1:  # whatever the name of the only input is
            inputs, named = list(named.values()), {}
        return nest.map_structure(lambda x: tuple(x.shape) if isinstance(x, KerasTensor) else x, self.compute_output_spec(*inputs, **named))

    def _placeholders(self, shape: Any) -> Any:
        return None if shape is None else map_shapes(lambda s: KerasTensor(s, self.compute_dtype), shape)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """KerasTensors for the outputs, given KerasTensors for the inputs; nothing is recorded."""
        if not type(self).compute_output_shape.__module__.startswith("tenfold."):
            return self._specs_of_shapes(args, kwargs)
        specs = specs_of(self, args, kwargs)
        return nest.map_structure(lambda s: KerasTensor(s.shape, s.dtype) if isinstance(s, Spec) else s, specs)

    def _specs_of_shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The user's `compute_output_shape` knows: no trace is needed."""
        shapes = nest.map_structure(lambda x: tuple(x.shape) if isinstance(x, KerasTensor) else x, list(args))
        named = {f"{k}_shape": tuple(v.shape) for k, v in kwargs.items() if isinstance(v, KerasTensor)}

        def made(found: Any) -> Any:
            if is_shape(found):
                return KerasTensor(found, self.compute_dtype)
            return {k: made(v) for k, v in found.items()} if isinstance(found, dict) else type(found)(made(v) for v in found)

        return made(self.compute_output_shape(*shapes, **named))

    @property
    def input(self) -> Any:
        """The KerasTensors that it was called with."""
        return self._only_node("input").args[0]

    @property
    def output(self) -> Any:
        """The KerasTensors that its call gave."""
        return self._only_node("output").outputs

    def _only_node(self, what: str) -> Any:
        nodes = nodes_of(self)
        if not nodes:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined {what}.")
        if len(nodes) > 1 and what == "output":
            raise AttributeError(f"The layer {self.name} has multiple inbound nodes and thus has no single {what}.")
        return nodes[0]
