"""Eight-bit floats: values rounded to what such a float can hold, and the scales that keep them in its range."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.untyped import array, as_tensor, math
from tenfold.primitives.arithmetic import bitcast, bitwise_and, cast, select
from tenfold.primitives.elementwise import round as round_half_even
from tenfold.primitives.movement import concat, reshape

FORMATS = {"float8_e4m3fn": (3, -6, 448.0), "float8_e5m2": (2, -14, 57344.0)}  # bits after the point, least exponent, largest value
_EXPONENT = 0x7F800000  # the exponent's bits of a float32


def rounded_to(x: Any, name: str) -> Any:
    """`x` (float32, within the range) rounded to the nearest value of an eight-bit float, ties to even."""
    bits, least, _ = FORMATS[name]
    power = bitcast(bitwise_and(bitcast(x, as_dtype("int32")), _EXPONENT), as_dtype("float32"))  # 2 to the exponent
    step = math.maximum(power, 2.0**least) * 2.0**-bits
    return round_half_even(x / step) * step


def compute_float8_scale(amax: Any, scale: Any, dtype_max: Any, margin: int = 0) -> Any:
    """The scale with which `amax` becomes `dtype_max` (half of it for each unit of `margin`); the old one where `amax` is 0 or not finite.

    Args:
        amax: the largest magnitude seen.
        scale: the scale until now.
        dtype_max: the largest value that an eight-bit float holds.
        margin: how many powers of two to stay below it.

    Example:
        >>> float(compute_float8_scale(896.0, 1.0, 448.0))
        2.0
    """
    amax, scale, largest = (cast(as_tensor(v), as_dtype("float32")) for v in (amax, scale, dtype_max))
    known = math.logical_and(amax > 0, math.is_finite(amax))
    return 1 / select(known, largest / select(known, amax, 1) / 2.0**margin, 1 / scale)


def compute_float8_amax_history(x: Any, amax_history: Any) -> Any:
    """The history with the largest magnitude of `x` in front and the rest moved on."""
    history = as_tensor(amax_history)
    seen = cast(math.reduce_max(math.abs(as_tensor(x))), history.dtype)
    moved = array.roll(history, shift=-1, axis=0)
    return concat([reshape(seen, (1,)), moved[1:]], 0)


def quantize_and_dequantize(inputs: Any, scale: Any, quantized_dtype: str, compute_dtype: str) -> Any:
    """`inputs` as an eight-bit float of this scale would hold them.

    Args:
        inputs: floats.
        scale: they are divided by it before, and multiplied by it after they are rounded.
        quantized_dtype: "float8_e4m3fn" or "float8_e5m2".
        compute_dtype: the type of the result.

    Example:
        >>> quantize_and_dequantize([1.03, 500.0], 1.0, "float8_e4m3fn", "float32").numpy()
        array([  1., 448.], dtype=float32)
    """
    largest = FORMATS[quantized_dtype][2]
    factor = cast(as_tensor(scale), as_dtype(compute_dtype))
    x = cast(cast(as_tensor(inputs), as_dtype(compute_dtype)) / factor, as_dtype("float32"))
    x = math.maximum(math.minimum(x, largest), -largest)
    return cast(rounded_to(x, quantized_dtype), as_dtype(compute_dtype)) * factor
