"""Whether a group reads the results of its reductions where they belong: a kernel has only the result of the row at hand.

sum(x, 1)[:, None] + x does; sum(x, 1) + x, with a square x, wants the results of all rows at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tenfold.compiler.lower import is_kept
from tenfold.compiler.program import Group, Uses, is_view, reducible, squeezed
from tenfold.ir.graph import Value

Index = tuple[int | None, ...]  # for each dimension of a value, the dim of the group's space that runs through it; None: size 1


def in_step(group: Group, uses: Uses) -> bool:
    """Whether every result is read by what is computed for the same row, or after all rows are done."""
    if len(set(squeezed(group.space))) == len(squeezed(group.space)):
        return True  # sizes tell the dimensions apart
    dims = [d for d, n in enumerate(group.space) if n != 1]
    kept = [d for d in dims if d not in group.reduced]
    reader = _Reader(group, uses, kept)
    for node in group.nodes:
        v = node.inputs[0] if reducible(node) else node.outputs[0]
        places = kept if is_kept(v, group) and not reducible(node) else dims
        if squeezed(v.spec.shape) == tuple(group.space[d] for d in places) and not reader.fits(v, _spread(v.spec.shape, places)):
            return False
    return True


class _Reader:
    """Follows an index from a value to what it is computed from, as the kernel's expressions do."""

    def __init__(self, group: Group, uses: Uses, kept: Sequence[int]) -> None:
        self._inside = set(group.nodes)
        self._uses = uses
        self._kept = list(kept)
        self._seen: set[tuple[Value, Index]] = set()

    def fits(self, v: Value, index: Index) -> bool:
        """Whether all results behind the element of `v` at `index` are those of the row at hand."""
        node = self._uses.maker.get(v)
        if node is None or node not in self._inside or (v, index) in self._seen:
            return True
        self._seen.add((v, index))
        shape = v.spec.shape
        moving = [i for i, n in zip(index, shape, strict=True) if n != 1]
        if reducible(node):
            return moving == self._kept
        if is_view(node):
            return self.fits(node.inputs[0], _spread(node.inputs[0].spec.shape, moving))
        return all(self.fits(x, _aligned(x.spec.shape, index)) for x in node.inputs)


def _spread(shape: Sequence[Any], moving: Iterable[int | None]) -> Index:
    rest = iter(moving)
    return tuple(None if n == 1 else next(rest) for n in shape)


def _aligned(shape: Sequence[Any], index: Index) -> Index:
    return tuple(None if n == 1 else i for n, i in zip(shape, index[len(index) - len(shape) :], strict=True))
