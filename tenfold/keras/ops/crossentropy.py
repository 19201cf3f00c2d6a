"""Cross-entropies, and the signal-to-noise ratio, in `keras.ops`."""

from __future__ import annotations

import math
from typing import Any

from tenfold.core.shapes import differ
from tenfold.keras.activations import logits_of
from tenfold.keras.base.defaults import epsilon
from tenfold.keras.base.promotion import floating
from tenfold.keras.ops.define import Array, operation
from tenfold.ops import cross_entropy, reducing
from tenfold.primitives.arithmetic import cast, log, maximum, minimum
from tenfold.primitives.movement import reshape
from tenfold.primitives.reduction import sum as sum_
from tenfold.tensor.tensor import Tensor


def _check(target: Tensor, output: Tensor) -> None:
    if target.ndim != output.ndim:
        raise ValueError("Arguments `target` and `output` must have the same rank (ndim). "
                         f"Received: target.shape={target.shape}, output.shape={output.shape}")  # fmt: skip
    if any(differ(m, n) for m, n in zip(target.sizes, output.sizes, strict=True)):
        raise ValueError(f"Arguments `target` and `output` must have the same shape. "
                         f"Received: target.shape={target.shape}, output.shape={output.shape}")  # fmt: skip


def _clipped(p: Any) -> Any:
    return minimum(maximum(p, epsilon()), 1 - epsilon())


@operation("nn")
def binary_crossentropy(target: Array, output: Array, from_logits: bool = False) -> Array:
    """-target * log(output) - (1 - target) * log(1 - output), element by element.

    Args:
        target: numbers from 0 to 1.
        output: probabilities, or, with `from_logits`, what the sigmoid is still to be taken of.
        from_logits: see `output`.

    Example:
        >>> binary_crossentropy([1.0, 0.0], [0.5, 0.5]).numpy().round(3)
        array([0.693, 0.693], dtype=float32)
    """
    _check(target, output)
    logits = output if from_logits else logits_of(output, "sigmoid")
    if logits is not None:
        return cross_entropy.sigmoid_cross_entropy_with_logits(cast(target, logits.dtype), logits)
    p, z = _clipped(output), cast(target, output.dtype)
    return -z * log(p) - (1 - z) * log(1 - p)


@operation("nn")
def categorical_crossentropy(target: Array, output: Array, from_logits: bool = False, axis: int = -1) -> Array:
    """-sum(target * log(output)) along `axis`.

    Args:
        target: probabilities, e.g. one-hot.
        output: probabilities (or positive numbers: they are divided by their sum), or, with `from_logits`, what the softmax is still to be taken of.
        from_logits: see `output`.
        axis: along which the classes lie.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(3)
        array([0.693], dtype=float32)
    """
    if target.ndim < 1:
        raise ValueError("Arguments `target` and `output` must be at least rank 1. "
                         f"Received: target.shape={target.shape}, output.shape={output.shape}")  # fmt: skip
    _check(target, output)
    logits = output if from_logits else logits_of(output, "softmax")
    if logits is not None:
        return cross_entropy.softmax_cross_entropy_with_logits(cast(target, logits.dtype), logits, axis)
    p = _clipped(output / sum_(output, axis, True))
    return -sum_(cast(target, p.dtype) * log(p), axis)


@operation("nn")
def sparse_categorical_crossentropy(target: Array, output: Array, from_logits: bool = False, axis: int = -1) -> Array:
    """-log(output[target]) along the last axis: `categorical_crossentropy` for class numbers.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy().round(3)
        array([0.693], dtype=float32)
    """
    if axis not in (-1, output.ndim - 1):
        raise ValueError(f"Only axis=-1 is currently supported. Received: axis={axis}")
    if output.ndim < 1:
        raise ValueError(f"Argument `output` must be at least rank 1. Received: output.shape={output.shape}")
    if target.ndim == output.ndim and target.sizes[-1] == 1:
        target = reshape(target, target.sizes[:-1])
    if target.ndim != output.ndim - 1:
        raise ValueError(f"Argument `output` must have rank (ndim) `target.ndim - 1`. Received: target.shape={target.shape}, "
                         f"output.shape={output.shape}")  # fmt: skip
    if any(differ(m, n) for m, n in zip(target.sizes, output.sizes[:-1], strict=True)):
        raise ValueError("Arguments `target` and `output` must have the same shape up until the last dimension: "
                         f"target.shape={target.shape}, output.shape={output.shape}")  # fmt: skip
    logits = output if from_logits else logits_of(output, "softmax")
    logits = log(_clipped(output)) if logits is None else logits
    return cross_entropy.sparse_softmax_cross_entropy_with_logits(cast(target, "int64"), logits)


@operation("nn", kind="PSNR", dtype=floating)
def psnr(x1: Array, x2: Array, max_val: float) -> Array:
    """The peak signal-to-noise ratio in decibels: 20 log10(max_val) - 10 log10(mean((x1 - x2)²)).

    Example:
        >>> psnr([0.0, 0.1], [0.0, 0.0], max_val=1.0).numpy().round(2)
        np.float32(23.01)
    """
    if x1.ndim != x2.ndim or any(differ(m, n) for m, n in zip(x1.sizes, x2.sizes, strict=True)):
        raise ValueError(f"Input shapes {x1.shape} and {x2.shape} must match for PSNR calculation.")
    error = reducing.reduce_mean((x1 - x2) * (x1 - x2))
    return 20 * math.log10(max_val) - log(error) * (10 / math.log(10))
