"""Axes rearranged by a pattern of their names, in `keras.ops`."""

from __future__ import annotations

import re
from math import prod
from typing import Any

from tenfold.keras.ops.define import Array, operation
from tenfold.primitives.movement import reshape, transpose


def _groups(side: str) -> list[list[str]]:
    """The axes of one side of a pattern; those in parentheses are one axis of the tensor."""
    return [re.findall(r"\w+", part) for part in re.findall(r"\w+|\(.*?\)", side)]


def _lengths(groups: list[list[str]], sizes: Any, known: dict[str, Any]) -> dict[str, Any]:
    """The size of each named axis; in each group one may be unknown."""
    found = dict(known)
    for group, n in zip(groups, sizes, strict=True):
        unknown = [axis for axis in group if axis not in found]
        given = prod(found[axis] for axis in group if axis in found)
        if len(unknown) > 1 or (isinstance(n, int) and (n % given if unknown else n != given)):
            raise ValueError(f"[rearrange] the lengths of {group} do not fit a size of {n}. Received: {known}")
        found.update((axis, n // given) for axis in unknown)
    return found


@operation("einops")
def rearrange(tensor: Array, pattern: str, **axes_lengths: int) -> Array:
    """The axes in another order, split or merged, as a pattern says: names of axes before and after, merged ones in parentheses.

    Args:
        tensor: the data.
        pattern: e.g. "b (h w) c -> b h w c".
        axes_lengths: sizes of split axes; one of each may be left out.

    Example:
        >>> rearrange(tf.ones([2, 12, 3]), "b (h w) c -> b c h w", h=4).shape
        TensorShape([2, 3, 4, 3])

    Raises:
        ValueError: the pattern does not fit.
    """
    sides = re.split(r"\s*->\s*", pattern)
    groups = [_groups(side) for side in sides]
    names = [[axis for group in side for axis in group] for side in groups]
    if len(groups) != 2 or sorted(names[0]) != sorted(names[1]) or len(groups[0]) != tensor.ndim:
        raise ValueError(f"[rearrange] the pattern {pattern!r} does not name each of the {tensor.ndim} axes once on both sides.")
    before, after = groups
    lengths = _lengths(before, tensor.sizes, axes_lengths)
    split = reshape(tensor, [lengths[axis] for axis in names[0]])
    ordered = transpose(split, [names[0].index(axis) for axis in names[1]])
    return reshape(ordered, [prod(lengths[axis] for axis in group) for group in after])
