"""How contractions are cut into tasks, and long sums into pieces: by their shape alone, never by the number of threads."""

from __future__ import annotations

from math import ceil, sqrt

from tenfold.kernel.schedule import TASKS

TASK = 8_000  # multiply-add vectors of one task, at least: about 2 microseconds
FOLDS = 24  # tasks wanted of a sum that is cut


def cut(tiles: int, panels: int, cycles: float, panel_bytes: int, cache: int, tasks: int = TASKS) -> tuple[int, int]:
    """(tiles, panels) of one of about `tasks` tasks, for `tiles` x `panels` tiles of `cycles` each; a task's panels stay in the
    second-level cache."""
    n_task = min(panels, max(cache // max(panel_bytes, 1), 1))
    n_task = ceil(panels / ceil(panels / n_task))
    wanted = max(min(int(tiles * panels * cycles / TASK), tasks), 1)
    across = ceil(panels / n_task)
    m_task = max(tiles * across // wanted, 1)
    if ceil(tiles / m_task) * across < min(wanted, 8):
        n_task = max(n_task * tiles * across // wanted, 1)
    return m_task, n_task


def split(tiles: int, inner: tuple[int, int], output: int, streamed: int, copies: int, cache: int) -> tuple[int, int]:
    """(tiles of one task, pieces of the sum) of a contraction with a long sum, of `inner` products and blocks, and a small output, `output` and
    `streamed` bytes.

    Cutting the rows reads the operands again, cutting the sum writes the output again: cuts both so as to move the fewest bytes, and
    so that a task's part of the output stays in the second-level cache.
    """
    (count, blocks), wanted = inner, ceil(FOLDS / copies)
    chunks = max(round(sqrt(wanted * 2 * output / max(streamed, 1))), ceil(output * 2 / cache), 1)
    most = min(count // 256, (1 << 24) // max(output * copies, 1), blocks)
    pieces = evenly(blocks, max(min(ceil(wanted / chunks), most), 1), max(most, 1))
    chunks = evenly(tiles, min(max(chunks, ceil(wanted / pieces)), tiles), tiles)
    return ceil(tiles / chunks), pieces


def evenly(total: int, parts: int, most: int) -> int:
    """About `parts`, at most `most`, such that `total` things fall into parts of nearly equal size."""
    choices = range(max(ceil(parts * 0.7), 1), max(min(parts * 3 // 2, most), parts) + 1)
    return min(choices, key=lambda p: (ceil(total / p) * p / total - 1) + abs(p - parts) / (8 * parts))
