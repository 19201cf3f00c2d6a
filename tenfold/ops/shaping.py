"""Functions that change a tensor's shape or the order of its elements."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype, int32
from tenfold.core.errors import InvalidArgumentError, ShapeError
from tenfold.core.shapes import Sym, TensorShape, broadcast, differ, divide, function, normalize_axes, normalize_axis
from tenfold.ops.creation import sizes_tensor
from tenfold.primitives import movement as m
from tenfold.primitives.arithmetic import conj
from tenfold.primitives.gather import as_sizes, gather
from tenfold.primitives.indexing import getitem
from tenfold.tensor.tensor import Tensor, as_tensor


def integers(name: str, values: Any) -> list[Any]:
    """The elements of a small integer argument that decides a shape: ints, or symbols while tracing.

    Raises:
        InvalidArgumentError: they are not known while the function is traced.
    """
    if isinstance(values, (int, np.integer, Sym)):
        return [values]
    return list(as_sizes(values))


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """The same elements in row-major order under another shape; one size may be -1: what remains.

    Example:
        >>> import tenfold as tf
        >>> tf.reshape([1, 2, 3, 4, 5, 6], [2, -1]).numpy()
        array([[1, 2, 3],
               [4, 5, 6]], dtype=int32)
    """
    result: Tensor = m.reshape(tensor, as_sizes(shape))
    return result


def transpose(a: Any, perm: Any = None, conjugate: bool = False, name: str | None = None) -> Tensor:
    """The dimensions in the order `perm`; default: reversed.

    Example:
        >>> import tenfold as tf
        >>> tf.transpose([[1, 2, 3], [4, 5, 6]]).numpy().tolist()
        [[1, 4], [2, 5], [3, 6]]
    """
    x = m.transpose(a, None if perm is None else integers("transpose", perm))
    return conj(x) if conjugate else x


def concat(values: Any, axis: Any, name: str | None = None) -> Tensor:
    """The tensors one after the other along `axis`.

    Example:
        >>> import tenfold as tf
        >>> tf.concat([[[1, 2]], [[3, 4]]], axis=0).numpy().tolist()
        [[1, 2], [3, 4]]
    """
    if not isinstance(values, (list, tuple)):
        values = [values]
    (at,) = integers("concat", axis)
    if values and as_tensor(values[0]).ndim == 0:
        raise ShapeError("[concat] scalars cannot be concatenated. Try tf.stack.")
    result: Tensor = m.concat(list(values), at)
    return result


def stack(values: Any, axis: int = 0, name: str | None = None) -> Tensor:
    """The tensors side by side along a new `axis`.

    Example:
        >>> import tenfold as tf
        >>> tf.stack([[1, 2], [3, 4]], axis=1).numpy().tolist()
        [[1, 3], [2, 4]]
    """
    if isinstance(values, Tensor):
        values = unstack(values)
    if not values:
        raise InvalidArgumentError("[stack] expected at least one tensor; received none.")
    return m.stack(list(values), axis)


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str | None = None) -> list[Tensor]:
    """The slices of `value` along `axis`, without that axis.

    Example:
        >>> import tenfold as tf
        >>> [t.numpy().tolist() for t in tf.unstack([[1, 2], [3, 4]])]
        [[1, 2], [3, 4]]
    """
    x = as_tensor(value)
    at = normalize_axis("unstack", axis, x.ndim)
    count = x.sizes[at] if num is None else num
    if isinstance(count, Sym):
        raise InvalidArgumentError(f"[unstack] the size of axis {axis} is unknown while the function is traced. Try passing num=.")
    if isinstance(x.sizes[at], int) and count != x.sizes[at]:
        raise ShapeError(f"[unstack] expected num={x.sizes[at]} for shape {x.shape}; received num={num}.")
    lead = (builtins.slice(None),) * at
    return [getitem(x, (*lead, i)) for i in builtins.range(count)]


def split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str | None = None) -> list[Tensor]:
    """`value` in equal parts (an int) or in parts of the given sizes (a list, where one may be -1) along `axis`.

    Example:
        >>> import tenfold as tf
        >>> [t.numpy().tolist() for t in tf.split([1, 2, 3, 4, 5], [2, -1])]
        [[1, 2], [3, 4, 5]]

    Raises:
        ValueError: the parts do not make up the whole.
    """
    x = as_tensor(value)
    (axis,) = integers("split", axis)
    at = normalize_axis("split", axis, x.ndim)
    whole = x.sizes[at]
    if isinstance(num_or_size_splits, (int, np.integer)) or getattr(num_or_size_splits, "shape", None) == ():
        parts = int(num_or_size_splits)
        if parts < 1 or (isinstance(whole, int) and whole % parts):
            raise ShapeError(f"[split] {whole} elements along axis {axis} do not divide into {parts} equal parts.")
        counts = [whole // parts] * parts
    else:
        counts = integers("split", num_or_size_splits)
        open_ = [i for i, n in enumerate(counts) if isinstance(n, int) and n == -1]
        if open_:
            counts[open_[0]] = whole - sum(n for i, n in enumerate(counts) if i != open_[0])
        total = sum(counts)
        if isinstance(total, int) and isinstance(whole, int) and (total != whole or min([0, *counts]) < 0):
            raise ShapeError(f"[split] the sizes must add up to {whole} along axis {axis}; received {list(num_or_size_splits)}.")
    pieces, start = [], 0
    for n in counts:
        begin = [start if i == at else 0 for i in builtins.range(x.ndim)]
        pieces.append(m.slice_(x, begin, [n if i == at else s for i, s in enumerate(x.sizes)]))
        start = start + n
    return pieces


def tile(input: Any, multiples: Any, name: str | None = None) -> Tensor:
    """`input` repeated `multiples[i]` times along dimension i.

    Example:
        >>> import tenfold as tf
        >>> tf.tile([[1, 2]], [2, 2]).numpy().tolist()
        [[1, 2, 1, 2], [1, 2, 1, 2]]
    """
    x, times = as_tensor(input), integers("tile", multiples)
    if len(times) != x.ndim:
        raise ShapeError(f"[tile] expected one multiple per dimension of shape {x.shape}; received {list(times)}.")
    between = [v for n in x.sizes for v in (1, n)]
    spread = [v for t, n in zip(times, x.sizes, strict=True) for v in (t, n)]
    return m.reshape(m.broadcast_to(m.reshape(x, between), spread), [t * n for t, n in zip(times, x.sizes, strict=True)])


def repeat(input: Any, repeats: Any, axis: int | None = None, name: str | None = None) -> Tensor:
    """Each element (or slice along `axis`) repeated `repeats` times; without an axis the input is flattened.

    Example:
        >>> import tenfold as tf
        >>> tf.repeat([1, 2, 3], [2, 0, 1]).numpy()
        array([1, 1, 3], dtype=int32)
    """
    x = as_tensor(input)
    if axis is None:
        x, axis = m.reshape(x, (-1,)), 0
    at = normalize_axis("repeat", axis, x.ndim)
    if isinstance(repeats, (int, np.integer)) or getattr(repeats, "shape", None) == () or np.size(repeats) == 1:
        (times,) = integers("repeat", repeats if isinstance(repeats, (int, np.integer)) else m.reshape(as_tensor(repeats), (1,)))
        n = x.sizes
        wide = m.broadcast_to(m.expand_dims(x, at + 1), (*n[: at + 1], times, *n[at + 1 :]))
        return m.reshape(wide, (*n[:at], n[at] * times, *n[at + 1 :]))
    counts = integers("repeat", repeats)
    if differ(len(counts), x.sizes[at]):
        raise ShapeError(f"[repeat] expected one count for each of the {x.sizes[at]} slices along axis {axis}; received {len(counts)}.")
    return gather(x, np.repeat(np.arange(len(counts)), counts), axis=at)


def expand_dims(input: Any, axis: Any, name: str | None = None) -> Tensor:
    """`input` with a dimension of size 1 before `axis`.

    Example:
        >>> import tenfold as tf
        >>> tf.expand_dims([1, 2], 0).shape, tf.expand_dims([1, 2], -1).shape
        (TensorShape([1, 2]), TensorShape([2, 1]))
    """
    (at,) = integers("expand_dims", axis)
    return m.expand_dims(as_tensor(input), at)


def squeeze(input: Any, axis: Any = None, name: str | None = None) -> Tensor:
    """`input` without its dimensions of size 1, or without those in `axis`.

    Example:
        >>> import tenfold as tf
        >>> tf.squeeze([[[1], [2]]]).numpy()
        array([1, 2], dtype=int32)

    Raises:
        ValueError: a dimension in `axis` has another size.
    """
    x = as_tensor(input)
    listed = [] if axis is None else integers("squeeze", axis)
    axes = normalize_axes("squeeze", listed, x.ndim) if listed else tuple(i for i, n in enumerate(x.sizes) if n == 1)
    for i in axes:
        if isinstance(x.sizes[i], int) and x.sizes[i] != 1:
            raise ShapeError(f"[squeeze] expected size 1 in dimension {i}; received shape {x.shape}.")
    return m.reshape(x, [n for i, n in enumerate(x.sizes) if i not in axes])


def broadcast_to(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """`input` repeated to fill `shape`, after NumPy's broadcasting rules.

    Example:
        >>> import tenfold as tf
        >>> tf.broadcast_to([1, 2], [2, 2]).numpy().tolist()
        [[1, 2], [1, 2]]
    """
    result: Tensor = m.broadcast_to(input, as_sizes(shape))
    return result


def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """The shape that two shapes broadcast to."""
    return TensorShape(broadcast("broadcast_static_shape", tuple(shape_x), tuple(shape_y)))


def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """The shape that two shapes, given as tensors, broadcast to.

    Example:
        >>> import tenfold as tf
        >>> tf.broadcast_dynamic_shape([2, 1], [3]).numpy()
        array([2, 3], dtype=int32)
    """
    return sizes_tensor(broadcast("broadcast_dynamic_shape", as_sizes(shape_x), as_sizes(shape_y)))


def reverse(tensor: Any, axis: Any, name: str | None = None) -> Tensor:
    """`tensor` backwards along the axes.

    Example:
        >>> import tenfold as tf
        >>> tf.reverse([[1, 2], [3, 4]], axis=[1]).numpy().tolist()
        [[2, 1], [4, 3]]
    """
    x, axes = as_tensor(tensor), integers("reverse", axis)
    return m.reverse(x, axes) if axes else x


def roll(input: Any, shift: Any, axis: Any, name: str | None = None) -> Tensor:
    """`input` moved along the axes; what leaves at one end comes in at the other.

    Example:
        >>> import tenfold as tf
        >>> tf.roll([1, 2, 3, 4], shift=1, axis=0).numpy()
        array([4, 1, 2, 3], dtype=int32)
    """
    x = as_tensor(input)
    shifts, axes = integers("roll", shift), integers("roll", axis)
    if len(shifts) != len(axes):
        raise InvalidArgumentError(f"[roll] expected one shift per axis; received shift={shifts}, axis={axes}.")
    for by, axis_ in zip(shifts, axes, strict=True):
        at = normalize_axis("roll", axis_, x.ndim)
        n = x.sizes[at]
        if n == 0:
            continue
        around = function("max", n, 1)
        cut = -by - divide(-by, around) * around
        x = m.concat([_range_along(x, at, cut, n - cut), _range_along(x, at, 0, cut)], at)
    return x


def _range_along(x: Tensor, axis: int, start: Any, count: Any) -> Tensor:
    begin = [start if i == axis else 0 for i in builtins.range(x.ndim)]
    return m.slice_(x, begin, [count if i == axis else n for i, n in enumerate(x.sizes)])


def pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: Any = 0, name: str | None = None) -> Tensor:
    """`tensor` with elements added at the ends of each dimension.

    Args:
        tensor: what to pad.
        paddings: one pair (before, after) per dimension.
        mode: "CONSTANT", "REFLECT" (mirrored at the border element) or "SYMMETRIC" (mirrored with the border element).
        constant_values: the value to pad with.
        name: accepted and not used.

    Example:
        >>> import tenfold as tf
        >>> tf.pad([1, 2, 3], [[1, 2]]).numpy()
        array([0, 1, 2, 3, 0, 0], dtype=int32)
        >>> tf.pad([1, 2, 3], [[1, 2]], "REFLECT").numpy()
        array([2, 1, 2, 3, 2, 1], dtype=int32)
    """
    x = as_tensor(tensor)
    pairs = [integers("pad", p) for p in paddings] if not isinstance(paddings, Tensor) else np.asarray(paddings).tolist()
    if len(pairs) != x.ndim or any(len(p) != 2 for p in pairs):
        raise ShapeError(f"[pad] expected one pair of paddings for each dimension of shape {x.shape}; received {pairs}.")
    kind = mode.upper()
    if kind == "CONSTANT":
        blank = isinstance(constant_values, int) and constant_values == 0
        value = x.dtype.zero if blank else as_tensor(constant_values, hint=x.dtype)._elements()[()]
        return m.pad(x, [p[0] for p in pairs], [p[1] for p in pairs], value=value.item() if hasattr(value, "item") else value)
    if kind not in ("REFLECT", "SYMMETRIC"):
        raise InvalidArgumentError(f"[pad] expected mode 'CONSTANT', 'REFLECT' or 'SYMMETRIC'; received {mode!r}.")
    for axis, (before, after) in enumerate(pairs):
        x = _mirrored(x, axis, before, after, 1 if kind == "REFLECT" else 0)
    return x


def _mirrored(x: Tensor, axis: int, before: int, after: int, skip: int) -> Tensor:
    n = x.sizes[axis]
    if isinstance(n, int) and max(before, after) > n - skip:
        raise InvalidArgumentError(f"[pad] paddings must not exceed {n - skip} in dimension {axis} of shape {x.shape}; received {(before, after)}.")
    parts = [m.reverse(_range_along(x, axis, skip, before), [axis]), x, m.reverse(_range_along(x, axis, n - after - skip, after), [axis])]
    return m.concat([p for p, n in zip(parts, (before, 1, after), strict=True) if n], axis)


def slice(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """`size` elements of each dimension from `begin` on; a size of -1 means all that remain.

    Example:
        >>> import tenfold as tf
        >>> tf.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, -1]).numpy().tolist()
        [[2, 3], [5, 6]]
    """
    x = as_tensor(input_)
    starts, counts = integers("slice", begin), integers("slice", size)
    if not len(starts) == len(counts) == x.ndim:
        raise ShapeError(f"[slice] expected {x.ndim} begins and sizes for shape {x.shape}; received begin={starts}, size={counts}.")
    counts = [n - b if isinstance(c, int) and c == -1 else c for n, b, c in zip(x.sizes, starts, counts, strict=True)]
    return m.slice_(x, starts, counts)


def shape(input: Any, out_type: Any = int32, name: str | None = None) -> Tensor:
    """The shape as a tensor.

    Example:
        >>> import tenfold as tf
        >>> tf.shape([[1, 2, 3], [4, 5, 6]]).numpy()
        array([2, 3], dtype=int32)
    """
    return sizes_tensor(as_tensor(input).sizes, as_dtype(out_type))


def shape_n(input: Sequence[Any], out_type: Any = int32, name: str | None = None) -> list[Tensor]:
    """The shapes of several tensors."""
    return [shape(x, out_type) for x in input]


def size(input: Any, out_type: Any = int32, name: str | None = None) -> Tensor:
    """The number of elements.

    Example:
        >>> import tenfold as tf
        >>> int(tf.size([[1, 2, 3], [4, 5, 6]]))
        6
    """
    total: Any = 1
    for n in as_tensor(input).sizes:
        total = total * n
    return m.reshape(sizes_tensor((total,), as_dtype(out_type)), ())


def rank(input: Any, name: str | None = None) -> Tensor:
    """The number of dimensions.

    Example:
        >>> import tenfold as tf
        >>> int(tf.rank([[1, 2, 3], [4, 5, 6]]))
        2
    """
    return as_tensor(as_tensor(input).ndim, int32)
