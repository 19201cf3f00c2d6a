"""What eager operations run: NumPy, or, where that would take milliseconds, the operation's own compiled program.

NumPy has no error function, no sigmoid and no convolution; what stands in for these goes over memory many times, and a gamma function takes
microseconds an element. Operation, shapes and attributes alone decide, so equal calls give equal bits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from math import prod
from typing import Any

import numpy as np

from tenfold.core.config import config
from tenfold.core.dtypes import BY_NUMPY, FLOATS
from tenfold.ir.graph import Graph, Value, make
from tenfold.ir.primitive import Primitive, Spec

WORTH = 500_000  # nanoseconds of NumPy
MOST = 64  # programs that are kept
NANOSECONDS = {  # that NumPy takes for an element of the first input (or see `_products`), where they are many
    "digamma": 3000, "erfcinv": 800, "erfinv": 650, "lgamma": 420, "trigamma": 150, "erf": 165, "erfc": 125, "atanh": 32, "asinh": 32,
    "softplus": 30, "sinh": 28, "tan": 20, "log1p": 18, "cosh": 18, "expm1": 17, "atan": 16, "sigmoid": 14, "acos": 14, "asin": 13,
    "select": 5, "cast": 5, "pow": 7, "tanh": 4, "exp": 3, "sin": 3, "cos": 3, "ellpack_product": 20, "scatter_add": 500,
    "window_max": 2, "window_sum": 2, "window_argmax": 5, "window_route": 20, "window_pick": 20, "window_spread": 20,
    "convolution": 2, "convolution_input_gradient": 2, "convolution_weight_gradient": 2,
}  # fmt: skip
_FLOATS = frozenset(d.numpy for d in FLOATS)
_programs: dict[Any, Callable[[list[Any]], list[Any]]] = {}


@cache
def swift(primitive: Primitive) -> Callable[..., Any]:
    """The function of arrays that eager calls of `primitive` run."""
    oracle, cost = primitive.oracle, NANOSECONDS.get(primitive.name)
    if cost is None:
        return oracle
    few = WORTH // cost
    work = _products if primitive.name.startswith("convolution") else _first

    def run(*arrays: Any, **attrs: Any) -> Any:
        floats = arrays[0].dtype in _FLOATS or arrays[-1].dtype in _FLOATS  # the others are conditions and places
        if work(arrays, attrs) < few or not floats or not config.compile:
            return oracle(*arrays, **attrs)
        return _compiled(primitive, arrays, attrs)([np.ascontiguousarray(a) for a in arrays])[0]

    return run


def _first(arrays: tuple[Any, ...], attrs: Mapping[str, Any]) -> int:
    return arrays[0].size  # type: ignore[no-any-return]


def _products(arrays: tuple[Any, ...], attrs: Mapping[str, Any]) -> int:
    """How many numbers the products of a convolution's oracle have, one for each tap of the kernel; about."""
    a, b = arrays
    return a.size // max(a.shape[-1], 1) * prod(attrs.get("kernel", b.shape[:-2])) * max(a.shape[-1], b.shape[-1])  # type: ignore[no-any-return]


def swift_of_one(primitive: Primitive) -> Callable[[Any], Any]:
    """The same for an operation of one array: small ones feel what packing and unpacking arguments takes."""
    run, oracle = swift(primitive), primitive.oracle
    if run is oracle:
        return oracle
    few = WORTH // NANOSECONDS[primitive.name]
    return lambda x: oracle(x) if x.size < few else run(x)


def _compiled(primitive: Primitive, arrays: tuple[Any, ...], attrs: Mapping[str, Any]) -> Callable[[list[Any]], list[Any]]:
    """The program of one operation on arrays of these shapes."""
    key = (primitive.name, *[(a.dtype, a.shape) for a in arrays], *attrs.items())
    found = _programs.get(key)
    if found is None:
        inputs = [Value(Spec(a.shape, BY_NUMPY[a.dtype])) for a in arrays]
        node = make(primitive, inputs, dict(attrs), "")
        compile_graph = importlib.import_module("tenfold.compiler.pipeline").compile_graph  # what is not needed for small arrays is not loaded
        found = compile_graph(Graph(tuple(inputs), node.outputs, (node,), primitive.name), ())
        if len(_programs) >= MOST:
            _programs.clear()
        _programs[key] = found
    return found
