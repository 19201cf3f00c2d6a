"""Which nodes are computed inside their readers instead of being stored.

y = relu(x); z = y * 2; w = y + 1    ->    z and w compute relu(x) themselves: it is cheaper than to store and load y
"""

from __future__ import annotations

from tenfold.compiler.calls import TAKES_EPILOGUE
from tenfold.compiler.program import Uses, elements, is_unit_reshape, is_view, large, reducible, root
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import Kind

LONGEST = 40  # operations one inside the other
MANY_ROWS = 8  # in which what is dear is better read than computed again
CHEAP = 2  # instructions that may be computed again for every reader
DEAR = frozenset(
    "exp expm1 log log1p sin cos tan tanh sigmoid softplus pow erf erfc erfcinv erfinv hypot lgamma digamma sqrt rsqrt div atan2 random_bits".split()
)
SOURCES = frozenset(["iota", "sizes", "broadcast_to"])
WINDOWS = frozenset(["window_max", "window_sum", "window_argmax", "window_spread", "window_route", "window_pick", "gather",
                     "ellpack_product"])  # fmt: skip


def choose_inlined(graph: Graph, uses: Uses) -> set[Node]:
    """The nodes that are computed inside their readers."""
    inlined: set[Node] = set()
    cost: dict[Value, int] = {}
    depth: dict[Value, int] = {}  # of the expression that stands for a value
    for node in graph.nodes:
        if is_view(node):
            if is_unit_reshape(node) and _inlinable_readers(node.outputs[0], uses) and node.inputs[0] in uses.maker:
                inlined.add(node)
                cost[node.outputs[0]] = cost.get(node.inputs[0], 0)
                depth[node.outputs[0]] = depth.get(node.inputs[0], 0)
            continue
        if node not in uses.looped or reducible(node):
            continue
        v = node.outputs[0]
        readers = uses.readers[v]
        levels = 1 + max([depth.get(x, 0) for x in node.inputs], default=0)
        if not readers or levels > LONGEST or not _inlinable_readers(v, uses) or (_kept(v, uses) and not _unfolds(node)):
            continue
        price = sum([cost.get(x, 0) for x in node.inputs]) + _price(node)
        if price > CHEAP and (_along_columns(v, uses) or _ends_convolution(node, uses)):
            continue
        if (
            node.primitive.name in SOURCES
            or (len(readers) == 1 and not _repeats(readers[0], uses) and not _early(node, uses, inlined))
            or (price <= CHEAP and (len(readers) <= 4 or _one_source(node)) and not _may_end_contraction(node, uses))
        ):
            inlined.add(node)
            cost[v], depth[v] = price, levels
    _materialize_under_views(graph, uses, inlined)
    return inlined


def _kept(v: Value, uses: Uses) -> bool:
    """Whether `v` is settled and something reads it that is not: then it is in memory from one run to the next."""
    return v in uses.settled and any(
        w not in uses.settled or (is_view(reader) and _kept(w, uses)) for reader in uses.readers[v] for w in reader.outputs
    )


def _unfolds(node: Node) -> bool:
    """Whether the result is so much larger than what it is made of that reading it takes longer than making it again."""
    made = elements(node.outputs[0]) * node.outputs[0].spec.dtype.size
    return large(node.outputs[0]) and made >= 4 * sum(elements(x) * x.spec.dtype.size for x in node.inputs)


def _one_source(node: Node) -> bool:
    """Whether to read what the node reads costs no more than to read its result."""
    size = elements(node.outputs[0])
    return sum(elements(x) * MANY_ROWS > size for x in node.inputs) == 1


def _along_columns(v: Value, uses: Uses) -> bool:
    """Whether all readers need each element of `v` in many rows (the factors of a normalization by channel)."""
    size, shape = elements(v), v.spec.shape
    return (
        bool(shape)
        and shape[-1] == size > 1
        and all(elements(w) >= MANY_ROWS * size if not is_view(r) else _along_columns(w, uses) for r in uses.readers[v] for w in r.outputs)
    )


