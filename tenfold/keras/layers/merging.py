"""Layers that combine several inputs."""

from __future__ import annotations

from functools import reduce
from typing import Any

from tenfold.core.shapes import differ, show
from tenfold.keras.base.registry import register
from tenfold.keras.base.symbolic import KerasTensor
from tenfold.keras.base.untyped import as_tensor, math
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.call import mask_of
from tenfold.keras.layers.sparsity import KeepsSparse
from tenfold.primitives.arithmetic import cast, logical_or, maximum, minimum, select
from tenfold.primitives.contraction import matmul
from tenfold.primitives.elementwise import rsqrt
from tenfold.primitives.movement import broadcast_to, concat, expand_dims, reshape, transpose


class Merge(KeepsSparse):
    """Combines a list of inputs, element by element; shapes broadcast, and missing axes are added after the batch."""

    _repeats = True
    count: int | None = None  # how many inputs, if only this many

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def combine(self, inputs: list[Any], masks: list[Any]) -> Any:
        """The combination of the inputs; `masks` are those that they carry."""
        raise NotImplementedError

    def build(self, input_shape: Any) -> None:
        name = type(self).__name__
        if not isinstance(input_shape, (list, tuple)) or not all(isinstance(s, (list, tuple)) for s in input_shape):
            raise ValueError(f"A merge layer should be called on a list of inputs. Received: input_shape={input_shape} (not a list of shapes). "
                             f"Try {name}()([a, b]).")  # fmt: skip
        if len(input_shape) < (self.count or 1) or (self.count and len(input_shape) != self.count):
            wanted = f"exactly {self.count}" if self.count else "one or more"
            raise ValueError(f"A `{name}` layer should be called on {wanted} inputs. Received: input_shape={input_shape}")
        self._check_shapes([tuple(s) for s in input_shape])

    def _check_shapes(self, shapes: list[tuple[Any, ...]]) -> None:
        rank = max(len(s) for s in shapes)
        for column in zip(*((1,) * (rank - len(s)) + s[1:] if len(s) < rank else s for s in shapes), strict=False):
            sizes = {n for n in column if n not in (1, None)}
            if len(sizes) > 1:
                raise ValueError(f"Inputs have incompatible shapes. Received shapes {' and '.join(map(str, shapes))}")

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A merge layer should be called on a list of inputs. Received: inputs={inputs} (not a list of tensors)")
        rank = max(x.ndim for x in inputs)
        wide = [reshape(x, (x.sizes[0], *(1,) * (rank - x.ndim), *x.sizes[1:])) if x.ndim < rank else x for x in inputs]
        return self.combine(wide, [mask_of(x) for x in inputs])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not _are_masks(inputs, mask) or any(m is None for m in mask):
            return None
        return reduce(logical_or, [cast(as_tensor(m), "bool") for m in mask])

    def get_config(self) -> dict[str, Any]:
        return super().get_config()


@register(MODULE)
class Add(Merge):
    """The sum of the inputs.

    Example:
        >>> import numpy as np
        >>> Add()([np.ones((1, 2)), np.ones((1, 2))]).numpy()
        array([[2., 2.]], dtype=float32)
    """

    def combine(self, inputs: list[Any], masks: list[Any]) -> Any:
        return reduce(lambda a, b: a + b, inputs)


@register(MODULE)
class Subtract(Merge):
    """The first input minus the second."""

    count = 2

    def combine(self, inputs: list[Any], masks: list[Any]) -> Any:
        return inputs[0] - inputs[1]


@register(MODULE)
class Multiply(Merge):
    """The product of the inputs."""

    def combine(self, inputs: list[Any], masks: list[Any]) -> Any:
        kept = [_spread(m, x) for m, x in zip(masks, inputs, strict=True)]
        product = reduce(lambda a, b: a * b, [x if m is None else select(m, x, 1) for m, x in zip(kept, inputs, strict=True)])
        return product if any(m is None for m in kept) else select(reduce(logical_or, kept), product, 0)


@register(MODULE)
class Average(Merge):
    """The mean of the inputs."""

    def combine(self, inputs: list[Any], masks: list[Any]) -> Any:
        return reduce(lambda a, b: a + b, inputs) / len(inputs)


@register(MODULE)
class Maximum(Merge):
    """The largest of the inputs."""

    def combine(self, inputs: list[Any], masks: list[Any]) -> Any:
        return _of_kept(maximum, inputs, masks)


@register(MODULE)
class Minimum(Merge):
    """The smallest of the inputs."""

    def combine(self, inputs: list[Any], masks: list[Any]) -> Any:
        return _of_kept(minimum, inputs, masks)


