"""Normalization: (x - mean) / sqrt(variance) of data seen before."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.preprocessing.rescaling import constant_of
from tenfold.keras.registry import register
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import reshape


@register(MODULE)
class Normalization(Layer):
    """(x - mean) / sqrt(variance), with the mean and variance of data given to `adapt`, or given here.

    Args:
        axis: axes with their own mean and variance; None: one for all.
        mean, variance: known values, instead of `adapt`.
        invert: whether to undo it: x * sqrt(variance) + mean.

    Example:
        >>> import numpy as np
        >>> layer = Normalization(axis=None); layer.adapt(np.array([1.0, 3.0], "float32"))
        >>> layer(np.array([1.0, 3.0], "float32")).numpy()
        array([-1.,  1.], dtype=float32)
    """

    def __init__(self, axis: Any = -1, mean: Any = None, variance: Any = None, invert: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if (mean is None) != (variance is None):
            raise ValueError(f"When setting values directly, both `mean` and `variance` must be set. Received: mean={mean} and variance={variance}")
        self.axis = axis
        self._keep = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self.supports_masking = True
        self.adapt_mean: Any = None

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        keep = sorted(a % rank for a in self._keep)
        self._shape = tuple(input_shape[i] if i in keep else 1 for i in range(rank))
        if any(n is None for n in self._shape):
            raise ValueError(f"All `axis` values to be kept must have a known shape. Received axis={self.axis}, inputs.shape={input_shape}")
        if self.input_mean is None:
            shape = tuple(input_shape[i] for i in keep)
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")

    def adapt(self, data: Any) -> None:
        """Takes mean and variance from `data`: an array, a tensor, or batches of them."""
        batches = [np.asarray(data)] if hasattr(data, "shape") else [np.asarray(b[0] if isinstance(b, tuple) else b) for b in data]
        everything = np.concatenate(batches).astype(np.float64)
        if not self.built:
            self.build((None, *everything.shape[1:]))
        axes = tuple(i for i in range(everything.ndim) if i not in {a % everything.ndim for a in self._keep})
        self.adapt_mean.assign(everything.mean(axes).astype(self.adapt_mean.dtype.numpy))
        self.adapt_variance.assign(everything.var(axes).astype(self.adapt_mean.dtype.numpy))
        self.count.assign(len(everything))

    def call(self, inputs: Any) -> Any:
        dtype = as_dtype(self.compute_dtype)
        x = cast(inputs, dtype)
        if self.input_mean is not None:
            mean, variance = np.asarray(self.input_mean, np.float64), np.asarray(self.input_variance, np.float64)
            shape = self._shape if mean.size > 1 else (1,) * len(self._shape)
            mean, deviation = mean.reshape(shape), np.maximum(np.sqrt(variance), 1e-7).reshape(shape)
            centre, width = constant_of(mean, dtype), constant_of(deviation, dtype)
        else:
            centre = cast(reshape(self.adapt_mean.value, self._shape), dtype)
            width = cast(reshape(self.adapt_variance.value, self._shape) ** 0.5, dtype)
            width = width + cast(width < 1e-7, dtype) * 1e-7
        return x * width + centre if self.invert else (x - centre) / width

    def get_config(self) -> dict[str, Any]:
        mean, variance = (None if v is None else np.asarray(v).tolist() for v in (self.input_mean, self.input_variance))
        return {**super().get_config(), "axis": self.axis, "invert": self.invert, "mean": mean, "variance": variance}
