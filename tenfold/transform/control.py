"""Control flow on tensors: cond, while_loop, scan and what is made of them.

With a known predicate (eager mode) they are Python's own control flow. While a function is traced, the branches and bodies are traced
too, and become the graphs of one node; what they use from outside, and variables that they read or write, become its operands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.dtypes import bool_, int32
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError, UnimplementedError
from tenfold.ir.graph import Graph
from tenfold.ir.primitive import Kind, Primitive, Spec, register
from tenfold.primitives.arithmetic import add, less, logical_and
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import concat, expand_dims, slice_, stack
from tenfold.tensor.bind import bind, state
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.branches import gradient_graph, program_of, rewire
from tenfold.transform.loops import loop_over
from tenfold.transform.trace import Traced, trace
from tenfold.transform.vjp import MULTIPLE

# --- cond ---


def cond(pred: Any, true_fn: Callable[[], Any] | None = None, false_fn: Callable[[], Any] | None = None, name: str | None = None) -> Any:
    """The result of `true_fn()` if the scalar `pred` is true, else of `false_fn()`; both must return the same structure.

    Example:
        >>> x = as_tensor(2.0)
        >>> float(cond(x > 1.0, lambda: x * 10.0, lambda: x))
        20.0
    """
    if not callable(true_fn) or not callable(false_fn):
        raise TypeError("[cond] true_fn and false_fn must be callables of no arguments.")
    if isinstance(pred, (bool, np.bool_)):
        return true_fn() if pred else false_fn()
    p = as_tensor(pred)
    if p.dtype is not bool_:
        raise DTypeError(f"[cond] pred must be a bool scalar; received {p.dtype.name}. Try pred != 0.")
    if p._array is not None:
        return true_fn() if bool(p) else false_fn()
    then, otherwise = trace(true_fn, (), "cond/true"), trace(false_fn, (), "cond/false")
    _same_results(then, otherwise)
    operands, graphs, written = _join([then, otherwise])
    results = bind(cond_primitive, p, *operands, then=graphs[0], otherwise=graphs[1])
    for variable, new in zip(written, results[then.results :], strict=True):
        variable.assign(new)
    return then.pack(results[: then.results])


def _same_results(a: Traced, b: Traced) -> None:
    try:
        nest.assert_same_structure(a.structure, b.structure)
    except ValueError as error:
        raise TypeError(f"[cond] both branches must return the same structure. {error}") from None
    if a.results != b.results:
        raise TypeError(f"[cond] both branches must return the same structure. One returns {a.results} tensors, the other {b.results}.")
    for k, (x, y) in enumerate(zip(a.graph.outputs[: a.results], b.graph.outputs[: b.results], strict=False)):
        if x.spec.dtype is not y.spec.dtype or len(x.spec.shape) != len(y.spec.shape):
            raise TypeError(f"[cond] result {k} is {x.spec} in one branch and {y.spec} in the other. Try tf.cast or tf.reshape in one of them.")


def _join(parts: Sequence[Traced]) -> tuple[list[Tensor], list[Graph], list[Any]]:
    """One list of operands for several traced functions without arguments: their captures, then their variables; and their graphs
    rewritten to take these operands and to return the new values of all variables that any of them writes."""
    operands: dict[int, Tensor] = {}
    variables: dict[int, Any] = {}
    for t in parts:
        operands.update((id(c), c) for c in t.captured)
        variables.update((id(v), v) for v in t.variables)
    written = {id(t.variables[k]): t.variables[k] for t in parts for k in t.written}
    values = [v._as_kept() for v in variables.values()]
    order = [*operands, *variables]
    specs = [*(t.spec for t in operands.values()), *(v.spec for v in values)]
    return [*operands.values(), *values], [rewire(t, 0, order, specs, list(written)) for t in parts], list(written.values())


def _cond_spec(pred: Spec, *operands: Spec, then: Graph, otherwise: Graph) -> tuple[Spec, ...]:
    if pred.shape != ():
        raise ShapeError(f"[cond] pred must be a scalar; received {pred}. Try tf.reduce_all, or tf.where for element by element.")
    return tuple(v.spec for v in then.outputs)


def _cond_run(pred: Any, *operands: Any, then: Graph, otherwise: Graph) -> tuple[Any, ...]:
    return tuple(program_of(then if pred else otherwise)(list(operands)))


def _cond_vjp(
    wanted: Sequence[bool], gs: Sequence[Tensor], ys: Any, pred: Tensor, *operands: Tensor, then: Graph, otherwise: Graph
) -> list[Tensor | None]:
    """The gradient of a cond is a cond of gradients; each branch computes its forward pass again."""
    need = [w and x.dtype.is_differentiable for w, x in zip(wanted[1:], operands, strict=True)]
    seeds = [g for g, y in zip(gs, ys, strict=True) if y.dtype.is_differentiable]
    branches = [gradient_graph(graph, need) for graph in (then, otherwise)]
    found = bind(cond_primitive, pred, *operands, *seeds, then=branches[0], otherwise=branches[1]) if any(need) else ()
    leaves = iter(found)
    return [None, *(next(leaves) if n else None for n in need)]


cond_primitive = register(Primitive("cond", Kind.CONTROL, _cond_spec, _cond_run, _cond_vjp, doc="One of two graphs, by a scalar."))

# --- while ---


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: Any = None,
    name: str | None = None,
) -> Any:
    """Repeats `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` is true; returns the last loop variables.

    Args:
        cond: loop variables -> bool scalar.
        body: loop variables -> the next ones, of the same shapes and types.
        loop_vars: a list or tuple of tensors or nested structures.
        maximum_iterations: stops after that many at the latest.

    Example:
        >>> i, total = while_loop(lambda i, s: i < 4, lambda i, s: (i + 1, s + i), [as_tensor(0), as_tensor(0)])
        >>> int(total)
        6
    """
    if not callable(cond) or not callable(body):
        raise TypeError("[while_loop] cond and body must be callables.")
    current = nest.map_structure(as_tensor, tuple(loop_vars) if isinstance(loop_vars, (list, tuple)) else (loop_vars,))
    limit = None if maximum_iterations is None else as_tensor(maximum_iterations, hint=int32)
    result = _while_eager(cond, body, current, limit) if state.trace is None else _while_traced(cond, body, current, limit)
    return nest.pack(loop_vars, nest.flatten(result)) if isinstance(loop_vars, (list, tuple)) else result[0]


def _while_eager(cond: Any, body: Any, current: Any, limit: Tensor | None) -> Any:
    done = 0
    while bool(as_tensor(cond(*current))) and (limit is None or done < int(limit)):
        current = _next_vars(body(*current), current)
        done += 1
    return current


def _next_vars(result: Any, current: Any) -> Any:
    result = (result,) if len(current) == 1 and not (isinstance(result, (list, tuple)) and len(result) == 1) else tuple(result)
    flat = nest.flatten(result)
    old = nest.flatten(current)
    if len(flat) != len(old):
        raise ValueError(f"[while_loop] body must return {len(old)} loop variables; it returned {len(flat)}.")
    return nest.pack(current, [as_tensor(x, hint=o.dtype) for x, o in zip(flat, old, strict=True)])


def _while_traced(cond: Any, body: Any, current: Any, limit: Tensor | None) -> Any:
    flat = [wrap(np.zeros((), np.int32)), *nest.flatten(current)]
    specs = [t.spec for t in flat]

    def test(i: Tensor, *leaves: Tensor) -> Any:
        p = as_tensor(cond(*nest.pack(current, list(leaves))))
        if p.dtype is not bool_ or p.ndim:
            raise TypeError(f"[while_loop] cond must return a bool scalar; it returned {p.spec}.")
        return p if limit is None else logical_and(p, less(i, limit))

    def step(i: Tensor, *leaves: Tensor) -> Any:
        after = nest.flatten(_next_vars(body(*nest.pack(current, list(leaves))), current))
        for k, (a, b) in enumerate(zip(after, leaves, strict=True)):
            if (
                a.dtype is not b.dtype
                or a.ndim != b.ndim
                or any(isinstance(m, int) and isinstance(n, int) and m != n for m, n in zip(a.sizes, b.sizes, strict=True))
            ):
                raise ValueError(
                    f"[while_loop] loop variable {k} changes from {b.spec} to {a.spec}. Shapes and types must stay the same; try padding."
                )
        return [add(i, wrap(np.ones((), np.int32))), *after]

    condition, repeated = trace(test, specs, "while/cond"), trace(step, specs, "while/body")
    if condition.written:
        raise UnimplementedError("[while_loop] cond must not assign to variables. Try assigning in the body.")
    operands: dict[int, Tensor] = {id(c): c for t in (condition, repeated) for c in t.captured}
    written = {id(repeated.variables[k]): repeated.variables[k] for k in repeated.written}
    read_only = {id(v): v for t in (condition, repeated) for v in t.variables if id(v) not in written}
    fixed_specs = [*(t.spec for t in operands.values()), *(v.spec for v in read_only.values())]
    carried_specs = [v.spec for v in written.values()]
    order = [*written, *operands, *read_only]
    all_specs = [*carried_specs, *fixed_specs]
    test_graph = rewire(condition, len(flat), order, all_specs, [])
    body_graph = rewire(repeated, len(flat), order, all_specs, list(written))
    inputs = [*flat, *(v._as_kept() for v in written.values()), *operands.values(), *(v._as_kept() for v in read_only.values())]
    results = bind(while_primitive, *inputs, test=test_graph, body=body_graph, carried=len(flat) + len(written))
    for variable, new in zip(written.values(), results[len(flat) :], strict=True):
        variable.assign(new)
    return nest.pack(current, list(results[1 : len(flat)]))


def _while_spec(*specs: Spec, test: Graph, body: Graph, carried: int) -> tuple[Spec, ...]:
    return specs[:carried]


def _while_run(*arrays: Any, test: Graph, body: Graph, carried: int) -> tuple[Any, ...]:
    state_, fixed = [np.array(a) for a in arrays[:carried]], list(arrays[carried:])
    check, step = program_of(test), program_of(body)
    while check([*state_, *fixed])[0]:
        state_ = step([*state_, *fixed])
    return tuple(state_)


def _while_vjp(wanted: Any, gs: Any, ys: Any, *xs: Any, **attrs: Any) -> Any:
    raise UnimplementedError("[while_loop] has no gradient inside tf.function, since the number of steps is unknown. Try tf.scan, or a Python loop.")


while_primitive = register(Primitive("while", Kind.CONTROL, _while_spec, _while_run, _while_vjp, doc="A graph repeated while another says so."))
MULTIPLE.update(("cond", "while"))

# --- made of these ---


def switch_case(branch_index: Any, branch_fns: Any, default: Any = None, name: str | None = None) -> Any:
    """The result of the branch that `branch_index` names; of `default` (or the last branch) if it names none."""
    fns = dict(branch_fns) if isinstance(branch_fns, dict) or (branch_fns and isinstance(branch_fns[0], tuple)) else dict(enumerate(branch_fns))
    last = default or fns[max(fns)]
    index = as_tensor(branch_index, hint=int32)

    def choose(keys: list[int]) -> Any:
        return last() if not keys else cond(index == keys[0], fns[keys[0]], lambda: choose(keys[1:]))

    return choose(sorted(fns))


def case(pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, strict: bool = False, name: str = "case") -> Any:
    """The result of the first function whose predicate is true; of `default` if none is."""
    pairs = list(pred_fn_pairs.items()) if isinstance(pred_fn_pairs, dict) else list(pred_fn_pairs)
    if exclusive:
        raise UnimplementedError("[case] exclusive=True is not supported: the first true predicate decides.")

    def choose(rest: list[Any]) -> Any:
        if not rest:
            if default is None:
                raise InvalidArgumentError("[case] no predicate is true and there is no default.")
            return default()
        if len(rest) == 1 and default is None:
            return rest[0][1]()
        return cond(rest[0][0], rest[0][1], lambda: choose(rest[1:]))

    return choose(pairs)


def _length(elems: Any) -> int:
    first = nest.flatten(elems)[0]
    if not first.sizes:
        raise ShapeError("[scan] expected elements along a first dimension; received a scalar. Try tf.expand_dims, or calling the function.")
    n = first.sizes[0]
    if not isinstance(n, int):
        raise ShapeError(
            "[scan] the number of elements must be known while tracing. Try an input_signature with a fixed first size, or tf.vectorized_map."
        )
    return n


def _rows(elems: Any) -> list[Any]:
    tensors = nest.map_structure(as_tensor, elems)
    return [nest.map_structure(lambda t, i=i: gather(t, wrap(np.int32(i)), axis=0), tensors) for i in range(_length(tensors))]


def _stack(results: list[Any]) -> Any:
    return nest.map_structure(lambda *parts: stack([as_tensor(p) for p in parts]), *results)


def scan(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """All intermediate results of `state = fn(state, element)` over the first dimension of `elems`, stacked.

    Example:
        >>> [int(v) for v in scan(lambda a, x: a + x, as_tensor([1, 2, 3]))]
        [1, 3, 6]
    """
    tensors = nest.map_structure(as_tensor, elems)
    if initializer is not None:
        start = nest.map_structure(as_tensor, initializer)
        return loop_over(lambda i, state, row: _twice(fn(state, row)), start, tensors, reverse)[1]
    first = nest.map_structure(lambda t: gather(t, wrap(np.int32(_length(tensors) - 1 if reverse else 0)), axis=0), tensors)
    rest = nest.map_structure(
        lambda t: slice_(t, [0 if reverse or d else 1 for d in range(t.ndim)], [n - 1 if d == 0 else n for d, n in enumerate(t.sizes)]), tensors
    )
    results = loop_over(lambda i, state, row: _twice(fn(state, row)), first, rest, reverse)[1]
    return nest.map_structure(lambda a, b: concat([b, expand_dims(a, 0)] if reverse else [expand_dims(a, 0), b], 0), first, results)


def _twice(x: Any) -> tuple[Any, Any]:
    return x, x


def foldl(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """The last result of `state = fn(state, element)` over the first dimension of `elems`."""
    rows = _rows(elems)
    current, rest = (rows[0], rows[1:]) if initializer is None else (nest.map_structure(as_tensor, initializer), rows)
    for row in rest:
        current = fn(current, row)
    return current


def foldr(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """As `foldl`, from the last element to the first."""
    rows = _rows(elems)[::-1]
    current, rest = (rows[0], rows[1:]) if initializer is None else (nest.map_structure(as_tensor, initializer), rows)
    for row in rest:
        current = fn(current, row)
    return current


def map_fn(
    fn: Callable[..., Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """`fn` applied to each element along the first dimension, the results stacked."""
    return _stack([fn(row) for row in _rows(elems)])


__all__ = ["case", "cond", "foldl", "foldr", "map_fn", "scan", "switch_case", "while_loop"]
