"""Layers that enlarge: each element repeated, or values between neighbours."""

from __future__ import annotations

from typing import Any

from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.layers.arguments import tuple_of
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.reshaping import Spatial
from tenfold.ops.resizing import resize
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import broadcast_to, concat, expand_dims, reshape, slice_, transpose
from tenfold.tensor.tensor import Tensor
from tenfold.transform.whole import whole

INTERPOLATIONS = ("bicubic", "bilinear", "lanczos3", "lanczos5", "nearest")


def repeat(x: Any, axis: int, times: int) -> Tensor:
    """Each element along `axis`, `times` times in a row."""
    sizes = x.sizes
    wide = broadcast_to(expand_dims(x, axis + 1), (*sizes[: axis + 1], times, *sizes[axis + 1 :]))
    return reshape(wide, (*sizes[:axis], sizes[axis] * times, *sizes[axis + 1 :]))  # type: ignore[no-any-return]


@register(MODULE)
class UpSampling1D(Layer):
    """Each step `size` times."""

    _repeats = True
    _stateless = True

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"Expected an integer value for `size`, got {type(size)}.")
        if size <= 0:
            raise ValueError(f"`size` should be a positive integer. Received: size={size}")
        self.size = size
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Tensor:
        return repeat(inputs, 1, self.size)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


@register(MODULE)
class UpSampling2D(Spatial):
    """Larger images.

    Args:
        size: factors of rows and columns.
        data_format: "channels_last" or "channels_first".
        interpolation: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".
    """

    rank = 2

    def __init__(self, size: Any = (2, 2), data_format: Any = None, interpolation: str = "nearest", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = defaults.data_format(data_format)
        self.size = tuple_of(size, 2, "size")
        self.interpolation = interpolation.lower()
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"`interpolation` argument should be one of {set(INTERPOLATIONS)}. Received: interpolation={interpolation}.")
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Tensor:
        if self.interpolation != "nearest":
            inputs = self._as_compute(inputs)
        if self.interpolation not in ("nearest", "bilinear"):
            return self._resized(inputs)
        for axis, times in zip(self._axes(), self.size, strict=True):
            inputs = repeat(inputs, axis, times) if self.interpolation == "nearest" else _between(inputs, axis, times)
        return inputs  # type: ignore[no-any-return]

    def _resized(self, x: Any) -> Tensor:
        first = self.data_format == "channels_first"
        x = transpose(x, (0, 2, 3, 1)) if first else x
        y = cast(resize(x, [n * times for n, times in zip(x.sizes[1:3], self.size, strict=True)], self.interpolation), x.dtype)
        return transpose(y, (0, 3, 1, 2)) if first else y  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "data_format": self.data_format, "interpolation": self.interpolation}


@register(MODULE)
class UpSampling3D(Spatial):
    """Each voxel `size` times along each axis.

    Args:
        size: factors of the three axes.
        data_format: "channels_last" or "channels_first".
    """

    rank = 3

    def __init__(self, size: Any = (2, 2, 2), data_format: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = defaults.data_format(data_format)
        self.size = tuple_of(size, 3, "size")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Tensor:
        for axis, times in zip(self._axes(), self.size, strict=True):
            inputs = repeat(inputs, axis, times)
        return inputs  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "data_format": self.data_format}


@whole
def _between(x: Any, axis: int, times: int) -> Tensor:
    """Linear interpolation at the centres of `times` parts of each element; the borders are repeated."""
    n = x.sizes[axis]
    first, last = (slice_(x, _at(x, axis, start, 0), _at(x, axis, 1, None)) for start in (0, n - 1))
    before = concat([first, slice_(x, _at(x, axis, 0, 0), _at(x, axis, n - 1, None))], axis) if n != 1 else x
    after = concat([slice_(x, _at(x, axis, 1, 0), _at(x, axis, n - 1, None)), last], axis) if n != 1 else x
    parts = []
    for i in range(times):
        offset = (i + 0.5) / times - 0.5
        parts.append(expand_dims(x * (1 - abs(offset)) + (before if offset < 0 else after) * abs(offset), axis + 1))
    wide = concat(parts, axis + 1)
    return reshape(wide, (*x.sizes[:axis], n * times, *x.sizes[axis + 1 :]))  # type: ignore[no-any-return]


def _at(x: Any, axis: int, value: Any, other: Any) -> list[Any]:
    return [value if i == axis else (x.sizes[i] if other is None else other) for i in range(x.ndim)]
