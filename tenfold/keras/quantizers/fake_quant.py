"""Fake quantization: floats rounded to the steps that a quantized value could take, with gradients."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.primitives.arithmetic import cast, select
from tenfold.primitives.elementwise import floor
from tenfold.primitives.elementwise import round as round_half_even
from tenfold.primitives.movement import reshape
from tenfold.transform.custom import custom_gradient


def fake_quant_with_min_max_vars(inputs: Any, min_vals: Any, max_vals: Any, num_bits: int = 8, narrow_range: bool = False,
                                 axis: int | None = None) -> Any:  # fmt: skip
    """`inputs` cut to [min, max] and rounded to the steps of an integer of `num_bits`; the range is moved a little so that 0 is a step.

    Gradients pass where the inputs lie in the range; beyond it they go to its end.

    Args:
        inputs: floats.
        min_vals, max_vals: the range: scalars, or one of each for each place along `axis`.
        num_bits: of the integers.
        narrow_range: whether the integers start at 1, not 0.
        axis: the axis that has its own ranges.

    Example:
        >>> fake_quant_with_min_max_vars([0.1, 0.9], 0.0, 1.0, num_bits=1).numpy()
        array([0., 1.], dtype=float32)
    """
    x = as_tensor(inputs)
    low, high = (cast(as_tensor(v), as_dtype("float32")) for v in (min_vals, max_vals))
    shape = (1,) * x.ndim if axis is None else tuple(-1 if i == axis % x.ndim else 1 for i in range(x.ndim))
    axes = list(range(x.ndim)) if axis is None else [i for i in range(x.ndim) if i != axis % x.ndim]
    least, most = 1.0 if narrow_range else 0.0, float(2**num_bits - 1)

    @custom_gradient
    def quantized(x: Any, low: Any, high: Any) -> Any:
        wide, a, b = cast(x, as_dtype("float32")), reshape(low, shape), reshape(high, shape)
        scale, inverse = (b - a) / (most - least), (most - least) / (b - a)
        zero = round_half_even(math.maximum(math.minimum(least - a / scale, most), least))
        first, last = (least - zero) * scale, (most - zero) * scale
        cut = math.maximum(math.minimum(wide, last), first)
        steps = floor((cut - first) * inverse - floor(-first * inverse + 0.5) + 0.5)

        def grad(g: Any) -> list[Any]:
            inside = math.logical_and(wide >= first, wide <= last)
            below, above = (reshape(math.reduce_sum(select(beyond, cast(g, as_dtype("float32")), 0), axis=axes), low.sizes)
                            for beyond in (wide < first, wide > last))  # fmt: skip
            return [select(inside, g, 0), below, above]

        return cast(steps * scale, x.dtype), grad

    return quantized(x, low, high)
