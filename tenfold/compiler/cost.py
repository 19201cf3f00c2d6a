"""What a call costs by its shapes alone: arithmetic operations, bytes that must move, and which lines of the user's it serves.

    x @ w, (m, k) @ (k, n)    2 m n k operations; the bytes of x, w and the result
    relu(x + b)               2 operations for each element; x and b read once, the result written once
    x[ids]                    no operation; the rows that are read, at most the whole table, and the result

Bytes are what has to move if every element comes once: less than what really moves when data fall out of the cache in between, and the
measure that the roofline model asks for. Computing positions in memory does not count as operations.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tenfold.codegen.contraction import Source
from tenfold.compiler.lower import Call, Scratch
from tenfold.compiler.memory import nbytes
from tenfold.compiler.program import elements, known
from tenfold.ir.graph import GRADIENT, Node, Value
from tenfold.ir.primitive import Kind
from tenfold.kernel.contraction import SUM_ARGS, TILE_ARGS, Attend, Blocks, Depthwise, Sum, Tile
from tenfold.kernel.groups import Correlation
from tenfold.kernel.loops import Expr, Kernel, Store, walk

FREE = frozenset({"const", "axis", "param", "result", "load", "cast", "bitcast"})


@dataclass(frozen=True, slots=True)
class Cost:
    """Arithmetic operations and bytes of one launch."""

    flops: float
    nbytes: float


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from: the names of the layers, outermost first, whether it belongs to their gradient, and the user's line."""

    layers: tuple[str, ...] = ()
    backward: bool = False
    line: str = ""
    others: tuple[tuple[str, ...], ...] = ()  # layers whose work was fused into the same kernel


def costs(calls: Sequence[Call]) -> dict[int, Cost]:
    """The cost of each call by its id. A contraction's operations belong to its tiles, in proportion to their sizes."""
    tiles: dict[int, float] = defaultdict(float)
    for call in calls:
        if _multiplies(call):
            tiles[id(call.nodes)] += _products(call)
    found = {}
    for call in calls:
        if isinstance(call.code, Kernel):
            found[id(call)] = _KernelCost(call.code, call.args).total()
        elif isinstance(call.code, Source):
            flops = _epilogue_flops(call)
            if isinstance(call.code.description, Attend) and call.nodes:
                flops += attention_flops(call.nodes[0])
            if _multiplies(call) and call.nodes:
                flops += contraction_flops(call.nodes[0]) * _products(call) / tiles[id(call.nodes)]
            found[id(call)] = Cost(flops, _touched(call))
        else:
            found[id(call)] = Cost(0.0, _touched(call))
    return found


def contraction_flops(node: Node) -> float:
    """Multiplications and additions of a matrix product, a convolution or one of its gradients; margins count as they do in papers."""
    a, b = (known(v) for v in node.inputs[:2])
    out = known(node.outputs[0])
    match node.primitive.name:
        case "matmul" | "integer_matmul":
            return 2.0 * math.prod(out) * a[-2 if node.attrs.get("transpose_a") else -1]
        case "convolution" | "convolution_input_gradient":  # (x, w) or (gradient, w): for each output of the convolution, its window
            return 2.0 * math.prod(out if node.primitive.name == "convolution" else a) * math.prod(b[:-1])
        case _:  # (x, gradient) -> w
            window: tuple[int, ...] = node.attrs.get("window", ())
            return 2.0 * math.prod(b) * math.prod(out[:-1]) * math.prod(window)


def _multiplies(call: Call) -> bool:
    return isinstance(call.code, Source) and isinstance(call.code.description, (Tile, Blocks, Depthwise, Correlation))


def attention_flops(node: Node) -> float:
    """Multiplications and additions of attention's products: two, or five in the gradient; of half the scores where it is causal."""
    (batch, queries, heads, size), (_, keys, _, value_size) = known(node.inputs[0]), known(node.inputs[2])
    back = node.primitive.name == "attention_gradient"
    scores = batch * heads * (queries * keys if not node.attrs["causal"] else sum(min(i + 1, keys) for i in range(queries)))
    return 2.0 * scores * (3 * size + 2 * value_size if back else size + value_size)


def _products(call: Call) -> float:
    """How many products a kernel adds, margins and all, or in what proportion to others of the same node: a direct convolution's take equal
    positions with different taps."""
    if isinstance(call.code.description, (Depthwise, Correlation)):
        return float(max(math.prod(call.code.description.taps), 1))
    if isinstance(call.code.description, Blocks):
        return 1.0  # all of its node's
    at = dict(zip(TILE_ARGS, call.args, strict=False))
    batch = call.tasks / max(at["m_tasks"] * at["n_tasks"] * at["pieces"], 1)
    return float(max(at["m"] * at["n"] * at["k"] * batch, 1))


def _epilogue_flops(call: Call) -> float:
    """What is done to each element of the result besides the products: partial results added, and the epilogue."""
    description = call.code.description
    epilogue = getattr(description, "epilogue", None)
    each = call.args[SUM_ARGS.index("pieces")] if isinstance(description, Sum) else 0
    return float(sum(elements(v) for v in call.writes if isinstance(v, Value)) * (each + (_arithmetic(epilogue.value) if epilogue else 0)))


def _touched(call: Call) -> float:
    """The bytes of all buffers that a call is given, tables of positions excepted."""
    found: dict[int, int] = {}
    mine = {id(v) for v in (*call.reads, *call.writes)}
    for arg in call.args:
        thing = arg[0] if isinstance(arg, tuple) else arg
        if isinstance(thing, Scratch):
            found[id(thing)] = thing.nbytes
        elif isinstance(thing, Value) and (id(thing) in mine or thing.constant is None):
            found[id(thing)] = nbytes(thing)
    return float(sum(found.values()))


