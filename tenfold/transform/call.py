"""`call`: a whole compiled function as one operation on a tape, with a compiled gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tenfold.compiler.pipeline import Compiled, compile_graph
from tenfold.core.shapes import match
from tenfold.ir.graph import Graph, Value, specialize
from tenfold.ir.primitive import Kind, Primitive, Spec, register
from tenfold.tensor.bind import Recorder, bind, state
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.autodiff import backward
from tenfold.transform.trace import replay
from tenfold.transform.vjp import MULTIPLE, Record


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A function and its gradient. `forward` returns the results and then the `residuals` that `reverse` needs."""

    forward: Graph
    reverse: Graph  # inputs: residuals, then cotangents of the differentiable results
    wanted: tuple[int, ...]  # which inputs `reverse` gives cotangents for, in order


def differentiate(graph: Graph, wanted: Sequence[bool]) -> Pair:
    """The graph's gradient as a graph: cotangents of the results -> cotangents of the `wanted` inputs."""
    recorder = Recorder(f"gradient of {graph.name}")
    inputs = [recorder.tensor(Value(v.spec)) for v in graph.inputs]
    records = _Records()
    outside = state.trace, state.tapes
    state.trace, state.tapes = recorder, [records]
    try:
        results = replay(graph, inputs)
        forward_nodes = len(recorder.nodes)
        state.tapes = []
        seeds = [(y, recorder.tensor(Value(y.spec))) for y in results if y.dtype.is_differentiable]
        sources = [x for x, want in zip(inputs, wanted, strict=True) if want]
        gradients = backward(records.records, [(y, g) for y, g in seeds if y._array is None], sources)
        outputs = [None if g is None else recorder.lift(g) for g in gradients]
    finally:
        state.trace, state.tapes = outside
    forward, reverse = recorder.nodes[:forward_nodes], recorder.nodes[forward_nodes:]
    available = {id(v): v for v in (*(x._value for x in inputs), *(v for n in forward for v in n.outputs))}
    used = [v for n in reverse for v in n.inputs] + [v for v in outputs if v is not None]
    residuals = list({id(v): v for v in used if id(v) in available}.values())
    values = [x._value for x in inputs]
    seeds_in = [g._value for _, g in seeds]
    positions = tuple(i for i, want in enumerate(wanted) if want)
    connected = tuple(p for p, v in zip(positions, outputs, strict=True) if v is not None)
    return Pair(
        Graph(tuple(values), (*(recorder_value(recorder, y) for y in results), *residuals), tuple(forward), graph.name),
        Graph((*residuals, *seeds_in), tuple(v for v in outputs if v is not None), tuple(reverse), recorder.name),
        connected,
    )


def recorder_value(recorder: Recorder, tensor: Tensor) -> Value:
    """The Value of a result, which may be a constant."""
    return recorder.lift(tensor)


class _Records:
    """A tape that keeps everything."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def record(self, primitive: Primitive, inputs: Any, outputs: Any, attrs: Any) -> None:
        self.records.append((primitive, inputs, outputs, attrs))

    def saw(self, variable: Any, tensor: Any) -> None:
        """Variables are inputs here."""


def _spec(*specs: Spec, function: Any, graph: Graph) -> tuple[Spec, ...]:
    known: dict[str, int] = {}
    for value, spec in zip(graph.inputs, specs, strict=True):
        match(value.spec.shape, spec.shape, known)  # type: ignore[arg-type]
    return tuple(v.spec for v in specialize(graph, known).outputs)


def _run(*arrays: Any, function: Any, graph: Graph) -> tuple[Any, ...]:
    return tuple(compiled(graph, function, arrays)(list(arrays)))


def compiled(graph: Graph, owner: Any, arrays: Sequence[Any]) -> Compiled:
    """The program of `graph` for these shapes, remembered by its owner."""
    key = (id(graph), tuple(a.shape for a in arrays))
    programs = owner._programs
    if key not in programs:
        known: dict[str, int] = {}
        for value, a in zip(graph.inputs, arrays, strict=True):
            match(value.spec.shape, a.shape, known)
        programs[key] = compile_graph(specialize(graph, known) if known else graph, ())
    return programs[key]  # type: ignore[no-any-return]


def _vjp(wanted: Sequence[bool], gs: tuple[Tensor, ...], ys: tuple[Tensor, ...], *xs: Tensor, function: Any, graph: Graph) -> list[Tensor | None]:
    pairs = function._programs
    key = ("gradient", id(graph), tuple(wanted))
    if key not in pairs:
        pairs[key] = differentiate(graph, wanted)
    pair: Pair = pairs[key]
    residual_count = len(pair.forward.outputs) - len(graph.outputs)
    augmented = bind(call_primitive, *xs, function=function, graph=pair.forward)
    residuals = augmented[len(graph.outputs) :] if residual_count else ()
    seeds = [g for g, y in zip(gs, ys, strict=True) if y.dtype.is_differentiable]
    found = bind(call_primitive, *residuals, *seeds, function=function, graph=pair.reverse) if pair.wanted else ()
    result: list[Tensor | None] = [None] * len(xs)
    for i, g in zip(pair.wanted, found, strict=True):
        result[i] = g
    return result


call_primitive = register(Primitive("call", Kind.CONTROL, _spec, _run, _vjp, doc="A traced function, run as one compiled program."))
MULTIPLE.add("call")
__all__ = ["Pair", "call_primitive", "differentiate", "wrap"]
