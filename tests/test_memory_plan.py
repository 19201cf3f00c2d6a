"""Where temporaries are put: no two of those alive at once overlap, and each is where the first gap is that it fits in."""

from __future__ import annotations

import numpy as np

from tenfold.compiler.lower import Call, Scratch
from tenfold.compiler.memory import ALIGN, plan_memory


def call(*used: Scratch) -> Call:
    return Call(None, 1, used, used, used, "")


def first_fit(lives: list[tuple[Scratch, int, int]]) -> dict[Scratch, int]:
    """The same by looking at every multiple of the alignment."""
    offsets: dict[Scratch, int] = {}
    for thing, first, last in sorted(lives, key=lambda life: (-life[0].nbytes, life[1])):
        others = [(offsets[t], t.nbytes) for t, since, until in lives if t in offsets and since <= last and first <= until]
        offset = 0
        while any(start < offset + thing.nbytes and offset < start + size for start, size in others):
            offset += ALIGN
        offsets[thing] = offset
    return offsets


def test_first_fit_among_those_alive() -> None:
    rng = np.random.default_rng(0)
    for count, longest in ((40, 5), (120, 90), (300, 40)):
        calls = 2 * count
        lives = []
        for _ in range(count):
            first = int(rng.integers(calls - 1))
            lives.append((Scratch(int(rng.integers(1, 500))), first, min(calls - 1, first + int(rng.integers(longest)))))
        used: list[list[Scratch]] = [[] for _ in range(calls)]
        for thing, first, last in lives:
            used[first].append(thing)
            used[last].append(thing)
        layout = plan_memory([call(*things) for things in used], {thing for thing, *_ in lives})
        assert layout.offsets == first_fit(lives)
        assert layout.nbytes == max(-(-(layout.offsets[t] + t.nbytes) // ALIGN) * ALIGN for t, *_ in lives)
