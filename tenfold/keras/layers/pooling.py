"""Pooling: the largest element or the mean of windows, or of everything."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.layers.arguments import padding as checked_padding
from tenfold.keras.layers.arguments import tuple_of
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.contraction import conv_padding, conv_sizes
from tenfold.primitives.movement import expand_dims, transpose
from tenfold.primitives.windows import window_max, window_mean


class BasePooling(Layer):
    """One element from each window.

    Args:
        pool_size: size of the windows.
        strides: distance of the windows; default: `pool_size`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".
    """

    _repeats = True
    _stateless = True

    rank: int
    combine: Any

    def __init__(self, pool_size: Any = 2, strides: Any = None, padding: str = "valid", data_format: Any = None,
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(name=name, **kwargs)
        self.pool_size = tuple_of(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else tuple_of(strides, self.rank, "strides")
        self.padding = checked_padding(padding)
        self.data_format = defaults.data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        x = inputs
        first = self.data_format == "channels_first"
        if first:
            x = transpose(x, (0, *range(2, x.ndim), 1))
        ones = (1,) * self.rank
        pads = conv_padding(self.padding, x.sizes[1:-1], self.pool_size, self.strides, ones)
        if any(isinstance(n, int) and n <= 0 for n in conv_sizes(x.sizes[1:-1], self.pool_size, self.strides, pads, ones)):
            raise ValueError(f"Computed output size would be zero or negative. Received: inputs with spatial shape {tuple(x.shape)[1:-1]}, "
                             f"pool_size={self.pool_size}. Try padding='same', or fewer pooling layers.")  # fmt: skip
        y = type(self).combine(self._as_compute(x) if type(self).combine is window_mean else x, self.pool_size, self.strides, pads)
        return transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1))) if first else y

    def get_config(self) -> dict[str, Any]:
        options = {"pool_size": self.pool_size, "padding": self.padding, "strides": self.strides, "data_format": self.data_format}
        return {**super().get_config(), **options}


@register(MODULE, "MaxPool1D")
class MaxPooling1D(BasePooling):
    """The largest of each window of steps."""

    rank, combine = 1, staticmethod(window_max)


@register(MODULE, "MaxPool2D")
class MaxPooling2D(BasePooling):
    """The largest of each window of an image.

    Args:
        pool_size: size of the windows, one number or (rows, columns).
        strides: distance of the windows; default: `pool_size`.
        padding: "valid" or "same".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> import numpy as np
        >>> MaxPooling2D()(np.ones((1, 28, 28, 3), "float32")).shape
        TensorShape([1, 14, 14, 3])
    """

    rank, combine = 2, staticmethod(window_max)

    def __init__(self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid", data_format: Any = None,
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


@register(MODULE, "MaxPool3D")
class MaxPooling3D(BasePooling):
    """The largest of each window of a volume."""

    rank, combine = 3, staticmethod(window_max)


@register(MODULE, "AvgPool1D")
class AveragePooling1D(BasePooling):
    """The mean of each window of steps."""

    rank, combine = 1, staticmethod(window_mean)


@register(MODULE, "AvgPool2D")
class AveragePooling2D(BasePooling):
    """The mean of each window of an image; padding does not count. Arguments as in MaxPooling2D."""

    rank, combine = 2, staticmethod(window_mean)

    def __init__(self, pool_size: Any = (2, 2), strides: Any = None, padding: str = "valid", data_format: Any = None,
                 name: str | None = None, **kwargs: Any) -> None:  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


@register(MODULE, "AvgPool3D")
class AveragePooling3D(BasePooling):
    """The mean of each window of a volume."""

    rank, combine = 3, staticmethod(window_mean)


class BaseGlobalPooling(Layer):
    """One element for all positions.

    Args:
        data_format: "channels_last" or "channels_first".
        keepdims: whether the spatial axes stay, with size 1.
    """

    _repeats = True
    _stateless = True

    rank: int

    def __init__(self, data_format: Any = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = defaults.data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> list[int]:
        return list(range(1, self.rank + 1) if self.data_format == "channels_last" else range(2, self.rank + 2))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format, "keepdims": self.keepdims}


@register(MODULE, "GlobalAvgPool1D")
class GlobalAveragePooling1D(BaseGlobalPooling):
    """The mean over the steps; masked ones do not count."""

    rank = 1

    def __init__(self, data_format: Any = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        x, axis = self._as_compute(inputs), self._axes[0]
        if mask is None:
            return math.reduce_mean(x, axis=axis, keepdims=self.keepdims)
        weight = expand_dims(cast(mask, x.dtype), 2 if axis == 1 else 1)
        total = math.reduce_sum(x * weight, axis=axis, keepdims=self.keepdims)
        return total / math.reduce_sum(weight, axis=axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None


@register(MODULE, "GlobalAvgPool2D")
class GlobalAveragePooling2D(BaseGlobalPooling):
    """The mean over rows and columns.

    Args:
        data_format: "channels_last" or "channels_first".
        keepdims: whether the spatial axes stay, with size 1.

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling2D()(np.ones((2, 4, 5, 3), "float32")).shape
        TensorShape([2, 3])
    """

    rank = 2

    def call(self, inputs: Any) -> Any:
        return math.reduce_mean(self._as_compute(inputs), axis=self._axes, keepdims=self.keepdims)


@register(MODULE, "GlobalAvgPool3D")
class GlobalAveragePooling3D(GlobalAveragePooling2D):
    """The mean over a volume."""

    rank = 3


@register(MODULE, "GlobalMaxPool1D")
class GlobalMaxPooling1D(BaseGlobalPooling):
    """The largest of all steps."""

    rank = 1

    def call(self, inputs: Any) -> Any:
        return math.reduce_max(inputs, axis=self._axes, keepdims=self.keepdims)


@register(MODULE, "GlobalMaxPool2D")
class GlobalMaxPooling2D(GlobalMaxPooling1D):
    """The largest of all rows and columns."""

    rank = 2


@register(MODULE, "GlobalMaxPool3D")
class GlobalMaxPooling3D(GlobalMaxPooling1D):
    """The largest of a volume."""

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
