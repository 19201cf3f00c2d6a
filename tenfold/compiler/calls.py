"""Single nodes -> calls: contractions, scatters, host functions and checks."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tenfold.codegen import contraction as kernels
from tenfold.codegen.contraction import AttentionSpec, ConvSpec, Epilogue, Operand, Pooling, Recipe
from tenfold.compiler import tuning
from tenfold.compiler.expressions import ZERO, Builder, aligned, wide
from tenfold.compiler.lower import Call, Scratch, build, cut
from tenfold.compiler.program import Group, Uses, element_type, elements, is_view, known, root
from tenfold.compiler.windows import same_windows
from tenfold.core import dtypes
from tenfold.core.errors import InternalError
from tenfold.ir.graph import Node, Value
from tenfold.ir.primitive import Primitive, Spec
from tenfold.kernel import loops
from tenfold.kernel.loops import Kernel, Stage, Store

MOST_ROWS, LARGE_ROWS = 4096, 1 << 16  # rows, and bytes of them all, of a batch that is worth a table of its rows

# --- contractions ---


def lower_contraction(group: Group, uses: Uses) -> list[Call]:
    """A matrix product or convolution, and the elementwise nodes that follow it, applied where its tiles are stored."""
    node = group.nodes[0]
    after, pooling = maxima(group.nodes)
    epilogue, extras = _epilogue(group.nodes[: len(group.nodes) - len(after)], pooling, uses) if len(group.nodes) > 1 else (None, [])
    settled = uses.keeps and uses.settles(node.inputs[1])
    names: dict[str, Any] = dict(zip(("a", "b", "places"), (root(v, uses) for v in node.inputs), strict=False))
    names.update(zip(("out", "places"), group.stored, strict=False))
    names.update((f"extra{i}", v) for i, v in enumerate(extras))
    make = RECIPES[node.primitive.name](node, epilogue, settled)
    if node.primitive.name == "matmul" and _is_batch(names["a"], node, uses):
        make = partial(make, listed=True)  # type: ignore[call-arg]
    recipe = make(schedule=tuning.schedule(make, {name: (v.spec.dtype, elements(v)) for name, v in names.items()}, settled))
    return _launches(recipe, names, node.primitive.name) or [fill_zero(v) for v in group.stored]


def _is_batch(a: Value, node: Node, uses: Uses) -> bool:
    """Whether the rows in memory of a product's first operand are those of a batch, one large enough to be shuffled where it lies."""
    shape = known(node.inputs[0])
    fits = a in uses.batches and len(shape) == 2 and known(a)[0] == shape[0] and 1 < shape[0] <= MOST_ROWS
    return fits and elements(a) * a.spec.dtype.size >= LARGE_ROWS


def _launches(recipe: Recipe, names: dict[str, Any], what: str) -> list[Call]:
    """The calls of a recipe whose operands are the values in `names`."""
    names.update((f"scratch{i}", Scratch(n)) for i, n in enumerate(recipe.scratch))
    tables = {f"table{i}": Value(Spec(t.shape, dtypes.int64), t) for i, t in enumerate(recipe.constants)}
    names.update(tables)
    calls = []
    for call in recipe.calls:
        args = tuple((names[x.name], x.offset) if isinstance(x, Operand) else x for x in call.args)
        read = {x.name for x in call.args if isinstance(x, Operand)} - {*call.writes, *tables}
        reads = tuple(names[name] for name in sorted(read))
        listing = None if call.listing is None else (tables[call.listing[0]], call.listing[1])
        calls.append(Call(call.source, call.tasks, args, reads, tuple(names[w] for w in call.writes), what, listing=listing))
    return calls


def fill_zero(out: Value) -> Call:
    """Zeros: what the sum of no products is."""
    kernel = Kernel((out.spec.dtype,), 1, (loops.param(0),), (0,), 0, (Stage((), (), (Store(0, loops.axis(0), loops.const(0, out.spec.dtype)),)),))
    n = elements(out)
    grain, tasks = cut([n], (0,), 0)
    return Call(kernel, tasks, (out, n, grain), (), (out,), "zeros")


def _matmul(node: Node, epilogue: Epilogue | None, settled: bool) -> tuning.Make:
    a, b = (v.spec for v in node.inputs)
    ta, tb = bool(node.attrs["transpose_a"]), bool(node.attrs["transpose_b"])
    m, k = a.shape[-2:][::-1] if ta else a.shape[-2:]
    n = b.shape[-2] if tb else b.shape[-1]
    batch = math.prod(known(node.outputs[0])[:-2])
    one_b = 0 if len(b.shape) == 2 and len(a.shape) > 2 else None
    one_a = 0 if len(a.shape) == 2 and len(b.shape) > 2 else None
    return partial(kernels.matmul, a.dtype, batch, m, n, k, ta, tb, one_a, one_b, epilogue, settled=settled)  # type: ignore[arg-type]


