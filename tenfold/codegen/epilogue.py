"""Writes what becomes of an accumulated vector when it is stored: an `Epilogue`'s expression, a vector of columns at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tenfold.codegen.instructions import Instructions, mangle, memory, register
from tenfold.codegen.text import Text
from tenfold.core import dtypes
from tenfold.kernel.contraction import Epilogue
from tenfold.kernel.loops import Expr, walk


@dataclass(frozen=True, slots=True)
class Place:
    """A vector of the output: its row and first column (i64 scalars), and the mask of the columns that exist ("" for all)."""

    row: str
    column: str
    mask: str


def apply(text: Text, isa: Instructions, epilogue: Epilogue, x: str, place: Place, extras: Sequence[str]) -> str:
    """The value of `epilogue` for accumulator `x`."""
    raise NotImplementedError


def text_of(epilogue: Epilogue) -> str:
    """The structure of an epilogue, for keys."""
    numbers: dict[int, int] = {}
    lines = []
    for i, e in enumerate(walk(epilogue.value)):
        numbers[id(e)] = i
        lines.append(f"{e.op} {e.dtype.name} {e.attr} {[numbers[id(a)] for a in e.args]}")
    return ";".join([str([d.name for d in epilogue.extras]), *lines])
