"""vectorized_map: a function of one element becomes a function of a batch of them, primitive by primitive, by kind.

An elementwise primitive works on batches as it stands, once ranks are aligned; a reduction reduces the next axes; a matrix product takes
more leading dimensions. Any other primitive becomes a new one of the same kind whose first index runs over the batch: its lowering rule
is the old one with an index more, its oracle the old one row by row, its vjp the old vjp, batched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Size, differ
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind, Primitive, Spec
from tenfold.kernel.loops import Expr
from tenfold.primitives.contraction import integer_matmul, matmul
from tenfold.primitives.movement import broadcast_to, reshape
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.bind import bind
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.transform.trace import trace
from tenfold.transform.vjp import MULTIPLE

PRODUCTS: dict[str, Callable[..., Any]] = {"matmul": matmul, "integer_matmul": integer_matmul}


def vectorized_map(fn: Callable[..., Any], elems: Any, fallback_to_while_loop: bool = True, warn: bool = True) -> Any:
    """`fn` applied to each element along the first dimension of `elems`, for all of them at once; the results stacked.

    Args:
        fn: takes one element (with the structure of `elems`) and returns tensors, nested.
        elems: tensors of equal first size, nested.

    Example:
        >>> vectorized_map(lambda x: x * x, as_tensor([1, 2, 3])).numpy().tolist()
        [1, 4, 9]
    """
    tensors = [as_tensor(t) for t in nest.flatten(elems)]
    if not tensors or any(not t.sizes for t in tensors):
        raise InvalidArgumentError("[vectorized_map] elems must be tensors with a first dimension to map over; received a scalar or nothing.")
    size = tensors[0].sizes[0]
    if any(differ(t.sizes[0], size) for t in tensors):
        raise ShapeError(f"[vectorized_map] the first sizes differ: {[str(t.shape) for t in tensors]}.")
    specs = [Spec(t.sizes[1:], t.dtype) for t in tensors]
    traced = trace(lambda *rows: fn(nest.pack(elems, list(rows))), specs, "vectorized_map")
    if traced.written:
        raise InvalidArgumentError("[vectorized_map] fn must not assign to variables. Try tf.map_fn.")
    outside = [*traced.captured, *(v._as_kept() for v in traced.variables)]
    constants = {id(v): t for t, v in traced.constants}
    results = batch_graph(traced.graph, [*tensors, *outside], [True] * len(tensors) + [False] * len(outside), size, constants)
    return traced.pack([spread_out(t, size) if not batched else t for t, batched in results[: traced.results]])


Marked = tuple[Tensor, bool]  # a tensor, and whether its first dimension is the batch


def batch_graph(
    graph: Graph, tensors: Sequence[Tensor], batched: Sequence[bool], size: Size, constants: dict[int, Tensor] | None = None
) -> list[Marked]:
    """The graph's outputs for batches of inputs."""
    env: dict[int, Marked] = {id(v): (t, b) for v, t, b in zip(graph.inputs, tensors, batched, strict=True)}

    def get(v: Value) -> Marked:
        if id(v) not in env:
            outside = None if constants is None else constants.get(id(v))
            env[id(v)] = (wrap(v.constant) if outside is None else outside, False)
        return env[id(v)]

    for node in graph.nodes:
        out = batch_node(node, [get(v) for v in node.inputs], size)
        env.update((id(v), marked) for v, marked in zip(node.outputs, out, strict=True))
    return [get(v) for v in graph.outputs]


def spread_out(t: Tensor, size: Size) -> Any:
    """`t` once for every element of the batch."""
    return broadcast_to(reshape(t, (1, *t.sizes)), (size, *t.sizes))


def batch_node(node: Node, inputs: Sequence[Marked], size: Size) -> list[Marked]:
    """One primitive applied to batches."""
    p, attrs = node.primitive, dict(node.attrs)
    flags = tuple(b for _, b in inputs)
    if not any(flags) and p.pure:
        out = bind(p, *(t for t, _ in inputs), **attrs)
        return [(t, False) for t in (out if isinstance(out, tuple) else (out,))]
    if p.kind is Kind.ELEMENTWISE:
        rank = len(node.outputs[0].spec.shape)
        return [(bind(p, *(_align(t, rank) if b else t for t, b in inputs), **attrs), True)]
    if p.kind is Kind.REDUCTION:
        return [(bind(p, inputs[0][0], **{**attrs, "axes": tuple(a + 1 for a in attrs["axes"])}), True)]
    if p.name == "reshape":
        return [(reshape(inputs[0][0], (size, *attrs["shape"])), True)]
    if p.name in PRODUCTS:
        a, b = (_rank_up(t, flag, size, v.spec) for (t, flag), v in zip(inputs, node.inputs, strict=True))
        return [(PRODUCTS[p.name](a, b, **attrs), True)]
    if p.kind is Kind.ATTENTION:
        return _batch_attention(node, inputs, size)
    out = bind(row_by_row(p, flags), *(t for t, _ in inputs), size=size, inner=_Attributes(attrs))
    return [(t, True) for t in (out if isinstance(out, tuple) else (out,))]


def _batch_attention(node: Node, inputs: Sequence[Marked], size: Size) -> list[Marked]:
    """The batch joins attention's own."""
    own = node.inputs[0].spec.shape[0]
    merged = []
    for t, flag in inputs:
        t = t if flag else spread_out(t, size)
        t = broadcast_to(t, (size, own, *t.sizes[2:]))
        merged.append(reshape(t, (size * own, *t.sizes[2:])))
    out = bind(node.primitive, *merged, **node.attrs)
    return [(reshape(t, (size, own, *t.sizes[1:])), True) for t in out]