def _conv_spec(x: Sequence[int], w: Sequence[int], y: Sequence[int], node: Node) -> ConvSpec:
    at = node.attrs
    return ConvSpec(
        node.inputs[0].spec.dtype,
        x[0],
        tuple(x[1:-1]),
        x[-1],
        w[-1],
        tuple(w[:-2]),
        tuple(y[1:-1]),
        tuple(at["strides"]),
        tuple(tuple(p) for p in at["padding"]),
        tuple(at["dilation"]),
        at["groups"],
    )


def _shapes(node: Node) -> tuple[Any, Any, Any]:
    a, b = (v.spec.shape for v in node.inputs[:2])
    return a, b, node.outputs[0].spec.shape


def _convolution(node: Node, epilogue: Epilogue | None, settled: bool) -> tuning.Make:
    return partial(kernels.convolution, _conv_spec(*_shapes(node), node), epilogue, settled=settled)


def _input_gradient(node: Node, epilogue: Epilogue | None, settled: bool) -> tuning.Make:
    g, w, x = _shapes(node)
    return partial(kernels.convolution_input_gradient, _conv_spec(x, w, g, node))


def _weight_gradient(node: Node, epilogue: Epilogue | None, settled: bool) -> tuning.Make:
    if len(node.inputs) > 2:  # of maxima of the output: see `compiler.windows`
        return partial(kernels.routed_weight_gradient, node.attrs["spec"], node.attrs["window"])
    return partial(kernels.convolution_weight_gradient, weight_gradient_spec(node))


def weight_gradient_spec(node: Node) -> ConvSpec:
    """The convolution whose gradient of weights `node` is."""
    x, g, w = _shapes(node)
    return _conv_spec(x, w, g, node)


def _integer_matmul(node: Node, epilogue: Epilogue | None, settled: bool) -> tuning.Make:
    a, b = (v.spec for v in node.inputs)
    tb = bool(node.attrs["transpose_b"])
    (m, k), n = a.shape[-2:], b.shape[-2 if tb else -1]
    one_a, one_b = (0 if len(x.shape) == 2 and len(y.shape) > 2 else None for x, y in ((a, b), (b, a)))
    batch = math.prod(known(node.outputs[0])[:-2])
    return partial(kernels.integer_matmul, a.dtype, b.dtype, batch, m, n, k, tb, one_a, one_b, epilogue)  # type: ignore[arg-type]


RECIPES: dict[str, Callable[[Node, Epilogue | None, bool], tuning.Make]] = {
    "matmul": _matmul,
    "integer_matmul": _integer_matmul,
    "convolution": _convolution,
    "convolution_input_gradient": _input_gradient,
    "convolution_weight_gradient": _weight_gradient,
}
TAKES_EPILOGUE = ("matmul", "integer_matmul", "convolution")


class EpilogueBuilder(Builder):
    """Expressions in terms of the accumulated element, its row (axis 0) and its column (axis 1)."""

    def __init__(self, uses: Uses, nodes: Sequence[Node]) -> None:
        super().__init__(uses, set(nodes[1:]), ())
        dtype = nodes[0].outputs[0].spec.dtype
        self.results[nodes[0].outputs[0]] = wide(
            loops.result(0, 0, dtype) if dtype.name not in ("float16", "bfloat16") else loops.result(0, 0, dtypes.float32)
        )
        self.columns = nodes[0].outputs[0].spec.shape[-1]
        self.row, self.column = loops.axis(0), loops.axis(1)
        self.made = {v for n in nodes for v in n.outputs}

    def places(self, shape: Sequence[Any]) -> list[loops.Expr]:
        """The index of the accumulated element in a value of the result's size: its dimensions make up rows, then columns."""
        row = row_of(shape, self.columns)
        assert row is not None
        return [self.row] * (len(shape) - len(row)) + [self.column] * len(row)

    def _element(self, value: Value, index: list[loops.Expr], guard: loops.Expr | None) -> loops.Expr:
        """What the group makes is in registers, whatever its shape is called."""
        node = self.uses.maker.get(value)
        if node is not None and is_view(node) and root(value, self.uses) in self.made:
            return self.element(node.inputs[0], self.places(node.inputs[0].spec.shape), guard)
        return super()._element(value, index, guard)

    def linear(self, value: Value, index: Sequence[loops.Expr]) -> loops.Expr:
        """Position in an operand that has the result's shape, or only its rows or its columns, or one element."""
        used = [i for i, n in zip(index, value.spec.shape, strict=True) if n != 1]
        down, along = (any(i is axis for i in used) for axis in (self.row, self.column))
        if down and along:
            return self.row * loops.const(self.columns, dtypes.int64) + self.column
        return self.row if down else self.column if along else ZERO


