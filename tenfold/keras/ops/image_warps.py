"""Images read at other places: affine, perspective and elastic transformations, in `keras.ops.image`."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from tenfold.ir.primitive import Spec
from tenfold.keras import random
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.image_batches import check_rank, like_images, on_batches, one_of
from tenfold.ops import linalg, shaping
from tenfold.ops.image_filters import gaussian, separably
from tenfold.primitives.arithmetic import cast, equal, floormod, logical_and, maximum, minimum, select
from tenfold.primitives.elementwise import floor
from tenfold.primitives.elementwise import round as round_
from tenfold.primitives.gather import gather, iota
from tenfold.primitives.movement import broadcast_to, expand_dims, reshape, stack
from tenfold.primitives.random import fold_in
from tenfold.tensor.tensor import Tensor

INTERPOLATIONS = ("nearest", "bilinear")
FILL_MODES = ("constant", "nearest", "wrap", "mirror", "reflect")
FAR = 1e8  # pixels: what lies farther away is moved here, so that places fit int32


def _inside(index: Any, n: int, fill_mode: str) -> Any:
    """The place in 0, ..., n - 1 that stands for one outside."""
    if fill_mode == "wrap":  # abcd | abcd | abcd
        return floormod(index, n)
    if fill_mode == "reflect":  # dcba | abcd | dcba
        m = floormod(index, 2 * n)
        return minimum(m, 2 * n - 1 - m)
    if fill_mode == "mirror":  # dcb | abcd | cba
        m = floormod(index, max(2 * n - 2, 1) if isinstance(n, int) else maximum(2 * n - 2, 1))
        return minimum(m, 2 * n - 2 - m)
    return minimum(maximum(index, 0), n - 1)


def _neighbours(at: Any, linear: bool, rounded: Callable[[Any], Any]) -> list[tuple[Any, Any]]:
    """The places that a coordinate lies between, with their weights."""
    at = minimum(maximum(at, -FAR), FAR)
    if not linear:
        return [(cast(rounded(at), "int32"), None)]
    low = floor(at)
    index, share = cast(low, "int32"), at - low
    return [(index, 1 - share), (index + 1, share)]


def sampled(x: Any, sizes: tuple[Any, ...], coordinates: list[Any], linear: bool, fill_mode: str, fill_value: float,
            rounded: Callable[[Any], Any] = round_) -> Any:  # fmt: skip
    """The elements of x [batch, product of sizes, channels] at coordinates [batch, ...] along each of the sizes: [batch, ..., channels]."""
    total: Any = None
    for corner in product(*(_neighbours(c, linear, rounded) for c in coordinates)):
        place: Any = 0
        weight: Any = None
        valid: Any = None
        for (index, share), n in zip(corner, sizes, strict=True):
            place = place * n + _inside(index, n, fill_mode)
            weight = share if weight is None else weight * share
            here = logical_and(index >= 0, index < n)
            valid = here if valid is None else logical_and(valid, here)
        value = gather(x, place, 1, 1)
        if fill_mode == "constant":
            value = select(expand_dims(valid, -1), value, fill_value)
        value = value if weight is None else value * cast(expand_dims(weight, -1), value.dtype)
        total = value if total is None else total + value
    return total


def _exact(x: Tensor) -> Any:
    return x if x.dtype.is_floating and x.dtype.size > 2 else cast(x, "float32")


def _warped(x: Tensor, y: Any, x_: Any, interpolation: str, fill_mode: str, fill_value: float) -> Any:
    """Images [batch, height, width, channels] read at rows y and columns x_ [batch, height, width]."""
    n, height, width, channels = x.sizes
    flat = reshape(_exact(x), (n, height * width, channels))
    places = [broadcast_to(c, (n, *c.sizes[1:])) for c in (y, x_)]
    half_up = lambda c: floor(c + 0.5)  # noqa: E731  as TensorFlow rounds here
    known = tuple(m if isinstance(m, int) else shaping.shape(x)[i] for i, m in ((1, height), (2, width)))  # tensors where they are unknown
    return cast(sampled(flat, known, places, interpolation == "bilinear", fill_mode, fill_value, half_up), x.dtype)


def _grid(height: int, width: int) -> tuple[Any, Any]:
    """Rows and columns, [1, height, 1] and [1, 1, width]."""
    return cast(reshape(iota(height), (1, height, 1)), "float32"), cast(reshape(iota(width), (1, 1, width)), "float32")


def _projected(x: Tensor, transform: Any, interpolation: str, fill_mode: str, fill_value: float) -> Any:
    """Pixel (x, y) is read at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k) with k = c0 x + c1 y + 1."""
    rows, columns = _grid(*x.sizes[1:3])
    a0, a1, a2, b0, b1, b2, c0, c1 = (reshape(t, (-1, 1, 1)) for t in shaping.unstack(cast(transform, "float32"), 8, axis=1))
    k = c0 * columns + c1 * rows + 1
    nowhere = equal(k, 0)
    k = select(nowhere, 1, k)
    at_x, at_y = (a0 * columns + a1 * rows + a2) / k, (b0 * columns + b1 * rows + b2) / k
    return _warped(x, select(nowhere, -FAR, at_y), select(nowhere, -FAR, at_x), interpolation, fill_mode, fill_value)


def _affine_spec(images: Any, transform: Any, **options: Any) -> Spec:
    check_rank(images)
    _check_transform(transform)
    return Spec(images.sizes, images.dtype)


def _check_transform(transform: Any) -> None:
    if transform.ndim not in (1, 2):
        raise ValueError("Invalid transform rank: expected rank 1 (single transform) or rank 2 (batch of transforms). "
                         f"Received input with shape: transform.shape={transform.shape}")  # fmt: skip


@operation("image", spec=_affine_spec)
def affine_transform(images: Array, transform: Array, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: float = 0,
                     data_format: Any = None) -> Array:  # fmt: skip
    """Images read at transformed places: pixel (x, y) of the result at ((a0 x + a1 y + a2) / k, (b0 x + b1 y + b2) / k), k = c0 x + c1 y + 1.

    Args:
        images: [height, width, channels] or a batch of them; or the channels first.
        transform: (a0, a1, a2, b0, b1, b2, c0, c1), or one row for each image.
        interpolation: "nearest" or "bilinear".
        fill_mode: what is outside: "constant", "nearest" (aaaa | abcd | dddd), "wrap" (abcd | abcd | abcd), "mirror" (dcb | abcd | cba) or
            "reflect" (dcba | abcd | dcba).
        fill_value: for "constant".
        data_format: "channels_last" or "channels_first".

    Example:
        >>> affine_transform([[[1.0], [2.0], [3.0]]], [1, 0, 1, 0, 1, 0, 0, 0]).numpy().ravel()
        array([2., 3., 0.], dtype=float32)
    """
    one_of("interpolation", interpolation, INTERPOLATIONS)
    one_of("fill_mode", fill_mode, FILL_MODES)
    check_rank(images)
    _check_transform(transform)
    rows = expand_dims(transform, 0) if transform.ndim == 1 else transform
    return on_batches(lambda x: _projected(x, rows, interpolation, fill_mode, fill_value), images, data_format)


def homography(start: Any, end: Any) -> Any:
    """The transform [batch, 8] that reads at `start` [batch, 4, 2] what comes to `end`: eight linear equations."""
    sx, sy, ex, ey = start[..., 0], start[..., 1], end[..., 0], end[..., 1]
    one, zero = ex * 0 + 1, ex * 0
    for_x = stack([ex, ey, one, zero, zero, zero, -sx * ex, -sx * ey], -1)
    for_y = stack([zero, zero, zero, ex, ey, one, -sy * ex, -sy * ey], -1)
    n = start.sizes[0]
    matrix = reshape(stack([for_x, for_y], 2), (n, 8, 8))
    return reshape(linalg.solve(matrix, reshape(start, (n, 8, 1))), (n, 8))


def _check_points(images: Any, start_points: Any, end_points: Any) -> None:
    check_rank(images)
    for name, points in (("start_points", start_points), ("end_points", end_points)):
        if points.ndim not in (2, 3) or tuple(points.shape[-2:]) != (4, 2):
            raise ValueError(f"Invalid {name} shape: expected (4,2) for a single image or (N,4,2) for a batch. Received shape: {points.shape}")
    if tuple(start_points.shape) != tuple(end_points.shape):
        raise ValueError("start_points and end_points must have the same shape. Received "
                         f"start_points.shape={start_points.shape}, end_points.shape={end_points.shape}")  # fmt: skip


def _perspective_spec(images: Any, start_points: Any, end_points: Any, **options: Any) -> Spec:
    _check_points(images, start_points, end_points)
    return Spec(images.sizes, images.dtype)


@operation("image", spec=_perspective_spec)
def perspective_transform(images: Array, start_points: Array, end_points: Array, interpolation: str = "bilinear", fill_value: float = 0,
                          data_format: Any = None) -> Array:  # fmt: skip
    """Images in another perspective: the corners `start_points` come to `end_points`.

    Args:
        images: [height, width, channels] or a batch of them; or the channels first.
        start_points, end_points: four points (x, y), [4, 2], or those of each image.
        interpolation: "nearest" or "bilinear".
        fill_value: for what is outside.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> corners = [[0.0, 0.0], [0.0, 3.0], [3.0, 0.0], [3.0, 3.0]]
        >>> perspective_transform(tf.ones([4, 4, 1]), corners, corners).shape
        TensorShape([4, 4, 1])
    """
    one_of("interpolation", interpolation, INTERPOLATIONS)
    _check_points(images, start_points, end_points)
    start, end = (cast(expand_dims(p, 0) if p.ndim == 2 else p, "float32") for p in (start_points, end_points))
    return on_batches(lambda x: _projected(x, homography(start, end), interpolation, "constant", fill_value), images, data_format)


@operation("image", spec=like_images)
def elastic_transform(images: Array, alpha: float = 20.0, sigma: float = 5.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
                      fill_value: float = 0.0, seed: Any = None, data_format: Any = None) -> Array:  # fmt: skip
    """Images whose pixels are moved by smooth random fields (Simard et al., 2003).

    Args:
        images: [height, width, channels] or a batch of them; or the channels first.
        alpha: how far.
        sigma: how smooth; also the standard deviation of the noise before it is smoothed.
        interpolation, fill_mode, fill_value: as in `affine_transform`.
        seed: an int, a SeedGenerator or None.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> elastic_transform(tf.ones([8, 8, 3]), seed=1).shape
        TensorShape([8, 8, 3])
    """
    one_of("interpolation", interpolation, INTERPOLATIONS)
    one_of("fill_mode", fill_mode, FILL_MODES)
    return displaced(images, alpha, np.float32(sigma), sigma, interpolation, fill_mode, fill_value, seed, data_format)


def displaced(images: Any, alpha: Any, sigma: Any, reach: float, interpolation: str, fill_mode: str, fill_value: float, seed: Any,
              data_format: Any) -> Any:  # fmt: skip
    """`elastic_transform` where `alpha` and `sigma` may be tensors: `reach` is the largest that sigma may be, and decides how wide kernels are."""
    key = random.draw_seed(seed)

    def apply(x: Any) -> Any:
        n, height, width, _ = x.sizes
        bell = gaussian(6 * int(reach) | 1, sigma, x.dtype if x.dtype.size > 2 and x.dtype.is_floating else "float32")

        def field(number: int) -> Any:
            noise = random.normal((n, height, width, 1), 0.0, 1.0, bell.dtype, fold_in(key, np.uint32(number))) * sigma
            return cast(reshape(separably(noise, bell, bell, "SAME"), (n, height, width)), "float32")

        rows, columns = _grid(height, width)
        return _warped(x, rows + alpha * field(0), columns + alpha * field(1), interpolation, fill_mode, fill_value)

    return on_batches(apply, images, data_format)


def _check_coordinates(inputs: Any, coordinates: Any) -> None:
    if coordinates.ndim and coordinates.sizes[0] != inputs.ndim:
        raise ValueError("First dim of `coordinates` must be the same as the rank of `inputs`. "
                         f"Received inputs with shape: {inputs.shape} and coordinate leading dim of {coordinates.shape[0]}")  # fmt: skip
    if coordinates.ndim < 2:
        raise ValueError(f"Invalid coordinates rank: expected at least rank 2. Received input with shape: {coordinates.shape}")


def _coordinates_spec(inputs: Any, coordinates: Any, **options: Any) -> Spec:
    _check_coordinates(inputs, coordinates)
    return Spec(coordinates.sizes[1:], inputs.dtype)


@operation("image", spec=_coordinates_spec)
def map_coordinates(inputs: Array, coordinates: Array, order: int, fill_mode: str = "constant", fill_value: float = 0) -> Array:
    """The elements at places between the elements.

    Args:
        inputs: any tensor.
        coordinates: [rank of inputs, ...]: for each axis where to read along it.
        order: 0 (the nearest element) or 1 (linear interpolation).
        fill_mode, fill_value: as in `affine_transform`.

    Example:
        >>> map_coordinates([0.0, 10.0, 20.0], [[0.5, 1.75]], order=1).numpy()
        array([ 5. , 17.5], dtype=float32)
    """
    _check_coordinates(inputs, coordinates)
    one_of("fill_mode", fill_mode, FILL_MODES)
    if order not in (0, 1):
        raise NotImplementedError("map_coordinates currently requires order<=1")
    exact = _exact(inputs)
    at = coordinates if coordinates.dtype.is_floating and coordinates.dtype.size > 2 else cast(coordinates, "float32")
    places = [expand_dims(c, 0) for c in shaping.unstack(at, inputs.ndim)]
    found = sampled(reshape(exact, (1, -1, 1)), inputs.sizes, places, order == 1, fill_mode, fill_value)
    found = reshape(found, coordinates.sizes[1:])
    return cast(round_(found) if inputs.dtype.is_integer else found, inputs.dtype)
