"""Windows for spectra, by the names that SciPy gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# sum of (-1)^k * a[k] * cos(2 pi k x) over x from 0 to 1
COSINE_SUMS = {
    "boxcar": (1.0,),
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}


def _tukey(x: Array, taper: float = 0.5) -> Array:
    """Flat, with half a cosine at both ends, `taper` of the length together."""
    edge = np.minimum(x, 1 - x)
    return np.where(edge < taper / 2, 0.5 * (1 - np.cos(2 * np.pi * edge / taper)), 1.0)


def _bohman(x: Array) -> Array:
    z = np.abs(2 * x - 1)
    return np.asarray((1 - z) * np.cos(np.pi * z) + np.sin(np.pi * z) / np.pi)


# of x from 0 to 1
SHAPES: dict[str, Callable[[Array], Array]] = {
    "bartlett": lambda x: 1 - np.abs(2 * x - 1),
    "barthann": lambda x: 0.62 - 0.48 * np.abs(x - 0.5) + 0.38 * np.cos(2 * np.pi * (x - 0.5)),
    "bohman": _bohman,
    "tukey": _tukey,
}
# of the place n (half a step from the border) in size N: these do not reach 0 at the ends
INNER: dict[str, Callable[[Array, int], Array]] = {
    "cosine": lambda n, size: np.sin(np.pi * (n + 0.5) / size),
    "triang": lambda n, size: 1 - np.abs(2 * n - (size - 1)) / (size + size % 2),
}
ALIASES = {"rect": "boxcar", "rectangular": "boxcar", "ones": "boxcar", "hanning": "hann", "hamm": "hamming", "black": "blackman", "bart": "bartlett",
           "triangle": "triang", "sine": "cosine", "halfcosine": "cosine", "tuk": "tukey"}  # fmt: skip
NAMES = (*COSINE_SUMS, *SHAPES, *INNER, *ALIASES)


def check(name: str) -> str:
    """The window's own name.

    Raises:
        ValueError: it is unknown.
    """
    if name not in NAMES:
        raise ValueError(f"[window] unknown window type {name!r}. Expected one of {sorted(NAMES)}, or the values themselves as an array.")
    return ALIASES.get(name, name)


def window(name: str, size: int, periodic: bool = True) -> Array:
    """`size` values of a window; a periodic one ends a step before it would come back to its start.

    Example:
        >>> window("hann", 4), window("bartlett", 3, periodic=False)
        (array([0. , 0.5, 1. , 0.5]), array([0., 1., 0.]))
    """
    name = check(name)
    if size == 1:
        return np.ones(1)
    whole = size + 1 if periodic else size
    n = np.arange(size)
    if name in INNER:
        return np.asarray(INNER[name](n, whole))
    x = n / (whole - 1)
    if name in SHAPES:
        return SHAPES[name](x)
    total = np.zeros(size)
    for k, a in enumerate(COSINE_SUMS[name]):
        total = total + (-1) ** k * a * np.cos(2 * np.pi * k * x)
    return total
