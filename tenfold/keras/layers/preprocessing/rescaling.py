"""Rescaling: inputs * scale + offset."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.registry import register
from tenfold.keras.untyped import as_tensor
from tenfold.primitives.arithmetic import cast


def constant_of(value: Any, dtype: Any) -> Any:
    """`value` as a tensor of `dtype`, rounded once."""
    return as_tensor(np.asarray(value, np.float64).astype(dtype.numpy))


@register(MODULE)
class Rescaling(Layer):
    """inputs * scale + offset, as floats.

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
        return cast(inputs, dtype) * constant_of(self.scale, dtype) + constant_of(self.offset, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}