def _epilogue(nodes: Sequence[Node], pooling: Pooling | None, uses: Uses) -> tuple[Epilogue, list[Value]]:
    """What `nodes`, the first of which is the contraction, make of its elements, and the maxima of that."""
    builder = EpilogueBuilder(uses, nodes)
    out = nodes[-1].outputs[0]
    value = loops.cast(builder.element(out, builder.places(out.spec.shape)), out.spec.dtype)
    return Epilogue(tuple(map(element_type, builder.buffers)), value, pooling), builder.buffers


def maxima(nodes: Sequence[Node]) -> tuple[list[Node], Pooling | None]:
    """Those of a contraction's nodes that are maxima over windows or their places, and what they are to its kernels."""
    after = [n for n in nodes if n.primitive.name in ("window_max", "window_argmax")]
    return after, Pooling(after[0].attrs["window"], len(after) > 1, after[-1].attrs.get("above")) if after else None


def takes_maxima(product: Sequence[Node], after: Sequence[Node], uses: Uses) -> bool:
    """Whether the kernels of a convolution, with what follows it in `product`, can store maxima over windows alone, which `after` are."""
    names = [n.primitive.name for n in after]
    conv, result, first = product[0], product[-1].outputs[0], after[0]
    if conv.primitive.name != "convolution" or names not in (["window_max"], ["window_max", "window_argmax"]):
        return False
    same = all(n.inputs[0] is result and same_windows(n, first) for n in after)
    apart = first.attrs["window"] == first.attrs["strides"] and all(lo == hi == 0 for lo, hi in first.attrs["padding"])
    fits = result.spec == conv.outputs[0].spec and not maxima(product)[0] and elements(first.outputs[0]) > 0
    if not (same and apart and fits):
        return False
    return kernels.pools(_conv_spec(*_shapes(conv), conv), first.attrs["window"], _epilogue(product, None, uses)[0])


def row_of(whole: Sequence[Any], columns: Any) -> tuple[Any, ...] | None:
    """The last sizes of a shape that make one row of a result with so many columns; None if rows end within a size."""
    for at in range(len(whole) - 1, -1, -1):
        if math.prod(whole[at:]) == columns:
            return tuple(whole[at:])
    return None


def epilogue_operand(v: Value, whole: Sequence[Any], row: Sequence[Any]) -> bool:
    """Whether an epilogue can read `v`: one element, one per column, one per row, or one per element of the result."""
    shape, size = v.spec.shape, elements(v)
    if v.spec.dtype.llvm is None:
        return False
    by_rows = (*whole[: -len(row)], *(1 for _ in row))
    return size == 1 or shape in (tuple(whole), by_rows) or (size == math.prod(row) and shape[-len(row) :] == tuple(row))


# --- attention ---

ATTENTIONS = {
    "attention": (kernels.attention, ("q", "k", "v", "mask"), ("out", "highest", "share")),
    "attention_gradient": (kernels.attention_gradient, ("q", "k", "v", "highest", "share", "delta", "g", "mask"), ("dq", "dk", "dv")),
}


def lower_attention(group: Group, uses: Uses) -> list[Call]:
    """Attention in blocks, or its gradient."""
    node = group.nodes[0]
    make, inputs, outputs = ATTENTIONS[node.primitive.name]
    reads = tuple(root(v, uses) for v in node.inputs)
    if not all(elements(v) for v in node.inputs):
        return [fill_zero(v) for v in node.outputs]
    names: dict[str, Any] = dict(zip(inputs, reads, strict=False)) | dict(zip(outputs, node.outputs, strict=True))
    (batch, queries, heads, size), (_, keys, key_heads, value_size) = known(node.inputs[0]), known(node.inputs[2])
    mask = node.inputs[len(inputs) - 1] if len(node.inputs) == len(inputs) else None
    more = () if mask is None else (mask.spec.dtype, known(mask))
    spec = AttentionSpec(
        node.inputs[0].spec.dtype, batch, queries, keys, heads, key_heads, size, value_size, node.attrs["scale"], node.attrs["causal"], *more
    )
    return _launches(make(spec), names, node.primitive.name)


