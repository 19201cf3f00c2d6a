"""Initial values of weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras import identifiers, random, serialization
from tenfold.keras.registry import named, register
from tenfold.keras.untyped import as_tensor
from tenfold.tensor.tensor import Tensor

MODULE = "keras.initializers"


class Initializer:
    """A function `(shape, dtype) -> tensor`. Two calls of one initializer with a seed give equal values.

    Subclasses define `__call__(shape, dtype=None)` and `get_config`.
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        raise NotImplementedError("Initializer subclasses must implement the `__call__()` method.")

    def get_config(self) -> dict[str, Any]:
        """The arguments of `__init__`."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An initializer from its config."""
        return cls(**config)

    def clone(self) -> Any:
        """Another initializer with the same config."""
        return type(self).from_config(self.get_config())


def _full(shape: Any, value: Any, dtype: Any) -> Any:
    return as_tensor(np.full(tuple(shape), value, as_dtype(dtype or "float32").numpy))


@register(MODULE, "zeros")
class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return _full(shape, 0, dtype)


@register(MODULE, "ones")
class Ones(Initializer):
    """All 1."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return _full(shape, 1, dtype)


@register(MODULE, "constant")
class Constant(Initializer):
    """All `value`; an array of the weight's shape is taken as it is.

    Example:
        >>> Constant(3.0)((2,)).numpy()
        array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        value = self.value.numpy() if hasattr(self.value, "numpy") else self.value
        return as_tensor(np.array(np.broadcast_to(np.asarray(value), tuple(shape)), as_dtype(dtype or "float32").numpy))

    def get_config(self) -> dict[str, Any]:
        return {"value": serialization.serialize_keras_object(self.value)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(serialization.deserialize_keras_object(config["value"]))


@register(MODULE, "IdentityInitializer", "identity")
class Identity(Initializer):
    """The identity matrix times `gain`; only for matrices."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        if len(shape) != 2:
            raise ValueError(f"Identity matrix initializer can only be used for 2D matrices. Received: shape={shape} of rank {len(shape)}.")
        return as_tensor(np.array(self.gain * np.eye(*shape), as_dtype(dtype or "float32").numpy))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


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


@register(MODULE, "random_normal")
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
    """

    def __init__(self, scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal", seed: Any = None) -> None:
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Invalid `mode` argument: {mode}. Please use one of ('fan_in', 'fan_out', 'fan_avg')")
        distribution = distribution.lower().replace("normal", "truncated_normal") if distribution.lower() == "normal" else distribution.lower()
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(f"Invalid `distribution` argument: {distribution}. Expected 'uniform', 'truncated_normal' or 'untruncated_normal'.")
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes: Any = None  # of a kernel whose axes do not stand in the usual order; EinsumDense sets them
        self.output_axes: Any = None
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

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "mode": self.mode, "distribution": self.distribution}


class _Family(VarianceScaling):
    """A VarianceScaling whose only argument is the seed."""

    options: tuple[float, str, str]

    def __init__(self, seed: Any = None) -> None:
        super().__init__(*self.options, seed=seed)

    def get_config(self) -> dict[str, Any]:
        return RandomInitializer.get_config(self)


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
        return as_tensor(np.array(self.gain * q.reshape(shape), as_dtype(dtype or "float32").numpy))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gain": self.gain}


def get(identifier: Any) -> Any:
    """The initializer that `identifier` means: None, a name, a config, a class, a value, or a callable.

    Raises:
        ValueError: nothing of this name exists.
    """
    if isinstance(identifier, (int, float, np.ndarray, Tensor)) and not isinstance(identifier, bool):
        return Constant(identifier)
    found = identifiers.get(MODULE, "initializer", identifier)
    return found.clone() if isinstance(identifier, Initializer) else found


def serialize(initializer: Any) -> Any:
    """The config of an initializer."""
    return identifiers.serialize(initializer)


def deserialize(config: Any, custom_objects: Any = None) -> Any:
    """The initializer of a config or name."""
    return identifiers.deserialize(MODULE, "initializer", config, custom_objects)


# The older names that Keras still offers.
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal
__all__ = [*sorted({thing.__name__ for thing in named(MODULE).values()}), "Initializer", "deserialize", "get", "serialize"]
