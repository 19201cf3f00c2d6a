"""What the functions of `keras.ops.image` share: images as a batch with the channels last, whatever they come as."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.ir.primitive import Spec
from tenfold.keras.base.defaults import data_format as checked_format
from tenfold.ops.spatial import to_first, to_last
from tenfold.primitives.movement import expand_dims, reshape
from tenfold.tensor.tensor import Tensor


def channels_first(data_format: Any) -> bool:
    """Whether the channels come before height and width."""
    return checked_format(data_format) == "channels_first"


def check_rank(images: Any, name: str = "images") -> None:
    """Raises ValueError unless these are images: of rank 3, or 4 with a batch."""
    if images.ndim not in (3, 4):
        raise ValueError(f"Invalid {name} rank: expected rank 3 (single image) or rank 4 (batch of images). Received input with shape: "
                         f"{name}.shape={images.shape}")  # fmt: skip


def on_batches(function: Callable[[Any], Any], images: Tensor, data_format: Any) -> Any:
    """`function` of images [batch, height, width, channels], its result in the form that `images` have."""
    check_rank(images)
    first, single = channels_first(data_format), images.ndim == 3
    x = expand_dims(images, 0) if single else images
    y = function(to_last(x) if first else x)
    y = to_first(y) if first else y
    return reshape(y, y.sizes[1:]) if single else y


def like_images(images: Any, *others: Any, data_format: Any = None, **options: Any) -> Spec:
    """What a function that keeps shape and type gives for symbolic images."""
    check_rank(images)
    return Spec(images.sizes, images.dtype)


def one_of(name: str, value: Any, known: tuple[str, ...]) -> None:
    """Raises ValueError unless an argument has one of these values."""
    if value not in known:
        raise ValueError(f"Invalid value for argument `{name}`. Expected of one {known}. Received: {name}={value}")
