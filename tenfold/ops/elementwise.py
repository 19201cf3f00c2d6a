"""Functions that work element by element: arithmetic, comparison, logic and the special functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives.define import tensors
from tenfold.primitives.operators import absolute
from tenfold.primitives.operators import truediv as truediv_
from tenfold.tensor.tensor import Tensor, as_tensor


def public(primitive: Callable[..., Any], name: str, example: str = "") -> Callable[..., Tensor]:
    """The public form `name(x, name=None)` of a function of one argument."""

    def operation(x: Any, name: str | None = None) -> Tensor:
        result: Tensor = primitive(x)
        return result

    return _described(operation, primitive, name, example)


def public2(primitive: Callable[..., Any], name: str, example: str = "") -> Callable[..., Tensor]:
    """The public form `name(x, y, name=None)` of a function of two arguments."""

    def operation(x: Any, y: Any, name: str | None = None) -> Tensor:
        result: Tensor = primitive(x, y)
        return result

    return _described(operation, primitive, name, example)


def _described(operation: Callable[..., Tensor], primitive: Callable[..., Any], name: str, example: str) -> Callable[..., Tensor]:
    operation.__name__ = operation.__qualname__ = name
    operation.__doc__ = primitive.__doc__
    if example:
        code, result = example.split(" -> ")
        shown = f"float(tf.math.{name}({code}))" if "[" not in code else f"tf.math.{name}({code}).numpy()"
        operation.__doc__ = f"{primitive.__doc__}\n\n    Example:\n        >>> import tenfold as tf\n        >>> {shown}\n        {result}\n    "
    return operation


acos = public(e.acos, "acos", "1.0 -> 0.0")
acosh = public(e.acosh, "acosh", "1.0 -> 0.0")
asin = public(e.asin, "asin", "0.0 -> 0.0")
asinh = public(e.asinh, "asinh", "0.0 -> 0.0")
atan = public(e.atan, "atan", "0.0 -> 0.0")
atanh = public(e.atanh, "atanh", "0.0 -> 0.0")
ceil = public(e.ceil, "ceil", "1.2 -> 2.0")
cos = public(e.cos, "cos", "0.0 -> 1.0")
cosh = public(e.cosh, "cosh", "0.0 -> 1.0")
digamma = public(e.digamma, "digamma")
erf = public(e.erf, "erf", "0.0 -> 0.0")
erfc = public(e.erfc, "erfc", "0.0 -> 1.0")
erfinv = public(e.erfinv, "erfinv", "0.0 -> 0.0")
exp = public(e.exp, "exp", "0.0 -> 1.0")
expm1 = public(e.expm1, "expm1", "0.0 -> 0.0")
floor = public(e.floor, "floor", "-1.2 -> -2.0")
is_finite = public(e.is_finite, "is_finite", "[1.0, float('inf')] -> array([ True, False])")
is_inf = public(e.is_inf, "is_inf", "[1.0, float('inf')] -> array([False,  True])")
is_nan = public(e.is_nan, "is_nan", "[1.0, float('nan')] -> array([False,  True])")
lgamma = public(e.lgamma, "lgamma", "1.0 -> 0.0")
log = public(a.log, "log", "1.0 -> 0.0")
log1p = public(e.log1p, "log1p", "0.0 -> 0.0")
logical_not = public(a.logical_not, "logical_not", "[True, False] -> array([False,  True])")
negative = public(a.neg, "negative", "2.0 -> -2.0")
rint = public(e.round, "rint", "2.5 -> 2.0")
rsqrt = public(e.rsqrt, "rsqrt", "4.0 -> 0.5")
sigmoid = public(e.sigmoid, "sigmoid", "0.0 -> 0.5")
sin = public(e.sin, "sin", "0.0 -> 0.0")
sinh = public(e.sinh, "sinh", "0.0 -> 0.0")
sqrt = public(e.sqrt, "sqrt", "9.0 -> 3.0")
tan = public(e.tan, "tan", "0.0 -> 0.0")
tanh = public(e.tanh, "tanh", "0.0 -> 0.0")

add = public2(a.add, "add", "[1, 2], 10 -> array([11, 12], dtype=int32)")
subtract = public2(a.sub, "subtract", "[1, 2], 10 -> array([-9, -8], dtype=int32)")
multiply = public2(a.mul, "multiply", "[1, 2], 10 -> array([10, 20], dtype=int32)")
floordiv = public2(a.floordiv, "floordiv", "[7, -7], 2 -> array([ 3, -4], dtype=int32)")
floormod = public2(a.floormod, "floormod", "[7, -7], 4 -> array([3, 1], dtype=int32)")
mod = public2(a.floormod, "mod", "[7, -7], 4 -> array([3, 1], dtype=int32)")
truncatemod = public2(a.truncatemod, "truncatemod")
maximum = public2(a.maximum, "maximum", "[1, 5], 3 -> array([3, 5], dtype=int32)")
minimum = public2(a.minimum, "minimum", "[1, 5], 3 -> array([1, 3], dtype=int32)")
equal = public2(a.equal, "equal", "[1, 2], 2 -> array([False,  True])")
not_equal = public2(a.not_equal, "not_equal", "[1, 2], 2 -> array([ True, False])")
less = public2(a.less, "less", "[1, 2], 2 -> array([ True, False])")
less_equal = public2(a.less_equal, "less_equal", "[1, 3], 2 -> array([ True, False])")
logical_and = public2(a.logical_and, "logical_and", "[True, False], True -> array([ True, False])")
logical_or = public2(a.logical_or, "logical_or", "[True, False], False -> array([ True, False])")
logical_xor = public2(a.logical_xor, "logical_xor", "[True, False], True -> array([False,  True])")
nextafter = public2(e.nextafter, "nextafter", "[1.0], 2.0 -> array([1.0000001], dtype=float32)")
zeta = public2(e.zeta, "zeta", "[2.0], 1.0 -> array([1.644934], dtype=float32)")
truediv = public2(truediv_, "truediv", "[1, 2], 4 -> array([0.25, 0.5 ])")


def divide(x: Any, y: Any, name: str | None = None) -> Any:
    """x / y as Python means it: integers become floats.

    Example:
        >>> import tenfold as tf
        >>> tf.divide([3.0, 6.0], 2.0).numpy()
        array([1.5, 3. ], dtype=float32)
    """
    return truediv_(x, y)


def truncatediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y rounded toward zero, as C's `/` of integers; an integer divided by 0 gives 0.

    Example:
        >>> import tenfold as tf
        >>> tf.truncatediv([7, -7], 2).numpy()
        array([ 3, -3], dtype=int32)
    """
    x, y = tensors("truncatediv", (x, y))
    result: Tensor = a.trunc(x / y) if x.dtype.is_floating else a.truncatediv(x, y)
    return result


