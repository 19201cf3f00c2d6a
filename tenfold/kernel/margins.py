"""The margins of padded images: which products meet them, and how to leave those out.

Tiles of neighbouring positions leave out the rows of taps that all of them see in the margin, and read zeros for the rest: for them
images are copied with a margin. Where there are many small images, a tile instead takes one position in several images; then it
leaves out exactly the taps that are not there, and needs no margin.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil, gcd, prod

import numpy as np

from tenfold.kernel.contraction import Table, Vectors
from tenfold.kernel.tiling import Rows, tile_cost

Triple = tuple[int, int, int]
MOST_ROWS = 1 << 16  # of a table


@dataclass(frozen=True, slots=True)
class Group:
    """Tiles of one position in several images: of how many images, and (rows, vectors)."""

    images: int
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Window:
    """Positions of a box and the taps that they see: `starts[d]` [positions, taps] are coordinates in an image of `extent`."""

    count: Triple
    starts: tuple[Table, ...]
    extent: Triple

    @property
    def fractions(self) -> list[float]:
        """How much of the taps is inside the image, in each dimension."""
        inside = [(s >= 0) & (s < e) for s, e in zip(self.starts, self.extent, strict=True)]
        return [float(i.mean()) if i.size else 1.0 for i in inside]

    def ranges(self, d: int) -> Table:
        """[positions, 2]: the first tap inside the image, and the one after the last, in dimension `d`."""
        inside = (self.starts[d] >= 0) & (self.starts[d] < self.extent[d])
        if not inside.size:
            return np.zeros((len(inside), 2), np.int64)
        last = np.where(inside.any(axis=1), inside.shape[1] - inside[:, ::-1].argmax(axis=1), inside.argmax(axis=1))
        return np.stack([inside.argmax(axis=1), last], axis=1)

    def rows(self, group: Group | None, images: int, a: Table, a_image: int, out: Table, out_image: int, run: int) -> Rows:
        """The rows of a contraction: all positions, at `a` and `out` in their images; `run` products for each tap."""
        if group is None:
            return Rows(images * len(a), np.stack([a, out], axis=1), a_image, out_image, self.bounds(run))
        height, together = group.shape[0], group.images
        padded = ceil(together / height) * height  # rows beyond the last image are it once more
        image = np.minimum(np.arange(padded), together - 1)
        places = [(p[:, None] + image * stride).reshape(-1) for p, stride in ((a, a_image), (out, out_image))]
        bounds, runs = self.runs(run)
        count = images // together * len(places[0])
        bounds = np.repeat(bounds, padded, axis=0)
        return Rows(count, np.stack(places, axis=1), together * a_image, together * out_image, bounds, runs)

    def bounds(self, run: int) -> Table | None:
        """For each position the products of its first to its last row of taps inside the image; None if all are."""
        taps = [s.shape[1] for s in self.starts]
        (low0, high0), (low1, high1) = self.ranges(0).T, self.ranges(1).T
        if min(self.fractions[:2]) == 1:
            return None
        first = low0[:, None] * taps[1] + low1[None, :]
        last = (high0[:, None] - 1) * taps[1] + high1[None, :]
        last = np.where((high0 > low0)[:, None] & (high1 > low1)[None, :], last, first)
        ends = np.stack([first.reshape(-1), last.reshape(-1)], axis=1) * (run * taps[2])
        return np.repeat(ends, self.count[2], axis=0)

    def runs(self, run: int) -> tuple[Table, Table]:
        """For each position, the first of its runs of products and the one after the last; and all runs [r, 2]."""
        each = [self.ranges(d) for d in range(3)]
        where = np.indices(self.count).reshape(3, -1)
        seen = np.concatenate([each[d][where[d]] for d in range(3)], axis=1)
        kinds, number = np.unique(seen, axis=0, return_inverse=True)
        taps = [s.shape[1] for s in self.starts]
        runs: list[tuple[int, int]] = []
        spans = []
        for low0, high0, low1, high1, low2, high2 in kinds.tolist():
            begin = len(runs)
            for i, j in product(range(low0, high0), range(low1, high1)):
                first = (i * taps[1] + j) * taps[2]
                piece = ((first + low2) * run, (first + high2) * run)
                if len(runs) > begin and runs[-1][1] == piece[0]:
                    runs[-1] = (runs[-1][0], piece[1])
                elif piece[1] > piece[0]:
                    runs.append(piece)
            spans.append((begin, len(runs)))
        table = np.array(runs or [(0, 0)], np.int64)
        return np.array(spans, np.int64)[number.reshape(-1)], table


def together(
    machine: Vectors, window: Window, images: int, columns: int, image_bytes: int, lanes: int, depthwise: bool
) -> Group | None:  # fmt: skip
    """The images that tiles should take together, where that saves products; None if tiles should take neighbouring positions."""
    fractions, positions = window.fractions, prod(window.count)
    group = next((g for g in range(min(images, 64), 7, -1) if images % g == 0), 0)
    if not group or prod(fractions) > 0.99 or not positions:
        return None
    alone, _ = tile_cost(positions * images, columns, lanes, machine, depthwise)
    cost, shape = tile_cost(group, columns, lanes, machine, depthwise)
    cost *= positions * (images // group) * prod(fractions)
    sets = 64 // gcd(image_bytes // 64, 64) if image_bytes % 64 == 0 else 64  # of the first-level cache, where the rows of a tile begin
    fits = shape[0] <= 8 * sets and positions * ceil(group / shape[0]) * shape[0] <= MOST_ROWS
    return Group(group, shape) if fits and cost < alone * (1 + fractions[0] * fractions[1]) / 2 else None
