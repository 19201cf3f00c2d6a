"""Functions with a gradient of their own, and functions that are computed again for their gradient."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError
from tenfold.ir.graph import Graph
from tenfold.ir.primitive import Kind, Primitive, Spec, register
from tenfold.tensor.bind import bind, state
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.tensor.variable import Variable
from tenfold.transform.recording import Recording
from tenfold.transform.tape import GradientTape
from tenfold.transform.trace import TENSOR, replay, trace
from tenfold.transform.vjp import MULTIPLE, RULED


def custom_gradient(f: Callable[..., Any] | None = None) -> Any:
    """Decorates `f`, which returns `(results, grad)`; `grad(*upstream)` gives the gradients by the arguments of `f`.

    If `f` uses variables, `grad` must accept `variables=` and return `(gradients, gradients by variables)`.

    Example:
        >>> @custom_gradient
        ... def clipped(x):
        ...     return x, lambda upstream: upstream * 0.5
        >>> x = as_tensor(1.0)
        >>> with GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = clipped(x)
        >>> float(tape.gradient(y, x))
        0.5
    """
    return custom_gradient if f is None else _with_gradient(f)


def without_gradient(f: Callable[..., Any], name: str) -> Callable[..., Any]:
    """`f` as an operation for which TensorFlow registers no gradient: programs that ask for one are told so, as they expect.

    Args:
        f: a function of tensors.
        name: the operation's name in TensorFlow.
    """

    def grad(*upstream: Any, **options: Any) -> Any:
        raise LookupError(f"gradient registry has no entry for: {name}")

    return _with_gradient(lambda *args: (f(*args), grad))


def with_rule(rule: Callable[..., list[Any]], name: str, doc: str) -> Callable[[Callable[..., Any]], Callable[..., Tensor]]:
    """Decorates a function from tensors to one tensor, whose gradients by them are `rule(upstream, *tensors, **attributes)`.

    Unlike that of `custom_gradient`, the gradient may depend on nothing else, and so it is recorded when somebody asks for it and not before.

    Args:
        rule: gives a gradient, or None, for each tensor.
        name: of the primitive that stands for the function; doc: what it does.
    """

    def vjp(wanted: Sequence[bool], g: Tensor, y: Tensor, result: Tensor, *xs: Tensor, **attrs: Any) -> list[Any]:
        return [None, *rule(g, *xs, **attrs)]

    def first(result: Any, *xs: Any, **attrs: Any) -> Any:
        return result

    primitive = register(Primitive(name, Kind.CONTROL, first, first, vjp, algebra=lambda inputs, attrs: inputs[0], doc=doc))
    RULED.add(name)

    def decorate(f: Callable[..., Any]) -> Callable[..., Tensor]:
        @functools.wraps(f)
        def decorated(*xs: Tensor, **attrs: Any) -> Tensor:
            tapes, state.tapes = state.tapes, []
            try:
                result = f(*xs, **attrs)
            finally:
                state.tapes = tapes
            return bind(primitive, result, *xs, **attrs)  # type: ignore[no-any-return]

        return decorated

    return decorate


def _with_gradient(f: Callable[..., Any], again: bool = False) -> Callable[..., Any]:
    """`f` with the gradient that it returns. If that computes `f` `again`, it sees variables as they were before (random seeds, say)."""

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        tensors = [as_tensor(a) for a in nest.flatten(args)]
        before = dict(state.trace.current) if again and state.trace is not None else None
        tapes = state.tapes
        inner = Recording()
        state.tapes = [inner]
        try:
            result, grad = f(*nest.pack(args, tensors), **kwargs)
        finally:
            state.tapes = tapes
        variables = [v for v, *_ in inner.variables.values() if not any(v is a for a in nest.flatten(args))]
        values = [v.read_value() for v in variables]
        outputs = [as_tensor(r) for r in nest.flatten(result)]
        made = _apply(tensors + values, outputs, lambda *gs: _gradients(grad, gs, len(tensors), variables, f.__name__), before)
        return nest.pack(result, list(made))

    return decorated


def _gradients(grad: Callable[..., Any], gs: Sequence[Tensor], count: int, variables: Sequence[Variable], name: str) -> list[Any]:
    if variables:
        by_arguments, by_variables = grad(*gs, variables=list(variables))
    else:
        by_arguments, by_variables = grad(*gs), []
    found = nest.flatten(by_arguments)
    if len(found) != count:
        raise InvalidArgumentError(f"[{name}] custom gradient function expected to return {count} gradients, but returned {len(found)} instead.")
    return [None if g is None else as_tensor(g) for g in [*found, *nest.flatten(by_variables)]]


def _apply(
    inputs: Sequence[Tensor], outputs: Sequence[Tensor], gradients: Callable[..., list[Any]], before: dict[int, Tensor] | None
) -> tuple[Tensor, ...]:
    """`outputs` as if one primitive had made them from `inputs`, with the given gradients. These see variables as they are, or as they were
    `before` something was done (by id; where one is missing, at the start of the function)."""
    recorder = state.trace
    if recorder is None:
        return bind(eager_primitive, *outputs, *inputs, count=len(outputs), gradients=gradients)  # type: ignore[no-any-return]
    traced = trace(gradients, [y.spec for y in outputs], "custom_gradient")
    present = tuple(leaf is TENSOR for leaf in traced.structure)
    now = [recorder.read(v) for v in traced.variables]
    then = now if before is None else [before.get(id(v), recorder.initial[id(v)]) for v in traced.variables]
    used = [*traced.captured, *then]
    return bind(  # type: ignore[no-any-return]
        traced_primitive, *outputs, *inputs, *used, count=len(outputs), size=len(outputs) + len(inputs), graph=traced.graph, present=present
    )


def _spec(*specs: Spec, count: int, **attrs: Any) -> tuple[Spec, ...]:
    return specs[:count]


def _run(*arrays: Any, count: int, **attrs: Any) -> tuple[Any, ...]:
    return arrays[:count]


def _eager_vjp(wanted: Sequence[bool], gs: Sequence[Tensor], ys: Any, *xs: Tensor, count: int, gradients: Callable[..., list[Any]]) -> list[Any]:
    return [None] * count + gradients(*gs)


def _traced_vjp(
    wanted: Sequence[bool], gs: Sequence[Tensor], ys: Any, *xs: Tensor, count: int, size: int, graph: Graph, present: tuple[bool, ...]
) -> list[Any]:
    found = iter(replay(graph, [*gs, *xs[size:]]))
    return [None] * count + [next(found) if there else None for there in present] + [None] * (len(xs) - size)


def _through(inputs: tuple[Any, ...], attrs: Any) -> tuple[Any, ...]:
    return inputs[: attrs["count"]]


def _define(name: str, vjp: Callable[..., list[Any]], doc: str) -> Primitive:
    return register(Primitive(name, Kind.CONTROL, _spec, _run, vjp, algebra=_through, doc=doc))


eager_primitive = _define("custom_gradient", _eager_vjp, "Results with a gradient given as a Python function.")
traced_primitive = _define("traced_gradient", _traced_vjp, "Results with a gradient given as a graph.")
MULTIPLE.update(("custom_gradient", "traced_gradient"))


def recompute_grad(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, whose intermediate results are not kept for the gradient but computed again: less memory for more time.

    Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016 (arXiv:1604.06174).
    """

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        def inner(*tensors: Tensor) -> Any:
            def grad(*upstream: Any, variables: Sequence[Variable] = ()) -> Any:
                with GradientTape() as tape:
                    again = [barrier(t) for t in tensors]
                    tape.watch(again)
                    results = f(*nest.pack(args, again), **kwargs)
                found = tape.gradient(results, [*again, *variables], output_gradients=list(upstream))
                by_arguments, by_variables = found[: len(again)], found[len(again) :]
                return (by_arguments, by_variables) if variables else by_arguments

            return f(*nest.pack(args, list(tensors)), **kwargs), grad

        return _with_gradient(inner, again=True)(*nest.flatten(args))

    return decorated


def barrier(x: Tensor) -> Tensor:
    """`x` under a new name, so that what is computed from it again is not taken for what was computed before."""
    return bind(barrier_primitive, x)  # type: ignore[no-any-return]


barrier_primitive = register(
    Primitive(
        "barrier", Kind.ELEMENTWISE, lambda x: x, lambda x: x.copy(), lambda wanted, g, y, x: [g], lambda x: x, pure=False, doc="x under a new name."
    )
)