def _align(t: Tensor, rank: int) -> Tensor:
    """A batch of tensors of lower rank than the result gets dimensions of size 1 after the first."""
    missing = rank - (t.ndim - 1)
    return reshape(t, (t.sizes[0], *(1,) * missing, *t.sizes[1:])) if missing else t


def _rank_up(t: Tensor, batched: bool, size: Size, spec: Spec) -> Tensor:
    return t if batched or len(spec.shape) == 2 else spread_out(t, size)


class _Attributes:
    """The attributes of the primitive that runs row by row."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values


@cache
def row_by_row(p: Primitive, flags: tuple[bool, ...]) -> Primitive:
    """The primitive that applies `p` to every row of the inputs that `flags` marks."""

    def rows(specs: Sequence[Spec]) -> list[Spec]:
        return [Spec(s.shape[1:], s.dtype) if b else s for s, b in zip(specs, flags, strict=True)]

    def spec(*specs: Spec, size: Size, inner: _Attributes) -> Any:
        out = p.spec(*rows(specs), **inner.values)
        return tuple(Spec((size, *s.shape), s.dtype) for s in out) if isinstance(out, tuple) else Spec((size, *out.shape), out.dtype)

    def oracle(*arrays: Any, size: int, inner: _Attributes) -> Any:
        results = [p.oracle(*(a[i] if b else a for a, b in zip(arrays, flags, strict=True)), **inner.values) for i in range(size)]
        if not results:
            empty = spec(*(Spec(a.shape, wrap(a).dtype) for a in arrays), size=0, inner=inner)
            made = tuple(np.zeros(s.shape, s.dtype.numpy) for s in (empty if isinstance(empty, tuple) else (empty,)))
            return made if isinstance(empty, tuple) else made[0]
        return tuple(np.stack(parts) for parts in zip(*results, strict=True)) if isinstance(results[0], tuple) else np.stack(results)

    def lower(k: Any, index: list[Expr], size: int, inner: _Attributes) -> Expr:
        return p.lower(_RowReader(k, index[0], flags), index[1:], **inner.values)  # type: ignore[no-any-return]

    def vjp(wanted: Sequence[bool], gs: Any, ys: Any, *xs: Tensor, size: Size, inner: _Attributes) -> list[Tensor | None]:
        return _row_vjp(p, flags, wanted, gs, ys, xs, size, inner.values)

    indexed = p.kind is Kind.INDEXED and p.lower is not None
    made = Primitive(
        f"rows_of_{p.name}", Kind.INDEXED if indexed else Kind.HOST, spec, oracle, vjp if p.vjp else None, lower if indexed else None, p.dtypes
    )
    if p.name in MULTIPLE:
        MULTIPLE.add(made.name)
    return made


class _RowReader:
    """What a lowering rule sees of one row of the batch."""

    def __init__(self, k: Any, row: Expr, flags: tuple[bool, ...]) -> None:
        self._k, self._row, self._flags = k, row, flags
        self.inputs = k.inputs
        self.out_sizes = k.out_sizes[1:]
        self.int = k.int

    def read(self, i: int, index: Sequence[Expr], guard: Expr | None = None) -> Any:
        """The element of input `i` in this row."""
        return self._k.read(i, [self._row, *index] if self._flags[i] else index, guard)

    def sizes(self, i: int) -> Any:
        """The shape of input `i` without the batch."""
        return self._k.sizes(i)[1:] if self._flags[i] else self._k.sizes(i)

    def shape(self, i: int) -> Any:
        """The same as run-time integers."""
        return self._k.shape(i)[1:] if self._flags[i] else self._k.shape(i)


def _row_vjp(
    p: Primitive, flags: Sequence[bool], wanted: Sequence[bool], gs: Any, ys: Any, xs: Sequence[Tensor], size: Size, attrs: Any
) -> list[Tensor | None]:
    """The vjp of one row, batched; what all rows share gets the sum over them."""
    many = isinstance(ys, tuple)
    g_list, y_list = (list(gs), list(ys)) if many else ([gs], [ys])
    count = len(g_list)
    present: list[bool] = []

    def row(*rows: Tensor) -> list[Tensor]:
        g, y, x = rows[:count], rows[count : 2 * count], rows[2 * count :]
        found = p.vjp(wanted, g if many else g[0], y if many else y[0], *x, **attrs)  # type: ignore[misc]
        present[:] = [f is not None for f in found]
        return [f for f in found if f is not None]

    inputs = [*g_list, *y_list, *xs]
    batched = [True] * (2 * count) + list(flags)
    specs = [Spec(t.sizes[1:], t.dtype) if b else t.spec for t, b in zip(inputs, batched, strict=True)]
    traced = trace(row, specs, f"gradient of {p.name}")
    results = iter(batch_graph(traced.graph, inputs, batched, size, {id(v): t for t, v in traced.constants}))
    cotangents: list[Tensor | None] = []
    for there, flag in zip(present, flags, strict=True):
        if not there:
            cotangents.append(None)
            continue
        t, is_batched = next(results)
        full = t if is_batched else spread_out(t, size)
        cotangents.append(full if flag else sum_(full, 0))
    return cotangents