# --- loop nests ---


def counts(e: Expr) -> bool:
    """Whether an instruction is arithmetic on elements: not on positions, nor on truth values."""
    if e.op in FREE:
        return False
    operand = e.args[-1] if e.op == "select" else e.args[0]
    return operand.dtype.name not in ("int64", "bool")


def _arithmetic(value: Expr) -> int:
    return sum(2 if e.op == "fma" else 1 for e in _computed(value) if counts(e))


def _computed(*roots: Expr) -> Iterator[Expr]:
    """Every distinct Expr of a value, without those that only say where to load from."""
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        e = stack.pop()
        if id(e) not in seen:
            seen.add(id(e))
            yield e
            if e.op != "load":
                stack.extend(e.args)


class _KernelCost:
    """Counts the instructions and the bytes of one launch of a loop nest."""

    def __init__(self, kernel: Kernel, args: Sequence[Any]) -> None:
        self.kernel = kernel
        self.buffers = args[: len(kernel.buffers)]
        params = args[len(kernel.buffers) :]
        self.sizes = [int(e.attr if e.op == "const" else params[e.attr]) for e in kernel.extents]
        self.moved: dict[tuple[int, bool], float] = defaultdict(float)  # (buffer, whether written) -> bytes
        self.axes: dict[int, frozenset[int]] = {}
        self.counted: set[int] = set()
        self.flops = 0.0

    def total(self) -> Cost:
        """The cost of all stages."""
        for stage in self.kernel.stages:
            loops = (*self.kernel.outer, *stage.axes)
            self._follow([r.value for r in stage.reductions])
            self._follow([e for s in stage.stores for e in (s.index, s.value, *([s.guard] if s.guard else []))])
            every = math.prod(self.sizes[a] for a in loops)
            self.flops += every * sum(r.value.dtype.name not in ("int64", "bool") for r in stage.reductions)
            for e in _computed(*(r.value for r in stage.reductions), *(s.value for s in stage.stores)):
                if counts(e) and id(e) not in self.counted:
                    self.counted.add(id(e))
                    self.flops += (2 if e.op == "fma" else 1) * self._times(e, loops)
            for store in stage.stores:
                self._store(store, loops)
        return Cost(self.flops, sum(min(n, self._size(b)) for (b, _), n in self.moved.items()))

    def _follow(self, roots: list[Expr]) -> None:
        """Which axes each expression varies with, and what it loads."""
        for e in walk(*roots):
            if id(e) in self.axes:
                continue
            below = frozenset[int]().union(*(self.axes[id(a)] for a in e.args))
            own = frozenset({e.attr}) if e.op == "axis" else frozenset(self.kernel.outer) if e.op == "result" else frozenset()
            self.axes[id(e)] = below | own
            if e.op == "load":
                self.moved[e.attr, False] += math.prod(self.sizes[a] for a in below) * e.dtype.size

    def _times(self, e: Expr, loops: Sequence[int]) -> int:
        """How often an instruction runs: in the innermost of the loops that it varies with."""
        depth = max((i + 1 for i, a in enumerate(loops) if a in self.axes[id(e)]), default=0)
        return math.prod(self.sizes[a] for a in loops[:depth])

    def _store(self, store: Store, loops: Sequence[int]) -> None:
        size = math.prod(self.sizes[a] for a in self.axes[id(store.index)]) * store.value.dtype.size
        self.moved[store.buffer, True] += size
        if store.accumulate:
            self.moved[store.buffer, False] += size
            self.flops += math.prod(self.sizes[a] for a in loops)

    def _size(self, buffer: int) -> float:
        thing = self.buffers[buffer]
        thing = thing[0] if isinstance(thing, tuple) else thing
        return float(thing.nbytes if isinstance(thing, Scratch) else nbytes(thing) if isinstance(thing, Value) else math.inf)


# --- where it comes from ---


def origin(call: Call) -> Origin:
    """The layer that most of a call's nodes come from; a contraction's own where there is one."""
    if not call.nodes:
        return Origin()
    weights: dict[tuple[tuple[str, ...], bool], float] = defaultdict(float)
    lines: dict[Any, str] = {}
    for node in call.nodes:
        layers, backward, line = parse(node.where)
        heavy = node.primitive.kind in (Kind.CONTRACTION, Kind.ATTENTION)
        size = math.inf if heavy else float(sum(elements(v) for v in (*node.inputs, *node.outputs)))
        weights[layers, backward] += size if layers else size * 1e-6
        lines.setdefault((layers, backward), line)
    best = max(weights, key=lambda k: weights[k])
    others = tuple(dict.fromkeys(layers for layers, _ in weights if layers and layers != best[0]))
    return Origin(*best, lines[best], others)


def parse(where: str) -> tuple[tuple[str, ...], bool, str]:
    """The layers, whether it is a gradient, and the line, from a node's `where`.

    Example:
        >>> parse("gradient of train.py:7 in step, layer model/dense")
        (('model', 'dense'), True, 'train.py:7 in step')
    """
    backward = where.startswith(GRADIENT)
    text = where.removeprefix(GRADIENT)
    line, mark, layers = text.rpartition(", layer ")
    return (tuple(layers.split("/")), backward, line) if mark else ((), backward, text)
