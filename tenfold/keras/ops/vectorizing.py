"""Functions of one element, or of one vector, made functions of whole tensors, in `keras.ops`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from tenfold.core import nest
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import broadcast, product
from tenfold.ops import shaping
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform.batching import vectorized_map

Names = tuple[str, ...]  # the named axes of one argument or result
_LIST = r"\((?:\w+(?:,\w+)*)?\)"
_SIGNATURE = re.compile(rf"{_LIST}(?:,{_LIST})*->{_LIST}(?:,{_LIST})*")


def vectorize(pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None) -> Callable[..., Any]:
    """A function that applies `pyfunc` to each element of its arguments, all at once; they broadcast.

    Args:
        pyfunc: takes elements, and returns one or several tensors.
        excluded: numbers and names of arguments that are handed on as they are.
        signature: which axes `pyfunc` takes whole, such as "(n),(n)->()" for a product of vectors; default: none.

    Example:
        >>> product = vectorize(lambda x, y: tf.reduce_sum(x * y), signature="(n),(n)->()")
        >>> product(np.ones((3, 2), "float32"), np.array([1.0, 2.0], "float32")).numpy()
        array([3., 3., 3.], dtype=float32)

    Raises:
        TypeError: `pyfunc` cannot be called.
        ValueError: the signature is malformed; when called: an argument does not fit it.
    """
    if not callable(pyfunc):
        raise TypeError(f"Expected argument `pyfunc` to be a callable. Received: pyfunc={pyfunc}")
    named = None if signature is None else _parsed(signature)

    @wraps(pyfunc)
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        fixed = {*(excluded or ()), *(i for i, x in enumerate(args) if x is None), *(k for k, x in kwargs.items() if x is None)}
        places = [k for k in (*range(len(args)), *kwargs) if k not in fixed]
        tensors = [as_tensor(args[k] if isinstance(k, int) else kwargs[k]) for k in places]

        def apply(*elements: Any) -> Any:
            given = dict(zip(places, elements, strict=True))
            return pyfunc(*(given.get(i, x) for i, x in enumerate(args)), **{k: given.get(k, x) for k, x in kwargs.items()})

        return _over_all(apply, tensors, *(named or ([()] * len(tensors), None)))

    return vectorized


def _parsed(signature: str) -> tuple[list[Names], list[Names]]:
    text = signature.replace(" ", "")
    if not _SIGNATURE.fullmatch(text):
        raise InvalidArgumentError(f"not a valid gufunc signature: {signature}. Expected one such as '(n),(n,m)->(m)'.")
    inputs, outputs = ([tuple(re.findall(r"\w+", part)) for part in re.findall(_LIST, side)] for side in text.split("->"))
    return inputs, outputs


def _fit(names: Names, sizes: Sequence[Any], known: dict[str, Any]) -> None:
    """Checks the sizes of named axes against those seen before."""
    for name, size in zip(names, sizes, strict=True):
        if known.setdefault(name, size) != size:
            raise ShapeError(f"inconsistent size for core dimension {name}: {size} vs {known[name]}")


def _over_all(function: Callable[..., Any], tensors: list[Tensor], inputs: list[Names], outputs: list[Names] | None) -> Any:
    if len(tensors) != len(inputs):
        raise TypeError(f"wrong number of positional arguments: expected {len(inputs)}, got {len(tensors)}")
    known: dict[str, Any] = {}
    outer = []
    for x, names in zip(tensors, inputs, strict=True):
        if x.ndim < len(names):
            raise ShapeError(f"input with shape {x.shape} does not have enough dimensions for all core dimensions {names}")
        _fit(names, x.sizes[x.ndim - len(names) :], known)
        outer.append(x.sizes[: x.ndim - len(names)])
    loop = broadcast("vectorize", *outer) if outer else ()

    def checked(elements: Any) -> Any:
        result = function(*elements)
        _check(result, outputs, known)
        return result

    if not loop:
        return checked(tensors)
    flat = []
    for x, names in zip(tensors, inputs, strict=True):
        core = x.sizes[x.ndim - len(names) :]
        flat.append(shaping.reshape(shaping.broadcast_to(x, (*loop, *core)), (product(loop), *core)))
    return nest.map_structure(lambda y: shaping.reshape(y, (*loop, *y.sizes[1:])), vectorized_map(checked, flat))


def _check(result: Any, outputs: list[Names] | None, known: dict[str, Any]) -> None:
    """Checks what one call returned against the signature."""
    if outputs is None:
        return
    if len(outputs) > 1 and not isinstance(result, tuple):
        raise TypeError(f"output must be a tuple when multiple outputs are expected, got: {result}")
    results = list(result) if isinstance(result, (tuple, list)) else [result]
    if len(results) != len(outputs):
        raise TypeError(f"wrong number of output arguments: expected {len(outputs)}, got {len(results)}")
    for y, names in zip(results, outputs, strict=True):
        if len(as_tensor(y).sizes) != len(names):
            raise ShapeError(f"output shape {as_tensor(y).shape} does not match core dimensions {names}")
        _fit(names, as_tensor(y).sizes, dict(known))
