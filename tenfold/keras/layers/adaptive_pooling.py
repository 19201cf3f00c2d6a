"""Adaptive pooling layers: outputs of a fixed size, whatever the input's size is."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.ops.adaptive import adaptive_pool
from tenfold.primitives.movement import transpose


class BaseAdaptivePooling(Layer):
    """One element from each window, the windows as large as they need to be.

    Args:
        output_size: the outputs' spatial size, one number or one per axis.
        data_format: "channels_last" or "channels_first".
    """

    _repeats = True
    _stateless = True

    rank: int
    largest = False

    def __init__(self, output_size: Any, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = (output_size,) * self.rank if isinstance(output_size, int) else output_size
        if not isinstance(sizes, (tuple, list)) or len(sizes) != self.rank:
            raise TypeError(f"`output_size` must be an integer or a tuple of {self.rank} integers. "
                            f"Received: {output_size} of type {type(output_size)}")  # fmt: skip
        self.output_size = tuple(sizes)
        self.data_format = defaults.data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        x = inputs if self.largest else self._as_compute(inputs)
        if self.data_format == "channels_last":
            return adaptive_pool(x, self.output_size, self.largest)
        y: Any = adaptive_pool(transpose(x, (0, *range(2, x.ndim), 1)), self.output_size, self.largest)
        return transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "output_size": self.output_size, "data_format": self.data_format}


@register(MODULE)
class AdaptiveAveragePooling1D(BaseAdaptivePooling):
    """The means of `output_size` windows of steps."""

    rank = 1


@register(MODULE)
class AdaptiveAveragePooling2D(BaseAdaptivePooling):
    """The means of as many windows of an image as `output_size` says.

    Args:
        output_size: one number, or (rows, columns).
        data_format: "channels_last" or "channels_first".

    Example:
        >>> import numpy as np
        >>> AdaptiveAveragePooling2D(2)(np.ones((1, 7, 5, 3), "float32")).shape
        TensorShape([1, 2, 2, 3])
    """

    rank = 2


@register(MODULE)
class AdaptiveAveragePooling3D(BaseAdaptivePooling):
    """The means of as many windows of a volume as `output_size` says."""

    rank = 3


@register(MODULE)
class AdaptiveMaxPooling1D(BaseAdaptivePooling):
    """The largest of each of `output_size` windows of steps."""

    rank, largest = 1, True


@register(MODULE)
class AdaptiveMaxPooling2D(BaseAdaptivePooling):
    """The largest of each window of an image, of as many windows as `output_size` says."""

    rank, largest = 2, True


@register(MODULE)
class AdaptiveMaxPooling3D(BaseAdaptivePooling):
    """The largest of each window of a volume, of as many windows as `output_size` says."""

    rank, largest = 3, True
