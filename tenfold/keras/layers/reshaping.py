"""Layers that move elements without computing: reshape, permute, pad, crop, repeat."""

from __future__ import annotations

import math as python_math
from typing import Any

from tenfold.core.shapes import divide, product
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.layers.arguments import pairs
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.sparsity import KeepsSparse
from tenfold.primitives.movement import broadcast_to, expand_dims, pad, reshape, slice_, transpose
from tenfold.tensor.tensor import Tensor


@register(MODULE)
class Flatten(KeepsSparse):
    """All axes but the first in one.

    Example:
        >>> import numpy as np
        >>> Flatten()(np.ones((2, 3, 4))).shape
        TensorShape([2, 12])
    """

    _repeats = True
    _stateless = True

    def __init__(self, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = defaults.data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Tensor:
        if self.data_format == "channels_first" and inputs.ndim > 1:
            inputs = transpose(inputs, (0, *range(2, inputs.ndim), 1))
        return reshape(inputs, (inputs.sizes[0], product(inputs.sizes[1:])))  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


@register(MODULE)
class Reshape(KeepsSparse):
    """All axes but the first in another form.

    Args:
        target_shape: without the batch; one size may be -1.
    """

    _repeats = True

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(int(n) for n in target_shape)
        if any(n < -1 for n in self.target_shape):
            raise ValueError(f"Each size of target_shape must be a non-negative integer, or -1 for one that follows from the others. "
                             f"Received: target_shape={target_shape}.")  # fmt: skip
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"Reshape: there must be at most one unknown dimension (-1) in target_shape. Received: target_shape={target_shape}.")

    def call(self, inputs: Any) -> Tensor:
        total = product(inputs.sizes[1:])
        known = python_math.prod(n for n in self.target_shape if n != -1)
        fits = total % max(known, 1) == 0 if -1 in self.target_shape else total == known
        if isinstance(total, int) and not fits:
            raise ValueError(f"The total size of the tensor must be unchanged. Received: input_shape={tuple(inputs.shape)[1:]}, "
                             f"target_shape={self.target_shape}")  # fmt: skip
        return reshape(inputs, (inputs.sizes[0], *(divide(total, known) if n == -1 else n for n in self.target_shape)))  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}


@register(MODULE)
class Permute(KeepsSparse):
    """Axes in another order; they are counted from 1, without the batch."""

    _repeats = True
    _stateless = True

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Invalid permutation argument `dims` for Permute Layer. The set of indices in `dims` must be consecutive and "
                             f"start from 1. Received dims={dims}")  # fmt: skip
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Tensor:
        return transpose(inputs, (0, *self.dims))  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": self.dims}


@register(MODULE)
class RepeatVector(Layer):
    """Each vector `n` times: (batch, features) -> (batch, n, features)."""

    _repeats = True
    _stateless = True

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"Expected an integer value for `n`, got {type(n)}.")
        if n <= 0:
            raise ValueError(f"`n` should be a positive integer. Received: n={n}")
        self.n = n
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Tensor:
        rows, features = inputs.sizes
        return broadcast_to(expand_dims(inputs, 1), (rows, self.n, features))  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}


class Spatial(Layer):
    """A layer that works on the spatial axes, wherever the channels are."""

    _repeats = True
    _stateless = True

    rank: int
    data_format: str

    def _axes(self) -> range:
        return range(1, self.rank + 1) if self.data_format == "channels_last" else range(2, self.rank + 2)


class _Padding(Spatial):
    def __init__(self, padding: Any, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = defaults.data_format(data_format) if self.rank > 1 or data_format else "channels_last"
        self.padding = pairs(padding, self.rank, "padding")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Tensor:
        low, high = [0] * inputs.ndim, [0] * inputs.ndim
        for axis, (before, after) in zip(self._axes(), self.padding, strict=True):
            low[axis], high[axis] = before, after
        return pad(inputs, low, high)  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "padding": self.padding[0] if self.rank == 1 else self.padding, "data_format": self.data_format}


@register(MODULE)
class ZeroPadding1D(_Padding):
    """Zeros before and after the steps."""

    rank = 1

    def __init__(self, padding: Any = 1, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__([tuple(padding)] if isinstance(padding, (tuple, list)) else padding, data_format, **kwargs)


@register(MODULE)
class ZeroPadding2D(_Padding):
    """Zeros around images.

    Args:
        padding: an integer, (rows, columns), or ((top, bottom), (left, right)).
        data_format: "channels_last" or "channels_first".
    """

    rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


@register(MODULE)
class ZeroPadding3D(_Padding):
    """Zeros around volumes."""

    rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(padding, data_format, **kwargs)


class _Cropping(Spatial):
    def __init__(self, cropping: Any, data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = defaults.data_format(data_format) if self.rank > 1 else "channels_last"
        self.cropping = pairs(cropping, self.rank, "cropping")
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Tensor:
        begin, size = [0] * inputs.ndim, list(inputs.sizes)
        for axis, (before, after) in zip(self._axes(), self.cropping, strict=True):
            begin[axis], size[axis] = before, size[axis] - before - after
            if isinstance(size[axis], int) and size[axis] <= 0:
                raise ValueError(f"Values in `cropping` argument should be smaller than the corresponding spatial dimension of the input: the "
                                 f"`cropping` parameter of `{type(self).__name__}` layer must be smaller than the input. "
                                 f"Received: input_shape={tuple(inputs.shape)}, cropping={self.cropping}")  # fmt: skip
        return slice_(inputs, begin, size)  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        base = {**super().get_config(), "cropping": self.cropping[0] if self.rank == 1 else self.cropping}
        return base if self.rank == 1 else {**base, "data_format": self.data_format}


@register(MODULE)
class Cropping1D(_Cropping):
    """Cuts steps off both ends."""

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__([tuple(cropping)] if isinstance(cropping, (tuple, list)) else cropping, **kwargs)


@register(MODULE)
class Cropping2D(_Cropping):
    """Cuts rows and columns off images."""

    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)


@register(MODULE)
class Cropping3D(_Cropping):
    """Cuts the borders off volumes."""

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(cropping, data_format, **kwargs)
