"""Graph <-> text, for reading, golden tests and saved functions.

    graph square_plus(%0: float32(batch0, 3), %1: float32()) {
      %2: float32(batch0, 3) = mul(%0, %0)    # model.py:7 in call
      %3: float32() = constant(1.0)
      %4: float32(batch0, 3) = add(%2, %3)
      return %4
    }

Every line is a Python expression but for the `%`: sizes are formulas in unknown names, attributes literals. Graphs inside control
flow stand before the graph that uses them, and are named in it: `body=graph("scan_1")`. The parser evaluates nothing: it accepts
names of registered primitives and the literals above.
"""

from __future__ import annotations

import ast
import base64
import math
import re
import zlib
from typing import Any

import numpy as np

from tenfold.core import dtypes
from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.errors import DataLossError, UnimplementedError
from tenfold.core.shapes import Sym, divide, function
from tenfold.ir.graph import Graph, Node, Value
from tenfold.ir.primitive import PRIMITIVES, Spec

INLINE = 16  # constants of up to this many elements are written as numbers
_HEAD = re.compile(r"graph (\w+)\((.*)\) \{")
_LINE = re.compile(r"(.+?) = (\w+)\((.*)\)$")


# --- writing ---


def to_text(graph: Graph) -> str:
    """The graph as text; `from_text` reads it back.

    Raises:
        UnimplementedError: an attribute is a Python function, which has no text.
    """
    return "\n\n".join(_Writer(0).graphs(graph, _identifier(graph.name)))


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name) or "graph"


class _Writer:
    def __init__(self, nested: int) -> None:
        self.nested = nested
        self.names: dict[int, str] = {}
        self.before: list[str] = []

    def graphs(self, graph: Graph, name: str) -> list[str]:
        inputs = ", ".join(self.define(v) for v in graph.inputs)
        lines = []
        for node in graph.nodes:
            lines += self.constants(node.inputs)
            arguments = [self.names[id(v)] for v in node.inputs] + [f"{k}={self.attribute(a)}" for k, a in node.attrs.items()]
            text = f"{', '.join(self.define(v) for v in node.outputs)} = {node.primitive.name}({', '.join(arguments)})"
            lines.append(f"{text}    # {node.where}" if node.where else text)
        lines += self.constants(graph.outputs)
        lines.append(f"return {', '.join(self.names[id(v)] for v in graph.outputs)}".rstrip())
        return [*self.before, "\n".join([f"graph {name}({inputs}) {{", *(f"  {line}" for line in lines), "}"])]

    def define(self, v: Value) -> str:
        self.names[id(v)] = f"%{len(self.names)}"
        return f"{self.names[id(v)]}: {spec_text(v.spec)}"

    def constants(self, values: tuple[Value, ...]) -> list[str]:
        new = {id(v): v for v in values if v.constant is not None and id(v) not in self.names}
        return [f"{self.define(v)} = constant({_constant_text(v.constant)})" for v in new.values()]

    def attribute(self, a: Any) -> str:
        if isinstance(a, Graph):
            self.nested += 1
            name = f"{re.sub(r'_[0-9]+$', '', _identifier(a.name))}_{self.nested}"
            writer = _Writer(self.nested)
            self.before += writer.graphs(a, name)
            self.nested = writer.nested
            return f'graph("{name}")'
        if isinstance(a, tuple):
            return f"({', '.join(self.attribute(x) for x in a)}{',' if len(a) == 1 else ''})"
        if isinstance(a, DType):
            return a.name
        if isinstance(a, Sym):
            return f"size({a!r})"
        if (isinstance(a, float) and a != a) or a in (float("inf"), float("-inf")):
            return f'float("{a}")'
        if a is None or isinstance(a, (bool, int, float, str)):
            return repr(a)
        if isinstance(a, np.generic):
            return repr(a.item())
        raise UnimplementedError(f"[to_text] an attribute has no text: {a!r}. Functions that call back into Python cannot be written.")


def spec_text(spec: Spec) -> str:
    """`float32(2, n)`"""
    return f"{spec.dtype.name}({', '.join(str(n) for n in spec.shape)})"


def _constant_text(array: Any) -> str:
    finite = array.dtype.kind in "biu" or (array.dtype.kind != "c" and bool(np.all(np.isfinite(array))))
    if array.size <= INLINE and finite:
        return repr(array.astype(np.float64).tolist() if array.dtype.kind not in "biu" else array.tolist())
    return f'data("{base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), 6)).decode()}")'


# --- reading ---


def from_text(text: str) -> Graph:
    """The graph that `to_text` wrote; of several, the last.

    Raises:
        DataLossError: the text is not well formed, or names what does not exist; the message gives the line.
    """
    known: dict[str, Graph] = {}
    last: Graph | None = None
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if line.strip():
            last = _read_graph(number, line, lines, known)
    if last is None:
        raise DataLossError("[from_text] there is no graph in the text.")
    return last


