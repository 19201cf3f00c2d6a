"""One function becomes one Primitive: the decorators name its kind, and with it the shape rule, the batching rule and the tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, update_wrapper
from inspect import signature
from typing import Any

import numpy as np

from tenfold.core.dtypes import DType, bool_, string
from tenfold.core.errors import DTypeError, InvalidArgumentError
from tenfold.core.shapes import Shape, broadcast, show
from tenfold.ir.primitive import Kind, Primitive, Spec, register
from tenfold.kernel.loops import Expr
from tenfold.tensor.bind import expect_same_dtype
from tenfold.tensor.eager import of_any, of_one, of_two
from tenfold.tensor.tensor import Tensor, as_tensor, common_dtype
from tenfold.tensor.variable import Variable

Vjp = Callable[..., Any]
OF: dict[int, Callable[..., Any]] = {1: of_one, 2: of_two}  # by the number of inputs


def each(*rules: Vjp | None) -> Vjp:
    """A vjp from one rule per input, so that unwanted cotangents are never computed. A single rule serves all inputs."""

    def vjp(wanted: Sequence[bool], g: Any, y: Any, *xs: Any, **attrs: Any) -> list[Any]:
        return [rule(g, y, *xs, **attrs) if want and rule is not None else None for want, rule in zip(wanted, rules, strict=True)]

    return vjp


def tensors(name: str, values: Sequence[Any]) -> Sequence[Tensor]:
    """The arguments as Tensors, of one element type where they fit it."""
    made = [v.read_value() if isinstance(v, Variable) else v for v in values]
    for v in made:
        if type(v) is not Tensor:
            hint = common_dtype(made)
            return [v if type(v) is Tensor else as_tensor(v, hint=hint, name=name) for v in made]
    return made


def elementwise(
    *,
    oracle: Callable[..., Any],
    dtypes: tuple[DType, ...],
    vjp: Vjp | tuple[Vjp | None, ...] | None = None,
    samples: Any = None,
    out: DType | Callable[[DType], DType] | None = None,
    algebra: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Expr]], Any]:
    """Defines a primitive that works element by element.

    Args:
        oracle: its NumPy twin.
        dtypes: the element types that it takes; all inputs have the same.
        vjp: one rule `(g, y, *xs, **attrs) -> cotangent` per input.
        samples: a (low, high) range per input, for the tests.
        out: the result's element type, or a function of the input's; default: the same.
        algebra: `(inputs, attrs, is_constant) -> replacement or None`.
    """

    def define(body: Callable[..., Expr]) -> Any:
        name = body.__name__.rstrip("_")

        def spec(*specs: Spec, **attrs: Any) -> Spec:
            dtype = expect_same_dtype(name, specs, dtypes)
            result = out(dtype) if callable(out) else out or dtype
            shape = broadcast(name, *[s.shape for s in specs])
            for s in specs:
                if s.shape is shape and s.dtype is result:
                    return s
            return Spec(shape, result)

        rules = None if vjp is None else each(*vjp) if isinstance(vjp, tuple) else each(vjp)
        primitive = register(
            Primitive(name, Kind.ELEMENTWISE, spec, _keeping_dtype(oracle, out), rules, body, dtypes, True, samples, algebra,
                      doc=body.__doc__ or "", numpy_dtypes=frozenset(d.numpy for d in dtypes))
        )  # fmt: skip

        def otherwise(*xs: Any, **attrs: Any) -> Any:
            if any([isinstance(x, Expr) for x in xs]):
                return body(*xs, **attrs)
            return operation(*tensors(name, xs), **attrs)

        prepare: Callable[..., Any] = OF.get(len(signature(body).parameters), of_any)
        operation: Any = update_wrapper(prepare(primitive, otherwise), body)
        operation.primitive = primitive
        return operation

    return define


def _keeping_dtype(oracle: Callable[..., Any], out: Any) -> Callable[..., Any]:
    """The oracle, giving the type that it was given; what takes several steps is computed in float32 for 16-bit floats, and rounded once."""
    if out is not None or isinstance(oracle, np.ufunc):
        return oracle

    def run(*arrays: Any, **attrs: Any) -> Any:
        dtype = arrays[0].dtype
        wide = [a.astype(np.float32) for a in arrays] if dtype.itemsize == 2 and dtype.kind not in "iu" else arrays
        result = np.asarray(oracle(*wide, **attrs))
        return result if result.dtype == arrays[0].dtype else result.astype(arrays[0].dtype)

    return run


def primitive(
    kind: Kind,
    *,
    spec: Callable[..., Any],
    oracle: Callable[..., Any],
    vjp: Vjp | None = None,
    lower: Any = None,
    dtypes: tuple[DType, ...] = (),
    samples: Any = None,
    algebra: Callable[..., Any] | None = None,
    pure: bool = True,
    apart: bool = False,
) -> Callable[[Callable[..., Any]], Any]:
    """Defines any other primitive. The decorated function checks and normalizes the user's arguments and calls `bind` as its last
    act through the `apply` that it receives as first argument: `def f(apply, x, axis): return apply(x, axis=...)`. The operation's
    `.bare` is this `apply`, for rules whose arguments are in order already.
    """

    def define(front: Callable[..., Any]) -> Any:
        name = front.__name__.rstrip("_")
        made = register(Primitive(name, kind, spec, oracle, vjp, lower, dtypes, False, samples, algebra, pure, front.__doc__ or "", apart))

        bare = of_any(made, lambda *xs, **attrs: bare(*tensors(name, xs), **attrs))
        operation: Any = update_wrapper(partial(front, bare), front)
        operation.primitive = made
        operation.bare = bare
        return operation

    return define


def check_dtype(name: str, spec: Spec, allowed: tuple[DType, ...]) -> None:
    """Raises DTypeError unless the operation takes the element type."""
    if spec.dtype is string and string not in allowed:
        raise DTypeError(f"[{name}] takes no strings. Expected numbers; received string. Try tf.strings.to_number(x), or a lookup of each string.")
    if spec.dtype not in allowed:
        raise DTypeError(f"[{name}] does not take this data type. Expected one of {', '.join(d.name for d in allowed)}; "
                         f"received {spec.dtype.name}. Try tf.cast.")  # fmt: skip


def check_sizes(name: str, shape: Shape) -> None:
    """Raises InvalidArgumentError if a size is known to be negative."""
    if any(isinstance(n, int) and n < 0 for n in shape):
        raise InvalidArgumentError(f"[{name}] a size is negative. Received shape {show(shape)}.")


__all__ = ["bool_", "check_dtype", "check_sizes", "each", "elementwise", "primitive", "tensors"]
