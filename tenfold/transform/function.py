"""`tf.function`: Python functions traced once per signature and run as compiled programs."""

from __future__ import annotations

import functools
import inspect
import threading
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tenfold.compiler.kept import Shared
from tenfold.compiler.pipeline import Compiled, compile_graph
from tenfold.compiler.repeat import Repeat
from tenfold.core import nest
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import TensorShape, match
from tenfold.ir.graph import Graph, specialize
from tenfold.ir.primitive import Spec
from tenfold.ir.text import to_text
from tenfold.tensor.bind import state
from tenfold.tensor.spec import TensorSpec
from tenfold.tensor.tensor import Tensor, as_tensor, wrap
from tenfold.tensor.variable import EXPORTED, STAMPS, VERSIONS, Readings, Variable, overwritten, stamp
from tenfold.transform.call import MOST_PROGRAMS, call
from tenfold.transform.signature import form_of, python_key, shapes_of, tensor_argument
from tenfold.transform.trace import TENSOR, Traced, replay, trace, unknown_sizes


@dataclass(slots=True)
class Switches:
    """Global behaviour of functions."""

    run_eagerly: bool = False


switches = Switches()


class ConcreteFunction:
    """One traced signature of a function: a graph, the variables that it uses, and the programs compiled from it (one per set of
    concrete sizes where the signature leaves some open)."""

    def __init__(self, traced: Traced, arguments: int, name: str, structured: Any = None) -> None:
        self.traced = traced
        self.name = name
        self.arguments = arguments
        self.structured_input_signature = structured
        self._fill = nest.filler(traced.structure, TENSOR)
        self._programs: dict[Any, Any] = {}
        self._shared: Shared = {}  # what they keep
        self._ready: dict[Any, Compiled] = {}  # by the arguments' shapes, or `shapes_of` them, where those of the variables never change
        self._lock = threading.RLock()
        graph = traced.graph
        n = traced.results
        first = len(graph.inputs) - len(traced.variables)
        self._updates = tuple((n + i, first + k) for i, k in enumerate(traced.written))
        steady = [k for k in range(len(traced.variables)) if k not in traced.written]
        self._written = [traced.variables[k] for k in traced.written]
        self._left: dict[int, Any] = {}  # see Variable._move
        self._exports = -1  # what EXPORTED was when the variables were looked at
        self._stamp, self._stamps = [0], -1  # the version of all that it writes, while STAMPS is the second
        self._readings = Readings(traced.variables, [traced.variables[k] for k in steady])
        self._steady_inputs = tuple(first + k for k in steady)
        self._closed = all(isinstance(n, int) for v in graph.inputs[first:] for n in v.spec.shape)
        self._trainable = tuple(v for v in traced.variables if v.trainable)

    @property
    def graph(self) -> Graph:
        """The graph; `print(concrete_function)` shows it as text."""
        return self.traced.graph

    def pretty_printed_signature(self, verbose: bool = True) -> str:
        """The graph as text."""
        return to_text(self.graph)

    __str__ = pretty_printed_signature

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables that the function reads or writes."""
        return self.traced.variables

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those of them that are trainable."""
        return self._trainable

    @property
    def structured_outputs(self) -> Any:
        """The result's structure, with a TensorSpec for each tensor."""
        specs = [TensorSpec(v.spec.shape, v.spec.dtype) for v in self.graph.outputs[: self.traced.results]]
        leaves = iter(specs)
        return nest.map_structure(lambda leaf: next(leaves) if leaf is TENSOR else leaf, self.traced.structure)

    @property
    def output_shapes(self) -> Any:
        """The shapes of the results."""
        return nest.map_structure(lambda s: s.shape if isinstance(s, TensorSpec) else s, self.structured_outputs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs it on tensors in the order of the signature (nested structures are flattened)."""
        specs = self.graph.inputs[: self.arguments]
        flat = [
            a
            for a in nest.flatten((args, kwargs))
            if isinstance(a, (Tensor, Variable, np.ndarray, int, float, bool, list)) or hasattr(a, "__array__")
        ]
        if len(flat) != len(specs):
            raise InvalidArgumentError(f"[{self.name}] expected {len(specs)} tensors; received {len(flat)}.")
        tensors = [as_tensor(a, hint=v.spec.dtype) for a, v in zip(flat, specs, strict=True)]
        return self.run(tensors)

    def takes(self, arrays: list[Any]) -> bool:
        """Whether these are its arguments as they are."""
        return len(arrays) == self.arguments and all(a.dtype == v.spec.dtype.numpy for a, v in zip(arrays, self.graph.inputs, strict=False))

    def results(self, arrays: list[Any]) -> Any:
        """What it returns, of the arrays from `execute`."""
        return wrap(arrays[0]) if self._fill is next else self._fill(map(wrap, arrays))

    def run(self, tensors: Sequence[Tensor]) -> Any:
        """Runs it on the flat tensors."""
        traced = self.traced
        if state.trace is not None:
            return traced.pack(self._inline(tensors))
        if state.tapes:
            return traced.pack(self._taped(tensors))
        return self.results(self.execute([t._array for t in tensors]))

    def _inline(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Adds the graph's nodes to the function being traced."""
        traced = self.traced
        results = replay(traced.graph, [*tensors, *traced.captured, *(v._as_kept() for v in traced.variables)])
        for k, new in zip(traced.written, results[traced.results :], strict=True):
            traced.variables[k].assign(new)
        return results[: traced.results]

    def _taped(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """One `call` operation, whose gradient is a compiled function too."""
        traced = self.traced
        results = call(self, traced.graph, [*tensors, *traced.captured, *[v._as_kept() for v in traced.variables]])
        for k, new in zip(traced.written, results[traced.results :], strict=True):
            traced.variables[k].assign(new)
        return results[: traced.results]

    def program(self, shapes: tuple[tuple[int, ...], ...], updates: bool = True) -> Compiled:
        """The compiled program for inputs of these shapes."""
        key = (shapes, updates)
        found = self._programs.get(key)
        if found is None:
            with self._lock:
                found = self._programs.get(key)
                if found is None:
                    if len(self._programs) >= MOST_PROGRAMS:
                        self._programs.clear()
                        self._ready.clear()
                    graph = self._specialized(shapes)
                    found = self._programs[key] = compile_graph(graph, self._updates if updates else (), self._steady_inputs, self._shared)
        return found

    def _specialized(self, shapes: tuple[tuple[int, ...], ...]) -> Graph:
        known: dict[str, int] = {}
        for value, shape in zip(self.graph.inputs, shapes, strict=True):
            if not match(value.spec.shape, shape, known):
                raise ShapeError(f"[{self.name}] expected an argument of shape {TensorShape(value.spec.shape)}; received {TensorShape(shape)}.")
        return specialize(self.graph, known) if known else self.graph

    def repeats(self, arrays: list[Any]) -> bool:
        """Whether `execute` takes a Repeat for arrays of these shapes."""
        program = self._ready.get(tuple([a.shape for a in arrays]))
        return program is not None and program.repeats

    def execute(self, arrays: list[Any], repeat: Repeat | None = None, shapes: Any = None) -> list[Any]:
        """Runs the program on arrays, with `repeat` many times; its variables are updated in place. `shapes`: see `shapes_of`."""
        if self._exports != EXPORTED[0]:
            self._leave()
        elif self._left:  # nobody reads between updates any more
            self._left.clear()
        values, versions = self._readings()
        key = tuple([a.shape for a in arrays]) if shapes is None else shapes
        program = self._ready.get(key)
        if program is None:
            program = self.program(tuple([a.shape for a in (*arrays, *values)]))
            if self._closed:
                self._ready[key] = program
        try:
            return program(arrays, values, versions, repeat)
        finally:
            if self._written:
                self._stamp[0] = next(VERSIONS)
                if self._stamps != STAMPS[0]:
                    self._stamps = stamp(self._written, self._stamp)
                overwritten()

    def _leave(self) -> None:
        """Leaves elements that somebody may hold to them."""
        exports = EXPORTED[0]
        exported = [v for v in self._written if v._exported]
        for variable in exported:
            variable._move(self._left)
        if not exported:
            self._left.clear()
        self._exports = exports


class Function:
    """What `tf.function` returns: a callable that traces once per signature."""

    def __init__(self, python_function: Callable[..., Any], input_signature: Sequence[Any] | None = None, reduce_retracing: bool = False) -> None:
        self._python_function = python_function
        self.python_function = python_function
        self._input_signature = None if input_signature is None else tuple(input_signature)
        self._reduce_retracing = reduce_retracing
        self._concrete: dict[Any, ConcreteFunction] = {}
        self._by_shapes: dict[Any, ConcreteFunction] = {}  # the short way, for calls with nothing but eager tensors
        self._bound: weakref.WeakKeyDictionary[Any, Function] = weakref.WeakKeyDictionary()
        self._lock = threading.RLock()
        self._name = getattr(python_function, "__name__", "function")
        self._traces = 0
        try:
            self._parameters = inspect.signature(python_function)
        except (TypeError, ValueError):
            self._parameters = None  # type: ignore[assignment]
        functools.update_wrapper(self, python_function, updated=())

    @property
    def input_signature(self) -> tuple[Any, ...] | None:
        """The specs given to `tf.function`."""
        return self._input_signature

    def experimental_get_tracing_count(self) -> int:
        """How often the Python function was traced."""
        return self._traces

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        try:
            bound = self._bound.get(instance)
        except TypeError:  # not weakly referable or not hashable
            return Function(self._python_function.__get__(instance), self._input_signature, self._reduce_retracing)
        if bound is None:
            weak = weakref.ref(instance)
            method = self._python_function

            @functools.wraps(method)
            def call(*args: Any, **kwargs: Any) -> Any:
                return method(weak(), *args, **kwargs)

            bound = self._bound[instance] = Function(call, self._input_signature, self._reduce_retracing)
            bound._parameters = inspect.signature(method.__get__(instance))
        return bound

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if switches.run_eagerly:
            return self._python_function(*args, **kwargs)
        known = shapes_of(args, kwargs) if state.trace is None and not state.tapes else None
        concrete = self._by_shapes.get(known[0]) if known is not None else None
        if known is not None and concrete is not None:
            return concrete.results(concrete.execute(known[1], None, known[0]))
        concrete, tensors = self._lookup(args, kwargs)
        if known is not None and concrete.takes(known[1]):
            self._by_shapes[known[0]] = concrete
        return concrete.run(tensors)

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> ConcreteFunction:
        """The traced function for arguments given as tensors or `tf.TensorSpec`s."""
        if not args and not kwargs and self._input_signature is not None:
            args = self._input_signature
        return self._lookup(args, kwargs)[0]

    def _lookup(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[ConcreteFunction, list[Tensor]]:
        args, kwargs = self._canonical(args, kwargs)
        leaves = nest.flatten((args, kwargs))
        key_parts: list[Any] = []
        tensors: list[Any] = []
        for i, leaf in enumerate(leaves):
            spec = self._signature_spec(i)
            value = leaf if isinstance(leaf, TensorSpec) else tensor_argument(leaf, spec)
            if value is None:
                key_parts.append(python_key(leaf))
                continue
            tensors.append(value)
            if spec is not None:
                self._check(i, spec, value)
            key_parts.append(("spec", spec or value) if spec is not None or isinstance(value, TensorSpec) else (value.dtype.name, value.sizes))
        key = (tuple(key_parts), form_of((args, kwargs)))
        concrete = self._concrete.get(key)
        if concrete is None:
            with self._lock:
                concrete = self._concrete.get(key)
                if concrete is None:
                    concrete = self._concrete[key] = self._trace(args, kwargs, leaves, tensors)
        return concrete, tensors

    def _canonical(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Keyword arguments in the place of positional ones, defaults filled in."""
        if self._input_signature is not None and len(args) + len(kwargs) > len(self._input_signature):
            raise InvalidArgumentError(
                f"[{self._name}] takes {len(self._input_signature)} arguments (input_signature); received {len(args) + len(kwargs)}."
            )
        if self._parameters is None or not kwargs:
            return args, kwargs
        bound = self._parameters.bind(*args, **kwargs)
        return bound.args, bound.kwargs

    def _signature_spec(self, i: int) -> TensorSpec | None:
        if self._input_signature is None:
            return None
        flat = nest.flatten(self._input_signature)
        return flat[i] if i < len(flat) and isinstance(flat[i], TensorSpec) else None

    def _check(self, i: int, spec: TensorSpec, value: Any) -> None:
        if value.dtype is not spec.dtype:
            raise DTypeError(f"[{self._name}] argument {i} must be {spec.dtype.name} (input_signature); received {value.dtype.name}.")
        if not spec.shape.is_compatible_with(value.shape):
            raise ShapeError(f"[{self._name}] argument {i} must have shape {spec.shape} (input_signature); received {value.shape}.")

    def _trace(self, args: Any, kwargs: Any, leaves: list[Any], tensors: list[Any]) -> ConcreteFunction:
        specs, places = [], []
        remaining = iter(tensors)
        for i, leaf in enumerate(leaves):
            spec = self._signature_spec(i)
            if not isinstance(leaf, TensorSpec) and tensor_argument(leaf, spec) is None:
                continue
            value = next(remaining)
            given: Any = spec or value
            specs.append(Spec(unknown_sizes(given.shape) if isinstance(given, TensorSpec) else given.sizes, given.dtype))
            places.append(i)

        def call(*traced: Tensor) -> Any:
            filled = list(leaves)
            for place, tensor in zip(places, traced, strict=True):
                filled[place] = tensor
            a, k = nest.pack((args, kwargs), filled)
            return self._python_function(*a, **k)

        self._traces += 1
        made = trace(call, specs, self._name)
        if made.created and self._traces > 1:
            raise ValueError(
                f"[{self._name}] tf.function created variables on a call that was not the first. Try creating them once, outside the function "
                "or under `if self.v is None:`."
            )
        described = list(leaves)  # and not the tensors themselves, which would live as long as the function
        for place, seen in zip(places, specs, strict=True):
            described[place] = TensorSpec(seen.shape, seen.dtype)
        return ConcreteFunction(made, len(specs), self._name, nest.pack((args, kwargs), described))


def function(
    func: Any = None,
    input_signature: Any = None,
    autograph: bool = True,
    jit_compile: bool | None = None,
    reduce_retracing: bool = False,
    experimental_implements: Any = None,
    experimental_autograph_options: Any = None,
    experimental_attributes: Any = None,
    experimental_relax_shapes: bool | None = None,
    experimental_compile: bool | None = None,
    experimental_follow_type_hints: Any = None,
) -> Any:
    """Compiles a Python function: it is traced once per signature (shapes and types of its tensor arguments, values of the others),
    and each trace runs as one native program.

    Args:
        func: the function; without it, a decorator is returned.
        input_signature: `tf.TensorSpec`s of all arguments; None sizes stay open, so that one trace serves all of them.
        reduce_retracing: accepted; sizes are relaxed only through `input_signature`.
        jit_compile: accepted; functions are always compiled.
        autograph: accepted; Python control flow on tensors needs `tf.cond` and `tf.while_loop` for now, and says so.

    Example:
        >>> @function
        ... def square(x):
        ...     return x * x
        >>> float(square(as_tensor(3.0)))
        9.0
    """
    if input_signature is not None and not isinstance(input_signature, (list, tuple)):
        raise TypeError(f"[function] input_signature must be a list or tuple of tf.TensorSpec; received {type(input_signature).__name__}.")

    def decorate(f: Callable[..., Any]) -> Function:
        if not callable(f):
            raise TypeError(f"[function] expected a callable; received {type(f).__name__}.")
        return Function(f, input_signature, reduce_retracing)

    return decorate if func is None else decorate(func)
