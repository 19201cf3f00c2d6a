"""GPTQ: columns of weights rounded one after the other, the later ones making up for the errors (Frantar et al. 2022).

With inputs X the outputs change by dW X, and so the loss by dW H dW^T with H = X X^T. Once column j is rounded, with the error e, the
columns behind it lose the least if they change by -e / (H^-1)[j, j] * (H^-1)[j, behind]. Keras takes H^-1 itself for all columns, not
the inverse of what is left of H; this is what is done here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tenfold.keras.layers.quantizing.affine import Affine, Array, fitted

BLOCK = 128  # columns, whose effect on all later ones is added up first


class Gram:
    """Twice the mean of x x^T over the inputs x of a layer."""

    def __init__(self, size: int) -> None:
        self.matrix: Array = np.zeros((size, size), np.float32)
        self.count = 0

    def add(self, x: Array) -> None:
        """Takes more inputs, [any number, size]."""
        total = self.count + len(x)
        self.matrix = self.matrix * np.float32(self.count / total) + np.float32(2 / total) * (x.T @ x)
        self.count = total


def quantized(weights: Array, gram: Gram, config: Any) -> dict[str, Array]:
    """What is kept for weights [outputs, inputs]: "quantized" integers, "scale" and "zero" [outputs, groups], "g_idx" of each input."""
    hessian = _damped(gram.matrix, config.hessian_damping)
    inputs = weights.shape[1]
    order = np.argsort(-np.diag(hessian), kind="stable") if config.activation_order else np.arange(inputs)
    inverse = np.linalg.inv(hessian)[np.ix_(order, order)]
    size = inputs if config.group_size == -1 else config.group_size
    q, scale, zero = _columns(weights[:, order], inverse, size, config)
    back = np.argsort(order)
    return {"quantized": q[:, back], "scale": scale, "zero": zero, "g_idx": (np.arange(inputs) // size)[back].astype(np.float32)}


def _damped(hessian: Array, damping: float) -> Array:
    """The matrix with a positive diagonal: inputs that never came get 1, all a part of the mean."""
    diagonal = np.where(np.diag(hessian) == 0, 1, np.diag(hessian)).astype(np.float32)
    damped = hessian.copy()
    np.fill_diagonal(damped, diagonal + np.float32(damping) * diagonal.mean())
    return damped


def _columns(weights: Array, inverse: Array, size: int, config: Any) -> tuple[Array, Array, Array]:
    """Integers, scales and zero points; those of a group from its weights as the blocks before have left them."""
    left, q = weights.copy(), np.zeros(weights.shape, np.uint8)
    count = weights.shape[1]
    found: list[Affine] = []
    for begin in range(0, count, BLOCK):
        end = min(begin + BLOCK, count)
        block, errors = left[:, begin:end].copy(), np.zeros((len(left), end - begin), left.dtype)
        for j in range(begin, end):
            if j % size == 0:
                found.append(fitted(left[:, j : j + size], config.weight_bits, -1, config.symmetric, config.per_channel))
            column = block[:, j - begin : j - begin + 1]
            rounded = found[-1].rounded(column)
            q[:, j : j + 1] = rounded
            error = (column - found[-1].restored(rounded)) / inverse[j, j]
            errors[:, j - begin : j - begin + 1] = error
            block[:, j - begin + 1 :] -= error * inverse[j, j + 1 : end]
        left[:, end:] -= errors @ inverse[begin:end, end:]
    scales, zeros = (np.concatenate([getattr(f, name) for f in found], axis=1) for name in ("scale", "zero"))
    return q, scales, zeros