def pow(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x to the power y, element by element.

    Example:
        >>> import tenfold as tf
        >>> tf.pow([2, 3], 2).numpy()
        array([4, 9], dtype=int32)
    """
    result: Tensor = a.pow(x, y)
    return result


def atan2(y: Any, x: Any, name: str | None = None) -> Tensor:
    """The angle of the point (x, y), in radians from -pi to pi.

    Example:
        >>> import tenfold as tf
        >>> float(tf.atan2(0.0, 1.0))
        0.0
    """
    result: Tensor = a.atan2(y, x)
    return result


def greater(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x > y, element by element.

    Example:
        >>> import tenfold as tf
        >>> tf.greater([1, 3], 2).numpy()
        array([False,  True])
    """
    x, y = tensors("greater", (x, y))
    result: Tensor = a.less(y, x)
    return result


def greater_equal(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x >= y, element by element.

    Example:
        >>> import tenfold as tf
        >>> tf.greater_equal([1, 2], 2).numpy()
        array([False,  True])
    """
    x, y = tensors("greater_equal", (x, y))
    result: Tensor = a.less_equal(y, x)
    return result


def abs(x: Any, name: str | None = None) -> Tensor:
    """The absolute value; the modulus of complex numbers.

    Example:
        >>> import tenfold as tf
        >>> tf.abs([-1.5, 2.0]).numpy()
        array([1.5, 2. ], dtype=float32)
    """
    return absolute(x)


def sign(x: Any, name: str | None = None) -> Tensor:
    """-1, 0 or 1; for complex numbers x / |x|.

    Example:
        >>> import tenfold as tf
        >>> tf.sign([-1.5, 0.0, 2.0]).numpy()
        array([-1.,  0.,  1.], dtype=float32)
    """
    x = as_tensor(x)
    if x.dtype.is_complex:
        size = a.cast(absolute(x), x.dtype)
        zero = a.equal(size, 0)
        return a.select(zero, 0, x / a.select(zero, 1, size))
    if x.dtype.is_unsigned:
        return a.minimum(x, 1)
    result: Tensor = e.sign(x)
    return result


def round(x: Any, name: str | None = None) -> Tensor:
    """Rounded to the nearest integer, halves to even. Integers are returned as they are.

    Example:
        >>> import tenfold as tf
        >>> tf.round([0.5, 1.5, 2.4]).numpy()
        array([0., 2., 2.], dtype=float32)
    """
    x = as_tensor(x)
    return x if x.dtype.is_integer else e.round(x)


def square(x: Any, name: str | None = None) -> Tensor:
    """x * x.

    Example:
        >>> import tenfold as tf
        >>> tf.square([2, -3]).numpy()
        array([4, 9], dtype=int32)
    """
    x = as_tensor(x)
    return x * x


def reciprocal(x: Any, name: str | None = None) -> Tensor:
    """1 / x.

    Example:
        >>> import tenfold as tf
        >>> tf.math.reciprocal([2.0, 4.0]).numpy()
        array([0.5 , 0.25], dtype=float32)
    """
    x = as_tensor(x)
    result: Tensor = a.truncatediv(1, x) if x.dtype.is_integer else a.div(1, x)
    return result


def real(input: Any, name: str | None = None) -> Tensor:
    """The real part; real tensors are returned as they are."""
    x = as_tensor(input)
    return a.real(x) if x.dtype.is_complex else x


def imag(input: Any, name: str | None = None) -> Tensor:
    """The imaginary part; 0 for real tensors."""
    x = as_tensor(input)
    return a.imag(x) if x.dtype.is_complex else a.zeros_like(x)


def conj(x: Any, name: str | None = None) -> Tensor:
    """The complex conjugate; real tensors are returned as they are."""
    return a.conj(as_tensor(x))


def angle(input: Any, name: str | None = None) -> Tensor:
    """The argument of complex numbers, in radians; 0 or pi for real ones."""
    x = as_tensor(input)
    if x.dtype.is_complex:
        return a.atan2(a.imag(x), a.real(x))
    return a.select(a.less(x, 0), math.pi, a.zeros_like(x))


def complex(real: Any, imag: Any, name: str | None = None) -> Tensor:
    """A complex tensor from its real and imaginary parts.

    Example:
        >>> import tenfold as tf
        >>> tf.complex([1.0], [2.0]).numpy()
        array([1.+2.j], dtype=complex64)
    """
    result: Tensor = a.complex_(real, imag)
    return result