def _read_graph(number: int, line: str, lines: Any, known: dict[str, Graph]) -> Graph:
    head = _HEAD.fullmatch(line.strip())
    if head is None:
        raise _wrong(number, line, "expected `graph name(inputs) {`")
    values: dict[str, Value] = {}
    inputs = _definitions(number, head[2], values)
    nodes: list[Node] = []
    for number, raw in lines:
        body = raw.split("    # ")[0].strip()
        where = raw.split("    # ", 1)[1] if "    # " in raw else ""
        if body.startswith("return"):
            names = [n.strip() for n in body[6:].split(",") if n.strip()]
            if any(n not in values for n in names):
                raise _wrong(number, raw, "returns a value that is not defined")
            graph = Graph(tuple(inputs), tuple(values[n] for n in names), tuple(nodes), head[1])
            known[head[1]] = graph
        elif body == "}":
            if head[1] not in known:
                raise _wrong(number, raw, "the graph has no return")
            return known[head[1]]
        else:
            node = _read_node(number, body, where, values, known)
            if node is not None:
                nodes.append(node)
    raise _wrong(number, line, "the graph has no end")


def _read_node(number: int, body: str, where: str, values: dict[str, Value], known: dict[str, Graph]) -> Node | None:
    found = _LINE.fullmatch(body)
    if found is None:
        raise _wrong(number, body, "expected `%n: type(sizes) = operation(arguments)`")
    call = _expression(number, f"_{found[2]}({found[3].replace('%', '_v')})")
    if found[2] == "constant":
        outputs = _definitions(number, found[1], values)
        outputs[0].constant = _constant(number, call.args[0], outputs[0].spec)
        return None
    if found[2] not in PRIMITIVES:
        raise _wrong(number, body, f"there is no operation {found[2]!r}")
    operands = []
    for a in call.args:
        name = f"%{a.id[2:]}" if isinstance(a, ast.Name) else ""
        if name not in values:
            raise _wrong(number, body, "uses a value that is not defined")
        operands.append(values[name])
    attrs = {k.arg: _attribute(number, k.value, known) for k in call.keywords if k.arg is not None}
    outputs = _definitions(number, found[1], values)
    return Node(PRIMITIVES[found[2]], tuple(operands), tuple(outputs), attrs, where)


def _definitions(number: int, text: str, values: dict[str, Value]) -> list[Value]:
    made = []
    parts = re.findall(r"(%\d+): (\w+\((?:[^()]|\([^()]*\))*\))", text)
    if ", ".join(f"{name}: {spec}" for name, spec in parts) != text.strip():
        raise _wrong(number, text, "expected `%n: type(sizes)`, separated by commas")
    for part in parts:
        call = _expression(number, part[1])
        try:
            dtype = as_dtype(call.func.id)
        except TypeError:
            raise _wrong(number, text, "unknown type") from None
        values[part[0]] = Value(Spec(tuple(_size(number, a) for a in call.args), dtype))
        made.append(values[part[0]])
    return made


def _expression(number: int, text: str) -> Any:
    try:
        found = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _wrong(number, text, "not well formed") from None
    if not isinstance(found, ast.Call) or not isinstance(found.func, ast.Name):
        raise _wrong(number, text, "not well formed")
    return found


def _size(number: int, e: Any) -> Any:
    """A size: an integer, a name, or sums, products and quotients of sizes."""
    match e:
        case ast.Constant(value=int() as n) if not isinstance(n, bool):
            return n
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -1 * _size(number, inner)
        case ast.Name(id=name):
            return Sym({(name,): 1})
        case ast.BinOp(left=a, op=ast.Add() | ast.Mult() as op, right=b):
            left, right = _size(number, a), _size(number, b)
            return left + right if isinstance(op, ast.Add) else left * right
        case ast.Call(func=ast.Name(id="floordiv" | "max" | "min" as name), args=[a, b]):
            left, right = _size(number, a), _size(number, b)
            return divide(left, right) if name == "floordiv" else function(name, left, right)
    raise _wrong(number, ast.unparse(e), "not a size")


def _attribute(number: int, e: Any, known: dict[str, Graph]) -> Any:
    match e:
        case ast.Tuple(elts=parts):
            return tuple(_attribute(number, p, known) for p in parts)
        case ast.Call(func=ast.Name(id="graph"), args=[ast.Constant(value=str() as name)]) if name in known:
            return known[name]
        case ast.Call(func=ast.Name(id="size"), args=[size]):
            return _size(number, size)
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value="nan" | "inf" | "-inf" as text)]):
            return float(text)
        case ast.Name(id=name) if name in {d.name for d in dtypes.ALL}:
            return as_dtype(name)
    try:
        return ast.literal_eval(e)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _wrong(number, ast.unparse(e), "not an attribute") from None


def _constant(number: int, e: Any, spec: Spec) -> Any:
    try:
        match e:
            case ast.Call(func=ast.Name(id="data"), args=[ast.Constant(value=str() as text)]):
                shape = tuple(int(n) for n in spec.shape)
                count = math.prod(shape) * spec.dtype.size
                raw = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), count + 1)
                return np.frombuffer(raw, spec.dtype.numpy).reshape(shape).copy()
        return np.array(ast.literal_eval(e)).astype(spec.dtype.numpy).reshape(spec.shape)
    except (ValueError, TypeError, SyntaxError, zlib.error, MemoryError, RecursionError):
        raise _wrong(number, ast.unparse(e)[:60], f"not a constant of type {spec}") from None


def _wrong(number: int, line: str, why: str) -> DataLossError:
    return DataLossError(f"[from_text] line {number}: {why}. Received {line.strip()[:100]!r}.")
