"""Input: where a functional model starts."""

from __future__ import annotations

import warnings
from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.base.defaults import floatx
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor, record
from tenfold.keras.layers.base import Layer


@register("keras.layers")
class InputLayer(Layer):
    """The layer behind `keras.Input`; it passes on what the model receives."""

    def __init__(self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
                 batch_shape: Any = None, input_tensor: Any = None, optional: bool = False, name: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(name=name, trainable=kwargs.pop("trainable", True))
        for old, new in (("input_shape", "shape"), ("batch_input_shape", "batch_shape")):
            if old in kwargs:
                warnings.warn(f"Argument `{old}` is deprecated. Use `{new}` instead.", stacklevel=2)
        shape, batch_shape = kwargs.pop("input_shape", shape), kwargs.pop("batch_input_shape", batch_shape)
        if kwargs:
            raise InvalidArgumentError(f"[Input] unknown arguments {sorted(kwargs)}.")
        if input_tensor is not None:
            _check_tensor(input_tensor, {"batch_size": batch_size, "shape": shape, "batch_shape": batch_shape, "dtype": dtype, "sparse": sparse})
            batch_shape, dtype = tuple(input_tensor.shape), input_tensor.dtype
        else:
            for name_of, given in (("shape", shape), ("batch_size", batch_size)):
                if given is not None and batch_shape is not None:
                    raise InvalidArgumentError(f"[Input] You cannot pass both `{name_of}` and `batch_shape` at the same time. Try batch_shape alone.")
            if batch_shape is None and shape is None:
                raise InvalidArgumentError("[Input] You must pass a `shape` argument. Received: shape=None. Try keras.Input(shape=(28, 28, 1)).")
        batch_shape = (batch_size, *_sizes(shape)) if batch_shape is None else batch_shape
        self._batch_shape = _sizes(batch_shape)
        self._input_dtype = as_dtype(dtype or floatx())
        tensor = input_tensor
        if tensor is None:
            tensor = KerasTensor(self._batch_shape, self._input_dtype, sparse=bool(sparse), ragged=bool(ragged), name=self.name)
        self.sparse, self.ragged, self.optional = tensor.sparse, tensor.ragged, optional
        self.built = True
        record(self, (), {}, tensor)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing: a model puts its inputs in this layer's place."""

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape, the batch size first."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The element type."""
        return self._input_dtype.name

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": list(self._batch_shape), "dtype": self._input_dtype.name, "sparse": self.sparse, "ragged": self.ragged,
                "name": self.name, "optional": self.optional}  # fmt: skip


def _check_tensor(tensor: Any, given: dict[str, Any]) -> None:
    """Raises ValueError unless the other arguments say the same as the tensor."""
    if not isinstance(tensor, KerasTensor):
        raise InvalidArgumentError(f"[Input] Argument `input_tensor` must be a KerasTensor. Received invalid type: input_tensor={tensor!r} "
                                   f"(of type {type(tensor)}).")  # fmt: skip
    shape = tuple(tensor.shape)
    own = {"batch_size": shape[0] if shape else None, "shape": shape[1:], "batch_shape": shape, "dtype": tensor.dtype, "sparse": tensor.sparse}
    for name, value in given.items():
        value = tuple(value) if isinstance(value, list) else value
        if value is not None and own[name] != value:
            raise InvalidArgumentError(f"[Input] When providing the `input_tensor` argument, you cannot provide an incompatible `{name}` argument. "
                                       f"Received: {name}={value}; the tensor has {own[name]}.")  # fmt: skip


def _sizes(shape: Any) -> tuple[int | None, ...]:
    if isinstance(shape, int):
        return (shape,)
    try:
        sizes = tuple(None if n is None else int(n) for n in shape)
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"[Input] cannot read the shape {shape!r}. Expected a tuple of integers and None. Try shape=(28, 28, 1)."
        ) from None
    if any(n is not None and n < 0 for n in sizes):
        raise InvalidArgumentError(f"[Input] sizes must not be negative. Received: shape={sizes}. Try None for a size that is not known.")
    return sizes


def Input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None, batch_shape: Any = None,
          name: str | None = None, tensor: Any = None, optional: bool = False) -> Any:  # fmt: skip
    """A symbolic input: the start of a functional model.

    Args:
        shape: sizes without the batch; None where unknown.
        batch_size: a fixed batch size.
        dtype: the element type; default: floatx().
        batch_shape: instead of shape: sizes with the batch.
        name: for dicts of inputs.
        tensor: takes shape and type from this KerasTensor.
        optional: whether None may be given.

    Example:
        >>> Input((28, 28, 1)).shape
        TensorShape([None, 28, 28, 1])
    """
    layer = InputLayer(shape=shape, batch_size=batch_size, dtype=dtype, sparse=sparse, ragged=ragged, batch_shape=batch_shape, name=name,
                       input_tensor=tensor, optional=optional)  # fmt: skip
    return layer.output
