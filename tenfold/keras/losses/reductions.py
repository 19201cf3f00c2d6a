"""What losses and metrics share: fitting shapes to each other, masks, weights and the reduction to a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tenfold.core import nest
from tenfold.core.dtypes import DType, as_dtype
from tenfold.core.shapes import Sym
from tenfold.keras.base import defaults
from tenfold.keras.base.untyped import array, as_tensor, math
from tenfold.primitives.arithmetic import cast
from tenfold.primitives.movement import expand_dims, reshape
from tenfold.tensor.tensor import Tensor

REDUCTIONS = ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None)


def each_tensor(function: Callable[[Any], Any], structure: Any) -> Any:
    """`function` of each tensor in a structure; lists of numbers count as tensors."""
    leaves = nest.flatten(structure)
    if nest.is_nested(structure) and leaves and not all(isinstance(leaf, (int, float)) for leaf in leaves):
        return nest.map_structure(function, structure)
    return function(structure)


def squeeze_to_same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """The two tensors, the one with an extra last axis of size 1 without it."""
    if a.ndim == b.ndim + 1 and a.sizes[-1] == 1:
        a = _drop_last(a)
    elif b.ndim == a.ndim + 1 and b.sizes[-1] == 1:
        b = _drop_last(b)
    return a, b


def _drop_last(x: Any) -> Any:
    return reshape(x, x.sizes[:-1])


def count(x: Tensor) -> Any:
    """The number of elements."""
    total: Any = 1
    unknown = False
    for n in x.sizes:
        unknown = unknown or isinstance(n, Sym)
        total = total * n
    if unknown:
        return math.reduce_prod(array.shape(x))
    return as_tensor(float(total))


def with_mask(weight: Any, mask: Any, dtype: DType) -> Any:
    """The weights, 0 where the mask is false."""
    mask = cast(mask, dtype)
    if weight is None:
        return mask
    while weight.ndim < mask.ndim:
        weight = expand_dims(weight, -1)
    while mask.ndim < weight.ndim:
        mask = expand_dims(mask, -1)
    return weight * mask


def check_reduction(reduction: Any) -> None:
    """Raises ValueError unless it is a known reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"Invalid value for argument `reduction`. Expected one of {REDUCTIONS}. Received: reduction={reduction}")


def reduce_weighted_values(values: Any, sample_weight: Any = None, mask: Any = None, reduction: Any = "sum_over_batch_size",
                           dtype: Any = None) -> Any:  # fmt: skip
    """Values times weights, where the mask is true, reduced to a number (or not, with "none")."""
    wanted = as_dtype(dtype or defaults.floatx())
    values = cast(as_tensor(values, hint=wanted), wanted)
    if sample_weight is not None:
        sample_weight = cast(as_tensor(sample_weight, hint=wanted), wanted)
    if mask is not None:
        sample_weight = mean_preserving_mask(sample_weight, mask, reduction, wanted)
    if sample_weight is not None:
        values, sample_weight = squeeze_to_same_rank(values, sample_weight)
        _check_weight(values, sample_weight)
        while sample_weight.ndim < values.ndim:
            sample_weight = expand_dims(sample_weight, -1)
        values = values * sample_weight
    if reduction in (None, "none"):
        return values
    total = math.reduce_sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        divisor = math.reduce_sum(sample_weight + 0 * values if sample_weight.sizes != values.sizes else sample_weight)
    else:
        divisor = cast(count(values), wanted)
    return math.divide_no_nan(total, divisor)


def mean_preserving_mask(weight: Any, mask: Any, reduction: Any, dtype: DType) -> Any:
    """The mask as weights; scaled so that "sum_over_batch_size" divides by the number of unmasked values."""
    mask = cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        mask = mask * math.divide_no_nan(cast(count(mask), dtype), math.reduce_sum(mask))
    return with_mask(weight, mask, dtype)


def _check_weight(values: Any, weight: Any) -> None:
    known = [(a, b) for a, b in zip(weight.sizes, values.sizes, strict=False) if isinstance(a, int) and isinstance(b, int)]
    if weight.ndim > values.ndim or any(a not in (1, b) for a, b in known):
        raise ValueError(
            f"[sample_weight] does not fit the loss values. Expected one weight per example, of a shape like {tuple(values.shape)} "
            f"or its first axes; received {tuple(weight.shape)}."
        )
