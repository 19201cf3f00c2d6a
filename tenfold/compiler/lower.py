"""Groups -> kernel calls: loop nests for maps, reductions and scatters."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

from tenfold.compiler.expressions import Builder, compute_dtype, looped
from tenfold.compiler.parts import in_parts
from tenfold.compiler.program import Group, Uses, element_type, known, reducible, squeezed
from tenfold.compiler.windows import in_windows, window_stores, windows_of
from tenfold.core import dtypes
from tenfold.core.dtypes import DType
from tenfold.ir.graph import Node, Value, make
from tenfold.ir.primitive import Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Expr, Kernel, Reduction, Stage, Store

TASK_ELEMENTS = 1 << 14  # about how many elements one task computes
LIGHT = 50  # instructions of an element that counts once
FEW = 3  # reads and writes of an element that counts once
SHORT = 32  # elements of a row: a sweep over fewer takes as long
SPLIT_ABOVE = 1 << 16  # reductions of more elements than this are split when their results are few


@dataclass(frozen=True, slots=True, eq=False)
class Scratch:
    """Memory that one call needs for itself, or that passes between the calls of one group."""

    nbytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One launch: `code` is a Kernel, another kernel source, or a Python function; args are values, scratch memory and integers.

    `reads` and `writes` name all memory that it uses but tables of positions. `nodes` are what its group computes; the calls of one
    group share the tuple. `listing`: the table, and the words of an entry, that says where the rows of the first argument are, see
    `kernel.contraction.Launch`.
    """

    code: Any
    tasks: int
    args: tuple[Any, ...]
    reads: tuple[Value | Scratch, ...]
    writes: tuple[Value | Scratch, ...]
    name: str
    nodes: tuple[Node, ...] = ()
    listing: tuple[Value, int] | None = None


Make = Callable[[Builder], list[Stage]]


def build(
    uses: Uses, inside: set[Node], sizes: Sequence[int], classes: Sequence[int], make_stages: Make, split: int | None = None
) -> tuple[Builder, list[Stage]]:
    """Both passes of the expression builder; `split` gives the outermost reduced axis a new outer axis, of that many pieces."""
    probe = Builder(uses, inside, sizes)
    for expr in loops.walk(*_roots(make_stages(probe))):
        if expr.op == "axis":
            probe.runs.escaped.add(expr.attr)
    axes = probe.runs.merged(looped(sizes), classes)
    builder = Builder(uses, inside, sizes, axes)
    return builder, make_stages(builder) if split is None else _split_stages(builder, classes, make_stages, split)


def _roots(stages: Sequence[Stage]) -> list[Expr]:
    found = []
    for stage in stages:
        found += [r.value for r in stage.reductions]
        for s in stage.stores:
            found += [s.index, s.value, *([s.guard] if s.guard is not None else [])]
    return found


