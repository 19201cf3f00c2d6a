"""`tf.strided_slice`: slices from vectors of begins, ends and strides."""

from __future__ import annotations

from typing import Any

from tenfold.core.errors import ShapeError
from tenfold.ops.shaping import integers
from tenfold.primitives.indexing import getitem
from tenfold.tensor.tensor import Tensor, as_tensor


def strided_slice(input_: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0, ellipsis_mask: int = 0,
                  new_axis_mask: int = 0, shrink_axis_mask: int = 0, var: Any = None, name: str | None = None) -> Tensor:  # fmt: skip
    """The part of a tensor that vectors of begins, ends and strides name; bit i of each mask changes what entry i means.

    Args:
        input_: what to slice.
        begin: the first positions.
        end: the positions after the last.
        strides: how far apart; default 1.
        begin_mask: from the start.
        end_mask: to the end.
        ellipsis_mask: all dimensions that are left.
        new_axis_mask: a new dimension of size 1.
        shrink_axis_mask: the one position `begin`, without its dimension.
        var: accepted and not used.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf
        >>> tf.strided_slice([1, 2, 3, 4, 5], [0], [5], [2]).numpy()
        array([1, 3, 5], dtype=int32)
    """
    starts, stops = integers("strided_slice", begin), integers("strided_slice", end)
    steps = [1] * len(starts) if strides is None else integers("strided_slice", strides)
    if not len(starts) == len(stops) == len(steps):
        raise ShapeError(f"[strided_slice] expected as many begins, ends and strides; received {len(starts)}, {len(stops)} and {len(steps)}.")
    key: list[Any] = []
    for i, (start, stop, step) in enumerate(zip(starts, stops, steps, strict=True)):
        bit = 1 << i
        if ellipsis_mask & bit:
            key.append(Ellipsis)
        elif new_axis_mask & bit:
            key.append(None)
        elif shrink_axis_mask & bit:
            key.append(start)
        else:
            key.append(slice(None if begin_mask & bit else start, None if end_mask & bit else stop, step))
    return getitem(as_tensor(input_), tuple(key))
