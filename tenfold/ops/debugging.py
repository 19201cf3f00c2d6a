"""`tf.debugging.*` and tf.print: checks that run where their tensors are known, and inside compiled functions otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, TensorShape
from tenfold.primitives import arithmetic as a
from tenfold.primitives import elementwise as e
from tenfold.primitives import reduction as r
from tenfold.primitives.define import tensors
from tenfold.primitives.effects import check, host_print
from tenfold.tensor.tensor import Tensor, as_tensor


def Assert(condition: Any, data: Any = None, summarize: int | None = None, name: str | None = None) -> None:
    """Raises InvalidArgumentError unless `condition` is true in all its elements; the message shows `data` where it is known.

    Example:
        >>> import tenfold as tf
        >>> tf.debugging.Assert(tf.constant(1) < 2, ["never seen"])
    """
    shown = [str(as_tensor(d)._array) if not isinstance(d, str) and as_tensor(d)._array is not None else str(d) for d in (data or [])]
    check(r.all(as_tensor(condition)), " ".join(["[Assert] assertion failed:", *shown]))


def _values(x: Tensor) -> str:
    return f"{np.array2string(x._array, threshold=12)}" if x._array is not None else f"{x.dtype.name}{x.shape}"


def _compare(name: str, sign: str, compare: Callable[[Any, Any], Tensor]) -> Callable[..., None]:
    def assertion(x: Any, y: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> None:
        x, y = tensors(assertion.__name__, (x, y))
        lead = f"[{assertion.__name__}] {message + ' ' if message else ''}"
        check(r.all(compare(x, y)), f"{lead}Expected x {sign} y in every element; received x = {_values(x)}, y = {_values(y)}.")

    assertion.__name__ = assertion.__qualname__ = name
    assertion.__doc__ = f"Raises InvalidArgumentError unless x {sign} y in every element."
    return assertion


assert_equal = _compare("assert_equal", "==", a.equal)
assert_none_equal = _compare("assert_none_equal", "!=", a.not_equal)
assert_less = _compare("assert_less", "<", a.less)
assert_less_equal = _compare("assert_less_equal", "<=", a.less_equal)
assert_greater = _compare("assert_greater", ">", lambda x, y: a.less(y, x))
assert_greater_equal = _compare("assert_greater_equal", ">=", lambda x, y: a.less_equal(y, x))


def _sign(name: str, what: str, test: Callable[[Any], Any]) -> Callable[..., None]:
    def assertion(x: Any, message: str | None = None, summarize: int | None = None, name: str | None = None) -> None:
        x = as_tensor(x)
        check(r.all(test(x)), f"[{assertion.__name__}] {message + ' ' if message else ''}Expected {what} elements; received {_values(x)}.")

    assertion.__name__ = assertion.__qualname__ = name
    assertion.__doc__ = f"Raises InvalidArgumentError unless all elements are {what}."
    return assertion


assert_positive = _sign("assert_positive", "positive", lambda x: a.less(0, x))
assert_negative = _sign("assert_negative", "negative", lambda x: a.less(x, 0))
assert_non_negative = _sign("assert_non_negative", "non-negative", lambda x: a.less_equal(0, x))
assert_non_positive = _sign("assert_non_positive", "non-positive", lambda x: a.less_equal(x, 0))


def assert_near(x: Any, y: Any, rtol: Any = None, atol: Any = None, message: str | None = None, summarize: int | None = None,
                name: str | None = None) -> None:  # fmt: skip
    """Raises InvalidArgumentError unless |x - y| <= atol + rtol * |y| in every element; both are 10 epsilon by default.

    Example:
        >>> import tenfold as tf
        >>> tf.debugging.assert_near(1.0, 1.0000001)
    """
    x, y = tensors("assert_near", (x, y))
    epsilon = 10 * float(np.finfo(x.dtype.numpy).eps) if x.dtype.is_floating and x.dtype.name != "bfloat16" else 0.08
    rtol, atol = epsilon if rtol is None else rtol, epsilon if atol is None else atol
    near = a.less_equal(e.abs(a.sub(x, y)), a.add(a.mul(e.abs(y), rtol), atol))
    check(r.all(near), f"[assert_near] {message + ' ' if message else ''}Expected x near y; received x = {_values(x)}, y = {_values(y)}.")


def check_numerics(tensor: Any, message: str, name: str | None = None) -> Tensor:
    """`tensor`, after a check that none of its elements is infinite or NaN.

    Example:
        >>> import tenfold as tf
        >>> float(tf.debugging.check_numerics(1.5, "loss"))
        1.5
    """
    x = as_tensor(tensor)
    check(r.all(e.is_finite(x)), f"[check_numerics] {message}: the tensor has elements that are infinite or NaN. Received {_values(x)}.")
    return x


assert_all_finite = check_numerics


def assert_shapes(shapes: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless tensors have the given shapes; equal letters stand for equal sizes.

    Example:
        >>> import tenfold as tf
        >>> tf.debugging.assert_shapes([(tf.zeros([2, 3]), ("n", 3)), (tf.zeros([2]), ("n",))])
    """
    known: dict[str, Any] = {}
    for x, expected in shapes.items() if isinstance(shapes, dict) else shapes:
        sizes = as_tensor(x).sizes
        wanted = list(expected) if isinstance(expected, (list, tuple)) else [expected]
        lead = wanted[0] in ("*", ...) if wanted else False
        if lead:
            wanted, sizes = wanted[1:], sizes[len(sizes) - len(wanted) + 1 :]
        if len(wanted) != len(sizes):
            raise ShapeError(f"[assert_shapes] {message or ''} Expected rank {len(wanted)} ({tuple(expected)}); received shape {TensorShape(sizes)}.")
        for want, n in zip(wanted, sizes, strict=True):
            target = known.setdefault(want, n) if isinstance(want, str) and want not in (".", "") else want
            if target not in (None, ".") and not isinstance(n, Sym) and n != target:
                raise ShapeError(f"[assert_shapes] {message or ''} Expected {tuple(expected)} with {known}; received shape {TensorShape(sizes)}.")


