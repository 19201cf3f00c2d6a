"""`call`: a whole compiled function as one operation on a tape, with a compiled gradient.

What the gradient needs of the function is computed with its results, once, and kept by the tape: the operation's outputs are the results, and
then these residuals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tenfold.compiler.pipeline import Compiled, compile_graph
from tenfold.core.errors import UnimplementedError
from tenfold.core.shapes import match
from tenfold.ir.graph import Graph, Value, specialize
from tenfold.ir.primitive import Kind, Primitive, register
from tenfold.tensor.bind import Recorder, kept, state
from tenfold.tensor.tensor import Tensor, wrap
from tenfold.transform.autodiff import backward
from tenfold.transform.trace import replay
from tenfold.transform.vjp import MULTIPLE, SPARING, Record, zeros

MOST_PROGRAMS = 256  # of a signature: sizes may be any, and a program is made in milliseconds


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A function and its gradient. `forward` returns the results and then the residuals that `reverse` needs."""

    forward: Graph
    reverse: Graph  # inputs: residuals, then cotangents of the differentiable results
    wanted: tuple[int, ...]  # which inputs `reverse` gives cotangents for, in order
    results: int  # how many outputs of `forward` are results

    def gradient(self, places: tuple[int, ...]) -> Graph:
        """`reverse` for some of the inputs in `wanted`."""
        outputs = [v for i, v in zip(self.wanted, self.reverse.outputs, strict=True) if i in places]
        return Graph(self.reverse.inputs, tuple(outputs), self.reverse.nodes, self.reverse.name)


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
        len(graph.outputs),
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


def call(function: Any, graph: Graph, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The graph's results: of its nodes while a function is traced; else of its program, which tapes record as one operation.

    Args:
        function: whose graph it is; its programs and gradients are remembered there.
        graph: of known or unknown sizes.
        inputs: for all of the graph's.
    """
    wanted = tuple([any([id(x) in tape.watched for tape in state.tapes]) for x in inputs])
    if state.trace is not None or True not in wanted:
        return _run(function, graph, inputs)
    try:
        pair = _known(function, ("gradient", graph, wanted), lambda: differentiate(graph, wanted))
    except UnimplementedError:  # which whoever asks for the gradient is told
        return _recorded(function, graph, None, inputs)
    return _recorded(function, pair.forward, pair, inputs)[: pair.results]


def _recorded(function: Any, graph: Graph, pair: Pair | None, inputs: Sequence[Tensor]) -> list[Tensor]:
    """All outputs of the graph, on the tapes."""
    made = _run(function, graph, inputs)
    if state.trace is None:
        for tape in state.tapes:
            tape.record(call_primitive, tuple(inputs), tuple(made), {"function": function, "graph": graph, "pair": pair})
    return made


def _run(function: Any, graph: Graph, inputs: Sequence[Tensor]) -> list[Tensor]:
    if state.trace is not None:
        return replay(graph, inputs)
    for x in inputs:
        if x._array is None:
            raise kept(graph.name, x)
    arrays = [x._array for x in inputs]
    return [wrap(a) for a in compiled(graph, function, arrays)(arrays)]


def _known(function: Any, key: Any, make: Callable[[], Any]) -> Any:
    """What the function remembers under `key`, which holds the graphs that it names."""
    found = function._programs.get(key)
    if found is None:
        if len(function._programs) >= MOST_PROGRAMS:
            function._programs.clear()
        found = function._programs[key] = make()
    return found


def compiled(graph: Graph, owner: Any, arrays: Sequence[Any]) -> Compiled:
    """The program of `graph` for these shapes, remembered by its owner."""

    def make() -> Compiled:
        known: dict[str, int] = {}
        for value, a in zip(graph.inputs, arrays, strict=True):
            match(value.spec.shape, a.shape, known)
        return compile_graph(specialize(graph, known) if known else graph, ())

    return _known(owner, (graph, tuple([a.shape for a in arrays])), make)  # type: ignore[no-any-return]


def _vjp(
    wanted: Sequence[bool], gs: Sequence[Tensor | None], ys: Sequence[Tensor], *xs: Tensor, function: Any, graph: Graph, pair: Pair | None
) -> list[Tensor | None]:
    if pair is None or any(g is not None for g in gs[pair.results :]):  # a gradient's gradient comes to the residuals too
        pair = _known(function, ("gradient", graph, tuple(wanted)), lambda: differentiate(graph, wanted))
        ys = _recorded(function, pair.forward, pair, xs)
    seeds = [zeros(y) if g is None else g for g, y in zip(gs, ys[: pair.results], strict=False) if y.dtype.is_differentiable]
    places = tuple([i for i in pair.wanted if wanted[i]])
    result: list[Tensor | None] = [None] * len(xs)
    if places:
        part = _known(function, ("part", pair.reverse, places), lambda: pair.gradient(places))
        for i, g in zip(places, call(function, part, [*ys[pair.results :], *seeds]), strict=True):
            result[i] = g
    return result


def _unused(*_: Any, **__: Any) -> Any:
    raise NotImplementedError  # calls stand on tapes only


call_primitive = register(Primitive("call", Kind.CONTROL, _unused, _unused, _vjp, doc="A traced function, run as one compiled program."))
MULTIPLE.add("call")
SPARING.add("call")
__all__ = ["Pair", "call", "differentiate"]
