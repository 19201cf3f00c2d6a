"""Normalization: batch, layer, group and unit."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras import constraints, initializers, regularizers
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.registry import register
from tenfold.keras.untyped import math
from tenfold.ops.reducing import count
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.elementwise import rsqrt
from tenfold.primitives.movement import reshape
from tenfold.tensor.tensor import Tensor
from tenfold.transform.custom import custom_gradient


class _Scaled(Layer):
    """A normalization followed by a trained scale (gamma) and offset (beta)."""

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
            self.gamma = self.add_weight(shape, self.gamma_initializer, regularizer=self.gamma_regularizer, constraint=self.gamma_constraint,
                                         autocast=False, name="gamma")  # fmt: skip
        if self.center:
            self.beta = self.add_weight(shape, self.beta_initializer, regularizer=self.beta_regularizer, constraint=self.beta_constraint,
                                        autocast=False, name="beta")  # fmt: skip

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
class BatchNormalization(_Scaled):
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta.

    In training the mean and variance are those of the batch, and their moving averages are updated; otherwise the moving averages are used.

    Args:
        axis: the axis of the channels.
        momentum: of the moving averages.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: applied after each update.
        renorm, renorm_clipping, renorm_momentum: batch renormalization; refused if asked for.
        synchronized: refused if true: there is one device.

    Example:
        >>> import numpy as np
        >>> y = BatchNormalization()(np.array([[1.0], [3.0]], "float32"), training=True)
        >>> y.numpy().round(2).ravel()
        array([-1.,  1.], dtype=float32)
    """

    def __init__(self, axis: Any = -1, momentum: float = 0.99, epsilon: float = 1e-3, center: bool = True, scale: bool = True,
                 beta_initializer: Any = "zeros", gamma_initializer: Any = "ones", moving_mean_initializer: Any = "zeros",
                 moving_variance_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, renorm: bool = False, renorm_clipping: Any = None, renorm_momentum: float = 0.99,
                 synchronized: bool = False, **kwargs: Any) -> None:  # fmt: skip
        options = dict(locals())
        if renorm:
            raise NotImplementedError("BatchNormalization: `renorm=True` is not supported. Try LayerNormalization or GroupNormalization.")
        super().__init__(**kwargs)
        if synchronized:
            raise NotImplementedError("BatchNormalization: `synchronized=True` needs several devices; there is one. Try synchronized=False.")
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if not isinstance(axis, int):
            raise TypeError(f"Expected `axis` to be an integer. Received: axis={axis!r}")
        self.axis, self.momentum, self.epsilon, self.synchronized = axis, float(momentum), float(epsilon), synchronized
        self._renorm_options = {"renorm": False, "renorm_clipping": renorm_clipping, "renorm_momentum": renorm_momentum}
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self._take(center, scale, options)

    def build(self, input_shape: Any) -> None:
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ValueError(f"Invalid axis. Expected an axis of an input of rank {len(input_shape)}. Received: axis={self.axis}")
        size = input_shape[self.axis]
        self._add_scale((size,))
        self.moving_mean = self.add_weight((size,), self.moving_mean_initializer, trainable=False, autocast=False, name="moving_mean")
        self.moving_variance = self.add_weight((size,), self.moving_variance_initializer, trainable=False, autocast=False, name="moving_variance")
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        x = self._wide(inputs)
        axis = self.axis % x.ndim
        shape = tuple(n if i == axis else 1 for i, n in enumerate(x.sizes))
        if training and self.trainable:
            axes = [i for i in range(x.ndim) if i != axis]
            mean, variance = _moments(x, axes, mask)
            self._move(self.moving_mean, reshape(mean, (x.sizes[axis],)))
            self._move(self.moving_variance, reshape(variance, (x.sizes[axis],)))
            if mask is None:
                gamma, beta = (None if w is None else cast(reshape(w.value, shape), x.dtype) for w in (self.gamma, self.beta))
                return cast(_normalized(x, axes, self.epsilon, gamma, beta), as_dtype(self.compute_dtype))
        else:
            mean = cast(reshape(self.moving_mean.value, shape), x.dtype)
            variance = cast(reshape(self.moving_variance.value, shape), x.dtype)
        factor = rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            factor = factor * cast(reshape(self.gamma.value, shape), x.dtype)
        shift = -mean * factor  # with the factor all that remains where both depend on weights alone
        if self.beta is not None:
            shift = shift + cast(reshape(self.beta.value, shape), x.dtype)
        return cast(x * factor + shift, as_dtype(self.compute_dtype))

    def _move(self, average: Any, value: Any) -> None:
        average.assign(average * self.momentum + cast(value, average.dtype) * (1 - self.momentum))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "axis": self.axis, "momentum": self.momentum, "epsilon": self.epsilon, **self._scale_config(),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            **self._renorm_options, "synchronized": self.synchronized,
        }  # fmt: skip


def _moments(x: Any, axes: list[int], mask: Any) -> tuple[Any, Any]:
    """Mean and variance over `axes`, which stay with size 1; masked elements do not count."""
    if mask is None:
        mean = math.reduce_mean(x, axis=axes, keepdims=True)
        return mean, math.reduce_mean(math.square(x - mean), axis=axes, keepdims=True)
    weight = cast(reshape(mask, (*mask.sizes, *(1,) * (x.ndim - mask.ndim))), x.dtype)
    total = math.reduce_sum(weight + 0 * x, axis=axes, keepdims=True)
    mean = math.reduce_sum(x * weight, axis=axes, keepdims=True) / (total + 1e-7)
    return mean, math.reduce_sum(math.square(x - mean) * weight, axis=axes, keepdims=True) / (total + 1e-7)


