"""What the layers for categories share: inputs as tensors, batches of data to learn from, and numbers of categories encoded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.core.errors import InvalidArgumentError
from tenfold.core.shapes import product
from tenfold.keras.base.symbolic import record
from tenfold.keras.base.untyped import array
from tenfold.keras.layers.base import Layer
from tenfold.ops.ragged import RaggedTensor
from tenfold.ops.sparse import SparseTensor, from_dense
from tenfold.primitives.arithmetic import cast, less, less_equal, logical_and, minimum, select
from tenfold.primitives.gather import iota, scatter_add
from tenfold.primitives.movement import broadcast_to, expand_dims, reshape, transpose
from tenfold.tensor.bind import state
from tenfold.tensor.tensor import Tensor, as_tensor

NONE = -1  # the number of what is no category: masks, and what fills up short rows


class CategoryLayer(Layer):
    """A layer that takes lists too, and whose output may be a SparseTensor when it is called eagerly."""

    sparse: bool = False
    _convert_input_args = False
    _allow_non_tensor_positional_args = True

    def _call_symbolically(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """By the rule for shapes alone: the vocabulary may come later."""
        if type(self).compute_output_spec is Layer.compute_output_spec:
            return super()._call_symbolically(args, kwargs)
        self.built = True
        return record(self, args, kwargs, self.compute_output_spec(*args, **kwargs))

    def _as_sparse(self, x: Tensor) -> Any:
        return from_dense(x) if self.sparse and state.trace is None else x


def one_of(layer: Any, name: str, value: Any, allowed: tuple[str, ...]) -> Any:
    """`value`, if it is allowed.

    Raises:
        ValueError: it is not.
    """
    if value not in allowed:
        raise InvalidArgumentError(f"Invalid value for argument `{name}`. Expected one of {allowed}. "
                                   f"Received: {name}={value} for {type(layer).__name__}")  # fmt: skip
    return value


def salt_of(layer: Any, salt: Any) -> list[int] | None:
    """The two numbers of SipHash's key; None: none."""
    if salt is None:
        return None
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return list(salt)
    if isinstance(salt, int):
        return [salt, salt]
    raise InvalidArgumentError(f"The `salt` argument for `{type(layer).__name__}` can only be a tuple of size 2 integers, or a single integer. "
                               f"Received: salt={salt}.")  # fmt: skip


def as_values(inputs: Any, dtype: Any = None) -> Any:
    """The inputs as a dense, ragged or sparse tensor, of `dtype` if given."""
    if isinstance(inputs, (RaggedTensor, SparseTensor)):
        return inputs.with_values(as_values(inputs.values, dtype))
    x = inputs if isinstance(inputs, Tensor) else as_tensor(inputs)
    return x if dtype is None else cast(x, as_dtype(dtype))


def is_data(value: Any, lists: bool) -> bool:
    """Whether `value` is an array or tensor (or, with `lists`, a list of elements), not an iterable of batches."""
    return isinstance(value, (np.ndarray, Tensor, RaggedTensor, SparseTensor)) or (lists and isinstance(value, (list, tuple)))


def batches(data: Any, steps: int | None = None) -> Iterator[Any]:
    """The first `steps` batches (default: all) of an iterable of them."""
    if steps is None and getattr(data, "cardinality", None) is not None and int(data.cardinality()) == -1:
        raise InvalidArgumentError("[adapt] the data set is endless. Try adapt(data, steps=...).")
    for i, batch in enumerate(data):
        if steps is not None and i >= steps:
            return
        yield batch


def encode(numbers: Any, mode: str, depth: int, dtype: Any, sparse: bool = False, weights: Any = None) -> Any:
    """Numbers of categories as the layer's `output_mode` wants them; what is not in 0 <= number < depth is left out.

    Args:
        numbers: integers.
        mode: "int" (as they are), "one_hot" (each a vector), "multi_hot" (which of them are in a sample), "count" (how often).
        depth: the number of categories.
        dtype: the result's element type.
        sparse: whether the result is to be a SparseTensor; compiled functions go on with a dense one.
        weights: for "count", what each counts.
    """
    wanted = as_dtype(dtype)
    if mode == "int":
        return numbers.with_values(cast(numbers.values, wanted)) if isinstance(numbers, (RaggedTensor, SparseTensor)) else cast(numbers, wanted)
    x: Tensor = numbers.to_tensor(NONE) if isinstance(numbers, RaggedTensor) else as_tensor(numbers)
    if x.ndim == 0:
        x = expand_dims(x, 0)
    if mode == "one_hot":
        single = x.ndim > 1 and isinstance(x.sizes[-1], int) and x.sizes[-1] == 1
        result = array.one_hot(reshape(x, x.sizes[:-1]) if single else x, depth, dtype=wanted)
    else:
        result = _counts(x, depth, wanted, None if weights is None else as_tensor(weights))
        if mode == "multi_hot":
            result = minimum(result, as_tensor(1, wanted))
    return from_dense(result) if sparse and state.trace is None else result


def _counts(x: Tensor, depth: int, dtype: Any, weights: Tensor | None) -> Tensor:
    """How often each number occurs along dimension 1 (of a vector: in it), as a new last dimension."""
    if x.ndim > 2:  # the samples come last
        order = [0, *range(2, x.ndim), 1]
        x, weights = transpose(x, order), None if weights is None else transpose(weights, order)
    rows = x.sizes[:-1]
    ones: Any = broadcast_to(as_tensor(1, dtype), x.sizes) if weights is None else weights
    valid = logical_and(less_equal(as_tensor(0, x.dtype), x), less(x, as_tensor(depth, x.dtype)))
    wide: Any = cast(x, as_dtype("int64"))
    row: Any = reshape(iota(product(rows), as_dtype("int64")), (*rows, 1))
    places = select(valid, row * depth + wide, as_tensor(-1, as_dtype("int64")))
    result: Tensor = reshape(scatter_add(places, ones, product(rows) * depth), (*rows, depth))
    return result


def encoded_shape(input_shape: Any, mode: str, depth: Any) -> tuple[Any, ...]:
    """The shape of what `encode` makes."""
    shape: tuple[Any, ...] = tuple(input_shape)
    if mode == "int":
        return shape
    if not shape:
        return (depth,)
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:1], *shape[2:], depth) if len(shape) > 1 else (depth,)


__all__ = ["NONE", "CategoryLayer", "as_values", "batches", "encode", "encoded_shape", "is_data", "one_of", "salt_of"]
