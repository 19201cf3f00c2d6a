"""Bits and divisors of integers, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import DTypeError
from tenfold.keras.base.promotion import result_type
from tenfold.keras.ops.define import Array, operation, promoted
from tenfold.ops import bitwise
from tenfold.ops import elementwise as e
from tenfold.ops.reducing import reduce_any
from tenfold.ops.shaping import broadcast_to
from tenfold.primitives import arithmetic as a
from tenfold.transform.control import while_loop

_together = promoted(result_type)


@operation(dtype=result_type, spec=_together)
def bitwise_and(x: Array, y: Array) -> Array:
    """The bits that both have."""
    return bitwise.bitwise_and(x, y)


@operation(dtype=result_type, spec=_together)
def bitwise_or(x: Array, y: Array) -> Array:
    """The bits that one of both has."""
    return bitwise.bitwise_or(x, y)


@operation(dtype=result_type, spec=_together)
def bitwise_xor(x: Array, y: Array) -> Array:
    """The bits that exactly one has."""
    return bitwise.bitwise_xor(x, y)


@operation(spec=_together)
def bitwise_invert(x: Array) -> Array:
    """The bits that x does not have."""
    return e.logical_not(x) if x.dtype.is_bool else bitwise.invert(x)


@operation(spec=_together)
def bitwise_not(x: Array) -> Array:
    """The bits that x does not have."""
    return bitwise_invert(x)


@operation(dtype=result_type, spec=_together)
def bitwise_left_shift(x: Array, y: Array) -> Array:
    """The bits of x, y places higher."""
    return bitwise.left_shift(x, y)


@operation(dtype=result_type, spec=_together)
def left_shift(x: Array, y: Array) -> Array:
    """The bits of x, y places higher."""
    return bitwise.left_shift(x, y)


@operation(dtype=result_type, spec=_together)
def bitwise_right_shift(x: Array, y: Array) -> Array:
    """The bits of x, y places lower; the sign stays."""
    return bitwise.right_shift(x, y)


@operation(dtype=result_type, spec=_together)
def right_shift(x: Array, y: Array) -> Array:
    """The bits of x, y places lower; the sign stays."""
    return bitwise.right_shift(x, y)


@operation(dtype=result_type, spec=_together)
def gcd(x1: Array, x2: Array) -> Array:
    """The greatest common divisor.

    Raises:
        TypeError: they are no integers.
    """
    return _divisor(*_whole("gcd", x1, x2))


@operation(dtype=result_type, spec=_together)
def lcm(x1: Array, x2: Array) -> Array:
    """The least common multiple.

    Raises:
        TypeError: they are no integers.
    """
    x1, x2 = _whole("lcm", x1, x2)
    divisor = _divisor(x1, x2)
    return x1 * (x2 // e.maximum(divisor, 1))


def _whole(name: str, x1: Array, x2: Array) -> Any:
    if not x1.dtype.is_integer:
        raise DTypeError(f"Arguments to {name} must be integers. Received: {x1.dtype.name}. Try keras.ops.cast.")
    return (x1, x2) if x1.dtype.is_unsigned else (e.abs(x1), e.abs(x2))


def _divisor(x1: Array, x2: Array) -> Array:
    """Euclid's algorithm, for all elements at once."""
    both = x1 + x2
    large, small = broadcast_to(x1, both.sizes), broadcast_to(x2, both.sizes)

    def step(large: Array, small: Array) -> Any:
        done = a.equal(small, 0)
        return a.select(done, large, small), a.select(done, 0, large % a.select(done, 1, small))

    return while_loop(lambda large, small: reduce_any(small != 0), step, [large, small])[0]
