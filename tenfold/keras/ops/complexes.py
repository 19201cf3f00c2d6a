"""Complex numbers in `keras.ops`."""

from __future__ import annotations

from tenfold.core.dtypes import bool_
from tenfold.keras.base.promotion import floating
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import creation
from tenfold.ops import elementwise as e
from tenfold.primitives import arithmetic as a


@operation()
def real(x: Array) -> Array:
    """The real part."""
    return e.real(x)


@operation()
def imag(x: Array) -> Array:
    """The imaginary part."""
    return e.imag(x)


@operation()
def conjugate(x: Array) -> Array:
    """x with the sign of its imaginary part turned."""
    return e.conj(x)


@operation()
def conj(x: Array) -> Array:
    """x with the sign of its imaginary part turned."""
    return e.conj(x)


@operation(dtype=floating)
def angle(x: Array) -> Array:
    """The angle of a complex number; 0 or pi for a real one."""
    return e.angle(x)


@operation()
def isreal(x: Array) -> Array:
    """Whether the imaginary part is 0."""
    return a.equal(e.imag(x), 0) if x.dtype.is_complex else creation.ones_like(x, dtype=bool_)
