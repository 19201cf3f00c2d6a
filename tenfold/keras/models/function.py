"""keras.Function: the operations between some symbolic tensors, to be computed again for others."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.keras import tree
from tenfold.keras.base.operation import Operation
from tenfold.keras.base.symbolic import KerasTensor, record
from tenfold.keras.models.graph import LayerGraph
from tenfold.tensor.tensor import as_tensor


class _Given(Operation):
    """Where a KerasTensor that was made by hand enters a graph."""


class Function(Operation):
    """The graph of operations that leads from some KerasTensors to others. It holds no state, and is no layer.

    Args:
        inputs: KerasTensors, nested.
        outputs: KerasTensors, nested, that can be computed from `inputs`.
        name: default: made from the class name.

    Example:
        >>> import tenfold as tf
        >>> x, y = tf.keras.KerasTensor((None, 2)), tf.keras.KerasTensor((None, 2))
        >>> f = Function([x, y], {"sum": x + y})
        >>> f([np.ones((1, 2)), np.ones((1, 2))])["sum"].numpy()
        array([[2., 2.]])

    Raises:
        ValueError: `inputs` or `outputs` is empty, or they are not connected.
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        super().__init__(name)
        for what, structure in (("inputs", inputs), ("outputs", outputs)):
            if not nest.flatten(structure):
                raise ValueError(f"`{what}` argument cannot be empty. Received:\ninputs={inputs}\noutputs={outputs}")
        for x in nest.flatten(inputs):
            if isinstance(x, KerasTensor) and x._keras_history is None:
                record(_Given(), (), {}, x)
        self._graph = LayerGraph(inputs, outputs)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The inputs, flat."""
        return self._graph.inputs

    @property
    def outputs(self) -> list[KerasTensor]:
        """The outputs, flat."""
        return self._graph.outputs

    @property
    def operations(self) -> list[Any]:
        """The operations, those farthest from the outputs first."""
        return list(self._graph.operations)

    def _check(self, inputs: Any) -> None:
        try:
            tree.assert_same_structure(self._graph.inputs_struct, inputs)
        except ValueError as error:
            raise ValueError(f"Function was called with an invalid input structure. Expected the form of {self._graph.inputs_struct}. "
                             f"Received: {inputs}") from error  # fmt: skip
        for x, want in zip(nest.flatten(inputs), self.inputs, strict=True):
            sizes, wanted = tuple(x.shape), tuple(want.shape)
            if len(sizes) != len(wanted) or any(None not in (m, n) and m != n for m, n in zip(sizes, wanted, strict=True)):
                raise ValueError(f"{type(self).__name__} was passed incompatible inputs. Expected the shape {wanted} for {want.name!r}. "
                                 f"Received: {sizes}")  # fmt: skip

    def call(self, inputs: Any) -> Any:
        """The outputs, in their structure, for other inputs."""
        values = nest.map_structure(as_tensor, inputs)
        self._check(values)
        return self._graph.run(nest.flatten(values))

    def compute_output_spec(self, inputs: Any) -> Any:
        """KerasTensors for the outputs of these inputs."""
        self._check(inputs)
        return super().compute_output_spec(inputs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The outputs' shapes for these of the inputs."""
        dtypes = iter(self.inputs)
        inputs = tree.map_shape_structure(lambda shape: KerasTensor(shape, next(dtypes).dtype), input_shape)
        return nest.map_structure(lambda x: tuple(x.shape), self.compute_output_spec(inputs))

    def get_config(self) -> dict[str, Any]:
        """Raises NotImplementedError: a graph of operations is saved as a model."""
        raise NotImplementedError("[Function] has no config. Try keras.Model(inputs, outputs).")
