"""Layers that act in training only (noise), or only on the loss."""

from __future__ import annotations

from typing import Any

from tenfold.keras import random, regularizers
from tenfold.keras.base import defaults
from tenfold.keras.base.registry import register
from tenfold.keras.layers.base import MODULE, Layer
from tenfold.keras.layers.input_spec import InputSpec
from tenfold.primitives.arithmetic import cast, constant_like

SELU_FLOOR = -1.6732632423543772 * 1.0507009873554805  # the limit of SELU at minus infinity


def _rate(value: Any, name: str = "rate") -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"Invalid value received for argument `{name}`. Expected a float value between 0 and 1. Received: {name}={value}")
    return float(value)


def _checked_sizes(noise_shape: Any) -> tuple[int | None, ...]:
    problem = "Invalid value received for argument `noise_shape`."
    if not isinstance(noise_shape, (tuple, list)):
        raise ValueError(f"{problem} Expected a tuple or list of integers. Received: noise_shape={noise_shape}")
    for n in noise_shape:
        if n is not None and (not isinstance(n, int) or isinstance(n, bool)):
            raise ValueError(f"{problem} Expected all elements to be integers or None. Received element {n!r} in noise_shape={noise_shape}")
        if n is not None and n <= 0:
            raise ValueError(f"{problem} Expected all dimensions to be positive integers or None. Received: noise_shape={noise_shape}")
    return tuple(noise_shape)


class _Noise(Layer):
    """A layer that draws random numbers in training."""

    _repeats = True
    _stateless = True

    def __init__(self, seed: Any = None, draws: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        if draws:
            self.seed_generator = random.SeedGenerator(seed)
        self.supports_masking = True


@register(MODULE)
class Dropout(_Noise):
    """In training sets a share `rate` of the inputs to 0 and divides the others by 1 - rate.

    Args:
        rate: between 0 and 1.
        noise_shape: sizes of the random mask; 1 where one decision holds for the whole axis.
        seed: an integer.

    Example:
        >>> import numpy as np
        >>> x = np.ones((2, 3), "float32")
        >>> bool((Dropout(0.5)(x).numpy() == x).all())
        True
    """

    def __init__(self, rate: float, noise_shape: Any = None, seed: Any = None, **kwargs: Any) -> None:
        self.rate = _rate(rate)
        super().__init__(seed, draws=rate > 0, **kwargs)
        self.noise_shape = None if noise_shape is None else _checked_sizes(noise_shape)

    def _noise_shape(self, inputs: Any) -> Any:
        return self.noise_shape

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        x = self._as_compute(inputs)
        if self.rate == 1:
            return x * constant_like(0, x)
        return random.dropout(x, self.rate, self._noise_shape(x), self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}


@register(MODULE)
class AlphaDropout(Dropout):
    """Dropout that keeps mean and variance: dropped elements take the value to which SELU falls, and all are scaled and moved.

    Args:
        rate: share of the elements to drop, between 0 and 1.
        noise_shape: sizes of the random mask; 1 where one decision holds for the whole axis.
        seed: an integer.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        x = self._as_compute(inputs)
        shape = x.sizes if self.noise_shape is None else [n if m is None else m for m, n in zip(self.noise_shape, x.sizes, strict=True)]
        kept = cast(random.uniform(shape, seed=self.seed_generator) >= self.rate, x.dtype)
        factor = ((1 - self.rate) * (1 + self.rate * SELU_FLOOR**2)) ** -0.5
        return factor * (x * kept + SELU_FLOOR * (1 - kept)) - factor * SELU_FLOOR * self.rate


class _SpatialDropout(Dropout):
    """Dropout of whole channels."""

    rank: int

    def __init__(self, rate: float, data_format: Any = None, seed: Any = None, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(rate, None, seed, name=name, dtype=dtype, **kwargs)
        self.data_format = defaults.data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _noise_shape(self, inputs: Any) -> Any:
        n, ones = inputs.sizes[0], (1,) * self.rank
        return (n, *ones, inputs.sizes[-1]) if self.data_format == "channels_last" else (n, inputs.sizes[1], *ones)

    def get_config(self) -> dict[str, Any]:
        config = {k: v for k, v in super().get_config().items() if k != "noise_shape"}
        return config if self.rank == 1 else {**config, "data_format": self.data_format}


@register(MODULE)
class SpatialDropout1D(_SpatialDropout):
    """Drops whole channels of sequences."""

    rank = 1

    def __init__(self, rate: float, seed: Any = None, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(rate, "channels_last", seed, name, dtype, **kwargs)


@register(MODULE)
class SpatialDropout2D(_SpatialDropout):
    """Drops whole channels of images."""

    rank = 2


@register(MODULE)
class SpatialDropout3D(_SpatialDropout):
    """Drops whole channels of volumes."""

    rank = 3


@register(MODULE)
class GaussianNoise(_Noise):
    """In training adds normal noise with standard deviation `stddev`."""

    def __init__(self, stddev: float, seed: Any = None, **kwargs: Any) -> None:
        if not isinstance(stddev, (int, float)) or stddev < 0:
            raise ValueError(f"Invalid value received for argument `stddev`. Expected a float value >= 0. Received: stddev={stddev}")
        super().__init__(seed, draws=stddev > 0, **kwargs)
        self.stddev = stddev

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.stddev == 0:
            return inputs
        x = self._as_compute(inputs)
        return x + random.normal(x.sizes, 0.0, self.stddev, x.dtype, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


@register(MODULE)
class GaussianDropout(_Noise):
    """In training multiplies by normal noise with mean 1 and standard deviation sqrt(rate / (1 - rate))."""

    def __init__(self, rate: float, seed: Any = None, **kwargs: Any) -> None:
        self.rate = _rate(rate)
        super().__init__(seed, draws=rate > 0, **kwargs)

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        x = self._as_compute(inputs)
        return x * random.normal(x.sizes, 1.0, (self.rate / (1 - self.rate)) ** 0.5, x.dtype, self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@register(MODULE)
class ActivityRegularization(Layer):
    """Adds l1 * sum(|x|) + l2 * sum(x²) of its input to the loss."""

    _stateless = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.supports_masking = True
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("activity_regularizer", None)
        return {**config, "l1": self.l1, "l2": self.l2}
