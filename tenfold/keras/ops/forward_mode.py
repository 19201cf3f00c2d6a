"""Forward-mode derivatives in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core import nest
from tenfold.keras.ops.define import call_function
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
    return call_function("jvp", lambda p, t: _jvp(fun, p, t, has_aux), tuple(primals), tuple(tangents))