def _may_end_contraction(node: Node, uses: Uses) -> bool:
    """Whether the node can be computed where a contraction stores its tiles, and so costs no memory traffic at all."""
    shape = node.outputs[0].spec.shape
    for _ in range(LONGEST):
        makers = [uses.maker.get(x) for x in node.inputs if x.spec.shape == shape and uses.single_reader(x)]
        before = next((m for m in makers if m is not None and (m.primitive.kind is Kind.ELEMENTWISE or m.primitive.name in TAKES_EPILOGUE)), None)
        if before is None or before.primitive.name in TAKES_EPILOGUE:
            return before is not None
        node = before
    return False


def _ends_convolution(node: Node, uses: Uses) -> bool:
    """Whether the node finds maxima over windows, or their places, which a convolution may do by itself, after what follows it."""
    maker = uses.maker.get(node.inputs[0]) if node.primitive.name in ("window_max", "window_argmax") else None
    return maker is not None and (maker.primitive.name in TAKES_EPILOGUE or _may_end_contraction(maker, uses))


def _early(node: Node, uses: Uses, inlined: set[Node]) -> bool:
    """Whether the result, which the end of a product reads, is better made before and kept: it is made of several tensors of its size,
    of which one is made from elements for elements alone, where it can be made as well, and then need not be kept itself."""
    v, reader = node.outputs[0], uses.readers[node.outputs[0]][0]
    if not large(v) or reader.primitive.kind is not Kind.ELEMENTWISE or reader.outputs[0].spec.shape != v.spec.shape:
        return False
    makers = [uses.maker.get(root(x, uses)) for x in reader.inputs if x is not v]
    if not any(m is not None and m.primitive.name in TAKES_EPILOGUE for m in makers):
        return False
    read = {x for x in _read(node, uses, inlined) if x.spec.shape == v.spec.shape}
    return len(read) > 1 and any(_between(x, uses) for x in read)


def _read(node: Node, uses: Uses, inlined: set[Node]) -> list[Value]:
    """The values in memory that the node is made of."""
    found: list[Value] = []
    for x in node.inputs:
        maker = uses.maker.get(x)
        found += _read(maker, uses, inlined) if maker in inlined and maker is not None else [x]
    return found


def _between(v: Value, uses: Uses) -> bool:
    """Whether `v` is made of elements and read for elements of its shape."""
    maker, around = uses.maker.get(v), uses.readers[v]
    nodes = [maker, *around] if maker is not None else []
    return bool(nodes) and all(n.primitive.kind is Kind.ELEMENTWISE and n.outputs[0].spec.shape == v.spec.shape for n in nodes)


def _price(node: Node) -> int:
    name = node.primitive.name
    if name in SOURCES:
        return 0
    return 8 if name in DEAR or name in WINDOWS or name == "concat" else 1


def _repeats(reader: Node, uses: Uses) -> bool:
    """Whether `reader` reads each element several times, so that its operand should be in memory."""
    if is_view(reader):
        return any(_repeats(r, uses) for r in uses.readers[reader.outputs[0]])
    return reader.primitive.name in WINDOWS


def _inlinable_readers(v: Value, uses: Uses) -> bool:
    """Whether kernels made from loops read `v`, and nothing else does."""
    if v in uses.outputs:
        return False
    for reader in uses.readers[v]:
        if is_view(reader):
            if not is_unit_reshape(reader) or not _inlinable_readers(reader.outputs[0], uses):
                return False
        elif reader not in uses.looped:
            return False
    return True


def _materialize_under_views(graph: Graph, uses: Uses, inlined: set[Node]) -> None:
    """What a true reshape renames must be in memory."""
    for node in graph.nodes:
        if is_view(node) and node not in inlined:
            maker = uses.maker.get(node.inputs[0])
            while maker is not None and maker in inlined:
                inlined.discard(maker)
                maker = uses.maker.get(maker.inputs[0]) if is_view(maker) else None
