"""`loop_over`: a body repeated over the rows of tensors, natively when compiled, with a gradient that is such a loop again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.errors import ShapeError
from tenfold.core.shapes import Size, differ
from tenfold.ir.graph import Graph
from tenfold.ir.primitive import Kind, Primitive, Spec, register
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import stack
from tenfold.tensor.bind import bind, state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.autodiff import MULTIPLE, zeros
from tenfold.transform.branches import gradient_graph, program_of, rewire
from tenfold.transform.trace import replay, trace

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
    operands = [*flat_carry, *(v.read_value() for v in written.values()), *flat_rows, *captured.values(), *(v.read_value() for v in fixed.values())]
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
        results = step([np.int32(i) * np.ones((), np.int32), *current, *(r[i] for r in rows), *fixed])
        current = results[:carried]
        for s, y in zip(stacked, results[carried:], strict=True):
            s[i] = y
    return (*(np.array(c) for c in current), *stacked)


def _vjp(
    wanted: Sequence[bool], gs: Sequence[Tensor], ys: Any, *xs: Tensor, body: Graph, carried: int, sliced: int, length: Size, reverse: bool
) -> list[Tensor | None]:
    """A first loop, forward, keeps what was carried into each step; a second, backward, carries the cotangents."""
    differentiable = [x.dtype.is_differentiable for x in xs]
    need = [d if k < carried else d and w for k, (d, w) in enumerate(zip(differentiable, wanted, strict=True))]
    remembering = Graph(body.inputs, (*body.outputs, *body.inputs[1 : 1 + carried]), body.nodes, "scan")
    forward = bind(scan_primitive, *xs, body=remembering, carried=carried, sliced=sliced, length=length, reverse=reverse)
    carries = forward[len(body.outputs) :]
    gradient = gradient_graph(body, [False, *need])
    rows, fixed = xs[carried : carried + sliced], xs[carried + sliced :]
    of_carry = [k for k in range(carried) if need[k]]
    of_rows = [k for k in range(sliced) if need[carried + k]]
    of_fixed = [k for k in range(len(fixed)) if need[carried + sliced + k]]
    outputs = [v for v in body.outputs if v.spec.dtype.is_differentiable]
    stacked_gs = [g for g, y in zip(gs[carried:], ys[carried:], strict=True) if y.dtype.is_differentiable]

    def step(i: Tensor, state_: Any, row: Any) -> Any:
        g_carry, g_fixed = state_
        old, inputs, g_rows = row
        seeds = [*g_carry, *g_rows]
        assert len(seeds) == len(outputs)
        found = replay(gradient, [i, *old, *inputs, *fixed, *seeds])
        to_carry, to_rows, to_fixed = (
            found[: len(of_carry)],
            found[len(of_carry) : len(of_carry) + len(of_rows)],
            found[len(of_carry) + len(of_rows) :],
        )
        return (to_carry, [a + b for a, b in zip(g_fixed, to_fixed, strict=True)]), to_rows

    start = ([gs[k] for k in of_carry], [zeros(fixed[k]) for k in of_fixed])
    (g_carry, g_fixed), g_rows = loop_over(step, start, (list(carries), list(rows), stacked_gs), not reverse, length)
    result: list[Tensor | None] = [None] * len(xs)
    for k, g in zip(of_carry, g_carry, strict=True):
        result[k] = g
    for k, g in zip(of_rows, g_rows, strict=True):
        result[carried + k] = g
    for k, g in zip(of_fixed, g_fixed, strict=True):
        result[carried + sliced + k] = g
    return result


scan_primitive = register(Primitive("scan", Kind.CONTROL, _spec, _run, _vjp, doc="A graph repeated over the rows of tensors."))
MULTIPLE.add("scan")
__all__ = ["loop_over", "scan_primitive"]