def _normalized(x: Any, axes: list[int], epsilon: float, gamma: Any, beta: Any) -> Any:
    """x brought to mean 0 and variance 1 over `axes`, times gamma, plus beta.

    The gradient is written out: it needs two sums and one pass, where the chain rule would go through mean and variance one by one.
    """

    def statistics() -> tuple[Any, Any]:
        mean, variance = _moments(x, axes, None)
        return x - mean, rsqrt(variance + epsilon)

    @custom_gradient
    def forward(*_: Any) -> Any:
        centered, factor = statistics()
        y = centered * (factor if gamma is None else factor * gamma)
        return (y if beta is None else y + beta), backward

    def backward(g: Any) -> list[Any]:
        centered, factor = statistics()  # the same nodes again where a graph is recorded, so that second gradients are right
        number = count(x, axes, x.dtype)
        total, along = (math.reduce_sum(v, axis=axes, keepdims=True) for v in (g, g * centered))
        dx = (g - total / number - centered * (along * factor * factor / number)) * (factor if gamma is None else factor * gamma)
        return [dx, *([] if gamma is None else [along * factor]), *([] if beta is None else [total])]

    return forward(x, *(v for v in (gamma, beta) if v is not None))


@register(MODULE)
class LayerNormalization(_Scaled):
    """Each example brought to mean 0 and variance 1 over `axis`, then scaled by gamma and moved by beta.

    Args:
        axis: the axis or axes to normalize over.
        epsilon: added to the variance.
        center, scale: whether there are beta and gamma.
        beta_initializer, gamma_initializer: initial values.
        beta_regularizer, gamma_regularizer: penalties.
        beta_constraint, gamma_constraint: applied after each update.

    Example:
        >>> import numpy as np
        >>> LayerNormalization()(np.array([[1.0, 3.0]], "float32")).numpy().round(2)
        array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, axis: Any = -1, epsilon: float = 1e-3, center: bool = True, scale: bool = True, beta_initializer: Any = "zeros",
                 gamma_initializer: Any = "ones", beta_regularizer: Any = None, gamma_regularizer: Any = None, beta_constraint: Any = None,
                 gamma_constraint: Any = None, **kwargs: Any) -> None:  # fmt: skip
        options = dict(locals())
        if kwargs.pop("rms_scaling", False):
            raise NotImplementedError("LayerNormalization: `rms_scaling=True` is not supported. Try RMSNormalization.")
        super().__init__(**kwargs)
        if not isinstance(axis, int) and not (isinstance(axis, (list, tuple)) and all(isinstance(a, int) for a in axis)):
            raise TypeError(f"Expected an int or a list/tuple of ints for the argument 'axis', but received: {axis!r}")
        self.axis: Any = axis if isinstance(axis, int) else list(axis)
        self.epsilon = epsilon
        self._take(center, scale, options)

    def _axes(self, rank: int) -> list[int]:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        return sorted(a % rank for a in axes)

    def build(self, input_shape: Any) -> None:
        self._add_scale(tuple(input_shape[a] for a in self._axes(len(input_shape))))

    def call(self, inputs: Any) -> Any:
        x = self._wide(inputs)
        axes = self._axes(x.ndim)
        mean, variance = _moments(x, axes, None)
        y = (x - mean) * rsqrt(variance + self.epsilon)
        y = self._scaled(y, tuple(n if i in axes else 1 for i, n in enumerate(x.sizes)))
        return cast(y, as_dtype(self.compute_dtype))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon, "rms_scaling": False, **self._scale_config()}


@register(MODULE)
class RMSNormalization(Layer):
    """x / sqrt(mean(x²) + epsilon) * scale."""

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
class GroupNormalization(_Scaled):
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
        super().__init__(**kwargs)
        self.groups, self.axis, self.epsilon = groups, axis, epsilon
        self._take(center, scale, options)

    def build(self, input_shape: Any) -> None:
        size = input_shape[self.axis]
        if self.groups == -1:
            self.groups = size
        if size is None or size < self.groups or size % self.groups:
            raise ValueError(f"Number of groups ({self.groups}) must divide the number of channels ({size}).")
        self._add_scale((size,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: Any) -> Tensor:
        x = self._wide(inputs)
        axis = self.axis % x.ndim
        sizes = x.sizes
        grouped = reshape(x, (*sizes[:axis], self.groups, sizes[axis] // self.groups, *sizes[axis + 1 :]))
        mean, variance = _moments(grouped, [i for i in range(1, grouped.ndim) if i != axis], None)
        y = reshape((grouped - mean) * rsqrt(variance + self.epsilon), sizes)
        y = self._scaled(y, tuple(n if i == axis else 1 for i, n in enumerate(sizes)))
        return cast(y, as_dtype(self.compute_dtype))  # type: ignore[no-any-return]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups, "axis": self.axis, "epsilon": self.epsilon, **self._scale_config()}


@register(MODULE)
class UnitNormalization(Layer):
    """Each example divided by its norm over `axis`."""

    _stateless = True

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        x = self._as_compute(inputs)
        return x * rsqrt(math.maximum(math.reduce_sum(x * x, axis=self.axis, keepdims=True), 1e-12))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}
