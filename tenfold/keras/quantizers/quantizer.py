"""Quantizers: floats -> small integers and the scale that brings them back."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.defaults import epsilon as default_epsilon
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.elementwise import round as round_half_even

MODULE = "keras.quantizers"


@register("keras", "Quantizer")
class Quantizer:
    """What quantizers are: called with a tensor, they give integers and a scale. This one gives its input.

    Args:
        output_dtype: the type of the integers.
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """The quantized tensor."""
        return x

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A quantizer from its config."""
        return cls(**config)

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        raise NotImplementedError(f"{self} does not implement get_config()")


@register(MODULE)
class AbsMaxQuantizer(Quantizer):
    """Scales by the largest magnitude along an axis, so that it becomes the end of the range.

    Args:
        axis: along which one scale holds; may be given at the call instead.
        value_range: the smallest and the largest integer.
        epsilon: keeps divisions finite.
        output_dtype: the type of the integers.

    Example:
        >>> q, scale = AbsMaxQuantizer(axis=-1)([[0.5, -1.0]])
        >>> q.numpy(), scale.numpy().round(3)
        (array([[  63, -127]], dtype=int8), array([[127.]], dtype=float32))
    """

    def __init__(self, axis: Any = None, value_range: Any = (-127, 127), epsilon: float | None = None, output_dtype: str = "int8") -> None:
        super().__init__(output_dtype)
        self.axis = axis if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.value_range = value_range
        self.epsilon = default_epsilon() if epsilon is None else epsilon
        if output_dtype == "int8" and (value_range[0] < -128 or value_range[1] > 127):
            raise ValueError("Quantizer with output_dtype='int8' requires value_range to be within the interval [-128, 127]. "
                             f"Received: value_range={value_range}")  # fmt: skip

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> Any:
        """(integers, scale): `x` times the scale, rounded."""
        chosen = self.axis if axis is None else axis
        return abs_max_quantize(x, -1 if chosen is None else chosen, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict[str, Any]:
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": self.axis}


def abs_max_quantize(inputs: Any, axis: Any, value_range: Any = (-127, 127), dtype: str = "int8", epsilon: float | None = None,
                     to_numpy: bool = False) -> tuple[Any, Any]:  # fmt: skip
    """(integers, scale): the largest magnitude along `axis` becomes the end of the range.

    Args:
        inputs: floats.
        axis: one axis or several; the scale keeps them with size 1.
        value_range: the smallest and the largest integer.
        dtype: the type of the integers.
        epsilon: keeps divisions finite.
        to_numpy: whether to compute at once, with NumPy; else the computation can be part of a program.
    """
    low, high = value_range
    epsilon = default_epsilon() if epsilon is None else epsilon
    x = as_tensor(inputs)
    if not x.dtype.is_floating:
        x = cast(x, as_dtype("float32"))
    axes = [axis] if isinstance(axis, int) else list(axis)
    if to_numpy:
        values = x.numpy()
        scale = np.divide(high, np.max(np.abs(values), axis=tuple(axes), keepdims=True) + epsilon).astype(values.dtype)
        return as_tensor(np.clip(np.round(values * scale), low, high).astype(as_dtype(dtype).numpy)), as_tensor(scale)
    factor = cast(high / (math.reduce_max(math.abs(x), axis=axes, keepdims=True) + epsilon), x.dtype)
    rounded = round_half_even(x * factor)
    return cast(math.maximum(math.minimum(rounded, high), low), as_dtype(dtype)), factor
