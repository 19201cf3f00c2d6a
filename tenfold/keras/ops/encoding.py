"""Class numbers as vectors, in `keras.ops`."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base.dtypes import standardize_dtype
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import creation, reducing
from tenfold.ops.sparse import from_dense
from tenfold.primitives.arithmetic import cast
from tenfold.tensor.bind import state


def _hot(x: Any, num_classes: int, axis: int, dtype: Any) -> Any:
    x = x if x.dtype.is_integer else cast(x, "int32")
    return creation.one_hot(x, num_classes, axis=axis, dtype=standardize_dtype(dtype))


@operation("nn")
def one_hot(x: Array, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Array:
    """Vectors with a one in the place of each class number, along a new axis.

    Example:
        >>> one_hot([1, 0], 3).numpy()
        array([[0., 1., 0.],
               [1., 0., 0.]], dtype=float32)
    """
    hot = _hot(x, num_classes, axis, dtype)
    return from_dense(hot) if sparse and state.trace is None else hot


@operation("nn")
def multi_hot(inputs: Array, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False, **kwargs: Any) -> Array:
    """A vector with ones in the places of all class numbers of an example.

    Args:
        inputs: class numbers: [numbers] of one example, or [batch, numbers...].
        num_classes: the length of the vectors.
        axis: where it comes in.
        dtype: default: floatx().
        sparse: whether the result is a SparseTensor; while a function is traced it is dense.

    Example:
        >>> multi_hot([[0, 2], [1, 1]], 3).numpy()
        array([[1., 0., 1.],
               [0., 1., 0.]], dtype=float32)
    """
    num_classes = kwargs.pop("num_tokens", None) if num_classes is None else num_classes
    if num_classes is None:
        raise ValueError("Argument `num_classes` must be specified.")
    if axis != -1 and not 0 <= axis < inputs.ndim:
        raise ValueError(f"axis must be -1 or between [0, {inputs.ndim}), but received {axis}.")
    hot = cast(_hot(inputs, num_classes, axis, "int32"), "int32")
    found = cast(reducing.reduce_max(hot, 1 if inputs.ndim > 1 else 0), standardize_dtype(dtype))
    return from_dense(found) if sparse and state.trace is None else found
