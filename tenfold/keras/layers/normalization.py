"""Normalization of each example: layer, root mean square, group and unit."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras import constraints, initializers, regularizers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.moments import moments
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.elementwise import rsqrt
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor


class Scaled(Layer):
    """A normalization followed by a trained scale (gamma) and offset (beta)."""

    _repeats = True

    def _take(self, center: bool, scale: bool, options: dict[str, Any]) -> None:
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(options["beta_initializer"])
        self.gamma_initializer = initializers.get(options["gamma_initializer"])
        self.beta_regularizer = regularizers.get(options["beta_regularizer"])
        self.gamma_regularizer = regularizers.get(options["gamma_regularizer"])
        self.beta_constraint = constraints.get(options["beta_constraint"])
        self.gamma_constraint = constraints.get(options["gamma_constraint"])
        self.supports_masking = True
        self.gamma: Any = None
        self.beta: Any = None

    def _add_scale(self, shape: tuple[int, ...]) -> None:
        if self.scale:
            self._add_gamma(shape)
        if self.center:
            self.beta = self.add_weight(shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
                                        autocast=False, name="beta")  # fmt: skip

    def _add_gamma(self, shape: tuple[int, ...]) -> None:
        self.gamma = self.add_weight(shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
                                     autocast=False, name="gamma")  # fmt: skip

    def _scaled(self, x: Any, shape: Any) -> Any:
        """x * gamma + beta, these reshaped to `shape` and in x's type."""
        if self.gamma is not None:
            x = x * cast(reshape(self.gamma.value, shape), x.dtype)
        if self.beta is not None:
            x = x + cast(reshape(self.beta.value, shape), x.dtype)
        return x

    def _wide(self, inputs: Any) -> Any:
        """Statistics of half-precision inputs are computed in float32."""
        x = self._as_compute(inputs)
        return cast(x, as_dtype("float32")) if x.dtype.size == 2 else x

    def _scale_config(self) -> dict[str, Any]:
        return {
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }


@register(MODULE)
class LayerNormalization(Scaled):
    """Each example brought to mean 0 and variance 1 over `axis`, then scaled by gamma and moved by beta.

    Args:
        axis: the axis or axes to normalize over.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: applied after each update.
        rms_scaling: whether only to divide by the standard deviation and multiply by gamma.

    Example:
        >>> import numpy as np
        >>> LayerNormalization()(np.array([[1.0, 3.0]], "float32")).numpy().round(2)
        array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
                 gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, rms_scaling: bool = False, **kwargs: Any) -> None:  # fmt: skip
        options = dict(locals())
        super().__init__(**kwargs)
        if not isinstance(axis, int) and not (isinstance(axis, (list, tuple)) and all(isinstance(a, int) for a in axis)):
            raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")
        self.axis: Any = axis if isinstance(axis, int) else list(axis)
        self.epsilon, self.rms_scaling = epsilon, rms_scaling
        self.autocast = False
        self._take(center, scale, options)

    def _axes(self, rank: int) -> list[int]:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        return sorted(a % rank for a in axes)

    def build(self, input_shape: Any) -> None:
        shape = tuple(input_shape[a] for a in self._axes(len(input_shape)))
        if self.rms_scaling:
            self._add_gamma(shape)
        else:
            self._add_scale(shape)

    def call(self, inputs: Any) -> Any:
        x = self._wide(inputs)
        axes = self._axes(x.ndim)
        mean, variance = moments(x, axes, None)
        y = (x if self.rms_scaling else x - mean) * rsqrt(variance + self.epsilon)
        y = self._scaled(y, tuple(n if i in axes else 1 for i, n in enumerate(x.sizes)))
        return cast(y, as_dtype(self.compute_dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon, "rms_scaling": self.rms_scaling, **self._scale_config()}


@register(MODULE)
class RMSNormalization(Layer):
    """x / sqrt(mean(x²) + epsilon) * scale."""

    _repeats = True

    def __init__(self, axis: Any = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon
        self.supports_masking = True

    def build(self, input_shape: Any) -> None:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        self.scale = self.add_weight(tuple(input_shape[a] for a in axes), "ones", autocast=False, name="scale")

    def call(self, inputs: Any) -> Any:
        x = self._as_compute(inputs)
        axes = [a % x.ndim for a in ([self.axis] if isinstance(self.axis, int) else self.axis)]
        factor = rsqrt(math.reduce_mean(x * x, axis=axes, keepdims=True) + self.epsilon)
        return x * factor * cast(reshape(self.scale.value, tuple(n if i in axes else 1 for i, n in enumerate(x.sizes))), x.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}


@register(MODULE)
class GroupNormalization(Scaled):
    """Each example brought to mean 0 and variance 1 in groups of channels.

    Args:
        groups: number of groups; -1: one per channel.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center, scale and the rest: as in LayerNormalization.
    """

    def __init__(self, groups: int = 32, axis: int = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None,
                 beta_constraint: Any = None, gamma_constraint: Any = None, **kwargs: Any) -> None:  # fmt: skip
        options = dict(locals())
        if not isinstance(groups, int) or isinstance(groups, bool) or (groups <= 0 and groups != -1):
            raise ValueError("Invalid value for argument `groups`. Expected a positive integer (or `-1` for instance normalization). "
                             f"Received: groups={groups}")  # fmt: skip
        super().__init__(**kwargs)
        self.autocast = False
        self.groups, self.axis, self.epsilon = groups, axis, epsilon
        self._take(center, scale, options)

    def build(self, input_shape: Any) -> None:
        size = input_shape[self.axis]
        if size is None:
            raise ValueError(f"Axis {self.axis} of input tensor should have a defined dimension but the layer received an input with shape "
                             f"{input_shape}.")  # fmt: skip
        if self.groups == -1:
            self.groups = size
        if size < self.groups:
            raise ValueError(f"Number of groups ({self.groups}) cannot be more than the number of channels ({size}).")
        if size % self.groups:
            raise ValueError(f"Number of groups ({self.groups}) must be a multiple of the number of channels ({size}).")
        self._add_scale((size,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Any) -> Tensor:
        x = self._wide(inputs)
        axis = self.axis % x.ndim
        sizes = x.sizes
        grouped = reshape(x, (*sizes[:axis], self.groups, sizes[axis] // self.groups, *sizes[axis + 1 :]))
        mean, variance = moments(grouped, [i for i in range(1, grouped.ndim) if i != axis], None)
        y = reshape((grouped - mean) * rsqrt(variance + self.epsilon), sizes)
        y = self._scaled(y, tuple(n if i == axis else 1 for i, n in enumerate(sizes)))
        return cast(y, as_dtype(self.compute_dtype))  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "axis": self.axis, "epsilon": self.epsilon, **self._scale_config()}


@register(MODULE)
class UnitNormalization(Layer):
    """Each example divided by its norm over `axis`."""

    _repeats = True
    _stateless = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, (int, list, tuple)):
            raise TypeError(f"Invalid value for `axis` argument: expected an int or a list/tuple of ints. Received: axis={axis}")
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        x = self._as_compute(inputs)
        return x * rsqrt(math.maximum(math.reduce_sum(x * x, axis=self.axis, keepdims=True), 1e-12))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
