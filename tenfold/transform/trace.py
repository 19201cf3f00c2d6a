"""Python -> Graph: runs a function once on tensors that stand for values, and keeps what it did."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tenfold.core import garbage, nest
from tenfold.core.shapes import Sym, unknown
from tenfold.ir.graph import Graph, Value, substitute
from tenfold.ir.primitive import Spec
from tenfold.tensor.bind import Recorder, bind, state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.tensor.variable import Variable


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """A traced function.

    Attributes:
        graph: inputs are the arguments, then `captured`, then `variables`; outputs are the results, then `written` variables' new values.
        captured: tensors of the enclosing function.
        variables: those it reads or writes.
        written: positions in `variables` of those whose value changes.
        structure: the function's result, with each tensor replaced by None-like leaves; see `pack`.
        results: how many outputs are results.
    """

    graph: Graph
    captured: tuple[Tensor, ...]
    variables: tuple[Variable, ...]
    written: tuple[int, ...]
    structure: Any
    results: int
    created: int  # variables that came into being meanwhile
    constants: tuple[tuple[Tensor, Value], ...] = ()  # eager tensors that it uses

    def pack(self, tensors: Sequence[Any]) -> Any:
        """The results in the structure that the function returned."""
        if self.structure is TENSOR:
            return tensors[0]
        leaves = iter(tensors)
        return nest.map_structure(lambda leaf: next(leaves) if leaf is TENSOR else leaf, self.structure)


class _Leaf:
    _is_leaf = True

    def __repr__(self) -> str:
        return "tensor"


TENSOR = _Leaf()


@garbage.kept()
def trace(function: Callable[..., Any], specs: Sequence[Spec], name: str = "function", keep: Callable[[Any], bool] | None = None) -> Traced:
    """Traces `function` called with one tensor per spec.

    Args:
        function: called once, with traced Tensors.
        specs: shapes (sizes may be `Sym`) and element types of its arguments.
        name: for messages.
        keep: leaves of the result for which this is true are returned as they are and not made tensors; default: None only.
    """
    recorder = Recorder(name, state.trace)
    inputs = [Value(s) for s in specs]
    outside = state.trace, state.tapes
    state.trace, state.tapes = recorder, []
    try:
        result = function(*(recorder.tensor(v) for v in inputs))
        leaves = [leaf for leaf in nest.flatten(result)]
        made = [None if leaf is None or (keep and keep(leaf)) else as_tensor(leaf) for leaf in leaves]
        outputs = [recorder.lift(t) for t in made if t is not None]
        structure = nest.pack(result, [leaf if t is None else TENSOR for leaf, t in zip(leaves, made, strict=True)])
        keys = list(recorder.variables)
        written = recorder.written()
        updates = [recorder.lift(recorder.current[k]) for k in written]
    finally:
        state.trace, state.tapes = outside
    values = [recorder.initial[k]._value for k in keys]
    captured = list(recorder.captured.values())
    graph = Graph((*inputs, *(v for _, v in captured), *values), (*outputs, *updates), tuple(recorder.nodes), name)
    traced = Traced(
        graph,
        tuple(t for t, _ in captured),
        tuple(recorder.variables[k] for k in keys),
        tuple(keys.index(k) for k in written),
        structure,
        len(outputs),
        recorder.memo.get("created", 0),
        tuple(recorder.constants.values()),
    )
    recorder.close()
    return traced


@contextmanager
def init_scope() -> Iterator[None]:
    """Inside this context operations run at once even while a function is traced, and no tape records them."""
    outside = state.trace, state.tapes
    state.trace, state.tapes = None, []
    try:
        yield
    finally:
        state.trace, state.tapes = outside


def unknown_sizes(shape: Sequence[int | None], name: str = "n") -> tuple[Any, ...]:
    """`shape` with a fresh unknown for each None."""
    return tuple(Sym.fresh(name) if n is None else int(n) for n in shape)


def output_specs(function: Callable[..., Any], specs: Sequence[Spec]) -> Any:
    """What `function` returns for tensors of these specs, each tensor replaced by its Spec; nothing is computed.

    Example:
        >>> from tenfold.core.dtypes import float32
        >>> str(output_specs(lambda x: x + 1.0, [Spec(unknown_sizes((None, 3)), float32)]))
        'float32(None, 3)'
    """
    outside = state.trace
    state.trace = None  # a shape question, whatever is being traced
    try:
        traced = trace(function, specs, "output_specs")
    finally:
        state.trace = outside
    leaves = iter(traced.graph.outputs[: traced.results])
    return nest.map_structure(lambda leaf: next(leaves).spec if leaf is TENSOR else leaf, traced.structure)


def replay(graph: Graph, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Applies the graph's nodes to `tensors` through `bind`: runs it eagerly, inlines it into another trace, or tapes it."""
    env: dict[int, Tensor] = {id(v): t for v, t in zip(graph.inputs, tensors, strict=True)}

    def tensor(v: Value) -> Tensor:
        if id(v) not in env:
            env[id(v)] = as_tensor_of(v)
        return env[id(v)]

    sizes: dict[str, Any] = {}  # what the graph's unknown sizes are here
    for v, t in zip(graph.inputs, tensors, strict=True):
        _learn(sizes, v.spec.shape, t.sizes)
    outside = state.origin
    inherit = not (outside or state.scope)  # else what is known here says more than what the graph knows
    try:
        for node in graph.nodes:
            if inherit:
                state.origin = node.where
            if node.primitive.apart:  # what the data decide is decided anew
                _learn(sizes, [a for a in node.attrs.values() if isinstance(a, Sym)], itertools.repeat(None))
            attrs = {k: substitute(a, sizes) for k, a in node.attrs.items()} if sizes else node.attrs
            out = bind(node.primitive, *(tensor(v) for v in node.inputs), **attrs)
            env.update((id(v), t) for v, t in zip(node.outputs, out if isinstance(out, tuple) else (out,), strict=True))
    finally:
        state.origin = outside
    return [tensor(v) for v in graph.outputs]


def _learn(sizes: dict[str, Any], pattern: Iterable[Any], shape: Iterable[Any]) -> None:
    """Adds what the unknowns of `pattern` are in `shape` to `sizes`; fresh ones for None."""
    for p, n in zip(pattern, shape, strict=False):
        name = unknown(p)
        if name is not None and p != n:
            sizes.setdefault(name, Sym.fresh() if n is None else n)


def as_tensor_of(value: Value) -> Tensor:
    """The eager Tensor of a constant Value."""
    assert value.constant is not None
    return wrap(value.constant)
