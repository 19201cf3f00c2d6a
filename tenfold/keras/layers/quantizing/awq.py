"""AWQ: weights that meet large inputs are scaled up before they are rounded, and with them the errors down (Lin et al. 2023).

An input whose largest magnitude is m gets the factor m^r; r is tried at even distances from 0 to 1, and the one kept whose errors, weighted
by m^2, are least.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras.layers.quantizing.affine import Affine, Array, fitted

BITS = 4


class Peaks:
    """The largest magnitude of each input of a layer."""

    def __init__(self, size: int) -> None:
        self.largest = np.zeros(size, np.float32)

    def add(self, x: Array) -> None:
        """Takes more inputs, [any number, size]."""
        self.largest = np.maximum(self.largest, np.abs(x).max(axis=0))


def quantized(weights: Array, peaks: Peaks, config: Any) -> dict[str, Array]:
    """What is kept for weights [outputs, inputs]: as for GPTQ, and the "scales" by which inputs' weights were multiplied."""
    inputs = weights.shape[1]
    groups = np.arange(inputs) // (inputs if config.group_size == -1 else config.group_size)
    peak = np.where(peaks.largest < 1e-8, 1, peaks.largest).astype(np.float32)
    trials = [_factors(peak, i / config.num_grid_points) for i in range(config.num_grid_points + 1)]
    losses = [_loss(weights, factors, peak, groups, config.group_size) for factors in trials]
    best = trials[int(np.argmin(losses))]
    q, found = _rounded(weights * best, groups, config.group_size)
    return {"quantized": q.astype(np.uint8), "scale": found.scale, "zero": found.zero, "g_idx": groups.astype(np.float32), "scales": best}


def _factors(peak: Array, ratio: float) -> Array:
    """Powers of the peaks, around 1."""
    powers = np.maximum(peak ** np.float32(ratio), np.float32(1e-4))
    factors: Array = powers / np.maximum(np.sqrt(powers.max() * powers.min()), np.float32(1e-8))
    return factors


def _rounded(weights: Array, groups: Array, size: int) -> tuple[Array, Affine]:
    found = fitted(weights, BITS, size)
    return found.rounded(weights, groups), found


def _loss(weights: Array, factors: Array, peak: Array, groups: Array, size: int) -> float:
    """The mean square of the errors, weighted by the inputs' peaks."""
    q, found = _rounded(weights * factors, groups, size)
    return float(np.mean((weights - found.restored(q, groups) / factors) ** 2 * peak**2))
