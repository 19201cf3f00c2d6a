"""Products of a few rows with a matrix of four-bit integers, straight from the bytes that hold them.

    sum of x (q - zero) scale   =   sum over groups of scale (sum of x q - zero * sum of x)

With few rows a product takes the time to read its matrix: here an eighth of what floats take, which are never made. Two neighbours in a
byte are columns of even and of odd number; these are summed apart.
"""

from __future__ import annotations

from typing import Any

from tenfold.keras.layers.quantizing import storage
from tenfold.ops.bitwise import left_shift, right_shift
from tenfold.primitives.arithmetic import cast, less_equal
from tenfold.primitives.gather import scalar_size
from tenfold.primitives.movement import pad, reshape, slice_, stack
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor

ROWS = 2  # more of them are multiplied faster as floats


def few(x: Any) -> Any:
    """Whether `x` has few rows: known, or known once all sizes are."""
    rows = x.sizes[0]
    return rows <= ROWS if isinstance(rows, int) else less_equal(scalar_size(rows, x.dtype), ROWS)


def product(layer: Any, x: Any) -> Tensor:
    """`x` [rows, inputs] times the matrix of a layer whose groups run along the inputs."""
    rows, (inputs, columns), name = x.sizes[0], layer._as_two(layer.original_kernel_shape), layer.weight_name
    packed, scale = storage.plain(layer._weight), cast(storage.plain(getattr(layer, f"{name}_scale")), x.dtype)
    blocks = layer._int4_block_size not in (None, -1)
    size = layer._int4_block_size if blocks else inputs
    groups, half = -(-inputs // size), packed.sizes[1]
    missing = groups * size - inputs
    if missing:
        x, packed = pad(x, (0, 0), (0, missing)), pad(packed, (0, 0), (missing, 0))
    values = reshape(x, (rows, groups, size, 1))
    bytes_ = reshape(packed, (1, groups, size, half))
    totals = sum_(values, axis=2)
    sums = []
    for odd, integers in enumerate((right_shift(left_shift(bytes_, 4), 4), right_shift(bytes_, 4))):
        found = sum_(cast(integers, x.dtype) * values, axis=2)  # [rows, groups, half]
        if not blocks:
            sums.append(reshape(found, (rows, half)))
        else:
            zero = cast(storage.plain(getattr(layer, f"{name}_zero")), x.dtype)
            sums.append(sum_((found - totals * _every_other(zero, odd, half)) * _every_other(scale, odd, half), axis=1))
    y = slice_(reshape(stack(sums, -1), (rows, 2 * half)), [0, 0], [rows, columns])
    return y if blocks else y / scale  # type: ignore[no-any-return]


def _every_other(x: Any, odd: int, half: int) -> Any:
    """The columns of even or of odd number; one of zeros more, if there are too few."""
    columns = x.sizes[1]
    even = pad(x, (0, 0), (0, 2 * half - columns))
    return reshape(slice_(reshape(even, (-1, half, 2)), [0, 0, odd], [even.sizes[0], half, 1]), (even.sizes[0], half))
