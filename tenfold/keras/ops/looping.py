"""Control flow in `keras.ops`: functions of Python, called by condition, in loops, and over axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core import nest
from tenfold.core.dtypes import bool_
from tenfold.core.shapes import Sym, differ, normalize_axis
from tenfold.ir.primitive import Spec
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.ops.define import ArrayTree, call_function, operation
from tenfold.primitives.arithmetic import add, cast, maximum, minimum, not_equal, select
from tenfold.primitives.gather import gather
from tenfold.primitives.movement import concat, expand_dims, reshape, slice_, stack, transpose
from tenfold.primitives.movement import reverse as backwards
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import as_tensor
from tenfold.transform import batching, control
from tenfold.transform.loops import loop_over
from tenfold.transform.trace import output_specs


def _cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    p = as_tensor(pred)
    return control.cond(p if p.dtype is bool_ else not_equal(p, 0), true_fn, false_fn)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """The result of `true_fn()` if the scalar `pred` is true, else of `false_fn()`.

    Example:
        >>> float(cond(tf.constant(2.0) > 1.0, lambda: 10.0, lambda: 20.0))
        10.0

    Raises:
        ValueError: they return different structures, shapes or types (found where `pred` is symbolic).
    """
    if isinstance(pred, bool):
        return true_fn() if pred else false_fn()
    if isinstance(pred, KerasTensor):
        first, second = (output_specs(f, []) for f in (true_fn, false_fn))
        if nest.flatten(first) != nest.flatten(second) or not _alike(first, second):
            raise ValueError(f"[cond] `true_fn` and `false_fn` should return outputs of the same kind (structure, shape and dtype). "
                             f"Got {first} and {second} instead.")  # fmt: skip
    return call_function("cond", lambda p: _cond(p, true_fn, false_fn), pred)


def _alike(first: Any, second: Any) -> bool:
    try:
        nest.assert_same_structure(first, second)
    except ValueError:
        return False
    return True


def switch(index: Any, branches: list[Callable[..., Any]], *operands: Any) -> Any:
    """The result of the branch that `index` names, called with the operands; of the first or last if it is below or above them.

    Example:
        >>> float(switch(1, [lambda x: x + 1.0, lambda x: x * 10.0], 3.0))
        30.0
    """

    def run(at: Any, *values: Any) -> Any:
        place = minimum(maximum(cast(as_tensor(at), "int32"), 0), len(branches) - 1)
        tensors = nest.map_structure(as_tensor, list(values))
        return control.switch_case(place, [lambda f=f: f(*tensors) for f in branches])

    return call_function("switch", run, index, *operands)


def _same_specs(values: Any, **options: Any) -> Any:
    return nest.map_structure(lambda x: Spec(x.sizes, x.dtype), values)


@operation("core", spec=_same_specs)
def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: ArrayTree, maximum_iterations: Any = None) -> ArrayTree:
    """Repeats `loop_vars = body(*loop_vars)` while `cond(*loop_vars)` is true; returns the last ones.

    Args:
        cond: loop variables -> a truth value.
        body: loop variables -> the next ones, of the same shapes and types.
        loop_vars: a list or tuple of tensors or structures; or one tensor or dict, which is then the only argument.
        maximum_iterations: stops after that many at the latest.

    Example:
        >>> int(while_loop(lambda i: i < 10, lambda i: i + 3, 0))
        12
    """
    return control.while_loop(cond, body, loop_vars, maximum_iterations=maximum_iterations)


@operation("core", spec=_same_specs)
def fori_loop(lower: Any, upper: Any, body_fun: Callable[..., Any], init_val: ArrayTree) -> ArrayTree:
    """Repeats `val = body_fun(i, val)` for i from `lower` to `upper` - 1; returns the last one.

    Example:
        >>> int(fori_loop(0, 5, lambda i, total: total + i, 0))
        10
    """
    if not isinstance(lower, int) or not isinstance(upper, int):
        start, end = (cast(as_tensor(n), "int32") for n in (lower, upper))
        return control.while_loop(lambda i, val: i < end, lambda i, val: (i + 1, body_fun(i, val)), (start, init_val))[1]
    if state.trace is not None and upper > lower:
        return loop_over(lambda i, val, row: (body_fun(add(i, lower), val), i), init_val, [], length=upper - lower)[0]
    for i in range(lower, upper):
        init_val = body_fun(i, init_val)
    return init_val


@operation("core")
def map(f: Callable[..., Any], xs: ArrayTree) -> ArrayTree:
    """`f` of each row of the tensors in `xs`, the results stacked.

    Example:
        >>> map(lambda x: x * x, tf.constant([1.0, 2.0, 3.0])).numpy()
        array([1., 4., 9.], dtype=float32)
    """
    return loop_over(lambda i, nothing, row: ((), f(row)), (), xs)[1]


@operation("core")
def vectorized_map(function: Callable[..., Any], elements: ArrayTree) -> ArrayTree:
    """`function` of each row of the tensors in `elements`, the results stacked, computed for all rows at once.

    Example:
        >>> vectorized_map(lambda x: x * x, tf.constant([1.0, 2.0, 3.0])).numpy()
        array([1., 4., 9.], dtype=float32)
    """
    return batching.vectorized_map(function, elements)


@operation("core")
def scan(f: Callable[..., Any], init: ArrayTree, xs: ArrayTree | None = None, length: int | None = None, reverse: bool = False,
         unroll: Any = 1) -> tuple[ArrayTree, ArrayTree]:  # fmt: skip
    """`carry, y = f(carry, x)` for each row x of the tensors in `xs`; returns the last carry, and all y stacked.

    Args:
        f: (carry, row) -> (the next carry, anything to stack, or None).
        init: the first carry.
        xs: tensors of equal first size; None if only `length` counts.
        length: how many steps, if there are no `xs`.
        reverse: whether to go from the last row to the first.
        unroll: accepted; loops are compiled.

    Example:
        >>> last, sums = scan(lambda total, x: (total + x, total + x), 0.0, tf.constant([1.0, 2.0, 3.0]))
        >>> sums.numpy()
        array([1., 3., 6.], dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    if not isinstance(unroll, bool) and (not isinstance(unroll, int) or unroll < 1):
        raise ValueError(f"`unroll` must be an positive integer or boolean. Received: unroll={unroll}")
    if xs is None and length is None:
        raise ValueError("Got no `xs` to scan over and `length` not provided.")
    stacks: list[bool] = []

    def step(i: Any, carry: Any, row: Any) -> tuple[Any, Any]:
        after, y = f(carry, None if xs is None else row)
        stacks.append(y is not None)
        return after, i if y is None else y

    last, ys = loop_over(step, init, [] if xs is None else xs, reverse, length)
    return last, ys if stacks[-1] else None


def _part(x: Any, axis: int, start: int, stop: Any, step: int = 1) -> Any:
    size = -(-(stop - start) // step)
    begin, sizes, strides = [0] * x.ndim, list(x.sizes), [1] * x.ndim
    begin[axis], sizes[axis], strides[axis] = start, size, step
    return slice_(x, begin, sizes, strides)


def _interleaved(even: Any, odd: Any, axis: int) -> Any:
    """even[0], odd[0], even[1], ...; there is as many even ones, or one more."""
    n = odd.sizes[axis]
    pairs = stack([_part(even, axis, 0, n), odd], axis + 1)
    merged = reshape(pairs, (*odd.sizes[:axis], 2 * n, *odd.sizes[axis + 1 :]))
    return merged if even.sizes[axis] == n else concat([merged, _part(even, axis, n, n + 1)], axis)


def _prefixes(combine: Callable[..., Any], xs: list[Any], axis: int) -> list[Any]:
    """All prefixes' results, in as many steps as the length has bits (Blelloch, 1990): pairs are combined, then scanned, then completed."""
    n = xs[0].sizes[axis]
    if n < 2:
        return xs
    odd = _prefixes(combine, combine([_part(x, axis, 0, n - 1, 2) for x in xs], [_part(x, axis, 1, n, 2) for x in xs]), axis)
    even = [_part(x, axis, 0, 1) for x in xs]
    if n > 2:
        later = combine([_part(y, axis, 0, (n - 1) // 2) for y in odd], [_part(x, axis, 2, n, 2) for x in xs])
        even = [concat([first, rest], axis) for first, rest in zip(even, later, strict=True)]
    return [_interleaved(a, b, axis) for a, b in zip(even, odd, strict=True)]


def _one_by_one(combine: Callable[..., Any], xs: list[Any], axis: int) -> list[Any]:
    """The same for a length that is unknown: one step after the other."""
    swaps = [[axis if d == 0 else 0 if d == axis else d for d in range(x.ndim)] for x in xs]
    rows = [expand_dims(transpose(x, swap), 1) for x, swap in zip(xs, swaps, strict=True)]
    first = [gather(r, 0, 0) for r in rows]

    def step(i: Any, carry: Any, row: Any) -> tuple[Any, Any]:
        back = [[transpose(t, swap) for t, swap in zip(part, swaps, strict=True)] for part in (carry, row)]
        found = [transpose(t, swap) for t, swap in zip(combine(*back), swaps, strict=True)]
        kept = [select(i < 1, r, t) for r, t in zip(row, found, strict=True)]
        return kept, kept

    ys = loop_over(step, first, rows)[1]
    return [transpose(reshape(y, (y.sizes[0], *y.sizes[2:])), swap) for y, swap in zip(ys, swaps, strict=True)]


@operation("core")
def associative_scan(f: Callable[..., Any], elems: ArrayTree, reverse: bool = False, axis: int = 0) -> ArrayTree:
    """The results of an associative function of two arguments for all prefixes along `axis`: x0, f(x0, x1), f(f(x0, x1), x2), ...

    Args:
        f: (structure, structure) -> structure; of many positions at once.
        elems: tensors, nested, of equal size along `axis`.
        reverse: whether to go from the end.
        axis: along which.

    Example:
        >>> associative_scan(lambda x, y: x + y, tf.range(5)).numpy()
        array([ 0,  1,  3,  6, 10], dtype=int32)
    """
    if not callable(f):
        raise TypeError(f"`f` should be a callable. Received: f={f}")
    xs = nest.flatten(elems)
    at = normalize_axis("associative_scan", axis, xs[0].ndim)
    if any(differ(x.sizes[at], xs[0].sizes[at]) for x in xs):
        raise ValueError("Array inputs to associative_scan must have the same first dimension, along which they are scanned. "
                         f"Received: {[str(x.shape) for x in xs]}, axis={axis}")  # fmt: skip

    def combine(a: list[Any], b: list[Any]) -> list[Any]:
        return [as_tensor(x) for x in nest.flatten(f(nest.pack(elems, a), nest.pack(elems, b)))]

    xs = [backwards(x, [at]) for x in xs] if reverse else xs
    scanned = (_one_by_one if isinstance(xs[0].sizes[at], Sym) else _prefixes)(combine, xs, at)
    return nest.pack(elems, [backwards(y, [at]) for y in scanned] if reverse else scanned)
