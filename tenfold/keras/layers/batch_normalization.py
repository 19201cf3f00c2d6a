"""BatchNormalization, with renormalization."""

from __future__ import annotations

from typing import Any

from tenfold.core.dtypes import as_dtype
from tenfold.keras import initializers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import math
from tenfold.keras.layers.base import MODULE
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.keras.layers.moments import moments, normalized
from tenfold.keras.layers.normalization import Scaled
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.elementwise import rsqrt, sqrt, stop_gradient
from tenfold.primitives.movement import reshape


@register(MODULE)
class BatchNormalization(Scaled):
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
        renorm: whether training normalizes by moving averages too (Ioffe 2017), for small batches.
        renorm_clipping: bounds of the corrections, `{"rmax": .., "rmin": .., "dmax": ..}`.
        renorm_momentum: of the averages that training normalizes by.
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
        super().__init__(**kwargs)
        if synchronized:
            raise NotImplementedError("BatchNormalization: `synchronized=True` needs several devices; there is one. Try synchronized=False.")
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if not isinstance(axis, int):
            raise TypeError(f"Expected `axis` to be an integer. Received: axis={axis!r}")
        self.axis, self.momentum, self.epsilon, self.synchronized = axis, float(momentum), float(epsilon), synchronized
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = _checked_clipping(renorm_clipping or {}) if renorm else renorm_clipping
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self._take(center, scale, options)

    moving_stddev: Any
    renorm_mean: Any
    renorm_stddev: Any

    def build(self, input_shape: Any) -> None:
        if not -len(input_shape) <= self.axis < len(input_shape):
            raise ValueError(f"Invalid axis. Expected an axis of an input of rank {len(input_shape)}. Received: axis={self.axis}")
        size = input_shape[self.axis]
        self._add_scale((size,))
        self.moving_mean = self.add_weight((size,), self.moving_mean_initializer, trainable=False, autocast=False, name="moving_mean")
        self.moving_variance = self.add_weight((size,), self.moving_variance_initializer, trainable=False, autocast=False, name="moving_variance")
        if self.renorm:
            for name, start in (("moving_stddev", self._initial_deviation), ("renorm_mean", self.moving_mean_initializer),
                                ("renorm_stddev", self._initial_deviation)):  # fmt: skip
                setattr(self, name, self.add_weight((size,), start, trainable=False, autocast=False, name=name))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def _initial_deviation(self, shape: Any, dtype: Any = None) -> Any:
        return sqrt(self.moving_variance_initializer(shape, dtype=dtype))

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        if mask is not None and mask.ndim != inputs.ndim - 1:
            raise ValueError("The mask provided should be one dimension less than the inputs. "
                             f"Received: mask.shape={tuple(mask.shape)}, inputs.shape={tuple(inputs.shape)}")  # fmt: skip
        x = self._wide(inputs)
        axis = self.axis % x.ndim
        shape = tuple(n if i == axis else 1 for i, n in enumerate(x.sizes))
        gamma, beta = (None if w is None else cast(reshape(w.value, shape), x.dtype) for w in (self.gamma, self.beta))
        if training and self.trainable:
            axes = [i for i in range(x.ndim) if i != axis]
            mean, variance = moments(x, axes, mask)
            if self.renorm:
                gamma, beta = self._corrected(mean, variance, gamma, beta)
                self._move_renorm(reshape(mean, (x.sizes[axis],)), reshape(variance, (x.sizes[axis],)))
            else:
                _move(self.moving_mean, reshape(mean, (x.sizes[axis],)), self.momentum)
                _move(self.moving_variance, reshape(variance, (x.sizes[axis],)), self.momentum)
            if mask is None:
                return cast(normalized(x, mean, variance, axes, self.epsilon, gamma, beta), as_dtype(self.compute_dtype))
        else:
            mean = cast(reshape(self.moving_mean.value, shape), x.dtype)
            variance = cast(reshape(self.moving_variance.value, shape), x.dtype)
        factor = rsqrt(variance + self.epsilon)
        factor = factor if gamma is None else factor * gamma
        shift = -mean * factor  # with the factor all that remains where both depend on weights alone
        shift = shift if beta is None else shift + beta
        return cast(x * factor + shift, as_dtype(self.compute_dtype))

    def _corrected(self, mean: Any, variance: Any, gamma: Any, beta: Any) -> tuple[Any, Any]:
        """The scale and offset that bring what the batch's statistics normalize to what the averages would give, within the bounds."""
        bounds = self.renorm_clipping or {}
        average = cast(reshape(self.renorm_mean.value, mean.sizes), mean.dtype)
        deviation = math.maximum(cast(reshape(self.renorm_stddev.value, mean.sizes), mean.dtype), self.epsilon**0.5)
        factor, shift = sqrt(variance + self.epsilon) / deviation, (mean - average) / deviation
        if bounds.get("rmin") is not None:
            factor = math.maximum(factor, bounds["rmin"])
        if bounds.get("rmax") is not None:
            factor = math.minimum(factor, bounds["rmax"])
        if bounds.get("dmax") is not None:
            shift = math.maximum(math.minimum(shift, bounds["dmax"]), -bounds["dmax"])
        factor, shift = stop_gradient(factor), stop_gradient(shift)
        scale, offset = (factor, shift) if gamma is None else (factor * gamma, shift * gamma)
        return scale, offset if beta is None else offset + beta

    def _move_renorm(self, mean: Any, variance: Any) -> None:
        """Inference divides by the average deviation, so its square is the moving variance."""
        deviation = sqrt(variance + self.epsilon)
        _move(self.renorm_mean, mean, self.renorm_momentum)
        _move(self.renorm_stddev, deviation, self.renorm_momentum)
        _move(self.moving_mean, mean, self.momentum)
        _move(self.moving_stddev, deviation, self.momentum)
        moved = self.moving_stddev.value
        self.moving_variance.assign(math.maximum(moved * moved - self.epsilon, 0))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(), "axis": self.axis, "momentum": self.momentum, "epsilon": self.epsilon, **self._scale_config(),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "renorm": self.renorm, "renorm_clipping": self.renorm_clipping, "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }  # fmt: skip


def _move(average: Any, value: Any, momentum: float) -> None:
    average.assign(average.value * momentum + cast(value, average.dtype) * (1 - momentum))


def _checked_clipping(bounds: dict[str, float]) -> dict[str, float]:
    """The bounds of renormalization.

    Raises:
        ValueError: a bound has an unknown name, or they exclude each other.
    """
    names = ("rmax", "rmin", "dmax")
    if set(bounds) - set(names):
        raise ValueError(f"Received invalid keys for `renorm_clipping` argument: {bounds}. Supported values: {names}.")
    rmax, rmin, dmax = (bounds.get(n) for n in names)
    if rmax is not None and rmin is not None and rmax < rmin:
        raise ValueError(f"rmax should be greater than rmin in the `renorm_clipping` argument. Received: rmax={rmax}, rmin={rmin}.")
    if dmax is not None and dmax < 0:
        raise ValueError(f"dmax should be non-negative in the `renorm_clipping` argument. Received: dmax={dmax}.")
    return bounds