@register(MODULE)
class Concatenate(Merge):
    """The inputs one after the other along `axis`.

    Example:
        >>> import numpy as np
        >>> Concatenate()([np.ones((2, 3)), np.ones((2, 4))]).shape
        TensorShape([2, 7])
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def _check_shapes(self, shapes: list[tuple[Any, ...]]) -> None:
        rank = len(shapes[0])
        others = [tuple(n for i, n in enumerate(s) if i != self.axis % rank) for s in shapes]
        fits = all(len(s) == rank for s in shapes) and all(
            len({n for n in column if n is not None}) <= 1 for column in zip(*others, strict=True)
        )  # fmt: skip
        if not -rank <= self.axis < rank or not fits:
            raise ValueError(f"A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis. "
                             f"Received: input_shape={shapes}, axis={self.axis}")  # fmt: skip

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A `Concatenate` layer should be called on a list of inputs. Received: inputs={inputs}")
        return concat(list(inputs), self.axis)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if not _are_masks(inputs, mask) or all(m is None for m in mask):
            return None
        if any(isinstance(x, KerasTensor) for x in inputs):  # only shapes are known: what is concatenated must be masks
            return math.reduce_any(concat([cast(as_tensor(m), "bool") for m in mask if m is not None], self.axis), axis=-1)
        parts = []
        for x, m in zip((as_tensor(x) for x in inputs), mask, strict=True):
            whole = _all_true(x) if m is None else cast(as_tensor(m), "bool")
            parts.append(broadcast_to(expand_dims(whole, -1), x.sizes) if whole.ndim < x.ndim else whole)
        return math.reduce_any(concat(parts, self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def _are_masks(inputs: Any, mask: Any) -> bool:
    """Whether there are masks, one for each input.

    Raises:
        ValueError: they are no list, or of another length.
    """
    if mask is None:
        return False
    for name, value in (("mask", mask), ("inputs", inputs)):
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"`{name}` should be a list. Received: {name}={value}")
    if len(mask) != len(inputs):
        raise ValueError(f"The lists `inputs` and `mask` should have the same length. Received: inputs of length {len(inputs)}, and mask of length "
                         f"{len(mask)}")  # fmt: skip
    return True


def _spread(mask: Any, x: Any) -> Any:
    """The mask of [batch, steps] for each element of `x`; None without a mask."""
    return None if mask is None else broadcast_to(expand_dims(cast(mask, "bool"), -1), x.sizes)


def _of_kept(op: Any, inputs: list[Any], masks: list[Any]) -> Any:
    """`op` of the inputs, masked elements left out where others are there."""
    result, known = inputs[0], _spread(masks[0], inputs[0])
    for x, mask in zip(inputs[1:], (_spread(m, x) for m, x in zip(masks[1:], inputs[1:], strict=True)), strict=True):
        x = x if mask is None else select(mask, x, result)
        result = op(result if known is None else select(known, result, x), x)
        known = None if mask is None or known is None else logical_or(known, mask)
    return result


def _all_true(x: Any) -> Any:
    return x == x


@register(MODULE)
class Dot(Merge):
    """The product of two inputs, summed over `axes`.

    Args:
        axes: the axis of both, or a pair of axes; the batch is axis 0.
        normalize: whether both are scaled to norm 1 along the axes (cosine).
    """

    count = 2

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axes, int) and not (isinstance(axes, (list, tuple)) and len(axes) == 2 and all(isinstance(a, int) for a in axes)):
            raise ValueError(f"Invalid type for argument `axes`: it should be an int or a pair of ints. Received: axes={axes!r}")
        self.axes, self.normalize = axes, normalize

    def _check_shapes(self, shapes: list[tuple[Any, ...]]) -> None:
        i, j = self._pair(*(len(s) for s in shapes))
        a, b = shapes[0][i], shapes[1][j]
        if a is not None and b is not None and a != b:
            raise ValueError(f"Incompatible input shapes: axis values {a} (at axis {i}) != {b} (at axis {j}). Full shapes: {shapes[0]}, {shapes[1]}")

    def _pair(self, first: int, second: int) -> tuple[int, int]:
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return axes[0] % first, axes[1] % second

    def call(self, inputs: Any) -> Any:
        a, b = inputs
        i, j = self._pair(a.ndim, b.ndim)
        if differ(a.sizes[i], b.sizes[j]):
            raise ValueError(f"[Dot] sizes differ along the axes. Received {show(a.sizes)} at axis {i} and {show(b.sizes)} at axis {j}.")
        if self.normalize:
            a, b = (x * rsqrt(math.maximum(math.reduce_sum(x * x, axis=k, keepdims=True), 1e-12)) for x, k in ((a, i), (b, j)))
        rest_a, rest_b = ([k for k in range(1, x.ndim) if k != at] for x, at in ((a, i), (b, j)))
        sizes = (a.sizes[0], *(a.sizes[k] for k in rest_a), *(b.sizes[k] for k in rest_b))
        n, depth = a.sizes[0], a.sizes[i]
        left = reshape(transpose(a, (0, *rest_a, i)), (n, _count(a, rest_a), depth))
        right = reshape(transpose(b, (0, j, *rest_b)), (n, depth, _count(b, rest_b)))
        y = matmul(left, right)
        return reshape(y, sizes if len(sizes) > 1 else (n, 1))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return None

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axes": self.axes, "normalize": self.normalize}


def _count(x: Any, axes: list[int]) -> Any:
    total: Any = 1
    for k in axes:
        total = total * x.sizes[k]
    return total


def add(inputs: Any, **kwargs: Any) -> Any:
    """Add()(inputs)."""
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Subtract()(inputs)."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Multiply()(inputs)."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Average()(inputs)."""
    return Average(**kwargs)(inputs)


def maximum_(inputs: Any, **kwargs: Any) -> Any:
    """Maximum()(inputs); public as `maximum`."""
    return Maximum(**kwargs)(inputs)


def minimum_(inputs: Any, **kwargs: Any) -> Any:
    """Minimum()(inputs); public as `minimum`."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Concatenate(axis)(inputs)."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Dot(axes)(inputs)."""
    return Dot(axes=axes, **kwargs)(inputs)