def _ranks(name: str, x: Any, ok: Callable[[int], bool], expected: str, message: str | None) -> None:
    rank = as_tensor(x).ndim
    if not ok(rank):
        raise ShapeError(f"[{name}] {message + ' ' if message else ''}Expected rank {expected}; received shape {as_tensor(x).shape}.")


def assert_rank(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless `x` has `rank` dimensions."""
    _ranks("assert_rank", x, lambda n: n == int(rank), str(int(rank)), message)


def assert_rank_at_least(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless `x` has at least `rank` dimensions."""
    _ranks("assert_rank_at_least", x, lambda n: n >= int(rank), f"{int(rank)} or more", message)


def assert_rank_in(x: Any, ranks: Sequence[Any], message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless the number of dimensions of `x` is among `ranks`."""
    _ranks("assert_rank_in", x, lambda n: n in [int(k) for k in ranks], f"among {[int(k) for k in ranks]}", message)


def assert_scalar(tensor: Any, message: str | None = None, name: str | None = None) -> Tensor:
    """`tensor`, after a check that it has no dimensions."""
    _ranks("assert_scalar", tensor, lambda n: n == 0, "0", message)
    return as_tensor(tensor)


def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises TypeError unless `tensor` has elements of `tf_type`."""
    found, wanted = as_tensor(tensor).dtype, as_dtype(tf_type)
    if found is not wanted:
        raise DTypeError(f"[assert_type] {message + ' ' if message else ''}Expected {wanted.name}; received {found.name}.")


def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises TypeError unless the elements are integers."""
    if not as_tensor(x).dtype.is_integer:
        raise DTypeError(f"[assert_integer] {message + ' ' if message else ''}Expected integers; received {as_tensor(x).dtype.name}.")


def assert_same_float_dtype(tensors: Any = None, dtype: Any = None) -> Any:
    """The floating-point type that all `tensors` share."""
    found = {as_tensor(t).dtype for t in tensors or []} | ({as_dtype(dtype)} if dtype is not None else set())
    if len(found) > 1 or any(not d.is_floating for d in found):
        raise DTypeError(f"[assert_same_float_dtype] expected one floating-point type; received {sorted(d.name for d in found)}.")
    return next(iter(found), as_dtype("float32"))


def assert_proper_iterable(values: Any) -> None:
    """Raises TypeError for tensors, arrays, strings and what is not iterable."""
    if isinstance(values, (Tensor, np.ndarray, str, bytes)) or not hasattr(values, "__iter__"):
        raise DTypeError(f"[assert_proper_iterable] expected a list or another iterable of tensors; received {type(values).__name__}.")


def is_numeric_tensor(tensor: Any) -> bool:
    """Whether `tensor` is a tensor of numbers."""
    return isinstance(tensor, Tensor) and tensor.dtype.is_numeric


def set_log_device_placement(enabled: bool) -> None:
    """Accepted; there is one device."""


def enable_check_numerics(stack_height_limit: int = 30, path_length_limit: int = 50) -> None:
    """Not there yet.

    Raises:
        NotImplementedError: always.
    """
    raise InvalidArgumentError("[enable_check_numerics] is not supported yet. Try tf.debugging.check_numerics where a tensor is made.")


def _shown(array: Any, summarize: int) -> str:
    edge = max(array.size, 1) if summarize < 0 else summarize
    with np.printoptions(threshold=max(2 * edge, 1), edgeitems=edge, linewidth=10**6, precision=9):
        text = np.array2string(array) if array.ndim else str(array[()])
    return text.replace("\n\n", "\n")


def print(*inputs: Any, output_stream: Any = None, summarize: int = 3, sep: str = " ", end: str = "\n", name: str | None = None) -> None:
    """Writes tensors and other values when the program comes to this point, in compiled functions too.

    Args:
        *inputs: tensors, structures of them, and anything else.
        output_stream: an open file; default: standard error, as in TensorFlow.
        summarize: how many elements to show at either end of a dimension; -1 for all.
        sep: between the values.
        end: after the last.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf, sys
        >>> tf.print("x =", tf.constant([1, 2]), output_stream=sys.stdout)
        x = [1 2]
    """
    found: list[Tensor] = []
    pieces = [_template(value, found) for value in inputs]

    def text(*arrays: Any) -> str:
        rest = iter(arrays)
        return sep.join("".join(part if isinstance(part, str) else _shown(next(rest), summarize) for part in piece) for piece in pieces) + end

    host_print(*found, format=text, file=output_stream if hasattr(output_stream, "write") else None)


def _template(value: Any, found: list[Tensor]) -> list[Any]:
    """The text of a value with None where a tensor's elements belong; the tensors are added to `found`."""
    if isinstance(value, dict):
        inner = [["'" * isinstance(k, str) + str(k) + "'" * isinstance(k, str) + ": ", *_template(v, found)] for k, v in value.items()]
        return ["{", *_joined(inner), "}"]
    if isinstance(value, (list, tuple)):
        brackets = "[]" if isinstance(value, list) else "()"
        return [brackets[0], *_joined([_template(v, found) for v in value]), brackets[1]]
    if isinstance(value, (Tensor, np.ndarray)) or hasattr(value, "read_value"):
        found.append(as_tensor(value))
        return [None]
    return [str(value)]


def _joined(parts: list[list[Any]]) -> list[Any]:
    return [piece for i, part in enumerate(parts) for piece in ([", "] if i else []) + part]


__all__ = [
    "Assert", "assert_all_finite", "assert_equal", "assert_greater", "assert_greater_equal", "assert_integer", "assert_less",
    "assert_less_equal", "assert_near", "assert_negative", "assert_non_negative", "assert_non_positive", "assert_none_equal",
    "assert_positive", "assert_proper_iterable", "assert_rank", "assert_rank_at_least", "assert_rank_in", "assert_same_float_dtype",
    "assert_scalar", "assert_shapes", "assert_type", "check_numerics", "enable_check_numerics", "is_numeric_tensor", "print",
    "set_log_device_placement",
]  # fmt: skip
