"""TensorFlow's spatial arguments (strides, windows, padding, data formats) in the terms of the channels-last primitives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Shape, Size
from tenfold.primitives.contraction import Padding, conv_padding
from tenfold.primitives.movement import transpose
from tenfold.tensor.tensor import Tensor


def channels_first(name: str, data_format: str | None, rank: int) -> bool:
    """Whether `data_format` puts the channels before the spatial dimensions.

    Raises:
        ValueError: it is no format for `rank` spatial dimensions.
    """
    if data_format is None:
        return False
    spatial = "DHW"[3 - rank :]
    first, last = f"NC{spatial}", f"N{spatial}C"
    if data_format not in (first, last, "NCW", "NWC"):
        raise InvalidArgumentError(f"[{name}] expected data_format {last!r} or {first!r}; received {data_format!r}.")
    return data_format in (first, "NCW")


def to_last(x: Tensor) -> Tensor:
    """[n, c, spatial...] as [n, spatial..., c]."""
    return transpose(x, [0, *range(2, x.ndim), 1])


def to_first(x: Tensor) -> Tensor:
    """[n, spatial..., c] as [n, c, spatial...]."""
    return transpose(x, [0, x.ndim - 1, *range(1, x.ndim - 1)])


def in_format(function: Callable[[Tensor], Tensor], x: Tensor, first: bool) -> Tensor:
    """A channels-last function applied to data whose channels come first, if `first`."""
    return to_first(function(to_last(x))) if first else function(x)


def per_dimension(name: str, what: str, values: Any, rank: int, first: bool) -> tuple[int, ...]:
    """One number per spatial dimension from TensorFlow's forms: a number, one per spatial dimension, or one per dimension of the data.

    Raises:
        ValueError: another form, or batch and channels have a number other than 1.
    """
    if values is None:
        return (1,) * rank
    given = [int(v) for v in np.asarray(values).reshape(-1)]
    if len(given) == 1:
        given = given * rank
    if len(given) == rank + 2:
        outer = (given[0], given[1]) if first else (given[0], given[-1])
        given = given[2:] if first else given[1:-1]
        if outer != (1, 1):
            raise InvalidArgumentError(f"[{name}] {what} over batch or channels must be 1; received {values}.")
    if len(given) != rank:
        raise InvalidArgumentError(f"[{name}] expected {what} as 1, {rank} or {rank + 2} numbers; received {values}.")
    if min(given, default=1) < 1:
        raise InvalidArgumentError(f"[{name}] {what} must be positive; received {values}.")
    return tuple(given)


def spatial_padding(name: str, padding: Any, spatial: Shape, kernel: tuple[Size, ...], strides: tuple[int, ...], dilation: tuple[int, ...],
                    first: bool) -> Padding:  # fmt: skip
    """Pairs of margins from "SAME", "VALID" or TensorFlow's explicit list, which has a pair for every dimension of the data."""
    if isinstance(padding, str):
        if padding.upper() not in ("SAME", "VALID"):
            raise InvalidArgumentError(f"[{name}] expected padding 'SAME', 'VALID' or a list of pairs; received {padding!r}.")
        return conv_padding(padding, spatial, kernel, strides, dilation)
    pairs = [tuple(int(v) for v in pair) for pair in padding]
    if len(pairs) == len(spatial) + 2:
        pairs = pairs[2:] if first else pairs[1:-1]
    if len(pairs) != len(spatial) or any(len(pair) != 2 for pair in pairs):
        raise ShapeError(f"[{name}] expected a pair of paddings for each dimension of the data; received {padding}.")
    return conv_padding(pairs, spatial, kernel, strides, dilation)
