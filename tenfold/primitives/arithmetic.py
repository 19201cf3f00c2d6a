"""Elementwise arithmetic, comparison and logic: two-argument primitives and their relatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import ALL, BOOL, BY_NUMPY, COMPLEXES, FLOATS, INEXACT, INTEGERS, NUMBERS, REALS, SIGNED, DType, as_dtype, bool_, string
from tenfold.core.errors import DTypeError, ShapeError
from tenfold.core.shapes import broadcast
from tenfold.ir.primitive import Kind, Spec
from tenfold.kernel import loops, mathlib
from tenfold.kernel.loops import Expr
from tenfold.primitives.define import each, elementwise, primitive
from tenfold.tensor.tensor import Tensor, as_tensor, common_dtype, wrap

TWO = ((-3, 3), (-3, 3))
APART = ((0.5, 3), (-3, -0.5))


def constant_like(value: Any, x: Tensor) -> Tensor:
    """A scalar of the element type of `x`."""
    return wrap(np.asarray(value, x.dtype.numpy))


def zeros_like(x: Any) -> Tensor:
    """Zeros in the shape of `x`."""
    return mul(x, constant_like(0, x)) if x.dtype is not bool_ else logical_and(x, constant_like(False, x))


@elementwise(vjp=(lambda g, y, a, b: g, lambda g, y, a, b: g), oracle=np.add, dtypes=(*NUMBERS, string), samples=TWO)
def add(a: Expr, b: Expr) -> Expr:
    """a + b, element by element; strings one after the other."""
    return a + b


@elementwise(vjp=(lambda g, y, a, b: g, lambda g, y, a, b: neg(g)), oracle=np.subtract, dtypes=NUMBERS, samples=TWO)
def sub(a: Expr, b: Expr) -> Expr:
    """a - b, element by element."""
    return a - b


@elementwise(vjp=(lambda g, y, a, b: g * conj(b), lambda g, y, a, b: g * conj(a)), oracle=np.multiply, dtypes=NUMBERS, samples=TWO)
def mul(a: Expr, b: Expr) -> Expr:
    """a * b, element by element."""
    return a * b


@elementwise(vjp=(lambda g, y, a, b: g / conj(b), lambda g, y, a, b: neg(g * conj(y / b))), oracle=np.divide, dtypes=INEXACT, samples=APART)
def div(a: Expr, b: Expr) -> Expr:
    """a / b, element by element; floating-point only."""
    return a / b


def _floordiv(a: Any, b: Any) -> Any:
    return np.floor_divide(a, b) if a.dtype.kind in "iuO" else np.floor(a / b).astype(a.dtype)


@elementwise(vjp=(None, None), oracle=_floordiv, dtypes=REALS, samples=APART)
def floordiv(a: Expr, b: Expr) -> Expr:
    """a / b rounded toward minus infinity, as Python's `//`. Integer division by zero gives 0."""
    return mathlib.floor_div(a, b)


@elementwise(vjp=(lambda g, y, a, b: g, lambda g, y, a, b: neg(g * floordiv(a, b))), oracle=np.mod, dtypes=REALS, samples=APART)
def floormod(a: Expr, b: Expr) -> Expr:
    """The remainder with the sign of b, as Python's `%`."""
    return mathlib.floor_mod(a, b)


def _truncatediv(a: Any, b: Any) -> Any:
    safe = np.where(b == 0, np.ones_like(b), b)
    quotient = np.abs(a.astype(np.float64)) // np.abs(safe.astype(np.float64)) if a.dtype.itemsize < 8 else None
    if quotient is None:
        exact = np.floor_divide(a, safe)
        return np.where(b == 0, np.zeros_like(a), exact + ((exact < 0) & (exact * safe != a)).astype(a.dtype)).astype(a.dtype)
    return np.where(b == 0, 0, quotient * np.sign(a.astype(np.float64)) * np.sign(safe.astype(np.float64))).astype(a.dtype)


@elementwise(oracle=_truncatediv, dtypes=INTEGERS, samples=((-9, 9), (1, 5)))
def truncatediv(a: Expr, b: Expr) -> Expr:
    """Integer a / b rounded toward zero, as C's `/`; x / 0 is 0."""
    return a / b


@elementwise(vjp=(lambda g, y, a, b: g, lambda g, y, a, b: neg(g * trunc(a / b))), oracle=np.fmod, dtypes=REALS, samples=APART)
def truncatemod(a: Expr, b: Expr) -> Expr:
    """The remainder with the sign of a, as C's `%` and `fmod`."""
    return a % b


