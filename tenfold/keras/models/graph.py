"""The graph of layers behind a functional model: which calls lead from its inputs to its outputs, in order."""

from __future__ import annotations

from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.symbolic import KerasTensor, Node, node_of
from tenfold.keras.models.input_layer import Input


class LayerGraph:
    """Calls of layers and operations, from `inputs` to `outputs` (KerasTensors, nested).

    Attributes:
        inputs, outputs: flat.
        nodes: the calls, each after those that it needs.
        operations: the layers and operations in Keras's order: farthest from the outputs first.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        _check("inputs", inputs)
        _check("outputs", outputs)
        if not all(node_of(x).is_input for x in nest.flatten(inputs)):
            inputs, outputs = _from_new_inputs(inputs, outputs)
        self.inputs_struct, self.outputs_struct = inputs, outputs
        self.inputs: list[KerasTensor] = nest.flatten(inputs)
        self.outputs: list[KerasTensor] = nest.flatten(outputs)
        ordered, first_seen = _walk(self.inputs, self.outputs)
        self.nodes, self.operations = _by_depth(self.inputs, ordered, first_seen)
        self._check_connected()
        self._check_names()
        self._calls = [(node, _only_argument(node), node.output_tensors) for node in self.nodes if not node.is_input]

    def _check_connected(self) -> None:
        known = {id(x) for x in self.inputs}
        done: list[str] = []
        for node in self.nodes:
            for x in node.inputs:
                if id(x) not in known:
                    raise InvalidArgumentError(
                        f"[Model] Graph disconnected: Output {x.name} is not connected to `inputs`. Cannot find parent for tensor {x!r} "
                        f"at layer {node.operation.name!r}. The following layers were reached without issue: {done}. "
                        "Try adding the Input that it comes from to `inputs`."
                    )
            if node.is_input and not all(id(x) in known for x in node.output_tensors):
                raise InvalidArgumentError(
                    f"[Model] Graph disconnected: {self._cut_off(node)}. It depends on the input "
                    f"{node.operation.name!r}, which is not among them: "
                    f"{[x.name for x in self.inputs]}. Try adding it."
                )
            known.update(id(x) for x in node.output_tensors)
            done.append(node.operation.name)

    def _cut_off(self, start: Node) -> str:
        """Which output depends on this input."""
        items = self.outputs_struct.items() if isinstance(self.outputs_struct, dict) else enumerate(self.outputs)
        for path, x in items:
            nodes, _ = _walk([], nest.flatten(x))
            if start in nodes:
                return f"Output with path `{path}` is not connected to `inputs`"
        return "an output is not connected to `inputs`"

    def _check_names(self) -> None:
        names = [operation.name for operation in self.operations]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise InvalidArgumentError(
                f'[Model] The name "{double[0]}" is used {names.count(double[0])} times in the model. All operation names should be unique. '
                f"Try layer(..., name=...) with another name."
            )

    def run(self, inputs: list[Any]) -> Any:
        """The outputs, in their structure, for flat input tensors."""
        values = {id(x): value for x, value in zip(self.inputs, inputs, strict=True)}
        for node, argument, made in self._calls:
            result = node.call(values) if argument is None else node.operation(values[id(argument)])
            for x, value in zip(made, nest.flatten(result), strict=True):
                values[id(x)] = value
        return nest.map_structure(lambda x: values[id(x)], self.outputs_struct)


def _only_argument(node: Node) -> KerasTensor | None:
    """The argument of a call that has one only."""
    return node.args[0] if len(node.args) == 1 and not node.kwargs and isinstance(node.args[0], KerasTensor) else None


def _check(what: str, structure: Any) -> None:
    for x in nest.flatten(structure):
        if not isinstance(x, KerasTensor):
            raise InvalidArgumentError(
                f"[Model] All `{what}` values must be KerasTensors. Received: {what}={structure!r}, with a {type(x).__name__} in it. Try "
                f"keras.Input(shape) and layers called on it; or subclass keras.Model for anything else."
            )


def _walk(inputs: list[KerasTensor], outputs: list[KerasTensor]) -> tuple[list[Node], dict[int, int]]:
    """Depth first from the outputs: nodes after their parents, and when each operation was first met."""
    sources = {id(x) for x in inputs}
    finished: set[int] = set()
    ordered: list[Node] = []
    first_seen: dict[int, int] = {}
    for output in outputs:
        stack: list[tuple[KerasTensor, Node | None]] = [(output, None)]
        while stack:
            tensor, leaving = stack.pop()
            if leaving is not None:
                if id(leaving) not in finished:
                    finished.add(id(leaving))
                    ordered.append(leaving)
                continue
            node = node_of(tensor)
            if id(node) in finished or (not node.is_input and id(tensor) in sources):
                continue
            first_seen.setdefault(id(node.operation), len(first_seen))
            stack.append((tensor, node))
            stack.extend((x, None) for x in reversed(node.inputs))
    return ordered, first_seen


def _by_depth(inputs: list[KerasTensor], ordered: list[Node], first_seen: dict[int, int]) -> tuple[list[Node], list[Any]]:
    """Nodes and operations, farthest from the outputs first; at equal depth in the order of the walk."""
    inside = {id(n) for n in ordered}
    node_depth: dict[int, int] = {}
    depth_of: dict[int, int] = {}
    operations: dict[int, Any] = {}
    for node in reversed(ordered):
        key = id(node.operation)
        operations[key] = node.operation
        depth = max(node_depth.get(id(node), 0), depth_of.get(key, 0))
        depth_of[key] = node_depth[id(node)] = depth
        for parent in node.parents:
            if id(parent) in inside:
                node_depth[id(parent)] = max(depth + 1, node_depth.get(id(parent), 0))
    nodes = list(ordered)
    for x in inputs:  # inputs that no output depends on
        node = node_of(x)
        if id(node.operation) not in depth_of and node.is_input:
            operations[id(node.operation)] = node.operation
            depth_of[id(node.operation)] = 0
            first_seen[id(node.operation)] = -1
            nodes.insert(0, node)
    keys = sorted(operations, key=lambda k: (-depth_of[k], first_seen[k]))
    return nodes, [operations[k] for k in keys]


def _from_new_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """The same calls made again, starting from fresh Inputs in the place of tensors in the middle of a model."""
    old = nest.flatten(inputs)
    ordered, _ = _walk(old, nest.flatten(outputs))
    values: dict[int, Any] = {}
    for x in old:
        fresh = x if node_of(x).is_input else Input(batch_shape=tuple(x.shape), dtype=x.dtype, name=f"{x.name}CLONE")
        values[id(x)] = fresh
    for node in ordered:
        if node.is_input:
            values.update((id(x), x) for x in node.output_tensors)
            continue
        result = node.call(values)
        for x, value in zip(node.output_tensors, nest.flatten(result), strict=True):
            values.setdefault(id(x), value)
    return nest.map_structure(lambda x: values[id(x)], inputs), nest.map_structure(lambda x: values[id(x)], outputs)