# --- scatters ---


def lower_scatter(group: Group, uses: Uses) -> list[Call]:
    """Zeros, or the tensor to start from; then the rows added one after the other, columns in parallel."""
    node = group.nodes[0]
    out = node.outputs[0]
    last = node.primitive.lower == "last"
    start, indices, updates = node.inputs[:-2], node.inputs[0 if last else -2], node.inputs[-1]
    n, columns = known(indices)[0], math.prod(known(out)[1:])

    def stages(b: Builder) -> list[Stage]:
        r, c = b.dims
        row = loops.cast(b.element(indices, [r]), dtypes.int64)
        position = r * b.integer("columns", columns) + c if b.axes is not None else r + c
        value = loops.cast(r + 1, out.spec.dtype) if last else loops.load(b.buffer(root(updates, uses)), position, out.spec.dtype)
        rows = b.integer("rows", known(out)[0])
        inside = (row >= 0) & (row < rows)
        store = Store(b.buffer(out), row * b.integer("columns", columns) + c, value, inside, accumulate=not last)
        return [Stage((0,), (), (store,))]

    builder, made = build(uses, {node}, (n, columns), [0, 1], stages)  # different classes: never one axis
    two = len(builder.axes or ()) == 2
    kernel = Kernel(
        tuple(map(element_type, builder.buffers)),
        len(builder.params),
        tuple(builder.extents),
        (1,) if two else (),
        1 if two else None,
        tuple(made),
    )
    grain, tasks = cut([n, columns], (1,), 1) if two else (1, 1)
    reads = tuple(v for v in builder.buffers if v is not out)
    first = copy(root(start[0], uses), out) if start else fill_zero(out)
    return [first, Call(kernel, tasks, (*builder.buffers, *builder.params, grain), (*reads, out), (out,), "scatter")]


def copy(source: Value, target: Value) -> Call:
    """Copies the elements of one buffer to another of the same size."""
    dtype, n = source.spec.dtype, elements(source)
    if dtype.llvm is None:  # complex numbers, as pairs of halves
        dtype, n = dtype.real_dtype, n * 2
    store = Store(1, loops.axis(0), loops.load(0, loops.axis(0), dtype))
    kernel = Kernel((dtype, dtype), 1, (loops.param(0),), (0,), 0, (Stage((), (), (store,)),))
    grain, tasks = cut([n], (0,), 0)
    return Call(kernel, tasks, (source, target, n, grain), (source,), (target,), "copy")


# --- host functions ---


@dataclass(frozen=True, slots=True, eq=False)
class HostFunction:
    """A primitive's NumPy oracle, to be called from the native loop with the addresses of inputs and outputs."""

    primitive: Primitive
    attrs: Mapping[str, Any]
    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]

    def __call__(self, addresses: Sequence[int]) -> None:
        arrays = [view(address, spec) for address, spec in zip(addresses, self.inputs, strict=False)]
        with np.errstate(all="ignore"):
            results = self.primitive.oracle(*arrays, **self.attrs)
        results = results if isinstance(results, tuple) else (results,)
        for address, spec, result in zip(addresses[len(arrays) :], self.outputs, results, strict=True):
            target = view(address, spec)
            if np.shape(result) != target.shape:
                raise InternalError(f"[{self.primitive.name}] gave shape {np.shape(result)} where {target.shape} was expected.")
            target[...] = result


def lower_host(group: Group, uses: Uses) -> list[Call]:
    """The NumPy oracle, called from the native loop."""
    node = group.nodes[0]
    inputs = tuple(root(v, uses) for v in node.inputs)
    function = HostFunction(node.primitive, node.attrs, tuple(v.spec for v in node.inputs), tuple(v.spec for v in node.outputs))
    return [Call(function, 0, (*inputs, *node.outputs), inputs, node.outputs, node.primitive.name)]


def view(address: int, spec: Spec) -> np.ndarray[Any, Any]:
    """The memory at `address` as an array."""
    shape: tuple[int, ...] = spec.shape  # type: ignore[assignment]
    nbytes = math.prod(shape) * spec.dtype.size
    if nbytes == 0:
        return np.zeros(shape, spec.dtype.numpy)
    memory: Any = (ctypes.c_uint8 * nbytes).from_address(address)
    array: np.ndarray[Any, Any] = np.frombuffer(memory, spec.dtype.numpy).reshape(shape)
    return array


__all__ = ["RECIPES", "TAKES_EPILOGUE", "aligned", "copy", "epilogue_operand", "lower_contraction", "lower_host", "lower_scatter"]