def _pow_vjp_base(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    one = constant_like(1, b)
    safe = select(equal(b, constant_like(0, b)), one, b)
    return select(equal(b, constant_like(0, b)), constant_like(0, b), mul(g, conj(mul(safe, pow(a, sub(safe, one))))))


def _pow_vjp_exponent(g: Tensor, y: Tensor, a: Tensor, b: Tensor) -> Tensor:
    zero = constant_like(0, a)
    positive = not_equal(a, zero) if a.dtype.is_complex else less(zero, a)
    return mul(g, conj(mul(y, select(positive, log(select(positive, a, constant_like(1, a))), zero))))


def _pow(a: Any, b: Any) -> Any:
    """Integers wrap; to a negative power they are rounded toward 0."""
    if a.dtype.kind != "i":
        return np.power(a, b)
    below = np.where((a == 1) | ((a == -1) & (b % 2 == 0)), 1, np.where(a == -1, -1, 0))
    return np.where(b < 0, below, np.power(a, np.maximum(b, 0))).astype(a.dtype)


@elementwise(vjp=(_pow_vjp_base, _pow_vjp_exponent), oracle=_pow, dtypes=(*INTEGERS, *INEXACT), samples=((0.2, 3), (-2, 2)))
def pow(a: Expr, b: Expr) -> Expr:
    """a to the power b, element by element."""
    return mathlib.pow(a, b)


def _tie_share(g: Tensor, mine: Tensor) -> Tensor:
    return select(mine, g, constant_like(0, g))


@elementwise(vjp=(lambda g, y, a, b: _tie_share(g, less_equal(b, a)), lambda g, y, a, b: _tie_share(g, less(a, b))),
             oracle=np.maximum, dtypes=REALS, samples=TWO)  # fmt: skip
def maximum(a: Expr, b: Expr) -> Expr:
    """The larger element; NaN if either is. At ties the gradient goes to `a`."""
    return loops.binary("max", a, b)


@elementwise(vjp=(lambda g, y, a, b: _tie_share(g, less_equal(a, b)), lambda g, y, a, b: _tie_share(g, less(b, a))),
             oracle=np.minimum, dtypes=REALS, samples=TWO)  # fmt: skip
def minimum(a: Expr, b: Expr) -> Expr:
    """The smaller element; NaN if either is. At ties the gradient goes to `a`."""
    return loops.binary("min", a, b)


@elementwise(vjp=(lambda g, y, a, b: g * b / (a * a + b * b), lambda g, y, a, b: neg(g * a / (a * a + b * b))),
             oracle=np.arctan2, dtypes=FLOATS, samples=APART)  # fmt: skip
def atan2(a: Expr, b: Expr) -> Expr:
    """The angle of the point (b, a), in radians from -pi to pi."""
    return mathlib.atan2(a, b)


@elementwise(oracle=np.equal, dtypes=(*ALL, string), samples=TWO, out=bool_)
def equal(a: Expr, b: Expr) -> Expr:
    """a == b, element by element."""
    return loops.binary("eq", a, b)


@elementwise(oracle=np.not_equal, dtypes=(*ALL, string), samples=TWO, out=bool_)
def not_equal(a: Expr, b: Expr) -> Expr:
    """a != b, element by element."""
    return loops.binary("ne", a, b)


@elementwise(oracle=np.less, dtypes=REALS, samples=TWO, out=bool_)
def less(a: Expr, b: Expr) -> Expr:
    """a < b, element by element."""
    return a < b


@elementwise(oracle=np.less_equal, dtypes=REALS, samples=TWO, out=bool_)
def less_equal(a: Expr, b: Expr) -> Expr:
    """a <= b, element by element."""
    return a <= b


@elementwise(oracle=np.logical_and, dtypes=BOOL)
def logical_and(a: Expr, b: Expr) -> Expr:
    """Both."""
    return a & b


@elementwise(oracle=np.logical_or, dtypes=BOOL)
def logical_or(a: Expr, b: Expr) -> Expr:
    """Either."""
    return a | b


@elementwise(oracle=np.logical_xor, dtypes=BOOL)
def logical_xor(a: Expr, b: Expr) -> Expr:
    """One and not the other."""
    return a ^ b


@elementwise(oracle=np.logical_not, dtypes=BOOL)
def logical_not(a: Expr) -> Expr:
    """Not."""
    return ~a


@elementwise(oracle=np.bitwise_and, dtypes=INTEGERS, samples=((0, 100), (0, 100)))
def bitwise_and(a: Expr, b: Expr) -> Expr:
    """The bits that are set in both."""
    return a & b


@elementwise(oracle=np.bitwise_or, dtypes=INTEGERS, samples=((0, 100), (0, 100)))
def bitwise_or(a: Expr, b: Expr) -> Expr:
    """The bits that are set in either."""
    return a | b


@elementwise(oracle=np.bitwise_xor, dtypes=INTEGERS, samples=((0, 100), (0, 100)))
def bitwise_xor(a: Expr, b: Expr) -> Expr:
    """The bits that differ."""
    return a ^ b


@elementwise(oracle=np.invert, dtypes=INTEGERS, samples=((0, 100),))
def invert(a: Expr) -> Expr:
    """All bits flipped."""
    return ~a


def _places(b: Expr) -> Expr:
    last = b.dtype.size * 8 - 1
    if b.op == "const" and 0 <= b.attr <= last:
        return b
    return loops.binary("min", b if b.dtype.is_unsigned else loops.binary("max", b, 0), last)


@elementwise(oracle=lambda a, b: np.left_shift(a, np.clip(b, 0, a.dtype.itemsize * 8 - 1)), dtypes=INTEGERS, samples=((0, 3), (0, 4)))
def left_shift(a: Expr, b: Expr) -> Expr:
    """The bits of a moved up by b places: none where b is negative, at most all but one."""
    return a << _places(b)


@elementwise(oracle=lambda a, b: np.right_shift(a, np.clip(b, 0, a.dtype.itemsize * 8 - 1)), dtypes=INTEGERS, samples=((0, 100), (0, 4)))
def right_shift(a: Expr, b: Expr) -> Expr:
    """The bits of a moved down by b places (none where b is negative, at most all but one); signed types keep their sign."""
    return a >> _places(b)


def _select_spec(c: Spec, a: Spec, b: Spec) -> Spec:
    if c.dtype is not bool_:
        raise DTypeError(f"[where] the condition must be bool; received {c.dtype.name}. Try condition != 0.")
    if a.dtype is not b.dtype:
        raise DTypeError(f"[where] data types differ. Expected one type for both branches; received {a.dtype.name} and {b.dtype.name}. Try tf.cast.")
    return Spec(broadcast("where", c.shape, a.shape, b.shape), a.dtype)


@primitive(Kind.ELEMENTWISE, spec=_select_spec, oracle=np.where, lower=loops.select, dtypes=BOOL,
           vjp=each(None, lambda g, y, c, a, b: select(c, g, constant_like(0, g)),
                    lambda g, y, c, a, b: select(c, constant_like(0, g), g)))  # fmt: skip
def select(apply: Any, condition: Any, a: Any, b: Any) -> Tensor:
    """`a` where `condition`, else `b`, element by element."""
    condition = as_tensor(condition)
    if type(a) is not Tensor or type(b) is not Tensor:
        hint = common_dtype((a, b))
        a, b = as_tensor(a, hint=hint), as_tensor(b, hint=hint)
    result: Tensor = apply(condition, a, b)
    return result


def _cast_oracle(x: Any, dtype: DType) -> Any:
    if dtype is bool_:
        return x != 0
    if x.dtype.kind == "c" and not dtype.is_complex:
        x = x.real
    if dtype.is_integer and BY_NUMPY[x.dtype].is_floating:
        wide = np.nan_to_num(np.trunc(x.astype(np.float64)), nan=0.0, posinf=np.inf, neginf=-np.inf)
        inside = np.clip(wide, float(dtype.min), float(dtype.max))
        result = np.where(inside >= float(dtype.max), dtype.max, np.where(inside >= float(dtype.max), 0, inside).astype(dtype.numpy))
        return result.astype(dtype.numpy)
    return x.astype(dtype.numpy)


def _cast_vjp(g: Tensor, y: Tensor, x: Tensor, dtype: DType) -> Tensor | None:
    return cast(g, x.dtype) if x.dtype.is_differentiable and dtype.is_differentiable else None


def _cast_lower(x: Expr, dtype: DType) -> Expr:
    return loops.cast(x, dtype)


def _cast_spec(x: Spec, dtype: DType) -> Spec:
    if x.dtype is string or dtype is string:
        other = "tf.strings.to_number(x)" if x.dtype is string else "tf.strings.as_string(x)"
        raise DTypeError(f"[cast] strings are read and written, not cast. Received {x.dtype.name} to become {dtype.name}. Try {other}.")
    return Spec(x.shape, dtype)


@primitive(Kind.ELEMENTWISE, spec=_cast_spec, oracle=_cast_oracle, vjp=each(_cast_vjp), lower=_cast_lower, dtypes=ALL)
def cast(apply: Any, x: Any, dtype: Any) -> Tensor:
    """`x` converted to `dtype`: float to integer truncates toward zero (and saturates; NaN gives 0)."""
    want = as_dtype(dtype)
    x = as_tensor(x)
    return x if x.dtype is want else apply(x, dtype=want)


def _bitcast_spec(x: Spec, dtype: DType) -> Spec:
    if x.dtype.size != dtype.size:
        raise ShapeError(f"[bitcast] element sizes differ. Expected a type of {x.dtype.size} bytes as {x.dtype.name} has; received {dtype.name}.")
    return Spec(x.shape, dtype)


@primitive(Kind.ELEMENTWISE, spec=_bitcast_spec, oracle=lambda x, dtype: np.asarray(x, order="C").view(dtype.numpy),
           lower=lambda x, dtype: loops.bitcast(x, dtype), dtypes=ALL)  # fmt: skip
def bitcast(apply: Any, x: Any, dtype: Any) -> Tensor:
    """The bits of `x` read as `dtype`, a type of the same size."""
    result: Tensor = apply(as_tensor(x), dtype=as_dtype(dtype))
    return result


@elementwise(vjp=lambda g, y, x: neg(g), oracle=np.negative, dtypes=(*SIGNED, *INEXACT), samples=((-3, 3),))
def neg(x: Expr) -> Expr:
    """-x, element by element."""
    return -x


@elementwise(vjp=lambda g, y, x: log_vjp(g, x), oracle=np.log, dtypes=INEXACT, samples=((0.1, 5),))
def log(x: Expr) -> Expr:
    """The natural logarithm, element by element."""
    return mathlib.log(x)


def log_vjp(g: Tensor, x: Tensor) -> Tensor:
    """g / conj(x)."""
    return div(g, conj(x))


@elementwise(vjp=lambda g, y, x: None, oracle=np.trunc, dtypes=FLOATS, samples=((-3, 3),))
def trunc(x: Expr) -> Expr:
    """Rounded toward zero."""
    return loops.unary("trunc", x)


@elementwise(vjp=lambda g, y, x: conjugate(g), oracle=np.conj, dtypes=COMPLEXES)
def conjugate(x: Expr) -> Expr:
    """The complex conjugate."""
    return x


def conj(x: Tensor) -> Tensor:
    """The complex conjugate; a real tensor is returned as it is."""
    return conjugate(x) if x.dtype.is_complex else x


def _complex_spec(re: Spec, im: Spec) -> Spec:
    if re.dtype is not im.dtype or re.dtype.name not in ("float32", "float64"):
        raise DTypeError(f"[complex] expected two float32 or two float64 tensors; received {re.dtype.name} and {im.dtype.name}.")
    return Spec(broadcast("complex", re.shape, im.shape), as_dtype("complex64" if re.dtype.name == "float32" else "complex128"))


def _complex_oracle(re: Any, im: Any) -> Any:
    return (re + 1j * im).astype(np.complex64 if re.dtype == np.float32 else np.complex128)


@primitive(Kind.ELEMENTWISE, spec=_complex_spec, oracle=_complex_oracle, vjp=each(lambda g, y, re, im: real(g), lambda g, y, re, im: imag(g)))
def complex_(apply: Any, re: Any, im: Any) -> Tensor:
    """A complex tensor from its real and imaginary parts."""
    result: Tensor = apply(re, im)
    return result


def _half(dtype: DType) -> DType:
    return dtype.real_dtype


@elementwise(vjp=lambda g, y, x: complex_(g, zeros_like(g)), oracle=np.real, dtypes=COMPLEXES, out=_half)
def real(x: Expr) -> Expr:
    """The real part."""
    return x


@elementwise(vjp=lambda g, y, x: complex_(zeros_like(g), g), oracle=np.imag, dtypes=COMPLEXES, out=_half)
def imag(x: Expr) -> Expr:
    """The imaginary part."""
    return x
