"""Rescaling: inputs * scale + offset."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.defaults import image_data_format
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.saving import serialization
from tenfold.primitives.arithmetic import cast


def constant_of(value: Any, dtype: Any) -> Any:
    """`value` as a tensor of `dtype`, rounded once."""
    return as_tensor(np.asarray(value, np.float64).astype(dtype.numpy))


@register(MODULE)
class Rescaling(Layer):
    """inputs * scale + offset, as floats.

    Args:
        scale: a number, or one for each channel.
        offset: likewise.

    Example:
        >>> import numpy as np
        >>> Rescaling(1 / 255)(np.array([[0, 255]], "uint8")).numpy()
        array([[0., 1.]], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        dtype = as_dtype(self.compute_dtype)
        x: Any = cast(inputs, dtype)
        return x * constant_of(self._per_channel(self.scale), dtype) + constant_of(self._per_channel(self.offset), dtype)

    def _per_channel(self, value: Any) -> Any:
        """Numbers for the channels, where these come first."""
        first = np.ndim(value) > 0 and image_data_format() == "channels_first"
        return np.reshape(value, (*np.shape(value), *(1,) * (3 - np.ndim(value)))) if first else value

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        keep = serialization.serialize_keras_object
        return {**super().get_config(), "scale": keep(self.scale), "offset": keep(self.offset)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        made: dict[str, Any] = {k: serialization.deserialize_keras_object(config[k]) for k in ("scale", "offset") if k in config}
        return cls(**(config | made))
