"""Initial values that do not depend on chance."""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.core.dtypes import as_dtype
from tenfold.keras.base import defaults, windows
from tenfold.keras.base.registry import register
from tenfold.keras.base.untyped import as_tensor
from tenfold.keras.saving import serialization

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


def _numpy(dtype: Any) -> Any:
    return as_dtype(dtype or defaults.floatx()).numpy


def _full(shape: Any, value: Any, dtype: Any) -> Any:
    return as_tensor(np.full(tuple(shape), value, _numpy(dtype)))


@register(MODULE, "zeros", "zero")
class Zeros(Initializer):
    """All 0."""

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return _full(shape, 0, dtype)


@register(MODULE, "ones", "one")
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
        return as_tensor(np.array(np.broadcast_to(np.asarray(value), tuple(shape)), _numpy(dtype)))

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
        return as_tensor(np.array(self.gain * np.eye(*shape), _numpy(dtype)))

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain}


@register(MODULE, "STFTInitializer", "stft")
class STFT(Initializer):
    """Kernels of a convolution that computes short-time Fourier transforms: exp(-2 pi i t f / F) times a window, its real or imaginary part.

    The shape is (frame length T, 1, F / 2 + 1), F being the length of the transform.

    Args:
        side: "real" or "imag".
        window: the name of a window, its T values, or None.
        scaling: "density" (the window is divided by the root of the sum of its squares), "spectrum" (by its sum) or None.
        periodic: whether the window is one period long.

    Example:
        >>> STFT("real", window=None)((2, 1, 3)).numpy().round(3)[:, 0]
        array([[ 1.,  1.,  1.],
               [ 1.,  0., -1.]], dtype=float32)
    """

    def __init__(self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"side should be 'real' or 'imag', not {side}")
        if isinstance(window, str):
            windows.check(window)
        if scaling not in (None, "density", "spectrum"):
            raise ValueError(f"Scaling is invalid, it must be `None`, 'density' or 'spectrum'. Received scaling={scaling}")
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        length, _, count = shape
        angle = -2 * np.pi * np.arange(length).reshape(-1, 1, 1) * np.arange(count).reshape(1, 1, -1) / (2 * (count - 1))
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            values = windows.window(self.window, length, self.periodic) if isinstance(self.window, str) else np.asarray(self.window, "float64")
            if values.shape != (length,):
                raise ValueError(f"The shape of `window` must be equal to [frame_length]. Received: window shape={values.shape}")
            size = {"density": np.sqrt(np.sum(values**2)), "spectrum": np.sum(np.abs(values)), None: 1.0}[self.scaling]
            kernel = kernel * (values / size).reshape(-1, 1, 1)
        return as_tensor(kernel.astype(_numpy(dtype)))

    def get_config(self) -> dict[str, Any]:
        return {"side": self.side, "window": self.window, "periodic": self.periodic, "scaling": self.scaling}
