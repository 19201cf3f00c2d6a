"""The weights of `resizing` for sizes that are known only when the function runs: the same matrices, computed by the program itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tenfold.core.dtypes import float32, int32
from tenfold.core.shapes import Sym
from tenfold.ops.reducing import reduce_sum
from tenfold.primitives.arithmetic import cast, maximum, minimum, select
from tenfold.primitives.elementwise import abs as abs_
from tenfold.primitives.elementwise import exp, floor, sin
from tenfold.primitives.gather import iota, scalar_size
from tenfold.primitives.movement import expand_dims


def _triangle(x: Any) -> Any:
    return maximum(1 - x, 0)


def _keys(x: Any) -> Any:
    near, far = ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return select(x < 1, near, select(x < 2, far, 0))


def _mitchell(x: Any) -> Any:
    near, far = ((7 * x - 12) * x) * x + 16 / 3, ((-7 / 3 * x + 12) * x - 20) * x + 32 / 3
    return select(x < 1, near, select(x < 2, far, 0)) / 6


def _lanczos(radius: float) -> Callable[[Any], Any]:
    def kernel(x: Any) -> Any:
        angle = math.pi * select(x > 1e-3, x, 1)
        wave = select(x > 1e-3, radius * sin(angle) * sin(angle / radius) / (angle * angle), 1)
        return select(x < radius, wave, 0)

    return kernel


def _gaussian(x: Any) -> Any:
    return select(x < 1.5, exp(x * x / -0.5), 0)


KERNELS: dict[str, Callable[[Any], Any]] = {  # of the distance in pixels; those of `resizing`
    "bilinear": _triangle, "bicubic": _keys, "mitchellcubic": _mitchell, "gaussian": _gaussian, "lanczos3": _lanczos(3), "lanczos5": _lanczos(5),
}  # fmt: skip


def weights_of(method: str, n: Sym, size: int, antialias: bool) -> Any:
    """A matrix [size, n] of weights: what each old pixel counts in each new one."""
    old, new, length = cast(iota(n), float32), expand_dims(cast(iota(size), float32), 1), scalar_size(n, float32)
    scale = length / size
    if method == "area":
        overlap = minimum((new + 1) * scale, old + 1) - maximum(new * scale, old)
        return maximum(overlap, 0) / scale
    place = (new + 0.5) * scale
    if method == "bilinear" and not antialias:
        place = minimum(maximum(place, 0.5), length - 0.5)  # beyond the last centre the last pixel counts alone
    distance = abs_(old + 0.5 - place)
    weights = KERNELS[method](distance / maximum(scale, 1) if antialias else distance)
    return weights / reduce_sum(weights, 1, True)


def nearest_of(n: Sym, size: int) -> Any:
    """The old pixel that is nearest to each of the `size` new ones."""
    length = scalar_size(n, float32)
    return cast(minimum(floor((cast(iota(size), float32) + 0.5) * (length / size)), length - 1), int32)
