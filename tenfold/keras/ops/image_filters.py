"""Filters and comparisons of images, in `keras.ops.image`."""

from __future__ import annotations

from typing import Any

from tenfold.ir.primitive import Spec
from tenfold.keras.base.promotion import floating
from tenfold.keras.ops.define import Array, operation
from tenfold.keras.ops.image_batches import channels_first, check_rank, like_images, on_batches
from tenfold.ops import image_filters as filters
from tenfold.ops.spatial import to_last
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import expand_dims, reshape, transpose


@operation("image", spec=like_images)
def gaussian_blur(images: Array, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: Any = None) -> Array:
    """Each pixel as the mean of those around it, weighted by a bell curve.

    Args:
        images: [height, width, channels] or a batch of them; or the channels first.
        kernel_size: height and width of the window.
        sigma: the bell's standard deviations along width and height; numbers or scalar tensors.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> gaussian_blur(tf.ones([8, 8, 3])).shape
        TensorShape([8, 8, 3])
    """
    height, width = (int(n) for n in kernel_size)

    def blur(x: Any) -> Any:
        rows, columns = filters.gaussian(height, sigma[1], x.dtype), filters.gaussian(width, sigma[0], x.dtype)
        return filters.separably(x, rows, columns, "SAME")

    return on_batches(blur, images, data_format)


@operation("image")
def sobel_edges(images: Array, data_format: Any = None) -> Array:
    """How fast images change downwards and to the right (Sobel's filters), as a new last axis of size 2; borders are mirrored.

    Example:
        >>> sobel_edges(tf.ones([1, 8, 8, 3])).shape
        TensorShape([1, 8, 8, 3, 2])
    """
    if images.ndim != 4:
        raise ValueError(f"Invalid images rank: expected rank 4 (batch of images). Received: images.shape={images.shape}")
    first = channels_first(data_format)
    edges = filters.sobel_edges(to_last(images) if first else images)
    return transpose(edges, (0, 3, 1, 2, 4)) if first else edges


def _ssim_spec(image1: Any, image2: Any, **options: Any) -> Spec:
    check_rank(image1, "image1")
    check_rank(image2, "image2")
    return Spec(image1.sizes[:-3], image1.dtype)


@operation("image", kind="SSIM", spec=_ssim_spec)
def ssim(image1: Array, image2: Array, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01, k2: float = 0.03,
         data_format: Any = None) -> Array:  # fmt: skip
    """The structural similarity of images (Wang et al., 2004): 1 for equal ones.

    Args:
        image1, image2: [height, width, channels] or batches of them; or the channels first.
        max_val: the largest value of a pixel.
        filter_size, filter_sigma: of the window in which means and variances are taken.
        k1, k2: keep divisors away from 0.
        data_format: "channels_last" or "channels_first".

    Example:
        >>> float(ssim(tf.ones([16, 16, 3]), tf.ones([16, 16, 3])))
        1.0
    """
    check_rank(image1, "image1")
    check_rank(image2, "image2")
    inner = floating(image1.dtype)
    x, y = (cast(expand_dims(t, 0) if t.ndim == 3 else t, inner) for t in (image1, image2))
    x, y = (to_last(t) if channels_first(data_format) else t for t in (x, y))
    found: Any = cast(filters.ssim(x, y, max_val, filter_size, filter_sigma, k1, k2), image1.dtype)
    return reshape(found, ()) if image1.ndim == 3 else found
