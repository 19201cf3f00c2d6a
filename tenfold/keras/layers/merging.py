"""Layers that combine several inputs."""

from __future__ import annotations

from functools import reduce
from typing import Any

from tenfold.core.shapes import differ, show
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.registry import register
from tenfold.keras.untyped import math
from tenfold.primitives.arithmetic import logical_and, maximum, minimum
from tenfold.primitives.contraction import matmul
from tenfold.primitives.elementwise import rsqrt
from tenfold.primitives.movement import broadcast_to, concat, expand_dims, reshape, transpose


class Merge(Layer):
    """Combines a list of inputs, element by element; shapes broadcast, and missing axes are added after the batch."""

    count: int | None = None  # how many inputs, if only this many

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def combine(self, inputs: list[Any]) -> Any:
        """The combination of the inputs."""
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
        return self.combine([reshape(x, (x.sizes[0], *(1,) * (rank - x.ndim), *x.sizes[1:])) if x.ndim < rank else x for x in inputs])

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return None
        known = [m for m in mask if m is not None]
        return reduce(logical_and, known) if len(known) == len(mask) and known else None

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

    def combine(self, inputs: list[Any]) -> Any:
        return reduce(lambda a, b: a + b, inputs)


@register(MODULE)
class Subtract(Merge):
    """The first input minus the second."""

    count = 2

    def combine(self, inputs: list[Any]) -> Any:
        return inputs[0] - inputs[1]


@register(MODULE)
class Multiply(Merge):
    """The product of the inputs."""

    def combine(self, inputs: list[Any]) -> Any:
        return reduce(lambda a, b: a * b, inputs)


@register(MODULE)
class Average(Merge):
    """The mean of the inputs."""

    def combine(self, inputs: list[Any]) -> Any:
        return reduce(lambda a, b: a + b, inputs) / len(inputs)


@register(MODULE)
class Maximum(Merge):
    """The largest of the inputs."""

    def combine(self, inputs: list[Any]) -> Any:
        return reduce(maximum, inputs)


@register(MODULE)
class Minimum(Merge):
    """The smallest of the inputs."""

    def combine(self, inputs: list[Any]) -> Any:
        return reduce(minimum, inputs)


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
        if mask is None:
            return None
        parts = []
        for x, m in zip(inputs, mask, strict=True):
            if m is None:
                parts.append(_all_true(x))
            else:
                while m.ndim < x.ndim:
                    m = expand_dims(m, -1)
                parts.append(broadcast_to(m, x.sizes))
        return math.reduce_all(concat(parts, self.axis), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


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
