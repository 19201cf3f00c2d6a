"""Windows for spectra, in `keras.ops`."""

from __future__ import annotations

import math
from typing import Any

from tenfold.keras.base.defaults import floatx
from tenfold.keras.ops.define import Array
from tenfold.ops import creation, special
from tenfold.ops import elementwise as e


def _places(x: Any) -> Array:
    """From -1 to 1, in x steps; 0 if it is one."""
    count = int(x)
    return creation.cast(creation.linspace(-1.0, 1.0, count) if count > 1 else creation.zeros([max(count, 0)]), floatx())


def bartlett(x: Any) -> Array:
    """A triangle of x points, zero at both ends."""
    return 1 - e.abs(_places(x))


def hamming(x: Any) -> Array:
    """A raised cosine of x points, 0.08 at both ends."""
    return 0.54 + 0.46 * e.cos(_places(x) * math.pi)


def hanning(x: Any) -> Array:
    """A raised cosine of x points, zero at both ends."""
    return 0.5 + 0.5 * e.cos(_places(x) * math.pi)


def blackman(x: Any) -> Array:
    """Two raised cosines of x points, zero at both ends."""
    angle = _places(x) * math.pi
    return 0.42 + 0.5 * e.cos(angle) + 0.08 * e.cos(2 * angle)


def kaiser(x: Any, beta: Any) -> Array:
    """A window of x points from a Bessel function; the larger `beta`, the narrower."""
    places = _places(x)
    beta = creation.cast(beta, places.dtype)
    return special.bessel_i0(beta * e.sqrt(1 - places * places)) / special.bessel_i0(beta)
