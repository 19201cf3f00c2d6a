"""Forward-mode derivatives in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core import nest
from tenfold.keras.symbolic import call_symbolically, is_symbolic
from tenfold.primitives.arithmetic import cast, zeros_like
from tenfold.tensor.tensor import as_tensor
from tenfold.transform.tape import GradientTape


def _derivatives(outputs: list[Any], primals: list[Any], tangents: list[Any], tape: GradientTape) -> list[Any]:
    """The reverse-mode gradient u -> uᵀ J is linear in u; its own gradient along the tangents is J t, whatever u is."""
    found = []
    for y in outputs:
        with GradientTape() as outer:
            u = zeros_like(y)
            outer.watch(u)
            gradients = tape.gradient(y, primals, output_gradients=u, unconnected_gradients="zero")
        found.append(outer.gradient(gradients, u, output_gradients=tangents, unconnected_gradients="zero"))
    return found


def _jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool) -> Any:
    points = nest.map_structure(as_tensor, list(primals))
    flat = nest.flatten(points)
    directions = [cast(as_tensor(t), p.dtype) for t, p in zip(nest.flatten(list(tangents)), flat, strict=True)]
    with GradientTape(persistent=True) as tape:
        for p in flat:
            tape.watch(p)
        result = fun(*points)
        outputs, aux = result if has_aux else (result, None)
    found = nest.pack(outputs, _derivatives(nest.flatten(outputs), flat, directions, tape))
    return (outputs, found, aux) if has_aux else (outputs, found)


class _Jvp:
    """The call of `jvp` in a functional model."""

    def __init__(self, fun: Callable[..., Any], has_aux: bool) -> None:
        self.name = "jvp"
        self.fun, self.has_aux = fun, has_aux

    def __call__(self, primals: Any, tangents: Any) -> Any:
        if is_symbolic(primals, tangents):
            return call_symbolically(self, (primals, tangents), {}, lambda p, t: _jvp(self.fun, p, t, self.has_aux))
        return _jvp(self.fun, primals, tangents, self.has_aux)


def jvp(fun: Callable[..., Any], primals: Any, tangents: Any, has_aux: bool = False) -> Any:
    """The value of `fun` at `primals`, and its derivative in the direction of `tangents`.

    Args:
        fun: a function of tensors (or structures of them).
        primals: a tuple of its arguments.
        tangents: a tuple of directions, in the same form.
        has_aux: whether `fun` returns (outputs, anything else); then that comes third.

    Example:
        >>> value, slope = jvp(tf.sin, (0.0,), (2.0,))
        >>> float(value), float(slope)
        (0.0, 2.0)
    """
    return _Jvp(fun, has_aux)(tuple(primals), tuple(tangents))
