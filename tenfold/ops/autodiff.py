"""`tf.autodiff.*`."""

from __future__ import annotations

from tenfold.transform.tape import GradientTape

__all__ = ["GradientTape"]