def _split_stages(builder: Builder, classes: Sequence[int], make_stages: Make, pieces: int) -> list[Stage]:
    """The first reduced axis cut into `pieces`: position = piece * length + position inside the piece."""
    number = next(i for i, members in enumerate(builder.axes or ()) if classes[members[0]] == 1)
    extent = builder.params[builder.extents[number].attr]
    length = -(-extent // pieces)
    piece, inner = loops.axis(len(builder.axes or ())), loops.axis(number)
    size = builder.integer("piece", length)
    position = piece * size + inner
    whole = builder.extents[number]
    even = length * pieces == extent  # the last pieces may be short, or empty
    builder.split = (number, piece, size, builder.integer("pieces", pieces), None if even else position < whole)
    builder.replace_position(number, position if even else loops.binary("min", position, whole - 1))
    return make_stages(builder)


# --- maps ---


def lower_map(group: Group, uses: Uses) -> list[Call]:
    """A sweep over the space, storing every value that others need; one more for each other space whose parts or windows are stored."""
    inside = set(group.nodes)
    pieces = [piece for v in group.stored for piece in _pieces(v, uses.maker[v], group.space)]
    calls = []
    for space in dict.fromkeys(space for space, _ in pieces):
        here = [make for other, make in pieces if other == space]
        stages = partial(_map_stages, here)
        builder, made = build(uses, inside, space, [0] * len(space), stages)
        outer = tuple(range(len(builder.axes or ())))
        calls.append(_call(builder, outer, outer[-1] if outer else None, made, group))
    return calls


def _map_stages(pieces: list[Callable[[Builder], list[Store]]], b: Builder) -> list[Stage]:
    return [Stage((), (), tuple([store for make in pieces for store in make(b)]))]


def _pieces(v: Value, node: Node, space: tuple[Any, ...]) -> list[tuple[tuple[Any, ...], Callable[[Builder], list[Store]]]]:
    """What stores `v`, the result of `node`: spaces, and what is stored at a position of each."""
    if in_windows(node):
        return [(windows_of(node), partial(window_stores, node))]
    if not in_parts(node):
        return [(space, partial(_element_store, v, space))]
    axis = node.attrs["axis"]
    ends = accumulate(known(x)[axis] for x in node.inputs)
    return [(known(x), partial(_part_store, x, v, axis, end - known(x)[axis])) for x, end in zip(node.inputs, ends, strict=True)]


def _element_store(v: Value, space: Sequence[int], b: Builder) -> list[Store]:
    index = _index_for(v.spec.shape, space, b.dims)
    return [Store(b.buffer(v), b.linear(v, index), loops.cast(b.element(v, index), v.spec.dtype))]


def _part_store(x: Value, whole: Value, axis: int, start: int, b: Builder) -> list[Store]:
    """The element of part `x` where it belongs in the concatenation."""
    index = [i + b.integer(("start", whole, start), start) if d == axis else i for d, i in enumerate(b.dims)]
    return [Store(b.buffer(whole), b.linear(whole, index), loops.cast(b.element(x, b.dims), whole.spec.dtype))]


def _index_for(shape: Sequence[Any], space: Sequence[Any], dims: Sequence[Expr]) -> list[Expr]:
    """The index into a value of `shape`, equal to `space` but for sizes of 1."""
    if tuple(shape) == tuple(space):
        return list(dims)
    moving = iter([i for i, n in zip(dims, space, strict=True) if n != 1])
    zero = loops.const(0, dtypes.int64)
    return [zero if n == 1 else next(moving) for n in shape]


def _call(b: Builder, outer: Sequence[int], vector: int | None, stages: list[Stage], group: Group) -> Call:
    extents = list(b.extents)
    if b.split is not None:
        number, _, size, pieces, _ = b.split
        extents[number] = size
        extents.append(pieces)
    stored = set(group.stored)
    kernel = Kernel(tuple(map(element_type, b.buffers)), len(b.params), tuple(extents), tuple(outer), vector, tuple(stages))
    sizes = [b.params[e.attr] for e in extents]
    weighed = list(sizes)
    if vector is not None and vector not in outer:
        weighed[vector] = max(sizes[vector], SHORT * sum(vector in stage.axes for stage in stages))
    grain, tasks = cut(weighed, outer, vector, _effort(stages))
    reads = tuple(v for v in b.buffers if v not in stored)
    return Call(kernel, tasks, (*b.buffers, *b.params, grain), reads, tuple(group.stored), "+".join(n.primitive.name for n in group.nodes[:6]))


def _effort(stages: Sequence[Stage]) -> int:
    """How many times dearer than a plain one an element is: kernels full of exponentials, or of operands, are worth sharing when they are
    small."""
    found = list(loops.walk(*_roots(stages)))
    accesses = sum(e.op == "load" for e in found) + sum(len(stage.stores) for stage in stages)
    return max(1, len(found) // LIGHT, accesses // FEW)


def cut(sizes: Sequence[int], outer: Sequence[int], vector: int | None, effort: int = 1) -> tuple[int, int]:
    """(grain, tasks): how many outer iterations make one task, by shape and kernel alone."""
    if any(sizes[a] == 0 for a in outer):
        return 1, 0
    total = math.prod(max(n, 1) for n in sizes) * effort  # a reduction of nothing has results to store too
    spread = [a for a in outer if a != vector]
    if not spread and vector in outer:
        n = sizes[vector]  # type: ignore[index]
        grain = -(-max(TASK_ELEMENTS * n // total, n // 64, 1) // 64) * 64
        return grain, -(-n // grain)
    iterations = math.prod(sizes[a] for a in spread)
    tasks = -(-iterations // max(TASK_ELEMENTS * iterations // total, iterations // 64, 1))
    grain = -(-iterations // tasks)  # about alike, so that the last one is not much shorter
    return grain, -(-iterations // grain)


# --- reductions ---


def split_pieces(space: Sequence[int], reduced: Sequence[int]) -> int | None:
    """Into how many pieces a large reduction with few results is cut; None: not at all."""
    kept = math.prod(n for d, n in enumerate(space) if d not in reduced)
    total = math.prod(space)
    units = kept if is_rows(space, reduced) else -(-kept // 64)
    if total < SPLIT_ABOVE or units >= 8:
        return None
    first = space[reduced[0]]
    wanted = min(64, max(2, total // TASK_ELEMENTS))
    for pieces in range(min(wanted, first), 1, -1):
        if first % pieces == 0 and pieces * 2 > wanted:
            return pieces
    return min(wanted, first) if first > 1 else None


def is_rows(space: Sequence[int], reduced: Sequence[int]) -> bool:
    """Whether the last dim (but for sizes of 1) is reduced."""
    real = [d for d in range(len(space)) if space[d] != 1]
    return not real or real[-1] in reduced


def lower_reduce(group: Group, uses: Uses) -> list[Call]:
    """Reductions of one space, with the elementwise work before, between and after them."""
    pieces = split_pieces(group.space, group.reduced)
    if pieces is not None:
        return _lower_split(group, uses, pieces)
    inside = set(group.nodes)
    classes = [1 if d in group.reduced else 0 for d in range(len(group.space))]
    builder, stages = build(uses, inside, group.space, classes, lambda b: reduce_stages(group, uses, b, classes))
    return [_reduce_call(builder, stages, group, classes)]


def _reduce_call(b: Builder, stages: list[Stage], group: Group, classes: Sequence[int]) -> Call:
    axes = b.axes or []
    kept = [i for i, members in enumerate(axes) if classes[members[0]] == 0]
    inner = [i for i, members in enumerate(axes) if classes[members[0]] == 1]
    if b.split is not None:
        kept = [len(axes), *kept]
    rows = is_rows(group.space, group.reduced)
    vector = (inner[-1] if inner else None) if rows else kept[-1] if kept else None
    return _call(b, kept, vector, stages, group)


def reduce_stages(group: Group, uses: Uses, b: Builder, classes: Sequence[int]) -> list[Stage]:
    """Sweeps over the reduced axes, as many as reductions depend on each other, and last the stores of what is kept."""
    level_of = levels(group)
    kept_dims = [i for i, c in zip(b.dims, classes, strict=True) if c == 0]
    kept_space = [n for n, c in zip(group.space, classes, strict=True) if c == 0]
    inner = tuple(i for i, members in enumerate(b.axes or ()) if classes[members[0]] == 1)
    per_row = {v for v in group.stored if is_kept(v, group)}
    stages: list[Stage] = []
    for level in range(max(level_of.values(), default=0) + 1):
        reductions, results = [], []
        for node in group.nodes:
            x = node.inputs[0] if node.inputs else None
            if reducible(node) and x is not None and level_of.get(x, 0) == level:
                index = _index_for(x.spec.shape, group.space, b.dims)
                reductions.append(Reduction(node.primitive.lower, _in_piece(b, b.element(x, index), node.primitive.lower)))
                results.append(node.outputs[0])
        stores = []
        for v in group.stored:
            if v not in per_row and level_of.get(v, 0) == level:
                index = _index_for(v.spec.shape, group.space, b.dims)
                stores.append(Store(b.buffer(v), b.linear(v, index), loops.cast(b.element(v, index), v.spec.dtype)))
        if reductions or stores:
            for k, (v, r) in enumerate(zip(results, reductions, strict=True)):
                b.results[v] = loops.result(len(stages), k, r.value.dtype)
            stages.append(Stage(inner, tuple(reductions), tuple(stores)))
    last = []
    for v in group.stored:
        if v in per_row:
            index = _index_for(v.spec.shape, kept_space, kept_dims)
            last.append(Store(b.buffer(v), b.linear(v, index), loops.cast(b.element(v, index), v.spec.dtype)))
    return [*stages, Stage((), (), tuple(last))] if last else stages


def _in_piece(b: Builder, value: Expr, op: str) -> Expr:
    """`value`, or what changes nothing where the last piece is shorter than the others."""
    if b.split is None or b.split[4] is None:
        return value
    return loops.select(b.split[4], value, neutral(op, value.dtype))


def neutral(op: str, dtype: DType) -> Any:
    """The element that a reduction ignores."""
    lowest = -math.inf if dtype.is_floating else dtype.min
    highest = math.inf if dtype.is_floating else dtype.max
    return {"sum": 0, "prod": 1, "max": lowest, "min": highest, "and": True, "or": False}[op]


def is_kept(v: Value, group: Group) -> bool:
    """Whether `v` has one element per result (and not one per element reduced)."""
    kept = tuple(n for d, n in enumerate(group.space) if d not in group.reduced)
    return squeezed(v.spec.shape) == squeezed(kept) and (squeezed(kept) != squeezed(group.space) or _after_reduction(v, group))


def _after_reduction(v: Value, group: Group) -> bool:
    made: set[Value] = set()
    for node in group.nodes:
        if not made.isdisjoint(node.inputs) or reducible(node):
            made.update(node.outputs)
    return v in made


def levels(group: Group) -> dict[Value, int]:
    """For each value, how many sweeps must come before it."""
    found: dict[Value, int] = {}
    for node in group.nodes:
        below = max([found.get(x, 0) for x in node.inputs], default=0) + reducible(node)
        for v in node.outputs:
            found[v] = below
    return found


def _lower_split(group: Group, uses: Uses, pieces: int) -> list[Call]:
    """Two kernels: partial results per piece, then their combination (a fixed tree: the pieces depend on the shape alone)."""
    classes = [1 if d in group.reduced else 0 for d in range(len(group.space))]
    reductions = [n for n in group.nodes if reducible(n)]
    before = [n for n in group.nodes if not reducible(n) and not any(is_kept(v, group) and _after_reduction(v, group) for v in n.outputs)]
    inside = set(before)
    partials: list[Value] = []
    for node in reductions:
        kept = node.outputs[0].spec.shape
        partials.append(Value(Spec((pieces, *kept), compute_dtype(node.outputs[0].spec.dtype))))
    phase = Group("reduce", before, group.space, group.reduced, partials)

    def stages(b: Builder) -> list[Stage]:
        found = []
        for node in reductions:
            x = node.inputs[0]
            value = b.element(x, _index_for(x.spec.shape, group.space, b.dims))
            found.append(Reduction(node.primitive.lower, _in_piece(b, value, node.primitive.lower)))
        inner = tuple(i for i, members in enumerate(b.axes or ()) if classes[members[0]] == 1)
        kept_dims = [i for i, c in zip(b.dims, classes, strict=True) if c == 0]
        piece = b.split[1] if b.split is not None else loops.const(0, dtypes.int64)
        stores = [
            Store(b.buffer(p), b.linear(p, [piece, *kept_dims]), loops.result(0, k, r.value.dtype))
            for k, (p, r) in enumerate(zip(partials, found, strict=True))
        ]
        return [Stage(inner, tuple(found)), Stage((), (), tuple(stores))]

    builder, made = build(uses, inside, group.space, classes, stages, pieces)
    first = _reduce_call(builder, made, phase, classes)
    second_nodes = []
    renamed: dict[Value, Value] = {}
    for node, part in zip(reductions, partials, strict=True):
        combined = make(node.primitive, [part], {"axes": (0,)})
        out = Value(Spec(node.outputs[0].spec.shape, part.spec.dtype))
        second_nodes.append(Node(combined.primitive, combined.inputs, (out,), combined.attrs, node.where))
        renamed[node.outputs[0]] = out
    after = _behind_reductions(group)
    return [first, _second_phase(group, uses, second_nodes, after, renamed, partials)]


def _behind_reductions(group: Group) -> list[Node]:
    """The nodes that stored values need besides the reductions, those too that only read what has one element per result."""
    needed = set(group.stored)
    found: list[Node] = []
    for node in reversed(group.nodes):
        if not reducible(node) and any(v in needed for v in node.outputs):
            found.append(node)
            needed.update(node.inputs)
    return found[::-1]


def pieces_of(group: Group, length: int) -> int:
    """How many pieces of `length` cover the first reduced dim."""
    size: int = group.space[group.reduced[0]]
    return -(-size // length)


def _second_phase(group: Group, uses: Uses, combine: list[Node], after: list[Node], renamed: dict[Value, Value], partials: list[Value]) -> Call:
    kept = tuple(n for d, n in enumerate(group.space) if d not in group.reduced)
    space = (partials[0].spec.shape[0], *kept)
    phase = Group("reduce", [*combine, *after], space, (0,), list(group.stored))
    classes = [1] + [0] * len(kept)
    originals = {v: k for k, v in renamed.items()}

    def stages(b: Builder) -> list[Stage]:
        found = []
        for k, node in enumerate(combine):
            found.append(Reduction(node.primitive.lower, b.element(node.inputs[0], b.dims)))
            b.results[originals[node.outputs[0]]] = loops.result(0, k, found[-1].value.dtype)
        inner = tuple(i for i, members in enumerate(b.axes or ()) if classes[members[0]] == 1)
        stores = []
        for v in group.stored:
            index = _index_for(v.spec.shape, kept, b.dims[1:])
            stores.append(Store(b.buffer(v), b.linear(v, index), loops.cast(b.element(v, index), v.spec.dtype)))
        return [Stage(inner, tuple(found)), Stage((), (), tuple(stores))]

    builder, made = build(uses, set(after), space, classes, stages)
    rows = not any(n != 1 for n in kept)
    axes = builder.axes or []
    kept_axes = [i for i, members in enumerate(axes) if classes[members[0]] == 0]
    inner = [i for i, members in enumerate(axes) if classes[members[0]] == 1]
    vector = (inner[-1] if inner else None) if rows or not kept_axes else kept_axes[-1]
    return _call(builder, kept_axes, vector, made, phase)
