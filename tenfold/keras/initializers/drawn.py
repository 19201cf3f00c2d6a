"""Initial values of weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras import random
from tenfold.keras.base import defaults, identifiers
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.initializers.constant import Constant, Initializer
from tenfold.keras.saving import serialization
from tenfold.primitives.arithmetic import cast
from tenfold.tensor.tensor import Tensor

MODULE = "keras.initializers"


class RandomInitializer(Initializer):
    """An initializer that draws; without a seed it takes a fixed one from the global generator when it is made."""

    def __init__(self, seed: Any = None) -> None:
        self._init_seed = seed
        if seed is None:
            seed = random.make_default_seed()
        elif isinstance(seed, dict):
            seed = serialization.deserialize_keras_object(seed)
        elif not isinstance(seed, (int, random.SeedGenerator)):
            raise ValueError(f"`seed` argument should be an instance of `keras.random.SeedGenerator()` or an integer. Received: seed={seed}")
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        return {"seed": serialization.serialize_keras_object(self._init_seed)}


@register(MODULE, "random_normal", "normal")
class RandomNormal(RandomInitializer):
    """Normal, with `mean` and `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return random.normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@register(MODULE, "truncated_normal")
class TruncatedNormal(RandomInitializer):
    """Normal, drawn again where farther than two standard deviations from the mean."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mean": self.mean, "stddev": self.stddev}


@register(MODULE, "random_uniform", "uniform")
class RandomUniform(RandomInitializer):
    """Spread evenly over [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return random.uniform(shape, self.minval, self.maxval, dtype, self.seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "minval": self.minval, "maxval": self.maxval}


def compute_fans(shape: Any, input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """The numbers of inputs and outputs of one unit, from a kernel's shape; with axes: the sizes of these."""
    shape = tuple(int(n) for n in shape)
    if input_axes is not None and output_axes is not None:
        return int(np.prod([shape[i] for i in input_axes])), int(np.prod([shape[i] for i in output_axes]))
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = int(np.prod(shape[:-2]))
    return shape[-2] * field, shape[-1] * field


@register(MODULE, "variance_scaling")
class VarianceScaling(RandomInitializer):
    """Random, with variance scale / n, n the number of inputs ("fan_in"), of outputs ("fan_out") or their mean ("fan_avg").

    Args:
        scale: a positive number.
        mode: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: an integer or a SeedGenerator.
        input_axes, output_axes: which axes of the weight are inputs and outputs, where they do not stand in the usual order.
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None,
                 input_axes: Any = None, output_axes: Any = None) -> None:  # fmt: skip
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: {mode}. Please use one of ('fan_in', 'fan_out', 'fan_avg')")
        distribution = distribution.lower().replace("normal", "truncated_normal") if distribution.lower() == "normal" else distribution.lower()
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(f"Invalid `distribution` argument: {distribution}. Expected 'uniform', 'truncated_normal' or 'untruncated_normal'.")
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes  # EinsumDense sets them
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = float(np.sqrt(3 * variance))
            return random.uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, float(np.sqrt(variance)), dtype, self.seed)
        return random.truncated_normal(shape, 0.0, float(np.sqrt(variance)) / 0.87962566103423978, dtype, self.seed)  # the cut shrinks the spread

    def _common_config(self) -> dict[str, Any]:
        return {**RandomInitializer.get_config(self), "input_axes": self.input_axes, "output_axes": self.output_axes}

    def get_config(self) -> dict[str, Any]:
        return {**self._common_config(), "scale": self.scale, "mode": self.mode, "distribution": self.distribution}


class _Family(VarianceScaling):
    """A VarianceScaling with a fixed scale, mode and distribution."""

    options: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        super().__init__(*self.options, seed=seed, input_axes=input_axes, output_axes=output_axes)

    def get_config(self) -> dict[str, Any]:
        return self._common_config()


@register(MODULE, "glorot_uniform")
class GlorotUniform(_Family):
    """Uniform within sqrt(6 / (fan_in + fan_out)); the default of most layers."""

    options = (1.0, "fan_avg", "uniform")


@register(MODULE, "glorot_normal")
class GlorotNormal(_Family):
    """Truncated normal with variance 2 / (fan_in + fan_out)."""

    options = (1.0, "fan_avg", "truncated_normal")


@register(MODULE, "he_normal")
class HeNormal(_Family):
    """Truncated normal with variance 2 / fan_in; for relu."""

    options = (2.0, "fan_in", "truncated_normal")


@register(MODULE, "he_uniform")
class HeUniform(_Family):
    """Uniform within sqrt(6 / fan_in)."""

    options = (2.0, "fan_in", "uniform")


@register(MODULE, "lecun_normal")
class LecunNormal(_Family):
    """Truncated normal with variance 1 / fan_in; for selu."""

    options = (1.0, "fan_in", "truncated_normal")


@register(MODULE, "lecun_uniform")
class LecunUniform(_Family):
    """Uniform within sqrt(3 / fan_in)."""

    options = (1.0, "fan_in", "uniform")


@register(MODULE, "OrthogonalInitializer", "orthogonal")
class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns, times `gain`; more dimensions are flattened but for the last."""

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        shape = tuple(int(n) for n in shape)
        if len(shape) < 2:
            raise ValueError(f"The tensor to initialize must be at least two-dimensional. Received: shape={shape} of rank {len(shape)}.")
        rows, columns = int(np.prod(shape[:-1])), shape[-1]
        noise = random.normal((max(rows, columns), min(rows, columns)), seed=self.seed).numpy().astype(np.float64)
        q, r = np.linalg.qr(noise)
        q *= np.sign(np.diag(r))
        q = q.T if rows < columns else q
        return as_tensor(np.array(self.gain * q.reshape(shape), as_dtype(dtype or defaults.floatx()).numpy))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


def _given(value: Any) -> Any:
    """A function that gives this value, as the initial value of a weight of its shape."""

    def initialize(shape: Any, dtype: Any = None) -> Any:
        if tuple(shape) != tuple(value.shape):
            raise ValueError(f"Expected `shape` to be {tuple(value.shape)} for direct tensor as initializer. Received shape={tuple(shape)}")
        return cast(as_tensor(value), as_dtype(dtype or defaults.floatx()))

    return initialize


def get(identifier: Any) -> Any:
    """The initializer that `identifier` means: None, a name, a config, a class, a value, or a callable.

    Raises:
        ValueError: nothing of this name exists.
    """
    if isinstance(identifier, (int, float)) and not isinstance(identifier, bool):
        return Constant(identifier)
    if isinstance(identifier, (np.ndarray, np.generic, Tensor)):
        return _given(identifier)
    found = identifiers.get(MODULE, "initializer", identifier)
    return found.clone() if isinstance(identifier, Initializer) else found


def serialize(initializer: Any) -> Any:
    """The config of an initializer."""
    return identifiers.serialize(initializer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The initializer of a config or name."""
    return identifiers.deserialize(MODULE, "initializer", config, custom_objects)
