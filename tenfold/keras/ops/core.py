"""Conversion, shapes, and reading and writing at places, in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.shapes import Sym
from tenfold.ir.primitive import Spec
from tenfold.keras.base.dtypes import standardize_dtype
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.ops.define import Array, call_function, operation
from tenfold.ops import creation, program, selecting, shaping, special
from tenfold.ops.ragged import RaggedTensor
from tenfold.ops.sparse import SparseTensor
from tenfold.primitives.arithmetic import maximum, minimum, mul
from tenfold.primitives.gather import dynamic_slice, dynamic_update_slice
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor, as_tensor
from tenfold.transform import custom
from tenfold.transform.loops import loop_over


@operation("core")
def cast(x: Array, dtype: Any) -> Array:
    """`x` converted to `dtype`: floats to integers toward zero."""
    return creation.cast(x, standardize_dtype(dtype))


@operation("core")
def saturate_cast(x: Array, dtype: Any) -> Array:
    """`x` converted to `dtype`; what is outside its range becomes its smallest or largest number.

    Example:
        >>> saturate_cast([-3.0, 300.0], "uint8").numpy()
        array([  0, 255], dtype=uint8)
    """
    want = standardize_dtype(dtype)
    return creation.cast(x, want) if want == "bool" else special.saturate_cast(x, want)


@operation("core")
def stop_gradient(variable: Array) -> Array:
    """The same values; no gradient flows back through them."""
    return program.stop_gradient(variable)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, differentiated by a function of its own: it returns (result, a function from the result's gradient to its arguments').

    Example:
        >>> @custom_gradient
        ... def twice(x):
        ...     return 2 * x, lambda upstream: 100 * upstream
        >>> x = tf.Variable(1.0)
        >>> with tf.GradientTape() as tape:
        ...     y = twice(x)
        >>> float(tape.gradient(y, x))
        100.0
    """
    return custom.custom_gradient(f)  # type: ignore[no-any-return]


def shape(x: Any) -> tuple[Any, ...]:
    """The sizes: integers where known, else (in a function being traced) scalar tensors; None for a symbolic or ragged tensor's."""
    if isinstance(x, (KerasTensor, SparseTensor, RaggedTensor)):
        return tuple(x.shape)
    x = as_tensor(x)
    return tuple(n if n is not None else shaping.shape(x)[i] for i, n in enumerate(x.shape))


