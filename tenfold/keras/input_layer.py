"""Input: where a functional model starts."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.core.errors import InvalidArgumentError
from tenfold.keras.defaults import floatx
from tenfold.keras.layers.base import Layer
from tenfold.keras.registry import register
from tenfold.keras.symbolic import KerasTensor, record


@register("keras.layers")
class InputLayer(Layer):
    """The layer behind `keras.Input`; it passes on what the model receives."""

    def __init__(self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
                 batch_shape: Any = None, input_tensor: Any = None, optional: bool = False, name: str | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        super().__init__(name=name, trainable=kwargs.pop("trainable", True))
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
        if "batch_input_shape" in kwargs:
            batch_shape = kwargs.pop("batch_input_shape")
        if kwargs:
            raise InvalidArgumentError(f"[Input] unknown arguments {sorted(kwargs)}.")
        if sparse or ragged:
            raise NotImplementedError("[Input] sparse and ragged inputs are not supported. Try a dense one.")
        if input_tensor is not None:
            batch_shape, dtype = tuple(input_tensor.shape), dtype or input_tensor.dtype
        if batch_shape is None:
            if shape is None:
                raise InvalidArgumentError("[Input] You must pass a `shape` argument. Received: shape=None. Try keras.Input(shape=(28, 28, 1)).")
            batch_shape = (batch_size, *_sizes(shape))
        elif shape is not None or batch_size is not None:
            raise InvalidArgumentError("[Input] You cannot pass both `shape` (or `batch_size`) and `batch_shape`. Try batch_shape alone.")
        self._batch_shape = _sizes(batch_shape)
        self._input_dtype = as_dtype(dtype or floatx())
        self.sparse, self.ragged, self.optional = False, False, optional
        self.built = True
        record(self, (), {}, KerasTensor(self._batch_shape, self._input_dtype, name=self.name))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("[InputLayer] an input is not called. Try calling the model.")

    @property
    def batch_shape(self) -> tuple[int | None, ...]:
        """The shape, the batch size first."""
        return self._batch_shape

    @property
    def dtype(self) -> str:
        """The element type."""
        return self._input_dtype.name

    def get_config(self) -> dict[str, Any]:
        return {"batch_shape": list(self._batch_shape), "dtype": self._input_dtype.name, "sparse": False, "ragged": False, "name": self.name,
                "optional": self.optional}  # fmt: skip


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
