"""Complex numbers as two real tensors, of which kernels are made as of all others.

    mul(a, b)   ->   re = a.re b.re - a.im b.im;   im = a.re b.im + a.im b.re

What has no such rule (a Fourier transform, a decomposition) reads and makes complex numbers in memory, which are rows of two real ones there: `pairs`
and `unpaired` are other names for one buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, bool_, complex64, complex128
from tenfold.ir.graph import Graph, Node, Value, make
from tenfold.ir.primitive import PRIMITIVES, Kind, Primitive, Spec, register

Parts = tuple[Value, Value]
EACH = frozenset({  # what is done to real and imaginary parts alike
    "add", "sub", "neg", "sum", "stop_gradient", "select", "reshape", "transpose", "broadcast_to", "slice", "concat", "gather", "scatter_add",
    "dynamic_slice", "dynamic_update_slice",
})  # fmt: skip


def _pairs(x: Any) -> Any:
    return np.ascontiguousarray(x)[..., None].view(x.real.dtype)


def _unpaired(x: Any) -> Any:
    return np.ascontiguousarray(x).view(np.result_type(x.dtype, np.complex64))[..., 0]


pairs = register(Primitive(
    "pairs", Kind.INDEXED, lambda x: Spec((*x.shape, 2), x.dtype.real_dtype), _pairs,
    doc="Complex numbers as pairs of real and imaginary parts, in the same memory."))  # fmt: skip
unpaired = register(Primitive(
    "unpaired", Kind.INDEXED, lambda x: Spec(x.shape[:-1], complex64 if x.dtype.size == 4 else complex128), _unpaired,
    doc="Pairs of real and imaginary parts as complex numbers, in the same memory."))  # fmt: skip


def by_parts(graph: Graph) -> Graph:
    """The graph with arithmetic of complex numbers as one of real ones."""
    if not any(v.spec.dtype.is_complex for n in graph.nodes for v in (*n.inputs, *n.outputs)):
        return graph
    return _Rewriter(graph).graph()


class _Rewriter:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._nodes: list[Node] = []
        self._parts: dict[Value, Parts] = {}
        self._whole: set[Value] = {*graph.inputs}  # complex values that are in memory
        self._new: dict[Value, Value] = {}  # real ones that something else stands for
        self._where = ""

    def graph(self) -> Graph:
        for node in self._graph.nodes:
            self._where = node.where
            rule = RULES.get(node.primitive.name) if any(v.spec.dtype.is_complex for v in (*node.inputs, *node.outputs)) else None
            if rule is None:
                inputs = tuple([self.whole(v) for v in node.inputs])
                self._nodes.append(Node(node.primitive, inputs, node.outputs, node.attrs, node.where))
                self._whole.update(node.outputs)
                continue
            result = rule(self, node.attrs, *[self.parts(v) if v.spec.dtype.is_complex else self._new.get(v, v) for v in node.inputs])
            if isinstance(result, Value):
                self._new[node.outputs[0]] = result
            else:
                self._parts[node.outputs[0]] = result
        outputs = tuple([self.whole(v) for v in self._graph.outputs])
        return Graph(self._graph.inputs, outputs, tuple(self._nodes), self._graph.name)

    def op(self, name: str, *inputs: Value, **attrs: Any) -> Value:
        """The result of one more node."""
        node = make(PRIMITIVES[name], inputs, attrs, self._where)
        self._nodes.append(node)
        return node.outputs[0]

    def same(self, x: float, like: Value) -> Value:
        """One number in the shape of `like`."""
        dtype: DType = like.spec.dtype
        return self.op("broadcast_to", Value(Spec((), dtype), np.array(x, dtype.numpy)), shape=like.spec.shape)

    def parts(self, v: Value) -> Parts:
        """Real and imaginary part of a complex value."""
        if v not in self._parts:
            if v.constant is not None:
                real = v.spec.dtype.real_dtype
                re, im = (Value(Spec(v.spec.shape, real), np.array(part, real.numpy), v.derived) for part in (v.constant.real, v.constant.imag))
            else:
                both, shape = self.op("pairs", v), v.spec.shape
                begin, size, strides = [0] * len(shape), [*shape, 1], (1,) * (len(shape) + 1)
                re, im = (
                    self.op("reshape", self.op("slice", both, begin=(*begin, k), size=tuple(size), strides=strides), shape=shape) for k in (0, 1)
                )
            self._parts[v] = re, im
        return self._parts[v]

    def whole(self, v: Value) -> Value:
        """A value as other nodes read it: a complex one in memory."""
        if v in self._parts and v not in self._whole and v.constant is None:
            shape = (*v.spec.shape, 1)
            both = self.op("concat", *[self.op("reshape", part, shape=shape) for part in self._parts[v]], axis=len(v.spec.shape))
            self._nodes.append(Node(unpaired, (both,), (v,), {}, self._where))
            self._whole.add(v)
        return self._new.get(v, v)


Rule = Callable[..., Parts | Value]


def _each(name: str) -> Rule:
    def rule(r: _Rewriter, attrs: Mapping[str, Any], *xs: Any) -> Parts:
        re, im = (r.op(name, *[x[k] if isinstance(x, tuple) else x for x in xs], **attrs) for k in (0, 1))
        return re, im

    return rule


def _pad(r: _Rewriter, attrs: Mapping[str, Any], x: Parts) -> Parts:
    value = complex(attrs["value"])
    return r.op("pad", x[0], **{**attrs, "value": value.real}), r.op("pad", x[1], **{**attrs, "value": value.imag})


def _product(name: str) -> Rule:
    def rule(r: _Rewriter, attrs: Mapping[str, Any], x: Parts, y: Parts) -> Parts:
        re = r.op("sub", r.op(name, x[0], y[0], **attrs), r.op(name, x[1], y[1], **attrs))
        return re, r.op("add", r.op(name, x[0], y[1], **attrs), r.op(name, x[1], y[0], **attrs))

    return rule


def _quotient(r: _Rewriter, attrs: Mapping[str, Any], x: Parts, y: Parts) -> Parts:
    """By the larger part of the divisor first, so that nothing overflows (Smith, 1962); by 0 part for part."""
    a, b = (r.op("abs", part) for part in y)
    first = r.op("less_equal", b, a)
    large, small = r.op("select", first, *y), r.op("select", first, y[1], y[0])
    zero = r.same(0, large)
    nothing = r.op("logical_and", *[r.op("equal", part, zero) for part in y])
    ratio = r.op("select", nothing, zero, r.op("div", small, large))
    total = r.op("select", nothing, zero, r.op("add", large, r.op("mul", small, ratio)))
    (re, im), back = x, [r.op("mul", part, ratio) for part in x]
    above = r.op("select", first, r.op("add", re, back[1]), r.op("add", back[0], im))
    below = r.op("select", first, r.op("sub", im, back[0]), r.op("sub", back[1], re))
    above, below = (r.op("select", nothing, part, sum_) for part, sum_ in ((re, above), (im, below)))
    return r.op("div", above, total), r.op("div", below, total)


def _cast(r: _Rewriter, attrs: Mapping[str, Any], x: Any) -> Parts | Value:
    dtype: DType = attrs["dtype"]
    if dtype is bool_:
        return r.op("logical_or", *[r.op("not_equal", part, r.same(0, part)) for part in x])
    if not dtype.is_complex:
        return r.op("cast", x[0], dtype=dtype)
    real = dtype.real_dtype
    re, im = (p if p.spec.dtype is real else r.op("cast", p, dtype=real) for p in (x if isinstance(x, tuple) else (x, r.same(0, x))))
    return re, im


def _exponential(r: _Rewriter, attrs: Mapping[str, Any], x: Parts) -> Parts:
    """e^re (cos im + i sin im), where 0 times anything is 0: so that a real number stays one, and what vanishes does, whatever its angle."""
    size = r.op("exp", x[0])
    nothing = r.op("equal", size, r.same(0, size))

    def part(of_angle: str) -> Value:
        factor = r.op(of_angle, x[1])
        product = r.op("select", nothing, size, r.op("mul", size, factor))
        return r.op("select", r.op("equal", factor, r.same(0, factor)), factor, product)

    return part("cos"), part("sin")


def _complex(r: _Rewriter, attrs: Mapping[str, Any], re: Value, im: Value) -> Parts:
    shape = np.broadcast_shapes(re.spec.shape, im.spec.shape)
    re, im = (v if v.spec.shape == shape else r.op("broadcast_to", v, shape=shape) for v in (re, im))
    return re, im


RULES: dict[str, Rule] = {
    **{name: _each(name) for name in EACH},
    "pad": _pad,
    "mul": _product("mul"),
    "matmul": _product("matmul"),
    "div": _quotient,
    "cast": _cast,
    "exp": _exponential,
    "complex": _complex,
    "conjugate": lambda r, attrs, x: (x[0], r.op("neg", x[1])),
    "real": lambda r, attrs, x: x[0],
    "imag": lambda r, attrs, x: x[1],
    "equal": lambda r, attrs, x, y: r.op("logical_and", r.op("equal", x[0], y[0]), r.op("equal", x[1], y[1])),
    "not_equal": lambda r, attrs, x, y: r.op("logical_or", r.op("not_equal", x[0], y[0]), r.op("not_equal", x[1], y[1])),
}