def dtype(x: Any) -> str:
    """The name of the element type.

    Example:
        >>> dtype(tf.ones([2]))
        'float32'
    """
    return standardize_dtype(x.dtype)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as a tensor.

    Args:
        x: a number, list, array, variable or tensor.
        dtype: the element type; default: its own.
        sparse, ragged: False makes a sparse (ragged) tensor dense; by default it stays what it is.

    Example:
        >>> convert_to_tensor([1, 2], "float32").numpy()
        array([1., 2.], dtype=float32)
    """
    if isinstance(x, KerasTensor):
        x = call_function("to_dense", _dense, x) if (x.sparse and sparse is False) or (x.ragged and ragged is False) else x
        return x if dtype is None or dtype == x.dtype.name else cast(x, dtype)
    if (isinstance(x, SparseTensor) and sparse is not False) or (isinstance(x, RaggedTensor) and ragged is not False):
        return x if dtype is None else x.with_values(creation.cast(x.values, standardize_dtype(dtype)))
    x = _dense(x)
    return x if dtype is None else creation.cast(x, standardize_dtype(dtype))


def _dense(x: Any) -> Any:
    return x.to_tensor() if isinstance(x, RaggedTensor) else as_tensor(x)


def convert_to_numpy(x: Any) -> np.ndarray[Any, Any]:
    """`x` as a NumPy array, which may be written to."""
    return np.array(x.to_tensor() if isinstance(x, RaggedTensor) else x)


def is_tensor(x: Any) -> bool:
    """Whether `x` is a tensor."""
    return isinstance(x, (Tensor, SparseTensor, RaggedTensor))


def _known(starts: Any) -> list[int] | None:
    values = starts._array if isinstance(starts, Tensor) else None if isinstance(starts, KerasTensor) else np.asarray(starts)
    return None if values is None else [int(v) for v in values]


def _slice_sizes(inputs: Any, start_indices: Any, shape: Any) -> list[Any]:
    """The result's sizes; -1 means up to the end.

    Raises:
        ValueError: the ranks differ.
    """
    rank, wanted = len(inputs.sizes), [int(n) for n in shape]
    starts = _known(start_indices)
    if len(wanted) != rank:
        raise ValueError("The number of dimensions in `inputs` must match the number of dimensions in `shape`. "
                         f"Received: inputs.shape={inputs.shape}, shape={tuple(wanted)}")  # fmt: skip
    if (len(starts) if starts is not None else start_indices.shape[0]) != rank:
        raise ValueError("The number of dimensions in `start_indices` must match the number of dimensions in `inputs`. "
                         f"Received: start_indices={start_indices}, inputs.shape={inputs.shape}")  # fmt: skip
    if starts is None:
        return [Sym.fresh("size") if n == -1 else n for n in wanted]
    return [size - at if n == -1 else n for n, at, size in zip(wanted, starts, inputs.sizes, strict=True)]


def _slice_spec(inputs: Any, start_indices: Any, shape: Any) -> Spec:
    return Spec(tuple(_slice_sizes(inputs, start_indices, shape)), inputs.dtype)


@operation("core", spec=_slice_spec)
def slice(inputs: Array, start_indices: Array, shape: Any) -> Array:
    """The part of `inputs` that begins at `start_indices` and has this shape; a size of -1 means up to the end.

    Example:
        >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2)).numpy().tolist()
        [[2, 3], [5, 6]]

    Raises:
        ValueError: the ranks differ, or a size of -1 comes with places that are unknown while a function is traced.
    """
    sizes = _slice_sizes(inputs, start_indices, shape)
    starts = _known(start_indices)
    if starts is not None:
        return shaping.slice(inputs, starts, sizes)
    if -1 in [int(n) for n in shape]:
        raise ValueError("[slice] a size of -1 needs known `start_indices`. Try Python numbers.")
    return dynamic_slice(inputs, start_indices, sizes)


@operation("core")
def slice_update(inputs: Array, start_indices: Array, updates: Array) -> Array:
    """`inputs` with the part that begins at `start_indices` replaced by `updates`.

    Example:
        >>> slice_update([0, 0, 0, 0], [1], [7, 8]).numpy()
        array([0, 7, 8, 0], dtype=int32)
    """
    starts = start_indices if start_indices.dtype.is_integer else creation.cast(start_indices, "int32")
    return dynamic_update_slice(inputs, creation.cast(updates, inputs.dtype), starts)


def _places(indices: Any) -> Any:
    return indices if indices.dtype.is_integer else creation.cast(indices, "int32")


@operation("core")
def scatter(indices: Array, values: Array, shape: Any) -> Array:
    """Zeros of this shape, with the values added at the indices: each names one element, or a slice of the last axes.

    Example:
        >>> scatter([[1], [3]], [9, 10], (4,)).numpy()
        array([ 0,  9,  0, 10], dtype=int32)
    """
    return selecting.scatter_nd(_places(indices), values, [int(n) for n in shape])


_REDUCTIONS: dict[str, Callable[..., Any]] = {"max": maximum, "min": minimum, "mul": mul}


def _combined(x: Any, indices: Any, updates: Any, combine: Callable[..., Any]) -> Any:
    """One update after the other."""
    depth = indices.sizes[-1]
    rest = x.sizes[depth:]

    def step(i: Any, done: Any, row: tuple[Any, Any]) -> tuple[Any, Any]:
        place, update = row
        start = creation.cast(shaping.pad(place, [(0, x.ndim - depth)]), "int32")
        old = dynamic_slice(done, start, (*(1,) * depth, *rest))
        new = combine(old, reshape(update, old.sizes))
        return dynamic_update_slice(done, new, start), i

    flat = reshape(indices, (-1, depth)), reshape(updates, (-1, *rest))
    return loop_over(step, x, flat)[0]


@operation("core")
def scatter_update(inputs: Array, indices: Array, updates: Array, reduction: str | None = None) -> Array:
    """`inputs` with the elements (or slices of the last axes) that the indices name replaced by `updates`, or combined with them.

    Args:
        inputs: the data.
        indices: [..., depth] places.
        updates: what comes there.
        reduction: None (replace), "add", "max", "min" or "mul".

    Example:
        >>> scatter_update([1, 2, 3], [[0], [2]], [7, 9]).numpy(), scatter_update([1, 2, 3], [[0], [0]], [7, 9], "mul").numpy()
        (array([7, 2, 9], dtype=int32), array([63,  2,  3], dtype=int32))
    """
    places, new = _places(indices), creation.cast(updates, inputs.dtype)
    if reduction is None:
        return selecting.tensor_scatter_nd_update(inputs, places, new)
    if reduction == "add":
        return selecting.tensor_scatter_nd_add(inputs, places, new)
    if reduction not in _REDUCTIONS:
        raise ValueError(f"Unsupported reduction: {reduction}. Expected None, 'add', 'max', 'min' or 'mul'.")
    return _combined(inputs, places, new, _REDUCTIONS[reduction]) if 0 not in places.sizes else inputs


@operation("core")
def unstack(x: Array, num: int | None = None, axis: int = 0) -> list[Array]:
    """The slices along `axis`, as a list.

    Example:
        >>> [t.numpy().tolist() for t in unstack([[1, 2], [3, 4]], axis=1)]
        [[1, 3], [2, 4]]
    """
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"[unstack] axis {axis} is out of bounds for a tensor of rank {x.ndim}.")
    if num is None and x.shape[axis] is None:
        raise ValueError(f"Cannot infer argument `num` from shape {x.shape}. Either provide a tensor with a concrete shape in the `axis` dimension "
                         "or explicitly pass the `num` argument.")  # fmt: skip
    return shaping.unstack(x, num, axis)


__all__ = [
    "cast", "convert_to_numpy", "convert_to_tensor", "custom_gradient", "dtype", "is_tensor", "saturate_cast", "scatter", "scatter_update", "shape",
    "slice", "slice_update", "stop_gradient", "unstack",
]  # fmt: skip
