"""Nodes -> Exprs: what one element of a value is, as a function of the kernel's loop axes.

A kernel's *dims* are the sizes that it iterates over, one per dimension of the values it computes. Neighbouring dims over which every
operand runs in step become one loop *axis*: a first pass (`Probe`) finds out which, a second (`Builder`) makes the expressions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tenfold.compiler.program import HALF, Uses, is_unit_reshape, is_view, root
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.ir.graph import Node, Value
from tenfold.ir.primitive import Kind
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr

ZERO = loops.const(0, dtypes.int64)


def wide(x: Expr) -> Expr:
    """Half-precision values are computed with in float32."""
    return loops.cast(x, dtypes.float32) if x.dtype.name in HALF else x


def compute_dtype(dtype: DType) -> DType:
    """The type in which kernels compute values of `dtype`."""
    return dtypes.float32 if dtype.name in HALF else dtype


@dataclass(slots=True)
class Runs:
    """What the first pass learns: where each operand runs along dims in step, and dims that are used in any other way."""

    patterns: list[tuple[int | None, ...]] = field(default_factory=list)
    escaped: set[int] = field(default_factory=set)

    def merged(self, dims: Sequence[int], classes: Sequence[int]) -> list[list[int]]:
        """`dims` in order, grouped into axes."""
        axes: list[list[int]] = []
        for before, d in zip((None, *dims), dims, strict=False):
            together = before is not None and classes[d] == classes[before] and not {d, before} & self.escaped
            if together and all(_in_step(p, before, d) for p in self.patterns):  # type: ignore[arg-type]
                axes[-1].append(d)
            else:
                axes.append([d])
        return axes


def _in_step(pattern: tuple[int | None, ...], before: int, d: int) -> bool:
    if d not in pattern or before not in pattern:
        return d not in pattern and before not in pattern
    return pattern.index(d) == pattern.index(before) + 1


def looped(sizes: Sequence[int]) -> list[int]:
    """The dims that need a loop: all but those of size 1. (The first has one anyway, so that kernels do not depend on a batch of 1.)"""
    return [d for d, n in enumerate(sizes) if n != 1 or d == 0]


class Builder:
    """Makes the expressions of one kernel, collecting its buffers and run-time integers on the way.

    Args:
        uses: the graph.
        inside: the nodes that the kernel computes; all other values are loaded.
        sizes: the dims.
        axes: which dims form each axis; None for the first pass.
    """

    def __init__(self, uses: Uses, inside: set[Node], sizes: Sequence[int], axes: list[list[int]] | None = None) -> None:
        self.uses = uses
        self.inside = inside
        self.sizes = tuple(sizes)
        self.axes = axes
        self.buffers: list[Value] = []
        self.params: list[int] = []
        self.runs = Runs()
        self.results: dict[Value, Expr] = {}  # reductions of earlier stages
        self.split: tuple[int, Expr, Expr, Expr, Expr | None] | None = None  # (axis, piece, its length, pieces, inside the axis?)
        self._memo: dict[Any, tuple[Expr, Any]] = {}
        self._numbers: dict[Any, Expr] = {}
        self._dim_of: dict[int, int] = {}
        real = looped(self.sizes)
        self.dims = [loops.axis(d) if d in real else ZERO for d in range(len(sizes))]
        self.extents: list[Expr] = []
        self.positions: list[Expr] = [loops.axis(number) for number in range(len(axes or ()))]  # in each axis
        if axes is not None:
            for number, members in enumerate(axes):
                extent = 1
                for d in members:
                    extent *= self.sizes[d]
                self.extents.append(self.integer(("axis", number), extent))
                if len(members) == 1:
                    self.dims[members[0]] = self.positions[number]
            self._axis_of = {d: number for number, members in enumerate(axes) for d in members}
        self._dim_of = {id(e): d for d, e in enumerate(self.dims) if e is not ZERO}

    def replace_position(self, number: int, position: Expr) -> None:
        """Makes the loop over axis `number` stand for `position`."""
        self.positions[number] = position
        members = (self.axes or [])[number]
        if len(members) == 1:
            self.dims[members[0]] = position
        self._dim_of.update({id(self.dims[d]): d for d in members})

    # --- integers and buffers ---
    def integer(self, key: Any, value: int) -> Expr:
        """A run-time integer; equal keys share one."""
        if key not in self._numbers:
            self._numbers[key] = loops.param(len(self.params))
            self.params.append(value)
        return self._numbers[key]

    def buffer(self, value: Value) -> int:
        """The number of the buffer that holds `value`."""
        for number, known in enumerate(self.buffers):
            if known is value:
                return number
        self.buffers.append(value)
        return len(self.buffers) - 1

    # --- elements ---
    def element(self, value: Value, index: Sequence[Expr], guard: Expr | None = None) -> Expr:
        """The element of `value` at `index`, in its computing type."""
        key = (value, tuple(id(i) for i in index), id(guard))
        if key not in self._memo:
            self._memo[key] = (self._element(value, list(index), guard), (value, tuple(index), guard))
        return self._memo[key][0]

    def _element(self, value: Value, index: list[Expr], guard: Expr | None) -> Expr:
        if value in self.results:
            return self.results[value]
        node = self.uses.maker.get(value)
        if node is None or node not in self.inside:
            return self._leaf(value, index, guard)
        if is_view(node):
            return self.element(node.inputs[0], unit_index(node, index), guard)
        if node.primitive.kind is Kind.ELEMENTWISE:
            return self._elementwise(node, index, guard)
        return wide(node.primitive.lower(Reader(self, node, guard), index, **node.attrs))

    def _elementwise(self, node: Node, index: list[Expr], guard: Expr | None) -> Expr:
        shape = node.outputs[0].spec.shape
        args = [self.element(x, aligned(x.spec.shape, shape, index), guard) for x in node.inputs]
        if node.primitive.name == "bitcast":
            args = [loops.cast(a, x.spec.dtype) for a, x in zip(args, node.inputs, strict=True)]
        return wide(node.primitive.lower(*args, **node.attrs))

    def _leaf(self, value: Value, index: list[Expr], guard: Expr | None) -> Expr:
        constant = value.constant
        if constant is not None and constant.size == 1 and not value.derived:
            return loops.const(constant.reshape(()).astype(compute_dtype(value.spec.dtype).numpy)[()].item(), compute_dtype(value.spec.dtype))
        number = self.buffer(root(value, self.uses))
        return wide(loops.load(number, self.linear(value, index), value.spec.dtype, guard))

    def linear(self, value: Value, index: Sequence[Expr]) -> Expr:
        """The position of element `index` in the buffer of `value`."""
        used = [(d, i) for d, i in enumerate(index) if value.spec.shape[d] != 1 or not _is_zero(i)]
        if self.axes is None:
            self.runs.patterns.append(tuple(self._dim_of.get(id(i)) for _, i in used))
            return sum((i for _, i in used if id(i) not in self._dim_of), start=ZERO)
        position: Expr | None = None
        at = 0
        while at < len(used):
            d, i = used[at]
            dim = self._dim_of.get(id(i))
            if dim is None:
                size, at = self._size(value, d), at + 1
            else:
                number = self._axis_of[dim]
                i, size, at = self.positions[number], self.extents[number], at + len(self.axes[number])
            position = i if position is None or _is_zero(position) else position * size + i
        return ZERO if position is None else position

    def _size(self, value: Value, d: int) -> Expr:
        return self.integer(("size", root(value, self.uses), value.spec.shape, d), value.spec.shape[d])  # type: ignore[arg-type]


class Reader:
    """What the lowering rule of an INDEXED primitive sees of its inputs."""

    def __init__(self, builder: Builder, node: Node, guard: Expr | None) -> None:
        self._builder, self._node, self._guard = builder, node, guard
        self.inputs = len(node.inputs)
        self.out_sizes = node.outputs[0].spec.shape

    def read(self, i: int, index: Sequence[Expr], guard: Expr | None = None) -> Expr:
        """The element of input `i` at `index`; 0 where `guard` is false."""
        both = guard if self._guard is None else self._guard if guard is None else self._guard & guard
        value = self._node.inputs[i]
        element = self._builder.element(value, index, both)
        return element if guard is None or element.op == "load" else loops.select(guard, element, 0)

    def sizes(self, i: int) -> tuple[int, ...]:
        """The shape of input `i`."""
        return self._node.inputs[i].spec.shape  # type: ignore[return-value]

    def shape(self, i: int) -> list[Expr]:
        """The shape of input `i` as run-time integers."""
        return [self._builder._size(self._node.inputs[i], d) for d in range(len(self.sizes(i)))]

    def int(self, n: int) -> Expr:
        """`n` as a run-time integer, so that kernels that differ only in it are one."""
        return loops.const(n, dtypes.int64) if n in (0, 1) else self._builder.integer(("int", self._node, n), n)


def _is_zero(index: Expr) -> bool:
    return index.op == "const" and index.attr == 0


def aligned(inner: Sequence[Any], outer: Sequence[Any], index: Sequence[Expr]) -> list[Expr]:
    """The index into an operand of shape `inner` that broadcasts to `outer`."""
    lead = len(outer) - len(inner)
    return [ZERO if n == 1 and outer[lead + d] != 1 else index[lead + d] for d, n in enumerate(inner)]


def unit_index(node: Node, index: Sequence[Expr]) -> list[Expr]:
    """The index before a reshape that only adds or drops dimensions of size 1."""
    assert is_unit_reshape(node)
    moving = iter([i for i, n in zip(index, node.outputs[0].spec.shape, strict=True) if n != 1])
    return [ZERO if n == 1 else next(moving) for n in node.inputs[0].spec.shape]
