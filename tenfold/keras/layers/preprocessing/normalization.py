"""Normalization: (x - mean) / sqrt(variance) of data seen before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.defaults import epsilon
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.preprocessing.categories import is_data
from tenfold.keras.layers.preprocessing.rescaling import constant_of
from tenfold.primitives.arithmetic import cast, maximum
from tenfold.primitives.movement import reshape

Moments = tuple[float, Any, Any]  # how many, their mean, the sum of squared distances from it


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
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        if (mean is None) != (variance is None):
            raise ValueError(f"When setting values directly, both `mean` and `variance` must be set. Received: mean={mean} and variance={variance}")
        if np.shape(mean) != np.shape(variance) or np.ndim(mean) > len(self.axis):
            raise ValueError("When setting values directly, `mean` and `variance` must have the same shape, with no more dimensions than there are "
                             f"axes. Received: shapes {np.shape(mean)} and {np.shape(variance)} for axis {self.axis}")  # fmt: skip
        self.input_mean, self.input_variance, self.invert = mean, variance, invert
        self.supports_masking = True
        self.adapt_mean: Any = None
        self.adapt_variance: Any = None
        self._built_for: tuple[Any, ...] | None = None

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape)
        rank = len(shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise ValueError(f"All `axis` values must be in the range [-ndim, ndim). Received inputs with ndim={rank}, while axis={self.axis}")
        self._keep = tuple(sorted(a % rank for a in self.axis))
        self._shape = tuple(n if i in self._keep else 1 for i, n in enumerate(shape))
        if any(n is None for n in self._shape):
            raise ValueError(f"All `axis` values to be kept must have a known shape. Received axis={self.axis}, inputs.shape={shape}")
        self._built_for = shape
        if self.input_mean is None:
            own = tuple(shape[i] for i in self._keep)
            self.adapt_mean = self.add_weight(own, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(own, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", "int64", trainable=False, name="count")
        self.built = True

    # --- mean and variance ---
    @property
    def mean(self) -> Any:
        """The mean, in a shape that broadcasts over the input; None before the layer is built."""
        return self._moment(self.input_mean, self.adapt_mean)

    @property
    def variance(self) -> Any:
        """The variance, in a shape that broadcasts over the input; None before the layer is built."""
        return self._moment(self.input_variance, self.adapt_variance)

    def _moment(self, given: Any, learnt: Any) -> Any:
        if self._built_for is None:
            return None
        dtype = as_dtype(self.compute_dtype)
        if given is None:
            return cast(reshape(learnt.value, self._shape), dtype)
        value = np.asarray(given, np.float64)
        aligned = [1] * len(self._shape)
        for i in range(1, value.ndim + 1):  # its dimensions belong to the last axes
            aligned[self._keep[-i]] = value.shape[-i]
        return constant_of(np.broadcast_to(value.reshape(aligned), self._shape), dtype)

    def adapt(self, data: Any) -> None:
        """Takes mean and variance from `data`: an array, a tensor, or batches of them (of (x, y) pairs the first)."""
        total: Moments = (0.0, 0.0, 0.0)
        for batch in [data] if is_data(data, lists=False) else _batches(data):
            if not self.built:
                self.build(batch.shape)
            expected: Any = self._built_for
            if len(batch.shape) != len(expected) or any(batch.shape[d] != expected[d] for d in self._keep):
                raise ValueError(f"The layer was built with input_shape={expected}, but adapt() is being called with data with an incompatible "
                                 f"shape, data.shape={tuple(batch.shape)}")  # fmt: skip
            total = _together(total, self._moments(np.asarray(batch, np.float64)))
        if total[0] == 0:
            raise ValueError("adapt() received an empty iterable (no batches). Expected at least one batch, e.g. layer.adapt([x]).")
        dtype = self.adapt_mean.dtype.numpy
        self.adapt_mean.assign(np.asarray(total[1]).astype(dtype))
        self.adapt_variance.assign(np.asarray(total[2] / total[0]).astype(dtype))

    def _moments(self, x: Any) -> Moments:
        axes = tuple(i for i in range(x.ndim) if i not in self._keep)
        return float(np.prod([x.shape[i] for i in axes])), x.mean(axes), x.var(axes) * np.prod([x.shape[i] for i in axes])

    # --- the layer ---
    def call(self, inputs: Any) -> Any:
        x: Any = cast(inputs, as_dtype(self.compute_dtype))
        deviation = maximum(self.variance**0.5, constant_of(epsilon(), x.dtype))
        return x * deviation + self.mean if self.invert else (x - self.mean) / deviation

    def compute_output_shape(self, input_shape: Any) -> Any:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        mean, variance = (None if v is None else np.asarray(v).tolist() for v in (self.input_mean, self.input_variance))
        return {**super().get_config(), "axis": self.axis, "invert": self.invert, "mean": mean, "variance": variance}


def _batches(data: Any) -> Iterator[Any]:
    """The batches of an iterable, a PyDataset or a data set.

    Raises:
        TypeError: they are no arrays.
    """
    spec = getattr(data, "element_spec", None)
    first = spec[0] if isinstance(spec, tuple) else spec
    if first is not None and len(first.shape) == 1:  # single examples
        data = data.batch(128)
    numbered = not hasattr(data, "__iter__") and hasattr(data, "__getitem__")
    if not numbered and not hasattr(data, "__iter__"):
        raise TypeError(f"Unsupported data type: {type(data)}. `adapt` supports arrays, tensors, data sets and iterables of batches.")
    for item in (data[i] for i in range(len(data))) if numbered else data:
        batch = item[0] if isinstance(item, (tuple, list)) else item
        if getattr(batch, "shape", None) is None:
            raise TypeError("adapt() expects an iterable that yields arrays or tensors with a `.shape` attribute. Received an element of type "
                            f"{type(batch).__name__}.")  # fmt: skip
        yield batch


def _together(a: Moments, b: Moments) -> Moments:
    """The moments of both parts of the data."""
    count = a[0] + b[0]
    shift = b[1] - a[1]
    return count, a[1] + shift * (b[0] / count), a[2] + b[2] + shift**2 * (a[0] * b[0] / count)
