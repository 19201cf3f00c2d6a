"""Primitives that act: checks, prints and calls of Python functions. They run in the order in which they were called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import ALL, BOOL, BY_NUMPY, DType, bool_
from tenfold.core.errors import DTypeError, InvalidArgumentError, ShapeError
from tenfold.core.shapes import Shape, show
from tenfold.ir.primitive import Kind, Spec
from tenfold.primitives.define import primitive
from tenfold.tensor.tensor import Tensor, as_tensor


def _check_spec(ok: Spec, message: str) -> tuple[()]:
    if ok.dtype is not bool_:
        raise DTypeError(f"[check] expected a bool scalar; received {ok}.")
    if ok.shape != ():
        raise ShapeError(f"[check] expected a bool scalar; received {ok}. Try tf.reduce_all.")
    return ()


def _check_oracle(ok: Any, message: str) -> tuple[()]:
    if not ok:
        raise InvalidArgumentError(message)
    return ()


@primitive(Kind.EFFECT, spec=_check_spec, oracle=_check_oracle, dtypes=BOOL, pure=False)
def check(apply: Any, ok: Any, message: str) -> None:
    """Raises InvalidArgumentError(message) unless `ok`: at once where it is known, otherwise when the compiled function has run."""
    ok = as_tensor(ok)
    if ok._array is not None and ok.sizes == () and bool(ok._array) and ok.dtype is bool_:
        return
    if ok._array is not None:
        _check_spec(ok.spec, message)
        _check_oracle(ok._array, message)
    apply(ok, message=message)


def _write(*arrays: Any, format: Callable[..., str], file: Any) -> tuple[()]:
    print(format(*arrays), file=sys.stderr if file is None else file, end="", flush=True)
    return ()


@primitive(Kind.EFFECT, spec=lambda *xs, format, file: (), oracle=_write, dtypes=ALL, pure=False)
def host_print(apply: Any, *xs: Any, format: Callable[..., str], file: Any = None) -> None:
    """Writes `format(*arrays)` to `file` (standard error) when the values are there."""
    apply(*[as_tensor(x) for x in xs], format=format, file=file)


def _call_spec(*xs: Spec, function: Any, shapes: Sequence[Shape], dtypes: Sequence[DType]) -> tuple[Spec, ...]:
    return tuple(Spec(tuple(s), d) for s, d in zip(shapes, dtypes, strict=True))


def _call_oracle(*arrays: Any, function: Any, shapes: Any, dtypes: Any) -> tuple[Any, ...]:
    given = function(*arrays)
    results = [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]
    if len(results) != len(dtypes):
        raise InvalidArgumentError(f"[py_function] expected {len(dtypes)} results, as its output types say; the function returned {len(results)}.")
    return tuple(_checked(np.asarray(r), s, d) for r, s, d in zip(results, shapes, dtypes, strict=True))


def _checked(array: Any, shape: Shape, dtype: DType) -> Any:
    if array.shape != tuple(shape):
        raise ShapeError(f"[py_function] the function returned another shape. Expected {show(shape)}; received {show(array.shape)}.")
    if array.dtype != dtype.numpy:
        kind = BY_NUMPY.get(array.dtype)
        raise DTypeError(f"[py_function] the function returned another type. Expected {dtype.name}; "
                         f"received {kind.name if kind else array.dtype}. Try x.astype.")  # fmt: skip
    return np.array(array)


@primitive(Kind.EFFECT, spec=_call_spec, oracle=_call_oracle, dtypes=ALL, pure=False)
def py_function(
    apply: Any, function: Callable[..., Any], inputs: Sequence[Any], shapes: Sequence[Shape], dtypes: Sequence[DType]
) -> tuple[Tensor, ...]:
    """Calls a Python function on NumPy arrays whenever the program comes to this point; its results must have the given shapes and types."""
    xs = [as_tensor(x) for x in inputs]
    result: tuple[Tensor, ...] = apply(*xs, function=function, shapes=tuple(tuple(s) for s in shapes), dtypes=tuple(dtypes))
    return result
