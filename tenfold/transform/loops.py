"""`loop_over`: a body repeated over the rows of tensors, natively when compiled, with a gradient that is such a loop again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.errors import ShapeError
from tenfold.core.shapes import Size, differ
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind, Primitive, Spec, register
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import stack
from tenfold.tensor.bind import bind, state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.branches import program_of, rewire
from tenfold.transform.call import differentiate
from tenfold.transform.loop_gradient import after_loop, varying
from tenfold.transform.trace import replay, trace
from tenfold.transform.vjp import MULTIPLE, zeros

Body = Callable[[Tensor, Any, Any], tuple[Any, Any]]


def loop_over(body: Body, carry: Any, rows: Any, reverse: bool = False, length: Size | None = None) -> tuple[Any, Any]:
    """`carry, y = body(i, carry, row_i)` for each row of the tensors in `rows`; returns (last carry, all y stacked).

    Args:
        body: gets the position (int32 scalar), the carried structure and the row's structure; returns the next carry, of the same
            shapes, and anything to stack.
        carry: tensors, nested.
        rows: tensors, nested, of equal first size; may be empty if `length` is given.
        reverse: from the last row to the first; results are stacked in the order of the rows.
    """
    flat_rows = nest.flatten(rows)
    if length is None:
        length = flat_rows[0].sizes[0]
    if any(differ(t.sizes[0], length) for t in flat_rows):
        raise ShapeError(f"[scan] the first sizes differ: {[str(t.shape) for t in flat_rows]}.")
    return _traced(body, carry, rows, reverse, length) if state.trace is not None else _eager(body, carry, rows, reverse, length)


def _eager(body: Body, carry: Any, rows: Any, reverse: bool, length: Any) -> tuple[Any, Any]:
    results: list[Any] = []
    for i in range(length - 1, -1, -1) if reverse else range(length):
        at = wrap(np.int32(i))
        carry, y = body(at, carry, nest.map_structure(lambda t, at=at: gather(t, at, axis=0), rows))
        carry = nest.map_structure(as_tensor, carry)
        results.append(y)
    if not results:
        raise ShapeError("[scan] there are no rows, so the shape of the results is unknown. Try tf.function, or at least one row.")
    return carry, nest.map_structure(lambda *parts: stack(list(parts)), *(results[::-1] if reverse else results))


def _traced(body: Body, carry: Any, rows: Any, reverse: bool, length: Size) -> tuple[Any, Any]:
    flat_carry, flat_rows = nest.flatten(carry), nest.flatten(rows)
    shape_of_y: list[Any] = []

    def step(i: Tensor, *leaves: Tensor) -> Any:
        new, y = body(i, nest.pack(carry, list(leaves[: len(flat_carry)])), nest.pack(rows, list(leaves[len(flat_carry) :])))
        new_leaves = [as_tensor(t, hint=c.dtype) for t, c in zip(nest.flatten(new), flat_carry, strict=True)]
        for k, (a, b) in enumerate(zip(new_leaves, flat_carry, strict=True)):
            if a.dtype is not b.dtype or a.ndim != b.ndim or any(differ(m, n) for m, n in zip(a.sizes, b.sizes, strict=True)):
                raise ValueError(f"[scan] carried tensor {k} changes from {b.spec} to {a.spec}. Shapes and types must stay the same.")
        shape_of_y.append(y)
        return [*new_leaves, *(as_tensor(t) for t in nest.flatten(y))]

    specs = [Spec((), wrap(np.int32(0)).dtype), *(t.spec for t in flat_carry), *(Spec(t.sizes[1:], t.dtype) for t in flat_rows)]
    traced = trace(step, specs, "scan")
    arguments = len(specs)
    written = {id(traced.variables[k]): traced.variables[k] for k in traced.written}
    fixed = {id(v): v for v in traced.variables if id(v) not in written}
    captured = {id(t): t for t in traced.captured}
    order = [*written, *captured, *fixed]
    operand_specs = [*(v.spec for v in written.values()), *(t.spec for t in captured.values()), *(v.spec for v in fixed.values())]
    graph = rewire(traced, arguments, order, operand_specs, list(written))
    count = len(flat_carry)
    # inputs and outputs in the order of the primitive: index, carried (variables too), rows, fixed; carried, stacked
    inner = graph.inputs
    inputs = (
        inner[0],
        *inner[1 : 1 + count],
        *inner[arguments : arguments + len(written)],
        *inner[1 + count : arguments],
        *inner[arguments + len(written) :],
    )
    ys = graph.outputs[count : traced.results]
    outputs = (*graph.outputs[:count], *graph.outputs[traced.results :], *ys)
    operands = [*flat_carry, *(v._as_kept() for v in written.values()), *flat_rows, *captured.values(), *(v._as_kept() for v in fixed.values())]
    carried = count + len(written)
    results = bind(
        scan_primitive,
        *operands,
        body=Graph(inputs, outputs, graph.nodes, "scan"),
        carried=carried,
        sliced=len(flat_rows),
        length=length,
        reverse=reverse,
    )
    for variable, new in zip(written.values(), results[count:carried], strict=True):
        variable.assign(new)
    return nest.pack(carry, list(results[:count])), nest.pack(shape_of_y[0], list(results[carried:]))


def _spec(*specs: Spec, body: Graph, carried: int, sliced: int, length: Size, reverse: bool) -> tuple[Spec, ...]:
    return (*specs[:carried], *(Spec((length, *v.spec.shape), v.spec.dtype) for v in body.outputs[carried:]))


def _run(*arrays: Any, body: Graph, carried: int, sliced: int, length: int, reverse: bool) -> tuple[Any, ...]:
    current, rows, fixed = list(arrays[:carried]), arrays[carried : carried + sliced], list(arrays[carried + sliced :])
    step = program_of(body)
    stacked = [np.zeros((length, *v.spec.shape), v.spec.dtype.numpy) for v in body.outputs[carried:]]
    for i in range(length - 1, -1, -1) if reverse else range(length):
        results = step([np.full((), i, np.int32), *current, *(r[i, ...] for r in rows), *fixed])  # arrays, where r[i] may be a number
        current = results[:carried]
        for s, y in zip(stacked, results[carried:], strict=True):
            s[i] = y
    return (*(np.array(c) for c in current), *stacked)


def _vjp(
    wanted: Sequence[bool], gs: Sequence[Tensor], ys: Any, *xs: Tensor, body: Graph, carried: int, sliced: int, length: Size, reverse: bool
) -> list[Tensor | None]:
    """The forward loop keeps what the backward loop needs of each step; that one carries the cotangents."""
    need = [x.dtype.is_differentiable and (k < carried or w) for k, (x, w) in enumerate(zip(xs, wanted, strict=True))]
    pair = differentiate(body, [False, *need])
    step, first, results = pair.forward, 1 + carried + sliced, len(body.outputs)
    varies = varying(step.inputs[:first], step.nodes)
    given = {id(v) for v in (step.inputs[0], *step.inputs[1 + carried :])}
    kept = list({id(v): v for v in step.outputs[results:] if id(v) in varies and id(v) not in given}.values())
    remembering = Graph(step.inputs, (*step.outputs[:results], *kept), step.nodes, "scan")
    remembered = _remember(xs, ys, body, remembering, {"carried": carried, "sliced": sliced, "length": length, "reverse": reverse})

    seeds = pair.reverse.inputs[len(pair.reverse.inputs) - sum(v.spec.dtype.is_differentiable for v in body.outputs) :]
    of_carry = [k for k in range(carried) if need[k]]
    row_values = [*step.inputs[1 + carried : first], *kept, *seeds[len(of_carry) :]]
    rows = [*xs[carried : carried + sliced], *remembered, *(g for g, y in zip(gs[carried:], ys[carried:], strict=True) if y.dtype.is_differentiable)]
    invariant = tuple(n for n in step.nodes if not any(id(v) in varies for v in n.outputs))
    inputs = (step.inputs[0], *seeds[: len(of_carry)], *row_values, *step.inputs[first:])
    graph = Graph(inputs, (), (*invariant, *pair.reverse.nodes), f"gradient of {body.name}")
    found = {k - 1: v for k, v in zip(pair.wanted, pair.reverse.outputs, strict=True)}
    return _backward(graph, found, of_carry, carried + sliced, xs, row_values, rows, [gs[k] for k in of_carry], length, not reverse)


def _remember(xs: Sequence[Tensor], ys: Sequence[Tensor], body: Graph, remembering: Graph, options: dict[str, Any]) -> Sequence[Tensor]:
    """What the forward loop keeps besides its results. The node that made these is extended; if that cannot be, there is a second loop."""
    recorder, count = state.trace, len(body.outputs)
    at = None
    if recorder is not None and not state.tapes and ys:
        at = next((i for i, n in enumerate(recorder.nodes) if n.outputs[0] is ys[0]._value and n.attrs.get("body") is body), None)
    if recorder is None or at is None:
        return bind(scan_primitive, *xs, body=remembering, **options)[count:]  # type: ignore[no-any-return]
    node = recorder.nodes[at]
    more = [Value(Spec((options["length"], *v.spec.shape), v.spec.dtype)) for v in remembering.outputs[count:]]
    recorder.nodes[at] = Node(node.primitive, node.inputs, (*node.outputs, *more), {**node.attrs, "body": remembering}, node.where)
    return [recorder.tensor(v) for v in more]


def _backward(graph: Graph, found: dict[int, Value], of_carry: list[int], first_fixed: int, xs: Sequence[Tensor], row_values: list[Value],
              rows: list[Tensor], start: list[Tensor], length: Size, reverse: bool) -> list[Tensor | None]:  # fmt: skip
    """The loop over `graph`, and what is done after it. `found` are the cotangents, in terms of the graph, by their operand."""
    fixed = {k: v for k, v in found.items() if k >= first_fixed}
    to_rows = {k: v for k, v in found.items() if k < first_fixed and k not in of_carry}
    varies = varying(graph.inputs[: 1 + len(of_carry) + len(rows)], graph.nodes)
    later = after_loop(fixed, graph.nodes, length, varies, [*row_values, *to_rows.values()])
    known = {id(v) for v in row_values}
    stacked = {id(v): v for v in (*to_rows.values(), *(x for plan in later.values() for x in plan.needs)) if id(v) not in known}
    summed = [k for k in fixed if k not in later]
    carry_values = [found.get(k) for k in of_carry]
    outputs = (*(v for v in carry_values if v is not None), *(fixed[k] for k in summed), *stacked.values())
    body = Graph(graph.inputs, outputs, graph.nodes, graph.name)

    def step(i: Tensor, current: Any, row: Any) -> Any:
        g_carry, g_fixed = current
        made = iter(replay(body, [i, *g_carry, *row, *xs[first_fixed:]]))
        new_carry = [zeros(g) if v is None else next(made) for v, g in zip(carry_values, g_carry, strict=True)]
        return (new_carry, [g + next(made) for g in g_fixed]), list(made)

    (g_carry, g_fixed), ys = loop_over(step, (start, [zeros(xs[k]) for k in summed]), rows, reverse, length)
    at_all_steps = {id(v): t for v, t in zip(row_values, rows, strict=True)} | dict(zip(stacked, ys, strict=True))
    results: list[Tensor | None] = [None] * len(xs)
    made = [*zip(of_carry, g_carry, strict=True), *zip(summed, g_fixed, strict=True), *((k, at_all_steps[id(v)]) for k, v in to_rows.items())]
    for k, g in [*made, *((k, plan.make(lambda v: at_all_steps[id(v)])) for k, plan in later.items())]:
        results[k] = g
    return results


scan_primitive = register(Primitive("scan", Kind.CONTROL, _spec, _run, _vjp, doc="A graph repeated over the rows of tensors."))
MULTIPLE.add("scan")
__all__ = ["loop_over", "scan_primitive"]
