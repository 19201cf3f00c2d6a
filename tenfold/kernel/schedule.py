"""What may be chosen about a contraction without changing a bit of its results (of finite numbers)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TASKS = 40  # of a large contraction, about: few, since each reads its part of the operands anew


@dataclass(frozen=True, slots=True)
class Schedule:
    """How a contraction is cut and its operands are prepared; what is None is left to the model of the machine.

    Wishes, not orders: what does not suit a problem is not done. Sums that are cut into pieces, where the tile decides about the
    pieces, follow the model in any case.

    Attributes:
        tile: (rows, vectors) of the tile.
        a: whether `a` is read where it lies, or copied into panels first; or every task copies the rows of a tile when it needs them ("copied").
        b: the same for `b`, with the columns of a panel.
        tasks: about how many there should be.
    """

    tile: tuple[int, int] | None = None
    a: Literal["placed", "packed", "copied"] | None = None
    b: Literal["placed", "packed", "copied"] | None = None
    tasks: int = TASKS


MODEL = Schedule()
